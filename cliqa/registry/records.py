"""Where components come from: the plugins that loaded, and those that did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["OWN_DISTRIBUTION", "BrokenPlugin", "FaultyPluginError", "PluginRecord"]

#: The distribution whose plugins are cliqa's own: they are always loaded.
OWN_DISTRIBUTION: Final = "cliqa-bench"


class FaultyPluginError(Exception):
    """One plugin cannot be used; the text is the one-line cause of a `BrokenPlugin`.

    Never leaves the registry: discovery turns it into a record, so that one plugin cannot stop
    the others.
    """


@dataclass(frozen=True, kw_only=True)
class PluginRecord:
    """The owner of components: an entry point of an installed distribution, or one local file.

    Attributes:
        name: the entry point's name, or a local file's name without `.py`.
        distribution: the installed distribution; None for a local file.
        version: the distribution's version; None for a local file.
        module: the module that holds the hooks.
        file: the local file, absolute; None for an installed plugin.
        sha256: hash of the local file's bytes as they were run; None for an installed plugin.
        own: whether it is part of cliqa's own distribution.
    """

    name: str
    module: str
    distribution: str | None = None
    version: str | None = None
    file: Path | None = None
    sha256: str | None = None
    own: bool = False

    @property
    def origin(self) -> str:
        """`own`, `third party` or `local file`."""
        if self.file is not None:
            return "local file"
        return "own" if self.own else "third party"

    @property
    def source(self) -> str:
        """Distribution with version, or the local file's path."""
        return f"{self.distribution} {self.version}" if self.file is None else str(self.file)

    def __str__(self) -> str:
        return f"`{self.name}` ({self.source})"


@dataclass(frozen=True, kw_only=True)
class BrokenPlugin:
    """A plugin that could not be loaded.

    Attributes:
        name: the entry point's name, or a local file's name without `.py`.
        cause: one line that says what went wrong and where.
        distribution: the installed distribution; None for a local file or a name that nothing
            installed has.
        source: distribution with version, or the local file's path; empty when unknown.
    """

    name: str
    cause: str
    distribution: str | None = None
    source: str = ""

    def __str__(self) -> str:
        return f"`{self.name}`{f' ({self.source})' if self.source else ''}: {self.cause}"
