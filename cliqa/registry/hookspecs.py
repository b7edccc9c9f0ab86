"""The hooks: one discovery hook a kind, and observation hooks of a run.

Hooks discover and observe only. What computes is one chosen object, so the order in which
plugins were installed can never change a result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from cliqa.registry.component import Component

PROJECT = "cliqa"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def cliqa_backbones() -> list[Component]:  # type: ignore[empty-body]
    """Backbones: `factory(config) -> cliqa.model.Backbone`."""


@hookspec
def cliqa_strategies() -> list[Component]:  # type: ignore[empty-body]
    """Strategies: `factory(config) -> cliqa.training.Strategy`."""


@hookspec
def cliqa_objectives() -> list[Component]:  # type: ignore[empty-body]
    """Objectives: `factory(config) -> cliqa.training.Objective`."""


@hookspec
def cliqa_gates() -> list[Component]:  # type: ignore[empty-body]
    """Gates: `factory(config) -> cliqa.evaluation.Gate`."""


@hookspec
def cliqa_datasets() -> list[Component]:  # type: ignore[empty-body]
    """Datasets: `factory(config) -> cliqa.data.RatedDataset`."""


@hookspec
def cliqa_metrics() -> list[Component]:  # type: ignore[empty-body]
    """Metrics: `factory(config) -> cliqa.metrics.Metric`."""


@hookspec
def cliqa_trackers() -> list[Component]:  # type: ignore[empty-body]
    """Trackers: `factory(config) -> cliqa.tracking.Tracker`."""


@hookspec
def cliqa_recipes() -> list[Component]:  # type: ignore[empty-body]
    """Recipes: `factory` is `"package:path.yaml"`, a shipped configuration."""


@hookspec
def cliqa_presets() -> list[Component]:  # type: ignore[empty-body]
    """Presets: `factory` is `"package:path.yaml"`, a part that configurations extend."""


@hookspec
def cliqa_pretrainings() -> list[Component]:  # type: ignore[empty-body]
    """Jobs of `cliqa pretrain`: `factory(config) -> cliqa.pretraining.Pretraining`."""


@hookspec
def cliqa_weights() -> list[Component]:  # type: ignore[empty-body]
    """Prepared weights: `factory` is `"package:path.safetensors"`, made by `cliqa pretrain`."""


@hookspec
def cliqa_published() -> list[Component]:  # type: ignore[empty-body]
    """Results printed in papers: `factory` is `"package:path.json"`."""


@hookspec
def cliqa_run_start(run: dict[str, Any]) -> None:
    """Observe that a run starts; `run` is the record written to `run.json` so far."""


@hookspec
def cliqa_task_end(step: int, summary: dict[str, Any]) -> None:
    """Observe that the model was trained and evaluated at `step` (counted from 1)."""


@hookspec
def cliqa_run_end(run: dict[str, Any], metrics: dict[str, Any]) -> None:
    """Observe that a run ended; `metrics` is the content of `metrics.json`."""
