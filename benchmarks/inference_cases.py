"""What the benchmarks of inference share: models of many heads, and the published procedure."""

from __future__ import annotations

import copy
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from cliqa_embedded.config import EmbeddedConfig
from cliqa_embedded.dataset import build as build_embedded
from cliqa_gates.config import KMeansConfig
from cliqa_gates.kmeans import KMeansGate
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity
from cliqa_timm.backbone import TimmBackbone, create
from cliqa_timm.lite0 import build as build_lite0

from cliqa.data import Split, Task
from cliqa.evaluation import Evaluator, GatePlan, StageFeatures
from cliqa.model import QualityModel, normalization_tensors, to_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.evaluation import Gate
    from cliqa.model import Backbone, Compute


def make_backbone(name: str) -> Backbone:
    """The installed EfficientNet-Lite0, or a timm model with random weights."""
    torch.manual_seed(0)
    backbone = build_lite0() if name == "efficientnet-lite0" else TimmBackbone(create(name), name)
    return backbone.eval().requires_grad_(False)


def grow(model: QualityModel, heads: int, seed: int = 0) -> None:
    """Add heads that own their normalization, up to so many; every value differs from the last."""
    generator = torch.Generator().manual_seed(seed + len(model.heads))
    device = next(model.backbone.parameters()).device
    names = normalization_tensors(model.backbone)
    while len(model.heads) < heads:
        head = model.add_head([str(len(model.heads))])
        for parameter in model.heads[head].parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
        model.keep_for(head, names)
        for tensor in model.parameter_sets[head].values():
            factor = torch.rand(tensor.shape, generator=generator) * 0.2 + 0.9
            tensor.mul_(factor.to(device))
    model.to(device).eval().requires_grad_(False)


def make_model(name: str, heads: int, device: str = "cpu") -> QualityModel:
    """A model of task-specific normalization; scores mean nothing, times do."""
    model = QualityModel(make_backbone(name), Fidelity(FidelityConfig()).new_head)
    model = model.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    grow(model, heads)
    return model


def make_task(name: str, images: int, size: int) -> Task:
    """A task of embedded images: so many are tested on, as many fit the gate."""
    dataset = build_embedded(EmbeddedConfig(subset=name, images=max(48, 2 * images), size=size))
    rows = tuple(range(2 * images))
    return Task(name, dataset, Split(rows[images:], (), rows[:images]), "")


def kmeans() -> GatePlan:
    """The paper's gate, with few restarts."""
    return GatePlan("kmeans", KMeansGate(KMeansConfig(k=16, n_init=1)))


class OfficialShape:
    """Evaluation as the published code does it.

    One image at a time; for every head its normalization is loaded into the one network and the
    whole image goes through it, first convolution included; the gate's network is another pass.
    After every task all heads look at all test sets again. Plain memory order, float32.
    """

    def __init__(self, model: QualityModel, gate: Gate) -> None:
        self._model, self._gate = model, gate
        self._network = make_plain(model.backbone)
        self._looking = make_plain(model.backbone)

    @torch.no_grad()
    def evaluate(self, tasks: Sequence[Task], heads: int) -> list[np.ndarray]:
        """Scores (images, heads) of every task, by the first heads; the gate is asked too."""
        return [self._task(task, heads) for task in tasks]

    def _task(self, task: Task, heads: int) -> np.ndarray:
        found = []
        state = self._network.state_dict()
        for row in task.split.test:
            image = to_input([task.images.read(row)], self._network, torch.device("cpu"))
            image = image.contiguous()
            scores = []
            for head in range(heads):
                for name, tensor in self._model.parameter_sets[head].items():
                    state[name].copy_(tensor)
                scores.append(float(self._model.score(head, self._network(image))))
            for pooled in self._looking.stage_features(image, self._gate.stages).values():
                pooled.numpy()
            found.append(scores)
        return np.array(found, dtype=np.float32)


def make_plain(backbone: Backbone) -> Backbone:
    """A copy of the network in plain memory order."""
    return copy.deepcopy(backbone).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload, no-any-return]


def evaluator_for(model: QualityModel, compute: Compute, plan: GatePlan) -> Evaluator:
    """Ours, with nothing known yet."""
    features = StageFeatures(model.backbone, compute, [plan.gate])
    return Evaluator(compute, [plan], features, 0)


def processor() -> str:
    """What the figures were measured on."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = " ".join(line for line in lines if line.startswith("flags"))
    extra = ", AMX" if "amx_tile" in flags else ""
    name = f"{named[0]}{extra}" if named else platform.processor() or platform.machine()
    return f"{name}, {torch.get_num_threads()} thread(s), torch {torch.__version__}"
