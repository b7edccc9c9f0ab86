"""Which plugins are found, and what becomes of those that are at fault."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from fake_site import HEADER, FakeSite, announcing, strategy

from cliqa.errors import ConfigError, PluginError
from cliqa.registry import KINDS, Registry
from cliqa.registry.component import FILES

if TYPE_CHECKING:
    from pathlib import Path


def only_cause(registry: Registry) -> str:
    assert len(registry.broken) == 1, registry.broken
    return registry.broken[0].cause


def test_an_entry_point_of_any_distribution_is_loaded_and_stamps_its_components(site: FakeSite):
    site.distribution("Acme.Plugins", {"acme": strategy("acme-s")}, version="2.1")
    registry = Registry.discover()
    (found,) = registry.components("strategy")
    assert (found.name, found.kind) == ("acme-s", "strategy")
    owner = found.owner
    assert (owner.name, owner.distribution, owner.version) == ("acme", "Acme.Plugins", "2.1")
    assert (owner.module, owner.own, owner.origin) == ("acme", False, "third party")
    assert registry.plugins == (owner,)
    assert registry.broken == ()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_its_hook(site: FakeSite, kind: str):
    factory = f"acme:a{FILES[kind][0]}" if kind in FILES else "x:y"
    site.distribution("acme", {"acme": announcing(KINDS[kind][0], "it", factory=factory)})
    assert [c.name for c in Registry.discover().components(kind)] == ["it"]


def test_plugins_of_cliqas_own_distribution_come_first_and_are_marked_own(site: FakeSite):
    site.own({"zz": strategy("mine")})
    site.distribution("acme", {"aa": strategy("theirs")})
    assert [(p.name, p.own) for p in Registry.discover().plugins] == [("zz", True), ("aa", False)]


def test_components_are_sorted_by_name(site: FakeSite):
    site.distribution("acme", {"p1": strategy("b"), "p2": strategy("a"), "p3": strategy("C")})
    assert [c.name for c in Registry.discover().components("strategy")] == ["C", "a", "b"]


def test_a_distribution_that_lies_twice_on_the_path_is_loaded_once_from_the_first_place(
    site: FakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    site.distribution("acme", {"acme": strategy("old")})
    site.distribution("gone", {"gone": strategy("gone")})
    first = tmp_path / "first"
    first.mkdir()
    monkeypatch.syspath_prepend(str(first))
    newer = FakeSite(first)
    newer.distribution("acme", {"acme": strategy("new")}, version="2.0")
    newer.distribution("gone", {}, version="2.0")  # the newer one has no plugin any more
    registry = Registry.discover()
    assert [c.name for c in registry.components("strategy")] == ["new"]
    assert registry.broken == ()


def test_a_plugin_may_be_an_object_of_a_module(site: FakeSite):
    source = f"""{HEADER}
class Plugin:
    @hookimpl
    def cliqa_strategies(self):
        return (Component(name="from-object", factory="x:y"),)
    @property
    def cliqa_trap(self):
        raise RuntimeError("looked at")
plugin = Plugin()
"""
    site.distribution("acme", {"acme": source}, entry_points={"acme": "acme:plugin"})
    registry = Registry.discover()
    assert [c.name for c in registry.components("strategy")] == ["from-object"]


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("x = 1\nraise ValueError('two\\nlines')", "ValueError: two lines ({file}:2)"),
        ("import sys\nsys.exit(3)", "SystemExit: 3 ({file}:2)"),
        ("import no_such_module_x", "ModuleNotFoundError: No module named 'no_such_module_x' "
         "({file}:1)"),
        ("def f(:\n    pass", "SyntaxError: invalid syntax ({file}:1)"),
        ("import json\n\n\njson.loads('{')", "JSONDecodeError: Expecting property name enclosed in "
         "double quotes: line 1 column 2 (char 1) ({file}:4)"),
    ],
)  # fmt: skip
def test_a_plugin_that_fails_to_import_is_broken_with_the_line_of_its_own_that_failed(
    site: FakeSite, source: str, cause: str
):
    site.distribution("bad", {"bad": source})
    site.distribution("good", {"good": strategy("survivor")})
    registry = Registry.discover()
    (broken,) = registry.broken
    assert broken.cause == cause.format(file=site.folder / "bad.py")
    assert (broken.name, broken.distribution) == ("bad", "bad")
    assert [c.name for c in registry.components("strategy")] == ["survivor"]


def test_a_hook_that_raises_makes_its_plugin_broken_as_a_whole(site: FakeSite):
    site.distribution("bad", {"bad": f"{strategy('s')}@hookimpl\ndef cliqa_gates():\n    1 / 0\n"})
    registry = Registry.discover()
    assert only_cause(registry).startswith("ZeroDivisionError: division by zero (")
    assert registry.components("strategy") == ()
    assert registry.hook.cliqa_strategies() == []


def test_an_entry_point_whose_module_does_not_exist_is_broken(site: FakeSite):
    site.distribution("bad", {}, entry_points={"bad": "not_there"})
    assert only_cause(Registry.discover()) == "ModuleNotFoundError: No module named 'not_there'"


def test_interrupting_a_plugins_import_interrupts_the_host(site: FakeSite):
    site.distribution("slow", {"slow": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        Registry.discover()


def test_a_damaged_entry_points_file_hides_no_other_plugin(site: FakeSite):
    site.distribution("bad", {})
    (site.folder / "bad-1.0.dist-info" / "entry_points.txt").write_text("[cliqa]\nno equals\n")
    site.distribution("good", {"good": strategy("survivor")})
    registry = Registry.discover()
    assert "entry_points.txt cannot be read" in only_cause(registry)
    assert [c.name for c in registry.components("strategy")] == ["survivor"]


def test_one_entry_point_name_in_two_distributions_loads_neither_and_names_both(site: FakeSite):
    site.distribution("acme-one", {"m1": strategy("s1")}, entry_points={"acme": "m1"})
    site.distribution("acme-two", {"m2": strategy("s2")}, entry_points={"acme": "m2"})
    registry = Registry.discover()
    assert registry.components("strategy") == ()
    assert [b.distribution for b in registry.broken] == ["acme-one", "acme-two"]
    for broken in registry.broken:
        assert "acme-one 1.0 (`m1`) and acme-two 1.0 (`m2`)" in broken.cause


def test_a_third_party_cannot_take_the_name_of_an_own_entry_point(site: FakeSite):
    site.own({"tsn": strategy("tsn-iqa")})
    site.distribution("acme", {"m": strategy("s")}, entry_points={"tsn": "m"})
    registry = Registry.discover()
    assert [c.name for c in registry.components("strategy")] == ["tsn-iqa"]
    assert [b.distribution for b in registry.broken] == ["acme"]


def test_one_module_under_two_entry_points_is_loaded_once(site: FakeSite):
    site.distribution("acme", {"m": strategy("s")}, entry_points={"a": "m", "b": "m"})
    registry = Registry.discover()
    assert [p.name for p in registry.plugins] == ["a"]
    assert only_cause(registry) == "`m` is loaded already, as plugin `a`"


def test_without_third_parties_only_the_own_distribution_is_loaded(site: FakeSite):
    site.own({"own": strategy("mine")})
    site.distribution("acme", {"acme": "raise RuntimeError('imported')"})
    local = site.file("local.py", "raise RuntimeError('imported')")
    registry = Registry.discover(third_party=False, local_files=[local])
    assert [p.name for p in registry.plugins] == ["own"]
    assert registry.broken == ()
    assert [p.name for p in registry.skipped] == ["acme", "local"]


@pytest.mark.parametrize(
    ("value", "loaded"),
    [("b", ["own", "b"]), (" a , b ", ["own", "a", "b"]), ("", ["own"]), (",", ["own"])],
)
def test_the_environment_variable_chooses_among_third_parties(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch, value: str, loaded: list[str]
):
    site.own({"own": strategy("mine")})
    site.distribution("acme", {"a": strategy("s1"), "b": strategy("s2")})
    monkeypatch.setenv("CLIQA_PLUGINS", value)
    registry = Registry.discover()
    assert [p.name for p in registry.plugins] == loaded
    assert registry.broken == ()


def test_the_argument_only_takes_precedence_over_the_environment(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
):
    site.distribution("acme", {"a": strategy("s1"), "b": strategy("s2")})
    monkeypatch.setenv("CLIQA_PLUGINS", "a")
    assert [p.name for p in Registry.discover(only=["b"]).plugins] == ["b"]


def test_a_name_in_the_environment_variable_that_is_not_installed_is_reported(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
):
    site.distribution("acme", {"acme": strategy("s")})
    monkeypatch.setenv("CLIQA_PLUGINS", "acne")
    (broken,) = Registry.discover().broken
    assert broken.name == "acne"
    assert "CLIQA_PLUGINS" in broken.cause
    assert "Did you mean `acme`?" in broken.cause


def test_strict_mode_refuses_a_broken_plugin_with_its_cause(site: FakeSite):
    site.distribution("bad", {"bad": "raise ValueError('why')"})
    with pytest.raises(PluginError, match=r"plugin `bad` \(bad 1.0\): ValueError: why"):
        Registry.discover(strict=True)


def test_strict_mode_refuses_a_clash_naming_both_owners(site: FakeSite):
    site.distribution("acme", {"p1": strategy("same"), "p2": strategy("same")})
    with pytest.raises(PluginError, match=r"`p1` \(acme 1.0\) and `p2` \(acme 1.0\)"):
        Registry.discover(strict=True)


def test_broken_plugins_are_reported_in_one_line_each(site: FakeSite):
    site.distribution("bad", {"b1": "raise ValueError('a\\nb')", "b2": "1 / 0"})
    lines: list[str] = []
    Registry.discover().report_broken(lines.append)
    assert len(lines) == 2
    assert not any("\n" in line for line in lines)
    assert lines[0].startswith("plugin `b1` (bad 1.0): ValueError: a b (")


def test_a_local_file_is_loaded_under_a_module_name_of_its_own_with_its_hash(site: FakeSite):
    file = site.file(
        "my method.py",
        f"""{HEADER}
import dataclasses

@dataclasses.dataclass
class Thing:
    config: object

@hookimpl
def cliqa_strategies():
    return [Component(name="mine", factory=f"{{__name__}}:Thing")]
""",
    )
    registry = Registry.discover(local_files=[file])
    (plugin,) = registry.plugins
    assert (plugin.name, plugin.file, plugin.origin) == ("my method", file, "local file")
    assert plugin.sha256 is not None
    assert len(plugin.sha256) == 64
    assert plugin.module in sys.modules
    made = registry.get("strategy", "mine").create({"a": 1})
    assert made.config == {"a": 1}
    assert type(made).__module__ == plugin.module


def test_a_local_file_of_unchanged_content_is_run_once(site: FakeSite):
    # Twice would make two classes of one name, and an instance of the one is none of the other.
    source = strategy("s").replace("'x:y'", "Thing")
    file = site.file("mine.py", "class Thing:\n    def __init__(self, config): pass\n" + source)
    registries = [Registry.discover(local_files=[file]) for _ in range(2)]
    first, second = (registry.get("strategy", "s").create(None) for registry in registries)
    assert type(first) is type(second)


def test_an_edited_local_file_is_run_again_even_within_the_same_second(site: FakeSite):
    for name in ("aa", "bb"):
        file = site.file("mine.py", strategy(name))
        registry = Registry.discover(local_files=[file])
        assert [c.name for c in registry.components("strategy")] == [name]


def test_two_local_files_of_one_name_do_not_disturb_each_other(site: FakeSite, tmp_path: Path):
    other = tmp_path / "mine.py"
    other.write_text(strategy("s2"))
    files = [site.file("mine.py", strategy("s1")), other, other]
    registry = Registry.discover(local_files=files)
    assert [c.name for c in registry.components("strategy")] == ["s1", "s2"]
    assert registry.broken == ()


@pytest.mark.parametrize("name", ["absent.py", "folder.py", "mine.txt"])
def test_a_local_file_that_cannot_be_a_plugin_is_an_error_of_the_configuration(
    site: FakeSite, name: str
):
    path = site.folder / name
    if name == "folder.py":
        path.mkdir()
    with pytest.raises(ConfigError, match=name):
        Registry.discover(local_files=[path])


def test_a_local_file_that_fails_is_broken_with_its_line_and_leaves_no_module(site: FakeSite):
    file = site.file("failing.py", "x = 1\n\ny = undefined_name\n")
    registry = Registry.discover(local_files=[file])
    (broken,) = registry.broken
    assert broken.cause == f"NameError: name 'undefined_name' is not defined ({file}:3)"
    assert broken.source == str(file)
    assert not any(module.startswith("cliqa_local_failing") for module in sys.modules)
