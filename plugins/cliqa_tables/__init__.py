"""Any rated images: a table, a folder or a Hub dataset whose columns the user names."""

from __future__ import annotations

from cliqa import Component, hookimpl

__all__ = ["cliqa_datasets"]


@hookimpl
def cliqa_datasets() -> list[Component]:
    """Offer the one dataset that reads all of them."""
    return [
        Component(
            name="rated-images",
            factory="cliqa_tables.dataset:build",
            config="cliqa_tables.config:RatedImagesConfig",
            summary="your own rated images, from a table, a folder or the Hub, by naming columns",
        )
    ]
