"""A network that pads by the size of its pictures becomes a graph that takes any size."""

import importlib.util

import numpy as np
import pytest
import timm
import torch
from cliqa_timm.backbone import TimmBackbone
from timm.layers import Conv2dSame, create_pool2d

from cliqa.errors import CapabilityError

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(n) is None for n in ("onnx", "onnxscript", "onnxruntime")),
    reason="packages of the extra `onnx` are not installed",
)


@pytest.fixture
def backbone():
    """As EfficientNet-Lite0 pads, with few and narrow layers."""
    torch.manual_seed(0)
    network = timm.create_model("test_efficientnet", num_classes=0, pad_type="same")
    assert sum(isinstance(m, Conv2dSame) for m in network.modules()) > 2
    return TimmBackbone(network, "small").eval()


@needs_onnx
@torch.no_grad()
def test_the_graph_computes_what_the_network_does_in_even_and_odd_sizes(backbone, tmp_path):
    import onnxruntime

    auto = torch.export.Dim.AUTO
    with backbone.as_graph():
        torch.onnx.export(
            backbone,
            (torch.zeros(2, 3, 64, 96),),
            str(tmp_path / "model.onnx"),
            dynamic_shapes=({0: auto, 2: auto, 3: auto},),
            dynamo=True,
            verbose=False,
        )
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    name = session.get_inputs()[0].name
    for shape in ((2, 3, 64, 96), (1, 3, 65, 97), (3, 3, 66, 95), (1, 3, 33, 120)):
        images = torch.randn(shape)
        (found,) = session.run(None, {name: images.numpy()})
        np.testing.assert_allclose(found, backbone(images).numpy(), atol=1e-5)


@torch.no_grad()
def test_the_network_is_what_it_was_afterwards(backbone):
    images = torch.randn(1, 3, 65, 97)
    before = backbone(images)
    with backbone.as_graph():
        pass
    assert torch.equal(backbone(images), before)


@pytest.mark.skipif(not hasattr(torch.onnx, "ops"), reason="torch before 2.8")
def test_a_layer_that_pads_otherwise_is_refused_and_not_traced_without_end(backbone):
    with (
        pytest.raises(CapabilityError, match="elsewhere than in a convolution"),
        backbone.as_graph(),
    ):
        create_pool2d("max", 3, 2, padding="same")(torch.zeros(1, 3, 33, 33))


def test_a_torch_without_symbolic_operations_is_told(backbone, monkeypatch):
    monkeypatch.delattr(torch.onnx, "ops", raising=False)
    with pytest.raises(CapabilityError, match=r"takes torch 2\.8 or newer"), backbone.as_graph():
        pass
