"""A model of shared tensors, tensors of heads, and heads."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes

from cliqa.model import normalization_tensors

#: For each of three heads: what it owns.
OWNERSHIPS = ("nothing", "normalization", "everything")


def grow(model, disturb, ownerships):
    """Add heads that own something, each with values of its own."""
    for seed, owned in enumerate(ownerships):
        head = model.add_head([f"task {seed}"])
        for tensor in model.heads[head].parameters():
            disturb(tensor, seed)
        names = {
            "nothing": [],
            "normalization": normalization_tensors(model.backbone),
            "everything": list(model.backbone.state_dict()),
        }[owned]
        model.keep_for(head, names)
        for tensor in model.parameter_sets[head].values():
            disturb(tensor, seed)
    return model


@pytest.fixture
def model(tiny_model, disturb):
    return grow(tiny_model(), disturb, ("nothing", "normalization", "everything", "nothing"))


@pytest.fixture(scope="module")
def images():
    return torch.randn(5, 3, 20, 24, generator=torch.Generator().manual_seed(0))


def scores_by_loading(model, images, heads):
    """The reference: one network, into which each head's tensors are copied in turn."""
    network = copy.deepcopy(model.backbone).eval()
    shared = copy.deepcopy(network.state_dict())
    columns = []
    with torch.no_grad():
        for head in heads:
            network.load_state_dict(shared | model.parameter_sets[head])
            columns.append(model.heads[head](network(images))[:, 0])
    return torch.stack(columns, dim=1)


@settings(max_examples=20)
@given(
    ownerships=st.lists(st.sampled_from(OWNERSHIPS), min_size=1, max_size=4), choice=st.randoms()
)
def test_scores_equal_those_of_one_network_with_each_heads_tensors_loaded(
    tiny_model, disturb, images, ownerships, choice
):
    model = grow(tiny_model(), disturb, ownerships).eval()
    heads = choice.choices(range(len(ownerships)), k=3)
    with torch.no_grad():
        found = model.head_scores(images, heads)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, scores_by_loading(model, images, heads))


def test_scoring_leaves_the_shared_network_as_it_was(model, images):
    before = model.snapshot()
    model.head_scores(images, range(4))
    assert all(torch.equal(t, before[n]) for n, t in model.backbone.state_dict().items())


def test_heads_without_tensors_of_their_own_share_one_forward(model, images):
    forwards = []
    model.backbone.register_forward_hook(lambda *_: forwards.append(1))
    model.head_scores(images, [0, 1, 2, 3, 0])
    assert len(forwards) == 3


def test_heads_start_as_copies_of_one_initialised_head(tiny_model):
    model = tiny_model()
    one, other = (model.heads[model.add_head([t])].state_dict() for t in "ab")
    for name, tensor in model.initial_head.state_dict().items():
        assert torch.equal(one[name], tensor)
        assert torch.equal(other[name], tensor)
        assert one[name].data_ptr() != other[name].data_ptr() != tensor.data_ptr()


def test_head_numbers_count_from_zero_and_tasks_are_noted_once(tiny_model):
    model = tiny_model()
    assert [model.add_head(["a"]), model.add_head(["b"])] == [0, 1]
    model.note_tasks(0, ["c", "a", "c"])
    assert model.head_tasks == [("a", "c"), ("b",)]


def test_what_is_kept_for_a_head_is_a_copy(tiny_model, disturb):
    model = tiny_model()
    model.keep_for(model.add_head(["a"]), ["conv1.weight"])
    kept = model.parameter_sets[0]["conv1.weight"].clone()
    disturb(model.backbone.conv1.weight)
    assert torch.equal(model.parameter_sets[0]["conv1.weight"], kept)


@given(st.sets(st.sampled_from(["conv1.weight", "layer1.running_var", "layer2.bias"])))
def test_restoring_a_snapshot_brings_exactly_its_tensors_back(tiny_model, disturb, names):
    model = tiny_model()
    saved = model.snapshot(names)
    assert set(saved) == names
    before = model.snapshot()
    for tensor in model.backbone.state_dict().values():
        disturb(tensor)
    model.restore(saved)
    for name, tensor in model.backbone.state_dict().items():
        assert torch.equal(tensor, before[name]) == (name in names)


def affected_heads(name, ownerships):
    """Which heads' scores depend on a tensor, by its name in `tensors()`."""
    part, _, rest = name.partition("/")
    if part == "initial_head" or name.endswith("num_batches_tracked"):
        return set()
    if part in ("head", "set"):
        return {int(rest.partition("/")[0])}
    return {
        head
        for head, owned in enumerate(ownerships)
        if owned == "nothing" or (owned == "normalization" and not rest.startswith("layer"))
    }


@settings(max_examples=60)
@given(
    ownerships=st.lists(st.sampled_from(OWNERSHIPS), min_size=1, max_size=4), choice=st.randoms()
)
def test_a_digest_changes_exactly_if_something_changes_that_the_head_depends_on(
    tiny_model, disturb, images, ownerships, choice
):
    """Checked by the rule and by the scores; equal digest, equal scores."""
    model = grow(tiny_model(), disturb, ownerships).eval()
    tensors = model.tensors()
    name = choice.choice([n for n in sorted(tensors) if not n.endswith("num_batches_tracked")])
    digests, scores = model.head_digests(), model.head_scores(images, range(len(ownerships)))
    disturb(tensors[name])
    after, new_scores = model.head_digests(), model.head_scores(images, range(len(ownerships)))
    changed = {head for head, digest in enumerate(after) if digest != digests[head]}
    assert changed == affected_heads(name, ownerships)
    for head in range(len(ownerships)):
        assert torch.equal(scores[:, head], new_scores[:, head]) == (head not in changed)


def test_a_digest_ignores_the_counter_that_no_score_depends_on(model):
    before = model.head_digests()
    model.backbone.layer1.num_batches_tracked.add_(1)
    assert model.head_digests() == before


def test_a_digest_is_the_same_for_equal_models_and_any_memory_order(tiny_model):
    one, other = tiny_model(), tiny_model().to(memory_format=torch.channels_last)
    for model in (one, other):
        model.add_head(["a"])
    assert one.head_digests() == other.head_digests()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_digest_can_be_made_of_any_dtype(tiny_model, dtype):
    model = tiny_model().to(dtype)
    model.add_head(["a"])
    before = model.head_digests()
    with torch.no_grad():
        model.backbone.conv1.bias[0] += 1
    assert model.head_digests() != before


def test_a_model_comes_back_from_the_bytes_of_its_tensors(model, tiny_model, disturb, images):
    """Into a model with other values: same scores, digests, tasks and tensors."""
    content = save_bytes({name: t.contiguous() for name, t in model.tensors().items()})
    other = tiny_model(seed=9)
    other.add_head(["left over"])
    other.load_tensors(load_bytes(content), model.head_tasks)
    other.eval()
    assert other.head_tasks == model.head_tasks
    assert other.head_digests() == model.head_digests()
    assert torch.equal(other.head_scores(images, range(4)), model.head_scores(images, range(4)))
    again = other.tensors()
    assert again.keys() == model.tensors().keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in model.tensors().items())


def test_a_model_moves_as_a_whole(model, tiny_model, images):
    """Tensors of heads follow to another dtype, and in the same way to another device."""
    scores = model.head_scores(images, range(4))
    model.double()
    for own in model.parameter_sets:
        assert all(t.dtype == torch.float64 for t in own.values() if t.is_floating_point())
    torch.testing.assert_close(
        model.backbone(images.double()), copy.deepcopy(model.backbone).float()(images).double()
    )
    with torch.no_grad():
        model.float()
        torch.testing.assert_close(model.head_scores(images, range(4)), scores)
        model.to("meta")
        assert {t.device.type for own in model.parameter_sets for t in own.values()} == {"meta"}


def test_loaded_tensors_take_the_place_and_dtype_that_the_model_has(model, tiny_model):
    other = tiny_model(seed=9).double()
    other.load_tensors(model.tensors(), model.head_tasks)
    kinds = {t.dtype for own in other.parameter_sets for t in own.values() if t.is_floating_point()}
    assert kinds == {torch.float64}


def test_a_restored_model_grows_heads_like_the_original(model, tiny_model):
    other = tiny_model(seed=9)
    other.load_tensors(model.tensors(), model.head_tasks)
    one, two = (m.heads[m.add_head(["new"])].state_dict() for m in (model, other))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_tensor_that_is_no_part_of_a_model_is_refused(model, tiny_model):
    with pytest.raises(KeyError, match="optimizer/step"):
        tiny_model().load_tensors(model.tensors() | {"optimizer/step": torch.ones(1)}, [])


def test_a_teacher_is_a_frozen_copy_that_learning_does_not_reach(model, images, disturb):
    """Its heads stay in training mode, as the pupil's are when the two are compared."""
    model.train()
    wanted = [p.requires_grad for p in model.parameters()]
    teacher = model.teacher()
    assert not any(p.requires_grad for p in teacher.parameters())
    assert not any(module.training for module in teacher.backbone.modules())
    assert all(head.training for head in teacher.heads)
    assert model.backbone.training
    assert [p.requires_grad for p in model.parameters()] == wanted
    before = teacher.head_scores(images, range(4))
    for tensor in model.tensors().values():
        disturb(tensor)
    assert torch.equal(teacher.head_scores(images, range(4)), before)
    assert not torch.equal(model.eval().head_scores(images, range(4)), before)


def test_a_task_costs_only_its_own_tensors(tiny_model):
    model = tiny_model()
    before = set(model.tensors())
    head = model.add_head(["a"])
    model.keep_for(head, normalization_tensors(model.backbone))
    added = set(model.tensors()) - before
    own = {f"set/0/{name}" for name in normalization_tensors(model.backbone)}
    assert added == own | {"head/0/weight", "head/0/bias"}
