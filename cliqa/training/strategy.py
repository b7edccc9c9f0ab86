"""The base class of every continual learning method.

As it stands it is plain fine-tuning: a method overrides what it does differently, and nothing
else. The trainer, not the strategy, runs the loop.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cliqa.training.context import Stage
from cliqa.training.phases import two_stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from cliqa.data import Task
    from cliqa.model import Backbone, QualityModel
    from cliqa.training.batches import Batch
    from cliqa.training.context import TaskContext
    from cliqa.training.objective import Objective
    from cliqa.training.phases import Phase


class Strategy:
    """What is shared, what belongs to a task, what is penalised.

    Attributes:
        multi_head: True: a head for every stage; False: one head for all. Settings may decide it:
            it is read from the instance.
        main_head: True: head 0 alone is the model's answer, whatever the image; the other heads
            help it to learn, and gates weight only them.
        independent: True: a stage depends on no stage before it, and leaves behind nothing but a
            new head with its own tensors: the shared network and the strategy are again what they
            were after `start`. Such a stage is the same training at any place of any order, and is
            kept for all of them; that it left nothing else is checked before it is kept.
        config: the validated settings.
    """

    multi_head: bool = False
    main_head: bool = False
    independent: bool = False

    def __init__(self, config: Any = None) -> None:
        self.config = config

    def check(self, backbone: Backbone, objective: Objective) -> None:
        """Raise `CapabilityError` if the method cannot work with this backbone or objective."""

    def stages(self, groups: Sequence[tuple[int, ...]]) -> list[Stage]:
        """The trainings of a stream; default: one group of tasks after another.

        Args:
            groups: positions of the tasks that arrive together, in order; usually one each.
        """
        return [Stage(step=t + 1, tasks=group, fresh=t == 0) for t, group in enumerate(groups)]

    def start(self, model: QualityModel) -> None:
        """Called once, before the first stage, with the pre-trained model."""

    def begin_stage(self, model: QualityModel, tasks: Sequence[str]) -> int:
        """Prepare the model's structure for a stage; returns the number of the head to train."""
        if not len(model.heads) or (self.multi_head and not self.main_head):
            return model.add_head(tasks)
        model.note_tasks(0, tasks)
        return 0

    def trainable(self, backbone: Backbone) -> Iterable[str]:
        """Names of the backbone parameters that stage 2 may change; default: all it lets train."""
        return backbone.learnable()

    def phases(self, context: TaskContext) -> Iterable[Phase]:
        """The phases of a stage, in order; a generator may depend on what earlier ones did."""
        return two_stage(
            context,
            self.trainable(context.model.backbone),
            loss=lambda batch: self.loss(context, batch),
            warmup_loss=lambda batch: context.objective.loss(context.scores(batch), batch),
        )

    def loss(self, context: TaskContext, batch: Batch) -> Tensor:
        """Loss of stage 2: the objective's, plus `penalty` if there is one."""
        features = context.forward(batch)
        loss = context.objective.loss(context.model.score(context.head, features), batch)
        penalty = self.penalty(context, batch, features)
        return loss if penalty is None else loss + penalty

    def penalty(
        self,
        context: TaskContext,  # noqa: ARG002 (for methods that override it)
        batch: Batch,  # noqa: ARG002
        features: Tensor,  # noqa: ARG002
    ) -> Tensor | None:
        """What keeps old tasks alive.

        Args:
            context: the stage.
            batch: the current batch.
            features: its backbone features with their graph, float32 (B, feature_dim): another
                head's scores of this batch cost no second forward.

        Returns:
            A non-negative scalar that is added to the loss, or None for nothing.
        """
        return None

    def end_stage(self, context: TaskContext) -> None:
        """Called after the phases: store what belongs to the task, measure importances, ..."""

    @property
    def exemplars(self) -> int:
        """Images of old tasks that the method keeps; recorded with the result."""
        return 0

    def state(self) -> dict[str, Tensor]:
        """Everything besides the model that training changes and later steps depend on.

        Asked for between stages and after any step. The tensors are the strategy's own, not copies,
        wherever a phase's losses or optimisers hold them: in the middle of a stage a run that goes
        on writes into them. What `start` sets up, and what `phases` makes anew from the model,
        need not be in it.
        """
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned, in a strategy that was just started.

        The tensors are new and the strategy's to keep, on the device of those that were saved.
        """
        if state:
            raise KeyError(f"{type(self).__name__} keeps no state but was given {sorted(state)}")

    def recall_tasks(self, tasks: Sequence[Task]) -> None:
        """Called after `load_state` with the tasks of the stages that are over, in order.

        For methods that keep images, which a state of tensors cannot hold.
        """


class IsolatingStrategy(Strategy):
    """Methods whose tasks own tensors: learning a task cannot touch what another owns.

    Every task starts from the pre-trained values, so tasks depend neither on each other nor on
    their order. A method says in `own` which backbone tensors those are.
    """

    multi_head: bool = True
    independent: bool = True

    def own(self, backbone: Backbone) -> list[str]:
        """Names, within `backbone.state_dict()`, of the tensors that belong to a task."""
        raise NotImplementedError(f"{type(self).__name__} must say which tensors a task owns")

    def stages(self, groups: Sequence[tuple[int, ...]]) -> list[Stage]:
        """One group of tasks after another, each from the pre-trained network."""
        return [replace(stage, fresh=True) for stage in super().stages(groups)]

    def start(self, model: QualityModel) -> None:
        """Remember the pre-trained values of what tasks will own."""
        self._names = self.own(model.backbone)
        # No task owns the layers' counters of batches, but training moves them, too.
        counters = (n for n in model.backbone.state_dict() if n.endswith("num_batches_tracked"))
        self._pretrained = model.snapshot(dict.fromkeys([*self._names, *counters]))

    def trainable(self, backbone: Backbone) -> Iterable[str]:
        """Of what a task owns, the parameters; running statistics move by themselves."""
        learnable = backbone.learnable()
        return [name for name in self._names if name in learnable]

    def begin_stage(self, model: QualityModel, tasks: Sequence[str]) -> int:
        """Start the task from the pre-trained values."""
        model.restore(self._pretrained)
        return super().begin_stage(model, tasks)

    def end_stage(self, context: TaskContext) -> None:
        """Give the task its tensors and leave the shared network as it was."""
        context.model.keep_for(context.head, self._names)
        context.model.restore(self._pretrained)
