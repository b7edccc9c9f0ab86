"""A whole run: the method of the configuration and those trained beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from cliqa.results import BundleWriter, prepare_folder
from cliqa.run.method import MethodRun
from cliqa.run.observer import Observer
from cliqa.run.prepare import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from cliqa.config import ResolvedConfig
    from cliqa.run.built import BuiltDatasets


@dataclass(frozen=True)
class RunReport:
    """What a run gave.

    Attributes:
        folder: the bundle of the configuration's own method; those of `compare` lie in
            `compare/LABEL` inside it.
        results: method label -> content of its `metrics.json`.
        costs: method label -> the entry `cost` of its `run.json`.
        told_task_id: labels of the gates that are told the task id.
        pseudo_scores: True if no human rated these very images.
        seconds: wall time.
    """

    folder: Path
    results: dict[str, dict[str, Any]]
    costs: dict[str, dict[str, Any]]
    told_task_id: tuple[str, ...]
    pseudo_scores: bool
    seconds: float


def run(
    config: ResolvedConfig,
    out: Path,
    *,
    force: bool = False,
    observer: Observer | None = None,
    datasets: BuiltDatasets | None = None,
) -> RunReport:
    """Train and evaluate every method of a configuration and write their bundles.

    Nothing is written before every part has been built and checked, every image included.

    Args:
        config: what to run.
        out: folder of the result; must be new, empty, or hold an unfinished run.
        force: replace a finished run in `out`.
        observer: told what happens.
        datasets: shared with other runs of this process; default: this run builds its own.

    Raises:
        CliqaError: a mistake of the user's, named.
    """
    started = time.perf_counter()
    observer = observer or Observer()
    if config.run.threads is not None:
        torch.set_num_threads(config.run.threads)
    prepared = prepare(config, datasets, observer)
    prepare_folder(out, force=force)
    for note in prepared.stream.notes:
        observer.note(note)
    groups = prepared.stream.stages
    observer.methods({m.label: len(m.strategy.stages(groups)) for m in prepared.methods})
    own, *others = prepared.methods
    writer = BundleWriter(out)
    done = {own.label: MethodRun(prepared, own, writer, observer)()}
    for method in others:
        folder = out / "compare" / method.label
        # Whatever lies there belongs to an earlier attempt at this run.
        prepare_folder(folder, force=True)
        beside = BundleWriter(folder)
        done[method.label] = MethodRun(prepared, method, beside, observer)()
        beside.finish()
    writer.finish()  # last: its sums say that the whole run is complete
    told = {p.label for m in prepared.methods for p in m.gates if p.gate.uses_task_id}
    return RunReport(
        folder=out,
        results={label: found.metrics for label, found in done.items()},
        costs={label: found.cost for label, found in done.items()},
        told_task_id=tuple(sorted(told)),
        pseudo_scores=any(t.dataset.pseudo_scores for t in prepared.stream.tasks),
        seconds=time.perf_counter() - started,
    )
