"""The commands `plugins`, `list` and `show`, and what all commands share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from fake_site import HEADER, FakeSite, announcing, strategy

import cliqa
from cliqa.cli import cli
from cliqa.cli.lazy import LazyGroup
from cliqa.errors import DataError
from cliqa.registry import KINDS

ROOT = Path(cliqa.__file__).parents[1]
HEAVY = ("torch", "timm", "datasets", "pyarrow")


def cliqa_(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, list(arguments), prog_name="cliqa")


def process(site: FakeSite | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    # The fake site first: it hides the cliqa-bench that is installed, perhaps beside cliqa.
    folders = [*([str(site.folder)] if site else []), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False
    )


@pytest.fixture
def shop(site: FakeSite) -> FakeSite:
    """Own and third-party plugins, one broken, one clash, one family, one recipe."""
    site.own(
        {
            "own_s": strategy("same", summary="the first"),
            "own_b": announcing("backbones", "tiny", factory="heavy:build", config="settings:Tiny",
                                summary="a small one", reference="https://example.org/tiny"),
        }
    )  # fmt: skip
    site.distribution(
        "acme",
        {
            "acme": strategy("same", summary="the second"),
            "zoo": announcing("backbones", "zoo", factory="heavy:build", members="beasts:names",
                              config="settings:Beast", summary="any beast"),
            "recipes": announcing("recipes", "small", factory="recipes:small.yaml"),
            "bad": "raise ValueError('why')",
        },
        version="2.0",
    )  # fmt: skip
    (site.folder / "small.yaml").write_text("# kept as written\nseed:   3\n")
    (site.folder / "heavy.py").write_text("import torch\ndef build(config): return config\n")
    (site.folder / "beasts.py").write_text("def names(): return ['Lion', 'lynx']\n")
    (site.folder / "settings.py").write_text(SETTINGS)
    return site


SETTINGS = """
from typing import Annotated, Literal
from pydantic import Field
from cliqa.config import ComponentConfig

class Inner(ComponentConfig):
    depth: int = Field(default=2, ge=1, description="how deep")

class Tiny(ComponentConfig):
    width: int | None = Field(default=8, ge=1, lt=65, description="channels [of the stem]")
    mode: Literal["a", "b"] = Field(description="which")
    rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.1,), max_length=3)
    inner: Inner = Inner()
    made: list[int] = Field(default_factory=list)

class Beast(ComponentConfig):
    name: str = Field(description="filled in")
    wild: bool = Field(default=True, description="whether it is")
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "import cliqa, cliqa.cli"),
        ("-m", "cliqa", "--help"),
        ("-m", "cliqa", "plugins"),
        ("-m", "cliqa", "plugins", "--check"),
        ("-m", "cliqa", "list", "strategies"),
        ("-m", "cliqa", "list", "backbones", "tin*"),
        ("-m", "cliqa", "show", "backbone", "tiny"),
    ],
    ids=" ".join,
)
def test_looking_around_imports_no_heavy_library(shop: FakeSite, arguments: tuple[str, ...]):
    done = process(shop, "-X", "importtime", *arguments)
    assert "Traceback" not in done.stderr
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "cliqa" in imported
    assert imported.isdisjoint({*HEAVY, "heavy"})


def test_own_plugins_are_listed_without_any_heavy_library():
    done = process(None, "-X", "importtime", "-m", "cliqa", "--no-plugins", "plugins")
    assert done.returncode == 0
    assert not [
        line
        for line in done.stderr.splitlines()
        if line.rpartition("|")[2].strip().partition(".")[0] in HEAVY
    ]


def test_help_imports_neither_pydantic_nor_rich():
    done = process(None, "-X", "importtime", "-m", "cliqa", "--help")
    assert done.returncode == 0
    assert "pydantic" not in done.stderr
    assert "| rich" not in done.stderr


def test_help_and_version_need_no_plugin(shop: FakeSite):
    assert "Train and evaluate a configuration" in cliqa_("--help").output
    assert cliqa_("--version").output == f"cliqa, version {cliqa.__version__}\n"
    assert cliqa_("--help").stderr == ""


def test_an_unknown_command_gets_a_suggestion():
    result = cliqa_("plugin")
    assert result.exit_code == 2
    assert "No such command 'plugin'. Did you mean `plugins`?" in result.stderr


def group_that_raises(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Result:
    @click.command
    def fail() -> None:
        raise error

    monkeypatch.setattr(click, "failing", fail, raising=False)
    group = LazyGroup(name="cliqa", lazy={"fail": ("click:failing", "")})
    return CliRunner().invoke(group, ["fail"])


def test_a_users_mistake_is_printed_without_a_traceback(monkeypatch: pytest.MonkeyPatch):
    result = group_that_raises(DataError("no such set"), monkeypatch)
    assert (result.exit_code, result.stderr, result.stdout) == (2, "error: no such set\n", "")


def test_an_interruption_exits_as_the_shell_expects(monkeypatch: pytest.MonkeyPatch):
    result = group_that_raises(KeyboardInterrupt(), monkeypatch)
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    result = group_that_raises(ZeroDivisionError("defect"), monkeypatch)
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_broken_plugin_is_one_line_on_stderr_and_stops_no_command(shop: FakeSite):
    result = cliqa_("list", "backbones")
    assert result.exit_code == 0
    place = f"{shop.folder / 'bad.py'}:1"
    assert result.stderr == f"warning: plugin `bad` (acme 2.0): ValueError: why ({place})\n"
    assert "tiny" in result.stdout


def test_plugins_are_shown_with_source_origin_and_offers(shop: FakeSite):
    result = cliqa_("plugins")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "own_b cliqa-bench 9.9 own backbones: tiny" in lines
    assert "acme acme 2.0 third party strategies: same (clash)" in lines
    assert "zoo acme 2.0 third party backbones: zoo" in lines
    assert f"`bad` (acme 2.0): ValueError: why ({shop.folder / 'bad.py'}:1)" in lines
    clash = "strategy `same` is announced by `own_s` (cliqa-bench 9.9) and `acme` (acme 2.0)"
    assert clash in lines


def test_no_plugins_leaves_third_parties_out_and_says_so(shop: FakeSite):
    result = cliqa_("--no-plugins", "plugins")
    assert "third party" not in result.stdout
    assert "clash" not in result.stdout
    assert "not loaded, as asked:\n  `acme` (acme 2.0)\n" in result.stdout


def test_strict_plugins_refuses_to_go_on(shop: FakeSite):
    result = cliqa_("--strict-plugins", "list", "backbones")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: plugins are at fault (strict mode):\n  plugin `bad`")
    assert result.stdout == ""


def test_without_any_plugin_the_table_says_what_may_be_missing(site: FakeSite):
    assert "is the distribution cliqa-bench installed?" in cliqa_("plugins").stdout


def test_check_passes_when_all_is_well(site: FakeSite):
    site.distribution("acme", {"acme": strategy("s", "heavy:build")})
    (site.folder / "heavy.py").write_text("raise SystemExit('imported')\ndef build(config): ...\n")
    result = cliqa_("plugins", "--check")
    assert result.exit_code == 0
    assert result.stdout.endswith("\nno faults found\n")


def test_check_fails_for_a_broken_plugin_and_for_a_clash(site: FakeSite):
    (site.folder / "x.py").write_text("y = 1")
    site.distribution("acme", {"p1": strategy("same"), "p2": strategy("same")})
    assert cliqa_("plugins", "--check").exit_code == 1
    site.distribution("acme", {"bad": "1 / 0"})
    assert cliqa_("plugins", "--check").exit_code == 1
    assert cliqa_("plugins").exit_code == 0


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (strategy("s", "nowhere:f"), "its factory `nowhere:f` cannot be found: there is no module"),
        (strategy("s", "helper:typo"), "cannot be found: `helper` defines no `typo`"),
        (strategy("s", "helper.sub:f"), "there is no module `helper.sub`"),
        (strategy("s", "json:typo"), "`json` defines no `typo`"),
        (strategy("s", "helper:f", config="helper:f"), "its config model `helper:f` is"),
        (strategy("s", "helper:f", config="gone:C"), "its config model `gone:C` cannot be"),
        (strategy("s", "helper:f", members="helper:nope"), "its members `helper:nope` cannot"),
        (announcing("recipes", "r", factory="helper:r.yaml"), "its file `helper:r.yaml` does not"),
    ],
)
def test_check_names_what_a_component_lacks(site: FakeSite, source: str, fault: str):
    (site.folder / "helper.py").write_text("def f(config): ...\n")
    site.distribution("acme", {"acme": source})
    result = cliqa_("plugins", "--check")
    assert result.exit_code == 1
    assert fault in result.stdout


@pytest.mark.parametrize(
    "helper",
    [
        "f = dict",
        "a, f = 1, 2",
        "f: object = dict",
        "from json import loads as f",
        "try:\n    import no\nexcept ImportError:\n    f = 1",
        "if True:\n    class f: ...",
        "def __getattr__(name): ...",
        "from json import *",
    ],
)
def test_check_accepts_every_way_to_define_a_factory(site: FakeSite, helper: str):
    (site.folder / "helper.py").write_text(f"{helper}\n")
    site.distribution("acme", {"acme": strategy("s", "helper:f")})
    result = cliqa_("plugins", "--check")
    assert result.exit_code == 0, result.stdout


def test_a_local_file_can_be_looked_at(site: FakeSite):
    file = site.file("mine.py", strategy("local-one", "x:y", summary="of my own"))
    assert (
        f"{file}  local file  strategies: local-one"
        in cliqa_("plugins", "--local", str(file)).stdout
    )
    assert "of my own" in cliqa_("show", "strategy", "local-one", "--local", str(file)).stdout
    assert "local-one" in cliqa_("list", "strategies", "--local", str(file)).stdout
    missing = cliqa_("plugins", "--local", "absent.py")
    assert missing.exit_code == 2
    assert missing.stderr.startswith("error: local plugin absent.py: ")


@pytest.mark.parametrize("spelling", ["backbone", "backbones", "Backbones"])
def test_a_kind_may_be_singular_or_plural(shop: FakeSite, spelling: str):
    assert "a small one" in cliqa_("list", spelling).stdout


def test_an_unknown_kind_gets_a_suggestion():
    result = cliqa_("list", "strategys")
    assert result.exit_code == 2
    assert "no kind of component `strategys`. Did you mean `strategy`" in result.stderr


def test_an_unknown_kind_far_from_all_names_all():
    assert ", ".join(KINDS) in " ".join(cliqa_("list", "xyz").stderr.split())


def test_a_list_has_summaries_and_owners_and_tells_how_to_see_a_familys_members(shop: FakeSite):
    lines = [" ".join(line.split()) for line in cliqa_("list", "backbones").stdout.splitlines()]
    assert lines == [
        "name summary plugin",
        "tiny a small one own_b (cliqa-bench 9.9)",
        "zoo any beast; try `cliqa list backbones '*'` zoo (acme 2.0)",
    ]
    assert "beasts" not in sys.modules


def test_a_list_marks_clashes(shop: FakeSite):
    lines = cliqa_("list", "strategies").stdout.splitlines()
    assert [line.split()[:5] for line in lines[1:]] == [
        ["same", "CLASH,", "cannot", "be", "used:"]
    ] * 2


def test_a_pattern_with_wildcards_searches_families(shop: FakeSite):
    lines = cliqa_("list", "backbones", "L*").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["Lion", "lynx"]


def test_a_family_that_cannot_be_listed_hides_no_other_match(shop: FakeSite):
    (shop.folder / "beasts.py").write_text("import not_installed")
    result = cliqa_("list", "backbones", "*")
    assert result.exit_code == 0
    assert "No module named 'not_installed'" in result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["tiny", "zoo"]


def test_a_pattern_without_wildcards_is_part_of_a_name_and_searches_no_family(shop: FakeSite):
    result = cliqa_("list", "backbones", "IN")
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["tiny"]
    assert "beasts" not in sys.modules


def test_a_pattern_that_matches_nothing_exits_with_one_and_says_where_else_to_look(shop: FakeSite):
    result = cliqa_("list", "backbones", "lion")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "`cliqa list backbones '*lion*'` searches families too" in result.stderr


def test_a_list_of_a_kind_that_nobody_offers_says_so(site: FakeSite):
    result = cliqa_("list", "gates")
    assert result.exit_code == 1
    assert result.stderr == "no plugin offers gates; `cliqa plugins` prints what is loaded\n"


def test_a_list_can_be_read_by_scripts(shop: FakeSite):
    (tiny, zoo) = json.loads(cliqa_("list", "backbones", "--json").stdout)
    assert tiny == {
        "name": "tiny",
        "kind": "backbone",
        "summary": "a small one",
        "reference": "https://example.org/tiny",
        "family": None,
        "clash": False,
        "plugin": "own_b",
        "source": "cliqa-bench 9.9",
    }
    assert zoo["family"] == "zoo"
    assert json.loads(cliqa_("list", "backbones", "nothing", "--json").stdout) == []


def test_what_is_piped_is_never_cut(site: FakeSite):
    name, summary = "n" * 150, "word " * 60
    site.distribution("acme", {"acme": strategy(name, summary=summary.strip())})
    done = process(site, "-m", "cliqa", "list", "strategies")
    assert f"{name}  {summary.strip()}  acme (acme 1.0)" in done.stdout.splitlines()


def test_show_has_the_settings_with_type_default_bounds_and_description(shop: FakeSite):
    result = cliqa_("show", "backbone", "tiny")
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        "backbone `tiny`, of plugin `own_b` (cliqa-bench 9.9)",
        "a small one",
        "reference: https://example.org/tiny",
    ]
    rows = [" ".join(line.split()) for line in lines[5:]]
    assert rows == [
        "name type default bounds description",
        "width int | null 8 >= 1, < 65 channels [of the stem]",
        'mode "a" | "b" required which',
        "rates tuple[float, ...] [0.1] items <= 3",
        "inner Inner as below",
        "inner.depth int 2 >= 1 how deep",
        "made list[int] computed",
    ]


def test_show_of_a_familys_member_leaves_the_name_out_of_the_settings(shop: FakeSite):
    result = cliqa_("show", "backbone", "lynx")
    assert "member of the family `zoo`" in result.stdout
    assert "wild" in result.stdout
    assert "filled in" not in result.stdout


def test_show_of_a_family_says_how_to_name_a_member(shop: FakeSite):
    result = cliqa_("show", "backbone", "zoo")
    assert "a family: write a member's name; `cliqa list backbones '*'`" in result.stdout
    assert "wild" in result.stdout


def test_show_of_a_component_without_settings_says_so(site: FakeSite):
    site.distribution("acme", {"acme": strategy("s")})
    assert cliqa_("show", "strategy", "s").stdout.endswith("\nno settings\n")


def test_show_of_a_recipe_is_its_text_and_nothing_else(shop: FakeSite):
    assert cliqa_("show", "recipe", "small").stdout == "# kept as written\nseed:   3\n"


def test_show_of_an_unknown_name_is_an_error_with_suggestions(shop: FakeSite):
    result = cliqa_("show", "backbone", "tinny")
    assert result.exit_code == 2
    assert "error: unknown backbone `tinny`. Did you mean `tiny`?" in result.stderr
    assert "a component of your own file is shown with `--local FILE.py`" in result.stderr


def test_show_names_the_file_that_may_hold_an_unknown_component(shop: FakeSite, monkeypatch):
    file = shop.file("local_one.py", strategy("local-one", "x:y", summary="of my own"))
    monkeypatch.chdir(file.parent)
    result = cliqa_("show", "strategy", "local-one")
    assert result.exit_code == 2
    assert "is shown with `--local local_one.py`" in result.stderr
    assert cliqa_("show", "strategy", "local-one", "--local", "local_one.py").exit_code == 0
    given = cliqa_("show", "strategy", "nothing", "--local", "local_one.py")
    assert "--local" not in given.stderr


def test_show_of_a_name_of_another_kind_names_that_kind(shop: FakeSite):
    result = cliqa_("show", "strategy", "tiny")
    assert result.exit_code == 2
    assert "there is a backbone `tiny`: `cliqa show backbone tiny`" in result.stderr


def test_show_of_a_clash_is_an_error_that_names_both_owners(shop: FakeSite):
    result = cliqa_("show", "strategy", "same")
    assert result.exit_code == 2
    assert "`own_s` (cliqa-bench 9.9) and `acme` (acme 2.0)" in result.stderr


def test_show_survives_a_type_that_json_schema_does_not_know(site: FakeSite):
    source = f"""{HEADER}
from collections.abc import Callable
from cliqa.config import ComponentConfig
class Config(ComponentConfig):
    transform: Callable[[int], int] | None = None
    n: int = 1
@hookimpl
def cliqa_gates():
    return [Component(name="g", factory="x:y", config=Config)]
"""
    site.distribution("acme", {"acme": source})
    result = cliqa_("show", "gate", "g")
    assert result.exit_code == 0, result.output
    assert "transform" in result.stdout


def test_a_listing_without_a_kind_names_the_kinds(site: FakeSite):
    result = cliqa_("list")
    assert result.exit_code == 2
    assert "name a kind of component: backbone, strategy, " in result.stderr


def test_the_whole_of_what_is_no_recipe_is_refused(shop: FakeSite):
    result = cliqa_("show", "backbone", "tiny", "--full")
    assert result.exit_code == 2
    assert "--full is for recipes" in result.stderr
