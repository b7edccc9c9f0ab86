"""Runs that are cut off at a chosen moment, and what two bundles have in common."""

from __future__ import annotations

import json
import subprocess
import sys

from cliqa.run import Observer, run


class Process(subprocess.Popen):
    """The command line in a process of its own, as a terminal starts it.

    Args:
        arguments: of `cliqa`.
    """

    def __init__(self, *arguments):
        # Children of a background job inherit that Ctrl-C is ignored; a terminal's do not.
        code = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from cliqa.cli import main; main()"
        )
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipe = subprocess.PIPE
        super().__init__(command, stdout=pipe, stderr=pipe, text=True)


class Killed(BaseException):
    """Nothing catches it: the process is as good as dead."""


class Killer(Observer):
    """Counts every moment that an observer hears of, and kills at one of them.

    Args:
        at: the number of the moment, from 0; None: never.
        how: what to do then; default: raise `Killed`.
    """

    def __init__(self, at=None, how=None):
        self.at, self.how = at, how
        self.count, self.notes, self.places, self.moments = 0, [], [], []

    def _moment(self, name):
        self.moments.append(name)
        self.count += 1
        if self.count - 1 == self.at:
            if self.how is None:
                raise Killed(name)
            self.how()

    def note(self, text):
        self.notes.append(text)

    def resumed(self, method, stages, place):
        self.places.append((method, stages, place))

    def stage_start(self, method, step, steps, tasks):
        self._moment(f"{method} stage {step}")

    def phase_start(self, name, samples):
        self._moment(f"phase {name}")

    def advance(self, samples):
        self._moment("step")

    def epoch(self, record):
        self._moment("epoch")

    def evaluating(self):
        self._moment("evaluating")

    def stage_end(self, method, summary):
        self._moment("stage end")


def go(config, out, at=None, how=None, **options):
    """Run until killed or finished; returns the observer."""
    killer = Killer(at, how)
    try:
        run(config, out, observer=killer, **options)
    except Killed:
        return killer
    return killer


#: What differs between a run that was cut off and one that was not, and between any two runs.
TIMES = {
    "created", "finished", "resumed", "attempts", "stage_seconds", "peak_memory_mb",
    "train_seconds", "train_cpu_seconds", "evaluate_seconds", "seconds",
}  # fmt: skip


def without_times(value):
    """JSON without its times and without what tells of interruptions."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in TIMES}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def content(folder):
    """Path -> what must be equal in two bundles of one run: bytes, or JSON without its times."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name.endswith("train_log.jsonl"):
            found[name] = [without_times(json.loads(s)) for s in path.read_text().splitlines()]
        elif name.endswith("run.json"):
            found[name] = without_times(json.loads(path.read_text()))
        elif name.endswith("SHA256SUMS"):
            found[name] = [line.split()[1] for line in path.read_text().splitlines()]
        else:
            found[name] = path.read_bytes()
    return found


def unlike(one, other):
    """Names of what differs."""
    a, b = content(one), content(other)
    return [name for name in sorted({*a, *b}) if a.get(name) != b.get(name)]
