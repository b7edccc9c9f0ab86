"""The checks of a plugin, one by one: made, run, and what came of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cliqa.errors import CliqaError, ConfigError
from cliqa.registry import did_you_mean
from cliqa.testing.catalogue import checks_of
from cliqa.testing.checks import Check, CheckFailedError, CheckResult, CheckSkipped
from cliqa.testing.quiet import undisturbed
from cliqa.testing.subject import PluginSubject, Subject
from cliqa.testing.target import find_subjects
from cliqa.testing.words import crash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cliqa.registry import Registry
    from cliqa.testing.checks import Level
    from cliqa.testing.target import Target

__all__ = ["Case", "check_plugin", "plugin_cases"]


@dataclass(frozen=True)
class Case:
    """One check of one component.

    Attributes:
        check: the check.
        subject: the component, or the plugin as a whole.
        expected: why it is known to fail; empty if it must pass.
    """

    check: Check
    subject: Subject | PluginSubject
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.subject}/{self.check.name}"

    def __call__(self) -> None:
        """Make the check.

        Raises:
            CheckFailedError: it failed; that of a crash in the plugin's code has it as its cause.
            CheckSkipped: it does not apply.
        """
        with undisturbed():
            try:
                self.check.run(self.subject)  # type: ignore[arg-type]
            except (CheckFailedError, CheckSkipped):
                raise
            except CliqaError as error:
                raise CheckFailedError(str(error)) from error
            except Exception as error:  # the plugin's own code
                raise CheckFailedError(crash(error, self.subject)) from error

    def result(self) -> CheckResult:
        """Make the check and say what came of it; an expected failure that passes has failed."""
        try:
            self()
        except CheckSkipped as reason:
            return self._result("skipped", str(reason))
        except CheckFailedError as error:
            if self.expected:
                return self._result("expected failure", f"{self.expected} ({error})")
            return self._result("failed", str(error), error.__cause__)
        if self.expected:
            return self._result(
                "failed",
                f"it was expected to fail ({self.expected}) and passes: take it out of the "
                "expected failures",
            )
        return self._result("passed")

    def _result(
        self, status: Any, message: str = "", error: BaseException | None = None
    ) -> CheckResult:
        return CheckResult(
            component=str(self.subject),
            check=self.check.name,
            level=self.check.level,
            status=status,
            message=message,
            error=error,
        )


def plugin_cases(
    target: Target,
    *,
    level: Level | None = None,
    only: Iterable[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    registry: Registry | None = None,
) -> list[Case]:
    """The checks of a plugin or component, not yet made; arguments as for `check_plugin`."""
    found = [
        Case(check, subject)
        for subject in find_subjects(target, settings or {}, registry)
        for check in checks_of(subject.kind)
    ]
    _refuse_unknown(settings or {}, {str(case.subject) for case in found}, "settings")
    _refuse_wrong(settings or {}, {str(case.subject): case.subject for case in found})
    expected = _expected(found, expected_failures or {})
    wanted = list(only)
    _refuse_unknown(wanted, {n for case in found for n in _names(case)}, "only")
    return [
        Case(case.check, case.subject, expected.get(str(case), ""))
        for case in found
        if level in (None, case.check.level) and (not wanted or {*_names(case)} & {*wanted})
    ]


def check_plugin(
    target: Target,
    *,
    level: Level | None = None,
    only: Iterable[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    registry: Registry | None = None,
) -> list[CheckResult]:
    """Make every check of a plugin's components.

    Args:
        target: a plugin's name, its distribution's, a component as `KIND:NAME`, the path of a
            `.py` file, or a module that holds hooks.
        level: only checks of this level: `api` or `behaviour`.
        only: only checks of these names, `CHECK` or `KIND:NAME/CHECK`.
        settings: `KIND:NAME` -> the settings it is checked with, over those that the plugin
            itself gives in `Component.checks`.
        expected_failures: `CHECK` or `KIND:NAME/CHECK` -> why it is known to fail, besides those
            in `Component.checks`. A check that passes nevertheless counts as failed.
        registry: where names are looked up; default: all installed plugins.

    Returns:
        A result for each check of each component.

    Raises:
        ConfigError: the target, or a name in the arguments, does not exist, or a component does
            not take the settings.
        PluginError: the plugin cannot be loaded.
    """
    found = plugin_cases(
        target,
        level=level,
        only=only,
        settings=settings,
        expected_failures=expected_failures,
        registry=registry,
    )
    return [case.result() for case in found]


def _names(case: Case) -> tuple[str, str]:
    return case.check.name, str(case)


def _refuse_unknown(names: Iterable[str], known: set[str], argument: str) -> None:
    for name in names:
        if name not in known:
            alike = sorted(k for k in known if ("/" in k) == ("/" in name))
            near = did_you_mean(name, alike) or f" There is: {', '.join(alike)}."
            raise ConfigError(f"{argument}: there is no `{name}` here.{near}")


def _refuse_wrong(
    settings: Mapping[str, Mapping[str, Any]], subjects: Mapping[str, PluginSubject | Subject]
) -> None:
    """Raise `ConfigError` once where settings are wrong, not in every check of the component."""
    for name in settings:
        subject = subjects[name]
        if isinstance(subject, Subject):
            with suppress(CheckSkipped):  # a value is missing: the checks tell
                subject.config()


def _expected(found: Sequence[Case], given: Mapping[str, str]) -> dict[str, str]:
    """Case -> why it may fail, from the plugin and from whoever asks."""
    _refuse_unknown(given, {n for case in found for n in _names(case)}, "expected failures")
    expected: dict[str, str] = {}
    for case in found:
        declared = _declared(case.subject)
        known = {c.check.name for c in found if c.subject is case.subject}
        _refuse_unknown(declared, known, f"expected failures of {case.subject}")
        reasons = [m[n] for m in (given, declared) for n in _names(case) if n in m]
        if reasons:
            expected[str(case)] = reasons[0] or "known to fail"
    return expected


def _declared(subject: Subject | PluginSubject) -> Mapping[str, str]:
    options = None if isinstance(subject, PluginSubject) else subject.registered.component.checks
    return options.expected_failures if options else {}
