"""What the four methods share: how many heads there are, and what that changes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cliqa.training import Strategy, two_stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from cliqa.model import Backbone
    from cliqa.training import Phase, TaskContext

#: Marks the head's parameters among the backbone's, some of which are called `head.` themselves.
HEAD: Final = "head:"


class RegularizedStrategy(Strategy):
    """A method that holds old tasks by a penalty, with a head for each task or one for all.

    With many heads a head belongs to its task: only what tasks share is held, and nothing is while
    a new head is trained alone (TSN-IQA, released code). With one head the network is held as a
    whole, head included, in every phase: a warm-up without penalty would overwrite the only head.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.multi_head = config.heads == "multi"

    def phases(self, context: TaskContext) -> Iterable[Phase]:
        """The two stages; with one head both are penalised."""
        if self.multi_head:
            return super().phases(context)
        loss = partial(self.loss, context)
        trainable = self.trainable(context.model.backbone)
        return two_stage(context, trainable, loss=loss, warmup_loss=loss)

    def penalised(self, phase: Phase) -> bool:
        """Whether the penalty acts in this phase."""
        return phase.name != "head" or not self.multi_head

    def held(self, context: TaskContext) -> dict[str, nn.Parameter]:
        """The parameters that are held, by name: the backbone's, and those of an only head."""
        model = context.model
        return held_parameters(model.backbone, None if self.multi_head else model.heads[0])


def held_parameters(backbone: Backbone, head: nn.Module | None) -> dict[str, nn.Parameter]:
    """Backbone parameters that may train, and those of a head with `HEAD` before their names."""
    found = dict(backbone.learnable())
    if head is not None:
        found |= {f"{HEAD}{name}": p for name, p in head.named_parameters()}
    return found
