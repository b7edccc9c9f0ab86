"""Datasets that are built once for several runs of one process."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from cliqa.cache import PixelCache, cache_folder
from cliqa.data import ImageReader, PixelStore, build_dataset
from cliqa.data.table import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cliqa.config import CacheConfig, Resolved
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
        reader: decodes its images, and keeps them in the store.
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
    _store: PixelStore = field(default_factory=PixelStore)
    _settings: CacheConfig | None = None

    def keep_pixels(self, settings: CacheConfig, tell: Callable[[str], None]) -> None:
        """Keep decoded images as these settings say; all datasets share the store.

        Args:
            settings: of the next run; if they are not those of the last one, every dataset is let
                go of.
            tell: told what the user should know of the cache.
        """
        if settings != self._settings:
            self._kept = {}
            self._store = PixelStore(round(settings.memory_gb * 1e9), _disk(settings))
            self._settings = settings
        if self._store.disk is not None:
            self._store.disk.tell = tell

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
            self._kept[key] = _build(resolved, self._store)
        return self._kept[key]


def _key(resolved: Resolved) -> _Key:
    settings = {key: value for key, value in resolved.dump().items() if key != "as"}
    return resolved.registered.owner, json.dumps(settings, sort_keys=True)


def _disk(settings: CacheConfig) -> PixelCache | None:
    folder = cache_folder(settings.folder)
    return None if folder is None else PixelCache(folder, round(settings.disk_gb * 1e9))


def _build(resolved: Resolved, store: PixelStore) -> Built:
    dataset = build_dataset(resolved)
    return Built(dataset, fingerprint(dataset), ImageReader(dataset, store))
