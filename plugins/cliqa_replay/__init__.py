"""Methods that keep some images of old tasks."""

from cliqa import Component, hookimpl


@hookimpl
def cliqa_strategies() -> list[Component]:
    """Experience replay, and replay with distillation."""
    return [
        Component(
            name="er",
            factory="cliqa_replay.strategies:ExperienceReplay",
            config="cliqa_replay.config:ReplayConfig",
            summary="trains on a bounded memory of old images beside the current ones",
            reference="Chaudhry et al., On Tiny Episodic Memories, 2019; TSN-IQA's setting",
        ),
        Component(
            name="distillation-replay",
            factory="cliqa_replay.strategies:DistillationReplay",
            config="cliqa_replay.config:DistillationReplayConfig",
            summary="the old model teaches the old heads on a bounded memory of old images",
            reference="Rebuffi et al., iCaRL, CVPR 2017; TSN-IQA's setting",
        ),
    ]
