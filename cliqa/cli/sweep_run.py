"""`cliqa sweep run`: every run of a grid."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.context import (
    let_threads_sleep,
    make_console,
    refuse_several_processes,
    registry,
)
from cliqa.cli.run import tell_of_signal
from cliqa.cli.sweep_engine import engine_options
from cliqa.cli.sweep_words import print_head, print_left, print_plan, print_result
from cliqa.resume import Interrupted, Interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rich.console import Console

    from cliqa.cli.sweep_engine import Engine
    from cliqa.stages import StageStore
    from cliqa.sweep import Cell, CellState, Plan, StagePlan, SweepFolder

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
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Folder of trained stages that these runs share with others; default: a store of their "
    "own in the sweep's folder, for what several of them need.",
)
@click.option("--no-store", is_flag=True, help="Let every run train all of its stages itself.")
@engine_options
@click.pass_context
def run(
    ctx: click.Context,
    grid: str,
    out: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    store: Path | None,
    no_store: bool,
    engine: Engine,
) -> None:
    """Train and evaluate every run of GRID: a .yaml file, or a shipped recipe that is a grid.

    All configurations are checked before the first is run. Runs that are finished are kept, so the
    same command goes on after an interruption, and tries again what failed.
    """
    from cliqa.stages import chosen_store
    from cliqa.sweep import SweepFolder, plan_stages, plan_sweep

    refuse_several_processes("sweep")
    if no_store:
        if store is not None:
            raise click.UsageError("--store and --no-store exclude each other")
        overrides = (*overrides, "store=null")
    plan = plan_sweep(
        grid, overrides=overrides, registry_factory=lambda files: registry(ctx, files)
    )
    folder = SweepFolder(out or Path("sweeps") / plan.name)
    if dry_run:
        states = folder.check(plan)
        stages = plan_stages(plan.cells, shared=not no_store)
        print_plan(plan, folder, states, stages, make_console())
        return

    def shared() -> StageStore | None:
        if no_store:
            return None
        return folder.store(plan) if store is None else chosen_store(store)

    carry_out(ctx, plan, folder, engine, shared)


def carry_out(
    ctx: click.Context,
    plan: Plan,
    folder: SweepFolder,
    engine: Engine,
    shared: Callable[[], StageStore | None],
    only: Collection[CellState] | None = None,
) -> None:
    """Run what is left of a sweep, show what came out, and exit with 1 if something is missing.

    Args:
        ctx: the command's context.
        plan: the sweep.
        folder: where it lies.
        engine: what runs it.
        shared: gives the trained stages that its cells share.
        only: run the cells in these states only; default: all that are not done.
    """
    from cliqa.sweep import CellState, plan_stages

    console = make_console()
    folder.check(plan)  # before the lock, which writes
    with folder.locked():
        states = folder.check(plan)
        wanted = only or set(CellState) - {CellState.DONE}
        cells = [cell for cell in plan.cells if states[cell.name] in wanted]
        let_threads_sleep()  # before torch is loaded, which counting the stages does
        store = shared()
        own = any(cell.config.run.store for cell in plan.cells)
        stages = plan_stages(plan.cells, shared=own or store is not None)
        folder.write(plan, store)
        if not engine.quiet:
            print_head(plan, folder, states, stages, console)
        try:
            if cells:
                left = _Left(cells, folder, stages, stages.trained(states), store)
                _run(ctx, left, engine, None if engine.quiet else console)
        except KeyboardInterrupt as stop:
            folder.write(plan, store)
            print_left(plan, folder, console)
            ctx.exit(stop.exit_code if isinstance(stop, Interrupted) else _INTERRUPTED)
        folder.write(plan, store)
    if not print_result(plan, folder, console):
        ctx.exit(1)


@dataclass(frozen=True)
class _Left:
    """What is to be run."""

    cells: list[Cell]
    folder: SweepFolder
    stages: StagePlan
    trained: set[str]
    store: StageStore | None


def _run(ctx: click.Context, left: _Left, engine: Engine, console: Console | None) -> None:
    from cliqa.cli.sweep_progress import ParallelProgress, SweepProgress
    from cliqa.sweep.execute import run_cells

    shown = SweepProgress if engine.in_process else ParallelProgress
    with ExitStack() as held:
        observer = held.enter_context(shown(console)) if console else None
        interrupts = held.enter_context(Interrupts(tell_of_signal))
        pool = engine.pool(ctx, left.cells, left.folder, observer, interrupts, left.store)
        run_cells(
            left.cells,
            left.folder,
            held.enter_context(pool),
            observer=observer,
            retries=engine.retries,
            fail_fast=engine.fail_fast,
            interrupts=interrupts,
            stages=left.stages.of,
            trained=left.trained,
        )
