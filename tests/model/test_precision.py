"""Which arithmetic is chosen, and what bf16 leaves in float32."""

import pytest
import torch
from torch import nn

from cliqa.model.precision import bf16_instructions, bf16_network, choose_precision

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch):
    def has(amx=False, capability=None):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
        if capability:
            monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)

    return has


def test_what_is_asked_for_is_taken_whatever_the_processor(processor):
    for amx in (False, True):
        processor(amx=amx)
        assert choose_precision("bf16", CPU) == "bf16"
        assert choose_precision("float32", CPU) == "float32"


def test_auto_is_bf16_where_there_are_matrix_instructions_for_it_and_float32_elsewhere(processor):
    processor(amx=True)
    assert (choose_precision("auto", CPU), bf16_instructions(CPU)) == ("bf16", "AMX")
    processor(amx=False)
    assert (choose_precision("auto", CPU), bf16_instructions(CPU)) == ("float32", None)
    gpu = torch.device("cuda")
    processor(capability=(7, 5))
    assert (choose_precision("auto", gpu), bf16_instructions(gpu)) == ("float32", None)
    processor(capability=(9, 0))
    assert choose_precision("auto", gpu) == "bf16"
    assert bf16_instructions(gpu) == "compute capability 9.0"
    assert choose_precision("auto", torch.device("mps")) == "float32"


def test_a_version_of_torch_that_cannot_tell_counts_as_a_processor_without(monkeypatch):
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    assert choose_precision("auto", CPU) == "float32"


class Small(nn.Module):
    """A plain, a grouped and a depthwise convolution; remembers what dtype each one gave."""

    def __init__(self):
        super().__init__()
        self.plain = nn.Conv2d(3, 8, 3, padding=1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.gray = nn.Conv2d(1, 4, 3)
        self.dtypes = {}
        for name, layer in self.named_children():
            layer.register_forward_hook(
                lambda m, i, out, n=name: self.dtypes.update({n: out.dtype})
            )

    def forward(self, images):
        self.gray(images[:, :1])
        return self.depthwise(self.grouped(self.plain(images))).mean((2, 3))


def test_while_a_cpu_trains_depthwise_convolutions_and_no_other_stay_in_float32():
    torch.manual_seed(0)
    network, images = Small(), torch.randn(2, 3, 12, 12)
    with bf16_network(CPU):
        found = network(images)
    others = dict.fromkeys(("plain", "grouped", "gray"), torch.bfloat16)
    assert network.dtypes == others | {"depthwise": torch.float32}
    torch.testing.assert_close(found, network(images), rtol=0.05, atol=0.02)
    with torch.no_grad(), bf16_network(CPU):
        network(images)
    assert set(network.dtypes.values()) == {torch.bfloat16}


def test_gradients_in_bf16_are_those_of_float32_within_its_rounding():
    torch.manual_seed(0)
    network, images = Small(), torch.randn(4, 3, 16, 16)

    def gradients(arithmetic):
        network.zero_grad()
        with arithmetic:
            found = network(images)
        found.float().square().sum().backward()
        return [p.grad.clone() for n, p in network.named_parameters() if "gray" not in n]

    exact = gradients(torch.autocast("cpu", enabled=False))
    rounded = gradients(bf16_network(CPU))
    for ours, plain in zip(rounded, exact, strict=True):
        assert (ours - plain).norm() < 0.02 * plain.norm()
