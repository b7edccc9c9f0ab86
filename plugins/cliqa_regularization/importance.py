"""MAS and EWC: importances from gradients of single units after a task is learned.

A unit is what the objective learns from: a pair of images, or one image. The gradient of each unit
is taken by itself (a batch mean would make the importance depend on the batch size), many at a time
by `torch.func.vmap`.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.func import functional_call, grad, vmap

from cliqa.data import Resize, training_view
from cliqa.errors import CapabilityError
from cliqa.model import to_input
from cliqa.seeds import named_draws, named_rng
from cliqa_regularization.base import HEAD, held_parameters
from cliqa_regularization.quadratic import (
    Named,
    QuadraticPenalty,
    distances,
    select,
    snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor

    from cliqa.data import Task
    from cliqa.training import Batch, TaskContext


class MemoryAwareSynapses(QuadraticPenalty):
    """Omega_i += mean over units of |d(p^2) / d theta_i|."""

    def measure(self, context: TaskContext) -> Named:
        """See the class."""
        objective = context.objective

        def squared_output(scores: Tensor, quality: Tensor, std: Tensor) -> Tensor:  # noqa: ARG001
            return objective.unit_outputs(scores).square()

        return mean_over_units(context, squared_output, torch.abs, self.config)


class ElasticWeightConsolidation(QuadraticPenalty):
    """Omega_i += mean over units of (d loss / d theta_i)^2.

    Online: one penalty around the newest parameters (Schwarz et al., Progress and Compress, ICML
    2018). Otherwise one term a stage around the parameters that it ended with.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._tasks: list[tuple[Named, Named]] = []

    def measure(self, context: TaskContext) -> Named:
        """See the class."""
        return mean_over_units(context, context.objective.unit_losses, torch.square, self.config)

    def end_stage(self, context: TaskContext) -> None:
        """Online as the others; else remember this task's importances and parameters."""
        if self.config.online:
            super().end_stage(context)
        else:
            self._tasks.append((self.measure(context), snapshot(self.held(context))))

    def penalty(self, context: TaskContext, batch: Batch, features: Tensor) -> Tensor | None:
        """See the class."""
        if self.config.online:
            whole = super().penalty(context, batch, features)
        elif self._tasks:
            held = self.held(context)
            terms = [
                term
                for importance, anchor in self._tasks
                for term in distances(held, importance, anchor)
            ]
            whole = self.config.weight * torch.stack(terms).sum()
        else:
            whole = None
        return 0.5 * whole if whole is not None and self._halved else whole

    @property
    def _halved(self) -> bool:
        """Whether there is a 1/2 in front of the penalty."""
        halved: bool | None = self.config.halved
        return not self.config.online if halved is None else halved

    def state(self) -> dict[str, Tensor]:
        """Importances and anchors, of every task unless online."""
        found = super().state()
        for number, (importance, anchor) in enumerate(self._tasks):
            found |= {f"task-importance-{number}/{n}": t for n, t in importance.items()}
            found |= {f"task-anchor-{number}/{n}": t for n, t in anchor.items()}
        return found

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore them."""
        super().load_state(state)
        self._tasks = []
        while importance := select(state, f"task-importance-{len(self._tasks)}"):
            self._tasks.append((importance, select(state, f"task-anchor-{len(self._tasks)}")))


def mean_over_units(
    context: TaskContext,
    function: Callable[[Tensor, Tensor, Tensor], Tensor],
    power: Callable[[Tensor], Tensor],
    config: Any,
) -> Named:
    """Mean over units of `power` of the gradient of each unit's function.

    Args:
        context: the stage that was just learned.
        function: what is differentiated: scores (M, arity), quality, std -> (M,).
        power: `torch.abs` or `torch.square`, applied to each unit's gradient.
        config: `units`, `chunk` and `heads`.

    Returns:
        A non-negative tensor for every held parameter.
    """
    # A detached copy in evaluation mode: running statistics must not move here.
    backbone = copy.deepcopy(context.model.backbone).eval().requires_grad_(False)
    # The head as in training: that is the function whose sensitivity training has shaped.
    head = copy.deepcopy(context.model.heads[context.head]).train().requires_grad_(False)
    held = held_parameters(backbone, head if config.heads == "single" else None)
    parameters = {name: p.detach() for name, p in held.items()}

    def of_one_unit(values: Named, images: Tensor, quality: Tensor, std: Tensor) -> Tensor:
        body = {name: value for name, value in values.items() if not name.startswith(HEAD)}
        top = {n.removeprefix(HEAD): value for n, value in values.items() if n.startswith(HEAD)}
        features = functional_call(backbone, body, (images,))
        scores = functional_call(head, top, (features,))[:, 0]
        return function(scores[None], quality[None], std[None])[0]

    gradients = vmap(grad(of_one_unit), in_dims=(None, 0, 0, 0))
    sums = {name: torch.zeros_like(p) for name, p in parameters.items()}
    count = 0
    for images, quality, std in units(context, config.units, config.chunk):
        for name, gradient in gradients(parameters, images, quality, std).items():
            sums[name] += power(gradient).sum(dim=0)
        count += len(images)
    return {name: total / count for name, total in sums.items()}


def units(
    context: TaskContext, wanted: int | None, chunk: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Random units of training images, a chunk at a time.

    Every image is the first of equally many units; its partners are drawn at random.

    Yields:
        Images (M, arity, 3, H, W) and their quality and deviation, (M, arity) each.
    """
    rng = named_rng(context.seed, "importance", *(task.name for task in context.tasks))
    drawn = [
        (task, rows)
        for task in context.tasks
        for rows in _draw(task, context.objective.arity, wanted, rng)
    ]
    for start in range(0, len(drawn), chunk):
        yield _load(context, drawn[start : start + chunk])


def _draw(
    task: Task, arity: int, wanted: int | None, rng: np.random.Generator
) -> Iterator[tuple[int, ...]]:
    train = np.asarray(task.split.train)
    for number in range(len(train) if wanted is None else wanted):
        if number % len(train) == 0:
            order = rng.permutation(train)
        first = order[number % len(train)]
        others = rng.choice(train[train != first], size=arity - 1, replace=False)
        yield (int(first), *(int(row) for row in others))


def _load(
    context: TaskContext, drawn: list[tuple[Task, tuple[int, ...]]]
) -> tuple[Tensor, Tensor, Tensor]:
    device, backbone = context.compute.device, context.model.backbone
    views = [_view(context, task, row) for task, rows in drawn for row in rows]
    if len({view.shape for view in views}) > 1:
        raise CapabilityError(
            "importances need images of one size; set `train.crop` to the side of a square crop"
        )
    dtype = next(backbone.parameters()).dtype
    images = to_input(views, backbone, device).unflatten(0, (len(drawn), -1)).contiguous()

    def column(name: str) -> Tensor:
        values = [[getattr(task, name)[row] for row in rows] for task, rows in drawn]
        return torch.tensor(np.asarray(values), dtype=dtype, device=device)

    return images.to(dtype), column("unit_quality"), column("unit_std")


def _view(context: TaskContext, task: Task, row: int) -> np.ndarray:
    """A random crop as in training, the same one whenever the image is drawn."""
    return training_view(
        task.images.read(row, Resize.parse(context.config.shrink)),
        shrink=None,
        crop=context.config.crop,
        flip=False,
        draws=named_draws(context.seed, "importance", task.name, task.sample_ids[row]),
    )
