"""Does a plugin keep to what cliqa promises of its kind? One generator of checks, three fronts.

On the command line `cliqa check PLUGIN_OR_FILE`; in a program `check_plugin`; in pytest::

    from cliqa.testing import parametrize_plugin

    @parametrize_plugin("my_method.py")
    def test_my_method_keeps_the_contract(check):
        check()

All that the checks need comes with cliqa: a stream of generated pictures, a tiny network, two
objectives. Importing this package loads neither torch nor pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cliqa.testing.checks import Check, CheckFailedError, CheckResult, CheckSkipped

if TYPE_CHECKING:
    from cliqa.testing.cases import Case, check_plugin, plugin_cases
    from cliqa.testing.catalogue import every_check
    from cliqa.testing.pytest_front import parametrize_plugin

__all__ = [
    "Case",
    "Check",
    "CheckFailedError",
    "CheckResult",
    "CheckSkipped",
    "check_plugin",
    "every_check",
    "parametrize_plugin",
    "plugin_cases",
]

_HOME = {
    "Case": "cliqa.testing.cases",
    "check_plugin": "cliqa.testing.cases",
    "every_check": "cliqa.testing.catalogue",
    "parametrize_plugin": "cliqa.testing.pytest_front",
    "plugin_cases": "cliqa.testing.cases",
}


def __getattr__(name: str) -> Any:  # PEP 562: see the module's docstring
    """Load a name of `__all__` from the module that defines it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
