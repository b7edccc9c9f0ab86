"""Mean and standard deviation over seeds: what repeated runs of one thing say together."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cliqa.results.bundle import Bundle

__all__ = ["SeedGroup", "Spread", "identity", "over_seeds"]


@dataclass(frozen=True)
class Spread:
    """A metric over several seeds.

    Attributes:
        mean: the mean; None if any seed's value is undefined.
        deviation: standard deviation (ddof 1); None for fewer than two seeds, or without a mean.
        values: each seed's value, None where it is undefined, in the order of the group's seeds.
        reason: of a spread without a mean, how many values are undefined, and why the first is.
    """

    mean: float | None
    deviation: float | None
    values: tuple[float | None, ...]
    reason: str = ""

    @classmethod
    def of(cls, values: Sequence[float | None], reason: str = "", each: str = "seeds") -> Spread:
        """Summarise one value a run: the rule of every table and page.

        Args:
            values: None or NaN: that run has no value, and then there is no mean.
            reason: why the first of those has none.
            each: what the values are counted in.
        """
        known = tuple(None if v is None or v != v else float(v) for v in values)
        numbers = [v for v in known if v is not None]
        if missing := len(known) - len(numbers):
            many = f"undefined in {missing} of {len(known)} {each}: " if len(known) > 1 else ""
            return cls(None, None, known, f"{many}{reason or 'no reason given'}")
        if not numbers:
            return cls(None, None, known, reason)
        deviation = statistics.stdev(numbers) if len(numbers) > 1 else None
        return cls(statistics.fmean(numbers), deviation, known)


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one method, seen through one gate, that differ in their seed only.

    Attributes:
        method: the method's label.
        gate: the gate's label.
        bundles: the runs, by seed; more than one a seed if a run was repeated.
        seeds: the distinct seeds, ascending.
        metrics: metric -> what it is over the seeds.
    """

    method: str
    gate: str
    bundles: tuple[Bundle, ...]
    seeds: tuple[int, ...]
    metrics: Mapping[str, Spread]


def over_seeds(bundles: Iterable[Bundle], metrics: Sequence[str]) -> list[SeedGroup]:
    """Group finished runs by everything but the seed, and summarise each group.

    Runs with one seed that are alike in all else repeat each other (a method that is trained
    beside several others, say): they count as one, with the mean of their values. Descriptions,
    versions and machines do not separate runs; the whole configuration of method, gate, stream
    and training does, and so do the data and the content of local plugin files.

    Args:
        bundles: one method's bundle each; those in `compare/` are bundles of their own.
        metrics: names of the metrics.

    Returns:
        One group a method, gate and configuration, in order of first appearance.
    """
    groups: dict[tuple[str, str], list[Bundle]] = {}
    for bundle in bundles:
        for gate in bundle.metrics["gates"]:
            groups.setdefault((gate, identity(bundle, gate)), []).append(bundle)
    return [_group(gate, members, metrics) for (gate, _), members in groups.items()]


def identity(bundle: Bundle, gate: str) -> str:
    """A text that two runs seen through a gate share if they differ in nothing but the seed."""
    run = bundle.run
    config = dict(run["config"])
    # Other methods, gates and metrics of the configuration do not touch this one's predictions.
    for key in ("seed", "description", "strategy", "compare", "gates", "metrics"):
        config.pop(key, None)
    gates = [g for g in run["config"]["gates"] if g.get("as", g["name"]) == gate]
    everything = {
        "config": config,
        "method": run["strategy"],
        "gate": gates if run["multi_head"] else gate,  # one head: no gate has been used
        "data": {name: data["fingerprint"] for name, data in run["data"].items()},
        "files": [p["sha256"] for p in run["plugins"] if p.get("sha256")],
    }
    return json.dumps(everything, sort_keys=True)


def _group(gate: str, members: Sequence[Bundle], metrics: Sequence[str]) -> SeedGroup:
    by_seed: dict[int, list[Bundle]] = {}
    for bundle in members:
        by_seed.setdefault(bundle.run["seed"], []).append(bundle)
    seeds = sorted(by_seed)
    repeats = [[bundle.metrics["gates"][gate] for bundle in by_seed[seed]] for seed in seeds]
    return SeedGroup(
        method=members[0].run["method"],
        gate=gate,
        bundles=tuple(bundle for seed in seeds for bundle in by_seed[seed]),
        seeds=tuple(seeds),
        metrics={name: _spread(name, repeats) for name in metrics},
    )


def _spread(name: str, repeats: Sequence[Sequence[Mapping[str, Any]]]) -> Spread:
    """One metric: over the repeats of a seed first, then over the seeds."""
    values: list[float | None] = []
    reasons = []
    for entries in repeats:
        found = [entry.get(name) for entry in entries]
        undefined = [n for n, value in enumerate(found) if value is None]
        if undefined:
            reasons.append(entries[undefined[0]].get("undefined", {}).get(name, "not computed"))
        defined = [float(value) for value in found if value is not None]
        values.append(None if undefined else statistics.fmean(defined))
    return Spread.of(values, reasons[0] if reasons else "")
