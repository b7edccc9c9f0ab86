"""Test sets, divisions and labels of our own, in place of those of a bundle."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cliqa.errors import CliqaError
from cliqa.results.layout import LABELS, RUN
from cliqa.verification.parts import moved, stray_texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from cliqa.config import Resolved
    from cliqa.data import RatedDataset, Task
    from cliqa.verification.contents import Contents
    from cliqa.verification.parts import Parts
    from cliqa.verification.verdict import Faults

__all__ = ["OwnData", "UnavailableError", "check_data", "own_labels", "own_tasks"]


class UnavailableError(Exception):
    """A test set cannot be built here; the text says why."""


@dataclass
class OwnData:
    """Datasets built on this machine, each once however many bundles name it.

    Attributes:
        places: label of a task or name of a dataset -> its folder here, as the user says.
    """

    places: Mapping[str, Path] = field(default_factory=dict)
    _built: dict[str, tuple[RatedDataset, str] | UnavailableError] = field(default_factory=dict)
    _divided: dict[tuple[Any, ...], Task] = field(default_factory=dict)

    def get(self, resolved: Resolved) -> tuple[RatedDataset, str]:
        """A dataset and its fingerprint.

        Raises:
            UnavailableError: it is not here, or a stranger's text would have to be followed.
        """
        from cliqa.data import build_dataset
        from cliqa.data.table import fingerprint

        here = moved(resolved, self.places)
        named = {"root", "data"} if here is not resolved else set()
        strays = {k: v for k, v in stray_texts(here.config).items() if k not in named}
        if here is not resolved:  # the user vouches for the place; names of columns are no places
            strays = {k: v for k, v in strays.items() if set("/\\~") & set(str(v))}
        if strays:
            raise UnavailableError(
                f"its setting `{next(iter(strays))}` is a text of the submitter's, which is not "
                f"followed; say where the set is here by --data {resolved.label}=FOLDER"
            )
        settings = {k: v for k, v in here.dump().items() if k != "as"}
        key = f"{resolved.registered.owner}\n{json.dumps(settings, sort_keys=True, default=str)}"
        if key not in self._built:
            try:
                dataset = build_dataset(here)
                self._built[key] = dataset, fingerprint(dataset)
            except CliqaError as error:
                self._built[key] = UnavailableError(str(error).splitlines()[0])
            except Exception as error:  # a plugin's defect must not end the verification
                self._built[key] = UnavailableError(f"{type(error).__name__}: {error}")
        found = self._built[key]
        if isinstance(found, UnavailableError):
            raise found
        return found

    def task(self, resolved: Resolved, label: str, protocol: str, *, by: Any, seed: int) -> Task:
        """A dataset divided by a protocol, each division made once.

        Raises:
            UnavailableError: the dataset is not here.
            CliqaError: it cannot be divided so.
        """
        from cliqa.data import Task, make_split, split_record

        dataset, digest = self.get(resolved)
        key = (id(dataset), label, protocol, by, seed)  # a dataset is kept as long as this is
        if key not in self._divided:
            division = make_split(dataset, protocol, by=by, seed=seed)
            record = split_record(protocol, by=by, seed=seed)
            self._divided[key] = Task(label, dataset, division, digest, split_record=record)
        return self._divided[key]

    def references(self, digest: str) -> dict[str, str | None] | None:
        """Sample id -> the content it was made from, of a set that was built here.

        Args:
            digest: the set's fingerprint.

        Returns:
            None for a content that the set does not know; None if no such set was built.
        """
        for found in self._built.values():
            if not isinstance(found, UnavailableError) and found[1] == digest:
                table = found[0].table
                return dict(zip(table["sample_id"][:], table["reference"][:], strict=True))
        return None


def own_tasks(
    contents: Contents, parts: Parts, own: OwnData, faults: Faults
) -> tuple[dict[str, Task], list[str]]:
    """Every test set that can be built here, divided as the configuration says.

    Returns:
        Name -> task, and one sentence for each set that cannot be had.
    """
    from cliqa.data import by_distortion

    found: dict[str, Task] = {}
    notes: list[str] = []
    alone = len(parts.known["tasks"]) == 1
    for key in ("tasks", "evaluate_only"):
        whole = key == "evaluate_only"
        for label, resolved in zip(parts.names[key], parts.known[key], strict=True):
            if resolved is None:
                notes.append(f"{label}: no plugin here offers this dataset")
                continue
            try:
                task = _task(label, resolved, contents, parts, own, whole=whole)
                if parts.run.stream.per == "distortion" and not whole:
                    pieces = by_distortion(task, "" if alone else f"{label}.")
                else:
                    pieces = [task]
            except UnavailableError as error:
                notes.append(f"{label}: {error}")
                continue
            except CliqaError as error:
                faults.add(RUN, f"data.{label}", f"cannot be divided as it says: {error}")
                continue
            found |= {piece.name: piece for piece in pieces}
    return found, notes


def _task(
    label: str, resolved: Resolved, contents: Contents, parts: Parts, own: OwnData, *, whole: bool
) -> Task:
    from cliqa.data import Task

    split = parts.run.stream.split
    files = split.files
    if not whole and (isinstance(files, str) or (isinstance(files, dict) and label in files)):
        dataset, digest = own.get(resolved)
        return Task(label, dataset, _their_split(label, dataset, contents, parts), digest)
    seed = parts.run.seed if split.seed is None else split.seed
    protocol = "all-test" if whole else split.protocol
    return own.task(resolved, label, protocol, by=split.by, seed=seed)


def _their_split(label: str, dataset: RatedDataset, contents: Contents, parts: Parts) -> Any:
    """A division of the submitter's own, by exact ids, of images that are the set's."""
    from cliqa.data import Split

    row_of = {sample_id: row for row, sample_id in enumerate(dataset.table["sample_id"][:])}
    if parts.run.stream.per == "distortion":
        pieces = [t for t in contents.splits if t == label or t.startswith(f"{label}.")]
        pieces = pieces or [t for t in contents.record.tasks if t in contents.splits]
    else:
        pieces = [label] if label in contents.splits else []
    rows: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for piece in pieces:
        for part, ids in contents.splits[piece].items():
            rows[part] += [row_of[i] for i in ids if i in row_of]
    return Split(**{part: tuple(sorted(own)) for part, own in rows.items()})


def check_data(
    contents: Contents, tasks: Mapping[str, Task], faults: Faults, *, complete: bool
) -> None:
    """Compare what a bundle says of its sets with our own.

    Args:
        contents: the bundle.
        tasks: our own.
        faults: gets every difference.
        complete: whether the tasks are all that the configuration gives.
    """
    import numpy as np

    from cliqa.data import split_digest

    labels = contents.tables[LABELS]
    told = dict(
        zip(
            zip(labels["task"].to_pylist(), labels["sample_id"].to_pylist(), strict=True),
            labels["quality"].to_pylist(),
            strict=True,
        )
    )
    for name, task in tasks.items():
        if name not in contents.record.data:
            faults.add(RUN, "tasks", f"the configuration gives the task {name}, which is not there")
            continue
        data = contents.record.data[name]
        dataset = task.dataset
        for key, found, expected in (
            ("fingerprint", data.fingerprint, task.fingerprint),
            ("split.sha256", data.split.sha256, split_digest(task.sample_ids, task.split)),
            ("dataset", data.dataset, dataset.name),
            ("quality_range", data.quality_range, [float(q) for q in dataset.quality_range]),
            ("pseudo_scores", data.pseudo_scores, dataset.pseudo_scores),
            ("exif_transpose", data.exif_transpose, dataset.exif_transpose),
        ):
            if found != expected:
                text = f"{found!r}, but the set built here has {expected!r}"
                faults.add(RUN, f"data.{name}.{key}", text)
        ids = [task.sample_ids[row] for row in task.split.test]
        theirs = np.array([told.get((name, i), np.nan) for i in ids])
        same = np.isclose(theirs, task.quality[list(task.split.test)], rtol=1e-12, atol=0)
        wrong = [i for i, equal in zip(ids, same, strict=True) if not equal]
        if wrong:
            text = f"{len(wrong)} qualities differ from the set built here, first of {wrong[0]!r}"
            faults.add(LABELS, name, text)
    strange = sorted(set(contents.record.sets) - set(tasks))
    if complete and strange:
        faults.add(RUN, "tasks", f"the configuration does not give the test set {strange[0]}")


def own_labels(contents: Contents, tasks: Mapping[str, Task]) -> pa.Table:
    """The columns of `labels.parquet` for every test set, from our own sets."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {"task": [], "sample_id": [], "quality": []}
    for name in contents.record.sets:
        task = tasks[name]
        rows = list(task.split.test)
        columns["task"] += [name] * len(rows)
        columns["sample_id"] += [task.sample_ids[row] for row in rows]
        columns["quality"] += task.quality[rows].tolist()
    return pa.table(columns)
