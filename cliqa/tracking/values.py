"""What trackers do alike: numbers by name, settings by name, and asking for a package."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["final_scalars", "flat", "require", "scalars"]

#: Of a record: where it belongs, rather than what was measured.
_PLACE: Final = frozenset({"event", "step", "task", "phase", "epoch"})
#: Of a gate's metrics: matrices, and words about what is not defined.
_NO_SUMMARY: Final = frozenset({"srcc", "stability", "undefined"})
_DISTRIBUTION: Final = "cliqa-bench"


def require(package: str, extra: str, tracker: str) -> None:
    """Make sure that a package is installed, without importing it.

    Args:
        package: the name under which it is imported.
        extra: the extra of cliqa that brings it.
        tracker: which tracker wants it, for the message.

    Raises:
        MissingPackageError: it is not installed; says how to install it.
    """
    found = find_spec(package)
    if found is None or found.origin is None:  # a folder `wandb` of results is no package
        raise MissingPackageError(
            f"tracker `{tracker}` needs the package `{package}`, which is not installed; install "
            f'it with: pip install "{_DISTRIBUTION}[{extra}]" (nothing was trained yet)'
        )


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted names: `{"a": {"b": 1}, "c": [2]}` -> `{"a.b": 1, "c.0": 2}`."""
    leaves = _leaves(values, (prefix,) if prefix else ())
    return {".".join(path): value for path, value in leaves if path}


def _leaves(values: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from _leaves(value, (*path, str(key)))
    elif isinstance(values, list | tuple) and values:
        for number, value in enumerate(values):
            yield from _leaves(value, (*path, str(number)))
    else:
        yield path, values


def scalars(record: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers that a record of `train_log.jsonl` measured, by name.

    Names begin with the phase, so that the losses of unlike phases make curves of their own:
    `train/loss`, `train/validation_srcc`, `gan/losses.generator`. Records that are no epoch begin
    with their kind.
    """
    group = record.get("phase") or record.get("event") or "record"
    measured = {key: value for key, value in record.items() if key not in _PLACE}
    return _finite({f"{group}/{name}": value for name, value in flat(measured).items()})


def final_scalars(metrics: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, float]]]:
    """The numbers of `metrics.json` by the step they belong to, counted from 1.

    For each gate `test_srcc/GATE/TASK` at every step, and at the last one `summary/GATE/NAME` for
    each metric. What is not defined is left out.
    """
    gates: Mapping[str, Any] = metrics["gates"]
    steps = max((len(values["srcc"]) for values in gates.values()), default=0)
    for step in range(1, steps + 1):
        found: dict[str, Any] = {}
        for gate, values in gates.items():
            row = values["srcc"][step - 1] if step <= len(values["srcc"]) else []
            named = zip(metrics["tasks"], row, strict=False)
            found |= {f"test_srcc/{gate}/{task}": value for task, value in named}
            if step == steps:
                summary = {k: v for k, v in values.items() if k not in _NO_SUMMARY}
                found |= {f"summary/{gate}/{name}": v for name, v in flat(summary).items()}
        yield step, _finite(found)


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
