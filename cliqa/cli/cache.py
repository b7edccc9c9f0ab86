"""`cliqa cache`: the decoded images that are kept on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from cliqa.cli.lazy import LazyGroup
from cliqa.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "info": ("cliqa.cli.cache:info", "Say where it lies and what is in it"),
    "clear": ("cliqa.cli.cache:clear", "Remove all of it"),
    "verify": ("cliqa.cli.cache:verify", "Read all of it, and remove what is damaged"),
}

_folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="The cache's folder, where a run names one as `cache.folder`; default: as the "
    "environment says ($CLIQA_CACHE, $XDG_CACHE_HOME/cliqa, ~/.cache/cliqa).",
)


@click.group(cls=LazyGroup, lazy=COMMANDS)
def cache() -> None:
    """Look at, empty or check the cache of decoded images.

    No result depends on it: whatever is missing is decoded again.
    """


@click.command()
@_folder_option
def info(folder: Path | None) -> None:
    """Say where the cache lies and what is in it."""
    from cliqa.cache import look

    place = _place(folder)
    if place is None:
        return
    found = _explained(lambda: look(place), place)
    click.echo(f"folder: {found.root}")
    click.echo(f"images: {found.images}, {_gigabytes(found.nbytes)}")
    if found.first_used is not None and found.last_used is not None:
        click.echo(f"last uses: {_day(found.first_used)} to {_day(found.last_used)}")
    click.echo(f"known files and stored images: {found.sources}")
    if found.unfinished:
        click.echo(f"unfinished files: {found.unfinished}, removed an hour after their last write")


@click.command()
@_folder_option
def clear(folder: Path | None) -> None:
    """Remove every decoded image; a run that is going on decodes its images again."""
    from cliqa.cache import clear as remove

    place = _place(folder)
    if place is not None:
        found = _explained(lambda: remove(place), place)
        click.echo(f"removed {found.images} images, {_gigabytes(found.nbytes)}: {found.root}")


@click.command()
@_folder_option
@click.pass_context
def verify(ctx: click.Context, folder: Path | None) -> None:
    """Read every decoded image and compare its checksum; exit with 1 if one was damaged.

    Damaged ones are removed, and made again when they are next needed.
    """
    from cliqa.cache import verify as check

    place = _place(folder)
    if place is None:
        return
    found = _explained(lambda: check(place), place)
    for path, fault in found.damaged.items():
        click.echo(f"removed {path}: {fault}", err=True)
    click.echo(f"{found.whole} images are whole, {len(found.damaged)} were damaged")
    ctx.exit(1 if found.damaged else 0)


def _place(folder: Path | None) -> Path | None:
    from cliqa.cache import cache_folder

    found = cache_folder(None if folder is None else str(folder))
    if found is None:
        click.echo("the cache is off: CLIQA_CACHE=off, or there is no home folder to put it in")
    return found


def _explained(action: Callable[[], _T], folder: Path) -> _T:
    try:
        return action()
    except OSError as error:
        raise CacheError(f"the cache in {folder} cannot be used: {error.strerror}") from None


def _gigabytes(nbytes: int) -> str:
    return f"{nbytes / 1e9:.2f} GB"


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
