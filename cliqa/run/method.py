"""Training and evaluating one method."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from cliqa.evaluation import Evaluator
from cliqa.results import BundleWriter, compute_metrics
from cliqa.resume import Snapshot, TensorPool, put_back, take
from cliqa.run.cost import cost_record
from cliqa.run.keeper import Keeper, Position
from cliqa.run.ledger import Ledger
from cliqa.run.predictions import gate_table, head_table, label_table, weight_table
from cliqa.run.record import closing_record, opening_record
from cliqa.run.rehearsal import lost_by_gates, lost_by_strategy
from cliqa.run.stage import Found, StageRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliqa.data import Task
    from cliqa.evaluation.evaluator import TaskPredictions
    from cliqa.model import QualityModel
    from cliqa.run.observer import Observer
    from cliqa.run.prepare import Method, Prepared
    from cliqa.tracking.tracking import Tracking
    from cliqa.training import Stage


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
        keeper: saves the run.
        tracking: told of the log and the metrics.
    """

    prepared: Prepared
    method: Method
    writer: BundleWriter
    observer: Observer
    keeper: Keeper
    tracking: Tracking
    ledger: Ledger = field(default_factory=Ledger)
    created: str = ""

    def __call__(self, found: Position | None = None) -> MethodResult:
        """Train all stages, evaluate after each, write the bundle.

        Args:
            found: how far an earlier attempt was, as `capture` took it.

        Raises:
            NotWholeError: the method does not become what it was.
        """
        prepared, method = self.prepared, self.method
        self.model = prepared.new_model()
        method.strategy.start(self.model)
        self.evaluator = Evaluator(
            prepared.scoring,
            method.gates,
            prepared.features,
            prepared.seed,
            scorer=prepared.config.run.evaluate.scorer,
            main_head=method.strategy.main_head,
        )
        stages = self.stages = method.strategy.stages(prepared.stream.stages)
        self.index, self.trained, self.heads = 0, False, 0
        self.current: StageRun | None = None
        begun = None if found is None else self._go_back(found)
        if found is None:
            self._begin()
        record = opening_record(prepared, method)
        self.created = record["created"] = self.created or record["created"]
        self.writer.write_config(prepared.config.published_yaml())
        self.writer.write_run(record)
        self._write_splits()
        self._tell("cliqa_run_start", run=record)
        self.tracking.start(record, goes_on=found is not None)
        while self.index < len(stages):
            summary = self._stage(stages[self.index], begun)
            begun = None
            self._tell("cliqa_task_end", step=summary["step"], summary=summary)
        result = self._write_results(self.model, record, self.evaluator)
        self._tell("cliqa_run_end", run=record, metrics=result.metrics)
        self.tracking.metrics(result.metrics)
        return result

    def _begin(self) -> None:
        """From the pre-trained model."""
        self.writer.empty_log()  # an attempt before may have been killed before it was saved
        self.pool = TensorPool()
        self.start = take(self.model, self.method.strategy, self.pool)
        self._settle()
        self._stage_mark = self._settled
        self.keeper.save()  # so that the next attempt knows whose folder it is
        self.keeper.follow(self.method.label, self.capture)

    def _go_back(self, found: Position) -> Found | None:
        """To where an earlier attempt was; what a stage in progress needs is returned."""
        values = found.values
        self.keeper.follow(self.method.label, self.capture)
        self.keeper.block("it has not become what it was yet")
        stream = self.prepared.stream
        saved = Snapshot(values, found.entries, found.pool)
        self.ledger = Ledger.restored(
            values["ledger"],
            saved.tensors("ledger"),
            self.evaluator,
            (*stream.tasks, *stream.evaluate_only),
        )
        self.created = values["created"]
        self.index, self.trained, self.heads = values["stage"], values["trained"], values["heads"]
        self.pool, self.start = found.pool, saved.part("start", values["start"])
        # Of the stage in progress the tasks are not known yet; of a trained one they are.
        known = self._known(self.index + self.trained)
        put_back(self.start, self.model, self.method.strategy, known)
        self.writer.cut_log(values["log"])
        self._settle()
        self._stage_mark = values["begun"]
        stage = Found.of(saved) if "after" in values else None
        if stage is None or not (stage.after or stage.phase):
            self.keeper.block()
        self.observer.resumed(self.method.label, self.index, self._place(values))
        return stage

    def _place(self, values: Mapping[str, Any]) -> str:
        if self.trained:
            return f"after the training of stage {self.index + 1}"
        phase = values.get("phase")
        if self.index == len(self.stages) or not phase:
            over = len(values.get("after", ()))
            return f"stage {self.index + 1}" + (f", after {over} phases" if over else "")
        run = phase["run"]
        return f"stage {self.index + 1}, phase {run['name']}, epoch {run['epoch'] + 1}"

    def _tell(self, hook: str, **facts: Any) -> None:
        """Call an observation hook; a plugin that fails to observe must not cost the run."""
        try:
            getattr(self.prepared.config.registry.hook, hook)(**facts)
        except Exception as error:
            self.observer.note(f"a plugin's {hook} failed: {type(error).__name__}: {error}")

    def _log(self, record: dict[str, Any]) -> None:
        self.writer.log(record)
        self.tracking.log(record)

    def _stage(self, stage: Stage, found: Found | None) -> dict[str, Any]:
        """Train and evaluate one stage, whatever of that is still to be done."""
        tasks = tuple(self.prepared.stream.tasks[t] for t in stage.tasks)
        names = "+".join(task.name for task in tasks)
        self.observer.stage_start(self.method.label, stage.step, len(self.stages), names)
        if self.trained:
            self.ledger.meter.go_on()
        else:
            self._train(stage, found)
        self.observer.evaluating()
        self.evaluator.fit_new_heads(self.model, self.heads, tasks)
        predictions = self.evaluator.evaluate(self.model, stage.step, self._test_sets(stage))
        with self.keeper.interrupts.deferred():
            summary = self._evaluated(stage, names, predictions)
        self.keeper.at_boundary()
        return summary

    def _train(self, stage: Stage, found: Found | None) -> None:
        meter, strategy = self.ledger.meter, self.method.strategy
        meter.go_on()
        if found is None:
            self.heads = len(self.model.heads)
        self.current = StageRun(
            self.prepared,
            strategy,
            self.model,
            stage,
            self.pool,
            self.keeper,
            self.observer,
            log=self._log,
            note=self._note,
            measure=lambda: meter.measure(strategy, self.model),
            settle=self._settle,
            ready=self.keeper.block,
        )
        self.current.train(self._known(self.index), found)
        with self.keeper.interrupts.deferred():
            self.ledger.trained_images += self.current.trainer.images
            meter.count_training()
            self.current, self.trained = None, True
            self._new_start(self._known(self.index + 1))
        self.keeper.at_boundary()

    def _new_start(self, known: tuple[Task, ...]) -> None:
        """The stage is trained: all that is needed from here on is how it left things."""
        self.pool = TensorPool()
        self.start = take(self.model, self.method.strategy, self.pool)
        self._settle()
        self._block(lost_by_strategy(self.start, self.prepared, self.method, known))

    def _evaluated(
        self, stage: Stage, names: str, predictions: Sequence[TaskPredictions]
    ) -> dict[str, Any]:
        ledger = self.ledger
        ledger.predictions += predictions
        summary = {
            "step": stage.step,
            "task": names,
            "train_seconds": round(ledger.meter.train_seconds - ledger.counted_seconds, 3),
            "evaluate_seconds": round(ledger.meter.evaluated(), 3),
        }
        ledger.counted_seconds = ledger.meter.train_seconds
        ledger.stage_seconds.append(summary)
        self._log({"event": "stage", **summary})
        self.observer.stage_end(self.method.label, summary)
        self.index, self.trained = self.index + 1, False
        self._settle()
        self._stage_mark = self._settled
        self._block(lost_by_gates(self.prepared, self.method))
        return summary

    def _block(self, lost: str) -> None:
        if lost and not self.keeper.blocked:
            self.keeper.block(lost)
            self._note(f"{lost}; if the run is cut off from here on, it loses what it did since")

    def _known(self, stages: int) -> tuple[Task, ...]:
        """The tasks of so many stages, in the order in which they came."""
        numbers = dict.fromkeys(t for stage in self.stages[:stages] for t in stage.tasks)
        return tuple(self.prepared.stream.tasks[t] for t in numbers)

    def _settle(self) -> None:
        """Remember what has been given so far, at a moment when nothing is half done."""
        values, tensors = self.ledger.state(self.evaluator)
        self._settled = {"log": self.writer.log_mark(), "ledger": values}
        self._settled_tensors = tensors

    def capture(self) -> Position:
        """Where the method is, so that another attempt can go on from there."""
        self.writer.sync_log()
        pool = TensorPool(self.pool)
        entries = {f"start/{name}": entry for name, entry in self.start.entries.items()}
        entries |= pool.add(self._settled_tensors, "ledger/")
        values = {
            "created": self.created,
            "stage": self.index,
            "trained": self.trained,
            "heads": self.heads,
            "start": self.start.values,
            "begun": self._stage_mark,
            **self._settled,
        }
        if self.current is not None:
            if self.current.trainer.phase is not None:  # in a phase what was logged stays so
                self.ledger.meter.count_training()
                values |= {"log": self.writer.log_mark(), "ledger": self._settled_but_notes()}
            about, found = self.current.state(pool)
            values, entries = values | about, entries | found
        return Position(values, entries, pool)

    def _settled_but_notes(self) -> dict[str, Any]:
        ledger = self.ledger
        fresh = {"notes": list(ledger.notes), "meter": ledger.meter.state()}
        return {**self._settled["ledger"], **fresh}

    def _test_sets(self, stage: Stage) -> tuple[Task, ...]:
        stream = self.prepared.stream
        final = stage.step == len(stream.stages)
        return (*stream.tasks, *stream.evaluate_only) if final else stream.tasks

    def _note(self, text: str) -> None:
        self.ledger.notes.append(text)
        self.observer.note(f"{self.method.label}: {text}")

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
            gate_table(self.ledger.predictions),
            label_table((*stream.tasks, *stream.evaluate_only)),
        )
        writer.write_predictions(predictions)
        writer.write_heads(head_table(self.ledger.predictions))
        writer.write_weights(weight_table(self.ledger.predictions))
        writer.write_labels(labels)
        gate_values = self._write_checkpoint(model)
        notes = [note for plan in self.method.gates for note in plan.gate.notes]
        for note in notes:
            self.observer.note(f"{self.method.label}: {note}")
        cost = self._cost(model, gate_values)
        notes = [*stream.notes, *self.ledger.notes, *notes]
        writer.write_run(
            record
            | closing_record(model, gate_values)
            | {
                "cost": cost,
                "stage_seconds": self.ledger.stage_seconds,
                "evaluated_images": evaluator.forwards,
                "scoring": evaluator.record(),
                "notes": notes,
                "resumed": len(self.keeper.attempts) - 1,
                "attempts": self.keeper.told(),
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
            self.ledger.meter,
            self.method,
            model,
            features=self.prepared.features,
            trained_images=self.ledger.trained_images,
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
