"""Says in plain words what a field of a settings model expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel

from cliqa.config.base import alternatives
from cliqa.config.models import Ref

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from cliqa.config.faults import KeyPath

__all__ = ["Slot", "choices", "describe", "fields_of", "model_at", "slot_at"]

_NOUNS: Final[dict[Any, str]] = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a path",
    type(None): "null",
}

#: Attribute of a constraint -> its words.
_BOUNDS: Final = {
    "ge": "at least {}",
    "gt": "above {}",
    "le": "at most {}",
    "lt": "below {}",
    "multiple_of": "a multiple of {}",
    "min_length": "length at least {}",
    "max_length": "length at most {}",
    "pattern": "matching {}",
}


@dataclass(frozen=True)
class Slot:
    """The type of one place in a configuration, with its constraints."""

    annotation: Any
    metadata: tuple[Any, ...] = ()


def slot_at(model: type[BaseModel], path: KeyPath) -> Slot | None:
    """What stands at `path` inside `model`; None if the model does not say."""
    slot: Slot | None = Slot(model)
    for key in path:
        slot = _step(slot, key) if slot else None
    return slot


def model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model of the mapping at `path` inside `model`."""
    slot = slot_at(model, path)
    found = [t for t in alternatives(slot.annotation) if _is_model(t)] if slot else []
    return found[0] if found else None


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the key that a configuration uses."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def choices(slot: Slot) -> list[str]:
    """The texts that a slot with a fixed set of values accepts."""
    return [str(value) for t in alternatives(slot.annotation) for value in _values(t)]


def describe(slot: Slot) -> str | None:
    """Plain words such as `an integer (at least 1), or null`; None for types without any."""
    words = [_noun(t) for t in alternatives(slot.annotation)]
    if not words or None in words:
        return None
    *most, last = dict.fromkeys(str(word) for word in words)
    bounds = [
        text.format(getattr(constraint, name))
        for constraint in _constraints(slot)
        for name, text in _BOUNDS.items()
        if getattr(constraint, name, None) is not None
    ]
    limit = f" ({' and '.join(bounds)})" if bounds else ""
    if not most:
        return f"{last}{limit}"
    # Bounds are those of the numbers, whatever else is accepted beside them.
    numbers = [place for place, word in enumerate(most) if word in (_NOUNS[int], _NOUNS[float])]
    most[numbers[-1] if numbers else -1] += limit
    return f"{', '.join(most)}, or {last}"


def _step(slot: Slot, key: str | int) -> Slot | None:
    for t in alternatives(slot.annotation):
        if _is_model(t) and key in fields_of(t):
            info = fields_of(t)[str(key)]
            return Slot(info.annotation, tuple(info.metadata))
        origin, arguments = get_origin(t), get_args(t)
        if isinstance(key, int) and arguments and _is(origin, Sequence):
            positional = origin is tuple and Ellipsis not in arguments and key < len(arguments)
            return Slot(arguments[key if positional else 0])
        if isinstance(key, str) and len(arguments) == 2 and _is(origin, Mapping):
            return Slot(arguments[1])
    return None


def _noun(t: Any) -> str | None:
    values = _values(t)
    if values:
        return f"one of {', '.join(str(v) for v in values)}"
    if t is Ref:
        return "a component's name or a mapping with `name`"
    origin = get_origin(t) or t
    if _is_model(t) or _is(origin, Mapping):
        return "a mapping"
    if origin in _NOUNS:
        return _NOUNS[origin]
    return "a list" if _is(origin, Sequence) else None


def _values(t: Any) -> tuple[Any, ...]:
    if get_origin(t) is Literal:
        return get_args(t)
    return tuple(member.value for member in t) if _is(t, Enum) else ()


def _constraints(slot: Slot) -> list[Any]:
    inner = [m for t in (slot.annotation, *get_args(slot.annotation)) for m in _metadata_of(t)]
    return [*slot.metadata, *inner]


def _metadata_of(annotation: Any) -> tuple[Any, ...]:
    written = getattr(annotation, "__metadata__", ())
    # `Annotated[int, Field(ge=1)]` holds its constraints one level deeper.
    return tuple(m for item in written for m in getattr(item, "metadata", (item,)))


def _is(t: Any, base: type) -> bool:
    return isinstance(t, type) and issubclass(t, base)


def _is_model(t: Any) -> bool:
    return _is(t, BaseModel)
