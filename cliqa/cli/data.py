"""`cliqa data`: what sets there are, and whether one is as it should be."""

from __future__ import annotations

from typing import Final

import click

from cliqa.cli.lazy import LazyGroup

#: Command -> (where it is, its line in `cliqa data --help`).
_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "list": ("cliqa.cli.data_list:list_sets", "List the sets, and which are on this machine"),
    "check": ("cliqa.cli.data_check:check", "Read a whole set and say what is wrong with it"),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def data() -> None:
    """Look at rated image sets before anything is trained on them."""
