"""The dataset `embedded`: small quality tasks that need no download.

Photographs shipped inside installed packages, and procedural scenes, are distorted here and
scored with pseudo-MOS anchored to human means of KADID-10k. No human rated these images.
"""

from __future__ import annotations

from cliqa import CheckOptions, Component, DatasetFacts, hookimpl

__all__ = ["cliqa_datasets"]


@hookimpl
def cliqa_datasets() -> list[Component]:
    """Offer the dataset `embedded`."""
    return [
        Component(
            name="embedded",
            factory="cliqa_embedded.dataset:build",
            config="cliqa_embedded.config:EmbeddedConfig",
            summary="six small tasks, and a stream of 22 distortions, from shipped photographs "
            "(pseudo-MOS)",
            reference="scores anchored to KADID-10k, Lin, Hosu and Saupe, QoMEX 2019",
            facts=DatasetFacts(
                scale=(1.0, 5.0),
                scores="pseudo-MOS",
                licence="each photograph its own, all from installed packages",
            ),
            checks=CheckOptions(settings={"images": 48, "size": 64}),
        )
    ]
