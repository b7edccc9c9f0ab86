"""A click group that knows its commands by name and imports one only to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from cliqa.distributed import speaks
from cliqa.errors import CliqaError
from cliqa.registry.suggest import did_you_mean
from cliqa.registry.targets import import_target
from cliqa.resume import Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DefaultGroup", "LazyGroup"]

#: What a shell reports for a process that Ctrl-C ended.
_INTERRUPTED: Final = 130


class LazyGroup(click.Group):
    """A group whose commands are given as name -> (`"module:attribute"`, short help).

    It is also the border where a user's mistake becomes a message: a `CliqaError` is printed
    without its traceback, and its `exit_code` becomes the process's. Of several processes of a run
    one says why it ends.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order in which the table gives them."""
        return list(self._lazy)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self._lazy:
            return None
        command: click.Command = import_target(self._lazy[cmd_name][0])
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown command, naming the nearest ones."""
        if args and args[0] not in self._lazy and not ctx.resilient_parsing:
            near = did_you_mean(args[0], self._lazy)
            ctx.fail(f"No such command {args[0]!r}.{near}")
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the table of commands from their short helps, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; report a user's mistake and an interruption in one line."""
        try:
            return super().invoke(ctx)
        except CliqaError as error:
            _say(f"error: {error}")
            ctx.exit(error.exit_code)
        except Interrupted as stop:
            _say(str(stop))
            ctx.exit(stop.exit_code)
        except KeyboardInterrupt:
            _say("interrupted")
            ctx.exit(_INTERRUPTED)
        except (click.exceptions.Exit, click.exceptions.Abort):
            raise
        except Exception:  # a wrong option, or a defect: whoever calls this shows it
            if not speaks():
                ctx.exit(CliqaError.exit_code)
            raise


def _say(text: str) -> None:
    if speaks():
        click.echo(text, err=True)


class DefaultGroup(LazyGroup):
    """A group that takes the arguments of one of its commands directly, without its name.

    Args:
        default: that command.
    """

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command before arguments that begin with none."""
        if args and args[0] not in {*self.list_commands(ctx), *ctx.help_option_names}:
            args = [self._default, *args]
        return super().parse_args(ctx, args)
