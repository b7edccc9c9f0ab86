"""Model and strategy at one moment, and how they become that again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from cliqa.errors import CliqaError
from cliqa.resume.tensors import Entry, TensorPool, digest_of
from cliqa.resume.whole import differences, witness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from cliqa.data import Task
    from cliqa.model import QualityModel
    from cliqa.training.strategy import Strategy

__all__ = ["NotWholeError", "Snapshot", "put_back", "put_back_in_place", "take"]

_SHOWN = 3


class NotWholeError(CliqaError, RuntimeError):
    """What was saved does not give back what it was saved from."""


@dataclass(frozen=True)
class Snapshot:
    """Values as plain JSON, and tensors by where their content is kept.

    Attributes:
        values: plain JSON values.
        entries: name -> where the tensor is.
        pool: where it is.
    """

    values: dict[str, Any]
    entries: dict[str, Entry]
    pool: TensorPool

    def tensors(self, part: str) -> dict[str, Tensor]:
        """New tensors of one part, by the rest of their names."""
        return self.pool.get_all(self.entries, f"{part}/")

    def digests(self) -> Iterator[str]:
        """A word for everything in it: two snapshots are equal if all their words are."""
        yield json.dumps(self.values, sort_keys=True)
        yield from (f"{name} {entry.digest}" for name, entry in sorted(self.entries.items()))

    def part(self, name: str, values: Mapping[str, Any]) -> Snapshot:
        """What of it was put under a name, with the values that belong to it."""
        entries = {
            n.removeprefix(f"{name}/"): e
            for n, e in self.entries.items()
            if n.startswith(f"{name}/")
        }
        return Snapshot(dict(values), entries, self.pool)


def take(
    model: QualityModel,
    strategy: Strategy,
    pool: TensorPool,
    outside: Sequence[Tensor] = (),
    **values: Any,
) -> Snapshot:
    """Remember a model and a strategy as they are now.

    Args:
        model: the model.
        strategy: the strategy, by its `state`.
        pool: where copies go.
        outside: further tensors, which are not the model's: what a phase trains beside it.
        values: plain values to be kept with it.
    """
    entries = pool.add(model.tensors(), "model/")
    entries |= pool.add(strategy.state(), "strategy/")
    entries |= pool.add({str(n): t for n, t in enumerate(outside)}, "outside/")
    about = {
        "head_tasks": [list(tasks) for tasks in model.head_tasks],
        "witness": witness(strategy, model),
    }
    return Snapshot(about | values, entries, pool)


def put_back(
    snapshot: Snapshot, model: QualityModel, strategy: Strategy, known: Sequence[Task] = ()
) -> None:
    """Make a model and a strategy that have just been started what they were.

    Args:
        snapshot: what `take` gave.
        model: the pre-trained model without heads.
        strategy: the strategy after its `start`.
        known: the tasks of the stages that are over.

    Raises:
        NotWholeError: the strategy is not what it was.
    """
    model.load_tensors(snapshot.tensors("model"), snapshot.values["head_tasks"])
    model.requires_grad_(False).eval()  # as a stage leaves it
    load_strategy(snapshot, strategy, known)
    check_whole(snapshot, strategy, model)


def load_strategy(snapshot: Snapshot, strategy: Strategy, known: Sequence[Task]) -> None:
    """Give a strategy its state and the tasks that it has learned; what it raises is explained."""
    try:
        strategy.load_state(snapshot.tensors("strategy"))
        strategy.recall_tasks(known)
    except Exception as error:  # a plugin's own code
        raise NotWholeError(
            f"{type(strategy).__name__}.load_state does not take what its state() gave "
            f"({type(error).__name__}: {error})"
        ) from error


def put_back_in_place(
    snapshot: Snapshot,
    model: QualityModel,
    strategy: Strategy,
    outside: Sequence[Tensor] = (),
    known: Sequence[Task] = (),
) -> None:
    """Write what was remembered into the tensors that are there.

    In the middle of a stage losses and optimisers hold tensors of model and strategy, so these stay
    the same objects. Only what `state` gives as copies is given to `load_state`.

    Raises:
        NotWholeError: there are other tensors, or the strategy is not what it was.
    """
    if [list(tasks) for tasks in model.head_tasks] != snapshot.values["head_tasks"]:
        raise NotWholeError("the model's heads are not those that were saved")
    _copy("model", model.tensors(), snapshot.tensors("model"))
    _copy("phase", {str(n): t for n, t in enumerate(outside)}, snapshot.tensors("outside"))
    saved = snapshot.tensors("strategy")
    _copy("strategy", strategy.state(), saved)
    now = strategy.state()
    if any(not _same(now[name], tensor) for name, tensor in saved.items()):
        load_strategy(snapshot, strategy, known)
    check_whole(snapshot, strategy, model)


def check_whole(snapshot: Snapshot, strategy: Strategy, model: QualityModel) -> None:
    """Raise `NotWholeError` if anything in the strategy is not what it was."""
    lost = differences(snapshot.values["witness"], witness(strategy, model))
    if lost:
        raise NotWholeError(lost_words(type(strategy).__name__, lost))


def lost_words(name: str, lost: Sequence[str]) -> str:
    """Say what does not come back."""
    paths = list(dict.fromkeys(path.removesuffix("()") for path in lost))
    shown = ", ".join(f"`{path}`" for path in paths[:_SHOWN])
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return (
        f"{name} does not come back from its state(): {shown}{more}; give it back in `state` and "
        "`load_state`, or drop it before the stage ends"
    )


@torch.no_grad()
def _copy(what: str, now: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    for name in sorted({*now, *saved}):
        if name not in now or name not in saved or now[name].shape != saved[name].shape:
            raise NotWholeError(f"the {what} has no tensor like the `{name}` that was saved")
        now[name].copy_(saved[name])


def _same(a: Tensor, b: Tensor) -> bool:
    """Bit for bit, nan included."""
    return digest_of(a) == digest_of(b)
