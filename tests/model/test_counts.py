"""Numbers of values a task costs, as the papers print them."""

import pytest
import torch
from cliqa_gates.config import KMeansConfig
from cliqa_gates.kmeans import KMeansGate
from cliqa_pairwise.fidelity import CosineHead
from cliqa_timm.backbone import TimmBackbone, create
from cliqa_tsn.strategy import TaskSpecificNormalization

from cliqa.model import QualityModel, normalization_tensors


@pytest.fixture(scope="module")
def backbone():
    """Real architectures without memory for their weights."""

    def make(name):
        with torch.device("meta"):
            return TimmBackbone(create(name), name)

    return make


def affine_values(network):
    parameters = dict(network.named_parameters())
    names = normalization_tensors(network)
    return sum(parameters[name].numel() for name in names if name in parameters)


def test_a_task_of_tsn_iqa_on_resnet18_learns_10112_values_and_stores_19712(backbone):
    """9,600 of normalization + 512 of the head; with running statistics 19,712."""
    with torch.device("meta"):
        model = QualityModel(backbone("resnet18"), CosineHead)
    strategy = TaskSpecificNormalization()
    strategy.check(model.backbone, None)
    own = strategy.own(model.backbone)
    head = model.add_head(["live"])
    head_values = sum(p.numel() for p in model.heads[head].parameters())
    model.keep_for(head, own)
    stored = sum(tensor.numel() for tensor in model.parameter_sets[head].values())
    assert affine_values(model.backbone) == 9_600
    assert head_values == 512
    assert stored + head_values == 19_712
    whole = sum(p.numel() for p in model.backbone.parameters()) + head_values
    assert round(100 * (stored + head_values) / whole, 2) == 0.18  # percent, of 11.18 million


@pytest.mark.parametrize(
    ("name", "affine", "width"),
    [("resnet18", 9_600, 512), ("resnet50", 53_120, 2_048), ("vgg16_bn", 8_448, 512)],
)
def test_normalization_has_as_many_affine_values_as_printed(backbone, name, affine, width):
    network = backbone(name)
    assert affine_values(network) == affine
    assert network.feature_dim == width


def test_k_means_gating_stores_98304_values_a_task_on_resnet18(backbone):
    """128 centroids x (256 + 512) channels of stages 3 and 4."""
    config = KMeansConfig()
    dims = backbone("resnet18").stage_dims
    assert dims == {1: 64, 2: 128, 3: 256, 4: 512}
    assert config.k * sum(dims[stage] for stage in config.stages) == 98_304
    # The gate itself, on points few enough to be their own centroids.
    gate = KMeansGate(KMeansConfig(k=4))
    gate.fit("live", {s: torch.randn(4, dims[s]).numpy() for s in gate.stages}, seed=0)
    assert sum(array.size for array in gate.state().values()) == 4 * (256 + 512)
