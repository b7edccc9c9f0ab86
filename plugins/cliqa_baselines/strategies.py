"""Fine-tuning, separate learning and joint learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.training import IsolatingStrategy, Stage, Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.model import Backbone
    from cliqa_baselines.config import FineTuningConfig, JointLearningConfig


class FineTuning(Strategy):
    """FT with one head: the whole network follows the newest task (SH-CL)."""


class MultiHeadFineTuning(Strategy):
    """FT with a head for each task on a network that follows the newest task (MH-CL)."""

    multi_head = True


def fine_tuning(config: FineTuningConfig) -> Strategy:
    """FT with as many heads as configured."""
    return FineTuning(config) if config.heads == "single" else MultiHeadFineTuning(config)


class SeparateLearning(IsolatingStrategy):
    """SL: every task owns the whole network.

    The paper's row is its newest network; with the other gates it shows what whole networks in
    place of normalization layers would give.
    """

    def own(self, backbone: Backbone) -> list[str]:
        """Every tensor of the network."""
        return list(backbone.state_dict())


class JointLearning(Strategy):
    """JL: one training on the images of all tasks; pairs never cross datasets."""

    def stages(self, groups: Sequence[tuple[int, ...]]) -> list[Stage]:
        """A single stage that is evaluated as the last step."""
        return [Stage(step=len(groups), tasks=tuple(t for group in groups for t in group))]


class CumulativeLearning(Strategy):
    """JT: whenever tasks arrive, a training on the images of all tasks so far.

    Each starts from the model that the one before left, and all share one head (LIQA).
    """

    def stages(self, groups: Sequence[tuple[int, ...]]) -> list[Stage]:
        """A stage for each group of tasks, with the groups before it."""
        tasks: tuple[int, ...] = ()
        stages = []
        for number, group in enumerate(groups):
            tasks += group
            stages.append(Stage(step=number + 1, tasks=tasks, fresh=number == 0))
        return stages


def joint_learning(config: JointLearningConfig) -> Strategy:
    """JL, once or cumulatively."""
    return CumulativeLearning(config) if config.cumulative else JointLearning(config)
