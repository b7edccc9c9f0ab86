"""What the final model's heads say, against loops over the rows."""

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import save_file
from scipy import stats

from cliqa.analysis import (
    final_head_srcc,
    last_normalization,
    mean_head_weights,
    varies_with_image,
)
from cliqa.errors import ResultError

SETS = {"a": 7, "b": 9}


@pytest.fixture
def tables():
    """Scores, weights and labels of two steps, rows shuffled."""
    rng = np.random.default_rng(3)
    labels = [(t, f"{t}{n}", float(rng.normal())) for t, size in SETS.items() for n in range(size)]
    heads, weights = [], []
    for step in (1, 2):
        for task, sample, _ in labels:
            shares = rng.dirichlet(np.ones(step))
            for head in range(1, step + 1):
                heads.append((step, task, sample, head, float(rng.normal())))
                weights.append((step, task, "soft", sample, head, float(shares[head - 1])))
                weights.append((step, task, "even", sample, head, 1 / step))
    rng.shuffle(heads)

    def table(rows, names):
        return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))

    return (
        table(heads, ["step", "task", "sample_id", "head", "score"]),
        table(weights, ["step", "task", "gate", "sample_id", "head", "weight"]),
        table(labels, ["task", "sample_id", "quality"]),
    )


def test_each_heads_srcc_is_scipys_on_the_last_step(tables):
    heads, _, labels = tables
    found = final_head_srcc(heads, labels, ["a", "b", "unseen"])
    truth = {r["sample_id"]: r["quality"] for r in labels.to_pylist()}
    for h in (1, 2):
        for k, name in enumerate(SETS):
            rows = [
                r for r in heads.to_pylist() if (r["step"], r["head"], r["task"]) == (2, h, name)
            ]
            expected = stats.spearmanr(
                [r["score"] for r in rows], [truth[r["sample_id"]] for r in rows]
            ).statistic
            assert found[h - 1, k] == pytest.approx(expected)
    assert np.isnan(found[:, 2]).all()


def test_mean_weights_are_the_means_over_the_images_of_the_last_step(tables):
    _, weights, _ = tables
    found = mean_head_weights(weights, "soft", list(SETS))
    for k, name in enumerate(SETS):
        for h in (1, 2):
            values = [
                r["weight"]
                for r in weights.to_pylist()
                if (r["step"], r["gate"], r["task"], r["head"]) == (2, "soft", name, h)
            ]
            assert found[k, h - 1] == pytest.approx(np.mean(values))
    assert found.sum(axis=1) == pytest.approx(1)


def test_a_gate_that_weights_all_images_alike_does_not_vary(tables):
    _, weights, _ = tables
    assert varies_with_image(weights, "soft")
    assert not varies_with_image(weights, "even")
    assert not varies_with_image(weights, "absent")


def checkpoint(path, layers, heads=2, shared=()):
    rng = np.random.default_rng(0)
    tensors = {f"backbone/{name}.running_mean": np.ones(3, np.float32) for name in layers}
    for head in range(heads):
        for name in set(layers) - set(shared):
            tensors[f"set/{head}/{name}.running_mean"] = rng.normal(size=3).astype(np.float32)
            tensors[f"set/{head}/{name}.running_var"] = rng.uniform(1, 2, 3).astype(np.float32)
    save_file(tensors, path)
    return tensors


def test_the_statistics_of_the_last_layer_are_read_for_every_head(tmp_path):
    path = tmp_path / "model.safetensors"
    tensors = checkpoint(path, ["blocks.9.bn", "blocks.10.bn"])
    found = last_normalization(path)
    assert found.layer == "blocks.10.bn"
    assert found.means[1] == pytest.approx(tensors["set/1/blocks.10.bn.running_mean"])
    assert found.variances[0] == pytest.approx(tensors["set/0/blocks.10.bn.running_var"])
    assert last_normalization(path, "blocks.9.bn").layer == "blocks.9.bn"


def test_a_method_that_shares_its_statistics_has_none_of_its_own(tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoint(path, ["bn1", "bn2"], shared=["bn1", "bn2"])
    assert last_normalization(path) is None
    checkpoint(path, ["bn1", "bn2"], shared=["bn2"])
    assert last_normalization(path, "bn2") is None
    checkpoint(path, ["bn1"], heads=1)
    assert last_normalization(path) is None
    assert last_normalization(tmp_path / "absent.safetensors") is None


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"no weights")
    with pytest.raises(ResultError, match=r"model\.safetensors cannot be read"):
        last_normalization(path)
