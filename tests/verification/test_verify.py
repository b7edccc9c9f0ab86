"""What is believed of a bundle, and why."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.numpy import load_file, save_file
from scipy.stats import spearmanr

from cliqa.errors import ResultError
from cliqa.results import load_bundle
from cliqa.verification import Trust, Verifier, verify


def texts(found):
    return [str(fault) for fault in found.all_faults()]


def test_an_honest_run_is_recomputed_with_the_methods_beside_it(bundle, honest):
    assert texts(honest) == []
    assert honest.trust is Trust.RECOMPUTED
    assert {label: v.trust for label, v in honest.beside.items()} == {"ft": Trust.RECOMPUTED}
    run = load_bundle(bundle).run
    assert honest.identity.run_id == run["run_id"]
    assert honest.identity.told_task_id["oracle"] is True
    assert honest.declared["peak_memory_mb"] == run["peak_memory_mb"]


def test_a_recomputed_metric_is_scipy_s_srcc_of_the_stored_scores(bundle, honest):
    table = load_bundle(bundle).predictions.to_pandas()
    labels = load_bundle(bundle).labels.to_pandas()
    cell = table[(table.step == 2) & (table.task == "bid-like") & (table.gate == "uniform")]
    joined = cell.merge(labels, on=["task", "sample_id"])
    expected = spearmanr(joined.score, joined.quality).statistic
    assert honest.metrics["gates"]["uniform"]["srcc"][1][1] == pytest.approx(expected, abs=1e-12)


def test_scoring_every_image_again_from_the_weights_reproduces_an_honest_run(bundle, verifier):
    found = verifier.verify(bundle, rescore=1000, sample_seed=1)
    assert texts(found) == []
    assert found.trust is Trust.REPRODUCED
    assert found.rescored == sum(len(load_bundle(bundle).split(t)["test"]) for t in honest_sets())
    assert found.beside["ft"].trust is Trust.REPRODUCED


def honest_sets():
    return ("live-like", "bid-like", "far")


def test_fabricated_predictions_are_recomputed_but_never_reproduced(work, verifier):
    """The limit of recomputing, and what scoring again is for."""
    labels = pq.read_table(work.folder / "labels.parquet").to_pandas()
    quality = labels.set_index(["task", "sample_id"]).quality
    heads = pq.read_table(work.folder / "heads.parquet").to_pandas()
    heads["score"] = quality.loc[list(zip(heads.task, heads.sample_id, strict=True))].to_numpy()
    scores = pq.read_table(work.folder / "predictions.parquet").to_pandas()
    wanted = list(zip(scores.task, scores.sample_id, strict=True))
    scores["score"] = quality.loc[wanted].to_numpy()
    for name, frame in (("heads", heads), ("predictions", scores)):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.cast(pq.read_schema(work.source / f"{name}.parquet"))
        pq.write_table(table, work.folder / f"{name}.parquet")
    work.sign()
    told = verifier.verify(work.folder)
    assert any("metrics.json" in text for text in texts(told))  # and a forger derives them anew
    work.write_json("metrics.json", _derived(work))
    work.sign()
    assert verifier.verify(work.folder).trust is Trust.RECOMPUTED
    found = verifier.verify(work.folder, rescore=8, sample_seed=3)
    assert found.trust is Trust.REJECTED
    assert any("scored again" in text for text in texts(found))


def _derived(work):
    from cliqa.registry import Registry
    from cliqa.results import compute_metrics

    record = work.json("run.json")
    registry = Registry.discover(third_party=False)
    metrics = [registry.get("metric", m["name"]).create(None) for m in record["config"]["metrics"]]
    return compute_metrics(
        pq.read_table(work.folder / "predictions.parquet"),
        pq.read_table(work.folder / "labels.parquet"),
        tasks=record["tasks"],
        learned_at=record["learned_at"],
        gates=list(record["gates"]),
        evaluate_only=record["evaluate_only"],
        metrics=metrics,
    )


def test_weights_that_are_not_those_of_the_predictions_are_found_by_scoring_again(work, verifier):
    path = work.folder / "checkpoints/model.safetensors"
    tensors = load_file(path)
    name = next(n for n in tensors if n.startswith("head/1/"))
    tensors[name] = tensors[name] + np.float32(0.5) * np.sign(tensors[name])
    about = {"cliqa": json.dumps({"format": 1, "head_tasks": HEADS})}
    save_file(tensors, path, about)
    work.sign()
    assert verifier.verify(work.folder).trust is Trust.RECOMPUTED
    found = verifier.verify(work.folder, rescore=50, sample_seed=1)
    assert found.trust is Trust.REJECTED


HEADS = [["live-like"], ["bid-like"]]


def test_without_the_dataset_s_plugin_a_bundle_is_only_self_consistent(bundle):
    class Without:
        """A registry in which nobody offers datasets."""

        def __init__(self, registry):
            self._registry = registry

        def get(self, kind, name):
            from cliqa.errors import UnknownComponentError

            if kind == "dataset":
                raise UnknownComponentError(name)
            return self._registry.get(kind, name)

    from cliqa.registry import Registry

    found = Verifier(Without(Registry.discover(third_party=False))).verify(bundle)
    assert texts(found) == []
    assert found.trust is Trust.CONSISTENT
    assert any("labels not checked" in note for note in found.notes)


def test_a_place_that_a_bundle_names_is_never_looked_at(work, verifier, tmp_path, monkeypatch):
    """A set from a file of the submitter's choice stays unread, unless the user says where."""
    record, config = work.json("run.json"), work.read("config.yaml").decode()
    secret = tmp_path / "secret.csv"
    secret.write_text("image,score\na.png,1\n")
    written = {"name": "rated-images", "as": "live-like", "data": str(secret), "score": "score"}
    written["direction"], written["range"] = "higher-better", [0, 1]
    record["config"]["stream"]["tasks"][0] = written
    document = yaml.safe_load(config)
    document["stream"]["tasks"][0] = written
    work.write("config.yaml", yaml.safe_dump(document).encode())
    work.write_json("run.json", record)
    work.sign()
    opened = []
    monkeypatch.setattr("cliqa_tables.dataset.build", lambda config: opened.append(config))
    verifier.verify(work.folder)
    assert opened == []
    Verifier(verifier.registry, {"live-like": secret}).verify(work.folder)
    assert [config.data for config in opened] == [str(secret)]


def test_a_dataset_that_would_be_downloaded_is_not(verifier):
    from cliqa.config.resolved import Resolved
    from cliqa.verification.data import OwnData, UnavailableError

    registered = verifier.registry.get("dataset", "koniq-10k")
    model = registered.config_model()
    config = model(source="hub", revision="main")
    with pytest.raises(UnavailableError, match="revision"):
        OwnData().get(Resolved("dataset", "koniq-10k", registered, config))


def test_unknown_keys_of_a_later_cliqa_are_tolerated_and_said_to_be_declared(work, verifier):
    work.write_json("run.json", work.json("run.json") | {"resumed": {"count": 2}})
    work.sign()
    found = verifier.verify(work.folder)
    assert texts(found) == []
    assert found.declared["resumed"] == {"count": 2}


def test_what_does_not_exist_is_the_user_s_mistake(tmp_path):
    with pytest.raises(ResultError, match="does not exist"):
        verify(tmp_path / "nothing")
