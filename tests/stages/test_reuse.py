"""A stage is trained once; a run that takes it over gives what it would have given without."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("name", ["tsn-iqa", "sl", "si", "ewc", "er", "liqa", "ft", "jl"])
def test_a_run_from_a_store_gives_the_bytes_of_one_without(
    name, small, store, go, reused, killing, tmp_path
):
    """Predictions, checkpoints, metrics, log; and nothing is trained the second time."""
    config = small(name)
    go(config, "alone")
    first = go(config, "first", store=store)
    second = go(config, "second", store=store)
    assert killing.unlike(tmp_path / "alone", tmp_path / "first") == ["train_log.jsonl"]
    assert killing.unlike(tmp_path / "alone", tmp_path / "second") == ["train_log.jsonl"]
    assert "step" in first.moments
    assert "step" not in second.moments
    assert not any(reused("first"))
    assert all(reused("second"))
