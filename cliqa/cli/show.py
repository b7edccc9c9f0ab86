"""`cliqa show KIND NAME`: one component and its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.context import kind_argument, local_option, registry
from cliqa.cli.tables import print_table
from cliqa.errors import UnknownComponentError
from cliqa.registry.component import FILES, KINDS

if TYPE_CHECKING:
    from cliqa.registry import Registered, Registry

_TEXTS: Final = (".yaml", ".yml", ".json")


@click.command
@kind_argument
@click.argument("name")
@click.option(
    "--full", is_flag=True, help="Of a recipe, the whole configuration that it amounts to."
)
@local_option
@click.pass_context
def show(
    ctx: click.Context, kind: str, name: str, full: bool, local_files: tuple[Path, ...]
) -> None:
    """Show the component NAME of a KIND and its settings; of a recipe or preset, its text."""
    known = registry(ctx, local_files)
    if full and kind != "recipe":
        raise click.UsageError(f"--full is for recipes; a {kind} is shown whole", ctx)
    if full:
        from cliqa.config import load_config

        click.echo(load_config(name, registry_factory=lambda _: known).dump_yaml(), nl=False)
        return
    try:
        found = _find(known, kind, name)
    except UnknownComponentError as error:
        hints = [*_elsewhere(known, kind, name), *([] if local_files else [_own_file(name)])]
        raise UnknownComponentError("\n".join([str(error), *hints])) from None
    if kind in FILES and found.file().name.endswith(_TEXTS):
        click.echo(found.file().read_text(encoding="utf-8"), nl=False)
        return
    _print_head(found)
    model = None if kind in FILES else found.config_model()
    if model is None:
        click.echo("\nno settings")
        return
    from cliqa.cli.fields import field_rows

    # A family's members get their name from the place where users write it.
    rows = [row for row in field_rows(model) if not (_of_family(found) and row[0] == "name")]
    click.echo("\nsettings:" if rows else "\nno settings")
    if rows:
        print_table(("name", "type", "default", "bounds", "description"), rows)


def _find(found: Registry, kind: str, name: str) -> Registered:
    # A family has a page of its own, although no configuration can name it.
    families = {c.name: c for c in found.components(kind) if c.is_family}
    return families.get(name) or found.get(kind, name)


def _elsewhere(known: Registry, kind: str, name: str) -> list[str]:
    """What has that name and is of another kind; families are not searched."""
    kinds = [k for k in KINDS if k != kind and any(c.name == name for c in known.components(k))]
    return [f"there is a {k} `{name}`: `cliqa show {k} {name}`" for k in kinds]


def _own_file(name: str) -> str:
    """How a component that no installed plugin offers is shown."""
    file = Path(f"{name.replace('-', '_')}.py")
    named = str(file) if file.name == str(file) and file.is_file() else "FILE.py"
    return f"a component of your own file is shown with `--local {named}`"


def _of_family(found: Registered) -> bool:
    return found.component.members is not None


def _print_head(found: Registered) -> None:
    click.echo(f"{found.kind} `{found.name}`, of plugin {found.owner}")
    if found.is_family:
        plural = KINDS[found.kind][0]
        click.echo(f"a family: write a member's name; `cliqa list {plural} '*'` prints them")
    elif found.member is not None:
        click.echo(f"member of the family `{found.component.name}`")
    if found.summary:
        click.echo(found.summary)
    if found.reference:
        click.echo(f"reference: {found.reference}")
