"""Looking components up and making use of them."""

from __future__ import annotations

import sys

import pytest
from fake_site import HEADER, FakeSite, announcing, strategy

from cliqa.errors import DataError, PluginError, UnknownComponentError
from cliqa.registry import Registered, Registry

MEMBERS = """
class Config: pass
def members(): return ["resnet18", "resnet50"]
def build(config): return config
"""


def family(**fields: str) -> str:
    given = {"factory": "zoo:build", "members": "zoo:members", "summary": "any", **fields}
    return announcing("backbones", "zoo", **given)


@pytest.fixture
def zoo(site: FakeSite) -> FakeSite:
    site.distribution("acme", {"acme": family()})
    (site.folder / "zoo.py").write_text(MEMBERS)
    return site


def the_strategy(site: FakeSite, factory: str, helper: str = "", **fields: str) -> Registered:
    site.distribution("acme", {"acme": strategy("s", factory, **fields)})
    (site.folder / "helper.py").write_text(helper)
    return Registry.discover().get("strategy", "s")


def test_an_unknown_name_gets_a_suggestion_the_known_names_and_their_owners(site: FakeSite):
    site.own({"tsn": strategy("tsn-iqa")})
    site.distribution("acme", {"acme": strategy("other")})
    with pytest.raises(UnknownComponentError) as caught:
        Registry.discover().get("strategy", "TSN_IQA")
    assert str(caught.value).splitlines() == [
        "unknown strategy `TSN_IQA`. Did you mean `tsn-iqa`?",
        "known strategies:",
        "  other (plugin `acme` (acme 1.0))",
        "  tsn-iqa (plugin `tsn` (cliqa-bench 9.9))",
    ]
    assert caught.value.exit_code == 2


def test_an_unknown_name_is_answered_with_the_causes_of_broken_plugins(site: FakeSite):
    site.distribution("acme", {"acme": "raise ValueError('why')"})
    with pytest.raises(UnknownComponentError, match="broken plugins") as caught:
        Registry.discover().get("strategy", "s")
    assert "  `acme` (acme 1.0): ValueError: why (" in str(caught.value)


def test_an_unknown_name_is_answered_with_the_plugins_that_were_not_loaded(site: FakeSite):
    site.distribution("acme", {"acme": strategy("s")})
    with pytest.raises(UnknownComponentError, match="not loaded because of --no-plugins") as caught:
        Registry.discover(third_party=False).get("strategy", "s")
    assert "  `acme` (acme 1.0)" in str(caught.value)


def test_an_unknown_kind_is_a_defect_of_the_caller(site: FakeSite):
    registry = Registry.discover()
    with pytest.raises(ValueError, match="'strategies' is no kind"):
        registry.get("strategies", "s")
    with pytest.raises(ValueError, match="the kinds are backbone"):
        registry.components("nothing")


def test_a_clash_stops_only_who_uses_the_name_and_names_both_owners(site: FakeSite):
    site.own({"own": strategy("same")})
    site.distribution("acme", {"acme": strategy("same"), "more": strategy("fine")})
    registry = Registry.discover()
    assert [c.name for c in registry.components("strategy")] == ["fine"]
    assert [(c.kind, c.name) for c in registry.clashes] == [("strategy", "same")]
    with pytest.raises(PluginError) as caught:
        registry.get("strategy", "same")
    assert "`own` (cliqa-bench 9.9) and `acme` (acme 1.0)" in str(caught.value)
    assert caught.value.exit_code == 2


def test_one_name_in_two_kinds_is_no_clash(site: FakeSite):
    site.distribution("acme", {"p1": strategy("x"), "p2": announcing("gates", "x", factory="a:b")})
    registry = Registry.discover()
    assert registry.clashes == ()
    assert registry.get("gate", "x").kind == "gate"


def test_a_name_is_looked_up_in_families_last_and_only_then_are_they_imported(zoo: FakeSite):
    zoo.distribution("exact", {"exact": announcing("backbones", "resnet50", factory="x:y")})
    registry = Registry.discover()
    assert registry.get("backbone", "resnet50").owner.name == "exact"
    assert "zoo" not in sys.modules
    member = registry.get("backbone", "resnet18")
    assert (member.name, member.member) == ("resnet18", "resnet18")
    assert (member.component.name, member.is_family) == ("zoo", False)
    assert member.create("config") == "config"


def test_suggestions_come_from_families_too_but_their_members_are_not_all_listed(zoo: FakeSite):
    with pytest.raises(UnknownComponentError) as caught:
        Registry.discover().get("backbone", "resnet81")
    text = str(caught.value)
    assert "Did you mean `resnet18`" in text
    assert text.count("resnet50") <= 1
    assert "  zoo (plugin `acme` (acme 1.0), a family: any)" in text


def test_a_family_is_no_component_by_its_own_name(zoo: FakeSite):
    with pytest.raises(UnknownComponentError, match="`zoo` is a family of backbones: write"):
        Registry.discover().get("backbone", "zoo")


def test_a_name_that_two_families_answer_to_is_a_clash(zoo: FakeSite):
    second = announcing("backbones", "zoo2", factory="zoo:build", members="zoo:members")
    zoo.distribution("second", {"second": second})
    with pytest.raises(PluginError, match=r"`acme` \(acme 1.0\) and `second` \(second 1.0\)"):
        Registry.discover().get("backbone", "resnet18")


def test_a_family_that_cannot_be_listed_is_named_when_a_name_is_unknown(site: FakeSite):
    site.distribution("acme", {"acme": family(members="not_installed:members")})
    with pytest.raises(UnknownComponentError) as caught:
        Registry.discover().get("backbone", "resnet18")
    assert "No module named 'not_installed'" in str(caught.value)


def test_a_family_whose_members_are_no_names_breaks_its_contract(zoo: FakeSite):
    (zoo.folder / "zoo.py").write_text("def members(): return 'resnet18'")
    registry = Registry.discover()
    (found,) = registry.components("backbone")
    with pytest.raises(PluginError, match="did not return a list of str"):
        registry.members(found)


def test_the_factory_is_imported_when_it_is_used_and_called_with_the_config(site: FakeSite):
    found = the_strategy(site, "helper:Maker.make", "class Maker:\n    make = dict\n")
    assert "helper" not in sys.modules
    assert found.create({"a": 1}) == {"a": 1}


def test_a_callable_factory_and_a_class_as_config_work(site: FakeSite):
    source = f"""{HEADER}
from cliqa.config import ComponentConfig
class Config(ComponentConfig):
    a: int = 1
@hookimpl
def cliqa_strategies():
    return [Component(name="s", factory=lambda config: config.a, config=Config)]
"""
    site.distribution("acme", {"acme": source})
    found = Registry.discover().get("strategy", "s")
    model = found.config_model()
    assert model is not None
    assert found.create(model(a=5)) == 5


def test_a_component_without_config_has_no_model(site: FakeSite):
    assert the_strategy(site, "x:y").config_model() is None


@pytest.mark.parametrize(
    ("factory", "helper", "cause"),
    [
        ("no_such:f", "", "ModuleNotFoundError: No module named 'no_such'"),
        ("helper:f", "x = 1", "AttributeError: module 'helper' has no attribute 'f'"),
        ("helper:f", "import no_dep", "No module named 'no_dep' ({file}:1)"),
        ("helper:f", "raise SystemExit(4)", "SystemExit: 4 ({file}:1)"),
        ("helper:f", "f = 3", "is not callable"),
    ],
)
def test_a_factory_that_cannot_be_had_is_an_error_that_names_everything(
    site: FakeSite, factory: str, helper: str, cause: str
):
    found = the_strategy(site, factory, helper)
    with pytest.raises(PluginError) as caught:
        found.create(None)
    text = str(caught.value)
    assert text.startswith(
        f"strategy `s` of plugin `acme` (acme 1.0) cannot be used: its factory `{factory}` "
    )
    assert cause.format(file=site.folder / "helper.py") in text


@pytest.mark.parametrize("target", ["helper:missing", "helper:number", "helper:Plain"])
def test_a_config_that_is_no_pydantic_model_is_an_error_that_names_it(site: FakeSite, target: str):
    found = the_strategy(site, "x:y", "number = 3\nclass Plain: pass\n", config=target)
    with pytest.raises(PluginError, match=f"its config model `{target}`"):
        found.config_model()


@pytest.mark.parametrize("error", [DataError("the user's"), ValueError("a defect")])
def test_what_a_factory_raises_itself_is_passed_on_unchanged(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    found = the_strategy(site, "helper:f", "def f(config):\n    raise config\n")
    with pytest.raises(type(error)) as caught:
        found.create(error)
    assert caught.value is error


def test_a_recipe_lies_in_its_package(site: FakeSite):
    site.distribution(
        "acme", {"acme.__init__": announcing("recipes", "r", factory="acme:sub/r.yaml")},
        entry_points={"acme": "acme"},
    )  # fmt: skip
    (site.folder / "acme" / "sub").mkdir()
    (site.folder / "acme" / "sub" / "r.yaml").write_text("seed: 1\n")
    assert Registry.discover().get("recipe", "r").file().read_text() == "seed: 1\n"


def test_a_recipe_of_a_local_file_lies_beside_it(site: FakeSite):
    source = announcing("recipes", "r", factory="@").replace("'@'", "f'{__name__}:r.yaml'")
    file = site.file("mine.py", source)
    (file.parent / "r.yaml").write_text("seed: 2\n")
    recipe = Registry.discover(local_files=[file]).get("recipe", "r")
    assert recipe.file().read_text() == "seed: 2\n"


@pytest.mark.parametrize("factory", ["acme:absent.yaml", "not_there:r.yaml"])
def test_a_recipe_that_is_not_there_is_an_error_that_names_it(site: FakeSite, factory: str):
    site.distribution("acme", {"acme": announcing("recipes", "r", factory=factory)})
    with pytest.raises(PluginError, match=f"recipe `r` of plugin .* its file `{factory}`"):
        Registry.discover().get("recipe", "r").file()


def test_observers_are_called_with_what_they_ask_for(site: FakeSite):
    source = f"""{HEADER}
seen = []
@hookimpl
def cliqa_run_start(run): seen.append(("start", run))
@hookimpl
def cliqa_task_end(step): seen.append(("task", step))
@hookimpl
def cliqa_run_end(run, metrics): seen.append(("end", metrics))
"""
    site.distribution("acme", {"watch": source})
    registry = Registry.discover()
    registry.hook.cliqa_run_start(run={"seed": 0})
    registry.hook.cliqa_task_end(step=1, summary={})
    registry.hook.cliqa_run_end(run={}, metrics={"mSRCC": 0.9})
    assert sys.modules["watch"].seen == [
        ("start", {"seed": 0}),
        ("task", 1),
        ("end", {"mSRCC": 0.9}),
    ]


def test_observers_of_a_broken_plugin_are_not_called(site: FakeSite):
    source = f"""{HEADER}
@hookimpl
def cliqa_run_start(run): raise AssertionError("called")
@hookimpl
def cliqa_gates(): return None
"""
    site.distribution("acme", {"acme": source})
    assert Registry.discover().hook.cliqa_run_start(run={}) == []
