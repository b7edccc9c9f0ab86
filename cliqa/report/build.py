"""From runs to a report: sections, what was run, and the warnings that belong to it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cliqa.report import words
from cliqa.report.blocks import Report, Section
from cliqa.report.groups import group_runs
from cliqa.report.parts_cost import cost_part, training_part
from cliqa.report.parts_examples import check_images, examples_part
from cliqa.report.parts_heads import analyses_part, cross_part, weights_part
from cliqa.report.parts_logged import logged_part
from cliqa.report.parts_main import (
    curves_part,
    lengths_part,
    matrices_part,
    orders_part,
    seeds_part,
    summary_part,
)
from cliqa.report.parts_published import published_part
from cliqa.report.parts_tasks import tasks_part
from cliqa.results import pseudo_note, pseudo_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.report.context import Context
    from cliqa.report.groups import Group
    from cliqa.report.runs import Found
    from cliqa.sweep import MissingRun

#: Failed runs that are named one by one.
_LISTED: Final = 20


def build_report(found: Found, context: Context) -> Report:
    """Put everything together.

    Args:
        found: the runs.
        context: what the user and the plugins add.

    Raises:
        ResultError: an image that the user named is in no test set, or a file is damaged.
    """
    groups = group_runs(found.runs)
    check_images(groups, context.images)
    sections = tuple(
        _section(n, len(groups), g, found.missing, context) for n, g in enumerate(groups, start=1)
    )
    methods = list(dict.fromkeys(run.method for run in found.runs))
    notes = [f"{folder} {words.UNFINISHED}" for folder in found.unfinished]
    notes += _missing(found.missing)
    if len(groups) > 1:
        notes.insert(
            0,
            f"The runs fall into {len(groups)} sections, because their tasks, images, division "
            "of images or the way that test images are looked at differ: numbers of different "
            "sections must not be compared.",
        )
    return Report(
        title=f"cliqa report: {', '.join(methods)}",
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        notes=tuple(notes),
        sections=sections,
    )


def _missing(runs: Sequence[MissingRun]) -> list[str]:
    """A line a run that has no result; of those with no more to say than their state, how many."""
    lines = [f"{run.folder}: {run.reason}" for run in runs if run.reason != run.state]
    more = [f"and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
    silent = Counter(run.state for run in runs if run.reason == run.state)
    counts = [f"Runs of a sweep without a result: {n} {state}." for state, n in silent.items()]
    return [*lines[:_LISTED], *more, *counts]


def _section(
    place: int, count: int, group: Group, missing: Sequence[MissingRun], context: Context
) -> Section:
    own = [run for run in missing if count == 1 or set(run.tasks) == set(group.tasks)]
    parts = (
        summary_part(group, context, own),
        published_part(group, context),
        tasks_part(group),
        curves_part(group),
        matrices_part(group),
        orders_part(group),
        lengths_part(group),
        seeds_part(group),
        weights_part(group),
        cross_part(group),
        examples_part(group, context),
        analyses_part(group),
        cost_part(group),
        training_part(group),
        logged_part(group),
    )
    title = "Results" if count == 1 else f"Section {place}: {', '.join(group.tasks)}"
    return Section(
        key=f"section-{place}",
        title=title,
        facts=tuple(_facts(group)),
        warnings=tuple(_warnings(group)),
        parts=tuple(part for part in parts if part),
    )


def _facts(group: Group) -> list[tuple[str, str]]:
    runs, record = group.runs, group.runs[0].record
    seeds = ", ".join(map(str, group.seeds))
    facts = [
        ("Methods", ", ".join(dict.fromkeys(row.method for row in group.rows))),
        ("Tasks", " → ".join(_task_fact(group, task) for task in group.tasks)),
        ("Orders", ", ".join(group.orders)),
        ("Division of images", runs[0].split_rule),
        ("Seeds", f"{seeds} (n = {len(group.seeds)})"),
        ("Backbone", _each(_name(run.record["config"].get("backbone")) for run in runs)),
        ("Objective", _each(_name(run.record["config"].get("objective")) for run in runs)),
        ("Training", _each(_schedule(run.record["config"].get("train", {})) for run in runs)),
        ("Device", _each(f"{r.record.get('device')}, {r.record.get('precision')}" for r in runs)),
        ("Runs made", _dates([str(run.record.get("created", "")) for run in runs])),
        ("Versions", _each(_versions(run.record.get("environment", {})) for run in runs)),
        ("Folders", ", ".join(run.shown for run in runs)),
        ("Data", ", ".join(f"{task} {digest[:12]}" for task, digest in runs[0].fingerprints)),
    ]
    if group.evaluate_only:
        facts.insert(2, ("Only tested on", ", ".join(group.evaluate_only)))
    if record.get("description"):
        facts.insert(0, ("Description", _each(str(r.record.get("description", "")) for r in runs)))
    return [(name, text) for name, text in facts if text]


def _task_fact(group: Group, task: str) -> str:
    data = group.runs[0].record["data"][task]
    counts = [f"{data[part]} {part}" for part in ("train", "val", "test") if part in data]
    return f"{task} ({', '.join(counts)})" if counts else task


def _each(texts: object) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))  # type: ignore[attr-defined]


def _name(component: object) -> str:
    return str(component.get("name", "")) if isinstance(component, dict) else str(component or "")


def _schedule(train: dict[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in train.items() if value is not None)


def _dates(created: list[str]) -> str:
    days = sorted({text[:10] for text in created if text})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if days else ""


def _versions(environment: dict[str, object]) -> str:
    libraries = environment.get("libraries")
    more = libraries if isinstance(libraries, dict) else {}
    own = {"cliqa": environment.get("cliqa"), "python": environment.get("python")}
    return ", ".join(f"{name} {version}" for name, version in {**own, **more}.items() if version)


def _warnings(group: Group) -> list[str]:
    warnings = []
    if note := pseudo_note(pseudo_sets(*(run.record for run in group.runs))):
        warnings.append(note)
    told = list(dict.fromkeys(row.gate for row in group.rows if row.told))
    if told:
        which = ", ".join(told)
        warnings.append(
            f"Told which task an image is from, which users cannot tell: {which}. Such rows are "
            "bounds, not results."
        )
    if len(group.seeds) > 1 and "drawn anew" in group.runs[0].split_rule:
        warnings.append(
            "Each seed has its own division of the images into training, validation and test: the "
            "spread over seeds contains the spread over divisions."
        )
    return [*warnings, *group.notes]
