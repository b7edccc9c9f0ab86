"""Finds the configuration that a user named: a file, or a shipped recipe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cliqa.config.faults import Fault, got
from cliqa.errors import ConfigError, UnknownComponentError
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable

    from cliqa.config.faults import KeyPath
    from cliqa.config.yaml_source import Document
    from cliqa.registry import Registry

__all__ = [
    "RegistryFactory",
    "Source",
    "find_source",
    "local_plugins",
    "looks_like_path",
    "move_split_files",
    "relative",
    "split_files",
]

#: Builds the registry once the local plugin files of a configuration are known.
RegistryFactory: TypeAlias = "Callable[[list[Path]], Registry]"

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """Where a configuration comes from.

    Attributes:
        path: the file to read.
        shown: its name in messages.
        name: the recipe's name or the file's stem.
        folder: what the paths of local plugins are relative to: the file's folder. A recipe lies
            inside an installed package, so there it is the current folder.
        registry: the registry without local plugins, if finding the source needed it.
    """

    path: Path | Traversable
    shown: str
    name: str
    folder: Path
    registry: Registry | None = None


def find_source(source: str | Path, registry_factory: RegistryFactory) -> Source:
    """Tell a path from a recipe's name, and look the recipe up.

    A path is what has a suffix or a path separator, or exists as a file.

    Raises:
        ConfigError: no such recipe, or a file that is not YAML by name.
    """
    path = Path(source)
    if isinstance(source, str) and not looks_like_path(source):
        registry = registry_factory([])
        try:
            recipe = registry.get("recipe", source).file()
        except UnknownComponentError as error:
            raise ConfigError(f"{error}\n{_file_hint(source)}") from None
        return Source(recipe, str(recipe), source, Path(), registry)
    if path.suffix not in _SUFFIXES and not path.is_dir():
        raise ConfigError(f"{source}: expected a file that ends in .yaml or .yml")
    return Source(path, str(source), path.stem, path.parent)


def looks_like_path(source: str, folder: Path = Path()) -> bool:
    """Whether a text is the path of a file, and not the name of a recipe or preset."""
    known = (folder / source).is_file()
    return bool(Path(source).suffix) or os.sep in source or "/" in source or known


def _file_hint(source: str) -> str:
    files = sorted(path.name for suffix in _SUFFIXES for path in Path().glob(f"*{suffix}"))
    hint = did_you_mean(f"{source}.yaml", files)
    return f"A configuration file is given by its path, for example ./{source}.yaml.{hint}"


def local_plugins(document: Document, folder: Path) -> tuple[list[Path], list[Fault]]:
    """The local plugin files that a configuration names, and what is wrong with them.

    A path in the file is relative to the file; a path in an override is relative to the current
    folder, as everything else on a command line. The latter is rewritten in the document, so that
    `plugins` always means the same thing.
    """
    written = document.data.get("plugins")
    files: list[Path] = []
    faults: list[Fault] = []
    for position, text in enumerate(written if isinstance(written, list) else []):
        if not isinstance(text, str):
            continue  # reported by the shape of the run
        path = ("plugins", position)
        place = document.value_place(path)
        overridden = place.line is None
        file = ((Path() if overridden else folder) / Path(text).expanduser()).resolve()
        if file.suffix != ".py":
            faults.append(Fault(place, path, f"expected a .py file, got {got(text)}"))
        elif not file.is_file():
            faults.append(Fault(place, path, f"no such plugin file: {file}"))
        if overridden and not Path(text).expanduser().is_absolute():
            document.data["plugins"][position] = relative(file, folder)
        files.append(file)
    return files, faults


def split_files(document: Document, folder: Path) -> list[Fault]:
    """What is wrong with the paths in `stream.split.files`.

    Paths are relative to what those of local plugins are, and one in an override is rewritten in
    the same way.
    """
    faults = []
    for holder, key, path in _split_paths(document):
        text, place = holder[key], document.value_place(path)
        overridden = place.line is None
        file = ((Path() if overridden else folder) / Path(text).expanduser()).resolve()
        if not file.exists():
            faults.append(Fault(place, path, f"no such file or folder: {file}"))
        if overridden and not Path(text).expanduser().is_absolute():
            holder[key] = relative(file, folder)
    return faults


def move_split_files(document: Document, folder: Path, target: Path) -> None:
    """Make the paths in `stream.split.files` of a configuration in `folder` fit for `target`."""
    if folder == target:
        return
    for holder, key, _ in _split_paths(document):
        if not Path(holder[key]).expanduser().is_absolute():
            holder[key] = relative((folder / holder[key]).resolve(), target)


def _split_paths(document: Document) -> list[tuple[dict[str, Any], str, KeyPath]]:
    """Every path in `stream.split.files`: what holds it, under which key, and its key path."""
    holder: Any = document.data
    for key in ("stream", "split"):
        holder = holder.get(key) if isinstance(holder, dict) else None
    files = holder.get("files") if isinstance(holder, dict) else None
    at: KeyPath = ("stream", "split", "files")
    if isinstance(files, str) and files:
        return [(holder, "files", at)]
    if not isinstance(files, dict):
        return []
    return [(files, k, (*at, k)) for k, text in files.items() if isinstance(text, str) and text]


def relative(file: Path, folder: Path) -> str:
    """The path of a file as a configuration in `folder` writes it."""
    found = Path(os.path.relpath(file, folder)).as_posix()
    return found if found.startswith("../") else f"./{found}"
