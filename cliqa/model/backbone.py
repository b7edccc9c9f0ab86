"""What a backbone plugin returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager


class Backbone(nn.Module, ABC):
    """A network without classifier: images in, one feature vector an image out.

    Attributes:
        feature_dim: width of the feature.
        stage_dims: stage number -> channels of that stage's pooled response. Stages are counted
            so that the last is 4, as ResNet's four groups of residual blocks are.
        mean: per-channel mean the network was trained with, on pixels in [0, 1].
        std: per-channel standard deviation, likewise.
        extra_data: what its starting weights were learned from, such as `ImageNet-1k`; empty for
            random weights. A result says so, for no task of the stream holds these data.
    """

    feature_dim: int
    stage_dims: Mapping[int, int]
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    extra_data: tuple[str, ...] = ()

    def learnable(self) -> dict[str, nn.Parameter]:
        """Parameters that methods may train, by their name; default: all.

        A network with a part that is frozen by design, such as the distortion stream of the
        two-stream network, leaves that part out, and keeps its own normalization statistics from
        moving in `train`.
        """
        return dict(self.named_parameters())

    def as_graph(self) -> AbstractContextManager[None]:
        """What is in effect while the network is traced for an ONNX graph of any size.

        A network that computes something from the size of its pictures, such as a padding, may
        put `torch.onnx.ops.symbolic` in its place there: what is traced gives no values. Default:
        nothing is changed.

        Raises:
            CapabilityError: it can be traced at one size only; says why.
        """
        return nullcontext()

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Pooled feature, not normalised.

        Args:
            images: float (B, 3, H, W), standardised with `mean` and `std`.

        Returns:
            float (B, feature_dim).
        """

    @abstractmethod
    def stage_features(self, images: Tensor, stages: Sequence[int]) -> dict[int, Tensor]:
        """Globally average-pooled responses of the wanted stages.

        Args:
            images: as for `forward`.
            stages: stage numbers, each a key of `stage_dims`.

        Returns:
            stage -> float (B, stage_dims[stage]).
        """
