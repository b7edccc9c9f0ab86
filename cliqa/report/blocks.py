"""What a report is made of, before it becomes HTML or Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markupsafe import Markup

    from cliqa.report.groups import Value

#: A cell without a value.
MISSING = "–"


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what it says.
        number: whether it is set right-aligned.
        best: the best of its column.
        color: background of a heat map, as `#rrggbb`; the text colour follows from it.
        note: a footnote: why it has no value.
        muted: of less weight than its neighbours.
    """

    text: str
    number: bool = False
    best: bool = False
    color: str = ""
    note: str = ""
    muted: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: what it shows.
        header: one name a column.
        rows: cells, one a column.
        notes: sentences below it.
        heads: row numbers before which a heading is set, with its text.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    heads: dict[int, str] = field(default_factory=dict)

    @property
    def footnotes(self) -> list[str]:
        """The reasons of its empty cells, in order of appearance."""
        return list(dict.fromkeys(c.note for row in self.rows for c in row if c.note))


@dataclass(frozen=True)
class Figure:
    """A drawing: SVG that was made by `cliqa.report.svg`."""

    title: str
    svg: Markup


@dataclass(frozen=True)
class Text:
    """A paragraph; `warning` sets it apart."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Fold:
    """Blocks that a reader may open."""

    title: str
    blocks: tuple[Block, ...]
    opened: bool = False


@dataclass(frozen=True)
class Card:
    """One test image with what the heads say about it.

    Attributes:
        sample: its id.
        facts: lines below it.
        picture: a data URI, or empty.
        svg: the bars.
    """

    sample: str
    facts: tuple[str, ...]
    picture: str
    svg: Markup


@dataclass(frozen=True)
class Gallery:
    """Cards side by side."""

    title: str
    cards: tuple[Card, ...]


Block: TypeAlias = Table | Figure | Text | Fold | Gallery


@dataclass(frozen=True)
class Part:
    """One topic of a section.

    Attributes:
        key: names it in links and files.
        title: its heading.
        reading: how to read it.
        blocks: its content.
        opened: whether it is unfolded at first.
    """

    key: str
    title: str
    reading: str
    blocks: tuple[Block, ...]
    opened: bool = True


@dataclass(frozen=True)
class Section:
    """What is shown of one group of runs."""

    key: str
    title: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Report:
    """A whole page."""

    title: str
    made: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]


def fixed(value: float, digits: int = 3) -> str:
    """A number with fixed decimals, never `-0.000`."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def text(value: object, *, muted: bool = False) -> Cell:
    """A cell of words."""
    return Cell(str(value), muted=muted)


def number(value: float | None, digits: int = 3, *, reason: str = "", color: str = "") -> Cell:
    """A cell with a number, or an empty one with its reason."""
    if value is None or value != value:
        return Cell(MISSING, number=True, note=reason)
    return Cell(fixed(value, digits), number=True, color=color)


def summary(value: Value, *, best: bool = False) -> Cell:
    """Mean and standard deviation over seeds."""
    if value.mean != value.mean:
        return Cell(MISSING, number=True, note=value.reason)
    spread = f" ± {fixed(value.std)}" if value.std == value.std else ""
    return Cell(fixed(value.mean) + spread, number=True, best=best)


def tables_of(blocks: Iterable[Block]) -> Iterable[Table]:
    """Every table, folded ones too."""
    for block in blocks:
        if isinstance(block, Table):
            yield block
        elif isinstance(block, Fold):
            yield from tables_of(block.blocks)
