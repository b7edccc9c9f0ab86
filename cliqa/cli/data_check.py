"""`cliqa data check`: read a whole set and say what is wrong with it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cliqa.cli.context import local_option, registry
from cliqa.errors import CliqaError, ConfigError, MissingImagesError, ResultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from cliqa.checking import Scan, SetReport
    from cliqa.config import Resolved
    from cliqa.data import RatedDataset, Split, SplitRecord

_SHEET: Final = "contact-sheet"


@dataclass(frozen=True)
class _Set:
    """One set to check, and how it is divided."""

    resolved: Resolved
    divide: Callable[[RatedDataset], tuple[Split, SplitRecord]]


@click.command
@click.argument("name", metavar="SET")
@click.option("--root", metavar="DIR", help="Folder of the set: the same as --set root=DIR.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the dataset, or a value of the configuration; may be given several times.",
)
@click.option("--task", metavar="LABEL", help="Of a configuration, only this task.")
@click.option(
    "--split",
    metavar="SPLIT",
    help="The division under which equal pictures must not be parted: percentages, `official`, or "
    "the path of a division of one's own. Default: 70/10/20, or that of the configuration.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of a drawn division.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write a contact sheet here."
)
@click.option("--force", is_flag=True, help="Replace a contact sheet that exists.")
@click.option("--threads", type=click.IntRange(min=1), help="Images decoded at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as JSON.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@local_option
@click.pass_context
def check(ctx: click.Context, name: str, as_json: bool, **options: Any) -> None:
    """Read every image and score of SET and say what is wrong with it.

    SET is a dataset's name (`cliqa data list`) or a configuration, whose tasks are then checked.
    Exits with 0 if all is well, 1 if there are faults, 2 if the set could not be read at all.
    """
    try:
        reports = list(_checked(ctx, name, as_json=as_json, **options))
    except CliqaError as error:
        if as_json:
            click.echo(_json({"verdict": "unreadable", "error": str(error), "sets": []}))
        raise
    faulty = any(report.faults for report in reports)
    if as_json:
        verdict = "faults" if faulty else "fine"
        click.echo(_json({"verdict": verdict, "sets": [report.dump() for report in reports]}))
    if faulty:
        ctx.exit(1)


def _checked(
    ctx: click.Context,
    name: str,
    *,
    as_json: bool,
    out: Path | None,
    force: bool,
    threads: int | None,
    quiet: bool,
    **options: Any,
) -> Iterator[SetReport]:
    """Check one set after the other; no more than one is in memory."""
    from cliqa.cli.data_check_words import print_report

    sets = _sets(ctx, name, **options)
    sheets = _sheet_paths(out, sets, force=force)
    for one, sheet in zip(sets, sheets, strict=True):
        report = _check(one, sheet, threads, progress=not (quiet or as_json))
        if not as_json:
            print_report(report)
            if sheet is not None:
                click.echo(f"Contact sheet: {sheet}\n")
        yield report


def _sets(
    ctx: click.Context,
    name: str,
    *,
    root: str | None,
    overrides: tuple[str, ...],
    task: str | None,
    split: str | None,
    seed: int,
    local_files: tuple[Path, ...],
) -> list[_Set]:
    from cliqa.config import load_component

    if Path(name).suffix in {".yaml", ".yml"}:
        if root is not None or split is not None:
            raise ConfigError(
                f"{name} says itself where its sets are and how they are divided; change it with "
                "--set, for example --set stream.tasks.0.root=DIR"
            )
        return _of_configuration(ctx, name, overrides, task)
    if task is not None:
        raise ConfigError(f"--task picks a task of a configuration; `{name}` is a dataset")
    settings = list(overrides)
    if root is not None:
        settings.append(f"root={json.dumps(root)}")
    found = load_component(
        "dataset",
        name,
        command="cliqa data check",
        overrides=settings,
        registry=registry(ctx, local_files),
    )
    return [_Set(found, partial(_divided, split=split or "70/10/20", label=name, seed=seed))]


def _of_configuration(
    ctx: click.Context, name: str, overrides: Sequence[str], label: str | None
) -> list[_Set]:
    from cliqa.config import load_config
    from cliqa.data import divide
    from cliqa.registry import did_you_mean

    config = load_config(
        name, overrides=overrides, registry_factory=lambda files: registry(ctx, files)
    )
    everything = [(task, False) for task in config.tasks]
    everything += [(task, True) for task in config.evaluate_only]
    labels = [task.label for task, _ in everything]
    if label is not None and label not in labels:
        near = did_you_mean(label, labels)
        raise ConfigError(f"{name} has no task `{label}`.{near} Its tasks: {', '.join(labels)}")
    return [
        _Set(task, partial(divide, label=task.label, config=config, whole=whole))
        for task, whole in everything
        if label in (None, task.label)
    ]


def _divided(
    dataset: RatedDataset, *, split: str, label: str, seed: int
) -> tuple[Split, SplitRecord]:
    from cliqa.config import SplitConfig
    from cliqa.data import find_split, make_split, read_split, split_record

    if split != "official" and not re.fullmatch(r"\d+/\d+/\d+", split):
        return read_split(dataset, find_split(Path(split).expanduser(), label, own=True))
    protocol = SplitConfig(protocol=split).protocol
    return (
        make_split(dataset, protocol, by="reference", seed=seed),
        split_record(protocol, by="reference", seed=seed),
    )


def _check(one: _Set, sheet: Path | None, threads: int | None, *, progress: bool) -> SetReport:
    from cliqa.checking import check_set, contact_sheet, scan, sheet_rows
    from cliqa.cli.data_check_words import Progress

    dataset, missing = _build(one.resolved)
    rows = set(sheet_rows(dataset)) if sheet is not None else set()
    label = one.resolved.label
    with Progress(label, len(dataset.table), shown=progress) as shown:
        seen = scan(dataset, threads=threads, thumbnails=rows, advance=shown.advance)
    report = check_set(label, dataset, seen, one.divide, missing=missing)
    if sheet is not None:
        _write(sheet, contact_sheet(label, dataset, seen), seen)
    return report


def _build(resolved: Resolved) -> tuple[RatedDataset, tuple[str, ...]]:
    """The set, and the images it lists that are not there: it is checked without them."""
    from dataclasses import replace

    from cliqa.data import build_dataset

    try:
        return build_dataset(resolved), ()
    except MissingImagesError as error:
        config = resolved.config
        if config is None or "allow_missing" not in type(config).model_fields:
            raise
        lenient = config.model_copy(update={"allow_missing": len(error.images)})
        return build_dataset(replace(resolved, config=lenient)), error.images


def _sheet_paths(out: Path | None, sets: Sequence[_Set], *, force: bool) -> list[Path | None]:
    if out is None:
        return [None] * len(sets)
    single = len(sets) == 1
    names = [_SHEET if single else f"{_SHEET}-{one.resolved.label}" for one in sets]
    paths = [out / f"{name}.jpg" for name in names]
    for path in paths:
        if path.exists() and not force:
            raise ResultError(f"{path} exists; use --force to replace it, or name another folder")
    return list(paths)


def _write(path: Path, picture: Any, seen: Scan) -> None:
    from cliqa.results.files import write_atomic

    def fill(file: BinaryIO) -> None:
        picture.save(file, "JPEG", quality=88)

    write_atomic(path, fill)
    seen.thumbnails.clear()


def _json(value: dict[str, Any]) -> str:
    from cliqa.results.layout import plain

    return json.dumps(plain(value), indent=2, ensure_ascii=False)
