"""Trained models at work: scoring anyone's images, and folders that hold a model and nothing else.

Loaded on first use: a command looks for images before torch is there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cliqa.serving.exporting import export_model
    from cliqa.serving.finding import FoundImages, find_images
    from cliqa.serving.loading import load
    from cliqa.serving.onnx_graph import export_onnx
    from cliqa.serving.scorer import QualityScore, QualityScorer

__all__ = [
    "FoundImages",
    "QualityScore",
    "QualityScorer",
    "export_model",
    "export_onnx",
    "find_images",
    "load",
]

_HOME = {
    "exporting": ("export_model",),
    "finding": ("FoundImages", "find_images"),
    "loading": ("load",),
    "onnx_graph": ("export_onnx",),
    "scorer": ("QualityScore", "QualityScorer"),
}


def __getattr__(name: str) -> Any:  # PEP 562: see the module's docstring
    """Load a name of `__all__` from the module that defines it."""
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"cliqa.serving.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
