"""The job `distortion-bn`: cross-entropy over the classes of distortion.

It has a loop of its own rather than `cliqa.training.Trainer`: that one runs phases of a quality
model on rated tasks and reports SRCC; here are classes, no task, and a rate that moves every step.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cliqa.errors import CapabilityError, CliqaError, DataError
from cliqa.model import normalization_tensors, to_input
from cliqa.pretraining import Pretraining, PretrainingOutcome
from cliqa.seeds import named_seed
from cliqa_distortions.config import classes_of
from cliqa_distortions.distortions import VERSION, require_codecs
from cliqa_distortions.pictures import divide, in_folder, shipped
from cliqa_distortions.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.model import Backbone
    from cliqa.pretraining import PretrainingContext
    from cliqa_distortions.config import DistortionConfig
    from cliqa_distortions.pictures import Pristine


class DistortionClassifier(Pretraining):
    """Train normalization, or everything, and a linear classifier that is then dropped."""

    def __init__(self, config: DistortionConfig) -> None:
        super().__init__(config)
        self.config: DistortionConfig = config
        self.classes = classes_of(config)
        self._notes: list[str] = []
        self._train: list[Pristine] = []
        self._test: list[Pristine] = []

    def check(self, backbone: Backbone) -> None:
        """Look at the backbone, at Pillow, and at every photograph.

        Raises:
            CapabilityError: the backbone has nothing to train, or Pillow lacks a codec.
            DataError: photographs are missing, unreadable, or smaller than a crop.
        """
        config = self.config
        if not self._trained(backbone):
            raise CapabilityError(
                "train: this backbone has no normalization parameters that may train; choose "
                "another backbone, or `--set train=all`"
            )
        require_codecs(config.types)
        folder = config.photographs
        found, doubles = (shipped(), []) if folder is None else in_folder(folder)
        for double in doubles:
            self._notes.append(f"left out: {double}")
        for photograph in found:
            height, width = photograph.read().shape[:2]
            if min(height, width) < config.crop:
                raise DataError(
                    f"photographs: {photograph.name} has {height} x {width} pixels, but crops have "
                    f"{config.crop}; set a smaller `crop`, or remove it"
                )
        self._train, self._test = divide(found, config.held_out, config.seed)

    def run(self, context: PretrainingContext) -> PretrainingOutcome:
        """Train; the last epoch is kept, so that the held-out photographs decide nothing."""
        for note in self._notes:
            context.observer.note(note)
        context.observer.note(
            f"{len(self.classes)} classes; {len(self._train)} photographs to train on, "
            f"{len(self._test)} held out"
        )
        learner = _Learner(self, context)
        epochs = [learner.epoch(number) for number in range(self.config.epochs)]
        by_type = learner.accuracy_by_type()
        backbone = context.backbone
        backbone.requires_grad_(False).eval()
        names = (
            normalization_tensors(backbone)
            if self.config.train == "normalization"
            else list(backbone.state_dict())
        )
        state = backbone.state_dict()
        return PretrainingOutcome(
            tensors={name: state[name] for name in names},
            record={
                "distortions": {
                    "version": VERSION,
                    "classes": [f"{kind}/{level}" for kind, level in self.classes],
                },
                "photographs": {
                    part: [{"name": p.name, "sha256": p.sha256} for p in own]
                    for part, own in (("train", self._train), ("held_out", self._test))
                },
                "chance": 1 / len(self.classes),
                "epochs": epochs,
                "held_out_accuracy_by_type": by_type,
            },
        )

    def samples(self) -> tuple[Samples, Samples]:
        """Training and held-out samples."""
        config = self.config
        return (
            Samples(self._train, self.classes, config.crops, config, "train"),
            Samples(self._test, self.classes, config.held_out_crops, config, "held out"),
        )

    def _trained(self, backbone: Backbone) -> dict[str, nn.Parameter]:
        parameters = backbone.learnable()
        if self.config.train == "all":
            return parameters
        own = set(normalization_tensors(backbone))
        return {name: p for name, p in parameters.items() if name in own}


class _Learner:
    """Backbone, classifier and optimiser of one training."""

    def __init__(self, job: DistortionClassifier, context: PretrainingContext) -> None:
        self._config, self._context, self._classes = job.config, context, job.classes
        self._backbone = context.backbone
        self._train, self._test = job.samples()
        torch.manual_seed(named_seed(context.seed, "classifier"))
        head = nn.Linear(self._backbone.feature_dim, len(job.classes))
        self._head = head.to(context.compute.device)
        self._backbone.requires_grad_(False)
        body = list(job._trained(self._backbone).values())
        for parameter in body:
            parameter.requires_grad_(True)
        rates = [job.config.lr, job.config.lr * job.config.head_lr_factor]
        self._optimizer = torch.optim.Adam(
            [{"params": body}, {"params": list(self._head.parameters())}],
            weight_decay=job.config.weight_decay,
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, max_lr=rates, total_steps=self._train.steps * job.config.epochs
        )
        context.observer.start("training images", len(self._train) * job.config.epochs)

    def epoch(self, number: int) -> dict[str, Any]:
        """Train one epoch, then measure; the record of it."""
        # Layers that draw (dropout, drop path) draw the same in every run.
        torch.manual_seed(named_seed(self._context.seed, "layers", number))
        self._backbone.train()
        total = 0.0
        for pictures, classes in self._train.batches(number):
            loss = F.cross_entropy(self._logits(pictures), self._target(classes))
            total += loss.item() * len(classes)
            if not math.isfinite(total):
                raise CliqaError(f"the loss became {loss.item()}; lower `lr`")
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            self._schedule.step()
            self._context.observer.advance(len(classes))
        truth, predicted = self._predictions()
        found = {
            "loss": round(total / len(self._train), 4),
            "held_out_accuracy": round(float((truth == predicted).mean()), 4),
        }
        shown = {"loss": found["loss"], "held-out accuracy": found["held_out_accuracy"]}
        self._context.observer.epoch(number + 1, self._config.epochs, shown)
        return found

    def accuracy_by_type(self) -> dict[str, float]:
        """Share of the held-out images of each type whose class, level included, is right."""
        truth, predicted = self._predictions()
        kinds = [self._classes[number][0] for number in truth]
        right = Counter(k for k, hit in zip(kinds, truth == predicted, strict=True) if hit)
        return {kind: round(right[kind] / count, 4) for kind, count in Counter(kinds).items()}

    @torch.no_grad()
    def _predictions(self) -> tuple[np.ndarray, np.ndarray]:
        """True and predicted class of every held-out image."""
        self._backbone.eval()
        truth: list[int] = []
        predicted: list[int] = []
        for pictures, classes in self._test.batches(0):
            truth += classes
            predicted += self._logits(pictures).argmax(dim=1).tolist()
        return np.array(truth), np.array(predicted)

    def _logits(self, pictures: Sequence[np.ndarray]) -> Tensor:
        images = to_input(pictures, self._backbone, self._context.compute.device)
        logits: Tensor = self._head(self._backbone(images).float())
        return logits

    def _target(self, classes: Sequence[int]) -> Tensor:
        return torch.tensor(classes, device=self._context.compute.device)
