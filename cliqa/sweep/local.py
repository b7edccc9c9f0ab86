"""Workers on this machine: processes of their own, each with its share of the cores and a GPU."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliqa.errors import ConfigError
from cliqa.results.files import explained
from cliqa.sweep.folder import Failure
from cliqa.sweep.pool import Ended, Pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliqa.sweep.folder import SweepFolder

__all__ = ["Local", "slots"]


def slots(
    workers: int | None = None, gpus: Sequence[str] = (), per_gpu: int | None = None
) -> list[dict[str, str]]:
    """The environment of each worker.

    Args:
        workers: how many there are; default 2, with `gpus` what those give.
        gpus: what `CUDA_VISIBLE_DEVICES` calls the GPUs to use; none: it is left as it is.
        per_gpu: how many workers share one; default 1.

    Raises:
        ConfigError: the numbers do not fit each other.

    >>> slots(gpus=["0", "1"], per_gpu=2)[:3]
    [{'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '1'}, {'CUDA_VISIBLE_DEVICES': '0'}]
    """
    if per_gpu and not gpus:
        raise ConfigError("--per-gpu says how many workers share a GPU; name those with --gpus")
    if not gpus:
        return [{} for _ in range(2 if workers is None else workers)]
    if len(set(gpus)) < len(gpus):
        raise ConfigError(f"--gpus {','.join(gpus)}: one is named twice; use --per-gpu to share it")
    places = [{"CUDA_VISIBLE_DEVICES": gpu} for _ in range(per_gpu or 1) for gpu in gpus]
    if workers is not None and workers > len(places):
        raise ConfigError(
            f"--workers {workers}: {len(gpus)} GPUs with {per_gpu or 1} workers each have room for "
            f"{len(places)}; raise --per-gpu, or leave --workers out"
        )
    return places[:workers]


@dataclass(eq=False)
class _Worker:
    """A process, and the cell it is at."""

    process: subprocess.Popen[bytes]
    place: int
    cell: str | None = None
    leaving: bool = False
    answer: bytes = b""


@dataclass
class Local(Pool):
    """Runs cells in worker processes, which stay for as long as there are cells.

    Args:
        folder: the sweep's.
        places: the environment of each worker, as `slots` gives it.
        threads: CPU threads of a run whose configuration says nothing; default: the cores of this
            process divided by the workers, however few cells are left for them: the numbers of a
            run depend on its threads.
        third_party: load plugins of others.
        strict: stop if a plugin is broken.
    """

    folder: SweepFolder
    places: Sequence[Mapping[str, str]]
    threads: int | None = None
    third_party: bool = True
    strict: bool = False
    _workers: list[_Worker] = field(default_factory=list)
    _events: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def room(self) -> int:
        """See `Pool.room`."""
        return len(self.places) - sum(w.cell is not None or w.leaving for w in self._workers)

    def start(self, cell: str) -> None:
        """See `Pool.start`."""
        idle = [w for w in self._workers if w.cell is None and not w.leaving]
        worker = idle[0] if idle else self._new()
        worker.cell = cell
        assert worker.process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            worker.process.stdin.write(f"{cell}\n".encode())
        except BrokenPipeError:
            return  # its end is told by `wait`

    def wait(self, seconds: float) -> Sequence[Ended]:
        """See `Pool.wait`."""
        ended = []
        for key, _ in self._events.select(seconds):
            worker: _Worker = key.data
            text = os.read(key.fd, 1 << 16)
            worker.answer += text
            *lines, worker.answer = worker.answer.split(b"\n")
            ended += [self._answered(worker, json.loads(line)) for line in lines]
            if not text:
                ended += self._gone(worker)
        return ended

    def stop(self) -> None:
        """See `Pool.stop`."""
        busy = [worker for worker in self._workers if worker.cell is not None]
        for worker in busy:
            worker.process.send_signal(signal.SIGTERM)
        for worker in busy:  # whose input stays open: its end would be a second signal
            worker.process.wait()
        self._leave()

    def close(self) -> None:
        """See `Pool.close`."""
        for worker in self._workers:
            if worker.cell is not None:
                worker.process.kill()
        self._leave()
        self._events.close()

    def _leave(self) -> None:
        for worker in self._workers:
            assert worker.process.stdin is not None  # noqa: S101 - it is a pipe
            try:
                worker.process.stdin.close()
            except BrokenPipeError:
                continue
        for worker in list(self._workers):
            worker.process.wait()
            self._forget(worker)

    def _new(self) -> _Worker:
        taken = {worker.place for worker in self._workers}
        place = next(n for n in range(len(self.places)) if n not in taken)
        threads = self.threads or max(1, _cores() // len(self.places))
        settings: dict[str, Any] = {
            "folder": str(self.folder.path.absolute()),
            "executor": "local",
            "threads": threads,
            "third_party": self.third_party,
            "strict": self.strict,
        }
        # What the current folder holds is no module, unless it is one to this process too.
        isolated = [] if {"", str(Path.cwd())} & set(sys.path) else ["-P"]
        with explained("start", Path(sys.executable)):
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, *isolated, "-m", "cliqa.sweep.worker", json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": str(threads), **self.places[place]},
                bufsize=0,
                start_new_session=True,  # Ctrl-C is the driver's, which passes it on once
            )
        worker = _Worker(process, place)
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        self._events.register(process.stdout, selectors.EVENT_READ, worker)
        self._workers.append(worker)
        return worker

    def _answered(self, worker: _Worker, answer: dict[str, Any]) -> Ended:
        cell, worker.cell = worker.cell, None
        assert cell is not None  # noqa: S101 - a worker answers once a cell
        worker.leaving = answer["leaving"]
        failure = answer["failure"] and Failure(**answer["failure"])
        return Ended(cell, failure)

    def _gone(self, worker: _Worker) -> list[Ended]:
        code = worker.process.wait()
        self._forget(worker)
        if worker.cell is None:
            return []
        return [Ended(worker.cell, lost=_how(code) + self._printed(worker.cell))]

    def _forget(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None  # noqa: S101 - it is a pipe
        assert worker.process.stdin is not None  # noqa: S101 - it is a pipe
        self._events.unregister(worker.process.stdout)
        worker.process.stdout.close()
        worker.process.stdin.close()
        self._workers.remove(worker)

    def _printed(self, cell: str) -> str:
        file = self.folder.log_file(cell)
        there = file.exists() and file.stat().st_size > 0
        return f"; what it printed is in {file}" if there else ""


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _how(code: int) -> str:
    """How a process ended, in words."""
    if code == -signal.SIGKILL:
        return "its process was killed by SIGKILL, as the system does when memory runs out"
    if code < 0 or code > 128:
        number = -code if code < 0 else code - 128
        try:
            return f"its process was ended by {signal.Signals(number).name}"
        except ValueError:
            pass
    return f"its process ended with exit code {code}"
