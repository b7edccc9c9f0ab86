"""The names that follow from one: of the file, the component, the class."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from cliqa.errors import PluginError, ScaffoldError, UnknownComponentError

if TYPE_CHECKING:
    from cliqa.registry import Registry

__all__ = ["Names", "near_name"]

#: Longer ones would push lines of the templates beyond 100 columns.
_LONGEST: Final = 24
#: Names of files that other tools run wherever they find them.
_OTHERS: Final = frozenset({"conftest", "setup"})
_FORM: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def near_name(written: str) -> str:
    """The name that was perhaps meant.

    >>> near_name("My-Gate.v2"), near_name("..")
    ('my_gate_v2', 'nearest_mean')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", written).lower()
    stem = "_".join(re.findall(r"[a-z0-9]+", apart)).lstrip("0123456789_")[:_LONGEST].rstrip("_")
    return stem if _FORM.fullmatch(stem) else "nearest_mean"


@dataclass(frozen=True)
class Names:
    """What one name becomes.

    Attributes:
        stem: `nearest_mean`, of a module.
    """

    stem: str

    def __post_init__(self) -> None:
        """Refuse what is no name of a module, or would hide one.

        Raises:
            ScaffoldError: it cannot be used.
        """
        stem = self.stem
        if not _FORM.fullmatch(stem) or len(stem) > _LONGEST:
            raise ScaffoldError(
                f"`{stem}` cannot be a name: expected lower-case letters, digits and single "
                f"underscores between them, at most {_LONGEST}, such as `{near_name(stem)}`"
            )
        if stem in _OTHERS:
            raise ScaffoldError(f"`{stem}.py` is a file that pytest or pip runs; choose another")
        if keyword.iskeyword(stem) or hasattr(builtins, stem) or yaml.safe_load(stem) != stem:
            raise ScaffoldError(f"`{stem}` is a word of Python or YAML; choose another name")

    @property
    def name(self) -> str:
        """`nearest-mean`, of the component and of a distribution."""
        return self.stem.replace("_", "-")

    @property
    def cls(self) -> str:
        """`NearestMean`."""
        return "".join(part.capitalize() for part in self.stem.split("_"))

    @property
    def title(self) -> str:
        """`Nearest mean`."""
        return self.stem.replace("_", " ").capitalize()

    def refuse_module(self, place: Path) -> None:
        """Raise `ScaffoldError` if importing the stem would find something else than `place`."""
        spec = importlib.util.find_spec(self.stem)
        if spec is None:
            return
        # A folder without `__init__.py` has no origin, a module of the interpreter's is `built-in`.
        found = Path(next(iter(spec.submodule_search_locations or ()), None) or str(spec.origin))
        if not found.resolve().is_relative_to(place.resolve()):
            raise ScaffoldError(
                f"`{self.stem}` is the name of a module that is installed here ({found}); one "
                "would hide the other: choose another name"
            )

    def refuse_component(self, registry: Registry, kind: str) -> None:
        """Raise `ScaffoldError` if there is a component of that kind and name."""
        try:
            owner = f"plugin {registry.get(kind, self.name).owner}"
        except UnknownComponentError:
            return
        except PluginError:
            owner = "several plugins"
        raise ScaffoldError(
            f"there is a {kind} `{self.name}` already, of {owner}; choose another name"
        )
