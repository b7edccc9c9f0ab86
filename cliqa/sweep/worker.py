"""A worker process of `--executor local`: `python -m cliqa.sweep.worker`, which people do not call.

It reads names of cells from its standard input, a line each, and answers each with a line of JSON.
Its input ends when its driver does, however that ends: then it saves its run and leaves, so that
the next driver finds no folder that is locked for ever.
"""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cliqa.registry import Registry
    from cliqa.sweep.cellrun import CellRunner
    from cliqa.sweep.folder import Failure

__all__ = ["main"]

#: Seconds to save a run after the driver is gone.
_GRACE: Final = 60.0


def main() -> None:
    """Run cells until the standard input ends."""
    settings = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what plugins print is no answer
    names: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_listen, args=(names, busy), daemon=True).start()
    runner: CellRunner | None = None
    while (name := names.get()) is not None:
        busy.set()
        with _Log(Path(settings["folder"]) / "logs" / f"{name}.log"):
            runner = runner or _runner(settings)
            failure = _run(runner, name)
        busy.clear()
        leaving = failure is not None and failure.transient
        text = json.dumps({"failure": failure and asdict(failure), "leaving": leaving})
        with suppress(BrokenPipeError):
            answers.write(text + "\n")
        if leaving:  # a GPU's context may be broken, memory fragmented: others start afresh
            return


def _listen(names: queue.SimpleQueue[str | None], busy: threading.Event) -> None:
    for line in sys.stdin:
        names.put(line.rstrip("\n"))
    names.put(None)
    if busy.is_set():  # the driver is gone, or is stopping
        # To the main thread: a signal that another one takes does not wake it.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        end = threading.Timer(_GRACE, os._exit, (1,))
        end.daemon = True
        end.start()


def _runner(settings: dict[str, Any]) -> CellRunner:
    from cliqa.registry import Registry
    from cliqa.sweep.cellrun import CellRunner
    from cliqa.sweep.folder import SweepFolder

    def registries(files: list[Path]) -> Registry:
        third_party, strict = settings["third_party"], settings["strict"]
        return Registry.discover(third_party=third_party, strict=strict, local_files=files)

    return CellRunner(
        SweepFolder(Path(settings["folder"])), settings["executor"], settings["threads"], registries
    )


def _run(runner: CellRunner, name: str) -> Failure | None:
    from cliqa.resume import Interrupted, Interrupts

    try:
        with Interrupts() as interrupts:
            return runner.read(name, interrupts)
    except Interrupted as stop:
        sys.exit(stop.exit_code)


class _Log:
    """What is printed over a cell goes to a file, native crashes included; an empty one goes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
        except OSError:
            handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.close(handle)
        faulthandler.enable(2)

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
            if self._path.stat().st_size == 0:
                self._path.unlink()


if __name__ == "__main__":
    main()
