"""`cliqa score`: how good pictures look to a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cliqa.cli.context import let_threads_sleep, local_option, registry
from cliqa.errors import ConfigError, ResultError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliqa.serving import FoundImages
    from cliqa.serving.files import FileScores
    from cliqa.serving.table import Row

#: Exit code: some files could not be scored.
_SOME_FAILED: Final = 1


def _as_shrink(
    ctx: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001 - click's signature
    value: str,
) -> int | str | None:
    """`--shrink`, as `cliqa.load` takes it."""
    if value == "none":
        return None
    return int(value) if value.isdigit() else value


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("paths", nargs=-1, required=True)
@click.option("--gate", metavar="LABEL", help="One of the run's gates; default: its first.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a table: .csv, .json, .jsonl or .parquet. If it exists, what is done is kept.",
)
@click.option(
    "--contact-sheet",
    "sheet",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw the pictures from the best to the worst: .png or .html.",
)
@click.option(
    "--sort",
    type=click.Choice(["input", "best", "worst"]),
    default="input",
    show_default=True,
    help="Order of the table: as found, or the best or the worst first.",
)
@click.option("--overwrite", is_flag=True, help="Start over and replace what --out holds.")
@click.option(
    "--recursive/--no-recursive", default=True, help="Look into folders inside folders (default)."
)
@click.option(
    "--glob", "pattern", metavar="PATTERN", help="In folders, only such names: 'IMG_*.jpg'."
)
@click.option("--all-heads", is_flag=True, help="Run every head, also those without weight.")
@click.option(
    "--shrink",
    default="as-trained",
    show_default=True,
    metavar="SIZE",
    callback=_as_shrink,
    help="Size of the pictures: pixels of the short side, HEIGHTxWIDTH, none, or as the run's.",
)
@click.option(
    "--precision",
    type=click.Choice(["as-trained", "float32", "bf16", "auto"]),
    default="as-trained",
    show_default=True,
    help="Arithmetic of the network; auto: what is fast here.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Pictures of equal size at a time, at most.",
)
@click.option(
    "--memory-gb",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    help="Memory of a forward; a picture that takes more is made smaller, with a note.",
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
@local_option
@click.pass_context
def score(
    ctx: click.Context,
    model: Path,
    paths: tuple[str, ...],
    out: Path | None,
    sheet: Path | None,
    sort: str,
    overwrite: bool,
    recursive: bool,
    pattern: str | None,
    all_heads: bool,
    quiet: bool,
    local_files: tuple[Path, ...],
    **options: Any,
) -> None:
    """Score pictures by MODEL: the folder of a run, or one that `cliqa export` wrote.

    PATHS are files, folders and patterns. Higher is better. Exit code 0: all were scored; 1: some
    could not be, and their rows say why; 2: nothing could be done.
    """
    from cliqa.serving import find_images

    _check_places(out, sheet, overwrite)
    found = find_images(paths, recursive=recursive, pattern=pattern)
    _tell_found(found, quiet)
    let_threads_sleep()
    from cliqa.serving import load
    from cliqa.serving.files import FileScores

    scorer = load(model, registry=registry(ctx, local_files), **options)
    if not quiet:
        click.echo(
            f"{scorer.about['source']['method']}, gate {scorer.gate}: {scorer.scale}", err=True
        )
    scores = FileScores(scorer, found.paths, out, overwrite)
    rows = _run(scores, all_heads=all_heads, shown=not quiet)
    order = _order(sort)
    if out is None:
        _print(order(rows))
    elif sort != "input":
        scores.write(order)
    if sheet is not None:  # last: whatever goes wrong with it, the scores are there
        from cliqa.serving.sheet import write_sheet

        title = f"{scorer.about['source']['method']}, gate {scorer.gate}"
        write_sheet(sheet, rows, found.paths, title)
    failed = _tell_done(scores, sheet, quiet)
    if failed:
        ctx.exit(_SOME_FAILED)


def _check_places(out: Path | None, sheet: Path | None, overwrite: bool) -> None:
    if out is not None:
        from cliqa.serving.table import SUFFIXES

        if out.suffix.lower() not in SUFFIXES:
            raise ConfigError(f"--out {out}: expected a name that ends in {', '.join(SUFFIXES)}")
        if out.is_dir():
            raise ResultError(f"--out {out} is a folder; name a file")
    if sheet is not None:
        from cliqa.serving.sheet import check_sheet

        check_sheet(sheet, overwrite=overwrite)


def _tell_found(found: FoundImages, quiet: bool) -> None:
    if quiet:
        return
    if found.repeated:
        click.echo(f"{found.repeated} names led to files that were there already", err=True)
    if found.unreadable:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.unreadable.items()))
        click.echo(f"left out: {kinds}, camera formats that Pillow does not read", err=True)


def _run(scores: FileScores, *, all_heads: bool, shown: bool) -> Sequence[Row]:
    """Score under a bar; Ctrl-C keeps what is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from cliqa.resume import Interrupted, Interrupts

    console = Console(stderr=True)
    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    )
    with Interrupts() as interrupts:
        try:
            with bar:
                task = bar.add_task("", total=len(scores.paths), completed=scores.kept)
                return scores.run(
                    lambda: bar.advance(task), interrupts.deferred, all_heads=all_heads
                )
        except Interrupted as stop:
            scores.write()
            stop.saved = f"{len(scores.rows)} of {len(scores.paths)} images are scored"
            if scores.out is None:
                stop.saved += " and lost; with --out FILE the same command would go on"
            else:
                stop.saved += f" and in {scores.out}; the same command goes on"
            raise


def _order(sort: str) -> Callable[[Sequence[Row]], list[Row]]:
    from cliqa.serving.sheet import best_first

    def worst_first(rows: Sequence[Row]) -> list[Row]:
        scored = [row for row in best_first(rows) if row.score is not None]
        return scored[::-1] + [row for row in rows if row.score is None]

    def as_found(rows: Sequence[Row]) -> list[Row]:
        return list(rows)

    return {"input": as_found, "best": best_first, "worst": worst_first}[sort]


def _print(rows: Sequence[Row]) -> None:
    from cliqa.cli.tables import print_table

    remarks = any(row.error or row.note for row in rows)
    headers = ("score", "path", "remark") if remarks else ("score", "path")
    print_table(
        headers,
        [
            (
                "-" if row.score is None else f"{row.score:.4f}",
                row.path,
                *([f"error: {row.error}" if row.error else row.note] if remarks else []),
            )
            for row in rows
        ],
    )


def _tell_done(scores: FileScores, sheet: Path | None, quiet: bool) -> int:
    """Say what was done; returns how many files could not be scored."""
    failed = [row for row in scores.rows if row.score is None]
    if not quiet:
        fresh = len(scores.rows) - len(failed) - scores.kept
        text = f"{fresh} scored"
        if scores.kept:
            text += f", {scores.kept} kept from {scores.out}"
        shrunk = sum("to fit" in row.note for row in scores.rows)
        if shrunk:
            text += f", {shrunk} of them made smaller to fit --memory-gb (see their notes)"
        places = [f"table: {scores.out}"] if scores.out else []
        places += [f"contact sheet: {sheet}"] if sheet else []
        click.echo("; ".join([text, *places]), err=True)
    if failed:
        first = failed[0]
        click.echo(
            f"{len(failed)} of {len(scores.rows)} images could not be scored, first {first.path}: "
            f"{first.error}",
            err=True,
        )
    return len(failed)
