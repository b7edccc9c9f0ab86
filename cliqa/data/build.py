"""From a component of a configuration to its rated images and their division."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.data.rated import RatedDataset
from cliqa.data.split_match import read_split
from cliqa.data.split_sources import find_split
from cliqa.data.splits import make_split, split_record
from cliqa.data.table import check_table
from cliqa.errors import PluginError

if TYPE_CHECKING:
    from cliqa.config import Resolved, ResolvedConfig
    from cliqa.data.splits import Split, SplitRecord

__all__ = ["build_dataset", "divide"]


def build_dataset(resolved: Resolved) -> RatedDataset:
    """Build the dataset of a component and check its table.

    Raises:
        PluginError: the component made something else.
        DataError: it breaks the contract of a dataset.
    """
    dataset = resolved.create()
    if not isinstance(dataset, RatedDataset):
        raise PluginError(
            f"dataset `{resolved.name}` of {resolved.registered.owner.name} made a "
            f"{type(dataset).__name__}, expected a cliqa.data.RatedDataset"
        )
    check_table(dataset)
    return dataset


def divide(
    dataset: RatedDataset, label: str, config: ResolvedConfig, *, whole: bool = False
) -> tuple[Split, SplitRecord]:
    """Divide the dataset of a task as its run does.

    Args:
        dataset: the rated images.
        label: the task's label.
        config: the run.
        whole: for a set that is only tested on.

    Raises:
        DataError: it cannot be divided so.
    """
    split = config.run.stream.split
    found = None if whole else config.split_path(label)
    if found is not None:
        path, own = found
        source = find_split(path, label, own=own)
        return read_split(dataset, source, allow_unlisted=split.allow_unlisted)
    seed = config.run.seed if split.seed is None else split.seed
    protocol = "all-test" if whole else split.protocol
    return (
        make_split(dataset, protocol, by=split.by, seed=seed),
        split_record(protocol, by=split.by, seed=seed),
    )
