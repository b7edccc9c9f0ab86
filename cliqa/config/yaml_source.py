"""Reads YAML into plain values and remembers where each was written.

The dialect is the JSON-like core of YAML 1.2. PyYAML implements YAML 1.1, which differs in ways
that corrupt an experiment silently: there `1e-4` is text, `010` is 8, `1:30` is 90, and `no` is
false. Here numbers are written as in Python or JSON, only `true` and `false` (also `True`, `TRUE`)
are booleans, and `yes`, `no`, `on`, `off` and dates are text, so that a field that wants a boolean
says so.

Refused: tags (`!!python/...`), duplicate keys, keys that are not text, and anchors, aliases and
merge keys: a configuration of a run is written out in full, and an alias can grow a small file
without bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from cliqa.config.faults import Fault, KeyPath, Place, got, raise_faults
from cliqa.errors import ConfigError
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable

__all__ = ["CORE_SCHEMA", "Document", "Spot", "parse_text", "parse_value", "read_yaml"]

_DEEPEST: Final = 32
_PLAIN: Final = "tag:yaml.org,2002:"

#: Tag -> (what a plain scalar must look like, its possible first characters).
CORE_SCHEMA: Final = {
    f"{_PLAIN}null": (r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    f"{_PLAIN}bool": (r"(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    f"{_PLAIN}int": (r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    f"{_PLAIN}float": (
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
}


class Spot(NamedTuple):
    """Where a key and its value start; an item of a list has one place for both."""

    key: Place
    value: Place


@dataclass(frozen=True)
class Document:
    """A configuration as written: plain values, and the place of each.

    Attributes:
        data: the values.
        spots: key path to the places of key and value.
        origin: the file as the user named it.
    """

    data: dict[str, Any]
    spots: dict[KeyPath, Spot]
    origin: str

    def key_place(self, path: KeyPath) -> Place:
        """Where the key at `path`, or else the nearest thing around it, was written."""
        return self._spot(path).key

    def value_place(self, path: KeyPath) -> Place:
        """Where the value at `path`, or else the nearest thing around it, was written."""
        return self._spot(path).value

    def _spot(self, path: KeyPath) -> Spot:
        while path and path not in self.spots:
            path = path[:-1]
        return self.spots[path]


def read_yaml(path: Path | Traversable, shown: str) -> Document:
    """Read a configuration file.

    Args:
        path: the file.
        shown: its name in messages.

    Raises:
        ConfigError: it cannot be read, or is not a mapping in the dialect above.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{shown}: no such file{_near(path)}") from None
    except IsADirectoryError:
        raise ConfigError(f"{shown}: is a folder, expected a .yaml file") from None
    except OSError as error:
        raise ConfigError(f"{shown}: cannot be read: {error.strerror}") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        place = _place_at(before, len(before), shown)
        problem = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ConfigError(f"{place}: {problem}") from None
    return parse_text(text, shown)


def _near(path: Path | Traversable) -> str:
    beside = path.parent.glob("*.y*ml") if isinstance(path, Path) else ()
    return "." + did_you_mean(path.name, sorted(file.name for file in beside))


def parse_text(text: str, origin: str) -> Document:
    """Parse the text of a configuration; `origin` names it in messages."""

    def place(mark: yaml.Mark) -> Place:
        return Place(origin, mark.line + 1, mark.column + 1)

    data, spots = _parse(text, place, _place_at(text, 0, origin))
    if data is None:
        raise ConfigError(
            f"{origin}:1:1: is empty; expected a mapping such as `backbone: resnet18`"
        )
    if not isinstance(data, dict):
        top = spots[()].value
        raise ConfigError(f"{top}: expected a mapping at the top level, got {got(data)}")
    return Document(data, spots, origin)


def parse_value(text: str, place: Place) -> Any:
    """Parse the value of an override, which may be any YAML; `place` names the override."""
    return _parse(text, lambda _mark: place, place)[0]


def _parse(
    text: str, place: Callable[[yaml.Mark], Place], start: Place
) -> tuple[Any, dict[KeyPath, Spot]]:
    builder = _Builder(place)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = place(mark) if mark else start
        raise ConfigError(f"{where}: {_plain_problem(error)}") from None
    except yaml.reader.ReaderError as error:
        where = start if start.line is None else _place_at(text, error.position, start.origin)
        code = f"U+{ord(text[error.position]):04X}"
        raise ConfigError(f"{where}: the character {code} is not allowed in YAML") from None
    if node is None:
        return None, {(): Spot(start, start)}
    builder.spots[()] = Spot(place(node.start_mark), place(node.start_mark))
    data = builder.build(node, ())
    raise_faults(builder.faults, start.origin)
    return data, builder.spots


def _place_at(text: str, offset: int, origin: str) -> Place:
    before = text[:offset]
    return Place(origin, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def _plain_problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not valid YAML"
    if r"'\t'" in problem:
        return "a tab cannot indent YAML; use spaces"
    return " ".join(part for part in (problem, error.context and f"({error.context})") if part)


class _Loader(yaml.SafeLoader):
    """SafeLoader with the core schema; it only composes nodes, `_Builder` makes the values."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML copies it on write)
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            self._refuse(
                "anchors (&) and aliases (*) are not supported: write the value out, or "
                "quote a text that starts with & or *"
            )
        if getattr(event, "tag", None) is not None:
            self._refuse("tags (!) are not supported: quote a text that starts with !")
        self.depth += 1
        if self.depth > _DEEPEST:
            self._refuse(f"nested more than {_DEEPEST} levels deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refuse(self, problem: str) -> None:
        raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)


for _tag, (_pattern, _first) in CORE_SCHEMA.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


class _Builder:
    """Turns a tree of YAML nodes into plain values, spots and faults."""

    def __init__(self, place: Callable[[yaml.Mark], Place]) -> None:
        self.place = place
        self.spots: dict[KeyPath, Spot] = {}
        self.faults: list[Fault] = []

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _item(self, node: yaml.Node, path: KeyPath) -> Any:
        self.spots[path] = Spot(self.place(node.start_mark), self.place(node.start_mark))
        return self.build(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            here = (*path, key)
            place = self.place(key_node.start_mark)
            if key in values:
                first = self.spots[here].key
                self.faults.append(
                    Fault(place, here, f"the key is written twice, first at {first}")
                )
                continue
            self.spots[here] = Spot(place, self.place(value_node.start_mark))
            values[key] = self.build(value_node, here)
        return values

    def _key(self, node: yaml.Node, path: KeyPath) -> str | None:
        key = self.build(node, path)
        merge = key == "<<" and getattr(node, "style", None) is None
        if isinstance(key, str) and not merge:
            return key
        hint = "" if isinstance(key, (dict, list)) else f'; quote it: "{node.value}"'
        problem = f"keys must be text, got {got(key)}{hint}"
        if merge:
            problem = "merge keys (<<) are not supported: write the values out"
        self.faults.append(Fault(self.place(node.start_mark), path, problem))
        return None

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        kind, text = node.tag.removeprefix(_PLAIN), str(node.value)
        try:
            # JSON, which is YAML too, writes a character beyond U+FFFF as a pair of surrogates.
            return _CONVERT[kind](text.encode("utf-16-le", "surrogatepass").decode("utf-16-le"))
        except UnicodeError:
            problem = "an unpaired surrogate is not a character"
        except ValueError:
            problem = f"a number of {len(text)} digits is too long"
        self.faults.append(Fault(self.place(node.start_mark), path, problem))
        return None


def _int(text: str) -> int:
    prefix = text[:2]
    return int(text, 8 if prefix == "0o" else 16 if prefix == "0x" else 10)


def _float(text: str) -> float:
    # YAML writes infinity and not-a-number with a dot in front: `-.inf`, `.nan`.
    return float(re.sub(r"\.(?=[in])", "", text.lower()))


_CONVERT: Final[dict[str, Callable[[str], Any]]] = {
    "null": lambda _text: None,
    "bool": lambda text: text.lower() == "true",
    "int": _int,
    "float": _float,
    "str": str,
}
