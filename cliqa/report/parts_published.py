"""What papers printed, beside or apart from our own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.report import words
from cliqa.report.blocks import Cell, Fold, Part, Table, Text, fixed, number, summary, text
from cliqa.report.colors import depth, heat
from cliqa.report.context import papers

if TYPE_CHECKING:
    from cliqa.report.blocks import Block
    from cliqa.report.context import Context, PaperView
    from cliqa.report.groups import Group, Row
    from cliqa.report.published import Summary


def published_part(group: Group, context: Context) -> Part | None:
    """One part for all papers that print a method of this group."""
    blocks: list[Block] = []
    comparable = False
    for view in papers(group, context):
        made = _blocks(view, group)
        if made:
            warning = words.PRINTED if view.comparable else words.PRINTED_OTHER
            blocks += [
                Text(view.paper.source + "."),
                Text(warning, warning=not view.comparable),
                *made,
            ]
            blocks += [Text(note) for note in view.paper.notes]
            comparable |= view.comparable
    if not blocks:
        return None
    title = "Ours and as printed" if comparable else "As printed in papers, on other data"
    reading = "Methods are matched by strategy and gate; settings may differ from the paper's."
    return Part("published", title, reading, tuple(blocks), opened=comparable)


def _blocks(view: PaperView, group: Group) -> list[Block]:
    blocks: list[Block] = []
    if table := summaries(view, group):
        blocks.append(table)
    blocks += [Fold(t.title, (t,)) for t in matrices(view, group)]
    for table in (lengths(view, group), _cross(view, group), _cost(view, group)):
        if table:
            blocks.append(Fold(table.title, (table,)))
    blocks += [Fold(t.title, (t,)) for t in _analyses(view, group)]
    return blocks


def _matched(view: PaperView, group: Group) -> list[tuple[Row, str]]:
    return [(row, name) for row in group.rows for name in view.names(row)]


def summaries(view: PaperView, group: Group) -> Table | None:
    """Rows of summary metrics; beside ours only where the data are the same."""
    shown = list(dict.fromkeys(m for s in view.paper.summaries for m in s.values))
    ours = ("ours", "printed") if view.comparable else ("printed",)
    columns = (f"{m} {which}" if view.comparable else m for m in shown for which in ours)
    header = ("method", "gate", "printed as", "backbone", "table", "order", "n", *columns)
    rows = []
    for row, name in _matched(view, group):
        for printed in view.paper.summaries:
            if printed.method != name or not view.shows(printed.order, row):
                continue
            if printed.variant and not view.comparable:
                continue  # an ablation on other data helps nobody
            values = [
                cell
                for m in shown
                for cell in ((summary(row.value(m)),) if view.comparable else ())
                + (_printed_cell(printed, m),)
            ]
            label = f"{name}, {printed.variant}" if printed.variant else name
            runs = Cell(str(printed.runs or 1), number=True)
            backbone = printed.backbone
            if view.comparable and view.paper.is_backbone(backbone, _backbone(row)):
                backbone += " (ours too)"
            order = printed.order or "not said"
            facts = (row.method, row.gate, label, backbone, printed.table, order)
            rows.append((*map(text, facts), runs, *values))
    if not rows:
        return None
    return Table(f"{view.paper.title}: summaries", header, tuple(rows))


def _backbone(row: Row) -> str:
    backbone = row.runs[0].record["config"].get("backbone", "")
    return str(backbone.get("name", "") if isinstance(backbone, dict) else backbone)


def _printed_cell(printed: Summary, metric: str) -> Cell:
    value = printed.values.get(metric)
    if value is None:
        return Cell("", number=True)
    std = (printed.std or {}).get(metric)
    return Cell(fixed(value) + ("" if std is None else f" ± {fixed(std)}"), number=True, muted=True)


def matrices(view: PaperView, group: Group) -> list[Table]:
    """Table IV of the paper for our methods."""
    tables = {}
    for row, name in _matched(view, group):
        for printed in view.paper.srcc_matrices:
            if printed.method == name and printed.order == view.order(row):
                tasks = view.paper.task_names(printed.order)
                title = (
                    f"{view.paper.title}, Table {printed.table}: SRCC of {name}, {printed.backbone}"
                )
                rows = tuple(
                    (text(task), *(_heat(v) for v in values))
                    for task, values in zip(tasks, printed.srcc, strict=True)
                )
                tables[title] = Table(title, ("after task", *tasks), rows)
    return list(tables.values())


def _heat(value: float | None) -> Cell:
    return number(value, color="" if value is None else heat(value))


def lengths(view: PaperView, group: Group) -> Table | None:
    """Table VI of the paper for our methods."""
    found = {
        (name, printed.order): printed
        for row, name in _matched(view, group)
        for printed in view.paper.lengths
        if printed.method == name and printed.order == view.order(row)
    }
    if not found:
        return None
    count = len(view.paper.tasks)
    header = ("method", "backbone", "order", *(f"L = {n + 1}" for n in range(count)), "mean")
    rows = tuple(
        (text(name), text(p.backbone), text(order), *map(number, p.mpsi), number(p.mean))
        for (name, order), p in found.items()
    )
    return Table(f"{view.paper.title}, mPSI by length of the sequence", header, rows)


def _cross(view: PaperView, group: Group) -> Table | None:
    names = {name for _, name in _matched(view, group)}
    # Methods of others have no component to match; they stand beside those that have.
    names |= {n for n, m in view.paper.methods.items() if m.strategy is None} if names else set()
    found = [c for c in view.paper.cross_dataset if c.method in names]
    if not any(view.paper.methods[c.method].strategy for c in found):
        return None
    tasks = [task.name for task in view.paper.tasks]
    rows = tuple(
        (
            *map(text, (c.method, c.backbone, c.table, c.set)),
            number(c.srcc),
            *(map(number, c.weights) if c.weights else [Cell("", number=True)] * len(tasks)),
        )
        for c in found
    )
    header = ("method", "backbone", "table", "set", "SRCC", *(f"weight {t}" for t in tasks))
    return Table(f"{view.paper.title}, sets that were not learned", header, rows)


def _cost(view: PaperView, group: Group) -> Table | None:
    names = {name for _, name in _matched(view, group)}
    found = [c for c in view.paper.costs if c.method in names]
    if not found:
        return None
    rows = tuple(tuple(map(text, (c.method, c.backbone, c.relative_cost))) for c in found)
    header = ("method", "backbone", "cost of scoring, in forwards (T: number of tasks)")
    return Table(f"{view.paper.title}, cost", header, rows)


def _analyses(view: PaperView, group: Group) -> list[Table]:
    names = {name for _, name in _matched(view, group)}
    tables = []
    for found in (d for d in view.paper.divergences if d.method in names):
        top = max(map(max, found.kl))
        rows = _square(
            view, found.order, [[number(v, 1, color=depth(v / top)) for v in r] for r in found.kl]
        )
        notes = (
            ()
            if found.correlation is None
            else (f"Printed correlation with the inter-dataset SRCC: {fixed(found.correlation)}.",)
        )
        title = f"{view.paper.title}, Table {found.table}: KL divergence"
        tables.append(Table(title, ("task", *view.paper.task_names(found.order)), rows, notes))
    for inter in (d for d in view.paper.inter_dataset if d.method in names):
        rows = _square(view, inter.order, [[_heat(v) for v in r] for r in inter.srcc])
        title = f"{view.paper.title}, Table {inter.table}: inter-dataset SRCC"
        tables.append(Table(title, ("head of", *view.paper.task_names(inter.order)), rows))
    return tables


def _square(view: PaperView, order: str, cells: list[list[Cell]]) -> tuple[tuple[Cell, ...], ...]:
    tasks = view.paper.task_names(order)
    return tuple((text(task), *row) for task, row in zip(tasks, cells, strict=True))
