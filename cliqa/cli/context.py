"""What commands share: the plugins that the global options ask for, and two parameters."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cliqa.distributed import launched
from cliqa.errors import ConfigError
from cliqa.registry.component import KINDS
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from cliqa.registry import Registry

__all__ = [
    "PluginOptions",
    "kind_argument",
    "let_threads_sleep",
    "local_option",
    "make_console",
    "refuse_several_processes",
    "registry",
]


@dataclass(frozen=True)
class PluginOptions:
    """The global options: which plugins are loaded, and whether a broken one is an error."""

    third_party: bool = True
    strict: bool = False


def registry(
    ctx: click.Context, local_files: Sequence[Path] = (), *, report: bool = True
) -> Registry:
    """Load the plugins, as the global options say.

    Args:
        ctx: the command's context.
        local_files: plugin files that the configuration or an option names.
        report: write one line on stderr for each broken plugin.
    """
    from cliqa.registry import Registry  # here: `cliqa --help` needs no plugin

    options = ctx.find_object(PluginOptions) or PluginOptions()
    found = Registry.discover(
        third_party=options.third_party, strict=options.strict, local_files=local_files
    )
    if report:
        found.report_broken(lambda line: click.echo(f"warning: {line}", err=True))
    return found


def make_console() -> Console:
    """The terminal, or a file or pipe, which has no edge to wrap at."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 120)
    return console


def refuse_several_processes(command: str) -> None:
    """Stop a command that several processes would each do whole, on the same files.

    Raises:
        ConfigError: `torchrun` has started several.
    """
    if launched().size > 1:
        raise ConfigError(
            f"cliqa {command} runs in one process and was started in {launched().size}; start it "
            "without torchrun, or single runs by `torchrun --nproc-per-node N -m cliqa run`"
        )


def let_threads_sleep() -> None:
    """Have torch's waiting threads sleep; call it before torch is loaded, which reads it once.

    By default they spin, and on a machine with other work to do a run then takes several times
    as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


#: `--local FILE`, for looking at a plugin file that no configuration names yet.
local_option = click.option(
    "--local",
    "local_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Also load this plugin file; may be given several times.",
)


def _as_kind(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    if value is None:
        raise click.UsageError(f"name a kind of component: {', '.join(KINDS)}", ctx)
    spellings = {spelt: kind for kind, (plural, _) in KINDS.items() for spelt in (kind, plural)}
    kind = spellings.get(value.casefold())
    if kind is None:
        near = did_you_mean(value, spellings) or f" The kinds are {', '.join(KINDS)}."
        message = f"there is no kind of component `{value}`.{near}"
        raise click.BadParameter(message, ctx=ctx, param=param)
    return kind


#: `KIND`, a kind of component in singular or plural; the command gets the singular.
kind_argument = click.argument("kind", metavar="KIND", required=False, callback=_as_kind)
