"""Stage features of the frozen pre-trained network."""

import copy

import pytest
import torch

from cliqa.data import images as views
from cliqa.evaluation import StageFeatures
from cliqa.model import Compute, to_input


@pytest.fixture(scope="module")
def task(make_task):
    return make_task("live", 20)


class Counting:
    """Counts the images of a backbone's stage forwards; survives being copied."""

    def __init__(self, backbone):
        self.images = 0
        kind, plain = type(backbone), type(backbone).stage_features

        def counted(network, images, stages):
            self.images += len(images)
            return plain(network, images, stages)

        backbone.__class__ = type("Counted", (kind,), {"stage_features": counted})


@pytest.mark.parametrize("part", ["train", "test"])
def test_features_are_those_of_single_images_in_the_order_of_the_split(
    tiny_backbone, task, cpu, part
):
    backbone = tiny_backbone()
    rows = getattr(task.split, part)
    found = StageFeatures(backbone, cpu, [3, 4]).of(task, part, [4, 3])
    assert list(found) == [4, 3]
    for index, row in enumerate(rows):
        image = to_input([task.images.read(row)], backbone, torch.device("cpu"))
        with torch.no_grad():
            alone = backbone.stage_features(image, [3, 4])
        for stage, values in found.items():
            torch.testing.assert_close(
                torch.from_numpy(values[index]), alone[stage][0], rtol=1e-4, atol=1e-5
            )
    assert {s: f.shape for s, f in found.items()} == {3: (len(rows), 6), 4: (len(rows), 12)}


def test_an_image_is_run_once_whatever_gates_ask_for(tiny_backbone, make_task, task, cpu):
    backbone = tiny_backbone()
    counting = Counting(backbone)
    features = StageFeatures(backbone, cpu, [4, 3, 4])
    for stages in ([3], [4], [3, 4], [4]):
        features.of(task, "train", stages)
        features.of(task, "test", stages)
    assert counting.images == len(task.split.train) + len(task.split.test)
    other = make_task("other", 12)
    features.of(other, "test", [3])
    assert counting.images == len(task.split.train) + len(task.split.test) + len(other.split.test)


def test_they_come_from_a_frozen_copy_although_the_live_network_drifts(
    tiny_backbone, make_task, task, cpu, disturb
):
    """Also for tasks that are first asked about after the drift."""
    backbone = tiny_backbone()
    before = copy.deepcopy(backbone)
    features = StageFeatures(backbone, cpu, [3, 4])
    features.of(task, "test", [3])
    for tensor in backbone.state_dict().values():
        disturb(tensor)
    backbone.train()
    for asked in (task, make_task("later", 12)):
        fresh = StageFeatures(before, cpu, [3, 4]).of(asked, "test", [3, 4])
        drifted = features.of(asked, "test", [3, 4])
        assert all((drifted[stage] == fresh[stage]).all() for stage in (3, 4))


def test_a_gate_that_looks_at_no_stage_costs_no_forward(tiny_backbone, task, cpu):
    backbone = tiny_backbone()
    counting = Counting(backbone)
    assert StageFeatures(backbone, cpu, []).of(task, "test", []) == {}
    assert counting.images == 0


def test_images_are_shrunk_as_for_testing(tiny_backbone, task):
    backbone = tiny_backbone()
    compute = Compute(device=torch.device("cpu"), shrink=16)
    found = StageFeatures(backbone, compute, [3]).of(task, "test", [3])[3]
    pixels = views.test_view(task.images.read(task.split.test[0]), shrink=16)
    with torch.no_grad():
        image = to_input([pixels], backbone, torch.device("cpu"))
        exact = backbone.stage_features(image, [3])[3][0]
    torch.testing.assert_close(torch.from_numpy(found[0]), exact, rtol=1e-4, atol=1e-5)
