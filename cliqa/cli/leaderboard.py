"""`cliqa leaderboard`: a group that takes bundles directly too, `cliqa leaderboard BUNDLES...`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.lazy import LazyGroup

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


class _Group(LazyGroup):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command before arguments that begin with none."""
        if args and args[0] not in {*self.list_commands(ctx), *ctx.help_option_names}:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Group, lazy=COMMANDS)
def leaderboard() -> None:
    """Rank runs that may be compared, on one page.

    `cliqa leaderboard BUNDLES... --out DIR` is short for `cliqa leaderboard build`.
    """
