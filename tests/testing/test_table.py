"""The table of `cliqa check`: what says the same is said once, and nothing is left out."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cliqa.cli.main import cli

HEAD = """
import numpy as np
from cliqa import Component, hookimpl
from cliqa.evaluation import Gate
from cliqa.training import Strategy

def centroids():
    raise KeyError("centroids")
"""
RAISES_AT_ONCE = """
class Mine(Strategy):
    def __init__(self, config):
        centroids()

@hookimpl
def cliqa_strategies():
    return [Component(name="mine", factory=Mine, summary="raises")]
"""
WRONG_SHAPE = """
class Mine(Gate):
    def weights(self, query):
        return np.full((query.heads, query.count), 1 / query.heads)

@hookimpl
def cliqa_gates():
    return [Component(name="mine", factory=Mine, summary="turned")]
"""
TWO_BROKEN = """
class Mine(Gate):
    def weights(self, query):
        centroids()

class Other(Gate):
    def weights(self, query):
        centroids() if query.heads == 1 else None
        return np.ones((query.count, query.heads))

@hookimpl
def cliqa_gates():
    both = (("mine", Mine), ("other", Other))
    return [Component(name=name, factory=factory, summary="x") for name, factory in both]
"""


@pytest.fixture
def check(tmp_path):
    """`check(code, *options)`: what `cliqa check` prints of a file, and how it ends."""

    def check(code, *options):
        file = tmp_path / "mine.py"
        file.write_text(HEAD + code)
        return CliRunner().invoke(cli, ["check", str(file), *options])

    return check


def named(output):
    """The checks that a line of the table names after `the same:`."""
    (line,) = [line for line in output.splitlines() if "the same:" in line]
    count = int(line.split()[0])
    names = line.partition("the same: ")[2].split(", ")
    assert len(names) == count
    return names


def failed(check, code):
    results = json.loads(check(code, "--json").output)
    return [r for r in results if r["status"] == "failed"]


def test_an_exception_that_breaks_many_checks_is_shown_once_and_the_others_are_named(check):
    done, results = check(TWO_BROKEN), failed(check, TWO_BROKEN)
    assert done.exit_code == 1
    same = [r for r in results if "KeyError" in r["message"]]
    assert len(same) > 5
    assert done.output.count("KeyError: 'centroids'") == 1
    assert "gate:other/one-head-gets-all-weight" in named(done.output)
    assert len(named(done.output)) == len(same) - 1
    assert f"{len(results)} of " in done.output.splitlines()[-1]


def test_components_that_fail_alike_without_an_exception_are_not_mixed(check):
    two = WRONG_SHAPE.replace('"mine"', "name").replace("]", " for name in ('mine', 'other')]")
    same = [line for line in check(two).output.splitlines() if "the same:" in line]
    assert len(same) == 2
    assert "gate:" not in "".join(line.partition("the same:")[2] for line in same)


def test_a_fault_of_its_own_has_a_line_of_its_own(check):
    done = check(TWO_BROKEN)
    assert done.output.count("rows of `weights` sum to 3;") == 1
    assert "gate:other  rows-sum-to-one" in done.output


def test_a_wrong_shape_is_shown_once(check):
    done = check(WRONG_SHAPE)
    assert done.output.count("expected a numpy array (images, heads) = (12, 3)") == 1
    assert "few-images-are-enough" in named(done.output)
    shape = [r for r in failed(check, WRONG_SHAPE) if "(12, 3)" in r["message"]]
    assert len(shape) == len(named(done.output)) + 1


def test_a_constructor_that_raises_is_one_failure_and_the_rest_is_not_reached(check):
    done = check(RAISES_AT_ONCE)
    results = json.loads(check(RAISES_AT_ONCE, "--json").output)
    stopped = [r for r in results if r["message"] == "not reached: `is-made` fails"]
    assert [r["check"] for r in results if r["status"] == "failed"] == ["is-made"]
    assert len(stopped) > 20
    assert f"not reached: {len(stopped)} of strategy:mine;" in done.output
    assert f"1 of {len(results)} checks failed" in done.output


def test_reasons_why_checks_were_skipped_are_told_for_each_component(check):
    output = check(TWO_BROKEN, "--all").output
    assert output.count("it has no settings") == 2


def test_a_method_that_refuses_the_kits_network_is_not_passed_over_in_silence(check):
    code = RAISES_AT_ONCE.replace("__init__(self, config)", "check(self, backbone, objective)")
    code = code.replace("centroids()", "raise CapabilityError('it adapts attention')")
    done = check(f"from cliqa.errors import CapabilityError\n{code}")
    assert done.exit_code == 0
    assert "strategy:mine was not checked any further: it refuses the network" in done.output
    assert "it adapts attention" in done.output


def test_a_traceback_that_many_checks_share_is_printed_once(check):
    assert check(TWO_BROKEN, "--traceback").output.count("Traceback (most recent call last)") == 1


def test_a_file_with_a_syntax_error_is_one_line_with_its_place(check):
    done = check("def broken(:\n    pass\n")
    assert done.exit_code == 2
    line = len(HEAD.splitlines()) + 1
    assert done.output.strip().count("\n") == 0
    assert "SyntaxError: invalid syntax" in done.output
    assert f"mine.py:{line})" in done.output
