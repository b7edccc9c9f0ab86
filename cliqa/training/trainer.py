"""The one training loop."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cliqa.model.compute import seed_torch
from cliqa.seeds import named_seed
from cliqa.training.context import names_of
from cliqa.training.loading import Loader, loader_threads
from cliqa.training.losses import Losses
from cliqa.training.phases import make_optimizer

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    from cliqa.model import QualityModel, Tensors
    from cliqa.training.context import TaskContext
    from cliqa.training.phases import Phase, Update


@dataclass
class Trainer:
    """Runs phases.

    Attributes:
        log: called with one plain record an epoch.
        progress: called with the number of samples after each step.
        images: images that went through the network so far; cached features do not.
    """

    log: Callable[[dict[str, Any]], None]
    progress: Callable[[int], None]
    images: int = 0
    _last: list[torch.optim.Optimizer] = field(default_factory=list, repr=False)

    def run(self, phase: Phase, context: TaskContext) -> None:
        """Train one phase; the model ends with the parameters of the epoch that is kept.

        Raises:
            DivergedError: a loss is not finite; names the samples of the batch.
        """
        threads = loader_threads(context.config.workers, context.compute.device)
        with Loader(phase.batches, phase.epochs, threads) as loader:
            self._run(phase, context, loader)

    def _run(self, phase: Phase, context: TaskContext, loader: Loader) -> None:
        model = context.model
        _train_only(model, phase)
        optimizers = [make_optimizer(update) for update in phase.updates]
        if phase.carry_optimizer:
            _carry_state(self._last, optimizers)
        self._last = optimizers
        best = _Best(model)
        for epoch in range(phase.epochs):
            started = time.perf_counter()
            model.backbone.train(_moves_statistics(phase, epoch))
            model.heads.train()
            losses = [Losses(phase.name, epoch) for _ in phase.updates]
            for step in range(phase.batches.steps):
                _seed_step(phase, context, epoch, step)
                batch = loader.batch(epoch, step)
                for update, optimizer, seen in zip(phase.updates, optimizers, losses, strict=True):
                    if (epoch * phase.batches.steps + step) % update.every:
                        continue
                    _only(update, phase)
                    loss = update.loss(batch)
                    seen.add(loss, batch)
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    optimizer.step()
                    if update.after_step is not None:
                        update.after_step()
                self.images += 0 if batch.images is None else len(batch.images)
                self.progress(len(batch.sample_ids))
            for seen in losses:
                seen.finish()
            value = phase.validate() if phase.validate else math.nan
            if phase.keep == "best" and epoch >= phase.keep_after:
                best.offer(value)
            self._record(phase, context, epoch, losses, value, started)
            if phase.lr_drop_epoch is not None and epoch + 1 == phase.lr_drop_epoch:
                _scale_rates(optimizers, 0.1)
        best.restore()
        _let_go(phase)
        model.requires_grad_(False).eval()

    def _record(
        self,
        phase: Phase,
        context: TaskContext,
        epoch: int,
        losses: list[Losses],
        validation: float,
        started: float,
    ) -> None:
        means = [seen.mean for seen in losses]
        several = {u.name: mean for u, mean in zip(phase.updates, means, strict=True) if u.name}
        self.log(
            {
                "event": "epoch",
                "step": context.stage.step,
                "task": names_of(context.tasks),
                "phase": phase.name,
                "epoch": epoch + 1,
                "loss": sum(means),
                **({"losses": several} if several else {}),
                "validation_srcc": None if math.isnan(validation) else validation,
                "seconds": time.perf_counter() - started,
            }
        )


class _Best:
    """Keeps the tensors of the epoch with the highest value; a later epoch must be better."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._value = -math.inf
        self._tensors: Tensors | None = None

    def offer(self, value: float) -> None:
        if value > self._value:  # nan (undefined SRCC) is never better
            self._value = value
            self._tensors = {n: t.clone() for n, t in self._model.state_dict().items()}

    def restore(self) -> None:
        if self._tensors is not None:
            self._model.load_state_dict(self._tensors)


def _seed_step(phase: Phase, context: TaskContext, epoch: int, step: int) -> None:
    """Let what a network or loss draws from torch be a function of the place in the run.

    Dropout and replayed noise are then the same after any interruption, whatever was drawn before.
    """
    seed = named_seed(context.seed, "step", names_of(context.tasks), phase.name, epoch, step)
    seed_torch(seed, context.compute.device)


def _carry_state(
    before: list[torch.optim.Optimizer], optimizers: list[torch.optim.Optimizer]
) -> None:
    known = {p: state for old in before for p, state in old.state.items()}
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter in known:
                    optimizer.state[parameter] = known[parameter]


def _moves_statistics(phase: Phase, epoch: int) -> bool:
    if phase.norm_statistics == "first-epoch":
        return epoch == 0
    return phase.norm_statistics == "update"


def _train_only(model: QualityModel, phase: Phase) -> None:
    """Leave everything that the phase does not train out of the autograd graph."""
    model.requires_grad_(False)
    for update in phase.updates:
        for parameter in update.parameters:
            parameter.requires_grad_(True)


def _only(update: Update, phase: Phase) -> None:
    """Of adversaries only the one whose turn it is gets gradients; the other passes them on."""
    if len(phase.updates) > 1:
        for other in phase.updates:
            for parameter in other.parameters:
                parameter.requires_grad_(False)
        for parameter in update.parameters:
            parameter.requires_grad_(True)


def _let_go(phase: Phase) -> None:
    """What was trained outside the model, such as a generator, is frozen again as well."""
    for update in phase.updates:
        for parameter in update.parameters:
            parameter.requires_grad_(False)


def _scale_rates(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] *= factor
