"""A whole run of a strategy, by the runner itself, that may be stopped and gone on with."""

from __future__ import annotations

import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.config import Resolved, ResolvedConfig, RunConfig
from cliqa.registry import Component, PluginRecord, Registered
from cliqa.resume import Interrupted, Interrupts
from cliqa.run import BuiltDatasets, Observer, run
from cliqa.testing.material import OBJECTIVES, generated_dataset, schedule, tiny_backbone

if TYPE_CHECKING:
    from cliqa.testing.subject import Subject

__all__ = ["RESULTS", "config_of", "go"]

#: The files of a bundle that everything else of it derives from.
RESULTS: Final = (
    "checkpoints/model.safetensors",
    "heads.parquet",
    "predictions.parquet",
)
_TASKS: Final = ("one", "two")
_OWNER: Final = PluginRecord(name="cliqa.testing", module="cliqa.testing", own=True)


def config_of(subject: Subject, objective: str) -> ResolvedConfig:
    """Two generated tasks, the tiny network, and the strategy."""
    tasks = [{"name": name} for name in _TASKS]
    settings: dict[str, Any] = {
        "backbone": "tiny",
        "objective": objective,
        "strategy": subject.registered.name,
        "stream": {"tasks": tasks},
        "train": schedule(),
        "metrics": [],
        "device": "cpu",
        "threads": 1,
        "cache": {"folder": "off"},
        "resume": {"minutes": 60.0},
    }
    return ResolvedConfig(
        run=RunConfig.model_validate(settings),
        source_name="cliqa check",
        registry=subject.registry,
        plugin_files=(),
        folder=Path(),
        backbone=_ours("backbone", "tiny", lambda _: tiny_backbone()),
        objective=_ours("objective", objective, lambda _: OBJECTIVES[objective]()),
        strategy=Resolved(
            "strategy", subject.registered.name, subject.registered, subject.config()
        ),
        compare=(),
        gates=(_ours("gate", "newest", _newest),),
        metrics=(),
        trackers=(),
        tasks=tuple(_ours("dataset", name, partial(_dataset, name)) for name in _TASKS),
        evaluate_only=(),
    )


def _ours(kind: str, name: str, factory: Any) -> Resolved:
    return Resolved(
        kind, name, Registered(Component(name=name, factory=factory), kind, _OWNER), None
    )


def _dataset(name: str, config: object) -> Any:  # noqa: ARG001
    return generated_dataset(name)


def _newest(config: object) -> Any:
    import numpy as np

    from cliqa.evaluation import Gate, GateQuery

    class Newest(Gate):
        one_head = True

        def weights(self, query: GateQuery) -> np.ndarray:
            weights = np.zeros((query.count, query.heads), dtype=np.float32)
            weights[:, -1] = 1.0
            return weights

    return Newest(config)


class _Stopper(Observer):
    """Asks the run to stop after so many steps, as a signal would."""

    def __init__(self, at: int | None) -> None:
        self.at, self.steps, self.interrupts = at, 0, Interrupts()

    def advance(self, samples: int) -> None:  # noqa: ARG002
        """A step is over."""
        self.steps += 1
        if self.steps == self.at:
            self.interrupts.ask(signal.SIGTERM)


def go(
    config: ResolvedConfig, out: Path, datasets: BuiltDatasets, stop_at: int | None = None
) -> int:
    """Run, or go on; returns the number of steps that were made.

    Args:
        config: the run.
        out: its folder.
        datasets: shared by several runs.
        stop_at: stop after this step of this attempt.
    """
    stopper = _Stopper(stop_at)
    with suppress(Interrupted):
        run(config, out, observer=stopper, datasets=datasets, interrupts=stopper.interrupts)
    return stopper.steps
