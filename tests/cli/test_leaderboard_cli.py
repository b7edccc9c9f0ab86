"""`cliqa leaderboard`."""

import json

import jsonschema
import pytest
from click.testing import CliRunner

from cliqa.cli.main import cli

FILES = {"index.html", "leaderboard.json", "leaderboard.csv", "leaderboard.md"}


def cliqa(*arguments):
    return CliRunner().invoke(cli, ["--no-plugins", *map(str, arguments)])


@pytest.fixture(autouse=True)
def believed(monkeypatch, support):
    """What is made up here could not be verified; the command is what is tested."""
    believe = support("verified").believe
    monkeypatch.setattr("cliqa.verification.Verifier.verify", lambda _, path, **__: believe(path))


@pytest.fixture
def runs(tmp_path, write_bundle):
    for seed in range(2):
        write_bundle(tmp_path / "runs" / f"s{seed}", seed=seed)
    write_bundle(tmp_path / "runs" / "half", seed=2, finish=False)
    return tmp_path / "runs"


@pytest.mark.parametrize("command", [("leaderboard",), ("leaderboard", "build")])
def test_four_files_are_written_and_rejected_bundles_named(command, runs, tmp_path):
    done = cliqa(*command, runs, tmp_path / "absent", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "out").iterdir()} == FILES
    assert f"rejected: {runs / 'half'}: it has not finished" in done.stderr
    assert "2 runs in 1 track, 2 rejected" in done.stdout


def test_the_schema_it_prints_is_that_of_the_file_it_writes(runs, tmp_path):
    cliqa("leaderboard", runs, "--out", tmp_path / "out")
    schema = json.loads(cliqa("leaderboard", "schema").stdout)
    jsonschema.validate(json.loads((tmp_path / "out" / "leaderboard.json").read_text()), schema)


def test_files_are_replaced_only_with_force(runs, tmp_path):
    command = ("leaderboard", runs, "--out", tmp_path / "out")
    assert cliqa(*command).exit_code == 0
    refused = cliqa(*command)
    assert refused.exit_code == 2
    assert "use --force" in refused.stderr
    assert cliqa(*command, "--force").exit_code == 0


def test_nothing_is_written_into_a_run(runs):
    for out in (runs / "s0", runs / "s0" / "board"):
        refused = cliqa("leaderboard", runs, "--out", out)
        assert refused.exit_code == 2
        assert "holds only what the run wrote" in refused.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--baseline", "nobody"), "there are tsn-iqa/kmeans, tsn-iqa/oracle, tsn-iqa/uniform"),
        (("--seeds", "0,x"), "expected whole numbers"),
    ],
)
def test_a_mistake_is_answered_with_what_is_possible(options, message, runs, tmp_path):
    refused = cliqa("leaderboard", runs, "--out", tmp_path / "out", *options)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert not (tmp_path / "out").exists()


def test_help_and_a_missing_option_are_answered():
    assert "BUNDLES..." in cliqa("leaderboard", "build", "--help").stdout
    assert "build" in cliqa("leaderboard", "--help").stdout
    assert cliqa("leaderboard", "somewhere").exit_code == 2
