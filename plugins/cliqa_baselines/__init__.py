"""Reference methods: fine-tuning, separate learning, joint learning."""

from cliqa import Component, hookimpl

_PAPER = "Zhang, Ma, Zhai, Yang, TSN-IQA, IEEE TIP 2024, IV-B"


@hookimpl
def cliqa_strategies() -> list[Component]:
    """FT, SL and JL."""
    return [
        Component(
            name="ft",
            factory="cliqa_baselines.strategies:fine_tuning",
            config="cliqa_baselines.config:FineTuningConfig",
            summary="sequential fine-tuning of the whole network; nothing prevents forgetting",
            reference=_PAPER,
        ),
        Component(
            name="sl",
            factory="cliqa_baselines.strategies:SeparateLearning",
            summary="separate learning: a whole network for each task, from the pre-trained start",
            reference=_PAPER,
        ),
        Component(
            name="jl",
            factory="cliqa_baselines.strategies:joint_learning",
            config="cliqa_baselines.config:JointLearningConfig",
            summary="joint learning: all tasks' training images at once, the upper bound",
            reference=_PAPER,
        ),
    ]
