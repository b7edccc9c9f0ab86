"""Configurations: their shape, how they are read, and what they resolve to.

Every plugin's settings module imports `ComponentConfig` from here, so this import stays cheap:
everything but the base class is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cliqa.config.base import ComponentConfig

if TYPE_CHECKING:
    from cliqa.config.job import ResolvedJob, load_job
    from cliqa.config.models import (
        CacheConfig,
        EvaluateConfig,
        ResumeConfig,
        RunConfig,
        SplitConfig,
        StreamConfig,
        TrainConfig,
    )
    from cliqa.config.pretraining import PretrainingConfig
    from cliqa.config.resolve import load_config
    from cliqa.config.resolved import Resolved, ResolvedConfig
    from cliqa.config.single import load_component

__all__ = [
    "CacheConfig",
    "ComponentConfig",
    "EvaluateConfig",
    "PretrainingConfig",
    "Resolved",
    "ResolvedConfig",
    "ResolvedJob",
    "ResumeConfig",
    "RunConfig",
    "SplitConfig",
    "StreamConfig",
    "TrainConfig",
    "load_component",
    "load_config",
    "load_job",
]

_HOME = {
    "CacheConfig": "cliqa.config.models",
    "EvaluateConfig": "cliqa.config.models",
    "PretrainingConfig": "cliqa.config.pretraining",
    "Resolved": "cliqa.config.resolved",
    "ResolvedConfig": "cliqa.config.resolved",
    "ResolvedJob": "cliqa.config.job",
    "ResumeConfig": "cliqa.config.models",
    "RunConfig": "cliqa.config.models",
    "SplitConfig": "cliqa.config.models",
    "StreamConfig": "cliqa.config.models",
    "TrainConfig": "cliqa.config.models",
    "load_component": "cliqa.config.single",
    "load_config": "cliqa.config.resolve",
    "load_job": "cliqa.config.job",
}


def __getattr__(name: str) -> Any:  # PEP 562: see the module's docstring
    """Load a name of `__all__` from the module that defines it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """Names that `from cliqa.config import ...` accepts."""
    return __all__
