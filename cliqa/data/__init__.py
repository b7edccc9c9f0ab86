"""Rated images: the dataset contract, splits, task streams, pixels.

A dataset plugin needs `RatedDataset` and `COLUMNS` only.
"""

from cliqa.data.build import build_dataset, divide
from cliqa.data.images import centre_crop, test_view, training_view
from cliqa.data.photographs import PHOTOGRAPHS, Photograph
from cliqa.data.pixels import PixelStore
from cliqa.data.rated import COLUMNS, RatedDataset
from cliqa.data.reader import ImageReader
from cliqa.data.resize import ORIGINAL, Resize
from cliqa.data.split_match import read_split
from cliqa.data.split_sources import SplitSource, find_split
from cliqa.data.splits import (
    Split,
    SplitRecord,
    make_split,
    parted_groups,
    split_digest,
    split_record,
)
from cliqa.data.stream import ORDERS, Task, TaskStream, arrange, by_distortion, group_stages

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
    "SplitRecord",
    "SplitSource",
    "Task",
    "TaskStream",
    "arrange",
    "build_dataset",
    "by_distortion",
    "centre_crop",
    "divide",
    "find_split",
    "group_stages",
    "make_split",
    "parted_groups",
    "read_split",
    "split_digest",
    "split_record",
    "test_view",
    "training_view",
]
