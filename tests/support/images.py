"""Rated datasets in memory: random pictures of several sizes, with any score, group or split."""

from __future__ import annotations

import io

import datasets
import numpy as np
from PIL import Image

from cliqa.data import RatedDataset, Task, make_split
from cliqa.data.table import fingerprint

SIZES = ((24, 32), (32, 24), (28, 28))
FEATURES = datasets.Features(
    {
        "sample_id": datasets.Value("string"),
        "image": datasets.Image(),
        "score_raw": datasets.Value("float64"),
        "score_std": datasets.Value("float64"),
        "quality": datasets.Value("float64"),
        "reference": datasets.Value("string"),
        "distortion": datasets.Value("string"),
        "level": datasets.Value("int32"),
        "official_split": datasets.Value("string"),
    }
)


def encoded(pixels: np.ndarray, form: str = "PNG") -> bytes:
    """An image file's bytes."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


def random_pixels(count: int, seed: int = 0, sizes=SIZES) -> list[np.ndarray]:
    """Random pictures, uint8 (H, W, 3), that run through `sizes`; no two are alike."""
    rng = np.random.default_rng(seed)
    shapes = [sizes[i % len(sizes)] for i in range(count)]
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def make_dataset(
    name: str = "toy",
    count: int = 12,
    *,
    seed: int = 0,
    sizes=SIZES,
    images=None,
    columns=None,
    quality_range=(0.0, 10.0),
) -> RatedDataset:
    """A rated dataset of random pictures.

    Args:
        name: its name; also the start of its sample ids.
        count: number of images.
        seed: of pictures and scores.
        sizes: heights and widths that the pictures run through.
        images: in place of random pictures: arrays, file names, or None where there is none.
        columns: column -> list, in place of the columns made here.
        quality_range: as in `RatedDataset`.
    """
    pictures = random_pixels(count, seed, sizes) if images is None else images
    quality = np.random.default_rng(seed + 1).uniform(0, 10, count).round(3).tolist()
    data = {
        "sample_id": [f"{name}/{i:05}.png" for i in range(count)],
        "image": [_cell(picture) for picture in pictures],
        "score_raw": quality,
        "score_std": [1.0] * count,
        "quality": quality,
        "reference": [None] * count,
        "distortion": [None] * count,
        "level": [None] * count,
        "official_split": [None] * count,
    } | (columns or {})
    features = datasets.Features({name: FEATURES[name] for name in data})
    table = datasets.Dataset.from_dict(data, features=features)
    return RatedDataset(name=name, table=table, quality_range=quality_range)


def _cell(picture) -> dict[str, object] | None:
    if picture is None:
        return None
    if isinstance(picture, np.ndarray):
        picture = encoded(picture)
    if isinstance(picture, bytes):
        return {"bytes": picture, "path": None}
    return {"bytes": None, "path": str(picture)}


class Rows(dict):
    """What a division reads of a table, made a hundred times faster than a table."""

    def __len__(self) -> int:
        return len(self["sample_id"])


def make_rows(ids, references=None, official_split=None) -> RatedDataset:
    """A dataset of which only ids, groups and published split exist."""
    ids = list(ids)
    table = Rows(
        sample_id=ids,
        reference=[None] * len(ids) if references is None else list(references),
        official_split=[None] * len(ids) if official_split is None else list(official_split),
    )
    return RatedDataset(name="rows", table=table, quality_range=(0.0, 10.0))


def make_task(name: str = "toy", count: int = 20, *, protocol: str = "70/10/20", **options) -> Task:
    """A task of random pictures, divided by image."""
    dataset = make_dataset(name, count, **options)
    split = make_split(dataset, protocol, by="image", seed=0)
    return Task(name, dataset, split, fingerprint(dataset))
