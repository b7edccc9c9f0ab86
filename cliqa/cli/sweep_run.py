"""`cliqa sweep run`: every run of a grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.context import let_threads_sleep, make_console, registry
from cliqa.cli.run import tell_of_signal
from cliqa.cli.sweep_engine import engine_options
from cliqa.cli.sweep_words import print_head, print_left, print_plan, print_result
from cliqa.resume import Interrupted, Interrupts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rich.console import Console

    from cliqa.cli.sweep_engine import Engine
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
@click.option(
    "--dry-run", "--plan", is_flag=True, help="Print what there is to run, and run nothing."
)
@engine_options
@click.pass_context
def run(
    ctx: click.Context,
    grid: str,
    out: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    engine: Engine,
) -> None:
    """Train and evaluate every run of GRID: a .yaml file, or a shipped recipe that is a grid.

    All configurations are checked before the first is run. Runs that are finished are kept, so the
    same command goes on after an interruption, and tries again what failed.
    """
    from cliqa.sweep import SweepFolder, plan_sweep

    plan = plan_sweep(
        grid, overrides=overrides, registry_factory=lambda files: registry(ctx, files)
    )
    folder = SweepFolder(out or Path("sweeps") / plan.name)
    if dry_run:
        print_plan(plan, folder, folder.check(plan), make_console())
        return
    carry_out(ctx, plan, folder, engine)


def carry_out(
    ctx: click.Context,
    plan: Plan,
    folder: SweepFolder,
    engine: Engine,
    only: Collection[CellState] | None = None,
) -> None:
    """Run what is left of a sweep, show what came out, and exit with 1 if something is missing.

    Args:
        ctx: the command's context.
        plan: the sweep.
        folder: where it lies.
        engine: what runs it.
        only: run the cells in these states only; default: all that are not done.
    """
    console = make_console()
    folder.check(plan)  # before the lock, which writes
    with folder.locked():
        states = folder.check(plan)
        folder.write(plan)
        if not engine.quiet:
            print_head(plan, folder, states, console)
        try:
            _run(ctx, plan, folder, states, engine, None if engine.quiet else console, only)
        except KeyboardInterrupt as stop:
            folder.write(plan)
            print_left(plan, folder, console)
            ctx.exit(stop.exit_code if isinstance(stop, Interrupted) else _INTERRUPTED)
        folder.write(plan)
    if not print_result(plan, folder, console):
        ctx.exit(1)


def _run(
    ctx: click.Context,
    plan: Plan,
    folder: SweepFolder,
    states: Mapping[str, CellState],
    engine: Engine,
    console: Console | None,
    only: Collection[CellState] | None,
) -> None:
    from cliqa.sweep import CellState

    wanted = only or set(CellState) - {CellState.DONE}
    cells = [cell for cell in plan.cells if states[cell.name] in wanted]
    if not cells:
        return
    let_threads_sleep()
    from cliqa.cli.sweep_progress import ParallelProgress, SweepProgress
    from cliqa.sweep.execute import run_cells

    shown = SweepProgress if engine.in_process else ParallelProgress
    observer = shown(console) if console else None
    # After the first lines: torch takes seconds to load.
    with (
        Interrupts(tell_of_signal) as interrupts,
        engine.pool(ctx, cells, folder, observer, interrupts) as pool,
    ):
        run_cells(
            cells,
            folder,
            pool,
            observer=observer,
            retries=engine.retries,
            fail_fast=engine.fail_fast,
            interrupts=interrupts,
        )
