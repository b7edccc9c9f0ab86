"""The places of a run's configuration where a component is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cliqa.config.faults import KeyPath

__all__ = ["LABEL_PATTERN", "ROLES", "Role", "as_mapping", "is_reference"]

#: What a label may be: labels name columns, files and folders on every system.
LABEL_PATTERN: Final = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}"


@dataclass(frozen=True)
class Role:
    """A key of the configuration that names one or several components.

    Attributes:
        path: where it stands.
        kind: the components' kind.
        many: whether it is a list.
        group: roles of one group stand side by side in tables, so their labels must differ.
        in_result: whether what is named there is part of the result's configuration.
    """

    path: KeyPath
    kind: str
    many: bool
    group: str
    in_result: bool = True

    @property
    def key(self) -> str:
        """The role's own name: the last key of its path."""
        return str(self.path[-1])


ROLES: Final = (
    Role(("backbone",), "backbone", many=False, group="backbone"),
    Role(("objective",), "objective", many=False, group="objective"),
    Role(("strategy",), "strategy", many=False, group="strategies"),
    Role(("compare",), "strategy", many=True, group="strategies"),
    Role(("gates",), "gate", many=True, group="gates"),
    Role(("metrics",), "metric", many=True, group="metrics"),
    Role(("trackers",), "tracker", many=True, group="trackers", in_result=False),
    Role(("stream", "tasks"), "dataset", many=True, group="test sets"),
    Role(("stream", "evaluate_only"), "dataset", many=True, group="test sets"),
)

_BY_PATH: Final = {role.path: role for role in ROLES}


def is_reference(path: KeyPath) -> bool:
    """Whether a component is named at `path`, as plain text or as a mapping with `name`."""
    if path and isinstance(path[-1], int):
        role = _BY_PATH.get(path[:-1])
        return role is not None and role.many
    role = _BY_PATH.get(path)
    return role is not None and not role.many


def as_mapping(reference: Any) -> Any:
    """The long form of a reference: `kmeans` -> `{"name": "kmeans"}`."""
    return {"name": reference} if isinstance(reference, str) else reference
