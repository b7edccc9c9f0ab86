"""The part of an address that the configuration alone tells."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import cliqa
from cliqa.results.layout import plain
from cliqa.stages.code import core_code, plugin_code

if TYPE_CHECKING:
    from cliqa.config import Resolved, ResolvedConfig

__all__ = ["address_of", "component", "settings"]

#: Version of what an address is made of; another one never gives an address of this.
SCHEMA: Final = 1
#: Of `train`: no number depends on the first; the second is what was asked for, not what was done.
_NOT_TRAIN: Final = {"workers", "precision"}
#: Of `evaluate`: the test view, through which validation and the warm-up look.
_VIEW: Final = {"batch_size", "memory_gb", "shrink", "crop"}


def address_of(material: Any) -> str:
    """SHA-256 of plain values as JSON with sorted keys, in hex."""
    text = json.dumps(plain(material), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def component(resolved: Resolved) -> dict[str, Any]:
    """A component without its label: name, settings, code."""
    dumped = resolved.dump()
    dumped.pop("as", None)
    return {**dumped, "plugin": plugin_code(resolved.registered.owner)}


def settings(config: ResolvedConfig, strategy: Resolved) -> dict[str, Any]:
    """All settings that the numbers of a stage depend on, whatever its tasks.

    Workers, caches, checkpoints, gates, metrics, labels of methods and the precision of test
    images are none of them.
    """
    run = config.run
    return {
        "schema": SCHEMA,
        "cliqa": cliqa.__version__,
        "code": core_code(),
        "strategy": component(strategy),
        "backbone": component(config.backbone),
        "objective": component(config.objective),
        "train": run.train.model_dump(mode="json", exclude=_NOT_TRAIN),
        "view": run.evaluate.model_dump(mode="json", include=_VIEW),
        "strict": run.strict,
        "seed": run.seed,
    }
