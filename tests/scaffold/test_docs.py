"""The tutorial quotes what is written and shipped; the page on stability names what there is."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs/tutorial/first-method.md").read_text(encoding="utf-8")
STABILITY = (ROOT / "docs/reference/api-stability.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "docs/examples/cliqa-example/src/cliqa_example"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TUTORIAL, re.DOTALL)


def test_the_method_of_the_tutorial_is_the_file_that_the_command_writes(new):
    done = new("method", "less_forgetting.py")
    assert blocks("python")[0] == Path("less_forgetting.py").read_text()
    assert blocks("yaml") == [Path("less_forgetting.yaml").read_text()]
    assert blocks("text")[0] == done.output


def test_the_larger_method_of_the_tutorial_is_the_examples_own_file():
    assert blocks("python")[-1:] == [(PACKAGE / "strategy.py").read_text()]


def test_the_tutorial_counts_the_lines_of_the_example():
    lines = sum(len(path.read_text().splitlines()) for path in PACKAGE.glob("*.py"))
    assert f"{lines} lines with their settings" in TUTORIAL


def test_the_tutorial_names_methods_that_a_strategy_has():
    from cliqa.training import IsolatingStrategy

    table = TUTORIAL.partition("## Make it yours")[2].partition("## Share it")[0]
    rows = [line.split("|")[2] for line in table.splitlines() if line.startswith("| ")][2:]
    names = [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)]
    assert "penalty" in names
    assert [name for name in names if not hasattr(IsolatingStrategy, name)] == []


def public_packages():
    return re.findall(r"`(cliqa(?:\.[a-z]+)?)`", STABILITY.partition("| hooks |")[0])


@pytest.mark.parametrize("name", public_packages())
def test_a_public_package_says_which_names_are_public(name):
    assert all(hasattr(import_module(name), public) for public in import_module(name).__all__)


def test_first_party_plugins_and_the_example_use_public_packages_only():
    files = [*(ROOT / "plugins").rglob("*.py"), *PACKAGE.parent.rglob("*.py")]
    used = {
        node.module
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "cliqa"
    }
    assert used - set(public_packages()) == set()
