"""`cliqa sweep retry`: what is left of a sweep, from its folder alone."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cliqa.cli.context import refuse_several_processes, registry
from cliqa.cli.sweep_engine import engine_options
from cliqa.cli.sweep_run import carry_out
from cliqa.errors import ResultError

if TYPE_CHECKING:
    from cliqa.cli.sweep_engine import Engine


@click.command()
@click.argument("sweep", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--failed", is_flag=True, help="Only runs that failed, not those that never ran.")
@engine_options
@click.pass_context
def retry(ctx: click.Context, sweep: Path, failed: bool, engine: Engine) -> None:
    """Run what is not done of the sweep in DIR, with the configurations that it was planned with.

    Needs no grid. To change a configuration, edit the grid and give `cliqa sweep GRID` again.
    """
    from cliqa.sweep import CellState, SweepFolder
    from cliqa.sweep.index import Index

    refuse_several_processes("sweep")
    index = Index.read(sweep)
    folder = SweepFolder(sweep.absolute())
    if not index.home.is_dir():
        raise ResultError(
            f"{sweep} was begun in {index.home}, which is not there; paths of data begin there: "
            "give `cliqa sweep GRID --out` with the grid from where they are right"
        )
    with chdir(index.home):
        plan = index.plan(lambda files: registry(ctx, files))
        only = {CellState.FAILED} if failed else None
        carry_out(ctx, plan, folder, engine, lambda: index.store, only)
