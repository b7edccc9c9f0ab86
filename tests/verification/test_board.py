"""The leaderboard shows what verification found out, and nothing else of a bundle."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from cliqa.cli.main import cli
from cliqa.leaderboard import Options, board_html, build_board, collect, verified_contents
from cliqa.verification import pack


def build(verifier, *paths, rescore=0):
    def verify(path):
        return verifier.verify(path, rescore=rescore, sample_seed=1)

    options = Options(contents=verified_contents(verifier))
    return build_board(collect(paths, verify), options)


@pytest.fixture(scope="module")
def zipped(bundle, verifier, tmp_path_factory):
    """With its weights."""
    return pack(bundle, tmp_path_factory.mktemp("zips"), verifier)[0]


def test_a_zip_gives_the_rows_of_its_folder_with_the_methods_beside_it(bundle, zipped, verifier):
    from_folder, from_zip = (build(verifier, path) for path in (bundle, zipped))
    assert from_folder.tracks == from_zip.tracks
    assert {row.method for row in from_zip.tracks[0].rows} == {"tsn-iqa", "ft"}
    assert {row.trust for row in from_zip.tracks[0].rows} == {"recomputed"}
    assert from_zip.sources[1].bundle == f"{zipped}/compare/ft"
    assert build(verifier, zipped.parent).tracks == from_zip.tracks
    assert sorted(p.name for p in zipped.parent.iterdir()) == [zipped.name]  # nothing is unpacked


def test_scored_again_is_reproduced_and_without_weights_it_stays_recomputed(
    bundle, zipped, verifier, tmp_path
):
    bare = pack(bundle, tmp_path, verifier, weights=False)[0]
    words = [
        {row.trust for row in build(verifier, p, rescore=2).tracks[0].rows} for p in (zipped, bare)
    ]
    assert words == [{"reproduced"}, {"recomputed"}]


def test_a_bundle_with_a_fault_is_listed_with_it_and_costs_the_others_nothing(
    bundle, work, verifier, tmp_path
):
    good = build(verifier, bundle)
    work.write_json("metrics.json", work.json("metrics.json") | {"tasks": ["<script>"]})
    work.sign()
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\5\6 no zip")
    (tmp_path / "notes.txt").write_text("hello")
    board = build(verifier, bundle, work.folder, broken, tmp_path / "notes.txt")
    assert board.tracks == good.tracks
    reasons = {r.bundle: r.reason for r in board.rejected}
    assert reasons[str(work.folder)].startswith("metrics.json, tasks")
    assert "it is no zip" in reasons[str(broken)]
    assert reasons[str(tmp_path / "notes.txt")] == "it is no folder and no zip"
    assert "&lt;script&gt;" in board_html(board)


def test_a_record_of_no_end_costs_the_others_of_its_folder_nothing(bundle, verifier, tmp_path):
    shutil.copytree(bundle, tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/run.json").write_text("[" * 100_000)
    (tmp_path / "bad/SHA256SUMS").write_text("")
    board = build(verifier, tmp_path)
    assert [r.bundle for r in board.rejected] == [str(tmp_path / "bad")]
    assert len(board.tracks) == 1


def test_links_in_a_folder_of_bundles_are_not_followed(bundle, verifier, tmp_path):
    (tmp_path / "link").symlink_to(bundle)
    board = build(verifier, tmp_path)
    assert [r.reason for r in board.rejected] == ["it holds no finished run"]


def test_metrics_that_a_configuration_leaves_out_are_computed_from_the_matrices(bundle, verifier):
    found = collect([bundle], verifier.verify).accepted[0].run
    stored = json.loads((bundle / "metrics.json").read_text())["gates"]["uniform"]
    derived = found.bundle.metrics["gates"]["uniform"]
    np.testing.assert_allclose(*(np.array(m["srcc"], float) for m in (derived, stored)))
    for name in ("mSRCC", "mPI", "mSI", "mPSI"):
        if name in stored:
            assert derived[name] == pytest.approx(stored[name])
        assert derived[name] is not None or name in derived["undefined"]


def test_contents_come_from_sets_built_here(bundle, verifier):
    run = collect([bundle], verifier.verify).accepted[0].run
    known, reason = verified_contents(verifier)(run, "live-like")
    assert reason == ""
    assert set(run.bundle.split("live-like")["test"]) <= set(known)
    assert len(set(known.values())) < len(known)
    run.record["data"]["live-like"]["fingerprint"] = "another"
    assert verified_contents(verifier)(run, "live-like")[0] is None


def test_the_command_takes_zips_and_makes_the_same_bytes_each_time(bundle, zipped, tmp_path):
    def call(out, *more):
        arguments = ("leaderboard", zipped, "--out", out, *more)
        return CliRunner().invoke(cli, ["--no-plugins", *map(str, arguments)])

    for name in ("a", "b"):
        done = call(tmp_path / name, "--rescore", "1")
        assert done.exit_code == 0, done.output
    for file in ("index.html", "leaderboard.json", "leaderboard.csv", "leaderboard.md"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    rows = json.loads((tmp_path / "a/leaderboard.json").read_text())["tracks"][0]["rows"]
    assert {row["trust"] for row in rows} == {"reproduced"}


def test_a_model_card_is_written_of_what_was_computed_here(zipped, tmp_path):
    def call(*more):
        arguments = ("submit", "card", zipped, "--out", tmp_path / "card", *more)
        return CliRunner().invoke(cli, ["--no-plugins", *map(str, arguments)])

    done = call("--hub", "live-like=owner/live@abc")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "card/.eval_results/live-like.yaml").exists()
    assert "Trust: recomputed." in (tmp_path / "card/README.md").read_text()
    assert "use --force" in call().output
    for bad in (
        ("--hub", "x=y"),
        ("--hub", "nothing"),
        ("--source-url", "ftp://x"),
        ("--gate", "x"),
    ):
        assert call("--force", *bad).exit_code == 2
