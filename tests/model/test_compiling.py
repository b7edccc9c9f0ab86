"""torch.compile, where somebody asks for it."""

import gc
import shutil
import weakref

import pytest
import torch

from cliqa.errors import ConfigError
from cliqa.model import Compute
from cliqa.model.compiling import check_can_compile

CPU = torch.device("cpu")


def test_without_a_compiler_the_setting_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"train\.compile: .* needs a C\+\+ compiler .* install"):
        check_can_compile(CPU)
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/g++" if name == "g++" else None)
    check_can_compile(CPU)


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="no C++ compiler")
def test_a_translated_network_gives_the_features_and_gradients_of_the_plain_one(tiny_backbone):
    """It is translated for training only, and not kept alive by its translation."""
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = {}
    for translated in (False, True):
        network = tiny_backbone().train()
        compute = Compute(device=CPU, compile=translated)
        features = compute.forward(network, images)
        features.square().mean().backward()
        found[translated] = [features, *(p.grad for p in network.parameters())]
        assert network.state_dict().keys() == tiny_backbone().state_dict().keys()
    torch.testing.assert_close(found[True], found[False], rtol=1e-4, atol=1e-6)
    gone = weakref.ref(network)
    del network, features, found
    gc.collect()
    assert gone() is None
