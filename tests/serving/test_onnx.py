"""The ONNX graph says what the model says."""

import importlib.util

import numpy as np
import pytest

import cliqa
from cliqa.errors import CapabilityError, ConfigError, MissingPackageError
from cliqa.serving import export_onnx
from cliqa.serving.onnx_graph import TOLERANCE, check_can_export, parse_size

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(n) is None for n in ("onnx", "onnxscript", "onnxruntime")),
    reason="packages of the extra `onnx` are not installed",
)


@needs_onnx
@pytest.mark.parametrize(("method", "gate"), [(".", "kmeans"), ("compare/ft-multi", "hard")])
def test_the_graph_gives_the_models_scores_heads_and_weights_for_other_sizes_too(
    tiny_run, tmp_path, method, gate
):
    import onnxruntime

    scorer = cliqa.load(tiny_run / method, gate=gate, device="cpu")
    export_onnx(scorer, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    for shape in ((1, 64, 80, 3), (3, 97, 61, 3)):
        pixels = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
        scores, heads, weights = session.run(["score", "heads", "weights"], {"pixels": pixels})
        for n, found in enumerate(scorer.score(pixels, all_heads=True)):
            assert scores[n] == pytest.approx(found.score, abs=TOLERANCE)
            assert heads[n] == pytest.approx(list(found.heads.values()), abs=TOLERANCE)
            assert weights[n] == pytest.approx(list(found.weights.values()), abs=TOLERANCE)


@needs_onnx
def test_a_gate_without_tensor_operations_is_told_with_what_can_be_exported(
    tiny_run, tmp_path, monkeypatch
):
    scorer = cliqa.load(tiny_run, gate="uniform", device="cpu")
    monkeypatch.setattr(type(scorer._rebuilt.plan.gate), "as_graph", lambda self, heads: None)
    with pytest.raises(CapabilityError, match="gate `uniform` has no form as tensor operations"):
        export_onnx(scorer, tmp_path / "model.onnx")


def test_missing_packages_are_named_with_their_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"onnx, onnxscript, onnxruntime.*\[onnx\]"):
        check_can_export()


def test_a_size_is_height_x_width():
    assert parse_size("384x512") == (384, 512)
    assert parse_size(None) is None
    with pytest.raises(ConfigError, match="expected HEIGHTxWIDTH"):
        parse_size("384")


@needs_onnx
def test_a_backbone_that_cannot_take_any_size_is_refused_with_its_reason_and_the_way_out(
    tiny_run, tmp_path, monkeypatch
):
    scorer = cliqa.load(tiny_run, gate="uniform", device="cpu")

    def refuse(self):
        raise CapabilityError("it pads in its own way")

    monkeypatch.setattr(type(scorer._rebuilt.model.backbone), "as_graph", refuse)
    with pytest.raises(CapabilityError, match="it pads in its own way; try one size with --onnx"):
        export_onnx(scorer, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
    assert "64 x 80" in export_onnx(scorer, tmp_path / "model.onnx", size=(64, 80))


@needs_onnx
def test_a_layer_that_refuses_while_it_is_traced_gives_its_own_reason(
    tiny_run, tmp_path, monkeypatch
):
    scorer = cliqa.load(tiny_run, gate="uniform", device="cpu")

    def refuse(self, images):
        raise CapabilityError("it pads in its own way")

    monkeypatch.setattr(type(scorer._rebuilt.model.backbone), "forward", refuse)
    with pytest.raises(CapabilityError, match="exported to ONNX: it pads in its own way; try"):
        export_onnx(scorer, tmp_path / "model.onnx")
