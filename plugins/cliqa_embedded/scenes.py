"""Procedural scenes: dead leaves, opaque textured shapes of many sizes that hide one another.

The dead-leaves model has the edges, occlusions and 1/f spectrum of natural pictures (Lee, Mumford
and Huang, IJCV 2001). Scenes differ in palette, shapes, sizes and texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.seeds import named_rng

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SCENES", "Scene"]

#: Side of a scene in pixels.
SIDE: Final = 320


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One procedural picture.

    Attributes:
        name: its name as a `reference`, and the name of its stream of random numbers.
        colours: the palette, each a colour in [0, 1]; leaves vary around one of them.
        radii: smallest and largest half-extent of a leaf in pixels.
        corner: exponent of the shapes: 2 ellipses, 1 diamonds, large values rectangles.
        texture: contrast of the texture on the leaves, 0 to about 0.5.
        slope: spectral slope of the texture, 1 (fine) to 2 (cloudy).
    """

    name: str
    colours: tuple[tuple[float, float, float], ...]
    radii: tuple[float, float]
    corner: float
    texture: float
    slope: float

    def draw(self, seed: int) -> NDArray[np.uint8]:
        """Return the scene, uint8 `SIDE` x `SIDE` x 3, a function of the seed and its settings."""
        rng = named_rng(seed, "embedded", "scene", self.name)
        field = _noise(rng, self.slope)
        canvas = np.tile(np.array(self.colours).mean(axis=0), (SIDE, SIDE, 1))
        for radius in self._radii(rng):
            _paint(canvas, field, radius, self._leaf(rng), self.corner, rng)
        return np.rint(np.clip(canvas, 0, 1) * 255).astype(np.uint8)

    def _radii(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Half-extents with density r**-3 (scale-invariant), enough to cover the scene twice."""
        low, high = self.radii
        u = rng.random(6000)
        radii = (low**-2 - u * (low**-2 - high**-2)) ** -0.5
        needed = int(np.searchsorted(np.cumsum(2.2 * radii**2), 2 * SIDE**2)) + 1
        return radii[:needed]

    def _leaf(self, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
        """Return a colour near one of the palette, and the contrast of its texture."""
        colour = np.array(self.colours[rng.integers(len(self.colours))])
        tint = colour * rng.uniform(0.65, 1.35) + rng.normal(0, 0.03, 3)
        return tint, self.texture * rng.uniform(0.2, 1.6)


def _noise(rng: np.random.Generator, slope: float) -> NDArray[np.float64]:
    """Return periodic noise with spectrum 1/f**slope, `SIDE` x `SIDE`, deviation 1."""
    fy = np.fft.fftfreq(SIDE)[:, None]
    fx = np.fft.rfftfreq(SIDE)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / frequency**slope)
    deviation: NDArray[np.float64] = field / field.std()
    return deviation


def _paint(
    canvas: NDArray[np.float64],
    field: NDArray[np.float64],
    radius: float,
    leaf: tuple[NDArray[np.float64], float],
    corner: float,
    rng: np.random.Generator,
) -> None:
    """Lay one leaf over the canvas, in place: rotated, shaded, textured, with a soft edge."""
    colour, contrast = leaf
    cy, cx = rng.uniform(0, SIDE, 2)
    turn, light = rng.uniform(0, 2 * np.pi, 2)
    aspect = rng.uniform(0.45, 1.0)
    reach = int(np.ceil(1.5 * radius)) + 1
    rows = np.arange(max(0, int(cy) - reach), min(SIDE, int(cy) + reach + 1))
    columns = np.arange(max(0, int(cx) - reach), min(SIDE, int(cx) + reach + 1))
    y, x = (rows - cy)[:, None], (columns - cx)[None, :]
    u = np.abs(x * np.cos(turn) + y * np.sin(turn)) / radius
    v = np.abs(y * np.cos(turn) - x * np.sin(turn)) / (radius * aspect)
    distance = (u**corner + v**corner) ** (1 / corner)
    # About one pixel wide, as a lens and a sensor would leave the edge.
    cover = np.clip((1 - distance) * radius * aspect + 0.5, 0, 1)[..., None]
    shade = 1 + 0.25 * (x * np.cos(light) + y * np.sin(light)) / radius
    dy, dx = rng.integers(SIDE, size=2)
    texture = field[np.ix_((rows + dy) % SIDE, (columns + dx) % SIDE)]
    surface = colour * (shade + contrast * texture)[..., None]
    box = np.ix_(rows, columns)
    canvas[box] = canvas[box] * (1 - cover) + surface * cover


#: Palettes are plain colours written down here, taken from no picture.
SCENES: Final = (
    Scene(
        name="scene-forest",
        colours=((0.20, 0.36, 0.16), (0.36, 0.48, 0.20), (0.30, 0.22, 0.12), (0.55, 0.60, 0.35)),
        radii=(4, 60),
        corner=2.0,
        texture=0.22,
        slope=1.2,
    ),
    Scene(
        name="scene-stones",
        colours=((0.55, 0.53, 0.50), (0.42, 0.40, 0.38), (0.70, 0.66, 0.58), (0.33, 0.30, 0.30)),
        radii=(6, 40),
        corner=2.6,
        texture=0.25,
        slope=1.0,
    ),
    Scene(
        name="scene-market",
        colours=((0.80, 0.22, 0.16), (0.92, 0.70, 0.18), (0.25, 0.50, 0.22), (0.55, 0.20, 0.42)),
        radii=(8, 45),
        corner=2.0,
        texture=0.10,
        slope=1.5,
    ),
    Scene(
        name="scene-town",
        colours=((0.72, 0.60, 0.48), (0.58, 0.32, 0.25), (0.85, 0.82, 0.75), (0.35, 0.42, 0.50)),
        radii=(5, 70),
        corner=12.0,
        texture=0.15,
        slope=1.2,
    ),
    Scene(
        name="scene-reef",
        colours=((0.12, 0.42, 0.55), (0.20, 0.62, 0.60), (0.90, 0.55, 0.42), (0.75, 0.78, 0.55)),
        radii=(4, 50),
        corner=1.6,
        texture=0.20,
        slope=1.3,
    ),
    Scene(
        name="scene-autumn",
        colours=((0.75, 0.40, 0.12), (0.55, 0.18, 0.12), (0.82, 0.65, 0.25), (0.28, 0.20, 0.14)),
        radii=(5, 35),
        corner=1.3,
        texture=0.18,
        slope=1.4,
    ),
    Scene(
        name="scene-snow",
        colours=((0.88, 0.90, 0.93), (0.70, 0.76, 0.84), (0.45, 0.50, 0.58), (0.30, 0.28, 0.27)),
        radii=(6, 60),
        corner=2.2,
        texture=0.12,
        slope=1.6,
    ),
    Scene(
        name="scene-fabric",
        colours=((0.25, 0.25, 0.50), (0.62, 0.30, 0.45), (0.80, 0.72, 0.60), (0.40, 0.55, 0.62)),
        radii=(8, 80),
        corner=5.0,
        texture=0.2,
        slope=1.2,
    ),
    Scene(
        name="scene-night",
        colours=((0.10, 0.12, 0.20), (0.22, 0.20, 0.26), (0.70, 0.55, 0.25), (0.16, 0.28, 0.34)),
        radii=(4, 50),
        corner=3.0,
        texture=0.25,
        slope=1.2,
    ),
    Scene(
        name="scene-garden",
        colours=((0.85, 0.45, 0.60), (0.30, 0.45, 0.25), (0.95, 0.92, 0.80), (0.45, 0.35, 0.60)),
        radii=(5, 45),
        corner=2.4,
        texture=0.16,
        slope=1.3,
    ),
)
