"""Trackers: other programs that show a run while it goes on, and keep it beside others.

`train_log.jsonl` in the run's folder is the record of a run. A tracker copies it elsewhere
(TensorBoard, MLflow, ...); whatever becomes of one, the run goes on and its result is the same.
"""

from __future__ import annotations

from cliqa.tracking.contract import Ending, TrackedRun, Tracker
from cliqa.tracking.values import final_scalars, flat, require, scalars

__all__ = ["Ending", "TrackedRun", "Tracker", "final_scalars", "flat", "require", "scalars"]
