"""Python and YAML in the documentation are what this cliqa takes."""

from __future__ import annotations

import ast
import re
from contextlib import chdir
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from cliqa.config import load_config
from cliqa.config.models import RunConfig
from cliqa.errors import CliqaError
from cliqa.registry import Registry

ROOT = Path(__file__).parents[2]
PARTS = ("tutorial", "how-to", "reference", "explanation")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [page for part in PARTS for page in sorted((ROOT / "docs" / part).rglob("*.md"))]
#: Components that a page lets its reader write.
OWN_COMPONENTS = {"columns", "norm-only", "my-gate", "my-set", "less-forgetting", "acme-forgetting"}


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (page.relative_to(ROOT).as_posix(), block)
        for page in PAGES
        for block in re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    ]


def named(found: list[tuple[str, str]]) -> list[str]:
    return [f"{page}: {block.strip().splitlines()[0]}"[:80] for page, block in found]


PYTHON = blocks("python")


@pytest.mark.parametrize(("page", "block"), PYTHON, ids=named(PYTHON))
def test_python_parses_and_imports_only_names_that_are_public(page, block):
    for node in ast.walk(ast.parse(block)):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != "cliqa":
            continue
        module = import_module(node.module)
        for alias in node.names:
            assert alias.name in module.__all__, f"{page}: {node.module}.{alias.name}"


FRAGMENTS = [
    (page, block)
    for page, block in blocks("yaml")
    if isinstance(yaml.safe_load(block), dict)
    and set(yaml.safe_load(block)) <= {*RunConfig.model_fields, "extends", "description"}
]


def test_the_pages_have_parts_of_configurations():
    assert len(FRAGMENTS) > 10


@pytest.mark.parametrize(("page", "block"), FRAGMENTS, ids=named(FRAGMENTS))
def test_a_part_of_a_configuration_is_valid_upon_the_quickstart(page, block, tmp_path):
    given = yaml.safe_load(block)
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
