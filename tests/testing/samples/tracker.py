"""Wrong trackers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cliqa_samples import fault
from cliqa_samples.right import Columns

fault("tracker", "is-a-tracker", "made a dict")(lambda _: {})


@fault("tracker", "follows-a-run", "it raised TypeError")
class TakesAllForNumbers(Columns):
    def record(self, number, record):
        self.write(number, record["event"], round(record["validation_srcc"], 3))


@fault("tracker", "writes-nothing-before-start", "`mine.log`")
class OpensAtOnce(Columns):
    def __init__(self, config):
        super().__init__(config)
        Path("mine.log").write_text("ready")


@fault("tracker", "writes-only-into-its-folder", "`out/ft/numbers.tsv`")
class WritesIntoTheResult(Columns):
    def start(self, run):
        super().start(run)
        (run.bundle / "numbers.tsv").write_text("")


@fault("tracker", "close-writes-what-is-held", "`trackers/mine/numbers.tsv`")
class LeavesItOpen(Columns):
    def close(self, ending):
        pass


@fault("tracker", "takes-every-ending", "it raised ZeroDivisionError")
class Averages(Columns):
    def start(self, run):
        super().start(run)
        self.seen = []

    def record(self, number, record):
        super().record(number, record)
        self.seen.append(number)

    def close(self, ending):
        self.write(0, "mean", sum(self.seen) / len(self.seen))
        super().close(ending)


@fault("tracker", "goes-on-after-an-interruption", "it raised FileExistsError")
class BeginsTwice(Columns):
    def start(self, run):
        run.folder.mkdir(parents=True)
        super().start(run)


@fault("tracker", "remembers-text", "`line: 3`")
class RemembersNumbers(Columns):
    def task_end(self, number, summary):
        self.run.remember({"line": number})


@fault("tracker", "runs-do-not-mix", "not in the class")
class OneForAll(Columns):
    opened: dict = {}  # noqa: RUF012

    def open(self, path):
        folder = path.parent.parent.parent.parent  # methods of one run are beside each other
        return self.opened.setdefault(folder, path).open("a")


@fault("tracker", "leaves-the-process-alone", "the random numbers of numpy")
class NamesByChance(Columns):
    def start(self, run):
        super().start(run)
        self.write(0, "name", np.random.randint(1000))
