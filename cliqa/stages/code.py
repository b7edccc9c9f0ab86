"""Which code a component is: its version, and a digest of the sources that run.

A version alone would not do: whoever works on a method in a checkout changes it many times under
one version, and must never be given a stage that the code of an hour ago has trained.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cliqa.registry import PluginRecord

__all__ = ["core_code", "plugin_code"]

#: Rooms of the core that take part in training; a change anywhere else trains nothing again.
_ROOMS: Final = (
    "data",
    "metrics",
    "model",
    "resume",
    "run",
    "seeds.py",
    "stages",
    "training",
)


def plugin_code(plugin: PluginRecord) -> dict[str, Any]:
    """What tells one state of a plugin from another: plain JSON values, no path of this machine.

    Args:
        plugin: of a local file the digest of its bytes counts, of an installed one distribution,
            version and the digest of its package's sources.
    """
    if plugin.sha256 is not None:
        return {"sha256": plugin.sha256}
    return {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "sources": _package(plugin.module.partition(".")[0]),
    }


@cache
def core_code() -> str:
    """SHA-256 of the core's sources that take part in training."""
    root = Path(__file__).parents[1]
    return _digest(root, [path for room in _ROOMS for path in _sources(root / room)])


@cache
def _package(name: str) -> str | None:
    """SHA-256 of a package's or module's sources; None where there are none to be read."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    package = spec.submodule_search_locations is not None
    root = origin.parent
    return _digest(root, _sources(root) if package else [origin])


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _digest(root: Path, files: list[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        try:
            content = path.read_bytes()
        except OSError:  # a plugin that was loaded from an archive
            continue
        total.update(f"{path.relative_to(root).as_posix()}\x1f{len(content)}\x1f".encode())
        total.update(content)
    return total.hexdigest()
