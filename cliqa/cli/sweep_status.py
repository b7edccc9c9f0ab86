"""`cliqa sweep status`: how far a sweep is, from its folder alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from cliqa.cli.context import make_console
from cliqa.cli.sweep_words import count, say
from cliqa.cli.tables import print_table


@click.command()
@click.argument("sweep", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--failed", is_flag=True, help="Show only runs that failed.")
def status(sweep: Path, failed: bool) -> None:
    """Show every run of the sweep in DIR: its state, how often it was tried, what was last heard.

    Changes nothing, and may be asked while the sweep is at work.
    """
    from cliqa.sweep import sweep_status

    found = sweep_status(sweep)
    rows = [
        (cell.name, cell.state, str(cell.attempts or ""), cell.text)
        for cell in found
        if not failed or cell.state == "failed"
    ]
    if rows:
        print_table(("run", "state", "attempts", ""), rows)
    counts = Counter(cell.state for cell in found)
    parts = ", ".join(f"{number} {state}" for state, number in counts.items())
    say(make_console(), f"{count(len(found), 'run')}: {parts}")
