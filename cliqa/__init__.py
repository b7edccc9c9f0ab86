"""cliqa: continual learning of image quality models, composed from plugins.

Importing this package is cheap: neither torch nor timm nor datasets is loaded.
"""

from cliqa.registry.component import CheckOptions, Component
from cliqa.registry.facts import DatasetFacts, Found
from cliqa.registry.hookspecs import hookimpl

__version__ = "0.1.0"
__all__ = ["CheckOptions", "Component", "DatasetFacts", "Found", "__version__", "hookimpl"]
