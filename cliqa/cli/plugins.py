"""`cliqa plugins`: what is loaded, what is broken, what clashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cliqa.cli.context import local_option, registry
from cliqa.cli.tables import print_table
from cliqa.registry import KINDS, OWN_DISTRIBUTION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cliqa.registry import PluginRecord, Registry


@click.command
@click.option(
    "--check",
    is_flag=True,
    help="Also check that config models import and factories exist; exit with 1 on any fault.",
)
@local_option
@click.pass_context
def plugins(ctx: click.Context, check: bool, local_files: tuple[Path, ...]) -> None:
    """List the plugins and what they offer, then those that are broken and names that clash.

    No factory is imported, not by --check either: its module is located and its source searched
    for the name.
    """
    found = registry(ctx, local_files, report=False)
    _print_loaded(found)
    _print_list("broken", map(str, found.broken))
    _print_list("clashes (none of the owners can be used by that name)", map(str, found.clashes))
    _print_list("not loaded, as asked", map(str, found.skipped))
    if not check:
        return
    faults = _component_faults(found)
    _print_list("faults of components", faults)
    if faults or found.broken or found.clashes:
        ctx.exit(1)
    click.echo("\nno faults found")


def _print_loaded(found: Registry) -> None:
    if not found.plugins:
        click.echo(f"no plugin is loaded; is the distribution {OWN_DISTRIBUTION} installed?")
        return
    print_table(
        ("plugin", "from", "origin", "offers"),
        [(p.name, p.source, p.origin, _offers(found, p)) for p in found.plugins],
    )


def _offers(found: Registry, plugin: PluginRecord) -> str:
    groups = []
    for kind, (plural, _) in KINDS.items():
        names = [c.name for c in found.components(kind) if c.owner == plugin]
        names += [
            f"{clash.name} (clash)"
            for clash in found.clashes
            if clash.kind == kind and any(c.owner == plugin for c in clash.contenders)
        ]
        if names:
            groups.append(f"{plural}: {', '.join(sorted(names))}")
    return "; ".join(groups) or "observers of runs only"


def _component_faults(found: Registry) -> list[str]:
    from cliqa.registry.static import faults

    usable = [component for kind in KINDS for component in found.components(kind)]
    clashing = [component for clash in found.clashes for component in clash.contenders]
    return [fault for component in (*usable, *clashing) for fault in faults(component)]


def _print_list(title: str, lines: Iterable[str]) -> None:
    written = [f"  {line}" for line in lines]
    if written:
        click.echo("\n".join(["", f"{title}:", *written]))
