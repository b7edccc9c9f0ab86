"""Runs of every kind of stream and method verify from end to end."""

import json

import numpy as np
import pytest
from PIL import Image

from cliqa.results import load_bundle, run_id
from cliqa.verification import Trust, Verifier, pack

SET = {"name": "embedded", "subset": "live-like", "images": 72, "size": 64}
LIQA = {
    "name": "liqa",
    "gan_epochs": 1,
    "gan_width": 8,
    "copies": 1,
    "replay_size": 20,
    "head_epochs": 1,
}
DISTORTIONS = {
    "backbone": "s-cnn",
    "objective": "squared-error",
    "strategy": LIQA,
    "compare": [{**LIQA, "as": "bare", "split_and_merge": False}],
    "gates": ["newest", "uniform", "oracle"],
    "stream": {"tasks": [SET], "per": "distortion", "stages": [2]},
    "train": {"warmup_epochs": 0, "epochs": 1, "crop": 32, "shrink": None},
    "threads": 1,
}
PLAIN = {
    "backbone": "s-cnn",
    "strategy": "ft",
    "gates": ["newest"],
    "stream": {"tasks": [{**SET, "as": "near"}, {**SET, "as": "far", "subset": "bid-like"}]},
    "train": {"warmup_epochs": 0, "epochs": 1, "crop": 32, "shrink": None},
    "threads": 1,
}


@pytest.fixture(scope="module")
def make(finished_run, tmp_path_factory):
    """Train a configuration; the folder of its result."""

    def train(config, folder=None):
        return finished_run(config, folder or tmp_path_factory.mktemp("made"))

    return train


def reproduced(verifier, path):
    found = verifier.verify(path, rescore=6, sample_seed=1)
    assert [str(fault) for fault in found.all_faults()] == []
    assert {v.trust for v in (found, *found.beside.values())} == {Trust.REPRODUCED}
    return found


@pytest.fixture(scope="module")
def distorted(make):
    return make(DISTORTIONS)


def test_a_main_head_beside_gated_ones_over_distortions_is_reproduced(distorted, verifier):
    found = reproduced(verifier, distorted)
    assert list(found.metrics["gates"]) == ["main", "newest", "uniform", "oracle"]
    assert len(found.identity.tasks) > len(set(found.identity.learned_at)) > 1


def test_a_method_whose_main_head_is_its_only_one_has_nothing_for_gates(distorted, verifier):
    told = verifier.verify(distorted).beside["bare"]
    assert told.metrics["gates"]["main"]["srcc"][-1][0] is not None
    for gate in ("newest", "uniform", "oracle"):
        cells = told.metrics["gates"][gate]["srcc"]
        assert all(cell is None for row in cells for cell in row)


def test_scores_that_a_gate_left_out_are_missed(distorted, verifier, tmp_path):
    """Leaving out the tasks that one is bad at would flatter."""
    import shutil

    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    folder = tmp_path / "bundle"
    shutil.copytree(distorted, folder, ignore=shutil.ignore_patterns("compare"))
    task = load_bundle(folder).run["tasks"][0]
    for name in ("predictions", "weights"):
        table = pq.read_table(folder / f"{name}.parquet")
        gone = pc.and_(pc.equal(table["gate"], "oracle"), pc.equal(table["task"], task))
        pq.write_table(table.filter(pc.invert(gone)), folder / f"{name}.parquet")
    faults = [str(f) for f in verifier.verify(folder).faults]
    assert any(f"gate oracle: step 2, {task}: is missing" in fault for fault in faults)


@pytest.fixture(scope="module")
def plain(make):
    return make(PLAIN)


@pytest.mark.parametrize("form", ["folder", "task"])
def test_a_division_of_ones_own_is_verified_by_exact_ids_and_said_to_be_ones_own(
    make, verifier, plain, form
):
    files = str(plain / "splits")
    files = files if form == "folder" else {"near": f"{files}/near.json"}
    config = {**PLAIN, "stream": {**PLAIN["stream"], "split": {"files": files}}}
    out = make(config)
    found = reproduced(verifier, out)
    assert found.identity.own_split
    assert any("the submitter's own" in note for note in found.notes)
    assert found.identity.splits == verifier.verify(plain).identity.splits


def test_a_division_of_ones_own_over_distortions_is_verified(make, verifier, distorted):
    whole = {"train": [], "val": [], "test": []}
    for path in sorted((distorted / "splits").glob("*.json")):
        for part, ids in json.loads(path.read_text()).items():
            whole[part] += ids
    (distorted.parent / "mine.json").write_text(json.dumps(whole))
    stream = {**DISTORTIONS["stream"], "split": {"files": str(distorted.parent / "mine.json")}}
    out = make({**DISTORTIONS, "strategy": "ft", "compare": [], "stream": stream})
    reproduced(verifier, out)


@pytest.fixture(scope="module")
def photographs(make, tmp_path_factory):
    """A run on a folder of rated images, and a copy of the folder elsewhere."""
    import shutil

    folder, rng = tmp_path_factory.mktemp("mine"), np.random.default_rng(0)
    lines = ["image,score"]
    for n in range(24):
        pixels = rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
        lines.append(f"{n}.png,{rng.uniform(0, 5):.3f}")
    (folder / "scores.csv").write_text("\n".join(lines) + "\n")
    rated = {
        "name": "rated-images",
        "as": "mine",
        "data": str(folder / "scores.csv"),
        "score": "score",
        "direction": "higher-better",
        "range": [0, 5],
    }
    out = make({**PLAIN, "stream": {"tasks": [rated]}})
    elsewhere = tmp_path_factory.mktemp("theirs") / "set"
    shutil.copytree(folder, elsewhere)
    return out, elsewhere


def test_a_set_of_ones_own_is_recomputed_where_it_is_said_to_lie(photographs, verifier, tmp_path):
    out, elsewhere = photographs
    told = verifier.verify(out)
    assert told.trust is Trust.CONSISTENT
    assert "--data mine=FOLDER" in told.notes[0]
    here = Verifier(verifier.registry, {"mine": elsewhere / "scores.csv"})
    reproduced(here, out)
    reproduced(here, pack(out, tmp_path, here)[0])
    (elsewhere / "scores.csv").write_text("image,score\n0.png,1\n1.png,2\n2.png,3\n")
    changed = Verifier(verifier.registry, {"mine": elsewhere / "scores.csv"}).verify(out)
    assert any("data.mine.fingerprint" in str(fault) for fault in changed.faults)


def test_gates_that_look_through_registered_weights_are_scored_again_with_the_same_ones(
    make, verifier, tmp_path
):
    import shutil

    name = "distortion-bn-efficientnet-lite0"
    gates = [{"name": "kmeans", "k": 2, "n_init": 1, "stages": [4], "normalization": name}]
    stream = {"tasks": [{**SET, "images": 48}]}
    looked = {**PLAIN, "backbone": "efficientnet-lite0", "strategy": "tsn-iqa"}
    out = make({**looked, "gates": gates, "stream": stream})
    reproduced(verifier, out)
    record = json.loads((out / "run.json").read_text())
    assert record["extra_data"] == ["ImageNet-1k"]
    record["gates"]["kmeans"]["normalization"]["sha256"] = "0" * 64
    shutil.copytree(out, tmp_path / "other")
    assert forged(verifier, tmp_path / "other", record).trust is Trust.RECOMPUTED
    record["extra_data"] = []
    record["gates"] = json.loads((out / "run.json").read_text())["gates"]
    found = forged(verifier, tmp_path / "other", record)
    assert "extra_data" in [fault.place for fault in found.faults]


def forged(verifier, folder, record):
    """Score a bundle again whose record was written anew, with its id and sums."""
    from hashlib import sha256

    record["run_id"] = run_id(record)
    (folder / "run.json").write_text(json.dumps(record))
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    names = [line.split("  ", 1)[1] for line in sums]
    lines = [f"{sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / "SHA256SUMS").write_text("".join(lines))
    return verifier.verify(folder, rescore=3, sample_seed=1)
