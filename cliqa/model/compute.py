"""Where and in which arithmetic the network runs, and the one loop that runs it over images."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cliqa.data.resize import Resize
from cliqa.errors import ConfigError
from cliqa.model.compiling import compiled_forward
from cliqa.model.precision import Precision, bf16_network
from cliqa.model.scoring import batches_of_equal_size, to_input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliqa.data.reader import ImageReader
    from cliqa.model.backbone import Backbone


#: Batches of test views that are decoded and grouped by size at once.
_CHUNK = 16


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Device, arithmetic and test view of a run.

    Attributes:
        device: where the network runs.
        precision: arithmetic of the network; heads, losses and statistics stay float32.
        batch_size: images of equal size a forward when nothing is trained.
        shrink: resize policy of the test view, see `cliqa.data.Resize.parse`.
        compile: whether torch.compile translates networks for training.
    """

    device: torch.device
    precision: Precision = "float32"
    batch_size: int = 64
    shrink: int | str | None = None
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

    @torch.no_grad()
    def over_images(
        self,
        images: ImageReader,
        rows: Sequence[int],
        backbone: Backbone,
        function: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Apply a function to the test view of many images, in batches of equal size.

        Args:
            images: the reader.
            rows: which images.
            backbone: the network whose standardisation the input takes.
            function: standardised float32 (B, 3, H, W) -> (B, ...).

        Returns:
            float32 (len(rows), ...) on the CPU, in the order of `rows`.
        """
        result: Tensor | None = None
        chunk = _CHUNK * self.batch_size  # bounds the decoded pixels held at once
        for start in range(0, len(rows), chunk):
            part = rows[start : start + chunk]
            views = [images.read(row, self.resize) for row in part]
            for positions in batches_of_equal_size([v.shape for v in views], self.batch_size):
                with self.autocast():
                    out = function(to_input([views[p] for p in positions], backbone, self.device))
                if result is None:
                    result = torch.empty((len(rows), *out.shape[1:]))
                result[[start + p for p in positions]] = out.float().cpu()
        if result is None:
            raise ValueError("no images to run over")
        return result


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
        raise ConfigError(
            f"device: `{name}` cannot be used here ({reason}); expected auto, cpu, cuda, cuda:N or "
            "mps"
        ) from None
    return device
