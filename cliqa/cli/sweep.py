"""`cliqa sweep`: a grid of runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.context import (
    let_threads_sleep,
    make_console,
    refuse_several_processes,
    registry,
)
from cliqa.cli.run import print_caveats, tell_of_signal
from cliqa.cli.tables import print_table
from cliqa.registry.component import KINDS
from cliqa.resume import Interrupted, Interrupts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cliqa.sweep import CellState, Plan, SweepFolder

#: What a shell reports for a process that Ctrl-C ended.
_INTERRUPTED: Final = 130


@click.command()
@click.argument("grid")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the sweep, default sweeps/NAME; a sweep that is there already goes on.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value in all runs, for example --set train.epochs=2.",
)
@click.option("--dry-run", is_flag=True, help="Print what there is to run, and run nothing.")
@click.option("--fail-fast", is_flag=True, help="Stop after the first run that fails.")
@click.option("--quiet", is_flag=True, help="Print the result only, no progress.")
@click.pass_context
def sweep(
    ctx: click.Context,
    grid: str,
    out: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    fail_fast: bool,
    quiet: bool,
) -> None:
    """Train and evaluate every run of GRID: a .yaml file, or a shipped recipe that is a grid.

    All configurations are checked before the first is run. Runs that are finished are kept, so the
    same command goes on after an interruption, and tries again what failed.
    """
    from cliqa.sweep import SweepFolder, plan_sweep

    refuse_several_processes("sweep")
    plan = plan_sweep(
        grid, overrides=overrides, registry_factory=lambda files: registry(ctx, files)
    )
    folder, console = SweepFolder(out or Path("sweeps") / plan.name), make_console()
    states = folder.check(plan)  # before the lock, which writes
    if dry_run:
        _print_plan(plan, folder, states, console)
        return
    with folder.locked():
        states = folder.check(plan)
        folder.write(plan)
        if not quiet:
            _print_head(plan, folder, states, console)
        try:
            _run(plan, folder, states, None if quiet else console, fail_fast)
        except KeyboardInterrupt as stop:
            folder.write(plan)
            _print_left(plan, folder, console)
            ctx.exit(stop.exit_code if isinstance(stop, Interrupted) else _INTERRUPTED)
        folder.write(plan)
    if not _print_result(plan, folder, console):
        ctx.exit(1)


def _run(
    plan: Plan,
    folder: SweepFolder,
    states: Mapping[str, CellState],
    console: Console | None,
    fail_fast: bool,
) -> None:
    from cliqa.sweep import CellState

    cells = [cell for cell in plan.cells if states[cell.name] is not CellState.DONE]
    if not cells:
        return
    let_threads_sleep()
    # After the first lines: torch takes seconds to load.
    from cliqa.cli.sweep_progress import SweepProgress
    from cliqa.sweep.execute import run_cells

    observer = SweepProgress(console) if console else None
    with Interrupts(tell_of_signal) as interrupts:
        run_cells(cells, folder, observer=observer, fail_fast=fail_fast, interrupts=interrupts)


def _print_head(
    plan: Plan, folder: SweepFolder, states: Mapping[str, CellState], console: Console
) -> None:
    if plan.description:
        _say(console, plan.description)
    _say(console, headline(plan, states))
    for note in folder.notes(plan, states):
        _say(console, f"note: {note}")


def headline(plan: Plan, states: Mapping[str, CellState]) -> str:
    """How many runs there are, of what, and how far they are, in one line."""
    from cliqa.sweep import CellState

    axes = " x ".join(_axis_words(axis.name, axis.short, len(axis.points)) for axis in plan.axes)
    text = f"{_count(len(plan.cells), 'run')}: {axes}"
    counts = Counter(states.values())
    words = {
        CellState.DONE: "already there",
        CellState.UNFINISHED: "unfinished, to be gone on with",
        CellState.FAILED: "failed before, to be tried again",
    }
    found = [f"{counts[state]} {text}" for state, text in words.items() if counts[state]]
    return "; ".join([text, ", ".join(found)]) if found else text


def _axis_words(name: str, short: str, size: int) -> str:
    """`3 seeds`, `2 strategies`; a key that is a plural already has values."""
    if size > 1 and short.endswith("s"):
        return f"{size} values of {short}"
    plural = KINDS[name][0] if name in KINDS else f"{short}s"
    return f"{size} {plural if size > 1 else short}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _print_plan(
    plan: Plan, folder: SweepFolder, states: Mapping[str, CellState], console: Console
) -> None:
    _print_head(plan, folder, states, console)
    rows = [(cell.name, states[cell.name].value) for cell in plan.cells]
    print_table(("run", "state"), rows)


def _print_left(plan: Plan, folder: SweepFolder, console: Console) -> None:
    from cliqa.sweep import CellState

    counts = Counter(folder.states(plan).values())
    done, failed = counts[CellState.DONE], counts[CellState.FAILED]
    left = len(plan.cells) - done - failed
    _say(
        console,
        f"interrupted: {done} done, {failed} failed, {left} left; the same command goes on from "
        "here",
    )


def _print_result(plan: Plan, folder: SweepFolder, console: Console) -> bool:
    """Print the table and what failed; returns whether every run is done."""
    from cliqa.results import to_rich
    from cliqa.sweep import CellState, finished_bundles, sweep_table

    states = folder.states(plan)
    console.print(to_rich(sweep_table(plan, folder, states)))
    runs = [bundle.run for _, bundle in finished_bundles(plan, folder, states)]
    told = {g for run in runs for g, gate in run["gates"].items() if gate["uses_task_id"]}
    print_caveats(sorted(told), any(run["pseudo_scores"] for run in runs), console)
    failures = [
        folder.failure(cell.name) for cell in plan.cells if states[cell.name] is CellState.FAILED
    ]
    left = sum(state in {CellState.NEW, CellState.UNFINISHED} for state in states.values())
    if failures:
        lines = [f"  {f.cell}: {f.message}" for f in failures if f is not None]
        click.echo("\n".join([f"{_count(len(failures), 'run')} failed:", *lines]), err=True)
    if left:
        click.echo(f"{_count(left, 'run')} not run", err=True)
    _say(console, f"Result: {folder.path}")
    return not failures and not left


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
