"""Datasets that are built once for several runs of one process."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from cliqa.data import ImageReader, build_dataset
from cliqa.data.table import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliqa.config import Resolved
    from cliqa.data import RatedDataset
    from cliqa.registry import PluginRecord

__all__ = ["Built", "BuiltDatasets"]

#: The plugin, by version or file hash, with name and settings of its component.
_Key: TypeAlias = "tuple[PluginRecord, str]"


@dataclass(frozen=True)
class Built:
    """A dataset that was built and checked.

    Attributes:
        dataset: the rated images; nobody changes them.
        fingerprint: hash of its content.
        reader: decodes its images, and keeps them up to its bound.
    """

    dataset: RatedDataset
    fingerprint: str
    reader: ImageReader


@dataclass
class BuiltDatasets:
    """Builds datasets, and keeps those of the last run for the next one.

    A dataset component is a function of its settings, so runs that name it with equal settings
    (its label aside) may share what it built. No more is kept than one run needs.
    """

    _kept: dict[_Key, Built] = field(default_factory=dict)

    def only(self, wanted: Iterable[Resolved]) -> None:
        """Let go of every dataset that the next run does not name, before it builds its own."""
        keys = {_key(resolved) for resolved in wanted}
        self._kept = {key: built for key, built in self._kept.items() if key in keys}

    def get(self, resolved: Resolved) -> Built:
        """The dataset of a component, built and checked at its first use.

        Raises:
            PluginError: the component made something else.
            DataError: it breaks the contract of a dataset.
        """
        key = _key(resolved)
        if key not in self._kept:
            self._kept[key] = _build(resolved)
        return self._kept[key]


def _key(resolved: Resolved) -> _Key:
    settings = {key: value for key, value in resolved.dump().items() if key != "as"}
    return resolved.registered.owner, json.dumps(settings, sort_keys=True)


def _build(resolved: Resolved) -> Built:
    dataset = build_dataset(resolved)
    return Built(dataset, fingerprint(dataset), ImageReader(dataset))
