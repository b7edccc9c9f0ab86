"""Every room knows its neighbours: who may import whom, and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").glob("cliqa_*"))
CORE_FILES = sorted((ROOT / "cliqa").rglob("*.py"))
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))


def imports(path: Path) -> list[tuple[str, str | None]]:
    """(module, name) of every import in a file; name is None for `import module`."""
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("path", CORE_FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_core_imports_no_plugin(path):
    for module, _ in imports(path):
        assert module.split(".")[0] not in PLUGINS


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_plugin_imports_only_public_names_of_cliqa_and_no_other_plugin(path):
    own = path.relative_to(ROOT / "plugins").parts[0]
    for module, name in imports(path):
        first, *rest = module.split(".")
        if first == "cliqa":
            assert len(rest) <= 1, f"{module} is a private module"
            rooms = [p.stem for p in (ROOT / "cliqa").iterdir()] if module == "cliqa" else []
            public = [*import_module(module).__all__, *rooms]
            assert name in public, f"{module}.{name} is not public"
        elif first.startswith("cliqa_"):
            assert first == own, f"{own} imports the plugin {first}"


def test_every_plugin_package_is_shipped_and_registered():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    registered = project["project"]["entry-points"]["cliqa"].values()
    assert sorted(shipped) == sorted(["cliqa", *(f"plugins/{name}" for name in PLUGINS)])
    assert sorted(registered) == PLUGINS


@pytest.mark.parametrize("plugin", PLUGINS)
def test_importing_a_plugin_loads_nothing_heavy(plugin):
    code = (
        f"import sys, {plugin}; "
        "print([m for m in ('torch', 'timm', 'datasets', 'numpy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_file_reaches_beyond_400_lines():
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in [*CORE_FILES, *PLUGIN_FILES]
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long
