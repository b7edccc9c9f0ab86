"""Finding the bundles that a user names, and reading from each what the report needs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cliqa.errors import ResultError
from cliqa.results import (
    Bundle,
    FolderState,
    check_sums,
    folder_state,
    load_bundle,
    stage_names,
)
from cliqa.sweep import missing_runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from cliqa.sweep import MissingRun

#: Folder of the methods that were trained beside a run.
_COMPARE = "compare"
#: What `run.json` must hold for a report, with the type of each.
_NEEDED: dict[str, type] = {
    "method": str,
    "strategy": dict,
    "order": str,
    "tasks": list,
    "evaluate_only": list,
    "stages": list,
    "gates": dict,
    "seed": int,
    "data": dict,
    "config": dict,
}
#: Parts of a configuration that do not change what a method is.
_NO_SETTING = frozenset(
    {
        "compare",
        "description",
        "device",
        "evaluate",  # see `policy`
        "gates",
        "metrics",
        "plugins",
        "seed",
        "strategy",
        "stream",
        "threads",
    }
)


@dataclass(frozen=True)
class Run:
    """One finished bundle: one method, trained once.

    Attributes:
        shown: how the user would find its folder.
        bundle: its files.
    """

    shown: str
    bundle: Bundle

    @cached_property
    def record(self) -> dict[str, Any]:
        """`run.json`."""
        return self.bundle.run

    @property
    def method(self) -> str:
        """Its label in tables."""
        return str(self.record["method"])

    @property
    def seed(self) -> int:
        """The root of its random numbers."""
        return int(self.record["seed"])

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of its tasks, as learned."""
        return tuple(self.record["tasks"])

    @property
    def sources(self) -> tuple[tuple[str, str | None], ...]:
        """Dataset component of each task, as learned, and the distortion if it is one type.

        An empty name where the dataset is unknown.
        """
        stream = self.record["config"].get("stream", {})
        entries = [{"name": e} if isinstance(e, str) else e for e in stream.get("tasks", [])]
        names = {entry.get("as", entry["name"]): str(entry["name"]) for entry in entries}
        if stream.get("per", "dataset") == "dataset":
            return tuple((names.get(task, ""), None) for task in self.tasks)
        if len(names) == 1:
            return tuple((next(iter(names.values())), task) for task in self.tasks)
        parted = [(label, t) for t in self.tasks for label in names if t.startswith(f"{label}.")]
        return tuple((names[label], task.removeprefix(f"{label}.")) for label, task in parted)

    @property
    def evaluate_only(self) -> tuple[str, ...]:
        """Names of sets that it was only tested on."""
        return tuple(self.record["evaluate_only"])

    @property
    def learned_at(self) -> tuple[int, ...]:
        """For each task the stage, from 0, in which it arrived."""
        return tuple(self.record.get("learned_at") or range(len(self.tasks)))

    @property
    def stage_sizes(self) -> tuple[int, ...]:
        """How many tasks arrived in each stage."""
        return tuple(Counter(self.learned_at).values())

    @property
    def stage_names(self) -> list[str]:
        """What each stage learned."""
        return stage_names({"tasks": self.tasks, "learned_at": self.learned_at})

    @property
    def joint(self) -> bool:
        """Whether it was given tasks again that had arrived earlier, or all at once."""
        arrived = dict(zip(self.tasks, self.learned_at, strict=True))
        return any(len({arrived[t] for t in s["tasks"]}) > 1 for s in self.record["stages"])

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What makes the method what it is: its strategy, backbone, objective and training."""
        config = {k: v for k, v in self.record["config"].items() if k not in _NO_SETTING}
        return {"strategy": self.record["strategy"], **config}

    def gate_settings(self, gate: str) -> dict[str, Any]:
        """The gate's entry in the configuration; a single head has only the gate `newest`."""
        for entry in self.record["config"].get("gates", []):
            entry = {"name": entry} if isinstance(entry, str) else entry
            if entry.get("as", entry.get("name")) == gate:
                return {key: value for key, value in entry.items() if key != "as"}
        return {"name": gate}

    @cached_property
    def policy(self) -> str:
        """How test images are looked at, in words; how many at a time changes nothing."""
        views = self.record["config"].get("evaluate", {})
        resize, scoring = self.record.get("resize"), self.record.get("scoring")
        size = resize.get("test") if isinstance(resize, dict) else views.get("shrink")
        parts = [f"size {size or 'as trained'}"]
        if views.get("crop") is not None:
            parts.append(f"square of {views['crop']} pixels in the middle")
        if isinstance(scoring, dict) and scoring.get("precision", "float32") != "float32":
            parts.append(str(scoring["precision"]))
        return ", ".join(parts)

    @cached_property
    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        """(task, hash of its data), by name."""
        data = self.record["data"]
        return tuple(sorted((task, str(data[task]["fingerprint"])) for task in self.tasks))

    @cached_property
    def split_rule(self) -> str:
        """How images were divided, in words."""
        split = self.record["config"].get("stream", {}).get("split", {})
        text = f"{split.get('protocol', 'unknown')} by {split.get('by', 'unknown')}"
        seed = split.get("seed")
        return f"{text}, drawn anew for each seed" if seed is None else f"{text}, split seed {seed}"

    @cached_property
    def split_seed(self) -> int:
        """The number that the division was drawn from."""
        seed = self.record["config"].get("stream", {}).get("split", {}).get("seed")
        return self.seed if seed is None else int(seed)

    @cached_property
    def split_digest(self) -> str:
        """Hash of which image is in which part."""
        parts = {task: self.bundle.split(task) for task in sorted(self.tasks)}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @cached_property
    def head_tasks(self) -> list[list[str]]:
        """The tasks that each head has learned."""
        heads = self.record.get("parameters", {}).get("heads", [])
        return [list(head["tasks"]) for head in heads] or [list(self.tasks)]


@dataclass(frozen=True)
class Found:
    """What a user's folders hold.

    Attributes:
        runs: finished runs, sorted by folder.
        unfinished: folders of runs that have not finished, as shown to the user.
        missing: runs of sweeps that have no result, those that failed among them; not in
            `unfinished`.
    """

    runs: tuple[Run, ...]
    unfinished: tuple[str, ...]
    missing: tuple[MissingRun, ...] = ()


def find_runs(folders: Sequence[Path]) -> Found:
    """Open every run that `folders` name or hold, with the methods trained beside each.

    Args:
        folders: bundles, or folders with bundles somewhere below.

    Raises:
        ResultError: a folder holds no finished run, or a bundle is unfinished or damaged.
    """
    runs: dict[Path, Run] = {}
    unfinished: list[str] = []
    missing: dict[Path, MissingRun] = {}
    for folder in folders:
        found, open_ones = search_runs(folder)
        lacking = {run.folder: run for run in missing_runs(folder)}
        if not found:
            raise ResultError(_nothing_in(folder, open_ones, lacking.values()))
        runs |= {path.resolve(): open_run(path) for path in found if path.resolve() not in runs}
        unfinished += [str(path) for path in open_ones if path not in lacking]
        missing |= {path.resolve(): run for path, run in lacking.items()}
    return Found(tuple(runs.values()), tuple(dict.fromkeys(unfinished)), tuple(missing.values()))


def search_runs(folder: Path) -> tuple[list[Path], list[Path]]:
    """Finished and unfinished bundles in or below a folder; links are not followed."""
    state = folder_state(folder)
    if state is FolderState.FINISHED:
        return [folder, *_beside(folder)], []
    if state is not FolderState.FOREIGN:
        return [], [folder] if state is FolderState.UNFINISHED else []
    found: list[Path] = []
    unfinished: list[Path] = []
    for below in sorted(folder.iterdir()):
        if below.is_dir() and not below.is_symlink():
            more, open_ones = search_runs(below)
            found += more
            unfinished += open_ones
    return found, unfinished


def _beside(folder: Path) -> list[Path]:
    compare = folder / _COMPARE
    if not compare.is_dir() or compare.is_symlink():
        return []
    return [path for path in sorted(compare.iterdir()) if path.is_dir() and not path.is_symlink()]


def _nothing_in(folder: Path, unfinished: Iterable[Path], missing: Collection[MissingRun]) -> str:
    if missing:
        first = next(iter(missing))
        return (
            f"{folder} holds no finished run: of {len(missing)} runs of a sweep the first "
            f"({first.folder.name}) is {first.reason}; `cliqa sweep status` shows all"
        )
    if open_ones := list(unfinished):
        which = "it" if open_ones == [folder] else str(open_ones[0])
        return (
            f"{folder} holds no finished run: {which} has not finished; let `cliqa run` finish it"
        )
    if not folder.exists():
        return f"{folder} does not exist; name the folder of a run, or one with runs in it"
    return (
        f"{folder} holds no run; expected a folder that `cliqa run` wrote, or one with such in it"
    )


def open_run(folder: Path) -> Run:
    """Open one finished bundle, without those beside it.

    Raises:
        ResultError: it is unfinished or damaged, or its records lack what a report needs.
    """
    bundle = load_bundle(folder)
    if faults := check_sums(folder):
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise ResultError(
            f"{folder} is damaged: {faults[0]}{more}; a report shows only what a run wrote"
        )
    return as_run(str(folder), bundle)


def as_run(shown: str, bundle: Bundle) -> Run:
    """A bundle as a run, if its records hold what a report needs.

    Args:
        shown: how the user would find it.
        bundle: its files.

    Raises:
        ResultError: they do not.
    """
    for key, kind in _NEEDED.items():
        if not isinstance(bundle.run.get(key), kind):
            raise ResultError(f"{shown}: run.json: `{key}` is missing or no {kind.__name__}")
    if not bundle.run["tasks"] or not bundle.run["stages"]:
        raise ResultError(f"{shown}: run.json: `tasks` or `stages` is empty")
    run = Run(shown, bundle)
    try:
        _ = run.fingerprints, run.split_digest, run.joint, run.head_tasks, bundle.metrics["gates"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultError(
            f"{shown} cannot be reported: its records lack {error}; was it written by cliqa?"
        ) from error
    return run
