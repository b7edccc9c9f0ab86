"""Pristine photographs, and random textured crops of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from scipy import ndimage

from cliqa.data import PHOTOGRAPHS
from cliqa.errors import DataError
from cliqa.seeds import named_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

__all__ = ["Pristine", "divide", "in_folder", "random_crop", "shipped"]

#: Endings of the files that a folder is searched for.
ENDINGS: Final = (".png", ".jpg", ".jpeg", ".bmp", ".webp")

#: Places looked at for a crop; the most textured is taken.
CANDIDATES: Final = 4


@dataclass(frozen=True)
class Pristine:
    """One photograph.

    Attributes:
        name: its name; in a folder the path below it.
        sha256: of its file.
        read: gives its pixels, uint8 (H, W, 3).
    """

    name: str
    sha256: str
    read: Callable[[], Picture]


def shipped() -> list[Pristine]:
    """The photographs that installed packages ship."""
    return [Pristine(p.name, _sha256(p.file()), p.read) for p in PHOTOGRAPHS]


def in_folder(folder: Path) -> tuple[list[Pristine], list[str]]:
    """The photographs below a folder, each content once.

    Returns:
        Them by name, and the names left out because another file is the same: in training and
        held out at once it would make the accuracy a lie.

    Raises:
        DataError: there is no such folder, or no photograph in it.
    """
    if not folder.is_dir():
        raise DataError(f"photographs: no folder {folder}; expected one of pristine photographs")
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.suffix.lower() in ENDINGS)
    if not files:
        raise DataError(
            f"photographs: nothing in {folder} ends in {', '.join(ENDINGS)}; expected pristine "
            "photographs"
        )
    found: dict[str, Pristine] = {}
    doubles = []
    for file in files:
        name, digest = file.relative_to(folder).as_posix(), _sha256(file)
        if digest in found:
            doubles.append(f"{name} (the same as {found[digest].name})")
        else:
            found[digest] = Pristine(name, digest, _Reader(file))
    return list(found.values()), doubles


@dataclass(frozen=True)
class _Reader:
    file: Path

    def __call__(self) -> Picture:
        try:
            with Image.open(self.file) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(
                f"photographs: {self.file} cannot be read: {error}; replace or remove the file"
            ) from None


def divide(
    photographs: Sequence[Pristine], held_out: float, seed: int
) -> tuple[list[Pristine], list[Pristine]]:
    """Divide photographs into those trained on and those only tested on, at least one each.

    The place of a photograph is the hash of its content, so neither its name nor the others
    matter to it.

    Raises:
        DataError: there are fewer than two.
    """
    if len(photographs) < 2:
        raise DataError("photographs: found 1, expected at least 2: one is held out for testing")
    order = sorted(photographs, key=lambda p: named_seed(seed, "held out", p.sha256))
    count = min(max(1, round(held_out * len(order))), len(order) - 1)
    return order[count:], order[:count]


def random_crop(
    picture: Picture, side: int, smallest_scale: float, rng: np.random.Generator
) -> Picture:
    """A crop of a randomly shrunk picture, the most textured of a few places, flipped or not.

    A flat crop looks the same under most distortions. Shrinking hides the blur of the camera and
    shows other frequencies.

    Args:
        picture: uint8 (H, W, 3), both sides at least `side`.
        side: side of the crop in pixels.
        smallest_scale: share of its size that the picture is shrunk to at most.
        rng: draws scale, places and flip.
    """
    room = min(picture.shape[:2])
    window = min(room, round(side / rng.uniform(smallest_scale, 1)))
    places = [
        [int(rng.integers(length - window + 1)) for length in picture.shape[:2]]
        for _ in range(CANDIDATES)
    ]
    windows = [picture[y : y + window, x : x + window] for y, x in places]
    chosen = max(windows, key=_texture)
    if window != side:
        image = Image.fromarray(chosen).resize((side, side), Image.Resampling.LANCZOS)
        chosen = np.asarray(image)
    return np.ascontiguousarray(chosen[:, ::-1] if rng.random() < 0.5 else chosen)


def _texture(window: Picture) -> float:
    """Mean root of the gradient magnitude: one strong edge does not outweigh texture everywhere."""
    grey = window[::2, ::2].mean(axis=-1)
    magnitude = np.hypot(ndimage.sobel(grey, axis=0), ndimage.sobel(grey, axis=1))
    return float(np.sqrt(magnitude).mean())


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
