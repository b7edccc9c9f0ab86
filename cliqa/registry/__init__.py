"""What plugins offer, found and looked up by name.

Cheap to import, and so is `Registry.discover()`: plugins announce components without importing
what is behind them.
"""

from __future__ import annotations

from cliqa.registry.api import API, OLDEST_API
from cliqa.registry.component import KINDS, CheckOptions, Component
from cliqa.registry.facts import DatasetFacts, Found
from cliqa.registry.records import OWN_DISTRIBUTION, BrokenPlugin, PluginRecord
from cliqa.registry.registered import Clash, Registered
from cliqa.registry.registry import Registry
from cliqa.registry.suggest import did_you_mean, suggest

__all__ = [
    "API",
    "KINDS",
    "OLDEST_API",
    "OWN_DISTRIBUTION",
    "BrokenPlugin",
    "CheckOptions",
    "Clash",
    "Component",
    "DatasetFacts",
    "Found",
    "PluginRecord",
    "Registered",
    "Registry",
    "did_you_mean",
    "suggest",
]
