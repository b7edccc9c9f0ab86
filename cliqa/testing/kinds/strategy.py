"""Checks of kind strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.checks import Check


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001
    """The checks, in the order in which they are made."""
    yield from ()
