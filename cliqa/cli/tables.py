"""Tables on standard output: wrapped to a terminal, never cut when piped."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["print_table"]

#: Wider than any line: whoever reads a pipe wants a row to stay on one line.
_UNLIMITED: Final = 100_000


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header in headers:
        table.add_column(header, overflow="fold", header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # as Text: `[...]` in a cell is no markup
    console = Console(width=None if sys.stdout.isatty() else _UNLIMITED)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
