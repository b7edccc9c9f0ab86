"""What components are tried on: generated pictures, a tiny network, two plain objectives.

Everything is a function of its name and seed, and small: a stage of training takes a tenth of a
second on one core.
"""

from __future__ import annotations

import io
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn

from cliqa.config import TrainConfig
from cliqa.data import RatedDataset, Task, make_split
from cliqa.data.table import fingerprint
from cliqa.model import Backbone, Compute, QualityModel
from cliqa.seeds import named_rng, named_seed
from cliqa.training import Batch, Objective

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CPU",
    "OBJECTIVES",
    "Pairs",
    "Scores",
    "TinyBackbone",
    "batch_of",
    "generated_dataset",
    "generated_task",
    "new_model",
    "schedule",
    "tiny_backbone",
]

SIDE: Final = 24
IMAGES: Final = 20
CPU: Final = Compute(device=torch.device("cpu"), batch_size=64)


@lru_cache(maxsize=16)
def generated_dataset(name: str, count: int = IMAGES, side: int = SIDE) -> RatedDataset:
    """Pictures of two waves each under more or less noise, two of every content.

    Args:
        name: of the set; other names give other pictures.
        count: images.
        side: of the squares, in pixels.
    """
    import datasets

    rng = named_rng(0, "generated pictures", name)
    levels = rng.permutation(count) / max(count - 1, 1)
    data = {
        "sample_id": [f"{name}/{i:03}.png" for i in range(count)],
        "image": [
            {"bytes": _png(_picture(name, i // 2, level, side)), "path": None}
            for i, level in enumerate(levels)
        ],
        "score_raw": [10.0 * (1 - level) for level in levels],
        "score_std": [0.5 + level for level in levels],
        "quality": [10.0 * (1 - level) for level in levels],
        "reference": [f"content {i // 2}" for i in range(count)],
        "distortion": ["noise"] * count,
        "level": [1 + int(4 * level) for level in levels],
        "official_split": [None] * count,
    }
    text, number = datasets.Value("string"), datasets.Value("float64")
    types = dict.fromkeys(data, text) | {
        "image": datasets.Image(),
        **dict.fromkeys(("score_raw", "score_std", "quality"), number),
        "level": datasets.Value("int32"),
    }
    table = datasets.Dataset.from_dict(data, features=datasets.Features(types))
    return RatedDataset(name=name, table=table, quality_range=(0.0, 10.0), pseudo_scores=True)


def _picture(name: str, content: int, level: float, side: int) -> np.ndarray:
    rng = named_rng(0, "content", name, content)
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [
        np.sin(2 * np.pi * (fx * x + fy * y) + phase) * colour[:, None, None]
        for fx, fy, phase, colour in (
            (*rng.uniform(0.5, 4, 2), rng.uniform(0, 6), rng.uniform(0, 60, 3)) for _ in range(2)
        )
    ]
    noise = named_rng(0, "noise", name, content, level).normal(0, 90 * level, (3, side, side))
    pixels = 128 + sum(waves) + noise
    return np.clip(pixels, 0, 255).astype(np.uint8).transpose(1, 2, 0)


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
    return stream.getvalue()


@lru_cache(maxsize=16)
def generated_task(name: str, count: int = IMAGES) -> Task:
    """A task of generated pictures, divided 70/10/20 by content."""
    dataset = generated_dataset(name, count)
    split = make_split(dataset, "70/10/20", by="reference", seed=0)
    return Task(name, dataset, split, fingerprint(dataset))


class TinyBackbone(Backbone):
    """Two convolutions with batch normalization, whose responses are stages 3 and 4.

    The second one's channels are weighted by a linear layer that looks at their means (Hu et al.
    2018, without the bottleneck). So there is, in front of the head, a layer of each sort that
    methods choose by: convolutions, normalization with running statistics, linear layers. A second
    network for methods that want linear layers would try each method on only part of that.
    """

    feature_dim = 12
    stage_dims = MappingProxyType({3: 6, 4: 12})

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.norm1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 12, 3, stride=2, padding=1)
        self.norm2 = nn.BatchNorm2d(12)
        self.excite = nn.Linear(12, 12)

    def forward(self, images: Tensor) -> Tensor:
        """See `Backbone.forward`."""
        return self._maps(images)[4].mean(dim=(2, 3))

    def stage_features(self, images: Tensor, stages: object) -> dict[int, Tensor]:
        """See `Backbone.stage_features`."""
        maps = self._maps(images)
        return {stage: maps[stage].mean(dim=(2, 3)) for stage in stages}  # type: ignore[attr-defined]

    def _maps(self, images: Tensor) -> dict[int, Tensor]:
        # Softplus, not ReLU: no unit is ever dead, so a gradient of 0 has another reason.
        first = nn.functional.softplus(self.norm1(self.conv1(images)))
        second = nn.functional.softplus(self.norm2(self.conv2(first)))
        weights = torch.sigmoid(self.excite(second.mean(dim=(2, 3))))
        return {3: first, 4: second * weights[:, :, None, None]}


def tiny_backbone(seed: int = 0) -> TinyBackbone:
    """The tiny network with random weights; its normalization is away from its neutral start."""
    with torch.random.fork_rng():
        torch.manual_seed(named_seed(seed, "tiny backbone"))
        network = TinyBackbone()
        for name, tensor in network.state_dict().items():
            if name.startswith("norm") and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return network.eval().to(memory_format=torch.channels_last)


def new_model(objective: Objective, backbone: Backbone | None = None) -> QualityModel:
    """A model without heads; every call gives an equal one."""
    with torch.random.fork_rng():
        torch.manual_seed(named_seed(0, "tiny head"))
        model = QualityModel(backbone or tiny_backbone(), objective.new_head)
    return model.eval()


class Scores:
    """Squared error of single images: the plainest objective."""

    arity = 1

    def new_head(self, feature_dim: int) -> nn.Module:
        """See `cliqa.training.Objective`, as for the others."""
        return nn.Linear(feature_dim, 1)

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Mean squared error."""
        return (scores - batch.quality).square().mean()

    def distillation(self, scores: Tensor, old_scores: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002
        """Mean squared difference."""
        return (scores - old_scores).square().mean()

    def unit_outputs(self, scores: Tensor) -> Tensor:
        """The scores."""
        return scores[:, 0]

    def unit_losses(self, scores: Tensor, quality: Tensor, std: Tensor) -> Tensor:  # noqa: ARG002
        """Squared errors."""
        return (scores - quality).square()[:, 0]


class Pairs:
    """Logistic loss of the pairs inside a batch."""

    arity = 2

    def new_head(self, feature_dim: int) -> nn.Module:
        """See `cliqa.training.Objective`, as for the others."""
        return nn.Linear(feature_dim, 1)

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Mean over the pairs of images of one dataset."""
        pairs = _pairs(batch)
        if not len(pairs):
            return scores.sum() * 0.0
        return self.unit_losses(scores[pairs], batch.quality[pairs], batch.std[pairs]).mean()

    def distillation(self, scores: Tensor, old_scores: Tensor, batch: Batch) -> Tensor:
        """Mean squared difference of the pairs' probabilities."""
        pairs = _pairs(batch)
        if not len(pairs):
            return scores.sum() * 0.0
        difference = self.unit_outputs(scores[pairs]) - self.unit_outputs(old_scores[pairs])
        return difference.square().mean()

    def unit_outputs(self, scores: Tensor) -> Tensor:
        """Probability that the first image is the better one."""
        return torch.sigmoid(scores[:, 0] - scores[:, 1])

    def unit_losses(self, scores: Tensor, quality: Tensor, std: Tensor) -> Tensor:  # noqa: ARG002
        """Logistic loss of each pair."""
        sign = torch.sign(quality[:, 0] - quality[:, 1])
        return nn.functional.softplus(-sign * (scores[:, 0] - scores[:, 1]))


#: Name -> what makes it. A strategy is tried with both unless it refuses one.
OBJECTIVES: Final[dict[str, Callable[[], Objective]]] = {"pairs": Pairs, "scores": Scores}


def _pairs(batch: Batch) -> Tensor:
    if batch.pairs is not None:
        return batch.pairs
    first, second = torch.triu_indices(len(batch.scale), len(batch.scale), offset=1)
    same = batch.scale[first] == batch.scale[second]
    return torch.stack([first[same], second[same]], dim=1)


def schedule(**settings: object) -> TrainConfig:
    """One epoch with the head alone, two with all, two steps each."""
    short: dict[str, object] = {
        "warmup_epochs": 1,
        "epochs": 2,
        "batch_size": 7,
        "crop": None,
        "shrink": None,
        "lr": 0.01,
        "select": "last",
    }
    return TrainConfig.model_validate(short | settings)


def batch_of(count: int = 6, *, scales: int = 1, quality: object = None) -> Batch:
    """A batch of features (B, 12), of `scales` datasets in turn."""
    rng = named_rng(0, "batch", count)
    values = rng.permutation(np.linspace(0, 1, count)) if quality is None else quality
    scale = torch.arange(count) % scales
    return Batch(
        features=torch.from_numpy(rng.normal(size=(count, TinyBackbone.feature_dim))).float(),
        quality=torch.as_tensor(np.asarray(values), dtype=torch.float32),
        std=torch.full((count,), 0.1),
        task=scale,
        scale=scale,
        sample_ids=tuple(f"image {i}" for i in range(count)),
    )
