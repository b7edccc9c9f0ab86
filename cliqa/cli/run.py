"""`cliqa run`: train and evaluate a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cliqa.cli.context import let_threads_sleep, make_console, registry
from cliqa.distributed import launched
from cliqa.resume import Interrupts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from cliqa.config import ResolvedConfig
    from cliqa.run import RunReport
    from cliqa.stages import StageStore


#: A matrix of more tasks fits no terminal.
_WIDEST_MATRIX: Final = 8


@click.command()
@click.argument("config")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the result; default: runs/NAME, or runs/NAME-2, ... where that is taken. A run "
    "that was cut off goes on.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value, for example --set train.epochs=2; may be given several times.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace a finished run in --out; start one that was cut off over.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Folder of trained stages that runs share: take from it what another run has trained, and "
    "keep there what this one trains; default: `store` of CONFIG, or none.",
)
@click.option("--quiet", is_flag=True, help="Print the result only, no progress.")
@click.pass_context
def run(
    ctx: click.Context,
    config: str,
    out: Path | None,
    overrides: tuple[str, ...],
    force: bool,
    store: Path | None,
    quiet: bool,
) -> None:
    """Train and evaluate CONFIG: the name of a shipped recipe, or a .yaml file.

    `cliqa list recipes` prints the recipes, `cliqa show recipe NAME` their text.

    After an interruption the same command goes on where it was, and gives the same result. Ctrl-C
    and SIGTERM save first (exit codes 130 and 143); a second one stops at once.

    On several GPUs, or for trials on several processor cores: `torchrun --nproc-per-node N -m cliqa
    run CONFIG`.
    """
    from cliqa.config import load_config
    from cliqa.results import check_folder
    from cliqa.stages import chosen_store

    first = launched().rank == 0
    resolved = load_config(
        config,
        overrides=overrides,
        registry_factory=lambda files: registry(ctx, files, report=first),
    )
    if not first:  # what process 0 finds out of the folder it tells, and it alone prints
        _run(resolved, out or Path("runs"), force, None, quiet=True, console=None)
        return
    folder = out or _own_folder(Path("runs"), resolved, force=force)
    check_folder(folder, force=force)  # again later, but torch takes seconds to load
    console = make_console()
    report = _run(resolved, folder, force, chosen_store(store), quiet=quiet, console=console)
    _print_report(report, [metric.label for metric in resolved.metrics], console)


def _run(
    config: ResolvedConfig,
    folder: Path,
    force: bool,
    store: StageStore | None,
    *,
    quiet: bool,
    console: Console | None,
) -> RunReport:
    let_threads_sleep()
    follows = launched().rank > 0
    with Interrupts(None if follows else tell_of_signal, follows=follows) as interrupts:
        how: Any = {"force": force, "interrupts": interrupts, "store": store}
        if quiet or console is None:
            from cliqa.run import run

            return run(config, folder, **how)
        from cliqa.cli.progress import TerminalProgress

        with TerminalProgress(console) as progress:
            progress.opening(config)
            from cliqa.run import run  # after the first line: torch takes seconds to load

            return run(config, folder, observer=progress, **how)


def tell_of_signal(text: str) -> None:
    """Answer a signal that is waited for, on the terminal."""
    click.echo(text, err=True)


def _own_folder(parent: Path, config: ResolvedConfig, *, force: bool) -> Path:
    """`runs/NAME`, or `runs/NAME-2`, `-3`, ... if that holds something else.

    A run of the same configuration that was cut off, and that nobody is at work on, goes on.
    """
    from cliqa.results import FolderState, folder_state

    name, number = config.source_name, 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        state = folder_state(folder)
        if state is FolderState.NEW:
            return folder
        if state is FolderState.UNFINISHED and not force and _goes_on(folder, config):
            return folder
        number += 1


def _goes_on(folder: Path, config: ResolvedConfig) -> bool:
    from cliqa.results.layout import LOCK
    from cliqa.results.lock import is_locked

    if is_locked(folder / LOCK):
        return False
    from cliqa.resume import ResumeStore  # loads torch, and so only where there is something
    from cliqa.run.identity import configuration

    state = ResumeStore(folder).read_state()
    return state is not None and state["identity"]["config"] == configuration(config)


def _print_report(report: RunReport, metrics: list[str], console: Console) -> None:
    from cliqa.results import (
        cost_table,
        final_table,
        matrix_table,
        summary_table,
        to_rich,
        unseen_table,
    )

    console.print(to_rich(summary_table(report.results.items(), metrics)))
    if max(len(result["tasks"]) for result in report.results.values()) > _WIDEST_MATRIX:
        console.print(to_rich(final_table(report.results.items())))
        console.print("SRCC after every stage: cliqa report")
    else:
        for label, result in report.results.items():
            console.print(to_rich(matrix_table(label, result, next(iter(result["gates"])))))
    if unseen := unseen_table(report.results.items()):
        console.print(to_rich(unseen))
    console.print(to_rich(cost_table(report.costs.items())))
    print_caveats(report.told_task_id, report.pseudo_scores, console)
    console.print(f"{report.seconds:.0f} s. Result: {report.folder}", soft_wrap=True)


def print_caveats(
    told_task_id: Sequence[str], pseudo_scores: Mapping[str, bool], console: Console
) -> None:
    """Say below a table what its numbers are not.

    Args:
        told_task_id: labels of the gates that are told the task id.
        pseudo_scores: test set -> whether no human rated its very images.
        console: where to say it.
    """
    if told_task_id:
        gates = ", ".join(told_task_id)
        console.print(f"Told which task an image is from, which users cannot tell: {gates}.")
        console.print("· not evaluated: no head has learned that task yet.")
    from cliqa.results import pseudo_note

    if note := pseudo_note(pseudo_scores):
        console.print(note, markup=False, highlight=False)
