"""What is derived from stored predictions, against a slow loop of its own."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import scipy.stats

from cliqa import metrics as m
from cliqa.errors import PluginError, ResultError
from cliqa.metrics import MatrixMetric
from cliqa.results import compute_metrics, srcc_matrices

NAN = float("nan")
TASKS = ["live", "csiq", "bid"]
MSRCC = MatrixMetric(name="mSRCC", function=lambda r: m.mean_srcc(r.S))
MPI = MatrixMetric(name="mPI", function=lambda r: m.mean_plasticity_index(r.S))
MSI = MatrixMetric(name="mSI", function=lambda r: m.mean_stability_index(r.R))


def slow_lookup(table, keys, value):
    return {tuple(row[k] for k in keys): row[value] for row in table.to_pylist()}


def slow_matrices(predictions, labels, tasks, gate):
    score = slow_lookup(predictions, ("gate", "step", "task", "sample_id"), "score")
    quality = slow_lookup(labels, ("task", "sample_id"), "quality")
    T = len(tasks)
    S, R = np.full((2, T, T), np.nan)
    for t in range(T):
        for k, task in enumerate(tasks):
            ids = [i for name, i in quality if name == task]
            now = [score[gate, t + 1, task, i] for i in ids]
            S[t, k] = scipy.stats.spearmanr(now, [quality[task, i] for i in ids]).statistic
            if k < t:
                then = [score[gate, k + 1, task, i] for i in ids]
                R[t, k] = scipy.stats.spearmanr(now, then).statistic
    return S, R


def without(table, **where):
    keep = None
    for column, value in where.items():
        same = pc.equal(table[column], value)
        keep = same if keep is None else pc.and_(keep, same)
    return table.filter(pc.invert(keep))


def with_scores(table, score, **where):
    hit = np.ones(len(table), dtype=bool)
    for column, value in where.items():
        hit &= pc.equal(table[column], value).to_numpy(zero_copy_only=False)
    scores = np.where(hit, score, table["score"].to_numpy()).astype(np.float32)
    return table.set_column(table.schema.get_field_index("score"), "score", pa.array(scores))


@pytest.mark.parametrize("gate", ["newest", "kg"])
def test_both_matrices_equal_a_slow_loop_over_shuffled_rows(predictions, labels, gate):
    S, R, undefined = srcc_matrices(predictions, labels, tasks=TASKS, gate=gate)
    slow_S, slow_R = slow_matrices(predictions, labels, TASKS, gate)
    np.testing.assert_allclose(S, slow_S, atol=1e-12)
    np.testing.assert_allclose(R, slow_R, atol=1e-12)
    assert undefined == {}


def test_the_order_of_tasks_permutes_the_columns_and_keeps_the_steps(predictions, labels):
    other = ["bid", "live", "csiq"]
    S, R, _ = srcc_matrices(predictions, labels, tasks=other, gate="kg")
    slow_S, slow_R = slow_matrices(predictions, labels, other, "kg")
    np.testing.assert_allclose(S, slow_S, atol=1e-12)
    np.testing.assert_allclose(R, slow_R, atol=1e-12)


def test_the_content_of_metrics_json_holds_every_gate_and_survives_strict_json(predictions, labels):
    found = compute_metrics(predictions, labels, tasks=TASKS, metrics=[MSRCC, MPI, MSI])
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again == found
    assert (found["schema_version"], found["tasks"]) == (1, TASKS)
    assert set(found["gates"]) == {"newest", "kg"}
    for gate, entry in found["gates"].items():
        S, R = slow_matrices(predictions, labels, TASKS, gate)
        np.testing.assert_allclose(entry["srcc"], S, atol=1e-12)
        assert entry["stability"][0] == [None] * 3
        assert entry["mSRCC"] == pytest.approx(S[-1].mean())
        assert entry["mSI"] == pytest.approx(m.mean_stability_index(R))
        assert entry["undefined"] == {}


def test_what_was_not_evaluated_is_null_with_a_reason_and_so_is_what_needs_it(predictions, labels):
    partial = without(predictions, step=2, task="csiq")
    entry = compute_metrics(partial, labels, tasks=TASKS, metrics=[MSRCC, MPI, MSI])["gates"]["kg"]
    assert entry["srcc"][1][1] is None
    assert entry["mSRCC"] is not None
    assert entry["mPI"] is None
    assert entry["mSI"] is None
    reason = "gate kg, step 2, csiq: not evaluated"
    assert entry["undefined"] == {
        "srcc[1][1]": reason,
        "stability[2][1]": reason,
        "mPI": f"needs what is undefined: {reason}",
        "mSI": f"needs what is undefined: {reason}",
    }


def test_joint_learning_with_the_last_step_alone_has_an_msrcc_only(predictions, labels):
    last = predictions.filter(pc.equal(predictions["step"], 3))
    entry = compute_metrics(last, labels, tasks=TASKS, metrics=[MSRCC, MPI, MSI])["gates"]["kg"]
    assert entry["mSRCC"] is not None
    assert (entry["mPI"], entry["mSI"]) == (None, None)
    assert entry["undefined"]["mPI"].startswith(
        "needs what is undefined: gate kg, step 1, live: not evaluated; and "
    )


def test_a_constant_prediction_is_null_with_its_gate_step_and_task_in_the_reason(
    predictions, labels
):
    flat = with_scores(predictions, 4.0, gate="kg", step=3, task="csiq")
    gates = compute_metrics(flat, labels, tasks=TASKS, metrics=[MSRCC, MPI])["gates"]
    reason = "gate kg, step 3, csiq: all 25 predictions are equal"
    assert gates["kg"]["srcc"][2][1] is None
    assert gates["kg"]["undefined"] == {
        "srcc[2][1]": reason,
        "stability[2][1]": reason,
        "mSRCC": f"needs what is undefined: {reason}",
    }
    assert gates["newest"]["undefined"] == {}


def test_predictions_that_are_not_finite_are_null_with_a_reason(predictions, labels):
    broken = with_scores(predictions, NAN, gate="kg", step=1, task="live")
    _, _, undefined = srcc_matrices(broken, labels, tasks=TASKS, gate="kg")
    assert "gate kg, step 1, live: 30 of 30 predictions are not finite" in undefined.values()


def test_equal_quality_scores_leave_stability_defined(predictions, labels):
    same = np.where(
        pc.equal(labels["task"], "live").to_numpy(zero_copy_only=False),
        5.0,
        labels["quality"].to_numpy(),
    )
    flat = labels.set_column(2, "quality", pa.array(same))
    S, R, undefined = srcc_matrices(predictions, flat, tasks=TASKS, gate="kg")
    assert np.isnan(S[:, 0]).all()
    assert np.isfinite(R[1:, 0]).all()
    assert set(undefined.values()) == {"live: all 30 quality scores are equal"}


def test_a_gate_without_rows_is_null_throughout_and_not_an_error(predictions, labels):
    found = compute_metrics(predictions, labels, tasks=TASKS, metrics=[MSRCC], gates=["oracle"])
    assert list(found["gates"]) == ["oracle"]
    assert found["gates"]["oracle"]["mSRCC"] is None


def test_sets_that_are_only_tested_on_are_reported_after_the_last_task(predictions, labels):
    tasks = ["live", "csiq"]
    two = predictions.filter(pc.less_equal(predictions["step"], 2))
    found = compute_metrics(two, labels, tasks=tasks, metrics=[], evaluate_only=["bid", "spaq"])
    entry = found["gates"]["kg"]
    S, _ = slow_matrices(predictions, labels, TASKS, "kg")
    assert entry["evaluate_only"]["bid"] == pytest.approx(S[1, 2])
    assert entry["evaluate_only"]["spaq"] is None
    assert entry["undefined"] == {"evaluate_only.spaq": "gate kg, step 2, spaq: not evaluated"}


def broken(metric_name, function, **fields):
    return MatrixMetric(name=metric_name, function=function, **fields)


def test_a_metric_that_fails_or_leaves_its_bounds_is_null_with_the_cause(predictions, labels):
    metrics = [
        broken("fails", lambda r: 1 / 0),
        broken("percent", lambda r: 85.0),
        broken("infinite", lambda r: float("inf"), bounds=(0.0, float("inf"))),
        broken("lonely", lambda r: NAN),
        MSRCC,
    ]
    entry = compute_metrics(predictions, labels, tasks=TASKS, metrics=metrics)["gates"]["kg"]
    assert entry["mSRCC"] is not None
    assert entry["undefined"] == {
        "fails": "the metric failed: ZeroDivisionError: division by zero",
        "percent": "the metric gave 85.0, outside its bounds -1.0 to 1.0",
        "infinite": "the metric gave inf, outside its bounds 0.0 to inf",
        "lonely": "not defined for 3 task(s)",
    }


def test_a_metric_may_read_the_predictions_themselves(predictions, labels):
    seen = []

    def first(record):
        seen.append(record)
        return m.srcc(record.predictions[2, 1], record.qualities[1])

    metric = broken("first", first)
    entry = compute_metrics(predictions, labels, tasks=TASKS, metrics=[metric])["gates"]["kg"]
    assert entry["first"] == pytest.approx(entry["srcc"][2][1])
    assert seen[0].tasks == tuple(TASKS)


@pytest.mark.parametrize("names", [("srcc",), ("undefined",), ("a", "a")])
def test_metric_names_that_clash_are_refused(predictions, labels, names):
    metrics = [broken(name, lambda r: 0.0) for name in names]
    with pytest.raises(PluginError, match=f"got {names[0]}"):
        compute_metrics(predictions, labels, tasks=TASKS, metrics=metrics)


def test_predictions_for_other_samples_than_the_labels_are_refused_with_counts(predictions, labels):
    one = predictions.filter(pc.equal(predictions["gate"], "kg"))
    one = one.filter(pc.and_(pc.equal(one["step"], 1), pc.equal(one["task"], "live")))
    cases = {
        "1 missing": one.slice(1),
        "1 given twice": pa.concat_tables([one, one.slice(0, 1)]),
        "30 missing, 30 not in the test set": one.set_column(
            one.schema.get_field_index("sample_id"),
            "sample_id",
            pc.binary_join_element_wise(one["sample_id"], "x", ""),
        ),
    }
    for text, table in cases.items():
        with pytest.raises(ResultError, match=f"gate kg, step 1, live.*{text}"):
            srcc_matrices(table, labels, tasks=TASKS, gate="kg")


def test_predictions_and_labels_of_different_runs_are_refused(predictions, labels):
    with pytest.raises(ResultError, match="no labels for bid"):
        srcc_matrices(predictions, without(labels, task="bid"), tasks=TASKS, gate="kg")
    with pytest.raises(ResultError, match="2 stages but predictions of step 3"):
        srcc_matrices(predictions, labels, tasks=TASKS[:2], gate="kg")
    two = predictions.filter(pc.less_equal(predictions["step"], 2))
    with pytest.raises(ResultError, match="predictions for bid, which is no task"):
        compute_metrics(two, labels, tasks=TASKS[:2], metrics=[])
    twice = pa.concat_tables([labels, labels.slice(0, 1)])
    with pytest.raises(ResultError, match="labels of live name a sample twice"):
        srcc_matrices(predictions, twice, tasks=TASKS, gate="kg")
