"""Names of cells: folders that a reader understands, and that stay when the grid grows.

The text of a value depends on the value and on the axes' names alone, never on the other values:
adding a value to an axis renames no cell that is already there.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from cliqa.config.faults import Place
from cliqa.config.yaml_source import parse_value
from cliqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cell_name", "short_keys", "value_text"]

#: What every file system can hold and no shell interprets; + joins the items of a list.
_SAFE: Final = "[A-Za-z0-9._-]*[A-Za-z0-9_-]"
_LONGEST_VALUE: Final = 40
_LONGEST_NAME: Final = 120
_NOWHERE: Final = Place("name")


def short_keys(keys: Sequence[str]) -> list[str]:
    """A short name for each axis: the last part of its key, or more where that is not unique.

    >>> short_keys(["stream.order", "gates.0.k", "stream.tasks.*.images"])
    ['order', 'k', 'images']
    >>> short_keys(["seed", "stream.split.seed"])
    ['seed', 'split-seed']
    """
    parts = [[part for part in key.split(".") if part != "*"] or [key] for key in keys]
    lengths = [_without_number(p) for p in parts]
    while True:
        short = ["-".join(p[-n:]) for p, n in zip(parts, lengths, strict=True)]
        folded = [s.casefold() for s in short]
        growing = [
            n
            for n, (p, f) in enumerate(zip(parts, folded, strict=True))
            if folded.count(f) > 1 and lengths[n] < len(p)
        ]
        if not growing:
            return [_stem(s) if re.fullmatch(_SAFE, s) else _hashed(s, s) for s in short]
        for n in growing:
            lengths[n] += 1
            while parts[n][-lengths[n]].isdecimal() and lengths[n] < len(parts[n]):
                lengths[n] += 1


def _without_number(parts: Sequence[str]) -> int:
    """How many parts from the end reach the last one that is no position in a list."""
    words = [n for n, part in enumerate(parts) if not part.isdecimal()]
    return len(parts) - words[-1] if words else len(parts)


def value_text(value: Any, shorts: Sequence[str] = ()) -> str:
    """A value as part of a name; a text that does not tell the whole value ends with its hash.

    Args:
        value: as written in the grid.
        shorts: the short names of all axes: a text must not look like the start of another part.

    >>> value_text(1e-4), value_text("II"), value_text({"name": "lwf", "as": "lwf-strong"})
    ('0.0001', 'II', 'lwf-strong')
    >>> value_text({"name": "lwf", "weight": 20})
    'lwf+weight-20'
    >>> value_text("some/weights.safetensors")
    'some-weights.safetensors-c2cbef7b'
    """
    stem, whole = _readable(value)
    ambiguous = any(f"_{short}-" in f"_{stem}-" for short in shorts)
    if whole and not ambiguous and len(stem) <= _LONGEST_VALUE:
        return stem
    return _hashed(stem, value)


def cell_name(parts: Sequence[tuple[str, str]]) -> str:
    """The name of a cell from the short name and text of each axis.

    >>> cell_name([("order", "I"), ("seed", "0")])
    'order-I_seed-0'
    """
    name = "_".join(f"{short}-{text}" for short, text in parts)
    return name if len(name) <= _LONGEST_NAME else f"{name[:100]}-{_digest(name)}"


def _readable(value: Any) -> tuple[str, bool]:
    """A text for a value, and whether it tells the whole value."""
    if isinstance(value, dict):
        label, name = value.get("as"), value.get("name")
        if isinstance(label, str):  # the author's own word for it
            return label, re.fullmatch(_SAFE, label) is not None
        if not isinstance(name, str):
            return "-".join(map(str, value)), False
        settings = {key: _scalar(v) for key, v in value.items() if key not in ("name", "as")}
        text = "+".join([name, *(f"{key}-{t}" for key, (t, _) in settings.items())])
        return text, all(whole for _, whole in (_scalar(name), *settings.values()))
    if isinstance(value, list):
        items = [_scalar(item) for item in value]
        return "+".join(t for t, _ in items), len(items) > 1 and all(whole for _, whole in items)
    return _scalar(value)


def _scalar(value: Any) -> tuple[str, bool]:
    if isinstance(value, dict | list):
        return _readable(value)[0], False
    text = value if isinstance(value, str) else json.dumps(value)
    if not re.fullmatch(_SAFE, text):
        return text, False
    try:
        read = parse_value(text, _NOWHERE)  # "1" in quotes is not the number 1
    except ConfigError:
        return text, False
    return text, type(read) is type(value) and read == value


def _hashed(text: str, value: Any) -> str:
    return f"{_stem(text)}-{_digest(value)}".lstrip("-")


def _stem(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text)[:32].strip("-._+")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
