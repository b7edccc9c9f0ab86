"""Plugins of yesterday load tomorrow: docs/reference/api-stability.md, tried out."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import pluggy
import pytest
from fake_site import HEADER, FakeSite, announcing, strategy

from cliqa import Component
from cliqa.registry import API, OLDEST_API, Registry, api, contract, hookspecs

OBSERVER = (
    HEADER + "seen = []\n\n@hookimpl\ndef cliqa_task_end({arguments}):\n    seen.append({seen})\n"
)


def declaring(version: object) -> str:
    return f"{strategy('acme-method')}\nCLIQA_API = {version!r}\n"


@pytest.fixture
def later_interface(monkeypatch):
    """A cliqa some versions on: interface 4, and plugins of 3 still work."""
    monkeypatch.setattr(api, "API", 4)
    monkeypatch.setattr(api, "OLDEST_API", 3)


def replace_hook(monkeypatch, function, **options):
    """A cliqa whose hook of this name takes other arguments, or is marked by `options`."""
    spec = pluggy.HookspecMarker(hookspecs.PROJECT)(**options)(function)
    monkeypatch.setattr(hookspecs, function.__name__, spec)
    arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
    monkeypatch.setitem(contract._HOOKS, function.__name__, arguments)


def test_a_plugin_that_leaves_arguments_of_a_hook_out_is_called_with_the_others(site: FakeSite):
    site.distribution("acme", {"acme": OBSERVER.format(arguments="step", seen="step")})
    registry = Registry.discover(strict=True)
    registry.hook.cliqa_task_end(step=3, summary={})
    import acme

    assert acme.seen == [3]


def test_a_hook_that_gets_a_new_argument_still_calls_plugins_without_it(
    site: FakeSite, monkeypatch
):
    def cliqa_task_end(step: int, summary: dict[str, Any], model: Any) -> None: ...

    replace_hook(monkeypatch, cliqa_task_end)
    old = OBSERVER.format(arguments="step, summary", seen="(step, summary)")
    new = OBSERVER.format(arguments="model", seen="model")
    site.distribution("acme", {"acme": old, "acme_new": new})
    registry = Registry.discover(strict=True)
    registry.hook.cliqa_task_end(step=1, summary={"task": "a"}, model="m")
    import acme
    import acme_new

    assert acme.seen == [(1, {"task": "a"})]
    assert acme_new.seen == ["m"]


def test_a_plugin_that_wants_an_argument_of_a_newer_hook_is_refused_naming_those_there_are(
    site: FakeSite,
):
    site.distribution("acme", {"acme": OBSERVER.format(arguments="step, model", seen="model")})
    (broken,) = Registry.discover().broken
    assert "`cliqa_task_end(step, model)`" in broken.cause
    assert "must take the arguments of `cliqa_task_end(step, summary)`" in broken.cause


def test_an_argument_that_is_deprecated_warns_its_plugin_only(site: FakeSite, monkeypatch):
    def cliqa_task_end(step: int, summary: dict[str, Any]) -> None: ...

    told = DeprecationWarning("cliqa_task_end: `summary` goes with cliqa 0.9; read the bundle")
    replace_hook(monkeypatch, cliqa_task_end, warn_on_impl_args={"summary": told})
    site.distribution("acme", {"acme": OBSERVER.format(arguments="step", seen="step")})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Registry.discover().broken == ()
    site.distribution("late", {"late": OBSERVER.format(arguments="summary", seen="summary")})
    with pytest.warns(DeprecationWarning, match="goes with cliqa 0.9"):
        assert Registry.discover().broken == ()


def test_only_name_and_factory_of_a_component_are_ever_required():
    required = [
        field.name
        for field in dataclasses.fields(Component)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    assert required == ["name", "factory"]


def test_a_record_with_only_these_two_loads_in_every_kind_of_component(site: FakeSite):
    names = ["backbones", "strategies", "objectives", "gates", "datasets", "metrics"]
    modules = {f"acme_{plural}": announcing(plural, "acme", factory="x:y") for plural in names}
    site.distribution("acme", modules)
    registry = Registry.discover(strict=True)
    assert len(registry.plugins) == len(names)


def test_a_field_of_a_newer_record_is_refused_naming_it_and_the_line(site: FakeSite):
    site.distribution("acme", {"acme": strategy("acme-method", licence="MIT")})
    (broken,) = Registry.discover().broken
    assert "unexpected keyword argument 'licence'" in broken.cause
    assert f"{site.folder / 'acme.py'}:4" in broken.cause


@pytest.mark.parametrize("version", range(OLDEST_API, API + 1))
def test_a_plugin_written_for_any_interface_that_is_still_taken_loads(site: FakeSite, version):
    site.distribution("acme", {"acme": declaring(version)})
    assert Registry.discover(strict=True).get("strategy", "acme-method")


@pytest.mark.parametrize("version", [3, 4])
def test_a_plugin_written_for_an_older_interface_loads_while_that_is_taken(
    site: FakeSite, later_interface, version
):
    site.distribution("acme", {"acme": declaring(version)})
    assert Registry.discover(strict=True).get("strategy", "acme-method")


@pytest.mark.parametrize(
    ("version", "cure"),
    [(2, "upgrade the plugin"), (5, "upgrade cliqa (distribution cliqa-bench)")],
)
def test_a_plugin_for_another_interface_is_refused_saying_what_to_upgrade(
    site: FakeSite, later_interface, version, cure
):
    site.distribution("acme", {"acme": declaring(version)})
    (broken,) = Registry.discover().broken
    assert broken.cause.startswith(f"it is written for plugin interface {version}; cliqa ")
    assert broken.cause.endswith(f"has 4 and takes plugins from 3 on: {cure}")


def test_a_newer_plugin_is_refused_before_any_of_its_hooks_runs(site: FakeSite):
    failing = f"CLIQA_API = {API + 1}\n{HEADER}@hookimpl\ndef cliqa_gates():\n    1 / 0\n"
    site.distribution("acme", {"acme": failing})
    (broken,) = Registry.discover().broken
    assert f"plugin interface {API + 1}" in broken.cause


@pytest.mark.parametrize("version", ["1", 1.0, True, 0, None])
def test_a_version_that_is_no_number_of_an_interface_is_refused(site: FakeSite, version):
    site.distribution("acme", {"acme": declaring(version)})
    (broken,) = Registry.discover().broken
    assert broken.cause.startswith(f"its CLIQA_API is {version!r} ({type(version).__name__})")


def test_a_plugin_that_declares_no_interface_is_taken_as_written_for_this_one(
    site: FakeSite, later_interface
):
    site.distribution("acme", {"acme": strategy("acme-method")})
    assert Registry.discover(strict=True).get("strategy", "acme-method")
