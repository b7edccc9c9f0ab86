"""What a check is, and what comes of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliqa.testing.subject import Subject

__all__ = [
    "Check",
    "CheckFailedError",
    "CheckResult",
    "CheckSkipped",
    "Level",
    "Status",
    "api",
    "behaviour",
    "fail",
    "is_not_reached",
    "not_reached",
    "require",
    "skip",
]

#: `api`: the component has the form of its kind. `behaviour`: what it does is right.
Level = Literal["api", "behaviour"]
Status = Literal["passed", "failed", "skipped", "expected failure"]
_NOT_REACHED: Final = "not reached: "


class CheckFailedError(AssertionError):
    """A component does not keep what its kind promises; the text names the likely mistake."""


class CheckSkipped(Exception):  # noqa: N818 (it is no error)
    """A check does not apply to a component, or cannot be made here; the text says why."""


@dataclass(frozen=True)
class Check:
    """One thing that must hold of every component of a kind.

    Attributes:
        name: unique within its kind.
        level: `api` or `behaviour`.
        run: looks at a subject; raises `CheckFailedError` or `CheckSkipped`.
    """

    name: str
    level: Level
    run: Callable[[Subject], None]

    @property
    def sentence(self) -> str:
        """What must hold, in one sentence."""
        return " ".join((self.run.__doc__ or "").split("\n\n")[0].split())


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What came of one check of one component.

    Attributes:
        component: `KIND:NAME`, or `plugin:NAME`.
        check: the check's name.
        level: the check's level.
        status: `passed`, `failed`, `skipped` or `expected failure`.
        message: why it is not `passed`; else empty.
        error: the plugin's own exception where that was the fault.
    """

    component: str
    check: str
    level: Level
    status: Status
    message: str = ""
    error: BaseException | None = field(default=None, compare=False, repr=False)

    def dump(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        names = ("component", "check", "level", "status", "message")
        return {name: getattr(self, name) for name in names}


def api(run: Callable[[Any], None]) -> Check:
    """A check of form, called as its function."""
    return Check(run.__name__.replace("_", "-"), "api", run)


def behaviour(run: Callable[[Any], None]) -> Check:
    """A check of what a component does, called as its function."""
    return Check(run.__name__.replace("_", "-"), "behaviour", run)


def fail(message: str) -> NoReturn:
    """The check has failed.

    Args:
        message: what was found, what is likely wrong, and what to do.
    """
    raise CheckFailedError(message)


def require(holds: object, message: str) -> None:
    """Fail unless it holds."""
    if not holds:
        fail(message)


def skip(reason: str) -> NoReturn:
    """The check does not apply."""
    raise CheckSkipped(reason)


def not_reached(check: str, *, skipped: bool = False) -> NoReturn:
    """Another check fails, or is skipped, before this one could begin; its message is enough."""
    raise CheckSkipped(f"{_NOT_REACHED}`{check}` {'is skipped' if skipped else 'fails'}")


def is_not_reached(reason: object) -> bool:
    """Whether a check was skipped because of another one."""
    return str(reason).startswith(_NOT_REACHED)
