"""One stage of one method: trained from its start, or gone on with from any step.

The code of a strategy between its phases depends on the model as the phases before left it: it
copies a teacher, caches features, adds heads. So a stage that goes on is played again: the
generator of phases runs from its start, each phase that is over is not trained but leaves what it
left, and the one in progress goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from cliqa.resume import NotWholeError, Snapshot, TensorPool, put_back_in_place, take
from cliqa.seeds import named_seed
from cliqa.training import Phase, Stage, TaskContext, Trainer
from cliqa.training.trainer import trained_outside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cliqa.data import Task
    from cliqa.model import QualityModel
    from cliqa.resume import Entry
    from cliqa.run.keeper import Keeper
    from cliqa.run.observer import Observer
    from cliqa.run.prepare import Prepared
    from cliqa.training import Strategy

__all__ = ["Found", "StageRun"]


@dataclass(frozen=True)
class Found:
    """How far a stage was.

    Attributes:
        after: the model and strategy after each phase that is over.
        phase: the phase in progress; None between phases.
        last: optimiser state that the last phase left, where none is in progress.
        images: images trained on so far.
    """

    after: list[Snapshot]
    phase: Snapshot | None
    last: Snapshot | None
    images: int

    @classmethod
    def of(cls, saved: Snapshot) -> Found:
        """What `StageRun.state` gave."""
        values = saved.values
        after = [saved.part(f"after/{n}", about) for n, about in enumerate(values["after"])]
        phase = saved.part("phase", values["phase"]) if values["phase"] else None
        last = saved.part("last", {"rates": values["rates"]}) if values["rates"] else None
        return cls(after, phase, last, values["images"])


@dataclass
class StageRun:
    """Trains one stage.

    Args:
        prepared: the run.
        strategy: the method.
        model: its model, as the stage before left it.
        stage: which stage.
        pool: where copies of tensors are kept while the stage lasts.
        keeper: saves the run where it can be.
        observer: told what happens.
        log: takes the records of the run's log.
        note: takes what the user must see.
        measure: looks at what the method holds, after every phase.
        settle: called where nothing is half done: after every phase.
        ready: called when the stage has become what it was.
    """

    prepared: Prepared
    strategy: Strategy
    model: QualityModel
    stage: Stage
    pool: TensorPool
    keeper: Keeper
    observer: Observer
    log: Callable[[dict[str, Any]], None]
    note: Callable[[str], None]
    measure: Callable[[], None]
    settle: Callable[[], None]
    ready: Callable[[], None]
    after: list[Snapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        tasks = self.prepared.stream.tasks
        self.tasks = tuple(tasks[t] for t in self.stage.tasks)
        self.names = "+".join(task.name for task in self.tasks)
        self.trainer = Trainer(
            log=self._log_epoch,
            progress=self.observer.advance,
            whole=self.keeper.interrupts.deferred,
            after_step=self.keeper.after_step,
        )
        self._again = False  # what is played again was logged before

    def train(self, known: tuple[Task, ...], found: Found | None = None) -> None:
        """Train the stage, from its start or from where it was.

        Args:
            known: tasks of the stages before.
            found: how far it was.

        Raises:
            NotWholeError: the strategy does not become what it was.
        """
        self._known = known
        context = self._begin()
        phases = iter(self.strategy.phases(context))
        number = 0
        if found is not None:
            self._again = bool(found.after or found.phase)
            self.trainer.images = found.images
            number = self._play_again(phases, context, found)
        while (phase := self._next(phases, number)) is not None:
            self._announce(phase)
            self.trainer.begin(phase, context).train()
            self._phase_over(phase)
            number += 1
        self._seed("end")
        self.strategy.end_stage(context)
        self.measure()

    def _begin(self) -> TaskContext:
        prepared, model = self.prepared, self.model
        self._seed("begin")
        context = TaskContext(
            model=model,
            objective=prepared.objective,
            stage=self.stage,
            tasks=self.tasks,
            head=self.strategy.begin_stage(model, [task.name for task in self.tasks]),
            config=prepared.config.run.train,
            compute=prepared.compute,
            seed=prepared.seed,
            log=lambda record: None if self._again else self.log(record),
            note=lambda text: None if self._again else self.note(text),
        )
        model.to(prepared.compute.device)  # a head that was just added
        return context

    def _play_again(self, phases: Iterator[Phase], context: TaskContext, found: Found) -> int:
        for number, left in enumerate(found.after):
            phase = self._expect(phases, number, left.values["phase"])
            run = self.trainer.begin(phase, context)
            put_back_in_place(left, self.model, self.strategy, run.outside(), self._known)
            self.after.append(left)
            if number == len(found.after) - 1 and found.last is not None:
                self.trainer.load_optimizer_state(
                    found.last.values["rates"], found.last.tensors("optimizer")
                )
            self.trainer.end()
        number = len(found.after)
        if found.phase is None:
            self._ready()
            return number
        phase = self._expect(phases, number, found.phase.values["run"]["name"])
        self._announce(phase)
        run = self.trainer.begin(phase, context)
        put_back_in_place(found.phase, self.model, self.strategy, run.outside(), self._known)
        run.load(
            found.phase.values["run"],
            found.phase.tensors("optimizer"),
            found.phase.tensors("best"),
        )
        self.observer.advance(run.samples)
        self._ready()
        run.train()
        self._phase_over(phase)
        return number + 1

    def _expect(self, phases: Iterator[Phase], number: int, name: str) -> Phase:
        """The next phase, which must be the one that it was."""
        phase = self._next(phases, number)
        if phase is None or phase.name != name:
            now = "there is none" if phase is None else f"it is `{phase.name}`"
            raise NotWholeError(f"the next phase was `{name}`, and now {now}")
        return phase

    def _ready(self) -> None:
        """It is where it was: from here on it is logged and saved again."""
        self._again = False
        self.ready()

    def _next(self, phases: Iterator[Phase], number: int) -> Phase | None:
        self._seed(f"phase {number}")
        return next(phases, None)

    def _phase_over(self, phase: Phase) -> None:
        with self.keeper.interrupts.deferred():
            self.trainer.end()
            self.measure()
            outside = trained_outside(phase, self.model)
            left = take(self.model, self.strategy, self.pool, outside, phase=phase.name)
            self.after.append(left)
            self.settle()
        self.keeper.at_boundary()

    def _announce(self, phase: Phase) -> None:
        self.observer.phase_start(phase.name, phase.batches.samples * phase.epochs)

    def _log_epoch(self, record: dict[str, Any]) -> None:
        self.log(record)
        self.observer.epoch(record)

    def _seed(self, place: str) -> None:
        """Let what a strategy draws from torch between its phases be a function of the place."""
        torch.manual_seed(named_seed(self.prepared.seed, "between", self.names, place))

    def state(self, pool: TensorPool) -> tuple[dict[str, Any], dict[str, Entry]]:
        """How far it is, for `Found.of`; tensors go to `pool`, whose parent is the stage's own."""
        entries = {
            f"after/{n}/{k}": e for n, s in enumerate(self.after) for k, e in s.entries.items()
        }
        values: dict[str, Any] = {
            "after": [snapshot.values for snapshot in self.after],
            "images": self.trainer.images,
            "phase": None,
            "rates": None,
        }
        run = self.trainer.phase
        if run is not None:
            now = take(self.model, self.strategy, pool, run.outside())
            about, tensors = run.state()
            values["phase"] = now.values | {"run": about}
            entries |= {f"phase/{name}": entry for name, entry in now.entries.items()}
            entries |= pool.add(tensors, "phase/")
        elif self.after:
            values["rates"], tensors = self.trainer.optimizer_state()
            entries |= pool.add(tensors, "last/optimizer/")
        return values, entries
