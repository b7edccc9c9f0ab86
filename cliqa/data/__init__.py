"""Rated images: the dataset contract, splits, task streams, pixels.

A dataset plugin needs `RatedDataset` and `COLUMNS` only.
"""

from cliqa.data.images import test_view, training_view
from cliqa.data.photographs import PHOTOGRAPHS, Photograph
from cliqa.data.pixels import PixelStore
from cliqa.data.rated import COLUMNS, RatedDataset
from cliqa.data.reader import ImageReader
from cliqa.data.resize import ORIGINAL, Resize
from cliqa.data.splits import Split, make_split
from cliqa.data.stream import ORDERS, Task, TaskStream, arrange

__all__ = [
    "COLUMNS",
    "ORDERS",
    "ORIGINAL",
    "PHOTOGRAPHS",
    "ImageReader",
    "Photograph",
    "PixelStore",
    "RatedDataset",
    "Resize",
    "Split",
    "Task",
    "TaskStream",
    "arrange",
    "make_split",
    "test_view",
    "training_view",
]
