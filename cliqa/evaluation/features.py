"""Pooled stage responses of the frozen pre-trained network, computed once an image."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np

    from cliqa.data import Task
    from cliqa.evaluation.gate import Gate
    from cliqa.evaluation.normalization import Normalization
    from cliqa.model import Backbone, Compute


class StageFeatures:
    """Stage features for gates, shared by all gates and methods of a run.

    They come from frozen copies of the pre-trained backbone, not from the one that drifts: one
    copy for each normalization that a gate asks for.

    Args:
        backbone: the pre-trained backbone; copied.
        compute: device, arithmetic, test view.
        gates: every gate of the run; one forward of a network gives all the stages that its
            gates look at.
        normalizations: what the gates' `normalization` stands for, by the word they use.
    """

    def __init__(
        self,
        backbone: Backbone,
        compute: Compute,
        gates: Iterable[Gate],
        normalizations: Mapping[str, Normalization] | None = None,
    ) -> None:
        known = normalizations or {}
        # By digest: a name and a path may stand for the same file.
        self._key: dict[str | None, str] = {None: ""}
        self._key |= {word: found.sha256 for word, found in known.items()}
        self._sources: dict[str, _Source] = {}
        wanted: dict[str, set[int]] = {}
        tensors = {found.sha256: found.tensors for found in known.values()}
        for gate in gates:
            wanted.setdefault(self._key[gate.normalization], set()).update(gate.stages)
        for key, stages in wanted.items():
            if stages:
                network = copy.deepcopy(backbone).eval().requires_grad_(False)
                _write(network, tensors.get(key, {}))
                self._sources[key] = _Source(network, compute, tuple(sorted(stages)))

    def of(self, task: Task, part: Literal["train", "test"], gate: Gate) -> dict[int, np.ndarray]:
        """Stage -> float32 (N, channels) of a task's training or test images, for one gate."""
        if not gate.stages:
            return {}
        found = self._sources[self._key[gate.normalization]].of(task, part)
        return {stage: found[stage] for stage in gate.stages}

    def look(self, gate: Gate, images: torch.Tensor) -> dict[int, np.ndarray]:
        """Stage -> float32 (B, channels) of a batch, for one gate.

        Args:
            gate: one of the gates.
            images: float32 (B, 3, H, W), standardised.
        """
        if not gate.stages:
            return {}
        source = self._sources[self._key[gate.normalization]]
        found = source.split(source.look(images).cpu())
        return {stage: found[stage] for stage in gate.stages}

    def values_beside(self, backbone: Backbone, gate: Gate) -> int:
        """Numbers of the network a gate looks through that a model's backbone does not hold.

        With task-specific normalization the two share all frozen weights; beside a network that
        drifts a gate needs a whole one of its own.

        Args:
            backbone: the shared backbone of a trained model.
            gate: one of the gates.
        """
        if not gate.stages:
            return 0
        held = backbone.state_dict()
        own = self._sources[self._key[gate.normalization]].network.state_dict()
        counted = (n for n in own if not n.endswith("num_batches_tracked"))
        return sum(own[n].numel() for n in counted if not torch.equal(own[n], held[n]))


class _Source:
    """One frozen network and what it said of the images so far."""

    def __init__(self, network: Backbone, compute: Compute, stages: tuple[int, ...]) -> None:
        self.network, self._compute, self._stages = network, compute, stages
        self._found: dict[tuple[str, str], dict[int, np.ndarray]] = {}

    def of(self, task: Task, part: Literal["train", "test"]) -> dict[int, np.ndarray]:
        key = (task.name, part)
        if key not in self._found:
            self._found[key] = self._compute_all(task, getattr(task.split, part))
        return self._found[key]

    @torch.no_grad()
    def look(self, images: torch.Tensor) -> torch.Tensor:
        """All stages side by side: float32 (B, sum of channels)."""
        with self._compute.autocast():
            found = self.network.stage_features(images, self._stages)
        return torch.cat([found[stage].float() for stage in self._stages], dim=1)

    def _compute_all(self, task: Task, rows: Sequence[int]) -> dict[int, np.ndarray]:
        return self.split(self._compute.over_images(task.images, rows, self.network, self.look))

    def split(self, together: torch.Tensor) -> dict[int, np.ndarray]:
        """What `look` found, by stage."""
        widths = [self.network.stage_dims[stage] for stage in self._stages]
        parts = together.split(widths, dim=1)
        return {s: p.numpy() for s, p in zip(self._stages, parts, strict=True)}


@torch.no_grad()
def _write(network: Backbone, tensors: Mapping[str, torch.Tensor]) -> None:
    state = network.state_dict()
    for name, tensor in tensors.items():
        state[name].copy_(tensor)
