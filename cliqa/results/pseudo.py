"""Which test sets no human rated, and what is said below numbers on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["named", "pseudo_note", "pseudo_sets"]

#: So many sets are named even if they are all.
_FEW: Final = 8


def pseudo_sets(*records: Mapping[str, Any]) -> dict[str, bool]:
    """Test set -> whether its qualities are computed, of one or several `run.json`."""
    found: dict[str, bool] = {}
    for record in records:
        otherwise = bool(record.get("pseudo_scores"))
        for name, data in record["data"].items():
            told = data.get("pseudo_scores")
            found[name] = found.get(name, False) or (otherwise if told is None else bool(told))
    return found


def pseudo_note(sets: Mapping[str, bool]) -> str:
    """Two sentences that name the sets with pseudo-MOS; empty if there are none.

    >>> pseudo_note({"bid-like": True, "clive": False}).partition(":")[0]
    'The qualities of bid-like are pseudo-MOS'
    """
    if not any(sets.values()):
        return ""
    return (
        f"The qualities of {named(sets)} are pseudo-MOS: computed, not rated by people. They "
        "compare methods with each other; they are no benchmark result."
    )


def named(sets: Mapping[str, bool]) -> str:
    """The sets with pseudo-MOS as part of a sentence.

    >>> named({"a": True, "b": True, "c": False, "d": True})
    'a, b and d'
    """
    names = [name for name, pseudo in sets.items() if pseudo]
    if len(names) == len(sets) > _FEW:
        return f"all {len(names)} sets"
    return _listed(names)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
