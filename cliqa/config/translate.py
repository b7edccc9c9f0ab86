"""Turns pydantic's errors into faults: plain sentences at the place where the value was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cliqa.config.expected import choices, describe, fields_of, model_at, slot_at
from cliqa.config.faults import Fault, KeyPath, got
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from cliqa.config.yaml_source import Document

__all__ = ["Subject", "faults_of", "unknown_key"]

#: Errors that carry the plugin's or the model's own sentence.
_OWN_WORDS: Final = frozenset({"value_error", "assertion_error"})


@dataclass(frozen=True)
class Subject:
    """A mapping of settings that was validated.

    Attributes:
        model: what it was validated against.
        data: the mapping.
        document: where its values were written.
        base: key path of the mapping in the document.
        also_known: keys beside the model's own that may stand in it.
    """

    model: type[BaseModel]
    data: Mapping[str, Any]
    document: Document
    base: KeyPath = ()
    also_known: tuple[str, ...] = ()


class _Located(NamedTuple):
    path: KeyPath
    in_union: bool
    error: ErrorDetails


def faults_of(error: ValidationError, subject: Subject) -> list[Fault]:
    """Translate every error of one validation."""
    located = [_locate(details, subject.data) for details in error.errors(include_url=False)]
    return [_fault(item, subject) for item in _one_per_union(located)]


def _fault(item: _Located, subject: Subject) -> Fault:
    path, model = item.path, subject.model
    here = (*subject.base, *path)
    if item.error["type"] == "missing":
        return Fault(subject.document.key_place(here[:-1]), here, _missing(model, path))
    if item.error["type"] == "extra_forbidden":
        parent = model_at(model, path[:-1])
        known = list(fields_of(parent)) if parent else []
        known += subject.also_known if len(path) == 1 else ()
        return Fault(subject.document.key_place(here), here, unknown_key(str(path[-1]), known))
    text = _wrong_value(model, path, item.error)
    return Fault(subject.document.value_place(here), here, text)


def unknown_key(key: str, known: list[str]) -> str:
    """The sentence about a key that is not a setting."""
    if not known:
        return "unknown key; there are no settings here"
    hint = did_you_mean(key, known)
    return f"unknown key.{hint}" if hint else f"unknown key; known are {', '.join(known)}"


def _missing(model: type[BaseModel], path: KeyPath) -> str:
    parent = model_at(model, path[:-1])
    field = fields_of(parent).get(str(path[-1])) if parent else None
    about = f" ({field.description})" if field and field.description else ""
    return f"is missing{about}"


def _wrong_value(model: type[BaseModel], path: KeyPath, error: ErrorDetails) -> str:
    value = error["input"]
    if error["type"] in _OWN_WORDS:
        cause = error.get("ctx", {}).get("error")
        told = str(cause) if cause is not None and str(cause) else error["msg"]
        return told if isinstance(value, (dict, list)) else f"{told}, got {got(value)}"
    slot = slot_at(model, path)
    words = describe(slot) if slot else None
    if words is None or error["type"] == "finite_number":
        told = error["msg"].replace("Input should be", "expected")
        return f"{told[:1].lower()}{told[1:]}, got {got(value)}"
    hint = _hint(value, choices(slot) if slot else [], words)
    return f"expected {words}, got {got(value)}{hint}"


def _hint(value: Any, options: list[str], words: str) -> str:
    if isinstance(value, str) and words.startswith("true or false"):
        return "; yes, no, on and off are text"
    if isinstance(value, str):
        hint = did_you_mean(value, options)
        return f".{hint}" if hint else ""
    if isinstance(value, (int, float)) and words.startswith("text"):
        return f'; quote it: "{got(value)}"'
    return ""


def _locate(details: ErrorDetails, data: Mapping[str, Any]) -> _Located:
    """Drop from pydantic's location what is no key of the data, such as a union's branch."""
    *outer, last = details["loc"] or ("",)
    missing = details["type"] == "missing"
    path: list[str | int] = []
    node: Any = data
    for part in outer if missing else details["loc"]:
        inside = isinstance(node, list) and isinstance(part, int) and part < len(node)
        if inside or (isinstance(node, Mapping) and part in node):
            path.append(part)
            node = node[part]
    in_union = len(path) + missing < len(details["loc"])
    return _Located((*path, last) if missing else tuple(path), in_union, details)


def _one_per_union(located: list[_Located]) -> list[_Located]:
    """Keep one error where every branch of a union failed: that of the branch which got furthest.

    The sentence about a value names what all branches expect, so one is enough.
    """
    unions = {item.path for item in located if item.in_union}
    kept: dict[Any, _Located] = {}
    for number, item in enumerate(located):
        deeper = any(len(p) > len(item.path) and p[: len(item.path)] == item.path for p in unions)
        if not (item.in_union and deeper):
            kept.setdefault(item.path if item.in_union else number, item)
    return list(kept.values())
