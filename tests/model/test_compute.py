"""Running a network over images, on some device, in some arithmetic."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.data import ImageReader
from cliqa.data import images as views
from cliqa.errors import ConfigError
from cliqa.model import Compute, QualityModel, choose_device

CPU = torch.device("cpu")


def one_by_one(reader, rows, backbone, function, shrink):
    """The reference: standardised in float64, each image alone."""
    mean, std = np.array(backbone.mean), np.array(backbone.std)
    found = []
    for row in rows:
        pixels = views.test_view(reader.read(row), shrink=shrink) / 255.0
        image = torch.from_numpy(((pixels - mean) / std).transpose(2, 0, 1)[None].copy()).float()
        with torch.no_grad():
            found.append(function(image)[0].float())
    return torch.stack(found)


@settings(max_examples=25)
@given(
    rows=st.lists(st.integers(0, 11), min_size=1, max_size=40),
    batch_size=st.integers(1, 5),
    shrink=st.sampled_from([None, 16, 28]),
)
def test_over_images_equals_a_loop_over_single_images_of_mixed_sizes(
    make_dataset, tiny_backbone, rows, batch_size, shrink
):
    """In the order of the rows, repeated ones included, whatever the batches."""
    reader, backbone = ImageReader(make_dataset()), tiny_backbone()
    compute = Compute(device=CPU, batch_size=batch_size, shrink=shrink)
    found = compute.over_images(reader, rows, backbone, backbone)
    exact = one_by_one(reader, rows, backbone, backbone, shrink)
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-5)


def test_over_images_sees_the_middle_of_the_resized_image_where_a_crop_is_set(
    make_dataset, tiny_backbone
):
    reader, backbone = ImageReader(make_dataset()), tiny_backbone()
    compute = Compute(device=CPU, batch_size=5, shrink=28, crop=16)
    seen = compute.over_images(reader, range(12), backbone, lambda x: x)
    assert seen.shape == (12, 3, 16, 16)
    whole = Compute(device=CPU, batch_size=1, shrink=28)
    for row in range(12):
        image = whole.over_images(reader, [row], backbone, lambda x: x)[0]
        top, left = ((side - 16) // 2 for side in image.shape[1:])
        torch.testing.assert_close(seen[row], image[:, top : top + 16, left : left + 16])


def test_over_images_goes_on_beyond_the_images_that_are_decoded_at_once(
    make_dataset, tiny_backbone
):
    reader, backbone = ImageReader(make_dataset()), tiny_backbone()
    rows = [i % 12 for i in range(50)]
    small = Compute(device=CPU, batch_size=1).over_images(reader, rows, backbone, backbone)
    whole = Compute(device=CPU, batch_size=64).over_images(reader, rows, backbone, backbone)
    torch.testing.assert_close(small, whole, rtol=1e-4, atol=1e-5)


def test_over_images_keeps_the_shape_of_what_the_function_gives(make_dataset, tiny_backbone, cpu):
    reader, backbone = ImageReader(make_dataset()), tiny_backbone()
    means = cpu.over_images(reader, [3, 1], backbone, lambda x: x.mean(dim=(1, 2, 3)))
    maps = cpu.over_images(reader, [3, 1], backbone, lambda x: x[:, :2, :3, :4])
    assert means.shape == (2,)
    assert maps.shape == (2, 2, 3, 4)


def test_over_images_records_no_gradient(make_dataset, tiny_backbone, cpu):
    backbone = tiny_backbone().requires_grad_(True)
    found = cpu.over_images(ImageReader(make_dataset()), [0], backbone, backbone)
    assert not found.requires_grad


def test_no_images_at_all_is_an_error_of_the_caller(make_dataset, tiny_backbone, cpu):
    backbone = tiny_backbone()
    with pytest.raises(ValueError, match="no images"):
        cpu.over_images(ImageReader(make_dataset()), [], backbone, backbone)


class Witness(torch.nn.Linear):
    """A head that remembers in which arithmetic it ran."""

    def __init__(self, feature_dim):
        super().__init__(feature_dim, 1)
        self.seen = []

    def forward(self, features):
        self.seen.append((features.dtype, torch.is_autocast_enabled("cpu")))
        return super().forward(features)


def test_in_bf16_the_network_computes_in_bf16_and_heads_in_float32(make_dataset, tiny_backbone):
    model = QualityModel(tiny_backbone(), Witness).eval()
    model.add_head(["a"])
    reader, rows = ImageReader(make_dataset()), range(12)
    compute = Compute(device=CPU, precision="bf16")
    features = compute.over_images(reader, rows, model.backbone, model.backbone)
    scores = compute.over_images(reader, rows, model.backbone, lambda x: model.head_scores(x, [0]))
    assert model.heads[0].seen
    assert set(model.heads[0].seen) == {(torch.float32, False)}
    assert scores.dtype == torch.float32
    exact = dataclasses.replace(compute, precision="float32")
    plain = exact.over_images(reader, rows, model.backbone, model.backbone)
    assert torch.equal(features, features.bfloat16().float())
    assert not torch.equal(features, plain)
    torch.testing.assert_close(features, plain, rtol=0.05, atol=0.05)
    head = model.heads[0]
    by_hand = features.double() @ head.weight.double().T + head.bias.double()
    torch.testing.assert_close(scores.double(), by_hand, rtol=1e-6, atol=1e-6)


def test_automatic_choice_of_the_device_gives_one_that_works():
    assert torch.ones(2, device=choose_device("auto")).sum() == 2
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("name", ["gpu", "cuda:77", "", "cpu:x"])
def test_a_device_that_is_not_there_is_refused_with_the_known_ones(name):
    with pytest.raises(ConfigError, match=f"`{name}` cannot be used here .*auto, cpu, cuda"):
        choose_device(name)
