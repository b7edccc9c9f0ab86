"""What a bundle says of its method and gates, compared with the components themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cliqa.data.stream import group_stages
from cliqa.errors import CliqaError
from cliqa.results.layout import RUN
from cliqa.verification.parts import harmless

if TYPE_CHECKING:
    from cliqa.config import Resolved
    from cliqa.metrics import Metric
    from cliqa.verification.contents import Contents
    from cliqa.verification.parts import Parts
    from cliqa.verification.verdict import Faults

__all__ = ["check_components", "find_metrics", "made", "strategy_of"]


def check_components(contents: Contents, parts: Parts, faults: Faults) -> list[str]:
    """Compare gates and strategy; returns what could not be compared."""
    record, notes = contents.record, []
    strategy = made(strategy_of(contents, parts))
    if strategy is None:
        notes.append(f"method {record.method}: its code is not here, so its record is not checked")
    else:
        groups = group_stages(len(record.tasks), parts.run.stream.stages)
        stages = [
            {"step": s.step, "tasks": [record.tasks[t] for t in s.tasks]}
            for s in strategy.stages(groups)
        ]
        for place, found, expected in (
            ("multi_head", record.multi_head, bool(strategy.multi_head)),
            ("main_head", record.main_head, bool(strategy.main_head)),
            ("stages", [s.model_dump() for s in record.stages], stages),
        ):
            if found != expected:
                faults.add(RUN, place, f"{found!r}, but the method's own is {expected!r}")
        _check_memory(strategy, record.cost.exemplar_images, faults)
    if not record.multi_head:
        return notes
    for label, resolved in parts.by_label("gates").items():
        told = record.gates.get(label)
        gate = made(resolved)
        if told is None:
            continue
        if gate is None:
            notes.append(
                f"gate {label}: its code is not here, so that it is told no more than it "
                "says is not checked"
            )
            continue
        claims: tuple[tuple[str, Any, Any], ...] = (
            ("uses_task_id", told.uses_task_id, bool(gate.uses_task_id)),
            ("stages", told.stages, list(gate.stages)),
            ("normalization", told.normalization is None, gate.normalization is None),
        )
        for place, found, expected in claims:
            if found != expected:
                text = f"{found!r}, but the gate's own is {expected!r}"
                faults.add(RUN, f"gates.{label}.{place}", text)
    return notes


def _check_memory(strategy: Any, told: int, faults: Faults) -> None:
    """Compare the images that a run says its method kept with what the method may keep."""
    from cliqa.training import Strategy

    most = getattr(strategy.config, "memory", None)
    if type(strategy).exemplars is Strategy.exemplars:
        most = 0  # it has no way to keep any
    if isinstance(most, int) and told > most:
        place = "cost.exemplar_images"
        faults.add(RUN, place, f"{told}, but the method keeps at most {most} images")
    if most and not told:
        faults.add(RUN, "cost.exemplar_images", "0, but the method has a memory")


def strategy_of(contents: Contents, parts: Parts) -> Resolved | None:
    """The component of the bundle's own method."""
    found = {**parts.by_label("compare"), **parts.by_label("strategy")}
    return found.get(contents.record.method)


def made(resolved: Resolved | None) -> Any:
    """The component, made of its settings; None if it is not here or cannot safely be."""
    if resolved is None or not harmless(resolved):
        return None
    try:
        return resolved.create()
    except Exception:  # a plugin's, or weights that are not here: then it is not compared
        return None


def find_metrics(parts: Parts) -> tuple[list[Metric], list[str]]:
    """The metrics of a configuration that are here, and the names of the others."""
    found, unknown = [], []
    for label, resolved in parts.by_label("metrics").items():
        try:
            metric = made(resolved)
        except CliqaError:
            metric = None
        if metric is None:
            unknown.append(label)
        else:
            found.append(metric)
    return found, unknown
