"""The front for pytest: one test for each check of each component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cliqa.testing.cases import plugin_cases
from cliqa.testing.checks import CheckFailedError, CheckSkipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cliqa.testing.cases import Case
    from cliqa.testing.checks import Level
    from cliqa.testing.target import Target

__all__ = ["parametrize_plugin"]


class _Called:
    """A case as a test's argument: what does not apply is skipped in pytest's own way."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def __call__(self) -> None:
        import pytest

        try:
            self._case()
        except CheckSkipped as reason:
            pytest.skip(str(reason))

    def __repr__(self) -> str:
        return str(self._case)


def parametrize_plugin(
    target: Target,
    *,
    level: Level | None = None,
    only: Iterable[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Any], Any]:
    """Decorate a test that takes `check` and calls it: it becomes one test for each check.

    Args:
        target: what is checked, as for `cliqa.testing.check_plugin`.
        level: only checks of this level: `api` or `behaviour`.
        only: only checks of these names, `CHECK` or `KIND:NAME/CHECK`.
        settings: `KIND:NAME` -> the settings it is checked with.
        expected_failures: `CHECK` or `KIND:NAME/CHECK` -> why it is known to fail; a check that
            passes nevertheless fails its test.
    """
    import pytest

    found = plugin_cases(
        target, level=level, only=only, settings=settings, expected_failures=expected_failures
    )
    parameters = [
        pytest.param(
            _Called(case),
            id=str(case),
            marks=[pytest.mark.xfail(strict=True, reason=case.expected, raises=CheckFailedError)]
            if case.expected
            else [],
        )
        for case in found
    ]
    return pytest.mark.parametrize("check", parameters)
