"""The shipped photographs are read from installed packages, and from nowhere else."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from cliqa.data import PHOTOGRAPHS, Photograph
from cliqa.errors import DataError


def test_photographs_are_read_without_a_network(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("the network was asked"))
    for photograph in PHOTOGRAPHS:
        pixels = photograph.read()
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3


def test_no_photograph_is_colourless():
    for photograph in PHOTOGRAPHS:
        assert np.ptp(photograph.read().astype(int), axis=-1).mean() > 3, photograph.name


def test_a_missing_file_is_named_with_its_package():
    lost = Photograph(name="x", package="skimage", path="data/no_such.png", licence="")
    with pytest.raises(DataError, match=r"data/no_such\.png.*scikit-image"):
        lost.read()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("cliqa.data.photographs.find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"china\.jpg.*scikit-learn.*not installed"):
        next(p for p in PHOTOGRAPHS if p.name == "china").read()


def test_an_unreadable_file_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "china.jpg"
    broken.write_bytes(b"no picture")
    monkeypatch.setattr(Photograph, "file", lambda _: broken)
    with pytest.raises(DataError, match=r"china\.jpg.*cannot be read"):
        next(p for p in PHOTOGRAPHS if p.name == "china").read()
