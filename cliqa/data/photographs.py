"""The photographs that installed packages ship: where they lie, whose they are.

Pristine pictures without a download, for whatever makes distorted pictures itself. cliqa ships no
copy of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from cliqa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PHOTOGRAPHS", "Photograph"]

#: A colour in [0, 1].
_Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """One picture file inside an installed package.

    Attributes:
        name: its name, for example as a `reference`.
        package: import name of the package that ships it.
        path: the file inside the package.
        licence: licence and author, as the package's own notes state them.
        middle: for a grey picture, the colour its mid-grey takes; None keeps it as it is.
    """

    name: str
    package: str
    path: str
    licence: str
    middle: _Colour | None = None

    def read(self) -> NDArray[np.uint8]:
        """Return the picture, uint8 H x W x 3.

        Raises:
            DataError: the package or its file is not there, or it cannot be decoded.
        """
        file = self.file()
        try:
            with Image.open(file) as picture:
                pixels = np.asarray(picture.convert("RGB"))
        except OSError as fault:
            raise DataError(self._complaint(f"the file cannot be read ({fault})")) from fault
        return pixels if self.middle is None else _tone(pixels, self.middle)

    def file(self) -> Path:
        """Where the picture lies on this machine.

        Raises:
            DataError: the package or its file is not there.
        """
        # find_spec, not the package's own loader: those of scikit-image may download.
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise DataError(self._complaint("the package is not installed"))
        file = Path(spec.origin).parent / self.path
        if not file.is_file():
            raise DataError(self._complaint("the package is installed without this file"))
        return file

    def _complaint(self, cause: str) -> str:
        distribution = _DISTRIBUTIONS[self.package]
        try:
            found = f"{distribution} {version(distribution)}"
        except PackageNotFoundError:
            found = distribution
        return (
            f"the photograph `{self.path}` of package {found} cannot be used: {cause}; "
            f"reinstall it from its wheel: pip install --force-reinstall {distribution}"
        )


def _tone(pixels: NDArray[np.uint8], middle: _Colour) -> NDArray[np.uint8]:
    """Give a grey picture colour: black to black, mid-grey to `middle`, white to white.

    Without colour, distortions of colour would leave it unchanged and yet score it as distorted.
    """
    grey = np.arange(256) / 255
    table = [np.interp(grey, [0, 0.5, 1], [0, channel, 1]) for channel in middle]
    lookup = np.rint(np.stack(table, axis=-1) * 255).astype(np.uint8)
    return lookup[pixels[..., 0]]


_DISTRIBUTIONS: Final = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def _skimage(name: str, file: str, licence: str, middle: _Colour | None = None) -> Photograph:
    path = f"data/{file}"
    return Photograph(name=name, package="skimage", path=path, licence=licence, middle=middle)


def _sklearn(name: str, file: str, licence: str) -> Photograph:
    path = f"datasets/images/{file}"
    return Photograph(name=name, package="sklearn", path=path, licence=licence)


#: Licences as stated in `skimage/data/_fetchers.py` and `sklearn/datasets/images/README.txt`.
PHOTOGRAPHS: Final = (
    _skimage("astronaut", "astronaut.png", "public domain (NASA)"),
    _skimage("chelsea", "chelsea.png", "CC0, Stefan van der Walt"),
    _skimage("coffee", "coffee.png", "CC0, Rachel Michetti, courtesy of Pikolo Espresso Bar"),
    _skimage("rocket", "rocket.jpg", "public domain (SpaceX)"),
    _skimage("motorcycle", "motorcycle_left.png", "Middlebury 2014 stereo benchmark"),
    _skimage("hubble", "hubble_deep_field.jpg", "public domain (NASA)"),
    _skimage("tissue", "ihc.png", "no known restrictions, CMMI"),
    _skimage("camera", "camera.png", "CC0, Lav Varshney", (0.44, 0.50, 0.60)),
    _skimage("coins", "coins.png", "no known restrictions, Brooklyn Museum", (0.62, 0.50, 0.30)),
    _skimage("grass", "grass.png", "CC0, linolafett", (0.42, 0.56, 0.30)),
    _skimage("gravel", "gravel.png", "CC0, CC0Textures", (0.55, 0.50, 0.45)),
    _sklearn("china", "china.jpg", "CC BY 2.0, danielbuechele"),
    _sklearn("flower", "flower.jpg", "CC BY 2.0, vultilion"),
)
