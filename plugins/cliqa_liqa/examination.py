"""What the generator makes, against what is real: is it still what the old heads can teach on?"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from cliqa.metrics import srcc
from cliqa.seeds import named_seed
from cliqa_liqa.replay import INTERVALS, at, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor

    from cliqa.data import Task
    from cliqa.training import TaskContext
    from cliqa_liqa.networks import Discriminator, Generator

#: Pseudo features of each distortion that are looked at.
LOOKED_AT: Final = 200
#: An interval counts as reached by this share of the pseudo features or of the real ones.
_SHARE: Final = 0.02
#: Pseudo features that spread less than this share of the real ones are all the same.
_LEAST_SPREAD: Final = 0.1


@dataclass(frozen=True)
class Reality:
    """What a distortion's real features were like when it was learned.

    Attributes:
        coverage: how many of the five intervals of quality its training images are in.
        spread: standard deviation of a feature's entry over images, mean over entries.
        distance: energy distance of same-size pseudo features from its training features, nan
            where there are fewer than two validation images.
        holdout_distance: the same of its real validation features.
        images: how many those are.
    """

    coverage: int
    spread: float
    distance: float
    holdout_distance: float
    images: int

    def tensor(self) -> Tensor:
        """All numbers, float64 (5,)."""
        return torch.tensor(list(asdict(self).values()), dtype=torch.float64)

    @classmethod
    def of(cls, numbers: Tensor) -> Reality:
        """From what `tensor` gave."""
        coverage, spread, distance, holdout, images = numbers.tolist()
        return cls(int(coverage), spread, distance, holdout, int(images))


@dataclass(frozen=True)
class Found:
    """What the pseudo features of one distortion are like now.

    Attributes:
        distortion: its name.
        coverage: how many of the five intervals of quality the discriminator's quality head sees
            reached, when all are asked for equally often.
        spread: as of `Reality`, as a share of the real one.
        quality_srcc: SRCC of the quality asked for and what that head sees; nan if it is constant.
        head_srcc: the same for the head that will teach on them; nan if none does.
        real: what the real ones were like.
        learned_now: whether this stage has learned it.
    """

    distortion: str
    coverage: int
    spread: float
    quality_srcc: float
    head_srcc: float
    real: Reality
    learned_now: bool

    @property
    def collapsed(self) -> bool:
        """Fewer than half of the intervals that real images reach, or hardly any spread."""
        return 2 * self.coverage < self.real.coverage or self.spread < _LEAST_SPREAD

    def dump(self) -> dict[str, Any]:
        """As a record of the log; distances only where this stage has measured them."""
        record = {
            "distortion": self.distortion,
            "coverage": self.coverage,
            "real_coverage": self.real.coverage,
            "spread": self.spread,
            "quality_srcc": self.quality_srcc,
            "head_srcc": self.head_srcc,
            "collapsed": self.collapsed,
        }
        if self.learned_now:
            record |= {
                "distance": self.real.distance,
                "holdout_distance": self.real.holdout_distance,
                "holdout_images": self.real.images,
            }
        return {
            key: None if isinstance(value, float) and np.isnan(value) else value
            for key, value in record.items()
        }

    def sentence(self, step: int) -> str:
        """What to tell the user of a collapse."""
        return (
            f"the generator has collapsed for `{self.distortion}` after step {step}: its pseudo "
            f"features reach {self.coverage} of {INTERVALS} intervals of quality (real ones "
            f"{self.real.coverage}) and spread {self.spread:.2f} times as far as real ones; train "
            "it longer (`gan_epochs`), slower (`gan_lr`), or with more weight on `quality`"
        )


@dataclass
class Examination:
    """Looks at a generator with the eyes of the discriminator and the auxiliary heads.

    Args:
        generator: G_T.
        discriminator: D_T.
        context: the stage that has just been learned.
        names: the distortions known, by number.
    """

    generator: Generator
    discriminator: Discriminator
    context: TaskContext
    names: Sequence[str]

    @torch.no_grad()
    def reality(self) -> list[Reality]:
        """What the stage's own distortions are like, in the order of its tasks."""
        return [self._reality(task) for task in self.context.tasks]

    def _reality(self, task: Task) -> Reality:
        quality = task.unit_quality
        train = self._features(task, task.split.train)
        held_out = self._features(task, task.split.val)
        with _noise_of(self.context.seed, task.name):
            scores = torch.as_tensor(quality[list(task.split.val)], dtype=torch.float32)
            pseudo = self._made(self.names.index(task.name), scores)
        enough = len(held_out) > 1
        return Reality(
            coverage=_coverage(quality[list(task.split.train)]),
            spread=float(train.std(dim=0).mean()),
            distance=energy_distance(pseudo, train) if enough else float("nan"),
            holdout_distance=energy_distance(held_out, train) if enough else float("nan"),
            images=len(held_out),
        )

    def _features(self, task: Task, rows: Sequence[int]) -> Tensor:
        """Features of whole images in units of the generator, float32 (N, dim) on the CPU."""
        backbone = self.context.model.backbone
        self.context.model.eval()
        found = self.context.compute.over_images(task.images, rows, backbone, backbone)
        return found / self.generator.unit.cpu()

    def _made(self, number: int, scores: Tensor) -> Tensor:
        device = self.context.compute.device
        distortion = torch.full((len(scores),), number, device=device)
        made = at(scores.to(device), distortion).through(self.generator)
        return (made / self.generator.unit).cpu()

    @torch.no_grad()
    def of_all(self, real: Iterable[Reality], own_heads: bool) -> list[Found]:
        """What the pseudo features of every distortion known are like.

        Args:
            real: of each distortion, by number.
            own_heads: whether each has a head of its own; otherwise the single head teaches.
        """
        return [self._of(number, own, own_heads) for number, own in enumerate(real)]

    def _of(self, number: int, real: Reality, own_heads: bool) -> Found:
        context, name = self.context, self.names[number]
        with _noise_of(context.seed, name):
            asked = draw(LOOKED_AT, 1, "quality", context.compute.device)
        distortion = torch.full_like(asked.distortion, number)
        features = self.generator(asked.noise, asked.score, distortion)
        seen, _ = self.discriminator(features, distortion)
        taught = context.model.score(1 + number if own_heads else 0, features)
        spread = float((features / self.generator.unit).std(dim=0).mean())
        score = asked.score.cpu().numpy()
        return Found(
            distortion=name,
            coverage=_coverage(seen.cpu().numpy()),
            spread=spread / real.spread if real.spread else float("nan"),
            quality_srcc=float(srcc(seen.cpu().numpy(), score)),
            head_srcc=float(srcc(taught.cpu().numpy(), score)),
            real=real,
            learned_now=name in {task.name for task in context.tasks},
        )


@contextmanager
def _noise_of(seed: int, name: str) -> Iterator[None]:
    """Noise that is the same whenever a distortion is looked at."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(named_seed(seed, "liqa", "examination", name))
        yield


def _coverage(quality: np.ndarray) -> int:
    """How many of the five intervals hold a fair share of the qualities."""
    interval = np.clip((quality * INTERVALS).astype(int), 0, INTERVALS - 1)
    shares = np.bincount(interval, minlength=INTERVALS) / len(quality)
    return int((shares >= _SHARE).sum())


def energy_distance(a: Tensor, b: Tensor) -> float:
    """2 E|A - B| - E|A - A'| - E|B - B'| over all pairs, 0 for equal samples.

    Source: Szekely and Rizzo, Energy statistics, 2013. Pairs of a sample with itself are left out,
    so that small and large samples of one distribution have the same expectation, 0; it may
    therefore come out below 0.

    Args:
        a: float32 (M, dim), M > 1.
        b: float32 (N, dim), N > 1.
    """
    a, b = a.double(), b.double()

    def within(x: Tensor) -> Tensor:
        return torch.cdist(x, x).sum() / (len(x) * (len(x) - 1))

    return float(2 * torch.cdist(a, b).mean() - within(a) - within(b))


def validation_srcc(context: TaskContext, heads: Sequence[int]) -> Callable[[], float]:
    """A function that says how well heads rank their own tasks' validation images, on average.

    The features are computed here, once: the network is frozen.

    Args:
        context: the stage.
        heads: the head of each of its tasks.
    """
    model, compute = context.model, context.compute
    model.eval()
    features = [
        compute.over_images(task.images, task.split.val, model.backbone, model.backbone)
        for task in context.tasks
    ]
    quality = [task.quality[list(task.split.val)] for task in context.tasks]

    @torch.no_grad()
    def measure() -> float:
        values = [
            srcc(model.score(head, own.to(compute.device)).cpu().numpy(), true)
            for head, own, true in zip(heads, features, quality, strict=True)
        ]
        return float(np.mean(values))

    return measure
