"""Several processes train as one does."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from cliqa.distributed import World, average_gradients, check_in_step, gather, spread, world

STEPS = Path(__file__).with_name("steps.py")


@pytest.fixture(scope="module")
def launch(tmp_path_factory, finish):
    """Run one of the scripts on so many processes; returns the folder it wrote to."""

    def go(what, processes):
        folder = tmp_path_factory.mktemp(what)
        code, _, stderr = finish(processes, STEPS, what, folder)
        assert code == 0, stderr
        return folder

    return go


def test_several_processes_end_where_one_does_with_the_same_global_batches(launch):
    """Batch statistics, running statistics, pairs across processes, penalties, a later head."""
    alone = load_file(launch("train", 1) / "1-0.safetensors")
    for processes in (2, 3):
        folder = launch("train", processes)
        found = [load_file(folder / f"{processes}-{rank}.safetensors") for rank in range(processes)]
        for name, tensor in alone.items():
            assert all(torch.equal(found[0][name], other[name]) for other in found), name
            torch.testing.assert_close(found[0][name], tensor, rtol=1e-9, atol=1e-10, msg=name)


def test_the_rows_of_all_processes_come_back_in_order_on_each(launch):
    folder = launch("gathered", 3)
    for rank in range(3):
        found = load_file(folder / f"{rank}.safetensors")["found"]
        assert torch.equal(found, torch.arange(10.0).view(5, 2))


def test_every_process_is_told_that_one_holds_another_model(launch):
    folder = launch("differ", 2)
    for rank in range(2):
        text = (folder / f"{rank}.txt").read_text()
        assert "process 1 holds another model than process 0 after a step" in text


@given(count=st.integers(0, 50), size=st.integers(1, 9))
def test_shares_are_nearly_equal_and_together_everything(count, size):
    parts = [range(count)[World(rank, size).share(count)] for rank in range(size)]
    assert [i for part in parts for i in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_alone_nothing_is_divided_and_nothing_changes():
    assert world() == World(0, 1)
    rows = torch.arange(6.0).view(3, 2)
    assert torch.equal(spread(lambda x: 2 * x, rows), 2 * rows)
    assert gather(rows, 3) is rows
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    average_gradients([parameter])
    assert parameter.grad.tolist() == [1.0, 2.0]
    check_in_step(["anything"], "now")
