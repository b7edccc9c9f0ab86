"""`cliqa list KIND [PATTERN]`: the components that configurations can name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from cliqa.cli.context import kind_argument, local_option, registry
from cliqa.cli.tables import print_table
from cliqa.errors import PluginError
from cliqa.registry.component import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from cliqa.registry import Registered, Registry


@dataclass(frozen=True)
class _Row:
    name: str
    registered: Registered
    clash: bool = False

    @property
    def is_family(self) -> bool:
        return self.registered.is_family and self.name == self.registered.name


@click.command("list")
@kind_argument
@click.argument("pattern", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of a table.")
@local_option
@click.pass_context
def list_components(
    ctx: click.Context,
    kind: str,
    pattern: str | None,
    as_json: bool,
    local_files: tuple[Path, ...],
) -> None:
    """List the components of a KIND: backbones, strategies, objectives, gates, datasets, ...

    PATTERN is part of a name, or a whole name with the wildcards * ? []; upper and lower case are
    equal. A pattern with wildcards also searches the members of families, such as all models of
    a library; that is the one case in which the library is imported. Exits with 1 if there
    is nothing to list.
    """
    found = registry(ctx, local_files)
    rows = [row for row in _rows(found, kind, pattern) if _matches(row.name, pattern)]
    if as_json:
        click.echo(json.dumps([_record(row) for row in rows], indent=2, ensure_ascii=False))
    elif rows:
        plural = KINDS[kind][0]
        print_table(
            ("name", "summary", "plugin"),
            [(r.name, _summary(r, plural), _owner(r)) for r in rows],
        )
    if not rows:
        click.echo(_nothing(found, kind, pattern), err=True)
        ctx.exit(1)


def _rows(found: Registry, kind: str, pattern: str | None) -> list[_Row]:
    rows = []
    for component in found.components(kind):
        rows.append(_Row(component.name, component))
        if component.is_family and pattern is not None and _has_wildcard(pattern):
            rows += [_Row(member, component) for member in _members(found, component)]
    for clash in found.clashes:
        if clash.kind == kind:
            rows += [_Row(clash.name, contender, clash=True) for contender in clash.contenders]
    return sorted(rows, key=lambda row: row.name)


def _members(found: Registry, family: Registered) -> frozenset[str]:
    try:
        return found.members(family)
    except PluginError as error:  # one library that is missing must not hide the other families
        click.echo(f"warning: {error}", err=True)
        return frozenset()


def _has_wildcard(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def _matches(name: str, pattern: str | None) -> bool:
    if pattern is None:
        return True
    if _has_wildcard(pattern):
        return fnmatchcase(name.casefold(), pattern.casefold())
    return pattern.casefold() in name.casefold()


def _summary(row: _Row, plural: str) -> str:
    if row.clash:
        return f"CLASH, cannot be used: {row.registered.summary}"
    if row.is_family:
        return f"{row.registered.summary}; try `cliqa list {plural} '*'`"
    if row.registered.is_family:
        return f"member of {row.registered.name}"
    return row.registered.summary


def _owner(row: _Row) -> str:
    owner = row.registered.owner
    return f"{owner.name} ({owner.source})"


def _record(row: _Row) -> dict[str, object]:
    registered = row.registered
    return {
        "name": row.name,
        "kind": registered.kind,
        "summary": registered.summary,
        "reference": registered.reference,
        "family": registered.name if registered.is_family else None,
        "clash": row.clash,
        "plugin": registered.owner.name,
        "source": registered.owner.source,
    }


def _nothing(found: Registry, kind: str, pattern: str | None) -> str:
    plural = KINDS[kind][0]
    if pattern is None:
        return f"no plugin offers {plural}; `cliqa plugins` prints what is loaded"
    text = f"no {kind} matches `{pattern}`; `cliqa list {plural}` prints all"
    if _has_wildcard(pattern) or not any(c.is_family for c in found.components(kind)):
        return text
    return f"{text}, and `cliqa list {plural} '*{pattern}*'` searches families too"
