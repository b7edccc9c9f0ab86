"""The report's tables as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from cliqa.report.blocks import Fold, Table, Text, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cliqa.report.blocks import Block, Report


def to_markdown(report: Report) -> str:
    """Every table and sentence; no drawing."""
    lines = [f"# {escape(report.title)}", "", f"Made {report.made}.", ""]
    for note in report.notes:
        lines += [f"> {escape(note)}", ""]
    for section in report.sections:
        lines += [f"## {escape(section.title)}", ""]
        lines += [f"* {escape(name)}: {escape(text)}" for name, text in section.facts] + [""]
        for warning in section.warnings:
            lines += [f"> {escape(warning)}", ""]
        for part in section.parts:
            body = list(_blocks(part.blocks))
            if body:
                lines += [f"### {escape(part.title)}", "", escape(part.reading), "", *body]
    return "\n".join(lines).rstrip() + "\n"


def _blocks(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        if isinstance(block, Table):
            yield from _table(block)
        elif isinstance(block, Fold):
            yield from _blocks(block.blocks)
        elif isinstance(block, Text):
            yield from (("> " if block.warning else "") + escape(block.text), "")


def _table(table: Table) -> list[str]:
    rows: list[list[str]] = []
    for n, row in enumerate(table.rows):
        if n in table.heads:
            rows.append([_text(table.heads[n], best=True)] + [""] * (len(row) - 1))
        rows.append([_text(cell.text, cell.best) for cell in row])
    numeric = [
        bool(table.rows) and all(row[n].number for row in table.rows)
        for n in range(len(table.header))
    ]
    lines = [f"**{escape(table.title)}**", "", _line(map(escape, table.header))]
    lines.append("|" + "".join("---:|" if right else "---|" for right in numeric))
    lines += [_line(row) for row in rows]
    notes = [*table.notes, *table.footnotes]
    return [*lines, "", *(part for note in notes for part in (escape(note), ""))]


def _text(text: str, best: bool) -> str:
    return f"**{escape(text)}**" if best else escape(text)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def escape(text: str) -> str:
    """Text that is neither markup nor a second line."""
    return re.sub(r"([\\|*_`<\[])", r"\\\1", " ".join(text.split()))


def to_csv(report: Report) -> dict[str, str]:
    """File name -> text, one file a table, and `index.csv` that says which is which."""
    files: dict[str, str] = {}
    titles = [("file", "section", "table")]
    for section in report.sections:
        for part in section.parts:
            for n, table in enumerate(tables_of(part.blocks), start=1):
                name = f"{section.key}-{part.key}-{n}.csv"
                files[name] = csv_text(
                    [table.header, *([c.text for c in row] for row in table.rows)]
                )
                titles.append((name, section.title, table.title))
    return {**files, "index.csv": csv_text(titles)}


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV; no cell is a formula to a spreadsheet."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(map(_safe, rows))
    return stream.getvalue()


def _safe(cells: Sequence[str]) -> list[str]:
    """Cells that no spreadsheet takes for a formula."""
    return [f"'{c}" if c[:1] in {"=", "+", "@"} else c for c in cells]
