"""Small components, right (`right`) and wrong (one module a kind): what the checks are tried on.

`FAULTS`, which importing the modules of `WRONG` fills, has one small wrong component for each
check: kind -> check -> (component, words of the message). Checks of all components are under the
kind `component`. Files and whole plugins, which need a folder, are in `test_faults.py`.
"""

from __future__ import annotations

from cliqa import Component

WRONG = (
    "shared",
    "backbone",
    "strategy",
    "strategy_state",
    "objective",
    "gate",
    "dataset",
    "metric",
    "tracker",
    "pretraining",
)
FAULTS: dict[str, dict[str, tuple[Component, str]]] = {}


def component(factory, config=None, name="mine", **more):
    """The record of a component."""
    return Component(name=name, factory=factory, config=config, summary="what is checked", **more)


def fault(kind, check, words, config=None, **more):
    """Decorate the factory, a class or a function of the config, that fails a check."""

    def note(factory):
        made = component(factory, config, **more)
        FAULTS.setdefault(kind, {})[check] = (made, words)
        return factory

    return note
