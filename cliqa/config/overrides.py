"""Overrides of a configuration: `--set train.epochs=3`.

The value is YAML with the rules of `cliqa.config.yaml_source`. A number in the key path picks an
item of a list and `*` picks every item: `stream.tasks.*.images=50`. A component that is written as
plain text becomes a mapping when one of its settings is set; plain text in place of a mapping
replaces the component with all its settings.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cliqa.config.faults import Fault, KeyPath, Place, dotted, got, raise_faults
from cliqa.config.models import default_at
from cliqa.config.roles import as_mapping, is_reference
from cliqa.config.yaml_source import Document, Spot, parse_value
from cliqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Override", "apply_overrides"]


@dataclass(frozen=True)
class Override:
    """A value for a key, with the place where it was written.

    Attributes:
        key: the key path, as `stream.tasks.*.images`.
        value: the value.
        spot: where key and value were written.
        inner: path inside the value -> where that part was written, if known.
    """

    key: str
    value: Any
    spot: Spot
    inner: Mapping[KeyPath, Spot] = field(default_factory=dict)


def apply_overrides(document: Document, overrides: Sequence[str | Override]) -> Document:
    """Apply overrides in the order given.

    Args:
        document: the configuration as written; not changed.
        overrides: `KEY.PATH=VALUE` as text, or already read.

    Raises:
        ConfigError: overrides that are malformed or lead nowhere, all in one.
    """
    if not overrides:
        return document
    changed = Document(copy.deepcopy(document.data), dict(document.spots), document.origin)
    faults = []
    for override in overrides:
        place = Place(f"--set {override}") if isinstance(override, str) else override.spot.key
        try:
            given = _parse(override, place) if isinstance(override, str) else override
            _Writer(changed, given).put(changed.data, (), _keys_of(given.key), given.value)
        except _NowhereError as error:
            faults.append(Fault(place, (), str(error)))
    raise_faults(faults, "overrides")
    return changed


class _NowhereError(Exception):
    """The text says why an override cannot be applied."""


def _parse(override: str, place: Place) -> Override:
    key, equals, text = override.partition("=")
    if not equals:
        raise _NowhereError("expected KEY=VALUE, for example train.epochs=3")
    _keys_of(key.strip())  # a fault of the key is reported before one of the value
    try:
        return Override(key.strip(), parse_value(text, place), Spot(place, place))
    except ConfigError as error:
        raise _NowhereError(str(error).removeprefix(f"{place}: ")) from None


def _keys_of(key: str) -> list[str]:
    keys = key.split(".")
    if not all(keys):
        raise _NowhereError("the key path has an empty part; expected for example train.epochs")
    return keys


class _Writer:
    """Writes one override's value into a document and notes that it came from there."""

    def __init__(self, document: Document, override: Override) -> None:
        self.spots = document.spots
        self.override = override

    def put(self, node: Any, path: KeyPath, keys: Sequence[str], value: Any) -> None:
        """Follow `keys` from `node`, which stands at `path`, and write the value."""
        for key in _keys_in(node, path, keys[0]):
            here: KeyPath = (*path, key)
            if len(keys) == 1:
                node[key] = copy.deepcopy(value)
                self._mark(here)
                for inner, spot in self.override.inner.items():
                    self.spots[(*here, *inner)] = spot
            else:
                held = node[key] if isinstance(node, list) else node.get(key)
                node[key] = self._opened(held, here, keys[1])
                self.put(node[key], here, keys[1:], value)

    def _opened(self, held: Any, path: KeyPath, next_key: str) -> Any:
        """What stands at `path`, made fit to hold `next_key`."""
        if held is None:
            held = default_at(path) or None
            self._mark(path)
        if held is None and (next_key == "*" or next_key.isdecimal()):
            raise _NowhereError(
                f"`{dotted(path)}` has no items; set the whole list: {dotted(path)}=[...]"
            )
        if held is None:
            return {}
        return as_mapping(held) if is_reference(path) else held

    def _mark(self, path: KeyPath) -> None:
        for old in [p for p in self.spots if p[: len(path)] == path]:
            del self.spots[old]
        self.spots[path] = self.override.spot


def _keys_in(node: Any, path: KeyPath, key: str) -> Sequence[Any]:
    """The keys or list positions that one part of a key path stands for."""
    if isinstance(node, list):
        if not node:
            raise _NowhereError(f"`{dotted(path)}` is an empty list")
        if key == "*":
            return list(range(len(node)))
        if key.isdecimal() and key.isascii() and int(key) < len(node):
            return [int(key)]
        items = "0" if len(node) == 1 else f"0 to {len(node) - 1}"
        raise _NowhereError(f"`{dotted(path)}` has items {items} (or * for all), not `{key}`")
    if not isinstance(node, dict):
        raise _NowhereError(f"`{dotted(path)}` is {got(node)}, so it has no key `{key}`")
    if key == "*":
        raise _NowhereError(f"* stands for the items of a list; `{dotted(path)}` is a mapping")
    return [key]
