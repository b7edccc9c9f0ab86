"""Which runs may stand in one table, and which may be averaged.

One section holds the runs with the same tasks, the same images, the same division of them, and
test images looked at in the same way. The leaderboard's tracks are made by the same function.
Within it, runs are averaged if nothing but their seed differs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cliqa.results import Spread
from cliqa.results.derive import RESERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cliqa.report.runs import Run

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Value:
    """A number of one row: over its seeds, the mean, the standard deviation and how many.

    Attributes:
        mean: the mean; NaN if any run has no value, because skipping it would flatter.
        std: standard deviation with ddof = 1; NaN for a single run.
        n: number of runs.
        reason: why there is no value.
    """

    mean: float
    std: float
    n: int
    reason: str = ""

    @classmethod
    def of(cls, numbers: Sequence[float | None], reason: str = "") -> Value:
        """Summarise one number a run; None: that run has no value."""
        found = Spread.of(numbers, reason, each="runs")
        mean, std = (np.nan if x is None else x for x in (found.mean, found.deviation))
        return cls(mean, std, len(numbers), found.reason)


@dataclass(frozen=True)
class Row:
    """One method under one gate in one order, over its seeds.

    Attributes:
        method: its label, with the settings that tell it from others of that label.
        gate: the gate's label, likewise.
        gate_key: the gate's label in the files.
        order: the order's name.
        runs: one a seed, by seed.
    """

    method: str
    gate: str
    gate_key: str
    order: str
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """What charts call it."""
        return f"{self.method} · {self.gate}"

    @property
    def told(self) -> bool:
        """Whether the gate is told which task an image is from."""
        return any(run.record["gates"][self.gate_key].get("uses_task_id") for run in self.runs)

    @property
    def joint(self) -> bool:
        """Whether the method learned several tasks at once."""
        return self.runs[0].joint

    @property
    def rank(self) -> int:
        """0: a continual method as it can be used; 1: joint learning; 2: told the task."""
        return 2 if self.told else 1 if self.joint else 0

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks, as learned."""
        return self.runs[0].tasks

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        """Each run's entry in `metrics.json`."""
        return [run.bundle.metrics["gates"][self.gate_key] for run in self.runs]

    def value(self, metric: str) -> Value:
        """A metric over the seeds."""
        reasons = [e.get("undefined", {}).get(metric, "not computed") for e in self.entries]
        missing = [r for r, e in zip(reasons, self.entries, strict=True) if e.get(metric) is None]
        return Value.of([e.get(metric) for e in self.entries], missing[0] if missing else "")

    def matrices(self, name: str) -> Array:
        """`srcc` or `stability` of every run, (n, T, T), NaN where there is no value."""
        return np.array([_numbers(entry[name]) for entry in self.entries], dtype=np.float64)


def _numbers(matrix: list[list[float | None]]) -> list[list[float]]:
    return [[np.nan if x is None else float(x) for x in row] for row in matrix]


@dataclass(frozen=True)
class Group:
    """Runs on the same images, divided in the same way.

    Attributes:
        runs: all of them.
        rows: what its tables show, sorted: usable, joint, told; the best mPSI first in each.
        notes: what a reader must know about how the runs were put together.
    """

    runs: tuple[Run, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task names of the first order."""
        return self.rows[0].tasks

    @cached_property
    def orders(self) -> tuple[str, ...]:
        """The orders in it, I before II; the first is that of the main table."""
        present = dict.fromkeys(row.order for row in self.rows)
        return tuple(sorted(present, key=_order_place))

    @property
    def main_rows(self) -> list[Row]:
        """The rows of the first order."""
        return [row for row in self.rows if row.order == self.orders[0]]

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that any run has, in the order of their files."""
        keys = (key for row in self.rows for entry in row.entries for key in entry)
        return list(dict.fromkeys(key for key in keys if key not in RESERVED))

    @property
    def seeds(self) -> list[int]:
        """All seeds."""
        return sorted({run.seed for run in self.runs})

    @property
    def evaluate_only(self) -> list[str]:
        """Sets that were only tested on."""
        return list(dict.fromkeys(name for run in self.runs for name in run.evaluate_only))


_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")


def _order_place(order: str) -> tuple[int, str]:
    return (_ROMAN.index(order) if order in _ROMAN else len(_ROMAN), order)


def group_runs(runs: Sequence[Run], *, first_counts: bool = False) -> list[Group]:
    """Put the runs into groups whose members may be compared.

    The key of a group is its tasks with the hashes of their data, the rule by which images were
    divided, and how many tasks each stage learns. Two runs whose rule and split seed agree but
    whose divisions differ, as after a change of the code, come into different groups too.

    Args:
        runs: all runs.
        first_counts: which of two runs that repeat each other counts: the first in `runs`, so
            that a further run never changes a result; else the newer one.
    """
    digests: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
    groups: defaultdict[tuple[Any, ...], list[Run]] = defaultdict(list)
    for run in runs:
        sets = tuple(
            (s, run.record["data"].get(s, {}).get("fingerprint")) for s in run.evaluate_only
        )
        key = (run.fingerprints, sets, run.split_rule, run.stage_sizes, run.policy)
        seen = digests[(*key, run.split_seed)]
        if run.split_digest not in seen:
            seen.append(run.split_digest)
        groups[(*key, seen.index(run.split_digest))].append(run)
    return [_group(members, first_counts=first_counts) for members in groups.values()]


def _group(runs: list[Run], *, first_counts: bool) -> Group:
    notes: list[str] = []
    names = _order_names(runs)
    found: defaultdict[tuple[str, str, str, str, str], dict[int, Run]] = defaultdict(dict)
    newest = sorted(runs, key=lambda r: str(r.record.get("created", "")), reverse=True)
    how = "the first" if first_counts else "the newer"
    for run in runs if first_counts else newest:
        for gate in run.bundle.metrics["gates"]:
            key = (run.method, _text(run.settings), gate, _text(run.gate_settings(gate)))
            kept = found[(*key, names[run.tasks])].setdefault(run.seed, run)
            if kept is not run:
                notes.append(_repeated(run, kept, gate, how))
    methods = _telling_labels({(m, s) for m, s, _, _, _ in found})
    gates = _telling_labels({(g, s) for _, _, g, s, _ in found})
    rows = [
        Row(
            methods[m, ms], gates[g, gs], g, order, tuple(members[seed] for seed in sorted(members))
        )
        for (m, ms, g, gs, order), members in found.items()
    ]
    rows.sort(key=lambda row: (row.rank, -_best_first(row), row.name, _order_place(row.order)))
    counted = [run for run in runs if any(run in row.runs for row in rows)]
    return Group(tuple(counted), tuple(rows), (*notes, *_mixed(counted)))


def _best_first(row: Row) -> float:
    for metric in ("mPSI", "mSRCC"):
        value = row.value(metric).mean
        if not np.isnan(value):
            return value
    return -np.inf


def _repeated(run: Run, kept: Run, gate: str, which: str) -> str:
    """Say that a run is not counted: with the seed of another it is no further sample."""
    entries = [r.bundle.metrics["gates"][gate] for r in (run, kept)]
    how = "the same result" if entries[0] == entries[1] else "ANOTHER result"
    return (
        f"{run.shown} repeats {kept.shown} (method {run.method}, gate {gate}, seed {run.seed}) "
        f"with {how}; {which} one is shown, the other one is not counted."
    )


def _order_names(runs: Sequence[Run]) -> dict[tuple[str, ...], str]:
    """Order -> its name; spelt out where a name is `custom` or stands for two orders."""
    names: dict[tuple[str, ...], str] = {run.tasks: str(run.record["order"]) for run in runs}
    given = list(names.values())
    return {
        tasks: " → ".join(tasks) if name == "custom" or given.count(name) > 1 else name
        for tasks, name in names.items()
    }


def _telling_labels(things: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(label, settings as JSON) -> label, with the settings in which things of one label differ."""
    by_label: defaultdict[str, list[str]] = defaultdict(list)
    for label, settings in sorted(things):
        by_label[label].append(settings)
    labels = {}
    for label, variants in by_label.items():
        by_text = {text: _flat(json.loads(text)) for text in variants}
        keys = sorted({key for flat in by_text.values() for key in flat})
        differing = [k for k in keys if len({flat.get(k) for flat in by_text.values()}) > 1]
        for text, flat in by_text.items():
            told = ", ".join(f"{k}={flat.get(k, 'absent')}" for k in differing)
            labels[label, text] = f"{label} ({told})" if told else label
    return labels


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, dict) and value:
        parts = (_flat(v, f"{path}.{k}" if path else k) for k, v in value.items())
        return {key: text for part in parts for key, text in part.items()}
    return {path: value if isinstance(value, str) else json.dumps(value)}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _mixed(runs: Sequence[Run]) -> list[str]:
    """Warnings about differences that are no settings but may move results."""
    environments = [run.record.get("environment", {}) for run in runs]
    facts = {
        "versions of cliqa": [str(e.get("cliqa")) for e in environments],
        "devices": [str(run.record.get("device")) for run in runs],
        "versions of plugins": [_text(run.record.get("plugins", [])) for run in runs],
        "versions of libraries": [_text(e.get("libraries", {})) for e in environments],
    }
    return [
        f"The runs of this section were made with {len(set(values))} different {what}."
        for what, values in facts.items()
        if len(set(values)) > 1
    ]
