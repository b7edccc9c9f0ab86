"""LIQA: one head that never forgets because generated features of old distortions remind it.

Head 0 of the model is V, the answer; head j + 1 is V^_j, the auxiliary head of distortion j; all
share the network U. A stage merges (U and V learn the new distortions while the old heads teach V
on pseudo features), then splits: generator and discriminator learn the new features, and the new
distortions get heads of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

from cliqa.errors import CapabilityError
from cliqa.seeds import named_seed
from cliqa.training import (
    FeatureBatches,
    ParameterGroup,
    Phase,
    Strategy,
    Update,
    two_stage,
)
from cliqa_liqa import replay
from cliqa_liqa.adversarial import Adversaries, Contest
from cliqa_liqa.examination import Examination, Reality, validation_srcc
from cliqa_liqa.networks import Discriminator, Generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor

    from cliqa.model import Backbone, QualityModel
    from cliqa.training import Batch, Objective, TaskContext
    from cliqa_liqa.config import LiqaConfig


T = TypeVar("T")


class Liqa(Strategy):
    """Split-and-merge distillation with generative pseudo-replay.

    A distortion is a task of the stream: a distortion type of one dataset, or a dataset.
    """

    multi_head = True
    main_head = True
    config: LiqaConfig

    def __init__(self, config: LiqaConfig) -> None:
        super().__init__(config)
        self._names: list[str] = []  # of the distortions, by number
        self._real: list[Reality] = []
        self._adversaries: Adversaries | None = None
        self._teacher: QualityModel | None = None

    def check(self, backbone: Backbone, objective: Objective) -> None:  # noqa: ARG002
        """Refuse what learns from pairs: features are generated for a quality in [0, 1]."""
        if getattr(objective, "arity", 2) != 1:
            raise CapabilityError(
                "strategy `liqa` generates features of a given quality, so it needs an objective "
                "that learns qualities of single images; expected `objective: squared-error`"
            )

    def phases(self, context: TaskContext) -> Iterator[Phase]:
        """Merge, split A, split B; the old model is at hand while the new one merges."""
        self._teacher = context.model.teacher() if self._names else None
        yield from two_stage(
            context,
            self.trainable(context.model.backbone),
            loss=lambda batch: self.merge_loss(context, batch),
            warmup_loss=lambda batch: self._learn_and_recall(
                context, batch, context.forward(batch)
            ),
        )
        self._teacher = None
        if self.config.replay or self.config.split_and_merge:
            features = context.augmented_features(self.config.copies)
        if self.config.replay:
            yield self._generate(context, features)
        if self.config.split_and_merge:
            yield self._split_heads(context, features)

    def merge_loss(self, context: TaskContext, batch: Batch) -> Tensor:
        """The objective, plus distillation of old features and of old heads on pseudo features."""
        features = context.forward(batch)
        loss = self._learn_and_recall(context, batch, features)
        if self._teacher is None or not self.config.feature_distillation:
            return loss
        with torch.no_grad():
            before = context.through(self._teacher.backbone, batch)
        moved = (features - before).square().sum(dim=1).mean()
        return loss + self.config.feature_distillation * moved

    def _learn_and_recall(self, context: TaskContext, batch: Batch, features: Tensor) -> Tensor:
        loss = context.objective.loss(context.model.score(context.head, features), batch)
        if self._teacher is None or not self.config.replay:
            return loss
        return loss + self.config.replay * self.recall_loss(context)

    def recall_loss(self, context: TaskContext) -> Tensor:
        """Mean of (V^_j(h~_j) - V(h~_j))^2 over pseudo features of old distortions."""
        assert self._adversaries is not None  # noqa: S101 (there is an old task)
        config, old = self.config, self._adversaries
        with torch.no_grad():
            asked = replay.draw(
                config.replay_size, old.known, config.replay_sampling, context.compute.device
            )
            features = asked.through(old.generator)
            taught = self._teach(context, features, asked.distortion)
        return (context.model.score(context.head, features) - taught).square().mean()

    def _teach(self, context: TaskContext, features: Tensor, distortion: Tensor) -> Tensor:
        if self.config.split_and_merge:
            return by_own_head(context.model, features, 1 + distortion)
        assert self._teacher is not None  # noqa: S101
        return self._teacher.score(0, features)

    def _generate(self, context: TaskContext, features: Tensor) -> Phase:
        """Split A: generator and discriminator on cached features."""
        device = context.compute.device
        if self._adversaries is None:
            self._adversaries = _first(features, self.config.gan_width, context.seed)
        before = self._adversaries.predecessors()
        for task in context.tasks:
            _initialised(context.seed, task.name, self._adversaries.add_distortion)
        self._adversaries.to(device)
        self._note_names(context)
        contest = Contest(self._adversaries, before, self._numbers(context), self.config)
        return Phase(
            name="generator",
            batches=self._cached(
                context, features, "generator", self.config.gan_batch_size, all_views=True
            ),
            updates=contest.updates(),
            epochs=self.config.gan_epochs,
            norm_statistics="frozen",
        )

    def _split_heads(self, context: TaskContext, features: Tensor) -> Phase:
        """Split B: a head for each new distortion, on the frozen network."""
        model, config = context.model, context.config
        self._note_names(context)
        first = len(model.heads)
        for task in context.tasks:
            model.add_head([task.name])
        model.to(context.compute.device)
        numbers = torch.arange(first, len(model.heads), device=context.compute.device)
        new = [p for head in numbers.tolist() for p in model.heads[head].parameters()]
        group = ParameterGroup(
            parameters=tuple(new),
            lr=config.lr * config.head_lr_factor,
            weight_decay=config.weight_decay,
        )

        def loss(batch: Batch) -> Tensor:
            scores = by_own_head(model, context.forward(batch), numbers[batch.task])
            return context.objective.loss(scores, batch)

        return Phase(
            name="auxiliary heads",
            batches=self._cached(context, features, "auxiliary heads", config.batch_size),
            updates=(Update(groups=(group,), loss=loss),),
            epochs=self.config.head_epochs,
            norm_statistics="frozen",
            validate=validation_srcc(context, numbers.tolist()),
            keep=config.select,
            keep_after=min(config.select_after, self.config.head_epochs - 1),
        )

    def _cached(
        self,
        context: TaskContext,
        features: Tensor,
        name: str,
        batch_size: int,
        *,
        all_views: bool = False,
    ) -> FeatureBatches:
        return FeatureBatches(
            context.tasks,
            features,
            context.config,
            context.seed,
            context.compute.device,
            name=name,
            batch_size=batch_size,
            all_views=all_views,
        )

    def _note_names(self, context: TaskContext) -> None:
        self._names += [task.name for task in context.tasks if task.name not in self._names]

    def _numbers(self, context: TaskContext) -> Tensor:
        """Number of the distortion of each of the stage's tasks."""
        numbers = [self._names.index(task.name) for task in context.tasks]
        return torch.tensor(numbers, device=context.compute.device)

    def end_stage(self, context: TaskContext) -> None:
        """Look at what the generator makes: log it, and say so if it has collapsed."""
        self._note_names(context)
        if self._adversaries is None:
            return
        examination = Examination(
            self._adversaries.generator, self._adversaries.discriminator, context, self._names
        )
        self._real += examination.reality()
        for found in examination.of_all(self._real, self.config.split_and_merge):
            context.log({"event": "pseudo-features", "step": context.stage.step, **found.dump()})
            if found.collapsed:
                context.note(found.sentence(context.stage.step))

    def state(self) -> dict[str, Tensor]:
        """Generator, discriminator, and what real features of each distortion were like."""
        found = {f"distortion/{n}/{name}": torch.empty(0) for n, name in enumerate(self._names)}
        found |= {f"real/{n}": real.tensor() for n, real in enumerate(self._real)}
        if self._adversaries is not None:
            both = self._adversaries
            found |= {f"generator/{n}": t for n, t in both.generator.state_dict().items()}
            found |= {f"discriminator/{n}": t for n, t in both.discriminator.state_dict().items()}
        return found

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore them."""
        named = sorted(
            (int(key.split("/")[1]), key.split("/", 2)[2])
            for key in state
            if key.startswith("distortion/")
        )
        self._names = [name for _, name in named]
        count = sum(key.startswith("real/") for key in state)
        self._real = [Reality.of(state[f"real/{n}"]) for n in range(count)]
        generator, discriminator = _part(state, "generator"), _part(state, "discriminator")
        self._adversaries = Adversaries.restored(generator, discriminator) if generator else None


def by_own_head(model: QualityModel, features: Tensor, head: Tensor) -> Tensor:
    """Scores (B,) of features (B, feature_dim), each by the head of that number (B,)."""
    scores = features.new_empty(len(features))
    for number in head.unique().tolist():
        own = head == number
        scores[own] = model.score(number, features[own])
    return scores


def _first(features: Tensor, width: int, seed: int) -> Adversaries:
    """Generator and discriminator before any distortion, fit for the features of the first stage.

    Their unit is the root mean square of an entry; the ReLU at the generator's end stays only where
    real features are never negative.
    """
    unit, positive = float(features.square().mean().sqrt()), bool((features >= 0).all())
    dim = features.shape[-1]

    def make() -> Adversaries:
        generator = Generator(dim, width, unit, positive=positive)
        return Adversaries(generator, Discriminator(dim, width, unit))

    return _initialised(seed, "shared", make)


def _initialised(seed: int, name: str, make: Callable[[], T]) -> T:
    """What `make` makes, its random numbers drawn from a seed of that name."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(named_seed(seed, "liqa", name))
        return make()


def _part(state: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {n.partition("/")[2]: t for n, t in state.items() if n.partition("/")[0] == part}
