"""Python and YAML in the documentation are what this cliqa takes."""

from __future__ import annotations

import ast
from contextlib import chdir
from importlib import import_module

import pytest
import yaml
from pages import blocks

from cliqa.config import load_config
from cliqa.config.models import RunConfig
from cliqa.errors import CliqaError
from cliqa.registry import Registry

#: Components that a page lets its reader write.
OWN_COMPONENTS = {"columns", "norm-only", "my-gate", "my-set", "less-forgetting", "acme-forgetting"}


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_parses_and_imports_only_names_that_are_public(block):
    for node in ast.walk(ast.parse(block.text)):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != "cliqa":
            continue
        module = import_module(node.module)
        for alias in node.names:
            assert alias.name in module.__all__, f"{block.page}: {node.module}.{alias.name}"


FRAGMENTS = [
    block
    for block in blocks("yaml")
    if isinstance(yaml.safe_load(block.text), dict)
    and set(yaml.safe_load(block.text)) <= {*RunConfig.model_fields, "extends", "description"}
]


def test_the_pages_have_parts_of_configurations():
    assert len(FRAGMENTS) > 10


@pytest.mark.parametrize("block", FRAGMENTS, ids=str)
def test_a_part_of_a_configuration_is_valid_upon_the_quickstart(block, tmp_path):
    given = yaml.safe_load(block.text)
    given.pop("plugins", None)
    (tmp_path / "my.yaml").write_text(yaml.safe_dump({"extends": "quickstart"} | given))
    with chdir(tmp_path):
        fault = ""
        try:
            load_config(
                "my.yaml", registry_factory=lambda files: Registry.discover(third_party=False)
            )
        except CliqaError as error:
            fault = str(error)
    # What readers bring along is not here: files of their own, components of their own.
    faults = [line for line in fault.splitlines() if "no such file or folder" not in line]
    if len(faults) == 1 and faults[0].endswith("mistakes"):
        faults = []
    assert not faults or any(f"`{name}`" in fault for name in OWN_COMPONENTS), fault
