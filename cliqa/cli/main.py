"""The command `cliqa`: its global options and the table of its commands."""

from __future__ import annotations

import sys
from typing import Final

import click

from cliqa import __version__
from cliqa.cli.context import PluginOptions
from cliqa.cli.lazy import LazyGroup

__all__ = ["cli", "main"]

#: Command -> (where it is, its line in `cliqa --help`).
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("cliqa.cli.run:run", "Train and evaluate a configuration"),
    "sweep": ("cliqa.cli.sweep:sweep", "Train and evaluate a grid of configurations"),
    "report": ("cliqa.cli.report:report", "Write one HTML page about one run or many"),
    "verify": ("cliqa.cli.verify:verify", "Verify result bundles, recomputing every metric"),
    "submit": ("cliqa.cli.submit:submit", "Make bundles of runs for others to verify"),
    "leaderboard": ("cliqa.cli.leaderboard:leaderboard", "Rank runs that may be compared"),
    "pretrain": ("cliqa.cli.pretrain:pretrain", "Prepare weights that runs then name"),
    "data": ("cliqa.cli.data:data", "List rated image sets, and check one"),
    "list": ("cliqa.cli.listing:list_components", "List the components of one kind"),
    "show": ("cliqa.cli.show:show", "Show a component's settings, or a recipe's text"),
    "schema": ("cliqa.cli.schema:schema", "Print the JSON schema of a configuration"),
    "cache": ("cliqa.cli.cache:cache", "Look at, empty or check the cache of decoded images"),
    "store": ("cliqa.cli.store:store", "List, clean up or check a store of trained stages"),
    "plugins": ("cliqa.cli.plugins:plugins", "List the plugins, and check them"),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--no-plugins", is_flag=True, help="Load only the plugins that cliqa itself ships.")
@click.option(
    "--strict-plugins",
    is_flag=True,
    help="Stop if any plugin is broken, or two announce the same name.",
)
@click.version_option(__version__, prog_name="cliqa")
@click.pass_context
def cli(ctx: click.Context, no_plugins: bool, strict_plugins: bool) -> None:
    """Continual learning of image quality models, composed from plugins."""
    ctx.obj = PluginOptions(third_party=not no_plugins, strict=strict_plugins)


def main() -> None:
    """Entry point of the console script."""
    try:
        cli(prog_name="cliqa")
    except KeyboardInterrupt:  # before a command began; later ones are reported by the group
        sys.exit(130)
