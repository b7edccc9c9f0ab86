"""Sweeps: a grid of runs, planned as a whole and run cell by cell.

`plan_sweep` says what there is to run; `SweepFolder` what has been run; `cliqa.sweep.execute`,
which loads torch, runs it; `sweep_table` shows what came out.
"""

from cliqa.sweep.folder import CellState, Failure, SweepFolder
from cliqa.sweep.plan import Cell, Plan, plan_sweep
from cliqa.sweep.report import finished_bundles, sweep_table

__all__ = [
    "Cell",
    "CellState",
    "Failure",
    "Plan",
    "SweepFolder",
    "finished_bundles",
    "plan_sweep",
    "sweep_table",
]
