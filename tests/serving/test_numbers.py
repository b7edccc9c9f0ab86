"""A loaded model gives the numbers of its run, wherever it is loaded from."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import cliqa
from cliqa.errors import (
    CapabilityError,
    CliqaError,
    ConfigError,
    DataError,
    ResultError,
    UnknownComponentError,
)
from cliqa.registry import Registry
from cliqa.results import load_bundle
from cliqa.serving import QualityScorer, export_model

GATES = ("kmeans", "hard", "newest", "uniform")


@pytest.fixture(scope="module")
def run_pixels(tiny_run):
    """Task -> sample id -> pixels of its test images, read by the dataset's own reader."""
    from cliqa.config import load_config
    from cliqa.data import ImageReader, build_dataset
    from cliqa.registry import Registry

    config = load_config(
        tiny_run / "config.yaml", registry_factory=lambda files: Registry.discover()
    )
    found = {}
    for task in config.tasks:
        dataset = build_dataset(task)
        reader, ids = ImageReader(dataset), dataset.table["sample_id"][:]
        wanted = set(load_bundle(tiny_run).split(task.label)["test"])
        found[task.label] = {n: reader.read(row) for row, n in enumerate(ids) if n in wanted}
    return found


def stored(folder, gate):
    rows = load_bundle(folder).predictions.to_pylist()
    last = max(row["step"] for row in rows)
    return {
        (row["task"], row["sample_id"]): row["score"]
        for row in rows
        if row["step"] == last and row["gate"] == gate
    }


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("method", [".", "compare/ft-multi"])
def test_test_images_get_the_scores_that_the_run_stored(tiny_run, run_pixels, method, gate):
    folder = tiny_run / method
    expected = stored(folder, gate)
    scorer = cliqa.load(folder, gate=gate, device="cpu")
    for task, images in run_pixels.items():
        found = scorer.score(list(images.values()))
        assert len(found) >= 5
        for sample, answer in zip(images, found, strict=True):
            assert answer.score == pytest.approx(expected[task, sample], abs=1e-6)


def test_heads_and_weights_are_those_that_the_run_stored(tiny_run, tiny_scorer, run_pixels):
    bundle = load_bundle(tiny_run)
    heads, weights = bundle.heads.to_pylist(), bundle.weights.to_pylist()
    sample, pixels = next(iter(run_pixels["bid-like"].items()))
    found = tiny_scorer.score(pixels)
    of = {"step": 2, "task": "bid-like", "sample_id": sample}
    told = [r["score"] for r in heads if of.items() <= r.items()]
    assert list(found.heads.values()) == pytest.approx(told, abs=1e-6)
    of["gate"] = "kmeans"
    told = [r["weight"] for r in weights if of.items() <= r.items()]
    assert list(found.weights.values()) == pytest.approx(told, abs=1e-6)
    assert tuple(found.heads) == tiny_scorer.heads == ("live-like", "bid-like")


@pytest.mark.parametrize("method", [".", "compare/ft-multi", "compare/ft"])
def test_an_exported_folder_alone_is_the_same_model(tiny_run, tmp_path, method):
    source = tmp_path / "moved"
    shutil.copytree(tiny_run / method, source)
    before = cliqa.load(source, device="cpu")
    export_model(source, tmp_path / "model")
    shutil.rmtree(source)
    after = cliqa.load(tmp_path / "model", device="cpu")
    pixels = np.random.default_rng(1).integers(0, 256, (3, 40, 50, 3)).astype(np.uint8)
    assert after.score(pixels) == before.score(pixels)
    assert after.digest == before.digest
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


def test_the_hub_mixin_saves_and_loads_the_same_model(tiny_scorer, tmp_path):
    tiny_scorer.save_pretrained(tmp_path / "saved")
    loaded = QualityScorer.from_pretrained(tmp_path / "saved", device="cpu")
    assert loaded.digest == tiny_scorer.digest
    from huggingface_hub import ModelCard

    card = ModelCard.load(tmp_path / "saved" / "README.md")
    assert card.data.library_name == "cliqa"
    sets = {r.dataset_config for r in card.data.eval_results if r.dataset_config}
    assert sets == {"live-like", "bid-like"}
    assert "The ratings of live-like and bid-like are pseudo-MOS" in card.text
    assert "Not chosen yet" in card.text


def test_the_card_tells_the_srcc_of_the_exported_gate(tiny_run, tiny_scorer):
    told = load_bundle(tiny_run).metrics["gates"]["kmeans"]["srcc"][-1]
    assert list(tiny_scorer.about["results"]["srcc"].values()) == told


def test_one_image_gives_one_score_and_several_a_list_in_order(tiny_scorer, photos):
    paths = [photos / "b.jpg", photos / "a.png"]
    one = tiny_scorer.score(paths[0])
    assert float(one) == one.score
    assert [float(s) for s in tiny_scorer.score(paths)] == pytest.approx(
        [tiny_scorer.score(path).score for path in paths], abs=1e-6
    )


def test_a_hard_gate_runs_one_head_unless_all_are_asked_for(tiny_run, photos):
    scorer = cliqa.load(tiny_run, gate="hard", device="cpu")
    found = scorer.score(photos / "a.png")
    assert [s is None for s in found.heads.values()].count(True) == 1
    every = scorer.score(photos / "a.png", all_heads=True)
    assert None not in every.heads.values()
    assert every.score == pytest.approx(found.score, abs=1e-6)


def test_the_default_gate_is_the_first_that_is_not_told_the_task(tiny_scorer):
    assert tiny_scorer.gate == "kmeans"


def test_an_oracle_is_refused_by_name(tiny_run):
    with pytest.raises(CapabilityError, match="gate `oracle` is told which task"):
        cliqa.load(tiny_run, gate="oracle")


def test_an_unknown_gate_is_answered_with_those_there_are(tiny_run):
    with pytest.raises(ConfigError, match=r"Did you mean `kmeans`\? Its gates: kmeans, hard"):
        cliqa.load(tiny_run, gate="kmean")


def test_what_is_no_model_is_told_from_what_was(tiny_run, tmp_path):
    with pytest.raises(ResultError, match="there is no folder"):
        cliqa.load(tmp_path / "nowhere")
    (tmp_path / "x.zip").write_bytes(b"")
    with pytest.raises(ResultError, match="unpack it first"):
        cliqa.load(tmp_path / "x.zip")
    with pytest.raises(ResultError, match="there are runs inside"):
        cliqa.load(tiny_run / "compare")


def test_weights_that_were_changed_after_the_run_are_refused(tiny_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(tiny_run, folder)
    path = folder / "checkpoints/model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(ResultError, match="was changed after the run"):
        cliqa.load(folder)


@pytest.fixture
def model_folder(tiny_run, tmp_path):
    export_model(tiny_run, tmp_path / "model")
    return tmp_path / "model"


def change(folder, **keys):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_a_missing_plugin_is_named_with_what_to_install(model_folder):
    plugin = {"name": "far", "distribution": "far-away", "version": "1.2", "sha256": None}
    change(model_folder, backbone={"name": "far-net", "plugin": plugin})
    with pytest.raises(UnknownComponentError, match=r"plugin `far`: `pip install far-away==1\.2`"):
        cliqa.load(model_folder)


def test_a_missing_local_plugin_is_asked_for_as_a_file(model_folder):
    plugin = {"name": "mine", "distribution": None, "version": None, "sha256": "ab" * 32}
    change(model_folder, backbone={"name": "far-net", "plugin": plugin})
    with pytest.raises(UnknownComponentError, match=r"the local plugin file mine\.py"):
        cliqa.load(model_folder)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"format_version": 99}, "use a newer cliqa"),
        ({"heads": "x"}, "`heads` is missing or no such value"),
        ({"weights_sha256": "0"}, "its SHA-256 differs"),
    ],
)
def test_a_damaged_folder_is_refused(model_folder, keys, text):
    change(model_folder, **keys)
    with pytest.raises(ResultError, match=text):
        cliqa.load(model_folder)


def test_tensors_that_are_no_numbers_are_refused(model_folder):
    import hashlib

    path = model_folder / "model.safetensors"
    tensors = load_file(path)
    name = next(n for n in tensors if n.startswith("head/0/"))
    tensors[name] = np.full_like(tensors[name], np.nan)
    save_file(tensors, path)
    change(model_folder, weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(CliqaError, match="numbers that are not finite"):
        cliqa.load(model_folder)


def test_an_export_replaces_a_model_only_when_told_and_never_anything_else(
    tiny_run, model_folder, tmp_path
):
    with pytest.raises(ResultError, match="--force replaces it"):
        export_model(tiny_run, model_folder)
    (model_folder / "README.md").write_text("mine")
    assert export_model(tiny_run, model_folder, gate="newest", force=True).gate == "newest"
    assert (model_folder / "README.md").read_text() == "mine"
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/a.txt").write_text("x")
    with pytest.raises(ResultError, match="not empty"):
        export_model(tiny_run, tmp_path / "letters", force=True)


def test_an_image_that_takes_too_much_memory_is_made_smaller_with_a_note(tiny_run):
    scorer = cliqa.load(tiny_run, device="cpu", memory_gb=0.01)
    found = scorer.score(np.zeros((400, 600, 3), np.uint8))
    assert found.note.startswith("shrunk from 600 x 400 to ")


def test_what_cannot_be_scored_is_named(tiny_scorer, photos):
    (photos / "bad.jpg").write_text("no")
    with pytest.raises(DataError, match=r"bad\.jpg cannot be scored: no image"):
        tiny_scorer.score([photos / "a.png", photos / "bad.jpg"])
    with pytest.raises(DataError, match="image 1 cannot be scored: an array of float64"):
        tiny_scorer.score(np.zeros((5, 5, 3)))


def test_heads_are_named_by_their_tasks_and_told_apart():
    from cliqa.serving.scorer import head_names

    assert head_names([["a", "b"], ["c"], ["c"]], main_head=False) == ("a+b", "c (2)", "c (3)")
    many = [f"distortion-{n}" for n in range(20)]
    assert head_names([many, ["a"]], main_head=True) == ("main", "a")
    assert head_names([many], main_head=False) == ("20 tasks",)


def test_pseudo_scores_and_the_objective_are_told(tiny_scorer):
    assert "no MOS" in tiny_scorer.scale
    assert "The ratings of live-like and bid-like that it was trained on" in tiny_scorer.scale


@pytest.mark.parametrize("gate", ["kmeans", "uniform"])
def test_a_run_is_described_with_its_network_made_once(tiny_run, monkeypatch, gate):
    from cliqa.serving import from_run

    made = []

    def counted(*arguments):
        made.append(arguments)
        return build_backbone(*arguments)

    build_backbone = from_run.build_backbone
    monkeypatch.setattr(from_run, "build_backbone", counted)
    from_run.describe_run(tiny_run, gate, Registry.discover())
    assert len(made) == 1


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        ("checkpoints/model.safetensors", "ships no weights"),
        ("checkpoints/gates.safetensors", r"gates\.safetensors is missing; bring it back"),
        ("run.json", r"run\.json is missing; bring it back"),
        ("SHA256SUMS", "SHA256SUMS is missing; bring it back"),
    ],
)
def test_a_run_without_one_of_its_files_is_refused_by_that_files_name(
    tiny_run, tmp_path, gone, text
):
    folder = tmp_path / "run"
    shutil.copytree(tiny_run, folder)
    (folder / gone).unlink()
    with pytest.raises(ResultError, match=text):
        cliqa.load(folder)


def test_a_run_whose_record_is_cut_off_is_called_damaged(tiny_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(tiny_run, folder)
    (folder / "run.json").write_text("{")
    with pytest.raises(ResultError, match=r"run\.json is damaged"):
        cliqa.load(folder)


def test_the_folder_of_checkpoints_is_answered_with_the_run_that_it_is_a_part_of(tiny_run):
    with pytest.raises(ResultError, match=f"name the folder of the run, {tiny_run}"):
        cliqa.load(tiny_run / "checkpoints")


@pytest.mark.parametrize(("content", "state"), [(None, "missing"), ("{", "damaged, or not")])
def test_a_model_without_its_description_is_called_so(model_folder, content, state):
    path = model_folder / "config.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ResultError, match=rf"config\.json is {state}"):
        cliqa.load(model_folder)


def test_a_tensor_that_is_missing_is_named(model_folder):
    from cliqa.results.files import sha256

    tensors = load_file(model_folder / "model.safetensors")
    name = min(name for name in tensors if name.startswith("backbone/"))
    del tensors[name]
    save_file(tensors, model_folder / "model.safetensors", {"format": "pt"})
    change(model_folder, weights_sha256=sha256(model_folder / "model.safetensors"))
    with pytest.raises(CliqaError, match=name.removeprefix("backbone/")):
        cliqa.load(model_folder)
