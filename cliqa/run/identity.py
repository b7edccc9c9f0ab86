"""What must be equal for a run to go on: everything that its numbers depend on."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any, Final

import torch

import cliqa
from cliqa.data import split_digest
from cliqa.distributed import world
from cliqa.model import rest_digest
from cliqa.results.layout import plain
from cliqa.run.record import libraries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cliqa.config import ResolvedConfig
    from cliqa.registry import PluginRecord
    from cliqa.run.prepare import Prepared

__all__ = ["changed", "configuration", "identity"]

_ABSENT: Final = object()
_SHOWN: Final = 3


def configuration(config: ResolvedConfig) -> dict[str, Any]:
    """The part of an identity that needs no data: the settings, without words about them."""
    settings = {k: v for k, v in config.published().items() if k != "description"}
    found: dict[str, Any] = json.loads(json.dumps(plain(settings)))
    return found


def identity(prepared: Prepared) -> dict[str, Any]:
    """All that the numbers of a run depend on, as plain JSON values."""
    stream, device = prepared.stream, prepared.compute.device
    found = {
        "config": configuration(prepared.config),
        "data": {t.name: t.fingerprint for t in (*stream.tasks, *stream.evaluate_only)},
        "splits": {t.name: split_digest(t.sample_ids, t.split) for t in stream.tasks},
        "plugins": {p.name: p.sha256 or p.version for p in _used(prepared.config)},
        "normalizations": {n: f.sha256 for n, f in prepared.normalizations.items()},
        "backbone weights": rest_digest(prepared.backbone, {}),
        "cliqa": cliqa.__version__,
        "python": platform.python_version(),
        "libraries": libraries(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "processor": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "processes": world().size,
    }
    plain_values: dict[str, Any] = json.loads(json.dumps(plain(found)))
    return plain_values


def _used(config: ResolvedConfig) -> list[PluginRecord]:
    """The plugins whose components take part; what else is installed does not matter."""
    parts = (config.backbone, config.objective, config.strategy, *config.compare, *config.gates)
    others = (*config.metrics, *config.tasks, *config.evaluate_only)
    return list({p.registered.owner: None for p in (*parts, *others)})


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two identities, in words; empty if nothing does."""
    found = [f"{k} was {_text(a)} and is {_text(b)}" for k, a, b in _unequal(before, now, "")]
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "; ".join([*found[:_SHOWN], *more])


def _unequal(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            inner = f"{path}.{key}" if path else key
            yield from _unequal(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for n, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _unequal(a, b, f"{path}.{n}")
    elif type(old) is not type(new) or old != new:
        yield path.removeprefix("config."), old, new


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
