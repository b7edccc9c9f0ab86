"""One attempt at a cell, whoever asks for it: this process, a worker, a task on another machine."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import torch

from cliqa.resume import ResumeStore
from cliqa.run import BuiltDatasets, run
from cliqa.sweep.folder import CellState
from cliqa.sweep.index import Index
from cliqa.sweep.plan import remembered
from cliqa.sweep.running import ProgressFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cliqa.config import ResolvedConfig
    from cliqa.config.source import RegistryFactory
    from cliqa.resume import Interrupts
    from cliqa.run import Observer
    from cliqa.stages import StageStore
    from cliqa.sweep.folder import Failure, SweepFolder

__all__ = ["CellRunner"]

#: Seconds that a process of an earlier driver is given to save its run and leave.
_PATIENCE: Final = 120.0
#: A configuration, and the stages that it may share.
_Job: TypeAlias = "tuple[ResolvedConfig, StageStore | None]"


@dataclass
class CellRunner:
    """Runs cells of one sweep, one after the other; sets that several name are built once.

    Args:
        folder: the sweep's.
        executor: its name, for the record.
        threads: CPU threads of a run whose configuration says nothing; None: torch's own choice.
        registries: makes the registry of a configuration that is read from the folder.
        patience: seconds that it waits for another process to leave the folder of a run.
    """

    folder: SweepFolder
    executor: str
    threads: int | None = None
    registries: RegistryFactory | None = None
    patience: float = _PATIENCE
    _datasets: BuiltDatasets = field(default_factory=BuiltDatasets)

    def __post_init__(self) -> None:
        if self.registries is not None:
            self.registries = remembered(self.registries)

    def read(self, name: str, interrupts: Interrupts | None = None) -> Failure | None:
        """Run a cell as the sweep's folder describes it; its progress is written there."""
        registries = self.registries
        assert registries is not None  # noqa: S101 - those who read have one

        def job() -> _Job:
            index = Index.read(self.folder.path)
            return index.config(name, registries), index.store

        with ProgressFile(self.folder.progress_file(name)) as observer:
            return self._attempt(name, job, observer, interrupts)

    def run(
        self,
        name: str,
        config: ResolvedConfig,
        store: StageStore | None = None,
        observer: Observer | None = None,
        interrupts: Interrupts | None = None,
    ) -> Failure | None:
        """Run a cell with a configuration that is at hand, and the stages that it may share."""
        return self._attempt(name, lambda: (config, store), observer, interrupts)

    def _attempt(
        self,
        name: str,
        job: Callable[[], _Job],
        observer: Observer | None,
        interrupts: Interrupts | None,
    ) -> Failure | None:
        self._wait_for_others(name)
        self.folder.clear_failure(name)
        if self.folder.state(name) is CellState.DONE:
            return None  # by whom we waited for
        log = self.folder.attempts(name)
        log.begin(self.executor)
        try:
            config, store = job()
            with _threads(self._threads_of(name)):
                run(
                    config,
                    self.folder.cell(name),
                    observer=observer,
                    datasets=self._datasets,
                    interrupts=interrupts,
                    store=store,
                )
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            failure = self.folder.record_failure(name, error)
            log.end("failed", failure.message)
            return failure
        except KeyboardInterrupt as stop:
            log.end("interrupted", str(stop))
            raise
        finally:
            gc.collect()  # models hold cycles, and the next cell builds its own
        log.end("done")
        return None

    def _wait_for_others(self, name: str) -> None:
        """Let a worker whose driver was killed save its run and leave."""
        end = time.monotonic() + self.patience
        while self.folder.at_work(name) and time.monotonic() < end:
            time.sleep(0.2)

    def _threads_of(self, name: str) -> int | None:
        """A run goes on with as many threads as it began with: its numbers depend on them."""
        state = ResumeStore(self.folder.cell(name)).read_state()
        try:
            return self.threads if state is None else int(state["identity"]["threads"])
        except (KeyError, TypeError, ValueError):
            return self.threads


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)  # a run that names its own leaves them set
