"""Plugins of one file, named in a configuration."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cliqa.errors import ConfigError
from cliqa.registry.discovery import Candidate
from cliqa.registry.records import PluginRecord

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["local_candidate"]

_PREFIX: Final = "cliqa_local"


def local_candidate(path: Path) -> Candidate:
    """Read a local plugin file; it is run when the candidate is loaded.

    Raises:
        ConfigError: there is no such file, or it is not a Python file.
    """
    file = Path(path).resolve()
    if file.suffix != ".py":
        raise ConfigError(f"local plugin {path}: expected the path of a `.py` file")
    try:
        source = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"local plugin {path}: cannot be read ({error.strerror or error}); looked at {file}. "
            "Paths under `plugins` are relative to the configuration that names them"
        ) from error
    record = PluginRecord(
        name=file.stem,
        module=_module_name(file, source),
        file=file,
        sha256=hashlib.sha256(source).hexdigest(),
    )
    return Candidate(record, partial(_load, record.module, file, source))


def _module_name(file: Path, source: bytes) -> str:
    """A name that no other file, and no other content of this file, has."""
    digest = hashlib.sha256(str(file).encode() + b"\0" + source).hexdigest()
    return f"{_PREFIX}_{re.sub(r'[^0-9a-zA-Z_]', '_', file.stem)}_{digest[:12]}"


class _Source(importlib.abc.SourceLoader):
    """Runs exactly the bytes that were hashed; a stale bytecode cache is never consulted."""

    def __init__(self, file: Path, source: bytes) -> None:
        self._file = file
        self._source = source

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 - signature of the base class
        return str(self._file)

    def get_data(self, path: str | bytes) -> bytes:  # noqa: ARG002 - signature of the base class
        return self._source


def _load(name: str, file: Path, source: bytes) -> ModuleType:
    if name in sys.modules:
        # The same content again: running it twice would make two unequal classes of each one.
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file, loader=_Source(file, source))
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Before it runs, as `import` does: dataclasses, pydantic and pickle look it up there.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
