"""Several processes train as one does."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from cliqa.distributed import (
    World,
    agreed,
    average_gradients,
    bytes_of_first,
    check_in_step,
    divided,
    gather,
    joined,
    launched,
    own_device,
    speaks,
    spread,
    world,
)
from cliqa.errors import ConfigError

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


@pytest.fixture(scope="module")
def gathered(launch):
    """What each of three processes found."""
    folder = launch("gathered", 3)
    return [load_file(folder / f"{rank}.safetensors") for rank in range(3)]


def test_the_rows_of_all_processes_come_back_in_order_on_each(gathered):
    for found in gathered:
        assert torch.equal(found["found"], torch.arange(10.0).view(5, 2))


def test_what_process_0_decides_all_are_told(gathered):
    for found in gathered:
        assert found["bytes"].tolist() == [7, 0]


def test_processes_draw_other_numbers_in_what_is_divided_and_the_same_everywhere_else(gathered):
    torch.manual_seed(0)
    alone = torch.rand(1)
    for found in gathered:
        assert torch.equal(found["none drawn"], alone)  # as in one process
        assert torch.equal(found["masks"], gathered[0]["masks"])
        assert torch.equal(found["after"], gathered[0]["after"])
    assert len(gathered[0]["masks"].unique()) == 8


def test_gpus_are_shared_out_and_what_cannot_be_is_refused(monkeypatch):
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert own_device(cuda) == cuda  # alone
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert own_device(cpu) == cpu
    assert own_device(cuda) == torch.device("cuda:1")
    for one in ("cuda:0", "mps"):
        with pytest.raises(ConfigError, match=f"device: `{one}` cannot be shared out to 2"):
            own_device(torch.device(one))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="1 GPUs, and process 1 would need number 1"):
        own_device(cuda)


def test_an_environment_that_names_no_meeting_place_is_a_message(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    meet = joined(torch.device("cpu"))
    with pytest.raises(ConfigError, match=r"2 processes, but they cannot meet: .*MASTER_ADDR"):
        meet.__enter__()
    assert speaks()  # process 0 says so
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(ConfigError, match=r"WORLD_SIZE: expected a number .* got 'many'"):
        launched()


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
    check_in_step(iter([]), "now")
    assert divided(list, [1, 2]) == [1, 2]
    assert agreed(lambda: (1, 2)) == (1, 2)
    assert bytes_of_first(b"own") == b"own"
