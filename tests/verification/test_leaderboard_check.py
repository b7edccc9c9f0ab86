"""Packing, comparing two states of a leaderboard's folder, and the commands."""

import json
import shutil
import zipfile

import pytest
from click.testing import CliRunner

from cliqa.cli.main import cli
from cliqa.errors import ResultError
from cliqa.verification import Trust, compare_folders, pack


@pytest.fixture(scope="module")
def packed(bundle, verifier, tmp_path_factory):
    """The zip without weights."""
    return pack(bundle, tmp_path_factory.mktemp("packed"), verifier, weights=False)[0]


@pytest.fixture
def boards(packed, tmp_path):
    """Two folders of one bundle each."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        shutil.copy(packed, tmp_path / name / "a.zip")
    return tmp_path / "old", tmp_path / "new"


def test_a_packed_run_is_recomputed_and_has_the_same_bytes_each_time(
    bundle, verifier, packed, tmp_path
):
    again, found = pack(bundle, tmp_path, verifier, weights=False)
    assert again.read_bytes() == packed.read_bytes()
    assert found.trust is Trust.RECOMPUTED
    assert found.identity.run_id in again.name
    assert "ships no weights" in found.notes
    with pytest.raises(ResultError, match="exists"):
        pack(bundle, tmp_path, verifier, weights=False)


def test_a_packed_run_with_weights_can_be_scored_again(bundle, verifier, tmp_path):
    path, _ = pack(bundle, tmp_path, verifier)
    assert verifier.verify(path, rescore=2, sample_seed=5).trust is Trust.REPRODUCED


def test_only_the_run_s_own_files_are_packed(work, verifier, tmp_path):
    work.write("secrets.txt", b"swordfish")
    with zipfile.ZipFile(pack(work.folder, tmp_path, verifier)[0]) as archive:
        assert sorted(archive.namelist()) == sorted([*work.files, "SHA256SUMS"])


def test_a_run_that_would_be_rejected_is_not_packed(work, verifier, tmp_path):
    work.write_json("metrics.json", {**work.json("metrics.json"), "tasks": []})
    work.sign()
    with pytest.raises(ResultError, match=r"would be rejected:\n.*metrics.json, tasks"):
        pack(work.folder, tmp_path, verifier)
    assert list(tmp_path.iterdir()) == []


def test_an_unchanged_board_is_accepted_also_where_a_bundle_moved(boards, verifier):
    old, new = boards
    assert compare_folders(old, new, verifier).faults == []
    (new / "2026").mkdir()
    (new / "a.zip").rename(new / "2026" / "b.zip")
    found = compare_folders(old, new, verifier)
    assert (found.faults, found.moved) == ([], {"a.zip": "2026/b.zip"})


def test_a_bundle_that_is_removed_or_changed_is_refused(boards, bundle, verifier):
    old, new = boards
    (new / "a.zip").unlink()
    assert compare_folders(old, new, verifier).faults == ["a.zip was removed; what is there stays"]
    pack_into = pack(bundle, new / "x", verifier)[0]
    pack_into.rename(new / "a.zip")
    found = compare_folders(old, new, verifier)
    assert found.faults == ["a.zip was changed; what is there never changes"]


def test_a_copy_under_another_name_is_refused(boards, packed, verifier):
    old, new = boards
    shutil.copy(packed, new / "copy.zip")
    faults = compare_folders(old, new, verifier).faults
    assert any("copy.zip is the same run as a.zip" in fault for fault in faults)
    assert any("copy.zip is the same predictions as a.zip" in fault for fault in faults)


def test_a_new_bundle_must_verify_and_is_shown_to_the_reviewer(boards, work, verifier):
    old, new = boards
    (old / "a.zip").unlink()
    found = compare_folders(old, new, verifier)
    assert (found.faults, found.new) == ([], ["a.zip"])
    text = found.markdown()
    assert "| tsn-iqa | oracle (told the task) | 0 | new | recomputed |" in text
    assert "does not show that the predictions come from a trained model" in text
    work.write("metrics.json", b"{}")
    shutil.copytree(work.folder, new / "b")
    assert any("changed after the run" in f for f in compare_folders(old, new, verifier).faults)
    shutil.rmtree(new / "b")
    assert any("scored again" in f for f in compare_folders(old, new, verifier, rescore=3).faults)


def test_links_in_a_board_are_refused(boards, verifier):
    old, new = boards
    (new / "b.zip").symlink_to(new / "a.zip")
    assert any("b.zip is a link" in fault for fault in compare_folders(old, new, verifier).faults)


def test_the_commands_list_every_fault_and_tell_by_their_exit_code(boards, work, tmp_path):
    def call(*arguments):
        return CliRunner().invoke(cli, ["--no-plugins", *map(str, arguments)])

    old, new = boards
    good = call("verify", new / "a.zip", "--json")
    assert good.exit_code == 0
    assert json.loads(good.output)[0]["trust"] == "recomputed"
    assert call("verify", new / "a.zip", "--rescore", "2").exit_code == 3
    work.write_json("run.json", work.json("run.json") | {"seed": 5, "order": "II"})
    bad = call("verify", work.folder)
    assert bad.exit_code == 1
    assert all(word in bad.output for word in ("changed after the run", "seed: 5", "order: 'II'"))
    assert call("verify", tmp_path / "nothing").exit_code == 2
    assert call("verify", new / "a.zip", "--data", "live").exit_code == 2
    assert call("leaderboard", "check", old, new).exit_code == 0
    (new / "a.zip").unlink()
    removed = call("leaderboard", "check", old, new)
    assert (removed.exit_code, "was removed" in removed.output) == (1, True)
    packed = call("submit", "pack", work.source, "--out", tmp_path / "out", "--without-weights")
    assert (packed.exit_code, "recomputed" in packed.output) == (0, True)
