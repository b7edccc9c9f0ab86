"""The plugin keeps to what cliqa promises of a strategy and a gate."""

from cliqa.registry import Registry
from cliqa.testing import parametrize_plugin


@parametrize_plugin("example")
def test_the_plugin_keeps_the_contract(check):
    check()


def test_cliqa_finds_both_by_the_entry_point():
    found = Registry.discover()
    for kind, name in (("strategy", "lora"), ("gate", "mahalanobis")):
        assert found.get(kind, name).owner.distribution == "cliqa-example"
