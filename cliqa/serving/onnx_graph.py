"""A model as one ONNX graph: pixels in; score, head scores and gate weights out."""

from __future__ import annotations

import importlib.util
import logging
import re
import tempfile
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from cliqa.errors import CapabilityError, ConfigError, MissingPackageError
from cliqa.results.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliqa.model import QualityModel
    from cliqa.serving.scorer import QualityScorer

__all__ = ["INPUT", "OUTPUTS", "TOLERANCE", "check_can_export", "export_onnx", "parse_size"]

INPUT: Final = "pixels"
OUTPUTS: Final = ("score", "heads", "weights")
#: Largest difference from the model in float32 with which a graph is written.
TOLERANCE: Final = 1e-4
_PACKAGES: Final = ("onnx", "onnxscript", "onnxruntime")
#: Height and width of pictures that a graph is tried with; the first is the one it is traced with.
_SIZES: Final = ((224, 288), (161, 187))


def check_can_export() -> None:
    """Raise `MissingPackageError` if packages of the extra `onnx` are missing."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"exporting to ONNX takes the packages {', '.join(missing)}, which are not installed; "
            "run `pip install 'cliqa-bench[onnx]'`"
        )


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Height and width from `224x288`; None stays None.

    Raises:
        ConfigError: it is no size.
    """
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", text):
        raise ConfigError(f"--onnx-size {text}: expected HEIGHTxWIDTH, for example 384x512")
    height, width = text.split("x")
    return int(height), int(width)


def export_onnx(scorer: QualityScorer, path: Path, *, size: tuple[int, int] | None = None) -> str:
    """Write the graph, if what it computes is what the model does.

    Its input `pixels` is uint8 (B, H, W, 3), RGB, upright and at the size that the model sees;
    nothing else has to be done to it. Its outputs are float32: `score` (B,), `heads` (B, T),
    `weights` (B, T). All heads are computed. Arithmetic is float32 whatever the run's is.

    Args:
        scorer: the model.
        path: the file.
        size: height and width that it takes; None: any, and any number of pictures.

    Returns:
        A sentence about it.

    Raises:
        MissingPackageError: the extra `onnx` is not installed.
        CapabilityError: the gate or the backbone cannot be exported; says what can.
    """
    check_can_export()
    size = size or scorer._compute.resize.fixed or _crop(scorer)
    graph = _Graph(scorer).eval()
    sizes = _SIZES if size is None else (size,)
    pictures = [_pictures(*one) for one in sizes]
    content = _written(graph, pictures[0], scorer, dynamic=size is None)
    worst = 0.0
    for batch in pictures:
        worst = max(worst, _difference(content, graph, batch))
    if not worst <= TOLERANCE:
        raise CapabilityError(
            f"the ONNX graph of backbone `{scorer.about['backbone']['name']}` differs from the "
            f"model by {worst:.2g}, more than {TOLERANCE:g}, and was not written"
            + ("; try one size with --onnx-size" if size is None else "")
        )
    write_atomic(path, lambda file: file.write(content))
    takes = "pictures of any size" if size is None else f"pictures of {size[0]} x {size[1]} pixels"
    return (
        f"{path} ({len(content) / 1e6:.1f} MB) takes {takes}; largest difference from the model "
        f"{worst:.1g}"
    )


def _crop(scorer: QualityScorer) -> tuple[int, int] | None:
    side = scorer.view.crop
    return None if side is None else (side, side)


def _pictures(height: int, width: int) -> Tensor:
    """Two pictures of different content, so that gates have something to tell apart."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (2, height, width, 3))
    ramp = np.linspace(0, 255, width)[None, None, :, None]
    mixed = np.stack([noise[0], 0.2 * noise[1] + 0.8 * ramp[0]])
    return torch.from_numpy(mixed.astype(np.uint8))


def _written(graph: _Graph, pictures: Tensor, scorer: QualityScorer, *, dynamic: bool) -> bytes:
    """The file's content."""
    shapes: Any = None
    if dynamic:
        auto = torch.export.Dim.AUTO
        shapes = ({0: auto, 1: auto, 2: auto},)
    else:
        shapes = ({0: torch.export.Dim.AUTO},)
    with tempfile.TemporaryDirectory() as folder, _quietly(), torch.no_grad():
        file = Path(folder) / "model.onnx"
        try:
            with graph.model.backbone.as_graph() if dynamic else nullcontext():
                torch.onnx.export(
                    graph,
                    (pictures,),
                    str(file),
                    input_names=[INPUT],
                    output_names=list(OUTPUTS),
                    dynamic_shapes=shapes,
                    dynamo=True,
                    external_data=False,
                    verbose=False,
                )
        except Exception as error:  # of torch's many, whatever an operation cannot
            reason = _reason(error)
            advice = "; try one size with --onnx-size" if dynamic else ""
            raise CapabilityError(
                f"backbone `{scorer.about['backbone']['name']}` cannot be exported to ONNX: "
                f"{reason}{advice}"
            ) from error
        return file.read_bytes()


def _reason(error: BaseException) -> str:
    """What the backbone says itself, where it is the cause; else the first line."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, CapabilityError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return (str(error) or type(error).__name__).strip().splitlines()[0]


def _difference(content: bytes, graph: _Graph, pictures: Tensor) -> float:
    """Largest difference of any output between the graph and the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        found = session.run(list(OUTPUTS), {INPUT: pictures.numpy()})
    except Exception as error:  # onnxruntime has no public base of its errors
        reason = str(error).splitlines()[0]
        raise CapabilityError(f"the ONNX graph does not run: {reason}") from error
    with torch.no_grad():
        expected = graph(pictures)
    return max(
        float(np.abs(own - other.numpy()).max()) for own, other in zip(found, expected, strict=True)
    )


class _quietly:  # noqa: N801 - a context, named as what it does
    """Without the exporter's remarks about its own future."""

    def __enter__(self) -> None:
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")
        self._before = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *error: object) -> None:
        logging.disable(self._before)
        self._warnings.__exit__(*error)  # type: ignore[arg-type]


class _Graph(nn.Module):
    """The whole of scoring by tensor operations.

    The shared network's tensors are held once, those of each head beside them, so the file is as
    large as the model and not a network for each head.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, scorer: QualityScorer) -> None:
        super().__init__()
        rebuilt = scorer._rebuilt
        self.model: QualityModel = rebuilt.model.cpu()
        self.look = rebuilt.look.cpu()
        self._aside, self._stages = rebuilt.aside, tuple(rebuilt.plan.gate.stages)
        weighed = rebuilt.plan.gate.as_graph(len(self.model.heads) - self._aside)
        if weighed is None:
            raise CapabilityError(
                f"gate `{rebuilt.plan.label}` has no form as tensor operations (`Gate.as_graph`), "
                "so it cannot be exported to ONNX; gates that look at no image, such as `newest` "
                "and `uniform`, and K-means gates can: choose another with --gate"
            )
        self._weighed: Callable[..., Tensor] = weighed
        backbone = self.model.backbone
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))
        self._own: list[list[tuple[str, str]]] = []
        for head, own in enumerate(self.model.parameter_sets):
            names = []
            for place, (name, tensor) in enumerate(own.items()):
                self.register_buffer(f"own_{head}_{place}", tensor.cpu())
                names.append((name, f"own_{head}_{place}"))
            self._own.append(names)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 (B, H, W, 3) -> scores (B,), heads (B, T), weights (B, T)."""
        images = pixels.permute(0, 3, 1, 2).float() / 255
        images = (images - self.mean) / self.std
        heads = torch.stack([self._head(number, images) for number in range(len(self._own))], dim=1)
        looked = self.look.stage_features(images, self._stages) if self._stages else {}
        weights = self._weighed(looked, images)
        if self._aside:
            weights = nn.functional.pad(weights, (self._aside, 0))
        return (heads * weights).sum(dim=1), heads, weights

    def _head(self, number: int, images: Tensor) -> Tensor:
        own = {name: getattr(self, held) for name, held in self._own[number]}
        backbone = self.model.backbone
        features = functional_call(backbone, own, (images,)) if own else backbone(images)
        scores: Tensor = self.model.heads[number](features).squeeze(-1)
        return scores
