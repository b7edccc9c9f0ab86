"""`cliqa leaderboard`: a group that takes bundles directly too, `cliqa leaderboard BUNDLES...`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.lazy import DefaultGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Command -> (where it is, its line in the help).
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "build": ("cliqa.cli.leaderboard_build:build", "Write page, JSON, CSV and Markdown"),
    "check": ("cliqa.cli.leaderboard_check:check", "Compare two states of a folder of bundles"),
    "schema": ("cliqa.cli.leaderboard_build:schema", "Print the JSON schema of leaderboard.json"),
}
#: What `cliqa leaderboard` does with anything that names no command.
DEFAULT: Final = "build"


@click.group(cls=DefaultGroup, lazy=COMMANDS, default=DEFAULT)
def leaderboard() -> None:
    """Rank runs that may be compared, on one page.

    `cliqa leaderboard BUNDLES... --out DIR` is short for `cliqa leaderboard build`.
    """
