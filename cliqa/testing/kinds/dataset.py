"""Checks of datasets."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import numpy as np

from cliqa.data import ImageReader, RatedDataset, make_split, parted_groups
from cliqa.data.splits import Split
from cliqa.data.table import check_table, fingerprint
from cliqa.errors import DataError
from cliqa.metrics import srcc
from cliqa.testing.checks import Check, api, behaviour, fail, require, skip
from cliqa.testing.fresh import ask_about
from cliqa.testing.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.subject import Subject

#: Images that are decoded.
_LOOKED_AT = 24


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(is_a_rated_dataset)
    yield api(table_keeps_the_contract)
    yield behaviour(images_can_be_read)
    yield behaviour(ids_are_independent_of_the_machine)
    yield behaviour(direction_is_as_declared)
    yield behaviour(splits_part_no_reference)
    yield behaviour(same_in_another_process)


def _made(subject: Subject) -> RatedDataset:
    return subject.instance(RatedDataset, "is-a-rated-dataset", shared=True)


def _checked(subject: Subject) -> RatedDataset:
    dataset = _made(subject)
    subject.blocked("table-keeps-the-contract", lambda: check_table(dataset))
    return dataset


def is_a_rated_dataset(subject: Subject) -> None:
    """Its factory makes a `cliqa.data.RatedDataset`."""
    made = subject.blocked("is-made", subject.made)
    require(
        isinstance(made, RatedDataset),
        f"its factory made a {type(made).__name__}; put the table into a "
        "`cliqa.data.RatedDataset(name=..., table=..., quality_range=...)`",
    )


def table_keeps_the_contract(subject: Subject) -> None:
    """The table has exactly the columns of `cliqa.data.COLUMNS`, typed, filled and in range."""
    dataset = _made(subject)
    check_table(dataset)
    deviations = [v for v in dataset.table["score_std"][:] if v is not None]
    require(
        all(v >= 0 for v in deviations),
        "`score_std` holds negative values; standard deviations, not variances or differences",
    )


def images_can_be_read(subject: Subject) -> None:
    """Images from all over the table can be decoded."""
    dataset = _checked(subject)
    count = len(dataset.table)
    rows = sorted({int(r) for r in np.linspace(0, count - 1, min(count, _LOOKED_AT))})
    reader = ImageReader(dataset)
    for row in rows:
        reader.read(row)  # raises a DataError that names set, sample and path


def ids_are_independent_of_the_machine(subject: Subject) -> None:
    """Sample ids hold no path of the machine: the same set elsewhere has the same ids."""
    ids = _checked(subject).table["sample_id"][:]
    absolute = [
        i
        for i in ids
        if PurePosixPath(i).is_absolute() or PureWindowsPath(i).drive or ".." in i.split("/")
    ]
    require(
        not absolute,
        f"{listed(absolute)} is a path of this machine, so splits and results would fit no other; "
        "write it relative to the folder of the set",
    )


def direction_is_as_declared(subject: Subject) -> None:
    """`quality` has the order of `score_raw`, or its reverse if the facts say lower is better."""
    dataset = _checked(subject)
    raw = np.asarray(dataset.table["score_raw"][:], dtype=np.float64)
    quality = np.asarray(dataset.table["quality"][:], dtype=np.float64)
    if len(set(raw)) < 2:
        fail("all scores are equal, so nothing can be learned or ranked")
    found = srcc(quality, raw)
    require(
        abs(found) > 0.999,
        f"`quality` does not have the order of `score_raw` (SRCC {found:.3f}): the columns come "
        "from other rows (sorted once, and joined by position?)",
    )
    facts = subject.registered.facts()
    if facts is not None:
        require(
            (found < 0) == facts.lower_is_better,
            f"`quality` {'falls' if found < 0 else 'rises'} with `score_raw`, and the facts say "
            f"`lower_is_better: {facts.lower_is_better}`; DMOS is turned round, MOS is not",
        )


def splits_part_no_reference(subject: Subject) -> None:
    """No division has images of one reference in two parts: drawn by reference, or official."""
    dataset = _checked(subject)
    levels, references = dataset.table["level"][:], dataset.table["reference"][:]
    lone = [r for r, level in enumerate(levels) if level is not None and references[r] is None]
    require(
        not lone,
        f"{len(lone)} distorted image(s) have a `level` and no `reference`, so versions of one "
        "picture would be in training and test; name the picture they were made from",
    )
    official = dataset.table["official_split"][:]
    divisions = {}
    if any(part is not None for part in official):
        places = {part: [r for r, p in enumerate(official) if p == part] for part in set(official)}
        parts = (tuple(places.get(part, ())) for part in ("train", "val", "test"))
        divisions["official"] = Split(*parts)
    try:
        divisions["70/10/20"] = make_split(dataset, "70/10/20", by="reference", seed=0)
    except DataError as error:
        if not divisions:
            skip(str(error))
    for name, split in divisions.items():
        parted = parted_groups(dataset, split)
        require(
            not parted,
            f"division {name}: images of {listed(map(str, parted))} are in two parts, so the test "
            "images were seen in training; `reference` names the wrong groups, or the published "
            "split is not disjoint (say so in its facts, and expect this failure)",
        )


def same_in_another_process(subject: Subject) -> None:
    """Another process, with another hash seed, builds the same images in the same order."""
    dataset = _checked(subject)
    there = ask_about(subject, "dataset")
    here = list(dataset.table["sample_id"][:])
    require(
        here == there["ids"],
        "another process lists the images in another order or has others: rows come from a `set`, "
        "or from a folder as the disk lists it. Sort them",
    )
    require(
        fingerprint(dataset) == there["fingerprint"],
        "another process gives other scores or pixels under the same ids; draw from "
        "`cliqa.seeds.named_rng(config.seed, ...)`",
    )
