"""Did-you-mean: the known names nearest to a misspelt one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean", "suggest"]


def suggest(name: str, known: Iterable[str], *, limit: int = 3, cutoff: float = 0.6) -> list[str]:
    """The known names nearest to `name`, nearest first; upper and lower case are equal.

    Args:
        name: what the user wrote.
        known: the names that would have been right.
        limit: how many to return at most.
        cutoff: how alike a name must be, from 0 (anything) to 1 (the same).

    >>> suggest("TSN_IQA", ["tsn-iqa", "separate", "joint"])
    ['tsn-iqa']
    """
    spelt: dict[str, list[str]] = {}
    for candidate in known:
        spelt.setdefault(candidate.casefold(), []).append(candidate)
    close = get_close_matches(name.casefold(), list(spelt), n=limit, cutoff=cutoff)
    return [candidate for match in close for candidate in spelt[match]][:limit]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence to append to a message, or an empty string when nothing is near.

    >>> did_you_mean("gats", ["gates", "metrics"])
    ' Did you mean `gates`?'
    """
    near = suggest(name, known)
    return f" Did you mean {' or '.join(f'`{match}`' for match in near)}?" if near else ""
