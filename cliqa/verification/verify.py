"""From the path of a bundle to a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliqa.registry import Registry
from cliqa.results.layout import COMPARE, LABELS, PREDICTIONS, RUN
from cliqa.verification.components import check_components, find_metrics
from cliqa.verification.consistency import check_record, check_weights
from cliqa.verification.contents import MODEL, Contents, load_contents
from cliqa.verification.data import OwnData, check_data, own_labels, own_tasks
from cliqa.verification.files import Files, open_files
from cliqa.verification.limits import Limits
from cliqa.verification.parts import Parts, resolve_parts
from cliqa.verification.record import declared_of
from cliqa.verification.scores import Grid, check_labels, check_scores, derive
from cliqa.verification.verdict import Faults, Identity, Trust, Verification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa.data import Task

__all__ = ["Verifier", "verify"]


@dataclass
class Verifier:
    """Verifies bundles; datasets that several of them name are built once.

    Attributes:
        registry: the plugins of this machine, without local files; default: all that load.
        places: label of a task or name of a dataset -> folder of the set on this machine. A place
            that a bundle names is never looked at.
        limits: how large things may be.
    """

    registry: Registry = field(default_factory=Registry.discover)
    places: Mapping[str, Path] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self._data = OwnData(self.places)

    def verify(
        self, path: Path | str, *, rescore: int = 0, sample_seed: int | None = None
    ) -> Verification:
        """Verify a bundle and those in its `compare/`.

        Whatever is wrong with it becomes a fault; nothing in it is run or unpacked.

        Args:
            path: its folder, or a zip of it.
            rescore: so many test images of the last step are scored again from its weights.
            sample_seed: which ones; default: drawn anew, so that nobody can know them before.

        Raises:
            ResultError: there is nothing at `path`.
        """
        path = Path(path)
        faults = Faults()
        with open_files(path, self.limits, faults) as files:
            own = self._one(str(path), files, faults, rescore, sample_seed)
            beside = {
                label: self._nested(
                    f"{path}/{COMPARE}/{label}", label, inside, rescore, sample_seed
                )
                for label, inside in files.beside().items()
            }
        return _with(own, beside)

    def references(self, fingerprint: str) -> dict[str, str | None] | None:
        """Which images show the same content, in a set that a verification has built here.

        Args:
            fingerprint: hash of the set's content, as `Identity.fingerprints` names it.

        Returns:
            Sample id -> the reference that it was made from, None where there is none; or None if
            no such set was built.
        """
        return self._data.references(fingerprint)

    def _nested(
        self, shown: str, label: str, files: Files, rescore: int, seed: int | None
    ) -> Verification:
        found = self._one(shown, files, Faults(), rescore, seed)
        if found.identity is not None and found.identity.method != label:
            faults = Faults()
            faults.add(RUN, "method", f"{found.identity.method!r} lies in the folder {label!r}")
            return Verification(shown, Trust.REJECTED, tuple(faults))
        return found

    def _one(
        self, shown: str, files: Files, faults: Faults, rescore: int, seed: int | None
    ) -> Verification:
        contents = load_contents(files, faults)
        parts = None
        if contents is not None:
            parts = resolve_parts(contents.document, self.registry, faults)
        if contents is None or parts is None:
            return Verification(shown, Trust.REJECTED, tuple(faults))
        check = _Check(contents, parts, self.registry, faults)
        try:
            check(self._data)
            if rescore and not faults:
                check.rescore(rescore, seed)
        except Exception as error:  # fail closed: what no check foresaw is not accepted either
            faults.add("", "", f"could not be checked to its end: {type(error).__name__}: {error}")
        if faults:
            return Verification(shown, Trust.REJECTED, tuple(faults))
        return Verification(
            path=shown,
            trust=check.trust,
            metrics=check.metrics,
            identity=_identity(contents, parts),
            notes=tuple(check.notes),
            rescored=check.rescored,
            declared=declared_of(contents.raw),
        )


@dataclass
class _Check:
    """One bundle on its way to a verdict."""

    contents: Contents
    parts: Parts
    registry: Registry
    faults: Faults
    notes: list[str] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    metrics: dict[str, Any] | None = None
    grids: tuple[Grid, Grid] | None = None
    rescored: int = 0

    def __call__(self, own: OwnData) -> None:
        contents, parts, faults = self.contents, self.parts, self.faults
        check_record(contents, parts, faults)
        check_weights(contents, faults)
        self.notes += check_components(contents, parts, faults)
        check_labels(contents, faults)
        self.grids = check_scores(contents, faults)
        self.tasks, missing = own_tasks(contents, parts, own, faults)
        self.complete = not missing and set(contents.record.sets) <= set(self.tasks)
        if missing:
            self.notes += [f"labels not checked: {text}" for text in missing]
        check_data(contents, self.tasks, faults, complete=not missing)
        if parts.run.stream.split.files is not None:
            self.notes.append("the division is the submitter's own, not one of cliqa's")
        if MODEL not in contents.tensors:
            self.notes.append("ships no weights")
        self._metrics()

    def _metrics(self) -> None:
        metrics, unknown = find_metrics(self.parts)
        if unknown:
            self.notes.append(f"no plugin here has the metrics {', '.join(unknown)}")
        if any(fault.file in {PREDICTIONS, LABELS, RUN} for fault in self.faults):
            return  # what they were computed from is wrong already
        labels = self.contents.tables[LABELS]
        if self.complete:
            labels = own_labels(self.contents, self.tasks)
        self.metrics = derive(self.contents, labels, metrics, unknown, self.faults)

    @property
    def trust(self) -> Trust:
        if not self.complete:
            return Trust.CONSISTENT
        return Trust.REPRODUCED if self.rescored else Trust.RECOMPUTED

    def rescore(self, count: int, seed: int | None) -> None:
        from cliqa.verification.rescore import CannotRescoreError, rescore

        assert self.grids is not None  # noqa: S101
        try:
            if not self.complete:
                raise CannotRescoreError("not every test set is here")
            self.rescored, note = rescore(
                self.contents,
                self.parts,
                self.registry,
                self.tasks,
                self.grids,
                count,
                seed,
                self.faults,
            )
            self.notes.append(note)
        except CannotRescoreError as error:
            self.notes.append(f"not scored again: {error}")


def _with(own: Verification, beside: dict[str, Verification]) -> Verification:
    return Verification(**{**vars(own), "beside": beside})


def _identity(contents: Contents, parts: Parts) -> Identity:
    record = contents.record
    return Identity(
        run_id=record.run_id,
        digest=contents.digest,
        method=record.method,
        strategy=record.strategy,
        seed=record.seed,
        order=record.order,
        tasks=tuple(record.tasks),
        learned_at=tuple(record.learned_at),
        evaluate_only=tuple(record.evaluate_only),
        told_task_id={label: gate.uses_task_id for label, gate in record.gates.items()},
        fingerprints={task: data.fingerprint for task, data in record.data.items()},
        splits={task: data.split.sha256 for task, data in record.data.items()},
        own_split=parts.run.stream.split.files is not None,
        pseudo_scores=record.pseudo_scores,
        exemplar_images=record.cost.exemplar_images,
        parameters=tuple(record.cost.parameters.per_task),
        plugins=tuple(plugin.model_dump() for plugin in record.plugins),
        local_plugins=tuple(p.name for p in record.plugins if p.sha256),
        cliqa=record.environment.cliqa,
    )


def verify(
    path: Path | str,
    *,
    registry: Registry | None = None,
    places: Mapping[str, Path] | None = None,
    rescore: int = 0,
    sample_seed: int | None = None,
) -> Verification:
    """Verify one bundle; see `Verifier`, which is faster for many.

    Args:
        path: its folder, or a zip of it.
        registry: the plugins of this machine.
        places: label of a task or name of a dataset -> folder of the set on this machine.
        rescore: so many test images are scored again from its weights.
        sample_seed: which ones.

    Raises:
        ResultError: there is nothing at `path`.
    """
    verifier = Verifier(registry or Registry.discover(), places or {})
    return verifier.verify(path, rescore=rescore, sample_seed=sample_seed)
