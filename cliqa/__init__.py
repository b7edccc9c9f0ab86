"""cliqa: continual learning of image quality models, composed from plugins.

Importing this package is cheap: neither torch nor timm nor datasets is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cliqa.registry.component import CheckOptions, Component
from cliqa.registry.facts import DatasetFacts, Found
from cliqa.registry.hookspecs import hookimpl

if TYPE_CHECKING:
    from cliqa.serving import load

__version__ = "0.1.0"
__all__ = ["CheckOptions", "Component", "DatasetFacts", "Found", "__version__", "hookimpl", "load"]


def __getattr__(name: str) -> Any:  # PEP 562: `load` takes torch
    """Load `load` on first use."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cliqa.serving import load

    return load
