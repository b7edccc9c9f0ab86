"""Training and evaluating one method."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from cliqa.evaluation import Evaluator
from cliqa.results import BundleWriter, compute_metrics
from cliqa.run.cost import CostMeter, cost_record
from cliqa.run.predictions import gate_table, head_table, label_table, weight_table
from cliqa.run.record import closing_record, opening_record
from cliqa.training import Phase, Stage, TaskContext, Trainer

if TYPE_CHECKING:
    from cliqa.data import Task
    from cliqa.evaluation.evaluator import TaskPredictions
    from cliqa.model import QualityModel
    from cliqa.run.observer import Observer
    from cliqa.run.prepare import Method, Prepared


@dataclass(frozen=True)
class MethodResult:
    """What a method gave: the content of `metrics.json`, and the entry `cost` of `run.json`."""

    metrics: dict[str, Any]
    cost: dict[str, Any]


@dataclass
class MethodRun:
    """One method on the run's stream, written to one bundle.

    Args:
        prepared: the run.
        method: the method.
        writer: its bundle, not finished by this class: the runner decides when.
        observer: told what happens.
    """

    prepared: Prepared
    method: Method
    writer: BundleWriter
    observer: Observer
    predictions: list[TaskPredictions] = field(default_factory=list)
    stage_seconds: list[dict[str, Any]] = field(default_factory=list)
    meter: CostMeter = field(default_factory=CostMeter)
    trained_images: int = 0
    notes: list[str] = field(default_factory=list)

    def __call__(self) -> MethodResult:
        """Train all stages, evaluate after each, write the bundle."""
        prepared, method = self.prepared, self.method
        record = opening_record(prepared, method)
        self.writer.write_config(prepared.config.published_yaml())
        self.writer.write_run(record)
        self._write_splits()
        self._tell("cliqa_run_start", run=record)
        model = prepared.new_model()
        method.strategy.start(model)
        evaluator = Evaluator(
            prepared.scoring,
            method.gates,
            prepared.features,
            prepared.seed,
            scorer=prepared.config.run.evaluate.scorer,
            main_head=method.strategy.main_head,
        )
        stages = method.strategy.stages(prepared.stream.stages)
        for stage in stages:
            summary = self._stage(model, evaluator, stage, len(stages))
            self._tell("cliqa_task_end", step=stage.step, summary=summary)
        found = self._write_results(model, record, evaluator)
        self._tell("cliqa_run_end", run=record, metrics=found.metrics)
        return found

    def _tell(self, hook: str, **facts: Any) -> None:
        """Call an observation hook; a plugin that fails to observe must not cost the run."""
        try:
            getattr(self.prepared.config.registry.hook, hook)(**facts)
        except Exception as error:
            self.observer.note(f"a plugin's {hook} failed: {type(error).__name__}: {error}")

    def _stage(
        self, model: QualityModel, evaluator: Evaluator, stage: Stage, last: int
    ) -> dict[str, Any]:
        prepared, strategy = self.prepared, self.method.strategy
        tasks = tuple(prepared.stream.tasks[t] for t in stage.tasks)
        names = "+".join(task.name for task in tasks)
        self.observer.stage_start(self.method.label, stage.step, last, names)
        self.meter.start()
        heads = len(model.heads)
        context = TaskContext(
            model=model,
            objective=prepared.objective,
            stage=stage,
            tasks=tasks,
            head=strategy.begin_stage(model, [task.name for task in tasks]),
            config=prepared.config.run.train,
            compute=prepared.compute,
            seed=prepared.seed,
            log=self._log_record,
            note=self._note,
        )
        model.to(prepared.compute.device)  # a head that was just added
        trainer = Trainer(log=self._log_epoch, progress=self.observer.advance)
        for phase in strategy.phases(context):
            self._announce(phase)
            trainer.run(phase, context)
            self.meter.measure(strategy, model)
        strategy.end_stage(context)
        self.meter.measure(strategy, model)
        self.trained_images += trainer.images
        trained = self.meter.trained()
        self.observer.evaluating()
        evaluator.fit_new_heads(model, heads, tasks)
        found = evaluator.evaluate(model, stage.step, self._test_sets(stage))
        self.predictions += found
        summary = {
            "step": stage.step,
            "task": names,
            "train_seconds": round(trained, 3),
            "evaluate_seconds": round(self.meter.evaluated(), 3),
        }
        self.stage_seconds.append(summary)
        self.writer.log({"event": "stage", **summary})
        self.observer.stage_end(self.method.label, summary)
        return summary

    def _test_sets(self, stage: Stage) -> tuple[Task, ...]:
        stream = self.prepared.stream
        final = stage.step == len(stream.stages)
        return (*stream.tasks, *stream.evaluate_only) if final else stream.tasks

    def _announce(self, phase: Phase) -> None:
        self.observer.phase_start(phase.name, phase.batches.samples * phase.epochs)

    def _log_record(self, record: dict[str, Any]) -> None:
        self.writer.log(record)

    def _note(self, text: str) -> None:
        self.notes.append(text)
        self.observer.note(f"{self.method.label}: {text}")

    def _log_epoch(self, record: dict[str, Any]) -> None:
        self.writer.log(record)
        self.observer.epoch(record)

    def _write_splits(self) -> None:
        stream = self.prepared.stream
        for task in (*stream.tasks, *stream.evaluate_only):
            parts = {
                part: [task.sample_ids[row] for row in getattr(task.split, part)]
                for part in ("train", "val", "test")
            }
            self.writer.write_split(task.name, parts)

    def _write_results(
        self, model: QualityModel, record: dict[str, Any], evaluator: Evaluator
    ) -> MethodResult:
        writer, stream = self.writer, self.prepared.stream
        predictions, labels = (
            gate_table(self.predictions),
            label_table((*stream.tasks, *stream.evaluate_only)),
        )
        writer.write_predictions(predictions)
        writer.write_heads(head_table(self.predictions))
        writer.write_weights(weight_table(self.predictions))
        writer.write_labels(labels)
        gate_values = self._write_checkpoint(model)
        notes = [note for plan in self.method.gates for note in plan.gate.notes]
        for note in notes:
            self.observer.note(f"{self.method.label}: {note}")
        cost = self._cost(model, gate_values)
        notes = [*stream.notes, *self.notes, *notes]
        writer.write_run(
            record
            | closing_record(model, gate_values)
            | {
                "cost": cost,
                "stage_seconds": self.stage_seconds,
                "evaluated_images": evaluator.forwards,
                "scoring": evaluator.record(),
                "notes": notes,
            }
        )
        metrics = compute_metrics(
            predictions,
            labels,
            tasks=[task.name for task in stream.tasks],
            learned_at=stream.learned_at,
            metrics=self.prepared.metrics,
            gates=[plan.label for plan in self.method.gates],
            evaluate_only=[task.name for task in stream.evaluate_only],
        )
        writer.write_metrics(metrics)
        return MethodResult(metrics, cost)

    def _cost(self, model: QualityModel, gate_values: dict[str, int]) -> dict[str, Any]:
        return cost_record(
            self.meter,
            self.method,
            model,
            features=self.prepared.features,
            trained_images=self.trained_images,
            gate_values=gate_values,
        )

    def _write_checkpoint(self, model: QualityModel) -> dict[str, int]:
        """Write the final model and gates; returns how many values each gate stores."""
        tensors = {name: t.detach().cpu().contiguous() for name, t in model.tensors().items()}
        # One key: safetensors writes several in an order that changes from run to run.
        about = {"cliqa": json.dumps({"format": 1, "head_tasks": model.head_tasks})}
        self.writer.write_bytes("checkpoints/model.safetensors", save_tensors(tensors, about))
        gates = {plan.label: plan.gate.state() for plan in self.method.gates}
        arrays = {f"{g}/{name}": a for g, state in gates.items() for name, a in state.items()}
        if arrays:
            self.writer.write_bytes("checkpoints/gates.safetensors", save_arrays(arrays))
        return {gate: sum(a.size for a in state.values()) for gate, state in gates.items()}
