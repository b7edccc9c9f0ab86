"""Checks of jobs that prepare weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from cliqa.errors import CliqaError
from cliqa.model import check_fits
from cliqa.pretraining import (
    Pretraining,
    PretrainingContext,
    PretrainingObserver,
    PretrainingOutcome,
)
from cliqa.testing.checks import Check, CheckFailedError, api, behaviour, fail, require, skip
from cliqa.testing.comparing import differing, digests
from cliqa.testing.material import CPU, tiny_backbone
from cliqa.testing.words import crash, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.subject import Subject


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(is_a_job)
    yield api(refuses_in_words)
    yield behaviour(gives_tensors_of_the_backbone)
    yield behaviour(record_is_plain_and_the_same)


def _new(subject: Subject) -> Pretraining:
    return subject.instance(Pretraining, "is-a-job")


def is_a_job(subject: Subject) -> None:
    """Its factory makes a `cliqa.pretraining.Pretraining`."""
    made = subject.blocked("is-made", subject.made)
    require(
        isinstance(made, Pretraining),
        f"its factory made a {type(made).__name__}; derive it from `cliqa.pretraining.Pretraining`",
    )


def refuses_in_words(subject: Subject) -> None:
    """What `check` refuses, it refuses by a `CliqaError`, and it changes no weight."""
    job, backbone = _new(subject), tiny_backbone()
    before = digests(backbone.state_dict())
    try:
        job.check(backbone)
    except CliqaError as error:
        skip(f"it refuses the network of this kit: {error}")
    except Exception as error:
        raise CheckFailedError(
            f"in `check` {crash(error, subject)}. If it cannot work with what it is given, raise a "
            "`cliqa.errors.CliqaError`, which the user reads as a message"
        ) from error
    moved = differing(before, digests(backbone.state_dict()))
    require(not moved, f"`check` changes {listed(moved)}; it is called before the work begins")


def _done(subject: Subject, number: int = 0) -> tuple[PretrainingOutcome, Any]:
    def do() -> tuple[PretrainingOutcome, Any]:
        job, backbone = _new(subject), tiny_backbone()
        try:
            job.check(backbone)
        except CliqaError as error:
            skip(f"it refuses the network of this kit: {error}")
        torch.manual_seed(0)
        context = PretrainingContext(
            backbone=backbone, compute=CPU, seed=0, observer=PretrainingObserver()
        )
        return job.run(context), backbone

    return subject.once(("done", number), do)


def gives_tensors_of_the_backbone(subject: Subject) -> None:
    """`run` gives finite tensors that the backbone has, under their names and in their shapes."""
    outcome, backbone = _done(subject)
    require(
        isinstance(outcome, PretrainingOutcome),
        f"`run` returned a {type(outcome).__name__}, expected a PretrainingOutcome",
    )
    try:
        check_fits(outcome.tensors, backbone, "what `run` gives")
    except CliqaError as error:
        fail(f"{error}. Names are those of `backbone.state_dict()`")
    wrong = [n for n, t in outcome.tensors.items() if not bool(t.isfinite().all())]
    require(not wrong, f"{listed(wrong)} holds values that are not finite")


def record_is_plain_and_the_same(subject: Subject) -> None:
    """Equal jobs give equal tensors and equal records of plain JSON values."""
    earlier = "gives-tensors-of-the-backbone"
    subject.blocked(earlier, lambda: gives_tensors_of_the_backbone(subject))
    first, again = (_done(subject, number)[0] for number in (0, 1))
    try:
        written = [json.dumps(dict(o.record), sort_keys=True) for o in (first, again)]
    except (TypeError, ValueError) as error:
        fail(f"`record` is not plain JSON: {error}")
    other = differing(digests(first.tensors), digests(again.tensors))
    require(
        not other,
        f"{listed(other)} differs between two equal jobs; draw from `cliqa.seeds` with "
        "`context.seed`",
    )
    require(
        written[0] == written[1],
        "`record` differs between two equal jobs; leave out times, durations and paths",
    )
