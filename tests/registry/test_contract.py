"""Mistakes of a plugin that are found when it is loaded, not when a run needs it."""

from __future__ import annotations

import pytest
from fake_site import HEADER, FakeSite, announcing

from cliqa import Component
from cliqa.registry import Registry

HOOK = HEADER + "@hookimpl\n"


def cause(site: FakeSite, source: str) -> str:
    site.distribution("acme", {"acme": source})
    registry = Registry.discover()
    assert registry.plugins == ()
    (broken,) = registry.broken
    assert "\n" not in broken.cause
    return broken.cause


def test_a_misspelt_hook_is_broken_with_a_suggestion(site: FakeSite):
    text = cause(site, HEADER + "def cliqa_strategy():\n    return []\n")
    assert text.startswith(f"`cliqa_strategy()` ({site.folder / 'acme.py'}:2) is no hook.")
    assert "Did you mean `cliqa_strategies`" in text


def test_a_misspelt_hook_is_caught_although_it_is_decorated(site: FakeSite):
    text = cause(site, HOOK + "def cliqa_gate():\n    return []\n")
    assert "there is no hook `cliqa_gate`. Did you mean `cliqa_gates`" in text


def test_a_decorated_function_without_the_prefix_is_caught(site: FakeSite):
    text = cause(site, HOOK + "def strategies():\n    return []\n")
    assert "Did you mean `cliqa_strategies`?" in text


def test_an_undecorated_hook_is_broken_saying_to_decorate_it(site: FakeSite):
    text = cause(site, "\ndef cliqa_strategies():\n    return []\n")
    assert text == (
        f"`cliqa_strategies()` ({site.folder / 'acme.py'}:2) is not decorated, so it would never "
        "be called; put `@cliqa.hookimpl` above it"
    )


@pytest.mark.parametrize(
    "arguments", ["epoch, summary", "step, *, summary", "step=1", "*step", "**summary"]
)
def test_wrong_arguments_of_a_hook_name_the_definition_and_what_is_right(
    site: FakeSite, arguments: str
):
    text = cause(site, HOOK + f"def cliqa_task_end({arguments}):\n    pass\n")
    assert text.startswith("`cliqa_task_end(")
    assert f"({site.folder / 'acme.py'}:2)" in text
    assert "`cliqa_task_end(step, summary)`" in text


def test_a_plugin_without_any_hook_is_broken(site: FakeSite):
    assert cause(site, "x = 1").startswith("`acme` implements no hook; the hooks are ")


def test_a_hook_of_a_newer_cliqa_may_be_optional(site: FakeSite):
    source = "@hookimpl\ndef cliqa_gates():\n    return []\n"
    optional = "@hookimpl(optionalhook=True)\ndef cliqa_trackers():\n    return []\n"
    site.distribution("acme", {"acme": HEADER + source + optional})
    assert Registry.discover().broken == ()


def test_helpers_imported_from_elsewhere_are_not_taken_for_hooks(site: FakeSite):
    site.distribution(
        "acme",
        {"acme": "from other import cliqa_helper\n" + announcing("gates", "g", factory="x:y")},
    )
    (site.folder / "other.py").write_text("def cliqa_helper():\n    pass\n")
    assert Registry.discover().broken == ()


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ("None", "None (NoneType); expected a list or tuple of cliqa.Component"),
        ("'abc'", "'abc' (str); expected a list or tuple of cliqa.Component"),
        ("Component(name='a', factory='x:y')", "(Component); expected a list or tuple"),
        ("[Component(name='a', factory='x:y'), 3]", "3 (int) at index 1"),
    ],
)
def test_a_hook_that_returns_no_components_is_broken_showing_what_it_returned(
    site: FakeSite, returned: str, shown: str
):
    text = cause(site, HOOK + f"def cliqa_gates():\n    return {returned}\n")
    assert text.startswith("`cliqa_gates` returned ")
    assert shown in text


def test_a_hook_that_yields_is_broken(site: FakeSite):
    text = cause(site, HOOK + "def cliqa_gates():\n    yield Component(name='a', factory='x:y')\n")
    assert "(generator); expected a list" in text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ("name=''", "its name must be a non-empty str without white space"),
        ("name='a b'", "its name must be"),
        ("name='a\\n'", "its name must be"),
        ("name=3", "its name must be"),
        ("name='a', factory='no_colon'", "its factory is 'no_colon' (str); expected "),
        ("name='a', factory='a b:c'", "its factory is"),
        ("name='a', factory='a:'", "its factory is"),
        ("name='a', factory=3", 'expected "module:attribute" or a callable'),
        ("name='a', config='no_colon'", "its config is 'no_colon' (str); expected a pydantic"),
        ("name='a', config={}", "its config is {} (dict)"),
        ("name='a', members='no_colon'", "its members is"),
        ("name='a', facts='no_colon'", "its facts are"),
        ("name='a', summary=None", "its summary is None (NoneType); expected a str"),
    ],
)
def test_a_component_that_cannot_be_used_makes_its_plugin_broken(
    site: FakeSite, fields: str, fault: str
):
    component = f"Component(**{{'factory': 'x:y', **dict({fields})}})"
    text = cause(site, HOOK + f"def cliqa_gates():\n    return [{component}]\n")
    assert text.startswith("`cliqa_gates` returned component ")
    assert fault in text


@pytest.mark.parametrize("factory", ["a.yaml", "pkg:a.txt", ":a.yaml", "a b:c.yaml"])
def test_a_recipe_must_name_a_yaml_file_of_a_package(site: FakeSite, factory: str):
    text = cause(site, announcing("recipes", "r", factory=factory))
    assert 'expected "package:path/to/file.yaml"' in text


def test_a_name_that_a_plugin_announces_twice_makes_it_broken(site: FakeSite):
    twice = "[Component(name='a', factory='x:y')] * 2"
    text = cause(site, HOOK + f"def cliqa_gates():\n    return {twice}\n")
    assert text == "`cliqa_gates` returned component 'a' (index 1): is announced twice"


def test_a_component_is_frozen_and_takes_keywords_only():
    component = Component(name="a", factory="x:y")
    with pytest.raises(AttributeError):
        component.name = "b"  # type: ignore[misc]
    with pytest.raises(TypeError):
        Component("a", "x:y")  # type: ignore[misc]
