"""The name of a run by its content: what `run.json` says of it determines it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from cliqa.results.layout import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["run_id"]


def run_id(record: Mapping[str, Any]) -> str:
    """16 hexadecimal digits of a hash of everything that determines a run's result.

    Method, configuration, data, divisions, plugins, the weights that gates and network start from,
    and cliqa's version; not the machine, the time, or what came out.

    Args:
        record: the content of `run.json`, complete or as it is before training.

    Raises:
        KeyError, TypeError, AttributeError: the record lacks one of these.
    """
    normalizations = {label: gate["normalization"] for label, gate in record["gates"].items()}
    everything = {
        "method": record["strategy"],
        "config": record["config"],
        "data": {task: data["fingerprint"] for task, data in record["data"].items()},
        "splits": {task: record["data"][task]["split"]["sha256"] for task in record["tasks"]},
        "plugins": record["plugins"],
        "normalizations": {label: n["sha256"] for label, n in normalizations.items() if n},
        "cliqa": record["environment"]["cliqa"],
        "backbone": record["backbone_sha256"],
    }
    text = json.dumps(plain(everything), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
