"""`cliqa new`: a method, gate, metric, dataset or distribution to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cliqa.cli.context import registry
from cliqa.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliqa.scaffold import Layout, Ratings

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
    return click.option(name, type=click.Path(path_type=Path, exists=True, **kind), help=text)


@new.command
@click.argument("path", metavar="FILE.py", type=click.Path(path_type=Path), required=False)
@_path_option("--images", "Folder of the pictures; needed.", file_okay=False)
@click.option(
    "--range",
    "scale",
    type=float,
    nargs=2,
    help="Worst and best score that could be given; needed.",
)
@_path_option("--scores", "CSV table with a row for each rating.", dir_okay=False)
@click.option("--picture", metavar="TEXT", help="Its column of file names.  [default: image]")
@click.option("--rating", metavar="TEXT", help="Its column of ratings.  [default: score]")
@_force
@click.pass_context
def dataset(
    ctx: click.Context,
    path: Path | None,
    images: Path | None,
    scores: Path | None,
    picture: str | None,
    rating: str | None,
    scale: tuple[float, float] | None,
    force: bool,
) -> None:
    """A rated image set that needs code: other forms than a table with a score for each picture.

    Writes FILE.py and FILE.yaml. With --scores they make mean opinion scores of single ratings and
    run at once. Without, FILE.py has a function to change that says where scores stand: in names
    of files, as it is written, or in a MATLAB or JSON file, or several. A table with one score for
    each picture needs no code: see the dataset `rated-images`.
    """
    from cliqa.scaffold import read_layout, read_ratings

    # Ratings tell what their scale may be: with them a missing --range is found later, in there.
    if path is None or images is None or (scores is None and scale is None):
        needed = {"FILE.py": path, "--images": images, "--range": scale}
        raise ScaffoldError(
            f"missing: {', '.join(name for name, value in needed.items() if value is None)}; for "
            "example `cliqa new dataset my_set.py --images pictures --range 1 5`, and --scores "
            "ratings.csv if there is a table with a row for each rating"
        )
    if scores is not None:
        columns = {"picture": picture or "image", "rating": rating or "score"}
        ratings = read_ratings(images, scores, scale=scale, **columns)
        _write_file(ctx, "dataset", path, data=ratings, force=force)
        if not ratings.repeated:
            click.echo(
                f"Every picture stands once in {scores}: the dataset `rated-images` reads such a "
                "table without code (cliqa show dataset rated-images)."
            )
    elif picture or rating:
        raise ScaffoldError("--picture and --rating name columns of a table: add --scores FILE")
    elif scale is not None:
        _write_file(ctx, "dataset", path, data=read_layout(images, scale), force=force)
        click.echo(
            f"Change the function `read` in {path}: it says where scores stand. As it is, they "
            "stand in the names of the pictures, such as beach_3.72.png."
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
    ctx: click.Context,
    what: str,
    path: Path,
    *,
    data: Ratings | Layout | None = None,
    force: bool,
) -> None:
    from cliqa.scaffold import new_file

    file, config = new_file(what, path, registry(ctx), data=data, force=force)
    lines = len(file.read_text(encoding="utf-8").splitlines())
    click.echo(f"wrote {file} ({lines} lines) and {config}")
    click.echo(f"run it:    cliqa run {config}")
    click.echo(f"check it:  cliqa check {file}")
