"""Generative feature replay."""

from cliqa import CheckOptions, Component, hookimpl


@hookimpl
def cliqa_strategies() -> list[Component]:
    """GFR."""
    return [
        Component(
            name="gfr",
            factory="cliqa_gfr.strategy:GenerativeFeatureReplay",
            config="cliqa_gfr.config:GFRConfig",
            summary="one head for all tasks; replays generated features, conditional on the score",
            reference="Liu et al., Generative Feature Replay, CVPR Workshops 2020; "
            "https://arxiv.org/abs/2004.09199",
            checks=CheckOptions(settings={"generator_epochs": 2, "copies": 2, "replay_size": 50}),
        )
    ]
