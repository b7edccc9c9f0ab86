"""A strategy turns a task into phases; the trainer runs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from cliqa.training.batches import FeatureBatches, ImageBatches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor, nn

    from cliqa.training.batches import Batch, BatchSource
    from cliqa.training.context import TaskContext

LossFunction = "Callable[[Batch], Tensor]"


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Parameters that share a learning rate and a weight decay."""

    parameters: tuple[nn.Parameter, ...]
    lr: float
    weight_decay: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Update:
    """One Adam update of some parameters by one loss.

    Attributes:
        groups: what is updated; what no update of the phase names has `requires_grad=False`.
        loss: batch -> scalar to be minimised.
        after_step: called after each optimiser step, for example to accumulate a path integral.
        name: for the log, where a phase has several updates.
        every: it is performed on the first step of the phase and then on each so-many-th: a
            generator that waits for several steps of its discriminator.
        betas: Adam's decay rates; adversaries need a lower first one than its usual 0.9.
    """

    groups: tuple[ParameterGroup, ...]
    loss: Callable[[Batch], Tensor]
    after_step: Callable[[], None] | None = None
    name: str = ""
    every: int = 1
    betas: tuple[float, float] = (0.9, 0.999)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All parameters of the groups."""
        return [p for group in self.groups for p in group.parameters]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of training with fixed roles.

    Attributes:
        name: for logs and progress.
        batches: where batches come from.
        updates: performed in turn on every batch, unless one waits longer (`Update.every`);
            several make adversarial training.
        epochs: passes over the batches.
        norm_statistics: `update`: batch normalization trains with the batch's statistics and
            moves the running ones; `first-epoch`: only in the first epoch, from then on it uses
            the running ones; `frozen`: it uses the running ones throughout. Dropout and the like
            are active whenever statistics are not frozen.
        lr_drop_epoch: after this many epochs every learning rate is multiplied by 0.1.
        validate: measured after every epoch, higher is better; None: not measured.
        keep: the epoch whose parameters are kept: with the best `validate`, or the last. What is
            updated outside the model, such as a generator, always ends with the last.
        keep_after: the best epoch is chosen among those after this many.
        carry_optimizer: start from the optimiser state that the phase before left for the same
            parameters, instead of from none.
    """

    name: str
    batches: BatchSource
    updates: tuple[Update, ...]
    epochs: int
    norm_statistics: Literal["update", "first-epoch", "frozen"] = "update"
    lr_drop_epoch: int | None = None
    validate: Callable[[], float] | None = None
    keep: Literal["best", "last"] = "last"
    keep_after: int = 0
    carry_optimizer: bool = False


def two_stage(
    context: TaskContext,
    trainable: Iterable[str],
    *,
    loss: Callable[[Batch], Tensor],
    warmup_loss: Callable[[Batch], Tensor],
) -> list[Phase]:
    """The schedule of the TSN-IQA paper and its baselines: the head alone, then all that may move.

    Stage 1 trains the head on features of the frozen network, which are computed once (or, as the
    released code does, on augmented views that go through it in every epoch). Stage 2
    trains head and `trainable` on augmented images and keeps the epoch with the best validation
    SRCC of the current task.

    Args:
        context: the stage.
        trainable: names of backbone parameters that stage 2 may change.
        loss: loss of stage 2, penalties included.
        warmup_loss: loss of stage 1.
    """
    config, model = context.config, context.model
    head = ParameterGroup(
        parameters=tuple(model.heads[context.head].parameters()),
        lr=config.lr * config.head_lr_factor,
        weight_decay=config.weight_decay,
    )
    parameters = model.backbone.learnable()
    body = ParameterGroup(
        parameters=tuple(parameters[name] for name in trainable),
        lr=config.lr * (1.0 if context.stage.fresh else config.later_backbone_lr_factor),
        weight_decay=config.weight_decay,
    )
    device, seed = context.compute.device, context.seed
    phases = []
    if config.warmup_epochs:
        phases.append(
            Phase(
                name="head",
                batches=_warmup_batches(context),
                updates=(Update(groups=(head,), loss=warmup_loss),),
                epochs=config.warmup_epochs,
                norm_statistics="frozen",
            )
        )
    phases.append(
        Phase(
            name="joint" if body.parameters else "head-on-images",
            batches=ImageBatches(context.tasks, model.backbone, config, seed, device),
            updates=(Update(groups=(head, body) if body.parameters else (head,), loss=loss),),
            epochs=config.epochs,
            norm_statistics=config.norm_statistics,
            lr_drop_epoch=config.lr_drop_epoch,
            validate=context.validation_srcc,
            keep=config.select,
            keep_after=config.select_after,
            carry_optimizer=config.carry_optimizer,
        )
    )
    return phases


def _warmup_batches(context: TaskContext) -> BatchSource:
    config, model, device = context.config, context.model, context.compute.device
    if config.warmup_views == "whole":
        return FeatureBatches(context.tasks, context.features(), config, context.seed, device)
    return ImageBatches(
        context.tasks,
        model.backbone,
        config,
        context.seed,
        device,
        name="warm-up images",
        batch_size=config.warmup_batch_size,
    )


def make_optimizer(update: Update) -> torch.optim.Optimizer:
    """Adam over the update's groups, as in the papers."""
    groups: Sequence[dict[str, object]] = [
        {"params": list(g.parameters), "lr": g.lr, "weight_decay": g.weight_decay}
        for g in update.groups
    ]
    return torch.optim.Adam(groups, betas=update.betas, fused=True)
