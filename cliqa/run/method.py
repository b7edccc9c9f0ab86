"""Training and evaluating one method."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cliqa.distributed import check_in_step, world
from cliqa.evaluation import Evaluator
from cliqa.results import BundleWriter, compute_metrics
from cliqa.resume import NotWholeError, TensorPool, digest_of, put_back, take
from cliqa.run.cost import cost_record
from cliqa.run.keeper import Keeper, Position
from cliqa.run.ledger import Ledger
from cliqa.run.record import closing_record, opening_record
from cliqa.run.rehearsal import lost_by_gates, lost_by_strategy
from cliqa.run.shelf import Shelf
from cliqa.run.stage import Found, StageRun
from cliqa.run.writing import write_checkpoint, write_splits, write_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.data import Task
    from cliqa.evaluation.evaluator import TaskPredictions
    from cliqa.model import QualityModel
    from cliqa.run.observer import Observer
    from cliqa.run.prepare import Method, Prepared
    from cliqa.stages import KeptStage, StageStore
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
        store: where stages are taken from and kept; None: nowhere.
    """

    prepared: Prepared
    method: Method
    writer: BundleWriter
    observer: Observer
    keeper: Keeper
    tracking: Tracking
    store: StageStore | None = None
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
        self.shelf = Shelf(self.store, prepared, method, self._observe)
        self.shelf.open(self.model, method.strategy)
        self.evaluator = Evaluator(
            prepared.scoring,
            method.gates,
            prepared.features,
            prepared.seed,
            scorer=prepared.config.run.evaluate.scorer,
            main_head=method.strategy.main_head,
        )
        stages = self.stages = method.strategy.stages(prepared.stream.stages)
        self.index, self.trained, self.heads, self.reused = 0, False, 0, False
        self.current: StageRun | None = None
        begun = None if found is None else self._go_back(found)
        if found is None:
            self._begin()
        record = opening_record(prepared, method)
        self.created = record["created"] = self.created or record["created"]
        self.writer.write_config(prepared.config.published_yaml())
        self.writer.write_run(record)
        write_splits(self.writer, prepared.stream)
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
        self.ledger = Ledger.restored(
            values["ledger"],
            found.tensors("ledger"),
            self.evaluator,
            (*stream.tasks, *stream.evaluate_only),
        )
        self.created = values["created"]
        self.index, self.trained, self.heads = values["stage"], values["trained"], values["heads"]
        self.reused = values["reused"]
        self.pool, self.start = found.pool, found.part("start", values["start"])
        # Of the stage in progress the tasks are not known yet; of a trained one they are.
        known = self._known(self.index + self.trained)
        put_back(self.start, self.model, self.method.strategy, known)
        self.writer.cut_log(values["log"])
        self._settle()
        self._stage_mark = values["begun"]
        stage = Found.of(found) if "after" in values else None
        if stage is None or not (stage.after or stage.phase):
            self.keeper.block()
        self.observer.resumed(self.method.label, self.index, found.place(len(self.stages)))
        return stage

    def _tell(self, hook: str, **facts: Any) -> None:
        """Call an observation hook; a plugin that fails to observe must not cost the run."""
        if world().rank:
            return
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
        """Take the stage from the store, or train it, from its start or from where it was."""
        if found is None:
            self.heads = len(self.model.heads)
        with self.shelf.held(self.index):
            self.ledger.meter.go_on()  # waiting for another run costs nothing
            kept = self.shelf.find(self.index)
            self.reused = kept is not None and self._take_over(stage, kept)
            if not self.reused:
                self._train_here(stage, found)
        self.keeper.at_boundary()

    def _take_over(self, stage: Stage, kept: KeptStage) -> bool:
        """Become what the stage left where it was trained; False: that cannot be."""
        model, method, known = self.model, self.method, self._known(self.index + 1)
        if not kept.independent:
            method = self.prepared.new_method(self.method.label)
            model = self.prepared.new_model()
            method.strategy.start(model)
            try:
                kept.become(model, method.strategy, known)
            except NotWholeError as error:
                self.shelf.cannot_take(self.index, str(error))
                return False
        with self.keeper.interrupts.deferred():
            if kept.independent:
                kept.add_to(model)
            self.model, self.method = model, replace(self.method, strategy=method.strategy)
            self._forget_progress()
            self.ledger.take_over(kept.cost)
            self.ledger.meter.measure(method.strategy, model)
            for record in kept.log:
                self._log(record | ({"step": stage.step} if "step" in record else {}))
            for note in kept.notes:
                self._note(note)
            self.trained = True
            self._new_start()  # which can be put back: it has been, just now
        return True

    def _forget_progress(self) -> None:
        """Go back to where the stage began: it is taken whole from elsewhere."""
        begun = self._stage_mark
        self.writer.cut_log(begun["log"])
        self.ledger.notes = list(begun["ledger"]["notes"])
        self.ledger.meter.load_state(begun["ledger"]["meter"])
        self.keeper.block()

    def _train_here(self, stage: Stage, found: Found | None) -> None:
        meter, strategy = self.ledger.meter, self.method.strategy
        if found is None:
            meter.begin_stage()
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
            images = self.current.trainer.images
            self.ledger.trained_images += images
            meter.count_training()
            self.current, self.trained = None, True
            notes = self.ledger.notes[len(self._stage_mark["ledger"]["notes"]) :]
            self._new_start()
            known = self._known(self.index + 1)
            lost = lost_by_strategy(self.start, self.prepared, self.method, known)
            self._block(lost)
            self._keep(images, notes, lost)
        meter.go_on()  # keeping it is no training

    def _keep(self, images: int, notes: list[str], lost: str) -> None:
        """Put the stage that was just trained into the store."""
        if self.shelf.address(self.index) is None:
            return
        self.shelf.keep(
            self.index,
            self.model,
            self.method.strategy,
            heads=self.heads,
            end=self.start,
            lost=lost,
            cost=self.ledger.meter.stage_cost(self._stage_mark["ledger"]["meter"], images),
            log=self.writer.log_since(self._stage_mark["log"]),
            notes=notes,
        )

    def _new_start(self) -> None:
        """The stage is over: all that is needed from here on is how it left things."""
        self.pool = TensorPool()
        self.start = take(self.model, self.method.strategy, self.pool)
        check_in_step(self.start.digests(), f"after the training of stage {self.index + 1}")
        self._settle()

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
        if address := self.shelf.address(self.index):
            summary |= {"address": address, "reused": self.reused}
        ledger.counted_seconds = ledger.meter.train_seconds
        ledger.stage_seconds.append(summary)
        self._log({"event": "stage", **summary})
        self.observer.stage_end(self.method.label, summary)
        self.index, self.trained, self.reused = self.index + 1, False, False
        self._settle()
        self._stage_mark = self._settled
        found = map(digest_of, self._settled_tensors.values())
        check_in_step(found, f"after the evaluation of stage {self.index}")
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
            "reused": self.reused,
            "start": self.start.values,
            "begun": self._stage_mark,
            **self._settled,
        }
        if self.current is not None:
            if self.current.trainer.phase is not None:  # in a phase what was logged stays so
                self.ledger.meter.count_training()
                ledger = self._settled["ledger"] | self.ledger.told()
                values |= {"log": self.writer.log_mark(), "ledger": ledger}
            about, found = self.current.state(pool)
            values, entries = values | about, entries | found
        return Position(values, entries, pool)

    def _test_sets(self, stage: Stage) -> tuple[Task, ...]:
        stream = self.prepared.stream
        final = stage.step == len(stream.stages)
        return (*stream.tasks, *stream.evaluate_only) if final else stream.tasks

    def _note(self, text: str) -> None:
        self.ledger.notes.append(text)
        self._observe(text)

    def _observe(self, text: str) -> None:
        self.observer.note(f"{self.method.label}: {text}")

    def _write_results(
        self, model: QualityModel, record: dict[str, Any], evaluator: Evaluator
    ) -> MethodResult:
        writer, stream = self.writer, self.prepared.stream
        predictions, labels = write_tables(writer, self.ledger.predictions, stream)
        gate_values = write_checkpoint(writer, model, self.method.gates)
        notes = [note for plan in self.method.gates for note in plan.gate.notes]
        for note in notes:
            self.observer.note(f"{self.method.label}: {note}")
        cost = cost_record(
            self.ledger.meter,
            self.method,
            model,
            features=self.prepared.features,
            trained_images=self.ledger.trained_images,
            gate_values=gate_values,
        )
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
