"""`extends`: a configuration that is written as the difference to others.

```yaml
extends: [released-code, embedded-tasks]   # presets, recipes or files; the later one wins
strategy: tsn-iqa                          # what is written here wins over all of them
```

Mappings are merged key by key, lists and plain values replace what was there. A component is
merged with the one it changes if it has the same name or gives none; another name replaces it
with all its settings.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.config.faults import Fault, KeyPath, got, raise_faults
from cliqa.config.roles import as_mapping, is_reference
from cliqa.config.source import (
    Source,
    local_plugins,
    looks_like_path,
    move_split_files,
    relative,
)
from cliqa.config.yaml_source import Document, Spot, read_yaml
from cliqa.errors import ConfigError
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from cliqa.config.source import RegistryFactory
    from cliqa.registry import Registry

__all__ = ["EXTENDS", "extend", "merge"]

EXTENDS: Final = "extends"
_KINDS: Final = ("preset", "recipe")


def extend(
    document: Document, source: Source, registry_factory: RegistryFactory
) -> tuple[Document, Registry | None]:
    """Merge a configuration with all that it extends.

    Args:
        document: the configuration as written; not changed.
        source: where it comes from.
        registry_factory: as for `cliqa.config.load_config`.

    Returns:
        The merged configuration, without the key `extends`; and the registry in which presets were
        looked up, None if none was needed.

    Raises:
        ConfigError: a name that is unknown, a file that cannot be read, a circle.
    """
    if EXTENDS not in document.data:
        return document, source.registry
    reader = _Reader(registry_factory, source.registry, document, source.folder)
    return reader.extended(document, source.folder, (source.shown,)), reader.found


@dataclass
class _Reader:
    """Finds and merges what a configuration extends."""

    factory: RegistryFactory
    found: Registry | None
    main: Document
    folder: Path
    _own: list[Path] = field(default_factory=list)

    def extended(self, document: Document, folder: Path, chain: tuple[str, ...]) -> Document:
        """The document merged onto all that it extends."""
        base: Document | None = None
        for place, name in self._names(document):
            parent = self._source(name, folder, place)
            if parent.shown in chain:
                circle = " -> ".join((*chain, parent.shown))
                raise_faults([Fault(place.value, (EXTENDS,), f"a circle: {circle}")], chain[0])
            read = read_yaml(parent.path, parent.shown)
            _move_plugins(read, parent.folder, self.folder)
            move_split_files(read, parent.folder, self.folder)
            whole = self.extended(read, parent.folder, (*chain, parent.shown))
            base = whole if base is None else merge(base, whole)
        return _without_extends(document if base is None else merge(base, document))

    def _names(self, document: Document) -> list[tuple[Spot, str]]:
        written = document.data.get(EXTENDS)
        if written is None:
            return []
        single = isinstance(written, str)
        items = [written] if single else written
        if not isinstance(items, list) or not all(isinstance(i, str) and i for i in items):
            text = f"expected the name of a preset, recipe or file, or a list, got {got(written)}"
            raise_faults([Fault(document.value_place((EXTENDS,)), (EXTENDS,), text)], "")
        paths: list[KeyPath] = [(EXTENDS,) if single else (EXTENDS, i) for i in range(len(items))]
        return [(document.spots[path], item) for path, item in zip(paths, items, strict=True)]

    def _source(self, name: str, folder: Path, place: Spot) -> Source:
        if looks_like_path(name, folder):
            path = folder / name
            return Source(path, str(path), path.stem, path.parent)
        for kind in _KINDS:
            names = {c.name for c in self._registry().components(kind)}
            if name in names:
                file = self._registry().get(kind, name).file()
                return Source(file, str(file), name, Path())
        known = {c.name for kind in _KINDS for c in self._registry().components(kind)}
        text = f"there is no preset or recipe `{name}`.{did_you_mean(name, known)} `cliqa list "
        text += "presets` prints them; a file is named by its path, for example ./base.yaml"
        raise ConfigError(str(Fault(place.value, (EXTENDS,), text)))

    def _registry(self) -> Registry:
        if self.found is None:
            files, _ = local_plugins(self.main, self.folder)  # faults there are reported later
            self.found = self.factory([file for file in files if file.is_file()])
        return self.found


def merge(base: Document, over: Document) -> Document:
    """`over` on top of `base`; every value keeps the place where it was written."""
    merged = Document(copy.deepcopy(base.data), dict(base.spots), over.origin)
    merged.spots[()] = over.spots[()]
    _merge_mapping(merged, merged.data, over, over.data, ())
    return merged


def _merge_mapping(
    merged: Document, below: dict[str, Any], over: Document, above: dict[str, Any], path: KeyPath
) -> None:
    for key, value in above.items():
        here = (*path, key)
        held = _held(below, key, value, here)
        if isinstance(held, dict) and isinstance(value, dict):
            below[key] = held
            merged.spots[here] = over.spots[here]
            _merge_mapping(merged, held, over, value, here)
            continue
        below[key] = copy.deepcopy(value)
        for old in [p for p in merged.spots if p[: len(here)] == here]:
            del merged.spots[old]
        merged.spots.update({p: s for p, s in over.spots.items() if p[: len(here)] == here})


def _held(below: dict[str, Any], key: str, value: Any, path: KeyPath) -> Any:
    """What `value` is merged with: nothing, if it is another component than the one there."""
    held = below.get(key)
    if not is_reference(path) or not isinstance(value, dict):
        return held
    held = as_mapping(held)
    same = isinstance(held, dict) and value.get("name", held.get("name")) == held.get("name")
    return held if same else None


def _without_extends(document: Document) -> Document:
    data = {key: value for key, value in document.data.items() if key != EXTENDS}
    spots = {path: spot for path, spot in document.spots.items() if path[:1] != (EXTENDS,)}
    return Document(data, spots, document.origin)


def _move_plugins(document: Document, folder: Path, target: Path) -> None:
    """Make the plugin files of an extended configuration relative to the one that is run."""
    written = document.data.get("plugins")
    if not isinstance(written, list) or folder == target:
        return
    document.data["plugins"] = [
        relative((folder / text).resolve(), target)
        if isinstance(text, str) and not Path(text).expanduser().is_absolute()
        else text
        for text in written
    ]
