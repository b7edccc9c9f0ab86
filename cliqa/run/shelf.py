"""Between a method that is run and the store of stages: what is looked up, taken over and kept."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cliqa.distributed import world
from cliqa.errors import ResultError
from cliqa.resume import Damaged, Snapshot, differences, witness
from cliqa.stages.address import StageAddress, stage_addresses, state_digest
from cliqa.stages.entry import KeptStage, StageCost, head_of, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cliqa.model import QualityModel
    from cliqa.run.prepare import Method, Prepared
    from cliqa.stages import StageStore
    from cliqa.training import Strategy

__all__ = ["Shelf"]


@dataclass
class Shelf:
    """The stages of one method in a store, or none at all.

    Args:
        store: where stages are kept; None: nowhere.
        prepared: the run.
        method: the method.
        tell: takes what the user should know.
    """

    store: StageStore | None
    prepared: Prepared
    method: Method
    tell: Callable[[str], None]
    _stages: list[StageAddress] = field(default_factory=list)
    _refused: bool = False

    def open(self, model: QualityModel, strategy: Strategy) -> None:
        """Find the addresses, and look at the method as it is just after its start."""
        if self.store is not None and world().size > 1:
            # Each process would look for itself, and two could find different things.
            self.tell("the store of stages is not used by a run on several processes")
            self.store = None
        if self.store is None:
            return
        self._stages = stage_addresses(self.prepared, self.method)
        if strategy.independent:
            self._start = witness(strategy, model)
            self._shared = state_digest(model.backbone)

    def address(self, index: int) -> str | None:
        """Address of a stage, for the record; None: it is neither looked up nor kept."""
        at = self._at(index)
        return None if at is None else at.address

    def _at(self, index: int) -> StageAddress | None:
        if self.store is None or not self.store.wants(self._stages[index].planned):
            return None
        return self._stages[index]

    @contextmanager
    def held(self, index: int) -> Iterator[None]:
        """Be the only one at work on a stage; whoever else wants it waits."""
        at = self._at(index)
        if at is None or self.store is None:
            yield
            return

        def waits(holder: str) -> None:
            self.tell(f"{self._names(at)} is being trained by another run{holder}: waiting for it")

        with self.store.held(at.address, waits):
            yield

    def find(self, index: int) -> KeptStage | None:
        """What the store holds of a stage; what is damaged is said, and as good as missing."""
        at = self._at(index)
        if at is None or self.store is None:
            return None
        try:
            entry = self.store.get(at.address)
            return None if entry is None else unpack(entry, self.prepared.compute.device)
        except Damaged as error:
            self.cannot_take(index, str(error))
        return None

    def cannot_take(self, index: int, why: str) -> None:
        """Say that an entry is of no use and its stage is trained again."""
        at = self._stages[index]
        self.tell(f"stage {at.address[:12]} of the store is not used and trained again: {why}")

    def keep(
        self,
        index: int,
        model: QualityModel,
        strategy: Strategy,
        *,
        heads: int,
        end: Snapshot,
        lost: str,
        cost: StageCost,
        log: list[dict[str, Any]],
        notes: list[str],
    ) -> None:
        """Keep a stage that was just trained, if it can be given back whole.

        Args:
            index: which stage.
            model: the model after it.
            strategy: the strategy after it.
            heads: how many heads there were before it.
            end: model and strategy after it.
            lost: what the strategy would lose when put back; empty if nothing.
            cost: what it cost.
            log: what its training logged.
            notes: what it noted.
        """
        at = self._at(index)
        if at is None or self.store is None:
            return
        why = self._not_alone(model, strategy, heads) if strategy.independent else lost
        if why:
            self._refuse(why)
            return
        left = head_of(model, heads) if strategy.independent else end
        about = {
            "method": self.method.label,
            "strategy": self.method.resolved.name,
            "backbone": self.prepared.config.backbone.name,
            "tasks": [task["name"] for task in at.material["tasks"]],
            "seed": self.prepared.seed,
        }
        try:
            self.store.put(at.address, pack(at, left, cost, log, notes, about))
        except ResultError as error:
            self._refuse(str(error))

    def _not_alone(self, model: QualityModel, strategy: Strategy, heads: int) -> str:
        """What an `independent` stage has changed beside its own head; empty if nothing."""
        name = f"{type(strategy).__name__} says that its stages are independent, but "
        if len(model.heads) != heads + 1:
            return f"{name}a stage added {len(model.heads) - heads} heads, not one"
        if state_digest(model.backbone) != self._shared:
            return f"{name}a stage changed the shared network"
        changed = differences(self._start, witness(strategy, model))
        if changed:
            return f"{name}a stage changed `{changed[0].removesuffix('()')}` of it"
        return ""

    def _refuse(self, why: str) -> None:
        """Say once why stages are not kept."""
        if not self._refused:
            self._refused = True
            self.tell(f"its stages are not kept for other runs: {why}")

    @staticmethod
    def _names(at: StageAddress) -> str:
        return "+".join(task["name"] for task in at.material["tasks"])
