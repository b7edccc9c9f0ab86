"""The settings of a pydantic model as rows of a table."""

from __future__ import annotations

import json
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, PydanticInvalidForJsonSchema
from pydantic_core import to_jsonable_python

from cliqa.config.models import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["field_rows"]

_BOUNDS: Final = {
    "exclusiveMinimum": "> {}",
    "minimum": ">= {}",
    "exclusiveMaximum": "< {}",
    "maximum": "<= {}",
    "multipleOf": "multiple of {}",
    "minLength": "length >= {}",
    "maxLength": "length <= {}",
    "minItems": "items >= {}",
    "maxItems": "items <= {}",
    "pattern": "matches {}",
}


def field_rows(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str, str, str, str]]:
    """Name, type, default, bounds and description of each setting.

    A setting that is itself a model is followed by its own settings, as `outer.inner`.
    """
    properties = _properties(model)
    rows = []
    for name, field in model.model_fields.items():
        spelt = f"{prefix}{field.alias or name}"
        bounds = ", ".join(_bounds(properties.get(field.alias or name, {})))
        rows.append(
            (spelt, _spelt(field.annotation), _default(field), bounds, field.description or "")
        )
        inner = field.annotation
        known = (model, Ref)  # a component's settings are its plugin's, shown with the component
        if isinstance(inner, type) and issubclass(inner, BaseModel) and inner not in known:
            rows += field_rows(inner, f"{spelt}.")
    return rows


def _properties(model: type[BaseModel]) -> dict[str, Any]:
    try:
        properties: dict[str, Any] = model.model_json_schema().get("properties", {})
    except PydanticInvalidForJsonSchema:  # a type of the author's own: the other columns remain
        return {}
    return properties


def _bounds(schema: dict[str, Any]) -> Iterator[str]:
    for key, text in _BOUNDS.items():
        if key in schema:
            yield text.format(schema[key])
    for branch in schema.get("anyOf", []):  # `int | None` keeps its bounds in a branch
        yield from _bounds(branch)


def _spelt(annotation: Any) -> str:
    """A type as a reader writes it: without modules, and without validators."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is NoneType:
        return "null"
    if origin is Annotated:
        return _spelt(arguments[0])
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in arguments)
    if origin in (Union, UnionType):
        return " | ".join(_spelt(argument) for argument in arguments)
    if origin is not None and arguments:
        inner = ", ".join("..." if a is ... else _spelt(a) for a in arguments)
        return f"{getattr(origin, '__name__', origin)}[{inner}]"
    if annotation is Ref:
        return "component"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "computed"
    if isinstance(field.default, BaseModel) and not isinstance(field.default, Ref):
        return "as below"
    plain = to_jsonable_python(_as_written(field.default), fallback=str)
    return json.dumps(plain, ensure_ascii=False)


def _as_written(value: Any) -> Any:
    """A default with components as users write them: by name."""
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    return value.name if isinstance(value, Ref) else value
