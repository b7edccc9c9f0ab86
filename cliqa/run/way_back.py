"""The checkpoints that a run could go on from, best first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cliqa.errors import ResultError
from cliqa.resume import Damaged, ResumeStore
from cliqa.run.identity import changed
from cliqa.run.keeper import Position
from cliqa.training import DivergedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cliqa.resume import Checkpoint

__all__ = ["WayBack", "ways_back"]


@dataclass(frozen=True)
class WayBack:
    """Where a run can go on.

    Attributes:
        name: of the checkpoint, for messages.
        over: True: nowhere, it starts over.
        method: the method that was at work.
        position: how far that one was; None: it had not begun.
        finished: files of methods that are done but not sealed.
        attempts: those before.
    """

    name: str = ""
    over: bool = False
    method: str = ""
    position: Position | None = None
    finished: dict[str, dict[str, str]] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def elsewhere(self) -> WayBack:
        """The same with nothing of the method at work."""
        return replace(self, position=None)


def ways_back(
    store: ResumeStore, identity: Mapping[str, Any], tell: Callable[[str], None], *, force: bool
) -> Iterator[WayBack]:
    """The newest checkpoint, the one before, and at last to start over.

    Args:
        store: the checkpoints.
        identity: of the run that wants to go on.
        tell: told of each that cannot be used.
        force: whether to start over in any case.

    Raises:
        ResultError: the run there is another one.
        DivergedError: it would come to the same nan as before.
    """
    names = [] if force else store.names()
    for name in names:
        what = f"checkpoint {name}"
        try:
            found = store.read(name)
        except Damaged as error:
            tell(f"{what} is damaged and not used: {error}")
            continue
        _check(store, found.state["identity"], identity)
        yield from _of(what, found)
    if names:
        tell("no checkpoint can be used, so the run starts over")
    yield WayBack(over=True)


def _check(store: ResumeStore, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    if other := changed(before, now):
        raise ResultError(
            f"{store.folder} holds an unfinished run that this one cannot go on with: {other}; "
            "give the command as it was, start over with --force (in a sweep: remove the folder "
            f"{store.root}), or name another --out"
        )
    if text := store.divergence():
        raise DivergedError(
            f"an earlier attempt at this run stopped: {text}. It would come to the same step and "
            "stop again: change the settings and start over with --force, or name another --out"
        )


def _of(what: str, found: Checkpoint) -> Iterator[WayBack]:
    state = found.state
    values = state["position"]
    position = None if values is None else Position(values, found.entries, found.pool)
    way = WayBack(
        name=what,
        method=state["method"],
        position=position,
        finished=state["finished"],
        attempts=state["attempts"],
    )
    yield way
    if position is not None and "after" in position.values:
        # The stage's own state may not come back; how the stage before ended may.
        yield replace(way, name=f"{what}, stage start", position=_stage_start(position))


def _stage_start(position: Position) -> Position:
    inside = {"after", "phase", "rates", "images"}
    values = {k: v for k, v in position.values.items() if k not in inside}
    return Position(values | position.values["begun"], position.entries, position.pool)
