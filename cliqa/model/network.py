"""Backbone + heads + parameter sets: everything that a trained run consists of.

A *head* turns the backbone's feature into a score. A *parameter set* holds the backbone tensors
that belong to one head alone (for TSN-IQA its normalization, for separate learning the whole
network, for plain multi-head learning none). Whatever a head has no tensor of its own for, it
takes from the shared backbone. So a model can score a batch with all its heads at once, and the
memory a task costs is the size of its parameter set and head.
"""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Final, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cliqa.model.backbone import Backbone

Tensors = dict[str, Tensor]
_PARTS: Final = ("backbone", "initial_head", "head", "set")


class QualityModel(nn.Module):
    """A quality model that grows heads.

    Attributes:
        backbone: the shared network.
        heads: one module a head; all start as copies of one initialised head.
        parameter_sets: for each head its own backbone tensors by name, empty if it has none.
        head_tasks: for each head the names of the tasks it was trained on.
    """

    def __init__(self, backbone: Backbone, new_head: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.backbone = backbone
        self.initial_head = new_head(backbone.feature_dim).requires_grad_(False)
        self.heads = nn.ModuleList()
        self.parameter_sets: list[Tensors] = []
        self.head_tasks: list[tuple[str, ...]] = []

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Let parameter sets follow the module to another device or dtype."""
        self.parameter_sets = [
            {name: fn(tensor) for name, tensor in own.items()} for own in self.parameter_sets
        ]
        moved: Self = super()._apply(fn, recurse)
        return moved

    def add_head(self, tasks: Iterable[str]) -> int:
        """Append a copy of the initial head for these tasks; returns its number, from 0."""
        self.heads.append(copy.deepcopy(self.initial_head).requires_grad_(True))
        self.parameter_sets.append({})
        self.head_tasks.append(tuple(tasks))
        return len(self.heads) - 1

    def note_tasks(self, head: int, tasks: Iterable[str]) -> None:
        """Record that a head was trained on further tasks."""
        self.head_tasks[head] = tuple(dict.fromkeys((*self.head_tasks[head], *tasks)))

    def snapshot(self, names: Iterable[str] | None = None) -> Tensors:
        """Copies of backbone tensors (default: all) by their `state_dict` name."""
        state = self.backbone.state_dict()
        return {name: state[name].clone() for name in (state if names is None else names)}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Write tensors of a `snapshot` back into the backbone."""
        state = self.backbone.state_dict()
        for name, tensor in tensors.items():
            state[name].copy_(tensor)

    def keep_for(self, head: int, names: Iterable[str]) -> None:
        """Make copies of these backbone tensors, as they are now, the head's own."""
        self.parameter_sets[head] = self.snapshot(names)

    def teacher(self) -> QualityModel:
        """A frozen copy of the model as it is now, for distillation.

        Its backbone is in evaluation mode. Its heads are in training mode, as the pupil's are when
        the two are compared: a cosine head normalises its weight only in evaluation.
        """
        copied = copy.deepcopy(self).requires_grad_(False)
        copied.backbone.eval()
        copied.heads.train()
        return copied

    def score(self, head: int, features: Tensor) -> Tensor:
        """Scores of one head from features: (B, feature_dim) -> float32 (B,)."""
        with torch.autocast(features.device.type, enabled=False):
            scores: Tensor = self.heads[head](features.float()).squeeze(-1)
        return scores

    def head_scores(self, images: Tensor, heads: Sequence[int]) -> Tensor:
        """Scores by several heads; heads without tensors of their own share one forward.

        Args:
            images: float (B, 3, H, W), standardised.
            heads: head numbers.

        Returns:
            float32 (B, len(heads)).
        """
        shared: Tensor | None = None
        columns = []
        for head in heads:
            own = self.parameter_sets[head]
            if own:
                features = functional_call(self.backbone, own, (images,))
            else:
                shared = self.backbone(images) if shared is None else shared
                features = shared
            columns.append(self.score(head, features))
        return torch.stack(columns, dim=1)

    def head_digests(self) -> list[str]:
        """SHA-256 of all that each head's scores depend on; equal digest, equal scores.

        The evaluator uses it to compute the predictions of a head only when they can have changed.
        """
        shared = {
            name: _digest(tensor)
            for name, tensor in self.backbone.state_dict().items()
            if not name.endswith("num_batches_tracked")  # a counter that no score depends on
        }
        digests = []
        for head, own in zip(self.heads, self.parameter_sets, strict=True):
            used = shared | {name: _digest(tensor) for name, tensor in own.items()}
            used |= {f"head.{name}": _digest(t) for name, t in head.state_dict().items()}
            text = "\n".join(f"{name} {digest}" for name, digest in sorted(used.items()))
            digests.append(hashlib.sha256(text.encode()).hexdigest())
        return digests

    def tensors(self) -> Tensors:
        """Everything learned, flat, for a checkpoint: names start with their part and number."""
        flat = {f"backbone/{name}": t for name, t in self.backbone.state_dict().items()}
        flat |= {f"initial_head/{name}": t for name, t in self.initial_head.state_dict().items()}
        for number, (head, own) in enumerate(zip(self.heads, self.parameter_sets, strict=True)):
            flat |= {f"head/{number}/{name}": t for name, t in head.state_dict().items()}
            flat |= {f"set/{number}/{name}": t for name, t in own.items()}
        return flat

    def load_tensors(self, flat: Mapping[str, Tensor], head_tasks: Sequence[Sequence[str]]) -> None:
        """Become the model that `tensors` described.

        Args:
            flat: what `tensors` returned.
            head_tasks: the tasks of each head, which also tells how many heads there are.

        Raises:
            KeyError: a name that is no part of a model.
        """
        self.heads = nn.ModuleList()
        self.parameter_sets, self.head_tasks = [], []
        parts: dict[str, Tensors] = {}
        for name, tensor in flat.items():
            part, _, rest = name.partition("/")
            if part not in _PARTS:
                raise KeyError(name)
            if part in ("head", "set"):
                index, _, rest = rest.partition("/")
                part = f"{part}/{index}"
            parts.setdefault(part, {})[rest] = tensor
        self.backbone.load_state_dict(parts["backbone"])
        state = self.backbone.state_dict()
        self.initial_head.load_state_dict(parts["initial_head"])
        for number, tasks in enumerate(head_tasks):
            self.add_head(tasks)
            self.heads[number].load_state_dict(parts[f"head/{number}"])
            own = parts.get(f"set/{number}", {})
            self.parameter_sets[number] = {name: own[name].to(state[name]) for name in own}


def _digest(tensor: Tensor) -> str:
    data = tensor.detach().cpu().contiguous()
    # Viewed as bytes so that every dtype, bfloat16 included, can be hashed.
    return hashlib.sha256(data.reshape(-1).view(torch.uint8).numpy().data).hexdigest()
