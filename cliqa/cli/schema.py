"""`cliqa schema`: what an editor needs to complete and check a configuration."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import click

from cliqa.cli.context import local_option, registry

if TYPE_CHECKING:
    from pathlib import Path


@click.command
@click.option(
    "--out",
    type=click.File("w", encoding="utf-8", lazy=True),
    default="-",
    metavar="FILE",
    help="Write to FILE instead of the terminal.",
)
@local_option
@click.pass_context
def schema(ctx: click.Context, out: IO[str], local_files: tuple[Path, ...]) -> None:
    """Print the JSON schema of a configuration, with the components that are installed.

    In VS Code, install the extension YAML (redhat.vscode-yaml), write the schema beside your
    configurations, and name it in the first line of each:

    \b
      cliqa schema --out cliqa.schema.json
      # yaml-language-server: $schema=cliqa.schema.json

    Or name it once, in .vscode/settings.json:

    \b
      "yaml.schemas": {"./cliqa.schema.json": "configs/*.yaml"}

    Write it again after a plugin was installed or updated.
    """  # noqa: D301 - click wants the backspace character itself
    from cliqa.config.json_schema import build_schema

    found = build_schema(registry(ctx, local_files))
    click.echo(json.dumps(found, indent=2, ensure_ascii=False), file=out)
