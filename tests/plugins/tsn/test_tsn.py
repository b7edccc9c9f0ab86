"""TSN-IQA: tasks that share convolutions and nothing else."""

from itertools import pairwise

import pytest
import torch
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity
from cliqa_timm.backbone import build
from cliqa_timm.config import TimmConfig
from cliqa_tsn.strategy import SharedNormalization, TaskSpecificNormalization

from cliqa.errors import CapabilityError
from cliqa.model import QualityModel, normalization_tensors

#: Tiny models of timm, one for each family of normalization.
FAMILIES = {
    "batch": "test_resnet",
    "layer, channels last": "test_convnext",
    "layer, tokens": "test_vit",
    "layer, with activation": "test_efficientnet_ln",
    "group": "test_efficientnet_gn",
    "root mean square": "test_vit4",
}


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 15, seed=i) for i, name in enumerate(("one", "two", "three"))]


@pytest.fixture(scope="module")
def images():
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))


class Spy(Fidelity):
    """The objective; remembers the batches that each task was trained on."""

    def __init__(self):
        super().__init__(FidelityConfig())
        self.seen = {}

    def loss(self, scores, batch):
        task = batch.sample_ids[0].partition("/")[0]
        content = 0.0 if batch.images is None else batch.images.double().sum().item()
        self.seen.setdefault(task, []).append((batch.sample_ids, content))
        return super().loss(scores, batch)


def same(tensors, others):
    """Bit for bit, save for a counter that no score depends on."""
    return all(
        torch.equal(tensor, others[name])
        for name, tensor in tensors.items()
        if not name.endswith("num_batches_tracked")
    )


def trained(learn, tiny_model, tasks, **settings):
    spy = Spy()
    model = learn(
        TaskSpecificNormalization(),
        tiny_model(),
        tasks,
        objective=spy,
        warmup_epochs=2,
        epochs=2,
        **settings,
    )
    return model, spy.seen


def test_learning_a_task_leaves_every_tensor_of_the_others_bit_identical(tiny_model, learn, tasks):
    """What has been stored for a task, and the shared network, never change again."""
    kept = []

    def compare(stage, context):
        now = {name: t.clone() for name, t in context.model.tensors().items()}
        for earlier in kept:
            assert same(earlier, now)
        kept.append(now)

    model = learn(TaskSpecificNormalization(), tiny_model(), tasks, after_stage=compare)
    assert same(tiny_model().backbone.state_dict(), model.backbone.state_dict())
    assert len(kept) == 3


def test_a_task_changes_all_its_normalization_and_its_head(tiny_model, learn, tasks):
    model, _ = trained(learn, tiny_model, tasks[:1])
    names = normalization_tensors(model.backbone)
    assert set(model.parameter_sets[0]) == set(names)
    start = model.backbone.state_dict()
    assert not any(torch.equal(model.parameter_sets[0][name], start[name]) for name in names)
    assert not torch.equal(model.heads[0].weight, model.initial_head.weight)


def test_tasks_do_not_depend_on_their_order(tiny_model, learn, tasks, images):
    """The same heads, bit for bit, from the same batches, in every order of learning."""
    models, batches = {}, {}
    for order in ((0, 1, 2), (2, 0, 1), (1,)):
        models[order], batches[order] = trained(learn, tiny_model, [tasks[t] for t in order])
    first, rotated, alone = models.values()
    scores = first.head_scores(images, [0, 1, 2])
    assert torch.equal(scores, rotated.head_scores(images, [1, 2, 0]))
    assert torch.equal(scores[:, [1]], alone.head_scores(images, [0]))
    assert batches[0, 1, 2] == batches[2, 0, 1]
    assert batches[0, 1, 2]["two"] == batches[1,]["two"]
    assert not torch.equal(scores[:, 0], scores[:, 1])


def test_another_seed_gives_other_batches(tiny_model, learn, tasks):
    runs = [trained(learn, tiny_model, tasks[:1], seed=seed)[1]["one"] for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_every_family_of_normalization_can_be_task_specific(learn, make_task, images, name):
    """Each task moves its own normalization; the other task's scores stay bit-identical."""
    torch.manual_seed(0)
    backbone = build(TimmConfig(name=name, pretrained=False))
    objective = Fidelity(FidelityConfig())
    model = QualityModel(backbone, objective.new_head).eval()
    strategy = TaskSpecificNormalization()
    strategy.check(backbone, None)
    start, scores = model.snapshot(), []

    def look(stage, context):
        with torch.no_grad():
            scores.append(context.model.head_scores(images, range(stage.step)))

    tasks = [make_task(t, 10, seed=i, sizes=((64, 72),)) for i, t in enumerate("ab")]
    settings = {"warmup_epochs": 0, "crop": 64}
    learn(strategy, model, tasks, objective=objective, after_stage=look, **settings)
    assert torch.equal(scores[0][:, 0], scores[1][:, 0])
    assert not torch.equal(scores[1][:, 0], scores[1][:, 1])
    assert same(start, model.backbone.state_dict())
    for own in model.parameter_sets:
        moved = [n for n, t in own.items() if not torch.equal(t, start[n])]
        assert len(moved) > 0.9 * len(own)


def test_shared_normalization_moves_on_from_task_to_task_and_nothing_else_does(
    tiny_model, learn, tasks
):
    """The task-agnostic ablation of Table VII: one set of normalization, a head for each task."""
    seen = [tiny_model().snapshot()]
    model = learn(
        SharedNormalization(),
        tiny_model(),
        tasks,
        after_stage=lambda _, c: seen.append(c.model.snapshot()),
    )
    names = set(normalization_tensors(model.backbone))
    for before, after in pairwise(seen):
        changed = {name for name in before if not same({name: before[name]}, after)}
        assert changed == names
    assert model.head_tasks == [("one",), ("two",), ("three",)]
    assert not any(model.parameter_sets)


@pytest.mark.parametrize(
    ("strategy", "name"),
    [(TaskSpecificNormalization, "tsn-iqa"), (SharedNormalization, "shared-norm")],
)
def test_a_backbone_without_normalization_is_refused_with_what_to_use_instead(
    tiny_backbone, strategy, name
):
    with pytest.raises(
        CapabilityError, match=rf"`{name}` trains normalization .* none .* resnet18.* another strat"
    ):
        strategy().check(tiny_backbone("none"), None)
    for layer in ("batch", "group"):
        strategy().check(tiny_backbone(layer), None)


def test_timms_networks_without_normalization_are_refused_too():
    with torch.device("meta"):
        backbone = build(TimmConfig(name="test_nfnet", pretrained=False))
    with pytest.raises(CapabilityError, match="none"):
        TaskSpecificNormalization().check(backbone, None)
