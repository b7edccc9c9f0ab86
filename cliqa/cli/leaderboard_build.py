"""`cliqa leaderboard build` and `cliqa leaderboard schema`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.context import registry
from cliqa.cli.verify import data_option, make_verifier
from cliqa.errors import ResultError

if TYPE_CHECKING:
    from typing import BinaryIO

_path = click.Path(path_type=Path)
#: Files of the folder of `--out`.
_FILES: Final = ("index.html", "leaderboard.json", "leaderboard.csv", "leaderboard.md")
_METRICS: Final = ("mPSI", "mSRCC", "mPI", "mSI")


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=_path, metavar="BUNDLES...")
@click.option("--out", type=_path, required=True, metavar="DIR", help="Folder of the four files.")
@click.option(
    "--baseline",
    metavar="METHOD[/GATE]",
    help="What every row is compared with; default: the method of the first bundle.",
)
@click.option(
    "--seeds",
    metavar="N,N",
    help="The seeds that a row must have to be ranked; default: all that its track has.",
)
@click.option(
    "--metric",
    type=click.Choice(_METRICS),
    default=_METRICS[0],
    show_default=True,
    help="What ranks.",
)
@click.option(
    "--rescore",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Score N test images of each run again from its weights, where it ships them.",
)
@data_option
@click.option("--title", default="Continual learning of image quality models", help="Of the page.")
@click.option("--force", is_flag=True, help="Replace the files of an earlier leaderboard.")
@click.pass_context
def build(
    ctx: click.Context,
    bundles: tuple[Path, ...],
    out: Path,
    baseline: str | None,
    seeds: str | None,
    metric: str,
    rescore: int,
    data: tuple[str, ...],
    title: str,
    force: bool,
) -> None:
    """Write a leaderboard of BUNDLES: results' folders or zips, or folders with such below them.

    DIR gets index.html, leaderboard.json, leaderboard.csv and leaderboard.md. Every bundle is
    verified as by `cliqa verify`; one with a fault is listed as rejected, with the reason.
    """
    from cliqa.leaderboard import (
        Options,
        board_csv,
        board_html,
        board_json,
        board_markdown,
        build_board,
        collect,
        verified_contents,
    )
    from cliqa.report import load_published

    _check_out(out, force=force)
    plugins, verifier = registry(ctx), make_verifier(ctx, data)
    options = Options(
        title=title,
        baseline=baseline,
        seeds=_seeds(seeds),
        metric=metric,
        contents=verified_contents(verifier),
        published=load_published(plugins, lambda line: click.echo(f"warning: {line}", err=True)),
    )
    board = build_board(collect(bundles, partial(verifier.verify, rescore=rescore)), options)
    if baseline and board.tracks and not any(track.baseline for track in board.tracks):
        raise ResultError(
            f"--baseline {baseline}: no track has such a row; there are "
            + ", ".join(sorted({f"{r.method}/{r.gate}" for t in board.tracks for r in t.rows}))
        )
    texts = (board_html(board), board_json(board), board_csv(board), board_markdown(board))
    _write(out, dict(zip(_FILES, texts, strict=True)))
    for rejected in board.rejected:
        click.echo(f"rejected: {rejected.bundle}: {rejected.reason}", err=True)
    tracks = f"{len(board.tracks)} track{'' if len(board.tracks) == 1 else 's'}"
    click.echo(
        f"{len(board.sources)} runs in {tracks}, {len(board.rejected)} rejected: {out / _FILES[0]}"
    )


@click.command()
def schema() -> None:
    """Print the JSON schema of leaderboard.json."""
    from cliqa.leaderboard import board_schema

    click.echo(json.dumps(board_schema(), indent=2, ensure_ascii=False))


def _seeds(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise ResultError(
            f"--seeds {text}: expected whole numbers with commas between them, as in 0,1,2"
        ) from error


def _check_out(out: Path, *, force: bool) -> None:
    """Refuse a run's folder, and files that exist unless they may be replaced."""
    from cliqa.results import FolderState, folder_state

    for folder in (out, *out.absolute().parents):
        if folder.is_dir() and folder_state(folder) in {
            FolderState.FINISHED,
            FolderState.UNFINISHED,
        }:
            raise ResultError(
                f"{out} is or lies in the run {folder}, which holds only what the run wrote; "
                "name a folder outside of it"
            )
    if out.exists() and not out.is_dir():
        raise ResultError(f"{out} is a file, expected a folder; name another --out")
    there = [name for name in _FILES if (out / name).exists()]
    if there and not force:
        raise ResultError(
            f"{out / there[0]} exists; use --force to replace it, or name another --out"
        )


def _write(out: Path, files: dict[str, str]) -> None:
    from cliqa.results.files import explained, write_atomic

    with explained("make", out):
        out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_atomic(out / name, partial(_fill, text.encode()))


def _fill(content: bytes, file: BinaryIO) -> None:
    file.write(content)
