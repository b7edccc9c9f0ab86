"""Running a configuration: prepare everything, then train, evaluate and write each method."""

from cliqa.run.built import BuiltDatasets
from cliqa.run.observer import Observer
from cliqa.run.runner import RunReport, run

__all__ = ["BuiltDatasets", "Observer", "RunReport", "run"]
