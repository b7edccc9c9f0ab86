"""Does what is saved give back what it was saved from? Tried out before anybody depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.resume import NotWholeError, Snapshot, differences, put_back, witness
from cliqa.resume.snapshot import lost_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.data import Task
    from cliqa.run.prepare import Method, Prepared

__all__ = ["lost_by_gates", "lost_by_strategy"]


def lost_by_strategy(
    end: Snapshot, prepared: Prepared, method: Method, known: Sequence[Task]
) -> str:
    """What a new strategy of the same settings lacks after `load_state`; empty if nothing.

    Args:
        end: model and strategy after a stage.
        prepared: the run.
        method: the method.
        known: the tasks of the stages so far.
    """
    rebuilt, fresh = method.resolved.create(), prepared.new_model()
    rebuilt.start(fresh)
    try:
        put_back(end, fresh, rebuilt, known)
    except NotWholeError as error:
        return f"strategy `{method.label}`: {error}"
    return ""


def lost_by_gates(prepared: Prepared, method: Method) -> str:
    """The same of the gates."""
    written = {gate.label: gate for gate in prepared.config.gates}
    for plan in method.gates:
        rebuilt = written[plan.label].create() if plan.label in written else None
        if type(rebuilt) is type(plan.gate):  # not the runner's own, of a method with one head
            try:
                rebuilt.load_state(plan.gate.state())
            except Exception as error:  # a plugin's own code
                return f"gate `{plan.label}`: load_state: {type(error).__name__}: {error}"
            rebuilt.notes = list(plan.gate.notes)
            lost = differences(witness(plan.gate), witness(rebuilt))
            if lost:
                return lost_words(f"gate `{plan.label}`", lost)
    return ""
