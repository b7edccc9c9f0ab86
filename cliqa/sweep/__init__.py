"""Sweeps: a grid of runs, planned as a whole and run cell by cell.

`plan_sweep` says what there is to run and `plan_stages` how many trainings that takes;
`SweepFolder` what has been run; `cliqa.sweep.execute` runs it; `sweep_table` shows what came out.
"""

from cliqa.sweep.folder import CellState, Failure, SweepFolder
from cliqa.sweep.missing import MissingRun, missing_runs
from cliqa.sweep.plan import Cell, Plan, plan_sweep
from cliqa.sweep.report import finished_bundles, sweep_table
from cliqa.sweep.stages import StagePlan, plan_stages
from cliqa.sweep.status import CellStatus, sweep_status

__all__ = [
    "Cell",
    "CellState",
    "CellStatus",
    "Failure",
    "MissingRun",
    "Plan",
    "StagePlan",
    "SweepFolder",
    "finished_bundles",
    "missing_runs",
    "plan_stages",
    "plan_sweep",
    "sweep_status",
    "sweep_table",
]
