"""`cliqa data list`: every dataset, what is published about it, and whether it is here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cliqa.cli.context import local_option, registry
from cliqa.cli.tables import print_table
from cliqa.errors import PluginError
from cliqa.registry import Found

if TYPE_CHECKING:
    from pathlib import Path

    from cliqa.registry import DatasetFacts, Registered


@dataclass(frozen=True)
class _Row:
    registered: Registered
    facts: DatasetFacts | None
    found: Found


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of a table.")
@local_option
@click.pass_context
def list_sets(ctx: click.Context, as_json: bool, local_files: tuple[Path, ...]) -> None:
    """List the datasets, their scores and terms, and whether each is on this machine.

    A set counts as found if its folder is there; nothing in it is read. `cliqa data check SET`
    reads it.
    """
    rows = [_row(component) for component in registry(ctx, local_files).components("dataset")]
    if as_json:
        click.echo(json.dumps([_record(row) for row in rows], indent=2, ensure_ascii=False))
        return
    headers = ("name", "images", "scores", "deviations", "terms", "from", "on this machine")
    print_table(headers, [_cells(row) for row in rows])


def _row(registered: Registered) -> _Row:
    try:
        facts = registered.facts()
        found = Found(None) if facts is None else facts.find()
    except PluginError as error:
        return _Row(registered, None, Found(None, str(error)))
    except OSError as error:  # a folder that may not be read must not hide the other sets
        return _Row(registered, facts, Found(None, str(error)))
    return _Row(registered, facts, found)


def _cells(row: _Row) -> tuple[str, ...]:
    where = row.found.note if row.found.path is None else str(row.found.path)
    facts = row.facts
    if facts is None:
        return (row.registered.name, "", row.registered.summary, "", "", "", where)
    return (
        row.registered.name,
        "a setting" if facts.images is None else f"{facts.images:,}",
        _scores(facts),
        facts.deviations,
        facts.licence,
        facts.page,
        where,
    )


def _scores(facts: DatasetFacts) -> str:
    if facts.scale is None:
        return facts.scores
    low, high = facts.scale
    better = "lower" if facts.lower_is_better else "higher"
    return f"{facts.scores} {low:g}..{high:g}, {better} is better"


def _record(row: _Row) -> dict[str, Any]:
    registered, found = row.registered, row.found
    return {
        "name": registered.name,
        "summary": registered.summary,
        "reference": registered.reference,
        "plugin": registered.owner.name,
        "facts": None if row.facts is None else row.facts.dump(),
        "found": None if found.path is None else str(found.path),
        "note": found.note,
    }
