"""A folder of pictures, each of one grey, and their ratings, in every form that is read."""

from __future__ import annotations

import csv
import io
import json

import datasets
import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cliqa.data.table import check_table
from cliqa.registry import Registry

SETTINGS = {"score": "mos", "direction": "higher-better", "range": [1, 5]}


def png(grey: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (grey, grey, grey)).save(stream, "PNG")
    return stream.getvalue()


class Ratings:
    """Rows as a user has them; row i's picture has grey 10 + i."""

    def __init__(self, folder, count=6):
        self.folder = folder
        self.rows = [
            {
                "image": f"sub/{chr(99 - i % 3)}{i}.png",
                "mos": 1 + i / 2,
                "sd": i / 10,
                "scene": f"s{i % 3}",
            }
            for i in range(count)
        ]

    def pictures(self, below=""):
        for i, row in enumerate(self.rows):
            path = self.folder / below / row["image"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(10 + i))
        return self

    def write(self, name, rows=None):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FORMS[path.suffix](self.rows if rows is None else rows))
        return path


def _csv(rows, delimiter=","):
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def _xlsx(rows):
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append(list(row.values()))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def parquet(rows):
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


FORMS = {
    ".csv": _csv,
    ".tsv": lambda rows: _csv(rows, "\t"),
    ".jsonl": lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode(),
    ".xlsx": _xlsx,
    ".parquet": parquet,
}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    """`datasets` keeps what it converts in a folder of the test."""
    folder = str(tmp_path_factory.mktemp("datasets"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)


@pytest.fixture
def ratings(tmp_path):
    return Ratings(tmp_path)


@pytest.fixture(scope="session")
def embedded():
    """`embedded(rows)`: a `datasets.Dataset` that holds the pictures themselves."""

    def embedded(rows, start=0):
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        columns["image"] = [
            {"bytes": png(10 + start + i), "path": row["image"].rpartition("/")[2]}
            for i, row in enumerate(rows)
        ]
        features = datasets.Features(
            {
                "image": datasets.Image(),
                "mos": datasets.Value("float32"),
                "sd": datasets.Value("float32"),
                "scene": datasets.Value("string"),
            }
        )
        return datasets.Dataset.from_dict(columns, features=features)

    return embedded


@pytest.fixture(scope="session")
def build():
    """`build(**settings)`: the dataset, checked as a run checks it."""
    component = Registry.discover(third_party=False).get("dataset", "rated-images")

    def build(**settings):
        given = {key: value for key, value in (SETTINGS | settings).items() if value is not ...}
        given = {k: str(v) if k == "data" else v for k, v in given.items()}
        dataset = component.create(component.config_model()(**given))
        check_table(dataset)
        return dataset

    return build


@pytest.fixture(scope="session")
def greys():
    """Grey of each row's picture."""
    return lambda dataset: [int(np.asarray(image)[0, 0, 0]) for image in dataset.table["image"]]
