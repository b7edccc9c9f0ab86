"""Which test images show the same content: asked of sets built here, since a bundle cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cliqa.report import Run
    from cliqa.verification import Verifier

#: A run and a task to (sample id -> content, why there is none).
Contents: TypeAlias = "Callable[[Run, str], tuple[Mapping[str, str] | None, str]]"


def verified_contents(verifier: Verifier) -> Contents:
    """Contents from the sets that a verification built: the reference, or the image itself.

    Args:
        verifier: what verified the runs.
    """
    known: dict[str, Mapping[str, str]] = {}

    def find(run: Run, task: str) -> tuple[Mapping[str, str] | None, str]:
        digest = str(run.record["data"][task]["fingerprint"])
        if digest not in known:
            found = verifier.references(digest)
            known[digest] = {
                i: f"image {i}" if reference is None else str(reference)
                for i, reference in (found or {}).items()
            }
        if not known[digest]:
            return None, f"the set of {task} is not on this machine"
        return known[digest], ""

    return find


def no_contents(run: Run, task: str) -> tuple[None, str]:  # noqa: ARG001 - the shape of Contents
    """Know nothing of the images."""
    return None, "the datasets were not looked up"
