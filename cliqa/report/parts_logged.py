"""What methods wrote about themselves: records of their own in the training log."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from cliqa.report import words
from cliqa.report.blocks import Cell, Fold, Part, Table, summary, text
from cliqa.report.groups import Value

if TYPE_CHECKING:
    from cliqa.report.groups import Group, Row
    from cliqa.report.runs import Run

#: Events that the platform itself logs.
_OWN: Final = frozenset({"epoch", "stage"})
#: Said of every record, and not by it.
_PLACE: Final = ("event", "step")

#: What a record is about: its texts, by key.
_About = tuple[tuple[str, str], ...]


def logged_part(group: Group) -> Part | None:
    """A table for each method, order and kind of record; None if no method logged any."""
    rows: dict[tuple[str, str], Row] = {}
    for row in group.rows:
        rows.setdefault((row.method, row.order), row)
    folds = []
    for (method, order), row in rows.items():
        name = f"{method}, order {order}" if len(group.orders) > 1 else method
        for event, found in _by_event(row.runs).items():
            title = f"{name}: {event}"
            folds.append(Fold(title, (_table(title, found),)))
    return Part("logged", "What methods logged", words.LOGGED, tuple(folds)) if folds else None


def _by_event(runs: tuple[Run, ...]) -> dict[str, list[dict[_About, dict[str, Any]]]]:
    """Event -> for each run, what its records are about -> the newest value of each of their keys.

    A record that says something only once, such as when a task is learned, still has it at the end.
    """
    found: dict[str, list[dict[_About, dict[str, Any]]]] = {}
    for place, run in enumerate(runs):
        for record in run.bundle.train_log:
            event = str(record.get("event"))
            if event in _OWN:
                continue
            told = {key: value for key, value in record.items() if key not in _PLACE}
            about = tuple((key, value) for key, value in told.items() if isinstance(value, str))
            numbers = {k: v for k, v in told.items() if v is None or isinstance(v, int | float)}
            of_runs = found.setdefault(event, [{} for _ in runs])
            of_runs[place].setdefault(about, {}).update(numbers)
    return found


def _table(title: str, runs: list[dict[_About, dict[str, Any]]]) -> Table:
    abouts = list(dict.fromkeys(about for run in runs for about in run))
    texts = list(dict.fromkeys(key for about in abouts for key, _ in about))
    numbers = list(dict.fromkeys(k for run in runs for values in run.values() for k in values))
    rows = [
        (
            *(text(dict(about).get(key, "")) for key in texts),
            *(_number([run.get(about, {}).get(key) for run in runs]) for key in numbers),
        )
        for about in abouts
    ]
    return Table(title, (*texts, *numbers), tuple(rows))


def _number(values: list[Any]) -> Cell:
    """Mean and deviation over runs where it is defined; what is true or false is counted."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if known and all(isinstance(value, bool) for value in known):
        yes = "yes" if len(values) == 1 else f"{sum(known)} of {len(values)}"
        return Cell(yes if any(known) else "no", number=True, muted=not any(known))
    if len(known) == 1 and isinstance(known[0], int):
        return Cell(str(known[0]), number=True)
    if not known:
        return summary(Value.of([math.nan]))
    return summary(Value.of([float(value) for value in known]))
