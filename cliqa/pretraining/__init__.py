"""Jobs that prepare weights before a run: `cliqa pretrain`.

A plugin offers a job by the hook `cliqa_pretrainings`, as a subclass of `Pretraining` whose
settings derive from `cliqa.config.PretrainingConfig`. The command gives it a network and writes
what it returns to one file, from which runs take it by path, or by name once a plugin ships it.
"""

from cliqa.pretraining.job import (
    Pretraining,
    PretrainingContext,
    PretrainingObserver,
    PretrainingOutcome,
)
from cliqa.pretraining.runner import PretrainingReport, pretrain

__all__ = [
    "Pretraining",
    "PretrainingContext",
    "PretrainingObserver",
    "PretrainingOutcome",
    "PretrainingReport",
    "pretrain",
]
