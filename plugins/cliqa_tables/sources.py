"""From the settings to tables: a file, a folder, a set saved by `datasets`, a Hub dataset."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.hub import hub_folder
from cliqa.registry import did_you_mean
from cliqa_tables.columns import Columns, Found, fault
from cliqa_tables.formats import FORMATS, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa_tables.config import RatedImagesConfig

__all__ = ["find"]

#: The table of a Hugging Face image folder.
_METADATA: Final = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
#: What is fetched from the Hub: tables and pictures, never programs.
_WANTED: Final = tuple(
    f"*{ending}"
    for lower in (*FORMATS, ".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
    for ending in (lower, lower.upper())
)
#: Says which files make which part of which configuration of a Hub dataset.
_CARD: Final = "README.md"
#: Leave a set saved by `Dataset.save_to_disk` and `DatasetDict.save_to_disk`.
_SAVED: Final = ("state.json", "dataset_dict.json")


def find(config: RatedImagesConfig) -> Found:
    """Find the tables that the settings name.

    Raises:
        DataError: there is nothing of the kind, or it cannot be read.
    """
    if config.hub is None:
        path = Path(config.data or "").expanduser()
        return _local(config, path, path.name or str(path))
    assert config.revision is not None  # noqa: S101  # the settings were checked
    fetched = hub_folder(
        config.hub,
        config.revision,
        [_CARD, *(config.files or _WANTED)],
        asker="dataset `rated-images`",
        advice="use local files (`data: FOLDER`)",
    )
    inside = posixpath.normpath((config.data or ".").replace("\\", "/"))
    if posixpath.isabs(inside) or inside.startswith(".."):
        raise fault(f"`data: {config.data}` leads out of {config.hub}")
    path = fetched.path / inside
    found = _local(config, path, f"{config.hub}/{config.data}" if config.data else config.hub)
    info = found.info | {"source": f"{config.hub} at {fetched.commit}"}
    return replace(found, closed=True, info=info)


def _local(config: RatedImagesConfig, path: Path, name: str) -> Found:
    if path.is_file():
        parts = [read_table(path, str(path), sheet=config.sheet)]
        return Found(_chosen(config, parts, name), path.parent, info={"source": name})
    if not path.is_dir():
        raise fault(
            f"`{path}` does not exist; `data` is a table or a folder, relative to the current "
            f"folder {Path.cwd()}"
        )
    parts = list(_folder_parts(config, path))
    return Found(_chosen(config, parts, name), path, info={"source": name})


def _folder_parts(config: RatedImagesConfig, path: Path) -> Iterator[Columns]:
    """The tables of a folder, by what lies in it."""
    if any((path / name).is_file() for name in _SAVED):
        import datasets

        yield from _of_datasets(_opened(path, lambda: datasets.load_from_disk(str(path))), path)
        return
    if own := _metadata(path):
        yield read_table(own, str(own))
        return
    below = sorted(p for p in path.iterdir() if p.is_dir() and _metadata(p))
    if below:
        for folder in below:
            file = _metadata(folder)
            if file:
                yield _moved(replace(read_table(file, str(file)), part=folder.name), folder.name)
        return
    if any(path.rglob("*.parquet")):
        yield from _shards(config, path)
        return
    tables = sorted(p.name for p in path.iterdir() if p.suffix.casefold() in FORMATS)
    listed = f"it has {', '.join(tables[:5])}: name one, such as `data: .../{tables[0]}`"
    raise fault(
        f"no table found in the folder `{path}`: looked for {', '.join(_METADATA)}, parquet files "
        f"and a set saved by `datasets`; {listed if tables else 'name the table itself'}"
    )


def _metadata(folder: Path) -> Path | None:
    return next((folder / name for name in _METADATA if (folder / name).is_file()), None)


def _moved(columns: Columns, folder: str) -> Columns:
    """File names relative to the folder above."""
    if "file_name" not in columns.cells:
        return columns
    names = [None if n is None else f"{folder}/{n}" for n in columns.values("file_name")]
    return replace(columns, cells={**columns.cells, "file_name": names})


def _shards(config: RatedImagesConfig, path: Path) -> Iterator[Columns]:
    """Parquet files, whose names or whose card say to which part they belong."""
    import datasets

    load = lambda: datasets.load_dataset(str(path), name=config.subset)  # noqa: E731
    yield from _of_datasets(_opened(path, load), path)


def _opened(path: Path, load: Any) -> dict[str | None, Any]:
    """Parts of a set by name; a set that is not stored in parts has the name None."""
    import datasets

    shown = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        found = load()
    except Exception as error:  # whatever a damaged file or an unknown configuration raises
        told = (str(error) or type(error).__name__).splitlines()[0]
        raise fault(f"`{path}` cannot be read by `datasets`: {told}") from None
    finally:
        if not shown:
            datasets.enable_progress_bars()
    return dict(found) if isinstance(found, dict) else {None: found}


def _of_datasets(parts: dict[str | None, Any], path: Path) -> Iterator[Columns]:
    for name, part in parts.items():
        table = part.with_format("arrow")[:]
        place = str(path) if name is None else f"{path} ({name})"
        cells = {column: table[column] for column in table.column_names}
        yield Columns(place, cells, part=None if name is None else str(name))


def _chosen(config: RatedImagesConfig, parts: list[Columns], name: str) -> list[Columns]:
    """All parts, or the one that is asked for."""
    if config.part is None:
        # One part is no division.
        return [replace(parts[0], part=None)] if len(parts) == 1 else parts
    names = [part.part for part in parts if part.part is not None]
    if config.part not in names:
        hint = did_you_mean(config.part, names)
        held = f"its parts are {', '.join(names)}" if names else "it is not stored in parts"
        raise fault(f"`{name}` has no part `{config.part}`; {held}.{hint}")
    return [replace(part, part=None) for part in parts if part.part == config.part]
