"""Rated images: the dataset contract, splits, task streams, pixels.

A dataset plugin needs `RatedDataset` and `COLUMNS` only.
"""

from cliqa.data.images import ImageReader, test_view, training_view
from cliqa.data.photographs import PHOTOGRAPHS, Photograph
from cliqa.data.rated import COLUMNS, RatedDataset
from cliqa.data.splits import Split, make_split
from cliqa.data.stream import ORDERS, Task, TaskStream, arrange, by_distortion, group_stages

__all__ = [
    "COLUMNS",
    "ORDERS",
    "PHOTOGRAPHS",
    "ImageReader",
    "Photograph",
    "RatedDataset",
    "Split",
    "Task",
    "TaskStream",
    "arrange",
    "by_distortion",
    "group_stages",
    "make_split",
    "test_view",
    "training_view",
]
