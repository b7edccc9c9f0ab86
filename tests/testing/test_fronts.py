"""The three fronts: results, the command line, pytest."""

from __future__ import annotations

import json
import subprocess
import sys
import types

import pytest
from click.testing import CliRunner

from cliqa import CheckOptions, Component, hookimpl
from cliqa.cli.main import cli
from cliqa.errors import ConfigError, PluginError
from cliqa.evaluation import Gate
from cliqa.testing import check_plugin, plugin_cases

GATE = """
from cliqa import CheckOptions, Component, hookimpl


def build(config):
    import numpy as np
    from cliqa.evaluation import Gate

    class Mine(Gate):
        def weights(self, query):
            {body}

    return Mine(config)


@hookimpl
def cliqa_gates():
    return [Component(name="mine", factory=build, summary="what is checked", {options})]
"""
RIGHT = "return np.full((query.count, query.heads), 1 / query.heads, dtype=np.float32)"
WRONG = "return np.full((query.count, query.heads), 2 / query.heads, dtype=np.float32)"
CRASH = "raise KeyError('centroids')"


@pytest.fixture
def write(tmp_path):
    def write(body, options=""):
        file = tmp_path / "mine.py"
        file.write_text(GATE.replace("{body}", body).replace("{options}", options))
        return file

    return write


def cliqa(*arguments):
    return CliRunner().invoke(cli, ["check", *map(str, arguments)])


def test_a_right_plugin_ends_with_exit_code_0_and_a_table(write):
    done = cliqa(write(RIGHT))
    assert done.exit_code == 0, done.output
    assert "no check failed" in done.output
    assert "gate:mine" in done.output


def test_a_wrong_plugin_ends_with_exit_code_1_and_says_what_is_wrong(write):
    done = cliqa(write(WRONG))
    assert done.exit_code == 1
    assert "rows-sum-to-one" in done.output
    assert "normalise over heads" in done.output


def test_a_crash_is_told_with_the_plugins_own_line_and_no_traceback(write):
    file = write(CRASH)
    done = cliqa(file, "--only", "rows-sum-to-one")
    line = file.read_text().splitlines().index(f"            {CRASH}") + 1
    assert done.exit_code == 1
    assert f"it raised KeyError: 'centroids' ({file}:{line})" in done.output
    assert "Traceback" not in done.output
    assert "Traceback" in cliqa(file, "--only", "rows-sum-to-one", "--traceback").output


def test_json_holds_every_result(write):
    done = cliqa(write(WRONG), "--json")
    found = json.loads(done.output)
    assert {r["status"] for r in found} == {"passed", "failed", "skipped"}
    assert {"component", "check", "level", "status", "message"} == set(found[0])


def test_level_and_only_choose_checks(write):
    api = json.loads(cliqa(write(RIGHT), "--json", "--level", "api").output)
    assert {r["level"] for r in api} == {"api"}
    one = json.loads(cliqa(write(RIGHT), "--json", "--only", "gate:mine/rows-sum-to-one").output)
    assert [r["check"] for r in one] == ["rows-sum-to-one"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gatez"], "Did you mean `gates`?"),
        (["strategy:ewcc"], "Did you mean `ewc`?"),
        (["stratgy:ewc"], "Did you mean `strategy`?"),
        (["ewc"], "Did you mean `strategy:ewc`?"),
        (["nothing.py"], "cannot be read"),
        (["gate:newest", "--only", "rows-sum-to-oen"], "Did you mean `rows-sum-to-one`?"),
        (["gate:newest", "--expect", "rows-sum-to-oen=so"], "Did you mean `rows-sum-to-one`?"),
        (["gate:kmeans", "--set", "k=3"], "expected KIND:NAME.KEY=VALUE"),
        (["gate:kmeans", "--set", "gate:kmeens.k=3"], "Did you mean `gate:kmeans`?"),
        ([], "name a plugin"),
    ],
)
def test_a_mistake_of_the_user_ends_with_exit_code_2_and_one_message(arguments, words):
    done = cliqa(*arguments)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert "Traceback" not in done.output


def test_settings_on_the_command_line_that_the_component_refuses_are_one_message():
    done = cliqa("gate:kmeans", "--set", "gate:kmeans.k=-3")
    assert done.exit_code == 2
    assert done.output.count("k: Input should be greater than or equal to 1") == 1
    assert "FAILED" not in done.output


def test_settings_on_the_command_line_reach_the_component():
    done = cliqa("gate:kmeans", "--set", "gate:kmeans.k=3", "--only", "is-made", "--all")
    assert done.exit_code == 0, done.output


def test_the_list_of_checks_needs_no_plugin():
    done = cliqa("--list")
    assert done.exit_code == 0
    assert "Weights are finite, not negative, and sum to 1 for every image." in done.output


def test_an_expected_failure_is_no_failure(write):
    [found] = check_plugin(
        write(WRONG), only=["rows-sum-to-one"], expected_failures={"rows-sum-to-one": "not yet"}
    )
    assert found.status == "expected failure"
    assert found.message.startswith("not yet (rows of `weights` sum to 2")


def test_an_expected_failure_that_passes_is_a_failure(write):
    [found] = check_plugin(
        write(RIGHT), only=["rows-sum-to-one"], expected_failures={"rows-sum-to-one": "not yet"}
    )
    assert found.status == "failed"
    assert "take it out of the expected failures" in found.message


def test_a_plugin_may_declare_its_expected_failures_itself(write):
    options = 'checks=CheckOptions(expected_failures={"rows-sum-to-one": "on purpose"})'
    [found] = check_plugin(write(WRONG, options), only=["rows-sum-to-one"])
    assert found.status == "expected failure"
    with pytest.raises(ConfigError, match="Did you mean `rows-sum-to-one`"):
        check_plugin(write(WRONG, options.replace("one", "won")))


def test_an_object_that_is_no_check_options_makes_the_plugin_broken(write):
    with pytest.raises(PluginError, match=r"its checks are \{\}"):
        check_plugin(write(RIGHT, "checks={}"))


def test_a_module_can_be_checked_where_it_is():
    class Mine(Gate):
        def weights(self, query):
            import numpy as np

            return np.eye(query.heads, dtype=np.float32)[[-1] * query.count]

    @hookimpl
    def cliqa_gates():
        return [Component(name="mine", factory=Mine, summary="newest", checks=CheckOptions())]

    module = types.ModuleType("mine")
    module.cliqa_gates = cliqa_gates
    found = check_plugin(module, level="behaviour")
    assert {r.component for r in found} == {"gate:mine"}
    assert {r.status for r in found} == {"passed", "skipped"}


def test_what_checks_change_in_the_process_is_put_back():
    import numpy as np
    import torch

    threads, state, other = torch.get_num_threads(), torch.get_rng_state(), np.random.get_state()
    for case in plugin_cases("strategy:ft", only=["learns-a-stream"]):
        assert case.result().status == "passed"
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), other, strict=True))


TESTS = """
from cliqa.testing import parametrize_plugin

CHECKS = ["rows-sum-to-one", "one-head-is-one-head", "one-head-gets-all-weight"]


@parametrize_plugin({file!r}, only=CHECKS, expected_failures={expected!r})
def test_mine(check):
    check()
"""


@pytest.mark.parametrize(
    ("body", "expected", "outcome"),
    [
        (RIGHT, {}, "2 passed, 1 skipped"),
        (
            WRONG,
            {"rows-sum-to-one": "no", "one-head-gets-all-weight": "no"},
            "1 skipped, 2 xfailed",
        ),
        (RIGHT, {"rows-sum-to-one": "no"}, "1 failed, 1 passed, 1 skipped"),
    ],
)
def test_pytest_makes_a_test_of_each_check_and_expected_failures_are_strict(
    body, expected, outcome, write, tmp_path
):
    file = tmp_path / "test_mine.py"
    file.write_text(TESTS.format(file=str(write(body)), expected=expected))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert outcome in done.stdout, done.stdout
    assert ("[XPASS(strict)] no" in done.stdout) == ("failed" in outcome.split(",")[0])


def test_importing_the_kit_loads_neither_torch_nor_pytest():
    heavy = "[m for m in ('torch', 'pytest', 'numpy') if m in sys.modules]"
    code = f"import sys, cliqa.testing; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_could_not_be_made_is_said_without_being_asked(tmp_path):
    """Nothing failed, but next to nothing was checked either."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from cliqa import Component, hookimpl\n"
        "from cliqa.config import ComponentConfig\n"
        "from pydantic import Field\n\n"
        "class Settings(ComponentConfig):\n"
        '    """Settings of `mine`."""\n\n'
        '    images: str = Field(description="folder of the pictures")\n\n'
        "@hookimpl\n"
        "def cliqa_datasets():\n"
        '    return [Component(name="mine", factory=print, config=Settings, summary="a set")]\n'
    )
    done = CliRunner().invoke(cli, ["check", str(file)])
    assert "dataset:mine was not checked any further: it needs a value for `images`" in done.output
