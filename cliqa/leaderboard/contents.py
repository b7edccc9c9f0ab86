"""Which test images show the same content: asked of the datasets, since a bundle cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from cliqa.leaderboard.collect import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cliqa.registry import Registry
    from cliqa.report import Run

#: A run and a task to (sample id -> content, why there is none).
Contents: TypeAlias = "Callable[[Run, str], tuple[Mapping[str, str] | None, str]]"


def dataset_contents(registry: Registry) -> Contents:
    """Contents from the datasets on this machine: the reference, or the image where it has none.

    Args:
        registry: where datasets are looked up.
    """
    from cliqa.report.pictures import open_dataset, run_datasets

    known: dict[tuple[str, str], tuple[Mapping[str, str] | None, str]] = {}

    def find(run: Run, task: str) -> tuple[Mapping[str, str] | None, str]:
        key = (task, str(run.record["data"][task]["fingerprint"]))
        if key not in known:
            try:
                table = open_dataset(run_datasets(run, registry), run, task).table
                pairs = zip(table["sample_id"][:], table["reference"][:], strict=True)
                known[key] = {i: str(r) if r is not None else f"image {i}" for i, r in pairs}, ""
            except Exception as error:  # a set that is not here, or that is broken
                known[key] = None, f"{task}: {explain(error)}"
        return known[key]

    return find


def no_contents(run: Run, task: str) -> tuple[None, str]:  # noqa: ARG001 - the shape of Contents
    """Know nothing of the images."""
    return None, "the datasets were not looked up"
