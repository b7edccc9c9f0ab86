"""Wrong jobs that prepare weights."""

from __future__ import annotations

import itertools
from dataclasses import replace

from cliqa_samples import fault
from cliqa_samples.right import Job, Nearest

from cliqa.config import PretrainingConfig
from cliqa.pretraining import PretrainingOutcome

fault("pretraining", "is-a-job", "made a Nearest")(Nearest)


@fault("pretraining", "refuses-in-words", "CliqaError", PretrainingConfig)
class JobRefusesRudely(Job):
    def check(self, backbone):
        raise ValueError("no layers")


@fault("pretraining", "gives-tensors-of-the-backbone", "does not fit", PretrainingConfig)
class JobPrefixes(Job):
    def run(self, context):
        found = super().run(context)
        tensors = {f"backbone.{name}": tensor for name, tensor in found.tensors.items()}
        return PretrainingOutcome(tensors=tensors, record={})


@fault("pretraining", "record-is-plain-and-the-same", "leave out times", PretrainingConfig)
class JobTellsTheTime(Job):
    ticks = itertools.count()

    def run(self, context):
        return replace(super().run(context), record={"seconds": next(self.ticks)})
