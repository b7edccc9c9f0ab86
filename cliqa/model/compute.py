"""Where and in which arithmetic the network runs, and the one loop that runs it over images."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from cliqa.data.images import centre_crop
from cliqa.data.resize import Resize
from cliqa.distributed import divided
from cliqa.errors import ConfigError
from cliqa.model.compiling import compiled_forward
from cliqa.model.memory import images_that_fit
from cliqa.model.precision import Precision, bf16_network
from cliqa.model.scoring import batches_of_equal_size, to_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from cliqa.data.reader import ImageReader
    from cliqa.model.backbone import Backbone


#: Bytes that a forward's activations may take; `evaluate.memory_gb` of a run.
DEFAULT_MEMORY: Final = 2 * 10**9


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Device, arithmetic and test view of a run.

    Attributes:
        device: where the network runs.
        precision: arithmetic of the network; heads, losses and statistics stay float32.
        batch_size: images of equal size a forward when nothing is trained, at most.
        memory: bytes that the activations of such a forward may take, and as many for the decoded
            images that wait for it; a single image is never too large.
        shrink: resize policy of the test view, see `cliqa.data.Resize.parse`.
        crop: side of the square in its middle that the test view is; None: the whole image.
        compile: whether torch.compile translates networks for training.
    """

    device: torch.device
    precision: Precision = "float32"
    batch_size: int = 64
    memory: int = DEFAULT_MEMORY
    shrink: int | str | None = None
    crop: int | None = None
    compile: bool = False

    @property
    def resize(self) -> Resize:
        """The resize policy of the test view."""
        return Resize.parse(self.shrink)

    def autocast(self) -> AbstractContextManager[object]:
        """The arithmetic as a context for forwards."""
        if self.precision == "float32":
            return nullcontext()
        return bf16_network(self.device)

    def forward(self, network: Backbone, images: Tensor) -> Tensor:
        """Features of images in the run's arithmetic; translated first if they are to be trained.

        Args:
            network: the network.
            images: standardised float32 (B, 3, H, W).

        Returns:
            (B, feature_dim), in the dtype that the arithmetic ends in.
        """
        with self.autocast():
            if self.compile and torch.is_grad_enabled():
                features: Tensor = compiled_forward()(network, images)
                return features
            return network(images)

    def _view(self, pixels: np.ndarray) -> np.ndarray:
        # A copy: a mere view of the middle would keep the whole image in memory.
        return pixels if self.crop is None else centre_crop(pixels, self.crop).copy()

    @torch.no_grad()
    def over_images(
        self,
        images: ImageReader,
        rows: Sequence[int],
        backbone: Backbone,
        function: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Apply a function to the test view of many images, in batches of equal size.

        Where a run has several processes, each does a share of the images; all get the whole.

        Args:
            images: the reader.
            rows: which images.
            backbone: the network that the function runs; its standardisation is the input's, and
                its activations are what is kept within `memory`.
            function: standardised float32 (B, 3, H, W) -> (B, ...).

        Returns:
            float32 (len(rows), ...) on the CPU, in the order of `rows`.
        """
        if len(rows) == 0:
            raise ValueError("no images to run over")
        return divided(partial(self._over_rows, images, backbone, function), rows)

    def _over_rows(
        self,
        images: ImageReader,
        backbone: Backbone,
        function: Callable[[Tensor], Tensor],
        rows: Sequence[int],
    ) -> Tensor:
        parts = [self.over_views(v, backbone, function) for v in self._chunks(images, rows)]
        return torch.cat(parts)

    @torch.no_grad()
    def over_views(
        self,
        views: Sequence[np.ndarray],
        backbone: Backbone,
        function: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """The same for pixels at hand: at least one uint8 (H, W, 3), of one size or several."""
        shapes = [(view.shape[0], view.shape[1]) for view in views]
        most: dict[tuple[int, ...], int] = {
            shape: images_that_fit(backbone, *shape, memory=self.memory, wanted=self.batch_size)
            for shape in set(shapes)
        }
        result: Tensor | None = None
        for positions in batches_of_equal_size(shapes, most.__getitem__):
            with self.autocast():
                out = function(to_input([views[p] for p in positions], backbone, self.device))
            if result is None:
                result = torch.empty((len(views), *out.shape[1:]))
            result[positions] = out.float().cpu()
        assert result is not None  # noqa: S101
        return result

    def _chunks(self, images: ImageReader, rows: Sequence[int]) -> Iterator[list[np.ndarray]]:
        """Test views in order, as many at a time as `memory` takes."""
        views: list[np.ndarray] = []
        held = 0
        for row in rows:
            view = self._view(images.read(row, self.resize))
            if views and held + view.nbytes > self.memory:
                yield views
                views, held = [], 0
            views.append(view)
            held += view.nbytes
        if views:
            yield views


def seed_torch(seed: int, device: torch.device) -> None:
    """Start the random numbers that torch draws on the CPU and on this device.

    They are those that follow `torch.manual_seed(seed)`. That prepares every kind of device, also
    those that are never used, and takes longer than a step on cached features.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` prefers a CUDA GPU, then Apple's, then the CPU.

    Raises:
        ConfigError: torch does not know the name, or the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        if reason.startswith("Expected one of"):  # torch lists devices that nobody here meant
            reason = "no such device"
        raise ConfigError(
            f"device: `{name}` cannot be used here ({reason}); expected auto, cpu, cuda, cuda:N or "
            "mps"
        ) from None
    return device
