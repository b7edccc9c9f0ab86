"""Writing what templates become: all files or none."""

from __future__ import annotations

import ast
import importlib.resources
import json
from collections import Counter
from string import Template
from typing import TYPE_CHECKING, Final

import cliqa
from cliqa.errors import ScaffoldError
from cliqa.registry import API
from cliqa.scaffold.names import Names, near_name
from cliqa.scaffold.ratings import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cliqa.registry import Registry
    from cliqa.scaffold.ratings import Ratings

__all__ = ["FILE_KINDS", "new_file", "new_plugin"]

#: What is written as one file -> the kind of component that is in it.
FILE_KINDS: Final = {
    "method": "strategy",
    "gate": "gate",
    "metric": "metric",
    "dataset": "dataset",
}


def new_file(
    what: str,
    path: Path,
    registry: Registry,
    *,
    data: Ratings | Layout | None = None,
    force: bool = False,
) -> tuple[Path, Path]:
    """Write a plugin of one file, and a configuration that runs it beside it.

    Args:
        what: a key of `FILE_KINDS`.
        path: the file, ending in `.py`; its name becomes the component's.
        registry: what names are taken.
        data: for a dataset, where its pictures are, and what is known of their scores.
        force: replace files that are there.

    Returns:
        The two files.

    Raises:
        ScaffoldError: the name cannot be used, or a file is in the way.
    """
    if path.suffix != ".py":
        raise ScaffoldError(
            f"{path}: expected a file name that ends in `.py`, such as {near_name(path.stem)}.py"
        )
    names = Names(path.stem)
    names.refuse_module(path)
    names.refuse_component(registry, FILE_KINDS[what])
    values = _values(names) | ({} if data is None else _of_data(data))
    if not path.parent.is_dir():
        raise ScaffoldError(f"{path}: there is no folder {path.parent}")
    config = path.with_suffix(".yaml")
    template = "layout" if isinstance(data, Layout) else what
    texts = {
        path: _filled(f"{template}.py", values),
        config: _filled(f"{template}.yaml", values),
    }
    _refuse_doubled(path, texts[path])
    _write(texts, force=force)
    return path, config


def new_plugin(folder: Path, registry: Registry, *, force: bool = False) -> list[Path]:
    """Write a distribution with one strategy, its tests, and a configuration that runs it.

    Args:
        folder: the folder to make; its name becomes the package's and the strategy's.
        registry: what names are taken.
        force: replace files that are there; others in the folder are left alone.

    Raises:
        ScaffoldError: the name cannot be used, or a file is in the way.
    """
    names = Names(folder.name.replace("-", "_"))
    package = folder / "src" / names.stem
    names.refuse_module(folder)
    names.refuse_component(registry, "strategy")
    if any(plugin.name == names.name for plugin in registry.plugins):
        raise ScaffoldError(f"there is a plugin `{names.name}` already; choose another name")
    places = {
        folder / "pyproject.toml": "pyproject.toml",
        folder / "README.md": "README.md",
        folder / "try.yaml": "try.yaml",
        package / "__init__.py": "init.py",
        package / "config.py": "config.py",
        package / "strategy.py": "strategy.py",
        folder / "tests" / f"test_{names.stem}.py": "test.py",
    }
    values = _values(names)
    texts = {path: _filled(f"plugin/{name}", values) for path, name in places.items()}
    _write(texts, force=force)
    return list(texts)


def _values(names: Names) -> dict[str, str]:
    return {
        "stem": names.stem,
        "file": f"{names.stem}.py",
        "name": names.name,
        "cls": names.cls,
        "title": names.title,
        "api": str(API),
        "requirement": _requirement(cliqa.__version__),
    }


def _requirement(version: str) -> str:
    """The versions whose plugin interface is this one's: before 1.0 those of one minor version.

    >>> _requirement("0.1.0"), _requirement("2.3.1")
    ('>=0.1,<0.2', '>=2.3,<3')
    """
    major, minor, *_ = (int(part) for part in version.split(".")[:2])
    return f">={major}.{minor},<{major + 1 if major else f'0.{minor + 1}'}"


def _of_data(data: Ratings | Layout) -> dict[str, str]:
    written = {"images": str(data.images)}
    if not isinstance(data, Layout):
        written |= {"scores": str(data.scores), "picture": data.picture, "rating": data.rating}
    # A JSON string is one of Python and of YAML as well.
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in written.items()}
    low, high = data.scale
    return quoted | {"low": f"{low:g}", "high": f"{high:g}"}


def _filled(template: str, values: Mapping[str, str]) -> str:
    source = importlib.resources.files("cliqa.scaffold") / "templates" / f"{template}.tmpl"
    return Template(source.read_text(encoding="utf-8")).substitute(values)


def _refuse_doubled(path: Path, source: str) -> None:
    """Raise `ScaffoldError` if the name is one that the file needs for something else."""
    bound: list[str] = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            bound.append(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            bound += [alias.asname or alias.name for alias in statement.names]
    name, times = Counter(bound).most_common(1)[0]
    if times > 1:
        raise ScaffoldError(
            f"{path}: the file needs `{name}` for something else; choose another name"
        )


def _write(texts: Mapping[Path, str], *, force: bool) -> None:
    there = [path for path in texts if path.exists()]
    if there and not force:
        raise ScaffoldError(
            f"{', '.join(map(str, there))}: already there; choose another name, or replace with "
            "--force"
        )
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ScaffoldError(f"{path}: cannot be written: {error.strerror or error}") from None
