"""The dataset `embedded` keeps the contract of rated datasets."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from cliqa_embedded import cliqa_datasets
from cliqa_embedded.config import KADID_TYPES, SUBSETS, EmbeddedConfig
from cliqa_embedded.contents import contents
from cliqa_embedded.dataset import build
from cliqa_embedded.distortions import DISTORTIONS, LEVELS
from cliqa_embedded.plan import plan
from cliqa_embedded.scores import chain_cell
from cliqa_embedded.tasks import TASKS
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import spearmanr

from cliqa.data import COLUMNS, make_split
from cliqa.data.table import check_table

SMALL = {"images": 96, "size": 64}


@pytest.fixture(scope="module")
def built():
    return {name: build(EmbeddedConfig(subset=name, **SMALL)) for name in SUBSETS}


def test_the_plugin_offers_one_lazy_component():
    (component,) = cliqa_datasets()
    assert component.name == "embedded"
    assert component.factory == "cliqa_embedded.dataset:build"
    assert component.config == "cliqa_embedded.config:EmbeddedConfig"


def test_importing_the_plugin_loads_nothing_heavy():
    code = "import sys, cliqa_embedded, cliqa_embedded.config; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "datasets", "scipy", "PIL"} & set(done.stdout.split())


def test_every_task_has_exactly_the_contracts_columns(built):
    for data in built.values():
        assert data.table.column_names == list(COLUMNS)


def test_every_task_passes_the_platforms_own_check(built):
    for data in built.values():
        check_table(data)


def test_the_scores_are_declared_as_pseudo_scores(built):
    for data in built.values():
        assert data.pseudo_scores
        assert "no human rated" in data.info["scores"]
        assert data.info["procedural"].startswith("scene-")


def test_images_decode_to_rgb_of_the_asked_size(built):
    image = built["live-like"].table[0]["image"]
    assert image.mode == "RGB"
    assert image.size == (64, 64)


def test_building_twice_gives_identical_bytes_and_ids(built):
    again = build(EmbeddedConfig(subset="clive-like", **SMALL))
    one = built["clive-like"].table.data.table.to_pydict()
    assert one == again.table.data.table.to_pydict()


def test_sample_ids_are_unique_over_all_tasks(built):
    ids = [i for data in built.values() for i in data.table["sample_id"][:]]
    assert len(ids) == len(set(ids)) == 96 * 6


def test_all_tasks_share_the_references_and_their_crops(built):
    expected = set(contents(64, EmbeddedConfig().seed))
    for data in built.values():
        assert set(data.table["reference"][:]) == expected


def test_a_split_by_reference_is_the_same_in_all_tasks_and_keeps_contents_apart(built):
    tested = set()
    for data in built.values():
        split = make_split(data, "70/10/20", by="reference", seed=0)
        names = data.table["reference"][:]
        train, test = ({names[i] for i in part} for part in (split.train, split.test))
        assert not train & test
        tested.add(frozenset(test))
    assert len(tested) == 1


def test_another_seed_gives_other_images(built):
    other = build(EmbeddedConfig(subset="bid-like", images=48, size=64, seed=1))
    shared = set(other.table["sample_id"][:]) & set(built["bid-like"].table["sample_id"][:])
    assert len(shared) < 24


def test_quality_follows_the_human_means_of_the_treatments(built):
    for name, data in built.items():
        cells = {(t.name, t.level): chain_cell(t.steps) for t in TASKS[name]}
        keys = zip(data.table["distortion"][:], data.table["level"][:], strict=True)
        means = np.array([cells[key].mean for key in keys])
        quality = np.array(data.table["quality"][:])
        assert spearmanr(means, quality).statistic > 0.85
        assert quality.mean() == pytest.approx(means.mean(), abs=0.05)


def test_the_average_of_a_cell_is_its_human_mean():
    data = build(EmbeddedConfig(subset="live-like", images=400, size=64)).table
    keys = list(zip(data["distortion"][:], data["level"][:], strict=True))
    quality = np.array(data["quality"][:])
    for treatment in TASKS["live-like"]:
        cell = chain_cell(treatment.steps)
        members = [i for i, key in enumerate(keys) if key == (treatment.name, treatment.level)]
        # Bounding z and clipping at the ends of the scale move an average a little.
        assert quality[members].mean() == pytest.approx(cell.mean, abs=0.2 * cell.std)


@pytest.mark.parametrize("subset", SUBSETS)
def test_treatments_and_references_are_spread_evenly(subset):
    config = EmbeddedConfig(subset=subset)
    samples = plan(config, dict.fromkeys(map(str, range(24)), 10))
    for counted in (
        [(s.treatment.name, s.treatment.level) for s in samples],
        [s.reference for s in samples],
    ):
        counts = [counted.count(key) for key in set(counted)]
        assert max(counts) - min(counts) <= 1


def test_no_two_images_of_a_task_have_the_same_crop_and_treatment():
    for subset in SUBSETS:
        samples = plan(EmbeddedConfig(subset=subset), dict.fromkeys(map(str, range(24)), 10))
        made = [(s.reference, s.crop, s.treatment) for s in samples]
        assert len(set(made)) >= 0.97 * len(made)


@pytest.mark.parametrize(
    "setting", [{"subset": "live"}, {"images": 10}, {"size": 16}, {"seed": -1}, {"colour": 1}]
)
def test_settings_out_of_bounds_are_refused(setting):
    with pytest.raises(ValidationError):
        EmbeddedConfig(**setting)


#: Digests of what each of the six tasks consists of, as it was when results were first published.
PLANS = {
    "live-like": "51a6b68ba2b9c993",
    "csiq-like": "dc466a8dcd3612bf",
    "bid-like": "c373d2db36386af6",
    "clive-like": "0aca6a9dc927490d",
    "koniq-like": "4e49dad50efabe43",
    "kadid-like": "6a96dcbb175513c8",
}


@pytest.mark.parametrize("subset", SUBSETS)
def test_the_six_tasks_consist_of_the_same_crops_and_treatments_for_ever(subset):
    samples = plan(EmbeddedConfig(subset=subset), dict.fromkeys(map(str, range(23)), 10))
    made = repr([(s.sample_id, s.crop, s.treatment.steps) for s in samples])
    assert hashlib.sha256(made.encode()).hexdigest()[:16] == PLANS[subset]


@pytest.fixture(scope="module")
def types():
    """The stream of types at twice the number of references for each type."""
    references = len(contents(64, EmbeddedConfig().seed))
    return build(EmbeddedConfig(subset=KADID_TYPES, images=22 * 2 * references, size=64))


def test_the_stream_holds_every_type_at_five_levels_in_kadids_order(types):
    check_table(types)
    cells = list(zip(types.table["distortion"][:], types.table["level"][:], strict=True))
    assert list(dict.fromkeys(kind for kind, _ in cells)) == list(DISTORTIONS)
    assert set(cells) == {(kind, level) for kind in DISTORTIONS for level in LEVELS}
    assert types.name == KADID_TYPES
    assert types.pseudo_scores


def test_every_type_shows_every_reference_equally_often(types):
    kinds, names = types.table["distortion"][:], types.table["reference"][:]
    counts = {
        (kind, name): sum(pair == (kind, name) for pair in zip(kinds, names, strict=True))
        for kind in DISTORTIONS
        for name in set(names)
    }
    assert set(counts.values()) == {2}


@pytest.mark.parametrize("protocol", ["70/10/20", "80/10/10"])
def test_no_type_is_without_images_in_any_part_whatever_the_seed(types, protocol):
    kinds = types.table["distortion"][:]
    for seed in range(5):
        split = make_split(types, protocol, by="reference", seed=seed)
        for part in (split.train, split.val, split.test):
            counts = {kind: sum(kinds[row] == kind for row in part) for kind in DISTORTIONS}
            assert len(set(counts.values())) == 1
            assert min(counts.values()) >= 4


def test_the_names_of_the_types_are_those_of_kadid(types):
    from cliqa_iqa.kadid import TYPES

    absent = {"denoise", "non_eccentricity_patch", "color_block"}
    assert list(DISTORTIONS) == [kind for kind in TYPES if kind not in absent]


@given(images=st.integers(48, 300))
def test_the_stream_has_as_many_images_as_asked_for_types_equal_up_to_one(images):
    config = EmbeddedConfig(subset=KADID_TYPES, images=images)
    samples = plan(config, dict.fromkeys(map(str, range(23)), 10))
    counts = [sum(s.treatment.name == kind for s in samples) for kind in DISTORTIONS]
    assert sum(counts) == len({s.sample_id for s in samples}) == images
    assert max(counts) - min(counts) <= 1
