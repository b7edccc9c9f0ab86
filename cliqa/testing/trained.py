"""A strategy's trainings, each made once for all checks that look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.errors import CapabilityError
from cliqa.testing.checks import skip
from cliqa.testing.learning import learn
from cliqa.testing.material import OBJECTIVES, tiny_backbone
from cliqa.training import Strategy

if TYPE_CHECKING:
    from cliqa.testing.seen import Learned
    from cliqa.testing.subject import Subject

__all__ = ["created", "learned_by", "objectives_of", "watched"]


def created(subject: Subject) -> Strategy:
    """A new one; what is no strategy is the business of another check."""
    return subject.instance(Strategy, "is-a-strategy")


def objectives_of(subject: Subject) -> list[str]:
    """The kit's objectives that it takes.

    Raises:
        CheckSkipped: none; says why in the strategy's own words.
    """

    def find() -> dict[str, str]:
        refused = {}
        for name, objective in OBJECTIVES.items():
            try:
                created(subject).check(tiny_backbone(), objective())
            except CapabilityError as error:
                refused[name] = str(error)
        return refused

    refused = subject.blocked("takes-an-objective", lambda: subject.once("refused", find))
    if len(refused) == len(OBJECTIVES):
        skip(f"it refuses the network or the objectives of this kit: {refused['scores']}")
    return [name for name in OBJECTIVES if name not in refused]


def learned_by(subject: Subject, **options: object) -> Learned:
    """It on two tasks; trained once for all checks."""
    options = {"objective": objectives_of(subject)[0], **options}
    key = str(options)
    name = str(options.pop("objective"))
    options.pop("again", None)  # it is in the key: a training of its own

    def make() -> Learned:
        return learn(lambda: created(subject), OBJECTIVES[name](), **options)  # type: ignore[arg-type]

    return subject.once(key, make)


def watched(subject: Subject, **options: object) -> Learned:
    """As `learned_by`; that it learns at all is the business of another check."""
    return subject.blocked("learns-a-stream", lambda: learned_by(subject, **options))
