"""A finished stage as a store keeps it, and how a run becomes what it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cliqa.resume import Checkpoint, Damaged, Entry, Snapshot, TensorPool, put_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from cliqa.data import Task
    from cliqa.model import QualityModel
    from cliqa.stages.address import StageAddress
    from cliqa.training import Strategy

__all__ = ["KeptStage", "StageCost", "head_of", "pack", "unpack"]

#: Name of the part of the tensors that a chain's stage is put back from.
_CHAIN = "chain"
_HEAD, _OWN = "head", "own"


@dataclass(frozen=True)
class StageCost:
    """What a stage cost where it was trained.

    Attributes:
        train_seconds: wall time.
        train_cpu_seconds: processor time.
        trained_images: images that went forward and backward through the network.
        peak_held_bytes: most bytes that the method held beside the model.
    """

    train_seconds: float
    train_cpu_seconds: float
    trained_images: int
    peak_held_bytes: int


@dataclass(frozen=True)
class KeptStage:
    """A stage that was found in a store.

    Attributes:
        snapshot: its tensors.
        independent: whether it is a head alone, or a whole model and strategy.
        cost: what it cost.
        log: records that its training logged.
        notes: sentences that the user must see.
    """

    snapshot: Snapshot
    independent: bool
    cost: StageCost
    log: list[dict[str, Any]]
    notes: list[str]

    def add_to(self, model: QualityModel) -> None:
        """Give a model the head of an independent stage, whatever heads it has."""
        number = model.add_head(self.snapshot.values["tasks"])
        model.heads[number].load_state_dict(self.snapshot.tensors(_HEAD))
        shared = model.backbone.state_dict()
        own = self.snapshot.tensors(_OWN)
        model.parameter_sets[number] = {name: own[name].to(shared[name]) for name in own}
        model.to(next(iter(shared.values())).device)
        model.requires_grad_(False).eval()  # as a stage leaves it

    def become(self, model: QualityModel, strategy: Strategy, known: Sequence[Task]) -> None:
        """Make a model and a strategy that have just been started what a chain's stage left.

        Raises:
            NotWholeError: the strategy does not become what it was.
        """
        put_back(self.snapshot.part(_CHAIN, self.snapshot.values["chain"]), model, strategy, known)


def head_of(model: QualityModel, head: int) -> tuple[dict[str, Any], dict[str, Entry], TensorPool]:
    """Values and tensors of one head with what is its own."""
    pool = TensorPool()
    entries = pool.add(model.heads[head].state_dict(), f"{_HEAD}/")
    entries |= pool.add(model.parameter_sets[head], f"{_OWN}/")
    return {"tasks": list(model.head_tasks[head])}, entries, pool


def pack(
    at: StageAddress,
    left: Snapshot | tuple[dict[str, Any], dict[str, Entry], TensorPool],
    cost: StageCost,
    log: list[dict[str, Any]],
    notes: list[str],
    about: dict[str, Any],
) -> Checkpoint:
    """A stage as it is kept.

    Args:
        at: its address.
        left: what `head_of` gave of an independent stage, or what `take` gave of a chain's.
        cost: what it cost.
        log: what its training logged.
        notes: what it noted.
        about: plain values for whoever lists the store.
    """
    if isinstance(left, Snapshot):
        values: dict[str, Any] = {"chain": left.values}
        entries = {f"{_CHAIN}/{name}": entry for name, entry in left.entries.items()}
        pool = left.pool
    else:
        values, entries, pool = left
    state = {
        "address": at.address,
        "parent": at.parent,
        "material": at.material,
        "independent": not isinstance(left, Snapshot),
        "stored": datetime.now(UTC).isoformat(timespec="seconds"),
        "about": about,
        "values": values,
        "cost": vars(cost),
        "log": log,
        "notes": notes,
    }
    return Checkpoint(state, entries, pool)


def unpack(entry: Checkpoint, device: torch.device) -> KeptStage:
    """What `pack` was given.

    Args:
        entry: what a store holds.
        device: the run's, which may be another one of the same kind.

    Raises:
        Damaged: something is missing.
    """
    state = entry.state
    placed = {
        name: e if e.device == "cpu" else replace(e, device=str(device))
        for name, e in entry.entries.items()
    }
    try:
        return KeptStage(
            Snapshot(dict(state["values"]), placed, entry.pool),
            bool(state["independent"]),
            StageCost(**state["cost"]),
            [dict(record) for record in state["log"]],
            [str(note) for note in state["notes"]],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
