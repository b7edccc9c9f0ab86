"""The one training loop."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cliqa.distributed import average_gradients
from cliqa.model.compute import seed_torch
from cliqa.seeds import named_seed
from cliqa.training.context import names_of
from cliqa.training.loading import Loader, loader_threads
from cliqa.training.losses import Losses
from cliqa.training.phases import make_optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import torch
    from torch import Tensor, nn

    from cliqa.model import QualityModel, Tensors
    from cliqa.training.context import TaskContext
    from cliqa.training.phases import Phase, Update


def _nothing() -> None:
    """Nobody waits for a step to end."""


@dataclass
class Trainer:
    """Runs phases.

    Attributes:
        log: called with one plain record an epoch.
        progress: called with the number of samples after each step.
        whole: a context in which nothing may interrupt; a step, and what ends an epoch, is done in
            one.
        after_step: called when one is over: a moment at which the phase can be saved.
        images: images that went through the network so far; cached features do not.
        phase: what is being trained; None between phases.
    """

    log: Callable[[dict[str, Any]], None]
    progress: Callable[[int], None]
    whole: Callable[[], AbstractContextManager[object]] = nullcontext
    after_step: Callable[[], None] = _nothing
    images: int = 0
    phase: PhaseRun | None = None
    _last: list[torch.optim.Optimizer] = field(default_factory=list, repr=False)

    def begin(self, phase: Phase, context: TaskContext) -> PhaseRun:
        """Make the model and the optimisers ready for a phase, without training yet."""
        with self.whole():
            _train_only(context.model, phase)
            optimizers = [make_optimizer(update) for update in phase.updates]
            if phase.carry_optimizer:
                _carry_state(self._last, optimizers)
            self._last = optimizers
            begun = self.phase = PhaseRun(self, phase, context, optimizers)
        return begun

    def end(self) -> None:
        """Leave model and networks beside it as every phase leaves them: frozen, in eval mode."""
        if self.phase is not None:
            for optimizer in self.phase.optimizers:
                optimizer.zero_grad(set_to_none=True)
            _let_go(self.phase.phase)
            self.phase.context.model.requires_grad_(False).eval()
            self.phase = None

    def run(self, phase: Phase, context: TaskContext) -> None:
        """Train one phase; the model ends with the parameters of the epoch that is kept.

        Raises:
            DivergedError: a loss is not finite; names the samples of the batch.
        """
        self.begin(phase, context).train()
        self.end()

    def optimizer_state(self) -> tuple[list[list[float]], Tensors]:
        """Rates and tensors of the optimisers of this phase, or of the last one."""
        rates = [[float(g["lr"]) for g in o.param_groups] for o in self._last]
        tensors = {
            f"{u}/{n}/{key}": value
            for u, optimizer in enumerate(self._last)
            for n, parameter in enumerate(_parameters(optimizer))
            for key, value in optimizer.state.get(parameter, {}).items()
        }
        return rates, tensors

    def load_optimizer_state(self, rates: list[list[float]], tensors: Mapping[str, Tensor]) -> None:
        """Restore what `optimizer_state` returned, into optimisers of the same phase."""
        for u, (optimizer, own) in enumerate(zip(self._last, rates, strict=True)):
            for group, rate in zip(optimizer.param_groups, own, strict=True):
                group["lr"] = rate
            optimizer.state.clear()
            parameters = _parameters(optimizer)
            for name, tensor in tensors.items():
                update, number, key = name.split("/")
                if int(update) == u:
                    optimizer.state[parameters[int(number)]][key] = tensor


@dataclass
class PhaseRun:
    """One phase and how far it is: after `step` steps of `epoch`, both counted from 0.

    All that training changes is in the model, the strategy, the tensors of `outside`, the
    optimisers and what `state` returns; so a phase can be left after any step and gone on with.
    """

    trainer: Trainer
    phase: Phase
    context: TaskContext
    optimizers: list[torch.optim.Optimizer]
    epoch: int = 0
    step: int = 0
    losses: list[Losses] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.losses = self._new_losses()
        self.best = _Best(self.context.model)
        self._since = time.perf_counter()

    def train(self) -> None:
        """Train from here to the end, and keep the epoch that is to be kept."""
        self._since = time.perf_counter()
        threads = loader_threads(self.context.config.workers, self.context.compute.device)
        with Loader(self.phase.batches, self.phase.epochs, threads) as loader:
            self._train(loader)
        with self.trainer.whole():
            self.best.restore()

    def _train(self, loader: Loader) -> None:
        while self.epoch < self.phase.epochs:
            self._train_mode()
            while self.step < self.phase.batches.steps:
                with self.trainer.whole():
                    self._step(loader)
                self.trainer.after_step()
            for seen in self.losses:
                seen.finish()
            value = self.phase.validate() if self.phase.validate else math.nan
            with self.trainer.whole():
                self._end_epoch(value)
            self.trainer.after_step()

    def _new_losses(self) -> list[Losses]:
        return [Losses(self.phase.name, self.epoch) for _ in self.phase.updates]

    def _train_mode(self) -> None:
        model = self.context.model
        model.backbone.train(_moves_statistics(self.phase, self.epoch))
        model.heads.train()

    def _step(self, loader: Loader) -> None:
        phase, epoch, step = self.phase, self.epoch, self.step
        _seed_step(phase, self.context, epoch, step)
        batch = loader.batch(epoch, step)
        for update, optimizer, seen in zip(
            phase.updates, self.optimizers, self.losses, strict=True
        ):
            if (epoch * phase.batches.steps + step) % update.every:
                continue
            _only(update, phase)
            loss = update.loss(batch)
            seen.add(loss, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            average_gradients(update.parameters)
            optimizer.step()
            if update.after_step is not None:
                update.after_step()
        self.step += 1
        self.trainer.images += 0 if batch.images is None else len(batch.images)
        self.trainer.progress(len(batch.sample_ids))

    def _end_epoch(self, value: float) -> None:
        phase = self.phase
        if phase.keep == "best" and self.epoch >= phase.keep_after:
            self.best.offer(value)
        self.trainer.log(self._record(value))
        self.epoch, self.step = self.epoch + 1, 0
        self.losses = self._new_losses()
        self.seconds, self._since = 0.0, time.perf_counter()
        if phase.lr_drop_epoch is not None and self.epoch == phase.lr_drop_epoch:
            _scale_rates(self.optimizers, 0.1)

    def _record(self, validation: float) -> dict[str, Any]:
        means = [seen.mean for seen in self.losses]
        updates = zip(self.phase.updates, means, strict=True)
        several = {update.name: mean for update, mean in updates if update.name}
        return {
            "event": "epoch",
            "step": self.context.stage.step,
            "task": names_of(self.context.tasks),
            "phase": self.phase.name,
            "epoch": self.epoch + 1,
            "loss": sum(means),
            **({"losses": several} if several else {}),
            "validation_srcc": None if math.isnan(validation) else validation,
            "lr": _rates(self.optimizers),
            "seconds": self.seconds + time.perf_counter() - self._since,
        }

    @property
    def samples(self) -> int:
        """Samples trained on so far."""
        source = self.phase.batches
        return self.epoch * source.samples + self.step * source.samples // source.steps

    def outside(self) -> list[Tensor]:
        """What the phase trains beside the model, such as a generator, in a fixed order."""
        return trained_outside(self.phase, self.context.model)

    def state(self) -> tuple[dict[str, Any], Tensors]:
        """Where it is, as plain values and tensors; model and strategy are saved beside it."""
        rates, tensors = self.trainer.optimizer_state()
        for seen in self.losses:
            seen.finish()
        values = {
            "name": self.phase.name,
            "epoch": self.epoch,
            "step": self.step,
            "losses": [seen.values for seen in self.losses],
            "seconds": self.seconds + time.perf_counter() - self._since,
            "best": None if math.isinf(self.best.value) else self.best.value,
            "rates": rates,
        }
        found = {f"optimizer/{name}": t for name, t in tensors.items()}
        return values, found | {f"best/{name}": t for name, t in self.best.tensors.items()}

    def load(
        self, values: Mapping[str, Any], optimizer: Mapping[str, Tensor], best: Tensors
    ) -> None:
        """Go to where `state` was taken."""
        self.epoch, self.step = values["epoch"], values["step"]
        self.losses = self._new_losses()
        for seen, known in zip(self.losses, values["losses"], strict=True):
            seen.values = list(known)
        self.seconds = values["seconds"]
        self.best.value = -math.inf if values["best"] is None else values["best"]
        self.best.tensors = best
        self.trainer.load_optimizer_state(values["rates"], optimizer)


def trained_outside(phase: Phase, model: nn.Module) -> list[Tensor]:
    """Parameters that a phase trains and that are not the model's, in a fixed order."""
    own = {id(p) for p in model.parameters()}
    trained = {id(p): p for update in phase.updates for p in update.parameters}
    return [p for key, p in trained.items() if key not in own]


class _Best:
    """Keeps the tensors of the epoch with the highest value; a later epoch must be better."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.value = -math.inf
        self.tensors: Tensors = {}

    def offer(self, value: float) -> None:
        if value > self.value:  # nan (undefined SRCC) is never better
            self.value = value
            self.tensors = {n: t.clone() for n, t in self._model.state_dict().items()}

    def restore(self) -> None:
        if self.tensors:
            self._model.load_state_dict(self.tensors)


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


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


def _rates(optimizers: list[torch.optim.Optimizer]) -> float | list[float]:
    """The learning rate, or those of all parameter groups where they differ."""
    rates = [float(group["lr"]) for o in optimizers for group in o.param_groups]
    return rates[0] if len(set(rates)) == 1 else rates


def _scale_rates(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] *= factor
