"""A whole run: the method of the configuration and those trained beside it."""

from __future__ import annotations

import errno
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cliqa.cache import cache_folder
from cliqa.distributed import agreed, joined, one_before_the_others, world
from cliqa.errors import ResultError
from cliqa.results import (
    Bundle,
    FolderState,
    check_folder,
    check_sums,
    folder_state,
    is_finished,
    prepare_folder,
)
from cliqa.results.folder import clear_checkpoints
from cliqa.results.layout import LOCK
from cliqa.results.lock import folder_lock
from cliqa.resume import Interrupted, Interrupts, NotWholeError, ResumeStore
from cliqa.run.identity import identity
from cliqa.run.keeper import Keeper
from cliqa.run.method import MethodResult, MethodRun
from cliqa.run.observer import Observer
from cliqa.run.prepare import prepare, run_device
from cliqa.run.shared import shared_ways, writer_of
from cliqa.run.strict import strictly
from cliqa.run.way_back import ways_back
from cliqa.stages import chosen_store
from cliqa.tracking.tracking import Tracking
from cliqa.training import DivergedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliqa.config import ResolvedConfig
    from cliqa.results import BundleWriter
    from cliqa.run.built import BuiltDatasets
    from cliqa.run.prepare import Method, Prepared
    from cliqa.run.way_back import WayBack
    from cliqa.stages import StageStore

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class RunReport:
    """What a run gave.

    Attributes:
        folder: the bundle of the configuration's own method; those of `compare` lie in
            `compare/LABEL` inside it.
        results: method label -> content of its `metrics.json`.
        costs: method label -> the entry `cost` of its `run.json`.
        told_task_id: labels of the gates that are told the task id.
        pseudo_scores: test set -> True if no human rated its very images.
        seconds: wall time.
    """

    folder: Path
    results: dict[str, dict[str, Any]]
    costs: dict[str, dict[str, Any]]
    told_task_id: tuple[str, ...]
    pseudo_scores: dict[str, bool]
    seconds: float


def run(
    config: ResolvedConfig,
    out: Path,
    *,
    force: bool = False,
    observer: Observer | None = None,
    datasets: BuiltDatasets | None = None,
    interrupts: Interrupts | None = None,
    store: StageStore | None = None,
) -> RunReport:
    """Train and evaluate every method of a configuration and write their bundles.

    Nothing is written before every part has been built and checked, every image included. An
    unfinished run in `out` goes on where its last checkpoint was taken.

    Started by `torchrun`, several processes share the work: process 0 writes, observes and decides
    where the run goes on.

    Args:
        config: what to run.
        out: folder of the result, as process 0 names it; must be new, empty, or hold an
            unfinished run.
        force: replace a finished run in `out`, and start an unfinished one over.
        observer: told what happens.
        datasets: shared with other runs of this process; default: this run builds its own.
        interrupts: what may stop it; default: nothing that it could save itself from.
        store: where stages that other runs have trained are taken from, and its own are kept;
            default: as the configuration says.

    Raises:
        CliqaError: a mistake of the user's, named.
        Interrupted: a signal stopped it; its text says whether it was saved.
    """
    started = time.perf_counter()
    observer, interrupts = observer or Observer(), interrupts or Interrupts()
    store = chosen_store(config.run.store) if store is None else store
    if config.run.threads is not None:
        torch.set_num_threads(config.run.threads)
    with (
        joined(run_device(config.run)) as here,
        ExitStack() as held,
        strictly(config.run.strict),
    ):
        if here.rank:
            observer = Observer()
        out = Path(agreed(lambda: str(out)))
        early = agreed(lambda: _hold_early(out, held, force=force))
        if store is not None and here.size == 1:
            store.open()
        with one_before_the_others(lambda: cache_folder(config.run.cache.folder) is not None):
            prepared = prepare(config, datasets, observer)
        if not early and not here.rank:
            _hold(out, held, force=force)
        done = _Runs(prepared, out, observer, interrupts, store, force=force)()
    told = {p.label for m in prepared.methods for p in m.gates if p.gate.uses_task_id}
    sets = (*prepared.stream.tasks, *prepared.stream.evaluate_only)
    return RunReport(
        folder=out,
        results={label: found.metrics for label, found in done.items()},
        costs={label: found.cost for label, found in done.items()},
        told_task_id=tuple(sorted(told)),
        pseudo_scores={t.name: t.dataset.pseudo_scores for t in sets},
        seconds=time.perf_counter() - started,
    )


def _hold_early(out: Path, held: ExitStack, *, force: bool) -> bool:
    """Lock a folder that is there already; returns whether it is.

    A second process is told at once, not after it has checked all images.
    """
    if is_finished(out) and not force:
        clear_checkpoints(out)  # left by a process that was killed at the very end
    check_folder(out, force=force)
    early = folder_state(out) is not FolderState.NEW
    if early:
        held.enter_context(folder_lock(out / LOCK, "run"))
    return early


def _hold(out: Path, held: ExitStack, *, force: bool) -> None:
    """Make the folder and lock it."""
    _make(out)
    held.enter_context(folder_lock(out / LOCK, "run"))
    check_folder(out, force=force)  # somebody else may have been quicker


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError:
        prepare_folder(out)  # says what is wrong


@dataclass
class _Runs:
    """All methods of a run, begun or gone on with."""

    prepared: Prepared
    out: Path
    observer: Observer
    interrupts: Interrupts
    stages: StageStore | None
    force: bool

    def __call__(self) -> dict[str, MethodResult]:
        self.store = ResumeStore(self.out)
        self.identity = identity(self.prepared)
        for note in self.prepared.stream.notes:
            self.observer.note(note)
        groups = self.prepared.stream.stages
        methods = self.prepared.methods
        self.observer.methods({m.label: len(m.strategy.stages(groups)) for m in methods})
        notes: list[str] = []
        ways = ways_back(self.store, self.identity, self._tell(notes), force=self.force)
        for way in shared_ways(ways):
            try:
                return self._all(way, notes)
            except NotWholeError as error:
                self._tell(notes)(f"{way.name} cannot be gone on from: {error}")
        raise AssertionError("the last way is to start over")

    def _tell(self, notes: list[str]) -> Callable[[str], None]:
        def tell(text: str) -> None:
            notes.append(text)
            self.observer.note(text)

        return tell

    def _all(self, way: WayBack, notes: list[str]) -> dict[str, MethodResult]:
        if way.over and not world().rank:
            prepare_folder(self.out, force=self.force)
        keeper = self.keeper = Keeper(
            self.store,
            self.identity,
            self.prepared.config.run.resume.minutes,
            self.interrupts,
            way.attempts,
            way.finished,
            writes=not world().rank,
        )
        if notes:
            keeper.attempts[-1]["notes"] = notes
        try:
            done = self._methods(way)
        except Interrupted as stop:
            if not stop.saved:
                self._save_at_last(stop)
            raise
        except DivergedError as error:
            raise self._diverged(error) from error
        except ResultError as error:
            raise self._with_hint(error) from error
        if not world().rank:
            clear_checkpoints(self.out)
        return done

    def _methods(self, way: WayBack) -> dict[str, MethodResult]:
        writer = writer_of(self.out)
        done: dict[str, MethodResult] = {}
        own, *others = self.prepared.methods
        done[own.label] = self._own(own, writer, way)
        for method in others:
            done[method.label] = self._beside(method, way)
        writer.finish()  # last: its sums say that the whole run is complete
        return done

    def _own(self, method: Method, writer: BundleWriter, way: WayBack) -> MethodResult:
        kept = self.keeper.finished.get(method.label)
        if kept is not None:
            if agreed(lambda: kept.items() <= writer.digests().items()):
                return self._again(method, self.out)
            raise NotWholeError(f"files of `{method.label}` were changed or removed")
        found = self._one(method, writer, way)
        self.keeper.finished[method.label] = writer.digests()
        return found

    def _beside(self, method: Method, way: WayBack) -> MethodResult:
        folder = self.out / "compare" / method.label
        finished = agreed(lambda: is_finished(folder))
        if finished and not way.over:
            faults = agreed(lambda: check_sums(folder))
            if not faults:
                return self._again(method, folder)
            self.observer.note(f"{method.label} is trained again: {faults[0]}")
        if way.method != method.label or way.position is None or finished:
            # Whatever lies there belongs to an earlier attempt at this run.
            if not world().rank:
                prepare_folder(folder, force=True)
            way = way.elsewhere()
        writer = writer_of(folder)
        found = self._one(method, writer, way)
        writer.finish()
        return found

    def _one(self, method: Method, writer: BundleWriter, way: WayBack) -> MethodResult:
        position = way.position if way.method == method.label else None
        if position is not None:
            method = self.prepared.new_method(method.label)  # an attempt before may have touched it
        self.keeper.follow(method.label, None)
        with self._tracking(method, writer.folder) as tracking:
            train = MethodRun(
                self.prepared, method, writer, self.observer, self.keeper, tracking, self.stages
            )
            try:
                return train(position)
            except Interrupted as stop:
                self._save_at_last(stop)  # before trackers are waited for
                raise

    def _tracking(self, method: Method, folder: Path) -> Tracking:
        chosen = self.prepared.config.trackers if world().rank == 0 else ()
        group = self.out.resolve().name
        return Tracking(chosen, folder, group, method.label, self.observer.note)

    def _again(self, method: Method, folder: Path) -> MethodResult:
        """What a method gave in an earlier attempt."""
        stages = len(method.strategy.stages(self.prepared.stream.stages))
        self.observer.resumed(method.label, stages, "finished")
        found = MethodResult(*agreed(lambda: _given(Bundle(folder))))
        with self._tracking(method, folder) as tracking:
            if world().rank == 0:
                tracking.finished_before(Bundle(folder).run, found.metrics)
        return found

    def _save_at_last(self, stop: Interrupted) -> None:
        saved = self.keeper.save()
        what = "saved" if saved else "what was saved last is kept"
        stop.saved = f"{what}; the same command goes on from there"

    def _diverged(self, error: DivergedError) -> DivergedError:
        if not world().rank:
            self.store.note_divergence(str(error))
        return DivergedError(
            f"{error}. The same command would come to the same step and stop again: change the "
            "settings and start over with --force, or name another --out"
        )

    def _with_hint(self, error: ResultError) -> ResultError:
        cause = error.__cause__
        full = isinstance(cause, OSError) and cause.errno in _FULL
        if not full or not self.store.names():
            return error
        return ResultError(f"{error}; what was saved is kept: the same command goes on from there")


def _given(bundle: Bundle) -> list[dict[str, Any]]:
    """Metrics and cost of a method that is done."""
    metrics = {k: v for k, v in bundle.metrics.items() if k != "schema_version"}
    return [metrics, bundle.run["cost"]]
