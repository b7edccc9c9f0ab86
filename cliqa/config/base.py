"""The base class of every component's settings."""

from __future__ import annotations

import types
from typing import Annotated, Any, Final, Literal, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    ValidationInfo,
    WrapValidator,
    field_validator,
)
from pydantic_core import PydanticKnownError

__all__ = ["ComponentConfig", "alternatives"]

_NUMBERS: Final = frozenset({int, float})
_SCALARS: Final = frozenset({int, float, bool, type(None)})
_CONVERTERS: Final = (BeforeValidator, PlainValidator, WrapValidator)


class ComponentConfig(BaseModel):
    """Settings of one component: unknown keys are refused, values never change after validation.

    Give every field a default, a bound and a description: the description is what
    `cliqa show` prints.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def without_weights(self) -> Self:
        """Settings of a backbone of the same shape that reads and downloads no weights.

        A trained model is rebuilt from them, and every tensor is then replaced by the model's own.
        A backbone whose settings name weights overrides this; default: these very settings.
        """
        return self

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_scalar_conversion(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `seed: true` and `flip: "yes"`, which pydantic would quietly turn into 1 and true.

        Pydantic's strict mode would do this too, but it also refuses a list for a tuple and text
        for a path, which is all that YAML can write.
        """
        field = cls.model_fields.get(info.field_name or "")
        if field is not None and not any(isinstance(m, _CONVERTERS) for m in field.metadata):
            _check_scalar(value, frozenset(alternatives(field.annotation)))
        return value


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union with their metadata taken off; a tuple of one for any other type."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(a for member in get_args(annotation) for a in alternatives(member))
    return (annotation,)


def _check_scalar(value: Any, types_: frozenset[Any]) -> None:
    only_scalars = types_ <= _SCALARS
    if isinstance(value, bool):
        literal = any(get_origin(t) is Literal and value in get_args(t) for t in types_)
        if types_ & _NUMBERS and not (literal or types_ & {bool, Any, object}):
            raise PydanticKnownError("int_type" if int in types_ else "float_type")
    elif isinstance(value, str) and only_scalars and types_ & _NUMBERS:
        raise PydanticKnownError("int_type" if int in types_ else "float_type")
    elif isinstance(value, (str, int, float)) and types_ <= {bool, type(None)}:
        raise PydanticKnownError("bool_type")
