"""`cliqa new`: a method, gate, metric, dataset or distribution to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cliqa.cli.context import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliqa.scaffold import Ratings

_file = click.argument("path", metavar="FILE.py", type=click.Path(path_type=Path))
_force = click.option("--force", is_flag=True, help="Replace files that are there.")
#: What else is one file -> its line in the help.
_PLAIN: Final = {
    "method": "A strategy that keeps new features near those of old tasks.",
    "gate": "A gate that chooses by the nearest mean feature of a task.",
    "metric": "A metric: SRCC on the test set that is ranked worst.",
}


@click.group
def new() -> None:
    """Write a component of your own to start from, with a configuration that runs it.

    The file's name becomes the component's: nearest_mean.py offers `nearest-mean`.
    """


def _plain(what: str, text: str) -> None:
    @new.command(what, help=f"{text}\n\nWrites FILE.py, and FILE.yaml that runs at once.")
    @_file
    @_force
    @click.pass_context
    def command(ctx: click.Context, path: Path, force: bool) -> None:
        _write_file(ctx, what, path, force=force)


for _what, _text in _PLAIN.items():
    _plain(_what, _text)


def _path_option(name: str, text: str, **kind: bool) -> Callable[[Any], Any]:
    of = click.Path(path_type=Path, exists=True, **kind)
    return click.option(name, required=True, type=of, help=text)


@new.command
@_file
@_path_option("--images", "Folder of the pictures.", file_okay=False)
@_path_option("--scores", "CSV table with a row for each rating.", dir_okay=False)
@click.option("--picture", default="image", show_default=True, help="Column of file names.")
@click.option("--rating", default="score", show_default=True, help="Column of ratings.")
@click.option(
    "--range", "scale", type=float, nargs=2, help="Worst and best rating that could be given."
)
@_force
@click.pass_context
def dataset(
    ctx: click.Context,
    path: Path,
    images: Path,
    scores: Path,
    picture: str,
    rating: str,
    scale: tuple[float, float] | None,
    force: bool,
) -> None:
    """A rated image set whose table needs code: a row for each rating, not for each picture.

    Writes FILE.py, which makes mean opinion scores of the ratings, and FILE.yaml that runs at once.
    A table with one score for each picture needs none: see the dataset `rated-images`.
    """
    from cliqa.scaffold import read_ratings

    ratings = read_ratings(images, scores, picture=picture, rating=rating, scale=scale)
    _write_file(ctx, "dataset", path, ratings=ratings, force=force)
    if not ratings.repeated:
        click.echo(
            f"Every picture stands once in {scores}: the dataset `rated-images` reads such a "
            "table without code (cliqa show dataset rated-images)."
        )


@new.command
@click.argument("path", metavar="NAME", type=click.Path(path_type=Path))
@_force
@click.pass_context
def plugin(ctx: click.Context, path: Path, force: bool) -> None:
    """A distribution with a strategy: installed by pip, found by its entry point, with tests.

    Writes the folder NAME.
    """
    from cliqa.scaffold import new_plugin

    written = new_plugin(path, registry(ctx), force=force)
    click.echo(f"wrote {len(written)} files into {path}")
    click.echo(f"install it:  pip install -e '{path}[test]'")
    click.echo(f"run it:      cliqa run {path / 'try.yaml'}")
    click.echo(f"test it:     pytest {path}")


def _write_file(
    ctx: click.Context, what: str, path: Path, *, ratings: Ratings | None = None, force: bool
) -> None:
    from cliqa.scaffold import new_file

    file, config = new_file(what, path, registry(ctx), ratings=ratings, force=force)
    lines = len(file.read_text(encoding="utf-8").splitlines())
    click.echo(f"wrote {file} ({lines} lines) and {config}")
    click.echo(f"run it:    cliqa run {config}")
    click.echo(f"check it:  cliqa check {file}")
