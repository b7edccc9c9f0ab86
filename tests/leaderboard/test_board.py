"""What a board says of runs, against the bundles themselves."""

import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from cliqa.leaderboard import Options, build_board, collect
from cliqa.leaderboard.compare import Baseline
from cliqa.leaderboard.resample import Resampled
from cliqa.verification import Fault, Trust, Verification

CONFIG = {
    "backbone": {"name": "tiny"},
    "gates": [{"name": gate} for gate in ("kmeans", "uniform", "oracle")],
    "stream": {
        "tasks": [{"name": n, "as": n} for n in ("live", "csiq", "bid")],
        "split": {"protocol": "70/10/20", "by": "reference", "seed": None},
    },
}


def row(board, method, gate=None, track=0):
    rows = board.tracks[track].rows
    return next(r for r in rows if r.method == method and gate in {None, r.gate})


def stored(folder, gate, metric="mPSI"):
    return json.loads((folder / "metrics.json").read_text())["gates"][gate][metric]


def six_contents(run, task):
    ids = pq.read_table(run.bundle.folder / "labels.parquet").to_pylist()
    own = [r["sample_id"] for r in ids if r["task"] == task]
    return {i: str(n % 6) for n, i in enumerate(own)}, ""


def test_a_row_is_mean_and_deviation_of_its_seeds(three_seeds, board_of):
    found = row(board_of(three_seeds), "tsn-iqa", "kmeans")
    values = [stored(three_seeds / f"tsn-{s}", "kmeans") for s in range(3)]
    assert found.metrics["mPSI"].mean == pytest.approx(np.mean(values))
    assert found.metrics["mPSI"].std == pytest.approx(np.std(values, ddof=1))
    assert (found.metrics["mPSI"].n, found.submitted, found.declared) == (3, 3, 3)
    assert found.trust == "recomputed"


def test_the_difference_over_new_divisions_is_the_corrected_t(three_seeds, board_of):
    found = row(board_of(three_seeds, baseline="ft"), "tsn-iqa", "kmeans").comparison
    d = [
        stored(three_seeds / f"tsn-{s}", "kmeans") - stored(three_seeds / f"ft-{s}", "newest")
        for s in range(3)
    ]
    error = math.sqrt(np.var(d, ddof=1) * (1 / 3 + (14 + 11 + 12) / (3 * 35)))
    reach = stats.t.ppf(0.975, 2) * error
    assert found.procedure == "corrected t"
    assert (found.difference, found.low) == pytest.approx((np.mean(d), np.mean(d) - reach))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(np.mean(d)) / error, 2))
    assert found.p_holm >= found.p


def test_only_methods_that_learn_in_sequence_and_are_not_told_get_a_place(three_seeds, board_of):
    board = board_of(three_seeds, baseline="ft")
    states = {(r.method, r.gate): r.status for r in board.tracks[0].rows}
    assert states["tsn-iqa", "oracle"] == "told"
    assert states["jl", "newest"] == "joint"
    assert states["ft", "newest"] == "baseline"
    ranked = [r for r in board.tracks[0].rows if r.place]
    assert [r.place for r in ranked] == [1, 2, 3]
    values = [r.metrics["mPSI"].mean for r in ranked]
    assert values == sorted(values, reverse=True)
    assert board.tracks[0].rows[:3] == ranked


def test_a_row_that_lacks_a_seed_has_no_place(make_run, board_of, tmp_path):
    for seed in range(2):
        make_run(f"a{seed}", seed=seed)
    make_run("b0", method="sl")
    board = board_of(tmp_path / "runs")
    assert row(board, "sl", "kmeans").status == "incomplete"
    assert (row(board, "sl").submitted, row(board, "sl").declared) == (1, 2)
    assert row(board_of(tmp_path / "runs", seeds=(0, 1, 2)), "tsn-iqa").status == "incomplete"
    assert "one paired run" in row(board, "sl", "uniform").comparison.reason


def test_the_baseline_is_the_first_bundles_method_unless_one_is_named(three_seeds, board_of):
    assert board_of(three_seeds).tracks[0].baseline == "ft · newest"
    named = board_of(three_seeds, baseline="tsn-iqa/uniform")
    assert named.tracks[0].baseline == "tsn-iqa · uniform"
    assert board_of(three_seeds, baseline="tsn-iqa").tracks[0].baseline == "tsn-iqa · kmeans"
    absent = board_of(three_seeds, baseline="nobody")
    assert not absent.tracks[0].baseline
    assert "baseline has no run" in row(absent, "ft").comparison.reason
    assert Baseline.parse("a/b/c") == Baseline("a/b", "c")


def test_with_one_division_runs_and_contents_are_resampled(make_run, board_of, tmp_path):
    for seed in range(3):
        make_run(f"a{seed}", method="ft", gates={"newest": False}, seed=seed, split_seed=0)
        make_run(f"b{seed}", seed=seed, split_seed=0)
    # The fixture's divisions name the seed; a fixed one is the same for all.
    for path in (tmp_path / "runs").glob("*/splits/*.json"):
        path.write_text(json.dumps({"train": [], "test": six_ids(path.stem)}))
    reseal_all(tmp_path / "runs")
    first = board_of(tmp_path / "runs", baseline="ft", contents=six_contents)
    found = row(first, "tsn-iqa", "kmeans").comparison
    assert found.procedure == "bootstrap"
    assert found.low < found.difference < found.high
    assert first == board_of(tmp_path / "runs", baseline="ft", contents=six_contents)
    blind = row(board_of(tmp_path / "runs", baseline="ft"), "tsn-iqa", "kmeans").comparison
    assert blind.low is None
    assert "contents of the test images" in blind.reason


def six_ids(task):
    return [f"{task}-{n:02}" for n in range({"live": 14, "csiq": 11, "bid": 12}[task])]


def reseal_all(folder):
    import hashlib

    for sums in folder.rglob("SHA256SUMS"):
        names = [line.split("  ", 1)[1] for line in sums.read_text().splitlines()]
        digests = [hashlib.sha256((sums.parent / n).read_bytes()).hexdigest() for n in names]
        text = "".join(f"{d}  {n}\n" for d, n in zip(digests, names, strict=True))
        sums.write_text(text)


def test_a_replicate_is_the_metric_of_the_images_drawn_twice_or_never(make_run, believe):
    folder = make_run("a", split_seed=0)
    run = collect([folder], believe).accepted[0].run
    resampled = Resampled(six_contents, "mSRCC", draws=4)
    found = resampled.replicates(run, "kmeans")
    predictions = run.bundle.predictions.to_pandas()
    labels = run.bundle.labels.to_pandas()
    expected = np.zeros(4)
    for task in run.tasks:
        own = labels[labels.task == task].reset_index()
        last = predictions[
            (predictions.task == task) & (predictions.gate == "kmeans") & (predictions.step == 3)
        ].set_index("sample_id")
        scores = last.loc[own.sample_id].score.to_numpy()
        weights = resampled._weights(run, task, list(own.sample_id)).astype(int)
        for n, times in enumerate(weights):
            drawn = np.repeat(scores, times), np.repeat(own.quality.to_numpy(), times)
            expected[n] += stats.spearmanr(*drawn).statistic / 3
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_further_run_of_a_seed_changes_nothing_and_is_noted(three_seeds, make_run, board_of):
    again = make_run("again", seed=1, created="2030-01-01T00:00:00+00:00", extra={"run_id": "x"})
    before, after = board_of(three_seeds), board_of(three_seeds, again)
    assert after.tracks[0].rows == before.tracks[0].rows
    assert any("the first one is shown" in note for note in after.tracks[0].notes)


def test_numbers_of_metrics_json_are_not_believed(make_run, board_of, reseal):
    folder = make_run("a")
    honest = row(board_of(folder), "tsn-iqa", "kmeans").metrics
    path = folder / "metrics.json"
    record = json.loads(path.read_text())
    record["gates"]["kmeans"]["mPSI"] = 0.999
    path.write_text(json.dumps(record))
    reseal(folder)
    assert row(board_of(folder), "tsn-iqa", "kmeans").metrics == honest


def test_runs_tested_in_another_way_stand_in_another_track(make_run, board_of, reseal):
    a, b = make_run("a"), make_run("b", seed=1)
    reseal(b, lambda r: r["config"].update(evaluate={"shrink": 512, "batch_size": 4}))
    board = board_of(a, b)
    assert [t.policy for t in board.tracks] == ["size as trained", "size 512"]
    assert len({t.id for t in board.tracks}) == 2


def test_each_order_has_a_track_and_all_together_one(make_run, board_of):
    turned = ("bid", "csiq", "live")
    runs = [make_run(f"i{s}", seed=s) for s in range(2)]
    runs += [make_run(f"v{s}", seed=s, tasks=turned, order="V") for s in range(2)]
    runs += [make_run(f"sl{s}", method="sl", seed=s) for s in range(2)]
    board = board_of(*runs)
    assert [t.orders for t in board.tracks] == [["I"], ["V"], ["I", "V"]]
    both = row(board, "tsn-iqa", "kmeans", track=2)
    values = [stored(folder, "kmeans") for folder in runs[:4]]
    assert both.metrics["mPSI"].mean == pytest.approx(np.mean(values))
    assert (both.metrics["mPSI"].n, both.status) == (4, "baseline")
    assert row(board, "sl", "kmeans", track=2).status == "incomplete"


def test_rank_tests_say_that_there_are_too_few_blocks(three_seeds, board_of):
    board = board_of(three_seeds, baseline="ft")
    assert board.tracks[0].mean_ranks.reason == "too few blocks: 3, needs 10"
    assert row(board, "tsn-iqa").comparison.wilcoxon_reason == "too few blocks: 3, needs 6"


def test_parts_of_one_set_are_no_independent_blocks(make_run, board_of):
    folder = make_run("a", datasets=("embedded",) * 3)
    board = board_of(folder)
    assert "share contents" in board.tracks[0].mean_ranks.reason
    assert "share contents" in row(board, "tsn-iqa", "uniform").comparison.wilcoxon_reason


def test_the_verification_decides_what_is_shown_and_how_far_it_is_trusted(three_seeds, believe):
    def mine(path):
        found = believe(path)
        if path.name == "ft-0":
            faults = (Fault("labels.parquet", "bid", "3 are not ours"), Fault("", "", "more"))
            return Verification(found.path, Trust.REJECTED, faults)
        word = Trust.REPRODUCED if path.name == "ft-1" else Trust.CONSISTENT
        return Verification(**{**vars(found), "trust": word})

    board = build_board(collect([three_seeds], mine), Options())
    reason = "labels.parquet, bid: 3 are not ours; and 1 more"
    assert [r.reason for r in board.rejected] == [reason]
    assert row(board, "ft").trust == "reproduced, self-consistent"
    assert row(board, "jl").trust == "self-consistent"
    assert len(board.sources) == 8


def test_a_fault_beside_a_run_rejects_the_whole_bundle(make_run, believe, tmp_path):
    def mine(path):
        found = believe(path)
        bad = Verification("x", Trust.REJECTED, (Fault("run.json", "seed", "is wrong"),))
        return Verification(**{**vars(found), "beside": {"ft": bad}})

    board = build_board(collect([make_run("a")], mine), Options())
    assert [r.reason for r in board.rejected] == ["compare/ft/run.json, seed: is wrong"]
    assert not board.tracks


def test_titles_of_tracks_say_what_was_learned_and_never_repeat(make_run, board_of):
    board = board_of(
        make_run("a"),
        make_run("b", split_seed=7),
        make_run("c", extra={"config": {**CONFIG, "evaluate": {"crop": 64}}}),
        make_run("d", tasks=("live", "csiq")),
        make_run("e", extra={"data": {t: {"fingerprint": t} for t in ("live", "csiq", "bid")}}),
    )
    titles = [track.title for track in board.tracks]
    assert len(set(titles)) == len(titles) == 5
    assert "2 tasks, live to csiq, order I" in titles
    assert any(t.endswith("split seed 7") for t in titles)
    assert any("square of 64 pixels in the middle" in t for t in titles)
    assert sum(", track " in t for t in titles) == 2  # other images of the same names


def test_a_gate_that_had_nothing_to_weight_gets_a_note_and_no_row(make_run, board_of):
    board = board_of(make_run("a", gates={"kmeans": False, "oracle": True}, silent="oracle"))
    assert [r.gate for r in board.tracks[0].rows] == ["kmeans"]
    assert any(n.startswith("tsn-iqa · oracle has no row") for n in board.tracks[0].notes)


def test_numbers_beyond_nine_digits_do_not_reach_the_page(three_seeds, board_of):
    for r in board_of(three_seeds).tracks[0].rows:
        for number in r.metrics.values():
            assert number.mean is None or number.mean == float(f"{number.mean:.9g}")
