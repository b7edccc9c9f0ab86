"""A configuration with every name looked up and every default filled in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.config.roles import ROLES
from cliqa.config.yaml_writer import write_yaml

if TYPE_CHECKING:
    from pydantic import BaseModel

    from cliqa.config.models import RunConfig
    from cliqa.registry import Registered, Registry

__all__ = ["Resolved", "ResolvedConfig"]

#: Where a result holds its divisions, as a configuration beside them writes it.
_SPLITS: Final = "./splits"


@dataclass(frozen=True)
class Resolved:
    """One component of a run.

    Attributes:
        kind: `backbone`, `strategy`, ...
        label: what it is called in tables and files (`as` in the configuration); safe as the name
            of a file, and unlike every label beside it.
        registered: the registry's record, which creates it.
        config: its validated settings; None if it has none.
    """

    kind: str
    label: str
    registered: Registered
    config: BaseModel | None

    @property
    def name(self) -> str:
        """Its name as the configuration writes it; of a family, the member's name."""
        return self.registered.name

    def create(self) -> Any:
        """Make the component from its settings."""
        return self.registered.create(self.config)

    def dump(self) -> dict[str, Any]:
        """The reference in full: name, label where it is not the name, and every setting."""
        label = {} if self.label == self.name else {"as": self.label}
        settings = {} if self.config is None else self.config.model_dump(mode="json", by_alias=True)
        return {"name": self.name, **label, **{k: v for k, v in settings.items() if k != "name"}}


@dataclass(frozen=True, eq=False)
class ResolvedConfig:
    """A run that can start. Two are equal if they describe the same run, wherever read from.

    Attributes:
        run: everything that is not a component.
        source_name: the recipe's name, or the stem of the file.
        registry: the registry that the components came from.
        plugin_files: the local plugin files of the run, in the order of `run.plugins`.
        folder: what relative paths in `run` begin at.
        backbone: the network.
        objective: head type and learning target.
        strategy: the method.
        compare: methods trained beside it.
        gates: ways to weight the heads.
        metrics: summaries.
        trackers: where what happens is shown and kept; no result depends on them.
        tasks: the datasets in Order I.
        evaluate_only: the datasets that are only tested on.
    """

    run: RunConfig
    source_name: str
    registry: Registry
    plugin_files: tuple[Path, ...]
    folder: Path
    backbone: Resolved
    objective: Resolved
    strategy: Resolved
    compare: tuple[Resolved, ...]
    gates: tuple[Resolved, ...]
    metrics: tuple[Resolved, ...]
    trackers: tuple[Resolved, ...]
    tasks: tuple[Resolved, ...]
    evaluate_only: tuple[Resolved, ...]

    def __eq__(self, other: object) -> bool:
        return self.dump() == other.dump() if isinstance(other, ResolvedConfig) else NotImplemented

    def dump(self) -> dict[str, Any]:
        """The configuration with all defaults, as plain JSON values that load back to its equal.

        `cache`, `resume`, `store`, `trackers` and `train.workers` are left out: they say how this
        machine works, and no result depends on them.

        Paths of local plugins stay as written, relative to the configuration: an absolute path
        would tie a published result to one machine. A copy of the dump therefore needs the plugin
        file beside it (`plugin_files` says what to copy), or `--set plugins=[...]`.
        """
        beside: Any = dict.fromkeys(("cache", "resume", "store", "trackers"), True)
        beside["train"] = {"workers"}
        data = self.run.model_dump(mode="json", exclude=beside)
        for role in ROLES:
            if not role.in_result:
                continue
            holder: Any = data
            for key in role.path[:-1]:
                holder = holder[key]
            held = getattr(self, role.key)
            holder[role.key] = [r.dump() for r in held] if role.many else held.dump()
        return data

    def published(self) -> dict[str, Any]:
        """`dump()` as it is kept with a result.

        A division of one's own is the one that lies in the result (`splits/`): that is the same
        division, and says nothing of where its files were.
        """
        data = self.dump()
        split = data["stream"]["split"]
        if isinstance(split["files"], str):
            split["files"] = _SPLITS
        elif split["files"]:
            split["files"] = {task: f"{_SPLITS}/{task}.json" for task in split["files"]}
        return data

    def split_path(self, task: str) -> tuple[Path, bool] | None:
        """Where a task's own division is, and whether that path is for it alone; None: drawn."""
        files = self.run.stream.split.files
        if isinstance(files, dict):
            return (self._path(files[task]), True) if task in files else None
        return None if files is None else (self._path(files), False)

    def _path(self, written: str) -> Path:
        return self.folder / Path(written).expanduser()

    def dump_yaml(self) -> str:
        """`dump()` as the text of a configuration file."""
        return write_yaml(self.dump())

    def published_yaml(self) -> str:
        """`published()` as the text of a configuration file."""
        return write_yaml(self.published())
