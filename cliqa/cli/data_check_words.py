"""What a check found, in words for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import click

from cliqa.cli.tables import print_table

if TYPE_CHECKING:
    from types import TracebackType

    from cliqa.checking import SetReport

__all__ = ["Progress", "print_report"]

_SHOWN: Final = 3
_WIDTH: Final = 12


class Progress:
    """A bar on the terminal's error stream; nothing where that is no terminal."""

    def __init__(self, name: str, images: int, *, shown: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        off = not (shown and console.is_terminal)
        self._bar = Bar(*columns, console=console, transient=True, disable=off)
        self._task = self._bar.add_task(f"reading {name}", total=images)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """One more image is done."""
        self._bar.advance(self._task)


def print_report(report: SetReport) -> None:
    """Print what is known of a set, what is wrong with it last."""
    pseudo = " (pseudo-MOS: no human rated these very images)" if report.pseudo_scores else ""
    click.echo(f"{report.name}: {report.images:,} rated images{pseudo}\n")
    _print_scores(report.scores)
    _line("contents", _groups(report.groups))
    _print_sizes(report.sizes)
    _line("duplicates", _duplicates(report))
    _print_split(report.split)
    _print_distortions(report.distortions)
    _print_bad(report.bad)
    click.echo("")
    for warning in report.warnings:
        click.echo(f"warning: {warning}")
    for fault in report.faults:
        click.echo(f"fault: {fault}")
    faults = f"{len(report.faults)} fault{'s' if len(report.faults) > 1 else ''} found"
    click.echo(f"{report.name}: {faults if report.faults else 'fine'}")


def _line(label: str, text: str) -> None:
    click.echo(f"  {label:<{_WIDTH}}{text}")


def _print_scores(scores: dict[str, Any]) -> None:
    low, high = scores["quality"]
    raw = scores["score_raw"]
    declared = "..".join(f"{value:g}" for value in scores["declared"])
    _line("quality", f"{low:.4g}..{high:.4g}, declared {declared}, higher is better")
    _line("score", f"{raw[0]:.4g}..{raw[1]:.4g}; quality is the score {scores['direction']}")
    spread = scores["deviation"]
    values = (
        "" if spread is None else f", {spread[0]:.3g} to {spread[2]:.3g}, median {spread[1]:.3g}"
    )
    _line("deviations", f"of {scores['deviations']:,} images{values}" if spread else "none")
    for which in ("best", "worst"):
        shown = ", ".join(f"{s['sample_id']} ({s['quality']:.4g})" for s in scores[which])
        _line(which, shown)
    falling, count = scores["falls_with_level"]
    if count:
        _line("levels", f"quality falls as the level rises for {falling} of {count} distortions")


def _groups(groups: dict[str, int] | None) -> str:
    if groups is None:
        return "not known: each image is its own"
    alone = f"; {groups['ungrouped']:,} images without one" if groups["ungrouped"] else ""
    return f"{groups['groups']:,} of {groups['smallest']} to {groups['largest']} images{alone}"


def _print_sizes(sizes: dict[str, Any]) -> None:
    if not sizes:
        return
    smallest, median, largest = (
        "{}x{}".format(*sizes[key]) for key in ("smallest", "median", "largest")
    )
    if smallest == largest and sizes["different"] == 1:
        _line("size", f"all {smallest}")
    else:
        _line("size", f"{smallest} to {largest}, median {median}; {sizes['different']} different")
    turned = "turned upright" if sizes["exif_transpose"] else "used as stored"
    exif = f", {sizes['exif_rotated']:,} with an EXIF rotation ({turned})"
    _line("portrait", f"{sizes['portrait']:,}{exif if sizes['exif_rotated'] else ''}")
    modes = ", ".join(f"{mode} {count:,}" for mode, count in sizes["modes"].items())
    _line("stored as", modes)


def _duplicates(report: SetReport) -> str:
    if not report.duplicates:
        return "none"
    same = sum(group["same_file"] for group in report.duplicates)
    first = " = ".join(report.duplicates[0]["sample_ids"][:_SHOWN])
    return (
        f"{len(report.duplicates):,} pictures several times, {same:,} of them as equal files: "
        f"{first}, ..."
    )


def _print_split(split: dict[str, Any] | None) -> None:
    if split is None:
        _line("split", "impossible, see below")
        return
    parts = ", ".join(f"{part} {split[part]:,}" for part in ("train", "val", "test"))
    files = ", ".join(file["name"] for file in split.get("files", []))
    made = files or split["source"]
    drawn = f", by {split['by']}, seed {split['seed']}" if "by" in split else ""
    _line("split", f"{parts} ({made}{drawn})")


def _print_distortions(table: dict[str, dict[str, int]]) -> None:
    if not table:
        return
    levels = sorted({level for row in table.values() for level in row}, key=lambda n: (len(n), n))
    click.echo("")
    heads = [f"level {level}" if level != "-" else "no level" for level in levels]
    rows = [[kind, *(f"{row.get(level, 0):,}" for level in levels)] for kind, row in table.items()]
    print_table(["  distortion", *heads], [[f"  {row[0]}", *row[1:]] for row in rows])


def _print_bad(bad: list[dict[str, str]]) -> None:
    if not bad:
        return
    click.echo("")
    for image in bad[:_SHOWN]:
        place = f" ({image['path']})" if image["path"] else ""
        click.echo(f"  {image['kind']}: {image['sample_id']}{place}: {image['cause']}")
    if len(bad) > _SHOWN:
        click.echo(f"  ... and {len(bad) - _SHOWN:,} more; --json prints all")
