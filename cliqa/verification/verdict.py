"""What a verification says: faults, how far numbers can be trusted, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

__all__ = ["Fault", "Faults", "Identity", "Trust", "Verification", "shown"]

#: So many faults of one kind are told one by one.
_SHOWN: Final = 20


class Trust(Enum):
    """How far the numbers of a bundle are supported by more than its own word."""

    #: Something in it is wrong; nothing of it may be used.
    REJECTED = "rejected"
    #: It agrees with itself; its labels could not be replaced by our own on this machine.
    CONSISTENT = "self-consistent"
    #: Every metric was computed from its predictions with labels and divisions of our own.
    RECOMPUTED = "recomputed"
    #: Besides, a random sample of images was scored from its weights and matches.
    REPRODUCED = "reproduced"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        file: path inside the bundle; empty for the bundle as a whole.
        place: where in the file, such as `data.live.fingerprint` or `line 3`; may be empty.
        text: what is wrong and what was expected.
    """

    file: str
    place: str
    text: str

    def __str__(self) -> str:
        where = ", ".join(shown(part) for part in (self.file, self.place) if part)
        return f"{where}: {shown(self.text)}" if where else shown(self.text)


class Faults(list[Fault]):
    """Faults as they are found."""

    def add(self, file: str, place: str, text: str) -> None:
        """Note one."""
        self.append(Fault(file, place, text))

    def some(self, file: str, place: str, texts: list[str]) -> None:
        """Note several of one kind: the first one by one, the others by their number."""
        for text in texts[:_SHOWN]:
            self.add(file, place, text)
        if len(texts) > _SHOWN:
            self.add(file, place, f"... and {len(texts) - _SHOWN} more of this kind")


@dataclass(frozen=True)
class Identity:
    """Whose numbers these are: what a table groups and labels its rows by.

    All of it was compared with something else, unless `Verification.notes` says that it could
    not be.

    Attributes:
        run_id: hash of everything that determines the run.
        digest: SHA-256 of the bundle's `SHA256SUMS`: equal for equal content.
        method: the method's label.
        strategy: its component with every setting.
        seed: root of its random numbers.
        order: name of the order.
        tasks: in the order learned.
        learned_at: for each task the stage, from 0, that learned it.
        evaluate_only: sets that were only tested on.
        told_task_id: for each gate, whether it is told the task id.
        fingerprints: test set -> hash of its content.
        splits: test set -> digest of its division.
        own_split: whether the division came from files of the submitter's.
        pseudo_scores: whether no human rated these very images.
        exemplar_images: training images of old tasks kept; the method's own declaration.
        parameters: numbers that each head adds; counted in the weights where they are shipped.
        plugins: name, distribution and version, or hash of the file, as recorded.
        local_plugins: names of plugins that are files of the submitter's, which were not run here.
        cliqa: version that made it.
    """

    run_id: str
    digest: str
    method: str
    strategy: dict[str, Any]
    seed: int
    order: str
    tasks: tuple[str, ...]
    learned_at: tuple[int, ...]
    evaluate_only: tuple[str, ...]
    told_task_id: dict[str, bool]
    fingerprints: dict[str, str]
    splits: dict[str, str]
    own_split: bool
    pseudo_scores: bool
    exemplar_images: int
    parameters: tuple[int, ...]
    plugins: tuple[dict[str, str | None], ...]
    local_plugins: tuple[str, ...]
    cliqa: str


@dataclass(frozen=True)
class Verification:
    """What was found out about one bundle. Nothing else of a bundle should be published.

    Attributes:
        path: the bundle as the user named it.
        trust: how far its numbers are supported.
        faults: everything that is wrong; empty unless `trust` is `REJECTED`.
        metrics: content of a `metrics.json`, computed here; None if rejected.
        identity: whose numbers these are; None if rejected.
        notes: what could not be checked here, and why.
        rescored: images that were scored again from the weights; 0 if none.
        declared: keys of `run.json` that nothing could be compared with, and their values: times,
            machine, memory, descriptions. Claims of the submitter's.
        beside: label -> verification of a method trained beside it (`compare/LABEL`).
    """

    path: str
    trust: Trust
    faults: tuple[Fault, ...] = ()
    metrics: dict[str, Any] | None = None
    identity: Identity | None = None
    notes: tuple[str, ...] = ()
    rescored: int = 0
    declared: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Verification] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether nothing is wrong, here and in the bundles beside it."""
        return self.trust is not Trust.REJECTED and all(v.accepted for v in self.beside.values())

    def all_faults(self) -> list[Fault]:
        """Its faults and those of the bundles beside it, with their folder in the path."""
        found = list(self.faults)
        for label, other in self.beside.items():
            found += [
                Fault(f"compare/{label}/{f.file}".rstrip("/"), f.place, f.text)
                for f in other.all_faults()
            ]
        return found

    def dump(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "path": self.path,
            "trust": self.trust.value,
            "faults": [{"file": f.file, "place": f.place, "text": f.text} for f in self.faults],
            "notes": list(self.notes),
            "rescored": self.rescored,
            "identity": None if self.identity is None else dict(vars(self.identity)),
            "metrics": self.metrics,
            "beside": {label: other.dump() for label, other in self.beside.items()},
        }


def shown(text: str) -> str:
    """Text of a stranger's on a terminal: no control or direction characters, not too long."""
    safe = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return safe if len(safe) <= 400 else f"{safe[:400]}..."
