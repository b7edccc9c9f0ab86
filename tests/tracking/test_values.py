"""Numbers and settings by name."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cliqa.errors import MissingPackageError
from cliqa.tracking import final_scalars, flat, require, scalars

RECORD = {
    "event": "epoch", "step": 2, "task": "b", "phase": "gan", "epoch": 3, "loss": 1.5,
    "losses": {"generator": 1.0, "discriminator": 0.5}, "validation_srcc": None,
    "lr": [0.1, 0.01], "seconds": 2.0,
}  # fmt: skip


def test_a_records_numbers_are_named_by_phase_and_what_has_no_value_is_left_out():
    assert scalars(RECORD) == {
        "gan/loss": 1.5,
        "gan/losses.generator": 1.0,
        "gan/losses.discriminator": 0.5,
        "gan/lr.0": 0.1,
        "gan/lr.1": 0.01,
        "gan/seconds": 2.0,
    }


def test_a_record_that_is_no_epoch_is_named_by_its_kind():
    assert scalars({"event": "drift", "step": 1, "far": 2, "text": "x", "yes": True}) == {
        "drift/far": 2.0
    }


@given(st.floats())
def test_only_finite_numbers_are_measured(value):
    found = scalars({"event": "e", "v": value})
    assert found == ({"e/v": value} if math.isfinite(value) else {})


names = st.sampled_from(["a", "b", "cd"])
json_values = st.recursive(
    st.sampled_from([None, True, 3, "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(names, json_values, max_size=3))
def test_every_setting_has_a_name_that_leads_to_it(values):
    for name, value in flat(values).items():
        here = values
        for key in name.split("."):
            here = here[int(key)] if isinstance(here, list) else here[key]
        assert here == value


def test_final_numbers_belong_to_the_steps_of_their_rows():
    metrics = {
        "tasks": ["a", "b"],
        "gates": {
            "newest": {
                "srcc": [[0.1, None], [0.2, 0.3]],
                "stability": [[None, None], [0.9, None]],
                "mSRCC": 0.25,
                "evaluate_only": {"c": 0.4},
                "undefined": {"mPI": "one task"},
            }
        },
    }
    assert list(final_scalars(metrics)) == [
        (1, {"test_srcc/newest/a": 0.1}),
        (
            2,
            {
                "test_srcc/newest/a": 0.2,
                "test_srcc/newest/b": 0.3,
                "summary/newest/mSRCC": 0.25,
                "summary/newest/evaluate_only.c": 0.4,
            },
        ),
    ]


def test_a_package_that_is_not_installed_is_named_with_the_extra_that_brings_it():
    with pytest.raises(MissingPackageError) as caught:
        require("no_such_package_xyz", "extra-x", "mine")
    assert 'pip install "cliqa-bench[extra-x]"' in str(caught.value)
    assert "tracker `mine`" in str(caught.value)


def test_a_folder_of_results_by_a_packages_name_is_not_the_package(tmp_path, monkeypatch):
    (tmp_path / "wandb_like_xyz").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingPackageError):
        require("wandb_like_xyz", "x", "mine")


def test_a_package_that_is_installed_is_not_imported_to_know_that():
    require("xml.dom", "x", "mine")
