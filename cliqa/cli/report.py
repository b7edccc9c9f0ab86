"""`cliqa report`: one page about one run or many."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cliqa.cli.context import registry
from cliqa.errors import CliqaError, ResultError

if TYPE_CHECKING:
    from typing import BinaryIO

    from cliqa.registry import Registry
    from cliqa.report import Found

_path = click.Path(path_type=Path)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=_path, metavar="RUN...")
@click.option("--out", type=_path, default=Path("report.html"), show_default=True, help="The page.")
@click.option("--markdown", type=_path, metavar="FILE", help="Also write the tables as Markdown.")
@click.option(
    "--csv", "csv_folder", type=_path, metavar="DIR", help="Also write each table as CSV."
)
@click.option(
    "--images",
    default="",
    metavar="ID,ID",
    help="Ids of the test images to show; default: one of each test set.",
)
@click.option("--no-images", is_flag=True, help="Embed no pictures of test images.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.pass_context
def report(
    ctx: click.Context,
    runs: tuple[Path, ...],
    out: Path,
    markdown: Path | None,
    csv_folder: Path | None,
    images: str,
    no_images: bool,
    force: bool,
) -> None:
    """Write one HTML page about each RUN: a result's folder, or one with results below it.

    Methods that were trained beside a run are shown with it. The page needs no network.
    """
    from cliqa.report import (
        Context,
        build_report,
        find_runs,
        load_published,
        thumbnails,
        to_csv,
        to_html,
        to_markdown,
    )

    for target in (out, markdown, csv_folder):
        if target is not None:
            _check_target(target, force=force)
    found = find_runs(runs)
    plugins = registry(ctx)
    context = Context(
        higher_is_better=_directions(plugins, found),
        published=load_published(plugins, lambda line: click.echo(f"warning: {line}", err=True)),
        pictures=None if no_images else thumbnails(plugins),
        images=tuple(i for part in images.split(",") if (i := part.strip())),
    )
    made = build_report(found, context)
    files = {out: to_html(made)}
    if markdown:
        files[markdown] = to_markdown(made)
    if csv_folder:
        files |= {csv_folder / name: text for name, text in to_csv(made).items()}
    _write(files)
    for folder in found.unfinished:
        click.echo(f"warning: {folder} has not finished and is not shown", err=True)
    for run in found.missing:
        click.echo(f"warning: {run.folder}: {run.reason}", err=True)
    sections = f", {len(made.sections)} sections" if len(made.sections) > 1 else ""
    click.echo(f"{len(found.runs)} runs{sections}: {out}")


def _check_target(target: Path, *, force: bool) -> None:
    """Refuse to write into a run, over a file, or into a folder that holds other things."""
    from cliqa.results import FolderState, folder_state

    for parent in target.absolute().parents:
        if parent.is_dir() and folder_state(parent) in {
            FolderState.FINISHED,
            FolderState.UNFINISHED,
        }:
            raise ResultError(
                f"{target} lies in the run {parent}, which holds only what the run wrote; "
                "name a place outside of it"
            )
    if (target.is_file() or (target.is_dir() and any(target.iterdir()))) and not force:
        raise ResultError(f"{target} exists; use --force to replace it, or name another")


def _directions(plugins: Registry, found: Found) -> dict[str, bool]:
    """Whether a higher value is better, of each metric of the runs that a plugin still offers."""
    names = {
        key for run in found.runs for gate in run.bundle.metrics["gates"].values() for key in gate
    }
    directions = {}
    for registered in plugins.components("metric"):
        if registered.name in names:
            try:
                model = registered.config_model()
                metric = registered.create(model() if model else None)
                directions[registered.name] = bool(metric.higher_is_better)
            except (CliqaError, ValueError, AttributeError):
                continue  # without a direction its column gets no mark
    return directions


def _write(files: dict[Path, str]) -> None:
    from cliqa.results.files import write_atomic

    for path, text in files.items():
        write_atomic(path, partial(_fill, text.encode()))


def _fill(content: bytes, file: BinaryIO) -> None:
    file.write(content)
