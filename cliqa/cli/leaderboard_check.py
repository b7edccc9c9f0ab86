"""`cliqa leaderboard check`: what a change does to a folder of bundles."""

from __future__ import annotations

from pathlib import Path

import click

from cliqa.cli.verify import data_option, make_verifier
from cliqa.errors import ResultError


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--rescore",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Score N test images of each new bundle again from its weights.",
)
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the comparison here; default: print it.",
)
@data_option
@click.pass_context
def check(
    ctx: click.Context,
    old: Path,
    new: Path,
    rescore: int,
    markdown: Path | None,
    data: tuple[str, ...],
) -> None:
    """Check what a change does to a leaderboard: OLD is its folder of bundles before, NEW after.

    Every bundle of OLD must be in NEW as it was; new ones must verify with labels of this
    machine's, and be no copies. Exit code 0: so it is; 1: it is not, and every fault is listed.
    """
    verifier = make_verifier(ctx, data)
    from cliqa.verification import compare_folders
    from cliqa.verification.verdict import shown

    found = compare_folders(old, new, verifier, rescore=rescore)
    text = found.markdown()
    if markdown is None:
        click.echo(text, nl=False)
    else:
        try:
            markdown.write_text(text, "utf-8")
        except OSError as error:
            raise ResultError(f"cannot write {markdown}: {error.strerror}") from None
        for fault in found.faults:
            click.echo(shown(fault))
    ctx.exit(1 if found.faults else 0)
