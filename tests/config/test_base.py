"""Settings models: frozen, closed, and without conversion of scalars; cheap to import."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Literal

import pytest
from pydantic import BeforeValidator, Field, ValidationError, field_validator

import cliqa.config
from cliqa.config import ComponentConfig


class Example(ComponentConfig):
    count: int = 1
    share: float = 0.5
    flag: bool = False
    maybe: int | None = None
    bounded: Annotated[int, Field(ge=0)] | None = None
    several: int | bool = 1
    literal: int | Literal[True] = 1
    percent: Annotated[float, BeforeValidator(lambda v: float(str(v).rstrip("%")))] = 1.0
    halved: float = 1.0

    @field_validator("halved", mode="before")
    @classmethod
    def _half(cls, value):
        return 0.5 if value == "half" else value


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": True},
        {"count": "3"},
        {"share": True},
        {"share": "0.5"},
        {"flag": "yes"},
        {"flag": 1},
        {"flag": 0.0},
        {"maybe": False},
        {"maybe": "3"},
        {"bounded": True},
        {"literal": False},
    ],
)
def test_one_kind_of_scalar_is_never_taken_for_another(wrong):
    with pytest.raises(ValidationError):
        Example(**wrong)


@pytest.mark.parametrize(
    ("right", "value"),
    [
        ({"count": 3.0}, 3),
        ({"share": 1}, 1.0),
        ({"flag": True}, True),
        ({"maybe": None}, None),
        ({"several": True}, True),
        ({"literal": True}, True),
        ({"percent": "20%"}, 20.0),
        ({"halved": "half"}, 0.5),
    ],
)
def test_numbers_and_what_a_field_itself_converts_are_taken(right, value):
    (name,) = right
    assert getattr(Example(**right), name) == value


def test_unknown_keys_changes_and_infinity_are_refused():
    with pytest.raises(ValidationError):
        Example(conut=1)
    with pytest.raises(ValidationError):
        Example(share=float("inf"))
    with pytest.raises(ValidationError):
        Example().count = 3


def test_every_exported_name_exists():
    for name in cliqa.config.__all__:
        assert getattr(cliqa.config, name).__name__ == name
    assert dir(cliqa.config) == cliqa.config.__all__


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'RunConfg'"):
        _ = cliqa.config.RunConfg


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return set(output.stdout.split())


def test_the_base_class_alone_loads_neither_yaml_nor_the_shape_of_a_run():
    loaded = loaded_after("from cliqa.config import ComponentConfig")
    assert not loaded & {"torch", "timm", "datasets", "yaml", "cliqa.config.models"}


def test_loading_configurations_needs_no_heavy_library():
    loaded = loaded_after("from cliqa.config import load_config, ResolvedConfig, RunConfig")
    assert not loaded & {"torch", "timm", "datasets", "numpy", "PIL"}
