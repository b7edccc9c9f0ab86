"""A run that is cut off gives, bit for bit, what it would have given, whatever its method."""

from __future__ import annotations

import pytest

from cliqa.registry import Registry

STRATEGIES = [found.name for found in Registry.discover(third_party=False).components("strategy")]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    name, two_stages, killing, until_done, built, tmp_path
):
    """Checkpoints, predictions, metrics, log and record, for every strategy there is."""
    killing.go(two_stages(name, minutes=5), tmp_path / "whole", datasets=built)
    places = until_done(two_stages(name), tmp_path / "cut", moments=6)
    assert any("phase" in place for _, _, place in places)
    assert killing.unlike(tmp_path / "whole", tmp_path / "cut") == []
    assert not (tmp_path / "cut/resume").exists()


@pytest.mark.parametrize("strategy", ["lwf", "mas", "ewc", "si"])
def test_methods_that_hold_a_single_head_come_back_too(
    strategy, two_stages, killing, until_done, built, tmp_path
):
    settings = {"name": strategy, "heads": "single"}
    killing.go(two_stages(settings, minutes=5), tmp_path / "whole", datasets=built)
    until_done(two_stages(settings), tmp_path / "cut", moments=11)
    assert killing.unlike(tmp_path / "whole", tmp_path / "cut") == []


def test_methods_beside_the_main_one_are_not_trained_twice(two_stages, killing, built, tmp_path):
    beside = {"compare": [{"name": "si", "heads": "single"}, "jl"]}
    whole = killing.go(two_stages("er", minutes=5, **beside), tmp_path / "whole", datasets=built)
    places, began = [], []
    for _ in range(30):
        seen = killing.go(two_stages("er", **beside), tmp_path / "cut", 17, datasets=built)
        began += [m for m in seen.moments if " stage " in m]
        places += seen.places
        if (tmp_path / "cut/SHA256SUMS").exists():
            break
    assert killing.unlike(tmp_path / "whole", tmp_path / "cut") == []
    assert ("er", 2, "finished") in places
    assert ("si", 2, "finished") in places
    last_of_er = max(n for n, m in enumerate(began) if m.startswith("er "))
    assert last_of_er < min(n for n, m in enumerate(began) if m.startswith("si "))
    assert set(began) == {m for m in whole.moments if " stage " in m}


@pytest.mark.parametrize("how", ["update", "list", "frozen"])
def test_other_schedules_come_back_too(how, two_stages, killing, until_done, built, tmp_path):
    """Best epochs, lists of pairs, statistics that stand still, images in the warm-up."""
    changes = {
        "update": ["train.select=last", "train.norm_statistics=first-epoch"],
        "list": ["train.pairs=list", "train.pair_list_size=40"],
        "frozen": ["train.norm_statistics=frozen", "train.warmup_views=augmented"],
    }[how]
    killing.go(two_stages("tsn-iqa", *changes, minutes=5), tmp_path / "whole", datasets=built)
    until_done(two_stages("tsn-iqa", *changes), tmp_path / "cut", moments=9)
    assert killing.unlike(tmp_path / "whole", tmp_path / "cut") == []
