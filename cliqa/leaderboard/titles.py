"""What tracks are called: a title says what was learned, and never stands for two tracks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliqa.leaderboard.model import Track
    from cliqa.report import Run


def title_of(run: Run, orders: Sequence[str]) -> str:
    """`6 tasks, live to kadid, order I`; tasks that arrive together make stages."""
    tasks, stages = run.tasks, len(run.stage_sizes)
    count = f"{len(tasks)} task{'s' if len(tasks) > 1 else ''}"
    together = f" in {stages} stage{'s' if stages > 1 else ''}" if stages != len(tasks) else ""
    if len(orders) > 1:
        return f"{count}{together}, orders {', '.join(orders)}"
    span = f"{tasks[0]} to {tasks[-1]}" if len(tasks) > 1 else tasks[0]
    return f"{count}{together}, {span}, order {orders[0]}"


#: What tells tracks of one title apart, the most telling first.
_FACTS: tuple[Callable[[Track], str], ...] = (
    lambda track: track.division,
    lambda track: track.policy,
    lambda track: ", ".join(sorted(track.tasks)),
    lambda track: f"track {track.id}",
)


def with_titles(tracks: Sequence[Track]) -> list[Track]:
    """The same tracks; those of one title get the facts in which they differ."""
    named = list(tracks)
    for fact in _FACTS:
        titles = Counter(track.title for track in named)
        told = {title: len({fact(t) for t in named if t.title == title}) for title in titles}
        named = [
            track.model_copy(update={"title": f"{track.title}, {fact(track)}"})
            if titles[track.title] > 1 and told[track.title] > 1
            else track
            for track in named
        ]
    return named
