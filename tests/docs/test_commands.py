"""Every `cliqa` command in the documentation is one that this cliqa would take.

Each is parsed by the real command line, option by option. Configurations that it names are read as
the command would read them, with all that its `--set` changes: a key that is gone, a component
that has another name, a value out of its bounds fails here. Commands that only look are run. What
takes minutes is run elsewhere: the quickstart by `.ci/run`, the tutorials and the README's method
by their own tests.
"""

from __future__ import annotations

import shlex
from contextlib import chdir
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pages import PAGES, ROOT, cliqa_commands, name_of, redirected

from cliqa.cli.main import cli
from cliqa.config import load_config
from cliqa.errors import CliqaError
from cliqa.registry import Registry

#: Commands that look at what every machine has, and take less than a second.
LOOK = {("list",), ("show",), ("data", "list"), ("plugins",), ("schema",), ("check", "--list")}
#: What readers bring along, as the pages describe it; no more than the commands have to find.
OWN_COMPONENTS = {"columns", "norm-only"}


def arguments(command: str) -> list[str]:
    """Without what belongs to the shell."""
    return redirected(shlex.split(command))[0]


ALL = [(name_of(page), command) for page in PAGES for command in cliqa_commands(page)]


def test_the_pages_have_commands():
    assert len(ALL) > 60
    assert len({page for page, _ in ALL}) > 15


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader would type: with a configuration and a grid of their own."""
    folder = tmp_path_factory.mktemp("reader")
    with chdir(folder):
        shown = CliRunner().invoke(cli, ["show", "recipe", "quickstart"])
        for name in ("my.yaml", "paper.yaml"):
            Path(name).write_text(shown.output)
        Path("orders.yaml").write_text("base: quickstart\ngrid:\n  seed: [0, 1]\n")
    return folder


def parsed(arguments: list[str]) -> list[tuple[click.Command, click.Context]]:
    """Each command of the chain with the context that its arguments give, nothing being run."""
    chain: list[tuple[click.Command, click.Context]] = []
    command: click.Command = cli
    name: str | None = "cliqa"
    parent: click.Context | None = None
    while True:
        context = command.make_context(name, list(arguments), parent=parent)
        chain.append((command, context))
        if not isinstance(command, click.Group):
            return chain
        rest = [*context._protected_args, *context.args]
        name, found, arguments = command.resolve_command(context, rest)
        assert found is not None
        command, parent = found, context


@pytest.fixture
def any_path(monkeypatch):
    """Folders that a page speaks of do not exist here."""
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: Path(value))


@pytest.mark.parametrize(("page", "command"), ALL, ids=[f"{p}: {c}"[:90] for p, c in ALL])
def test_a_command_has_only_arguments_that_there_are(page, command, folder, any_path):
    with chdir(folder):
        names = [context.info_name for _, context in parsed(arguments(command))]
    assert names[0] == "cliqa"


CONFIGURED = [(p, c) for p, c in ALL if c.split()[0] == "run"]


@pytest.mark.parametrize(("page", "command"), CONFIGURED, ids=[f"{p}: {c}" for p, c in CONFIGURED])
def test_a_configuration_that_a_command_runs_is_valid(page, command, folder, any_path):
    with chdir(folder):
        _, context = parsed(arguments(command))[-1]
        config, overrides = context.params["config"], context.params["overrides"]
        if not (Path(config).exists() or "." not in config):
            pytest.skip(f"{config} is written by the page itself")
        overrides = [o for o in overrides if not o.startswith("plugins=")]
        fault = fault_of(config, overrides)
    # A page may show a mistake; then it also shows the answer.
    told = not fault or fault.splitlines()[0] in (ROOT / page).read_text("utf-8")
    assert told or any(f"`{name}`" in fault for name in OWN_COMPONENTS), fault


def fault_of(config: str, overrides: list[str]) -> str:
    """What is wrong with a configuration; empty if nothing is."""
    try:
        load_config(
            config,
            overrides=overrides,
            registry_factory=lambda files: Registry.discover(third_party=False),
        )
    except CliqaError as error:
        return str(error)
    return ""


LOOKING = [(p, c) for p, c in ALL if any(tuple(c.split()[: len(k)]) == k for k in LOOK)]


@pytest.mark.parametrize(("page", "command"), LOOKING, ids=[f"{p}: {c}" for p, c in LOOKING])
def test_a_command_that_only_looks_prints_something(page, command, folder):
    with chdir(folder):
        done = CliRunner().invoke(cli, arguments(command))
    assert done.exit_code == 0, done.output
    assert done.output.strip()
