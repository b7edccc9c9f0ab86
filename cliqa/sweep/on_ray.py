"""Cells as tasks of Ray: on this machine, or on a cluster whose machines share the sweep's folder.

Ray places tasks by the resources that they ask for and notices machines that are gone. What is
tried again is decided by the sweep itself, which writes it down, so Ray is asked to retry nothing.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import ConfigError, ResultError
from cliqa.results.files import write_atomic
from cliqa.sweep.folder import Failure, SweepFolder
from cliqa.sweep.pool import Ended, Pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cliqa.registry import Registry

__all__ = ["OnRay", "find_ray"]

#: Bytes of Ray's own store of objects; what passes between driver and tasks is a few hundred.
_OBJECTS: Final = 80 * 1024**2
#: Seconds between two looks whether the driver is stopping.
_LOOK: Final = 1.0


def find_ray() -> None:
    """Refuse if Ray is not installed; loads nothing.

    Raises:
        ConfigError: it is not.
    """
    if find_spec("ray") is None:
        raise ConfigError(
            "--executor ray needs Ray, which is not installed; install it with "
            "`pip install 'cliqa-bench[ray]'`, or use `--executor local`"
        )


@dataclass
class OnRay(Pool):
    """Runs cells as tasks of Ray.

    Args:
        folder: the sweep's; every machine must see it at the same path, with working locks.
        address: of a cluster that is there; None: the one of `RAY_ADDRESS`, else one of our own,
            which ends with this process.
        workers: how many cells at a time; None: as many as there are resources for.
        cpus: what a cell asks for, and the threads of a run whose configuration says nothing.
        gpus: what a cell asks for; a half: two share one. Ray hides GPUs from who asks for none.
        third_party: load plugins of others.
        strict: stop if a plugin is broken.

    Raises:
        ConfigError: Ray is not installed or cannot be reached, or our own has too little for a
            single cell.
    """

    folder: SweepFolder
    address: str | None = None
    workers: int | None = None
    cpus: int = 1
    gpus: float = 0.0
    third_party: bool = True
    strict: bool = False
    _cells: dict[Any, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        find_ray()
        self._ray = _connect(self.address)
        name = f".stop-{secrets.token_hex(8)}"  # of this driver, and of no later one
        self._stop = self.folder.progress_file("any").absolute().with_name(name)
        settings = {
            "folder": str(self.folder.path.absolute()),
            "threads": self.cpus,
            "third_party": self.third_party,
            "strict": self.strict,
            "cwd": str(Path.cwd()),
            "stop": str(self._stop),
        }
        self._settings = settings
        # A process that asks for a GPU is used once, so that it gives the GPU's memory back.
        asked = self._ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=0)
        self._task = asked(_attempt)
        if self._places() == 0 and not self.address and "RAY_ADDRESS" not in os.environ:
            there = self._ray.cluster_resources()
            self.close()
            raise ConfigError(
                f"a run asks for {self.cpus} CPUs and {self.gpus:g} GPUs, and here are "
                f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g}; lower --threads, or leave "
                "--per-gpu out"
            )

    def room(self) -> int:
        """See `Pool.room`."""
        # One more than none: a cluster may grow when something waits.
        limit = max(1, self._places()) if self.workers is None else self.workers
        return limit - len(self._cells)

    def start(self, cell: str) -> None:
        """See `Pool.start`."""
        self._cells[self._task.remote(self._settings, cell)] = cell

    def wait(self, seconds: float) -> Sequence[Ended]:
        """See `Pool.wait`."""
        ready, _ = self._ray.wait(list(self._cells), num_returns=1, timeout=seconds)
        return [self._ended(reference) for reference in ready]

    def stop(self) -> None:
        """See `Pool.stop`."""
        # Not by `ray.cancel`, which wakes nobody who waits, for the lock of a stage for example.
        write_atomic(self._stop, lambda file: file.write(b""))
        begun = []
        for reference, cell in self._cells.items():
            if self.folder.progress_file(cell).exists():
                begun.append(reference)
            else:
                self._ray.cancel(reference, recursive=False)
        if begun:
            self._ray.wait(begun, num_returns=len(begun))
        self._stop.unlink(missing_ok=True)

    def close(self) -> None:
        """See `Pool.close`."""
        self._ray.shutdown()

    def _places(self) -> int:
        there = self._ray.cluster_resources()
        places = int(there.get("CPU", 0) // self.cpus)
        return min(places, int(there.get("GPU", 0) // self.gpus)) if self.gpus else places

    def _ended(self, reference: Any) -> Ended:
        cell = self._cells.pop(reference)
        try:
            failure = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # before or after the attempt itself
            return Ended(cell, self.folder.record_failure(cell, error.cause or error))
        except self._ray.exceptions.RayError as error:
            return Ended(cell, lost=_how(error))
        return Ended(cell, None if failure is None else Failure(**failure))


def _connect(address: str | None) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    import ray
    import ray.exceptions

    ours = address is None and "RAY_ADDRESS" not in os.environ
    own: dict[str, Any] = (
        {"include_dashboard": False, "object_store_memory": _OBJECTS} if ours else {}
    )
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address, log_to_driver=False, logging_level=logging.WARNING, namespace="cliqa", **own
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        where = f"at {address}" if address else "here"
        raise ConfigError(f"Ray cannot be reached or started {where}: {lines[0]}") from error
    finally:
        signal.signal(signal.SIGTERM, before)  # Ray puts its own, which saves nothing
    return ray


def _attempt(settings: dict[str, Any], cell: str) -> dict[str, Any] | None:
    """One cell, in a process of Ray's on any machine of the cluster."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    home = Path(settings["cwd"])
    if not home.is_dir() or not Path(settings["folder"]).is_dir():
        raise ResultError(
            f"a machine of the cluster does not see {home} and {settings['folder']}; every one "
            "must, at the same paths"
        )
    os.chdir(home)
    from cliqa.registry import Registry
    from cliqa.resume import Interrupts
    from cliqa.sweep.cellrun import CellRunner

    def registries(files: list[Path]) -> Registry:
        third_party, strict = settings["third_party"], settings["strict"]
        return Registry.discover(third_party=third_party, strict=strict, local_files=files)

    folder = SweepFolder(Path(settings["folder"]))
    runner = CellRunner(folder, "ray", settings["threads"], registries)
    with Interrupts() as interrupts, _stopped_by(Path(settings["stop"])):
        failure = runner.read(cell, interrupts)
    return None if failure is None else asdict(failure)


@contextmanager
def _stopped_by(file: Path) -> Iterator[None]:
    """Let the run save and leave, as a signal does, when that file is there."""
    over = threading.Event()
    main = threading.main_thread().ident or 0

    def watch() -> None:
        while not over.wait(_LOOK):
            if file.exists():
                signal.pthread_kill(main, signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _how(error: Exception) -> str:
    """How a task was lost, in a sentence; Ray's go on with hints and addresses."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    why = f": {lines[0].partition('. ')[0]}" if lines else ""
    return f"Ray lost its process ({type(error).__name__}){why}"
