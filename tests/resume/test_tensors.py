"""Tensors by content, and what an object consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cliqa.resume import (
    Checkpoint,
    Damaged,
    NotWholeError,
    ResumeStore,
    TensorPool,
    differences,
    put_back_in_place,
    take,
    witness,
)
from cliqa.training import Strategy

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.uint8]


@given(
    shape=st.lists(st.integers(0, 4), max_size=4),
    dtype=st.sampled_from(DTYPES),
    order=st.randoms(),
    gap=st.booleans(),
)
def test_a_tensor_comes_back_with_its_bits_its_type_and_its_place_in_memory(
    shape, dtype, order, gap
):
    tensor = (torch.rand(shape) * 3).to(dtype)
    if gap and shape and shape[0] > 1:
        tensor = tensor[::2]
    axes = list(range(tensor.ndim))
    order.shuffle(axes)
    tensor = tensor.permute(axes)
    pool = TensorPool()
    entries = pool.add({"t": tensor})
    expected = tensor.clone()
    if tensor.numel():
        tensor.fill_(0)
    found = pool.get(entries["t"])
    assert found.dtype == dtype
    assert found.shape == expected.shape
    assert torch.equal(found, expected)
    assert found.numel() == 0 or found.stride() == tensor.stride()


def test_a_channels_last_weight_stays_channels_last():
    weight = torch.rand(8, 3, 3, 3).to(memory_format=torch.channels_last)
    pool = TensorPool()
    found = pool.get(pool.add({"w": weight})["w"])
    assert found.stride() == weight.stride() != weight.contiguous().stride()


def test_equal_content_is_kept_once_and_not_again_beside_a_parent():
    a, b = torch.arange(6.0), torch.arange(6.0)
    pool = TensorPool()
    entries = pool.add({"a": a, "b": b, "other": a.double()})
    child = TensorPool(pool)
    entries |= child.add({"c": a.clone(), "new": a + 1})
    assert len(pool.contents(entries.values())) == 2
    assert len(child.contents(entries.values())) == 3


def test_nan_and_minus_zero_are_content():
    pool = TensorPool()
    entries = pool.add({"a": torch.tensor([float("nan"), -0.0]), "b": torch.tensor([1.0, 0.0])})
    a = pool.get(entries["a"])
    assert torch.isnan(a[0])
    assert torch.signbit(a[1])


def test_a_checkpoint_is_read_as_it_was_written_in_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr("cliqa.resume.store._PART", 100)
    pool = TensorPool()
    tensors = {f"t/{n}": torch.rand(n, 5) for n in range(12)}
    store = ResumeStore(tmp_path)
    store.save(Checkpoint({"place": [1, None, 0.1 + 0.2]}, pool.add(tensors), pool))
    assert len(list((store.root / "00000001").glob("*.safetensors"))) > 3
    found = store.read("00000001")
    assert found.state == {"place": [1, None, 0.1 + 0.2]}
    again = found.pool.get_all(found.entries)
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())


def test_a_checkpoint_of_another_format_is_not_read(tmp_path, monkeypatch):
    store = ResumeStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("cliqa.resume.store.FORMAT", 99)
        store.save(Checkpoint({}, {}, TensorPool()))
    with pytest.raises(Damaged, match="format 99, this cliqa reads 1"):
        store.read("00000001")


def test_what_killed_writers_left_is_removed_by_the_next_and_a_users_file_is_not(tmp_path):
    store = ResumeStore(tmp_path)
    left = store.root / ".cliqa-tmp-0123"
    left.mkdir(parents=True)
    (left / "tensors-000.safetensors").write_text("half")
    (store.root / "mine").write_text("x")
    for _ in range(4):
        store.save(Checkpoint({}, {}, TensorPool()))
    assert sorted(p.name for p in store.root.iterdir()) == ["00000003", "00000004", "mine"]
    store.clear()
    assert [p.name for p in store.root.iterdir()] == ["mine"]


@dataclass
class Part:
    number: int = 3
    tensors: dict[str, torch.Tensor] = field(default_factory=lambda: {"a": torch.zeros(2)})


class Thing:
    def __init__(self):
        self.part = Part()
        self.rows = [1, 2, (3, np.arange(3))]
        self.network = torch.nn.Linear(2, 2)
        self.empty: list[Any] = []
        self.itself = self
        self.function = lambda: None
        torch.nn.init.zeros_(self.network.weight)
        torch.nn.init.zeros_(self.network.bias)


CHANGES = {
    "part.number": lambda t: setattr(t.part, "number", 4),
    "part.tensors.[a]": lambda t: t.part.tensors["a"].add_(1),
    "rows.[2].[1]": lambda t: t.rows[2][1].__setitem__(0, 9),
    "network.weight": lambda t: t.network.weight.data.add_(1),
    "empty()": lambda t: t.empty.append(lambda: None),
}


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_anywhere_inside_an_object_is_found_by_its_path(path):
    one, other = Thing(), Thing()
    assert differences(witness(one), witness(other)) == []
    CHANGES[path](other)
    assert differences(witness(one), witness(other)) == [path]


def test_the_runs_model_is_not_the_methods_own_but_its_copy_is(tiny_model):
    model = tiny_model()
    holder = Thing()
    before = witness(holder, model)
    holder.model, holder.bias = model, model.backbone.conv1.bias
    assert differences(before, witness(holder, model)) == []
    holder.teacher = model.teacher()
    assert any(path.startswith("teacher.backbone") for path in witness(holder, model))


class Holding(Strategy):
    """Its losses would hold `own`; of `copied` its state gives a copy."""

    def __init__(self):
        super().__init__()
        self.own, self.copied = torch.zeros(3), 0

    def state(self):
        return {"own": self.own, "copied": torch.tensor(self.copied)}

    def load_state(self, state):
        self.own, self.copied = state["own"], int(state["copied"])


@pytest.mark.parametrize("copied", [0, 5])
def test_within_a_stage_a_strategys_tensors_stay_the_same_objects(tiny_model, copied):
    """Only where its state gives copies it is told by `load_state`."""
    model, strategy, outside = tiny_model(), Holding(), torch.ones(2)
    strategy.own += 1
    strategy.copied = copied
    pool = TensorPool()
    saved = take(model, strategy, pool, [outside])
    again, beside = Holding(), torch.zeros(2)
    held = again.own
    put_back_in_place(saved, model, again, [beside])
    assert again.own.tolist() == [1, 1, 1]
    assert again.copied == copied
    assert beside.tolist() == [1, 1]
    assert held.tolist() == [1, 1, 1]
    assert (again.own is held) == (copied == 0)


def test_a_strategy_with_other_tensors_than_were_saved_is_not_whole(tiny_model):
    model, strategy = tiny_model(), Holding()
    saved = take(model, strategy, TensorPool())
    strategy.own = torch.zeros(4)
    with pytest.raises(NotWholeError, match="no tensor like the `own` that was saved"):
        put_back_in_place(saved, model, strategy)
