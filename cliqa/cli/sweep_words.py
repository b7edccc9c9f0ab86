"""What `cliqa sweep` and its commands say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from cliqa.cli.run import print_caveats
from cliqa.cli.tables import print_table
from cliqa.registry.component import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cliqa.sweep import CellState, Plan, StagePlan, SweepFolder

__all__ = ["count", "headline", "print_head", "print_left", "print_plan", "print_result", "say"]


def print_head(
    plan: Plan,
    folder: SweepFolder,
    states: Mapping[str, CellState],
    stages: StagePlan,
    console: Console,
) -> None:
    """Say what a sweep consists of and how far it is."""
    if plan.description:
        say(console, plan.description)
    say(console, headline(plan, states))
    say(console, stage_line(stages, states))
    for note in folder.notes(plan, states):
        say(console, f"note: {note}")


def headline(plan: Plan, states: Mapping[str, CellState]) -> str:
    """How many runs there are, of what, and how far they are, in one line."""
    from cliqa.sweep import CellState

    axes = " x ".join(_axis_words(axis.name, axis.short, len(axis.points)) for axis in plan.axes)
    text = f"{count(len(plan.cells), 'run')}: {axes}"
    counts = Counter(states.values())
    words = {
        CellState.DONE: "already there",
        CellState.UNFINISHED: "unfinished, to be gone on with",
        CellState.FAILED: "failed before, to be tried again",
    }
    found = [f"{counts[state]} {text}" for state, text in words.items() if counts[state]]
    return "; ".join([text, ", ".join(found)]) if found else text


def stage_line(stages: StagePlan, states: Mapping[str, CellState]) -> str:
    """How many stages the runs have, and how many trainings that takes, in one line."""
    sizes = {len(keys) for keys in stages.of.values()}
    each = f"{count(sizes.pop(), 'stage')} each: " if len(sizes) == 1 else ""
    about = "" if stages.exact else "about "
    text = f"{each}{count(stages.total, 'stage')}, {about}{stages.distinct} distinct to train"
    trained = len(stages.trained(states))
    return f"{text}, {trained} of them trained already" if trained else text


def _axis_words(name: str, short: str, size: int) -> str:
    """`3 seeds`, `2 strategies`; a key that is a plural already has values."""
    if size > 1 and short.endswith("s"):
        return f"{size} values of {short}"
    plural = KINDS[name][0] if name in KINDS else f"{short}s"
    return f"{size} {plural if size > 1 else short}"


def count(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def print_plan(
    plan: Plan,
    folder: SweepFolder,
    states: Mapping[str, CellState],
    stages: StagePlan,
    console: Console,
) -> None:
    """Say what there is to run, a line a run."""
    print_head(plan, folder, states, stages, console)
    rows = [(cell.name, states[cell.name].value) for cell in plan.cells]
    print_table(("run", "state"), rows)


def print_left(plan: Plan, folder: SweepFolder, console: Console) -> None:
    """Say how far an interrupted sweep is."""
    from cliqa.sweep import CellState

    counts = Counter(folder.states(plan).values())
    done, failed = counts[CellState.DONE], counts[CellState.FAILED]
    left = len(plan.cells) - done - failed
    say(
        console,
        f"interrupted: {done} done, {failed} failed, {left} left; the same command goes on from "
        "here",
    )


def print_result(plan: Plan, folder: SweepFolder, console: Console) -> bool:
    """Print the table and what failed; returns whether every run is done."""
    from cliqa.results import pseudo_sets, to_rich
    from cliqa.sweep import CellState, finished_bundles, sweep_table

    states = folder.states(plan)
    console.print(to_rich(sweep_table(plan, folder, states)))
    runs = [bundle.run for _, bundle in finished_bundles(plan, folder, states)]
    told = {g for run in runs for g, gate in run["gates"].items() if gate["uses_task_id"]}
    print_caveats(sorted(told), pseudo_sets(*runs), console)
    failures = [
        folder.failure(cell.name) for cell in plan.cells if states[cell.name] is CellState.FAILED
    ]
    left = sum(state in {CellState.NEW, CellState.UNFINISHED} for state in states.values())
    if failures:
        lines = [f"  {f.cell}: {f.message}" for f in failures if f is not None]
        click.echo("\n".join([f"{count(len(failures), 'run')} failed:", *lines]), err=True)
    if left:
        click.echo(f"{count(left, 'run')} not run", err=True)
    say(console, f"Result: {folder.path}")
    return not failures and not left


def say(console: Console, text: str) -> None:
    """Print a line that stays whole."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
