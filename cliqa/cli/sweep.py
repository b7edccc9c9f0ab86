"""`cliqa sweep`: a group that takes a grid directly too, `cliqa sweep GRID`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.lazy import DefaultGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Command -> (where it is, its line in the help).
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("cliqa.cli.sweep_run:run", "Train and evaluate every run of a grid"),
    "status": ("cliqa.cli.sweep_status:status", "Show how far a sweep is, while it runs or later"),
    "retry": ("cliqa.cli.sweep_retry:retry", "Try again what failed"),
}


@click.group(cls=DefaultGroup, lazy=COMMANDS, default="run")
def sweep() -> None:
    """Train and evaluate a grid of runs, one after the other or many at a time.

    `cliqa sweep GRID` is short for `cliqa sweep run GRID`; `cliqa sweep run --help` lists its
    options.
    """
