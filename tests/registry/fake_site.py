"""Distributions that exist for one test only: real `.dist-info` folders on `sys.path`."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HEADER = "from cliqa import Component, hookimpl\n"


def strategy(name: str, factory: str = "x:y", **fields: str) -> str:
    """The source of a plugin that announces one strategy."""
    return announcing("strategies", name, factory=factory, **fields)


def announcing(plural: str, name: str, **fields: str) -> str:
    """The source of a plugin that announces one component."""
    given = "".join(f", {field}={value!r}" for field, value in fields.items())
    return (
        f"{HEADER}@hookimpl\ndef cliqa_{plural}():\n    return [Component(name={name!r}{given})]\n"
    )


class FakeSite:
    """A folder of distributions that hides what is really installed of cliqa's own plugins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.distribution("cliqa-bench", {}, version="9.9")

    def distribution(
        self,
        name: str,
        modules: Mapping[str, str],
        *,
        version: str = "1.0",
        entry_points: Mapping[str, str] | None = None,
    ) -> None:
        """Install a distribution whose modules are all plugins, unless told otherwise."""
        for module, source in modules.items():
            path = self.folder / (f"{module.replace('.', '/')}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source), encoding="utf-8")
        points = {module: module for module in modules} if entry_points is None else entry_points
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        lines = [f"{point} = {value}" for point, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[cliqa]", *lines, ""]), encoding="utf-8")

    def own(self, modules: Mapping[str, str]) -> None:
        """Make these modules the plugins of cliqa's own distribution."""
        self.distribution("cliqa-bench", modules, version="9.9")

    def file(self, name: str, source: str) -> Path:
        """Write a file outside of every distribution."""
        path = self.folder / "elsewhere" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSite]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("CLIQA_PLUGINS", raising=False)
    before = set(sys.modules)
    yield FakeSite(folder)
    for module in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[module], "__file__", None) or ""):
            del sys.modules[module]
