"""Distributions, installed into a clean environment beside the wheel of cliqa.

One environment for all: making it, and loading torch for each command, is what takes time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

import cliqa
from cliqa.errors import UnknownComponentError
from cliqa.registry import Registry
from cliqa.verification import Trust, Verifier

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "cliqa-example"


@pytest.fixture(scope="module")
def made(clean, tmp_path_factory):
    """A new distribution, written by the cliqa of the clean environment."""
    folder = tmp_path_factory.mktemp("new")
    clean.cliqa("new", "plugin", "acme-near", cwd=folder)
    return folder / "acme-near"


@pytest.fixture(scope="module")
def installed(clean, made):
    """The clean environment with the new distribution and the example."""
    clean.install(made, EXAMPLE)
    return clean


def test_the_wheel_brings_every_template(clean, tmp_path):
    clean.cliqa("new", "method", "my_own.py", cwd=tmp_path)
    clean.cliqa("new", "gate", "nearest_mean.py", cwd=tmp_path)
    clean.cliqa("new", "metric", "worst_set.py", cwd=tmp_path)
    source = [p.name for p in (ROOT / "cliqa/scaffold/templates").rglob("*.tmpl")]
    shipped = clean.python(
        "-c",
        "import cliqa.scaffold, pathlib\n"
        "for p in pathlib.Path(cliqa.scaffold.__file__).parent.rglob('*.tmpl'): print(p.name)",
        cwd=tmp_path,
    )
    assert sorted(shipped.split()) == sorted(source)


def test_a_new_distribution_is_found_by_its_entry_point(installed, tmp_path):
    line = next(x for x in installed.cliqa("plugins", cwd=tmp_path).splitlines() if "acme" in x)
    assert " ".join(line.split()) == "acme-near acme-near 0.1.0 third party strategies: acme-near"


def test_a_new_distribution_passes_its_own_tests(installed, made):
    text = installed.python("-m", "pytest", "-q", "-p", "no:cacheprovider", str(made), cwd=made)
    assert " passed" in text
    assert "failed" not in text


def test_a_new_distribution_needs_this_version_of_cliqa(made):
    written = tomllib.loads((made / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = {r.name: r.specifier for r in map(Requirement, written)}["cliqa-bench"]
    assert cliqa.__version__ in bounds
    assert "0.0.9" not in bounds
    assert "0.2.0" not in bounds


def test_ruff_finds_nothing_in_a_new_distribution(made):
    pytest.importorskip("ruff", reason="it comes with the extra `dev`")
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", ROOT / "pyproject.toml", "."],
            cwd=made,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_the_example_passes_its_own_tests(installed):
    text = installed.python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE)), cwd=EXAMPLE
    )
    assert " passed" in text
    assert "failed" not in text


CONFIG = """
extends: embedded-quick
backbone: {name: test_vit, pretrained: false}
strategy: {name: lora, rank: 2}
gates: [mahalanobis, oracle]
stream:
  tasks:
    - {name: embedded, as: live-like, subset: live-like, images: 48, size: 64}
    - {name: embedded, as: bid-like, subset: bid-like, images: 48, size: 64}
train: {warmup_epochs: 1, epochs: 1, crop: 64}
"""


@pytest.fixture(scope="module")
def lora_run(installed, tmp_path_factory):
    """A folder with the result `out` of LoRA on a small vision transformer."""
    folder = tmp_path_factory.mktemp("lora")
    (folder / "lora.yaml").write_text(CONFIG)
    text = installed.cliqa("run", "lora.yaml", "--quiet", "--out", "out", cwd=folder)
    assert "mahalanobis" in text
    return folder


def test_the_example_runs_on_a_vision_transformer(lora_run):
    run = json.loads((lora_run / "out" / "run.json").read_text())
    # Six blocks of width 64: r (in + out) for qkv, proj, fc1 and fc2.
    pairs = [(64, 192), (64, 64), (64, 192), (192, 64)]
    own = 6 * sum(2 * (a + b) for a, b in pairs)
    assert [head["own_parameters"] for head in run["parameters"]["heads"]] == [own, own]
    assert run["notes"] == []  # it can be interrupted anywhere


def test_a_result_of_the_example_is_scored_again_from_its_weights(installed, lora_run):
    assert "out: reproduced" in installed.cliqa("verify", "out", "--rescore", "8", cwd=lora_run)


def test_without_the_example_its_result_is_recomputed_and_not_called_faulty(lora_run):
    found = Verifier(Registry.discover(third_party=False)).verify(lora_run / "out", rescore=8)
    assert found.trust is Trust.RECOMPUTED
    assert list(found.all_faults()) == []
    assert any("may have added to the network, is not here" in note for note in found.notes)


def test_a_model_whose_method_adds_to_the_network_scores_pictures_after_its_export(
    installed, lora_run
):
    installed.cliqa("export", "out", "--out", "model", cwd=lora_run)
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(picture).save(lora_run / "picture.png")
    for name in ("out", "model"):
        installed.cliqa("score", name, "picture.png", "--out", f"{name}.json", cwd=lora_run)
    run, model = (json.loads((lora_run / f"{n}.json").read_text()) for n in ("out", "model"))
    assert run[0]["score"] == model[0]["score"]
    with pytest.raises(UnknownComponentError, match="cliqa-example"):
        cliqa.load(lora_run / "model", registry=Registry.discover(third_party=False))
