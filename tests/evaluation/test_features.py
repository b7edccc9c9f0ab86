"""Stage features of the frozen pre-trained network."""

import copy

import numpy as np
import pytest
import torch

from cliqa.data import images as views
from cliqa.evaluation import Gate, Normalization, StageFeatures
from cliqa.model import Compute, normalization_tensors, to_input


@pytest.fixture(scope="module")
def task(make_task):
    return make_task("live", 20)


class Looking(Gate):
    """A gate that looks at stages, by a normalization."""

    def __init__(self, *stages, normalization=None):
        super().__init__()
        self.stages, self.normalization = stages, normalization

    def weights(self, query):
        raise NotImplementedError


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
    found = StageFeatures(backbone, cpu, [Looking(4, 3)]).of(task, part, Looking(4, 3))
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
    gates = [Looking(3), Looking(4), Looking(3, 4), Looking(4)]
    features = StageFeatures(backbone, cpu, gates)
    for gate in gates:
        features.of(task, "train", gate)
        features.of(task, "test", gate)
    assert counting.images == len(task.split.train) + len(task.split.test)
    other = make_task("other", 12)
    features.of(other, "test", gates[0])
    assert counting.images == len(task.split.train) + len(task.split.test) + len(other.split.test)


def test_they_come_from_a_frozen_copy_although_the_live_network_drifts(
    tiny_backbone, make_task, task, cpu, disturb
):
    """Also for tasks that are first asked about after the drift."""
    backbone = tiny_backbone()
    before = copy.deepcopy(backbone)
    gate = Looking(3, 4)
    features = StageFeatures(backbone, cpu, [gate])
    features.of(task, "test", gate)
    for tensor in backbone.state_dict().values():
        disturb(tensor)
    backbone.train()
    for asked in (task, make_task("later", 12)):
        fresh = StageFeatures(before, cpu, [gate]).of(asked, "test", gate)
        drifted = features.of(asked, "test", gate)
        assert all((drifted[stage] == fresh[stage]).all() for stage in (3, 4))


def test_a_gate_that_looks_at_no_stage_costs_no_forward(tiny_backbone, task, cpu):
    backbone = tiny_backbone()
    counting = Counting(backbone)
    assert StageFeatures(backbone, cpu, [Looking()]).of(task, "test", Looking()) == {}
    assert counting.images == 0


def test_images_are_shrunk_as_for_testing(tiny_backbone, task):
    backbone = tiny_backbone()
    compute = Compute(device=torch.device("cpu"), shrink=16)
    found = StageFeatures(backbone, compute, [Looking(3)]).of(task, "test", Looking(3))[3]
    pixels = views.test_view(task.images.read(task.split.test[0]), shrink=16)
    with torch.no_grad():
        image = to_input([pixels], backbone, torch.device("cpu"))
        exact = backbone.stage_features(image, [3])[3][0]
    torch.testing.assert_close(torch.from_numpy(found[0]), exact, rtol=1e-4, atol=1e-5)


@pytest.fixture
def prepared(tiny_backbone, disturb):
    """Another normalization for the tiny backbone, and the backbone that has it."""
    changed = tiny_backbone()
    for name in normalization_tensors(changed):
        disturb(changed.state_dict()[name])
    state = changed.state_dict()
    tensors = {name: state[name] for name in normalization_tensors(changed)}
    return Normalization("other", tensors, "digest", {}), changed


def test_each_normalization_gives_the_features_of_a_network_that_has_it(
    tiny_backbone, task, cpu, prepared
):
    normalization, changed = prepared
    plain, other = Looking(3), Looking(3, 4, normalization="other")
    found = StageFeatures(tiny_backbone(), cpu, [plain, other], {"other": normalization})
    for gate, network in ((plain, tiny_backbone()), (other, changed)):
        alone = Looking(*gate.stages)
        expected = StageFeatures(network, cpu, [alone]).of(task, "test", alone)
        for stage in gate.stages:
            np.testing.assert_array_equal(found.of(task, "test", gate)[stage], expected[stage])
    assert (found.of(task, "test", plain)[3] != found.of(task, "test", other)[3]).any()


def test_one_file_under_two_names_is_one_network(tiny_backbone, task, cpu, prepared):
    backbone = tiny_backbone()
    counting = Counting(backbone)
    gates = [Looking(3, normalization="name"), Looking(4, normalization="path")]
    features = StageFeatures(backbone, cpu, gates, {"name": prepared[0], "path": prepared[0]})
    for gate in gates:
        features.of(task, "test", gate)
    assert counting.images == len(task.split.test)


def test_the_live_network_keeps_its_own_normalization(tiny_backbone, cpu, prepared):
    backbone = tiny_backbone()
    gate = Looking(3, normalization="other")
    StageFeatures(backbone, cpu, [gate], {"other": prepared[0]})
    before = tiny_backbone().state_dict()
    assert all(torch.equal(t, before[name]) for name, t in backbone.state_dict().items())
