"""A trained model as others use it: pictures in, qualities out."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, overload

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from PIL import Image

from cliqa.data.images import centre_crop
from cliqa.data.resize import Resize
from cliqa.errors import CliqaError, DataError
from cliqa.evaluation.evaluator import MAIN
from cliqa.model import Compute, pixels_that_fit
from cliqa.results.pseudo import named, pseudo_sets
from cliqa.serving.described import rebuild
from cliqa.serving.pictures import Picture, formats, picture_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cliqa.model.precision import Precision
    from cliqa.registry import Registry
    from cliqa.serving.described import Described

    One = str | os.PathLike[str] | Image.Image | np.ndarray

__all__ = ["QualityScore", "QualityScorer", "View"]

#: Letters of a head's name that its tasks are listed in.
_LONGEST_NAME: Final = 60
#: Pictures that are decoded ahead, at most, and threads that do it.
_AHEAD: Final = 32
_DECODERS: Final = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class QualityScore:
    """What a model says of one picture.

    Attributes:
        score: higher is better; what the number itself means, `QualityScorer.scale` says.
        heads: score of each head by its name; None for one that was not run, because the gate put
            all weight on another.
        weights: the gate's weight of each head; they sum to 1.
        note: what the network did not see as it is stored, such as an image that was made smaller.
    """

    score: float
    heads: dict[str, float | None]
    weights: dict[str, float]
    note: str = ""

    def __float__(self) -> float:
        return self.score


@dataclass(frozen=True)
class View:
    """How pictures are shown to the network.

    Attributes:
        shrink: resize policy, see `cliqa.data.Resize.parse`.
        crop: side of the square in the middle that is looked at; None: the whole picture.
        precision: arithmetic of the network.
        memory: bytes that the activations of a forward may take.
        batch_size: pictures of equal size a forward, at most.
    """

    shrink: int | str | None
    crop: int | None
    precision: Precision
    memory: int
    batch_size: int

    def numbers(self) -> dict[str, Any]:
        """Those that scores depend on."""
        bound = {"memory": self.memory} if self.crop is None else {}
        return {"shrink": self.shrink, "crop": self.crop, "precision": self.precision, **bound}


class QualityScorer(
    PyTorchModelHubMixin,
    library_name="cliqa",
    tags=["image-quality-assessment", "continual-learning"],
):
    """Scores pictures with one gate of a trained model; `cliqa.load` makes one.

    `save_pretrained(FOLDER)` writes a model's folder, `from_pretrained(FOLDER or Hub repository)`
    reads one, and `push_to_hub` uploads it; weights are safetensors, never pickled.

    Args:
        described: the model.
        registry: what the plugins offer.
        device: where it runs.
        view: how pictures are shown.

    Attributes:
        about: all that is known of the model: its components, where it comes from, what it was
            trained on.
        heads: names of the heads: the tasks that each was trained on.
        gate: label of the gate.
        scale: what the score's number means, as far as the run tells.
        digest: SHA-256 of all that the scores depend on.
    """

    # The mixin would otherwise try to keep the arguments as JSON; the model has its own.
    _hub_mixin_config: Any = {}  # noqa: RUF012 - the mixin's own

    def __init__(
        self, described: Described, registry: Registry, device: torch.device, view: View
    ) -> None:
        self.described, self.view, self.device = described, view, device
        self.about = described.about
        self._rebuilt = rebuild(described, registry, device)
        self._compute = Compute(
            device=device,
            precision=view.precision,
            batch_size=view.batch_size,
            memory=view.memory,
            shrink=view.shrink,
            crop=view.crop,
        )
        self._gated = self._rebuilt.gated(self._compute)
        self.heads = head_names(self.about["heads"], main_head=self.about["main_head"])
        self.gate: str = self.about["gate"]["label"]
        self.scale = scale_of(self.about)
        self.digest = described.digest(view.numbers())
        self._most: float | None = None

    def __repr__(self) -> str:
        return (
            f"QualityScorer({self.about['backbone']['name']}, gate {self.gate}, heads "
            f"{', '.join(self.heads)}, on {self.device})"
        )

    @overload
    def score(  # type: ignore[overload-overlap]  # text is iterable
        self, images: One, *, all_heads: bool = False
    ) -> QualityScore: ...
    @overload
    def score(self, images: Iterable[One], *, all_heads: bool = False) -> list[QualityScore]: ...
    def score(
        self, images: One | Iterable[One], *, all_heads: bool = False
    ) -> QualityScore | list[QualityScore]:
        """Score one picture or many.

        Args:
            images: a path, a Pillow image or uint8 pixels (H, W, 3), RGB; or any number of them,
                or one array (B, H, W, 3).
            all_heads: run every head even where the gate puts all weight on one.

        Returns:
            For one picture its score, for several a list in their order.

        Raises:
            DataError: one of them cannot be read or scored; names it.
        """
        single = isinstance(images, str | os.PathLike | Image.Image) or (
            isinstance(images, np.ndarray) and images.ndim < 4
        )
        many: list[Any] = [images] if single else list(images)  # type: ignore[arg-type]
        found = []
        for place, answer in enumerate(self.score_each(many, all_heads=all_heads)):
            if isinstance(answer, DataError):
                one = many[place]
                name = one if isinstance(one, str | os.PathLike) else f"image {place + 1}"
                raise DataError(f"{name} cannot be scored: {answer}")
            found.append(answer)
        return found[0] if single else found

    def score_each(
        self, images: Sequence[One], *, all_heads: bool = False
    ) -> Iterator[QualityScore | DataError]:
        """The same, one after the other; what fails is given back instead of raised.

        Pictures are decoded ahead in other threads. No more are in memory than a few dozen, and no
        more of their activations than the view's `memory`.
        """
        formats()  # has Pillow load its decoders, once, before several threads decode
        if self._most is None:
            self._most = self._pixels_that_fit()
        pool = ThreadPoolExecutor(_DECODERS)
        size = min(_AHEAD, self.view.batch_size)
        try:
            waiting = [pool.submit(self._seen, image) for image in images[:size]]
            for start in range(0, len(images), size):
                batch = [future.result() for future in waiting]
                after = images[start + size : start + 2 * size]
                waiting = [pool.submit(self._seen, image) for image in after]
                yield from self._answers(batch, all_heads)
        finally:
            pool.shutdown(cancel_futures=True)

    def _seen(self, source: One) -> Picture | DataError:
        """What the network gets to see of a picture."""
        try:
            picture = picture_of(source)
            shown = self._compute.resize(picture.pixels)
            if self.view.crop is not None:
                return Picture(centre_crop(shown, self.view.crop).copy(), picture.note)
            fitting = self._fitted(shown)
        except DataError as error:
            return error
        except (MemoryError, ValueError) as error:
            return DataError(str(error) or "not enough memory")
        if fitting is shown:
            return Picture(shown, picture.note)
        (height, width), (own_height, own_width) = fitting.shape[:2], shown.shape[:2]
        note = (
            f"shrunk from {own_width} x {own_height} to {width} x {height} pixels to fit "
            f"{self.view.memory / 1e9:g} GB"
        )
        return Picture(fitting, "; ".join(filter(None, (picture.note, note))))

    def _fitted(self, pixels: np.ndarray) -> np.ndarray:
        """The picture, made smaller if a forward of it would take more memory than there is."""
        height, width = pixels.shape[:2]
        most = self._most or math.inf
        if height * width <= most:
            return pixels
        side = max(1, math.floor(min(height, width) * math.sqrt(most / (height * width))))
        return Resize(shrink=side)(pixels)

    def _pixels_that_fit(self) -> float:
        if self.view.crop is not None or self._compute.resize.fixed:
            return math.inf  # all pictures are of one size, and that is the user's choice
        return pixels_that_fit(self._rebuilt.model.backbone, self.view.memory)

    def _answers(
        self, batch: list[Picture | DataError], all_heads: bool
    ) -> list[QualityScore | DataError]:
        found: list[QualityScore | DataError | None] = [
            one if isinstance(one, DataError) else None for one in batch
        ]
        places = [place for place, one in enumerate(batch) if isinstance(one, Picture)]
        pictures = [one for one in batch if isinstance(one, Picture)]
        for place, answer in zip(places, self._run(pictures, all_heads), strict=True):
            found[place] = answer
        return [one for one in found if one is not None]

    def _run(self, pictures: list[Picture], all_heads: bool) -> list[QualityScore | DataError]:
        """Through the network; if it fails, one by one, to know which it takes."""
        if not pictures:
            return []
        try:
            rows = self._compute.over_views(
                [p.pixels for p in pictures],
                self._rebuilt.model.backbone,
                lambda images: self._side_by_side(images, all_heads),
            ).numpy()
        except (RuntimeError, ValueError, AssertionError, MemoryError) as error:
            if isinstance(error, CliqaError):
                raise
            if len(pictures) > 1:
                return [self._run([picture], all_heads)[0] for picture in pictures]
            return [_not_taken(pictures[0], error)]
        return [self._named(row, p.note) for row, p in zip(rows, pictures, strict=True)]

    def _side_by_side(self, images: torch.Tensor, all_heads: bool) -> torch.Tensor:
        """Score, heads and weights of each image, float32 (B, 1 + 2 heads)."""
        answer = self._gated.answer(images, all_heads=all_heads)
        together = (answer.scores[:, None], answer.heads, answer.weights)
        return torch.from_numpy(np.concatenate(together, axis=1))

    def _named(self, row: np.ndarray, note: str) -> QualityScore | DataError:
        score, heads, weights = row[0], row[1 : 1 + len(self.heads)], row[1 + len(self.heads) :]
        if not math.isfinite(score):
            return DataError(f"the network's score of it is {score}, no number")
        return QualityScore(
            float(score),
            {n: None if np.isnan(s) else float(s) for n, s in zip(self.heads, heads, strict=True)},
            {n: float(w) for n, w in zip(self.heads, weights, strict=True)},
            note,
        )

    def _save_pretrained(self, save_directory: Path) -> None:
        from cliqa.serving.exporting import write_model

        write_model(self.described, save_directory)

    def generate_model_card(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - the mixin's
        """The card that `save_pretrained` and `push_to_hub` put beside the weights."""
        from huggingface_hub import ModelCard

        from cliqa.serving.card import card_text

        return ModelCard(card_text(self.about, self.scale), ignore_metadata_errors=True)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **options: Any) -> Self:
        from cliqa.serving.loading import load, snapshot

        hub = ("revision", "cache_dir", "force_download", "local_files_only", "token")
        words = {key: options.pop(key) for key in hub if key in options}
        folder = model_id if Path(model_id).is_dir() else snapshot(model_id, **words)
        found = load(folder, **options)
        assert isinstance(found, cls)  # noqa: S101
        return found


def _not_taken(picture: Picture, error: Exception) -> DataError:
    height, width = picture.pixels.shape[:2]
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return DataError(f"the network cannot take {width} x {height} pixels: {reason}")


def head_names(head_tasks: Sequence[Sequence[str]], *, main_head: bool) -> tuple[str, ...]:
    """A name for each head: the tasks it was trained on, numbered where two are alike.

    Args:
        head_tasks: the tasks of each.
        main_head: the first is the one that the model answers with by itself.
    """
    names = [_head_name(tasks) for tasks in head_tasks]
    if main_head:
        names[0] = MAIN
    return tuple(
        name if names.count(name) == 1 else f"{name} ({place})"
        for place, name in enumerate(names, start=1)
    )


def _head_name(tasks: Sequence[str]) -> str:
    name = "+".join(tasks) or "untrained"
    return name if len(name) <= _LONGEST_NAME else f"{len(tasks)} tasks"


def scale_of(about: dict[str, Any]) -> str:
    """What the score's number means."""
    told = about.get("score_scale") or "higher is better; its objective does not tell more"
    source = about["source"]
    trained = {name: yes for name, yes in pseudo_sets(source).items() if name in source["tasks"]}
    if any(trained.values()):
        told += (
            f". The ratings of {named(trained)} that it was trained on are pseudo-MOS: computed, "
            "not given by people for these very images"
        )
    return f"{told}."
