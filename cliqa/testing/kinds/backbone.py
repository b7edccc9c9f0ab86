"""Checks of backbones."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cliqa.model import Backbone, QualityModel
from cliqa.seeds import named_generator
from cliqa.testing.checks import Check, api, behaviour, fail, not_reached, require
from cliqa.testing.comparing import differing, digests
from cliqa.testing.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.subject import Subject

#: Sides of square test images; the first that a network takes is used.
_SIDES = (64, 96, 160, 224, 384)


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(is_a_backbone)
    yield api(declares_its_widths)
    yield api(learnable_parameters_are_its_own)
    yield behaviour(feature_width_is_real)
    yield behaviour(stage_widths_are_real)
    yield behaviour(parameter_counts_are_real)
    yield behaviour(gradients_reach_every_learnable_parameter)
    yield behaviour(frozen_parts_stand_still)
    yield behaviour(images_do_not_depend_on_each_other)
    yield behaviour(copies_compute_the_same)
    yield behaviour(parameter_sets_take_effect)
    yield behaviour(same_seed_same_network)


def _made(subject: Subject) -> Backbone:
    """The network, to be changed at will."""
    made = subject.blocked("is-made", lambda: subject.once("network", lambda: _new(subject)))
    if not isinstance(made, Backbone):
        not_reached("is-a-backbone")
    return copy.deepcopy(made)


def _new(subject: Subject) -> object:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = subject.new()
    return made.eval() if isinstance(made, nn.Module) else made


def _images(subject: Subject, count: int = 3) -> Tensor:
    def side() -> int:
        faults: list[str] = []
        network, found = _made(subject), 0
        while not found and len(faults) < len(_SIDES):
            side = _SIDES[len(faults)]
            try:
                with torch.no_grad():
                    network(torch.zeros(1, 3, side, side))
                found = side
            except (RuntimeError, AssertionError, ValueError) as error:
                faults.append(f"{type(error).__name__}: {' '.join(str(error).split())}")
        if not found:
            fail(f"it takes no square image of {', '.join(map(str, _SIDES))} pixels: {faults[0]}")
        return found

    pixels = subject.once("side", side)
    return torch.randn(count, 3, pixels, pixels, generator=named_generator(0, "images"))


def _features(subject: Subject) -> Tensor:
    def make() -> Tensor:
        with torch.no_grad():
            features: Tensor = _made(subject)(_images(subject))
        return features

    return subject.blocked("feature-width-is-real", lambda: subject.once("features", make))


def is_a_backbone(subject: Subject) -> None:
    """Its factory makes a `cliqa.model.Backbone`."""
    made = subject.blocked("is-made", lambda: subject.once("network", lambda: _new(subject)))
    require(
        isinstance(made, Backbone),
        f"its factory made a {type(made).__name__}; derive the class from `cliqa.model.Backbone`",
    )


def declares_its_widths(subject: Subject) -> None:
    """It declares `feature_dim`, `stage_dims` whose last stage is 4, and mean and deviation."""
    network = _made(subject)
    width, stages = getattr(network, "feature_dim", None), getattr(network, "stage_dims", None)
    require(
        type(width) is int and width > 0,
        f"`feature_dim` is {width!r}, expected a positive int: heads are made as wide as it says",
    )
    require(
        stages and all(type(s) is int and type(c) is int for s, c in stages.items()),
        f"`stage_dims` is {stages!r}, expected stage number -> channels",
    )
    assert stages is not None  # noqa: S101
    require(
        max(stages) == 4 and min(stages) >= 1,
        f"`stage_dims` has stages {sorted(stages)}; stages are counted so that the last is 4",
    )
    for name in ("mean", "std"):
        value = getattr(network, name)
        require(
            len(value) == 3 and all(0 < v < 1 for v in value),
            f"`{name}` is {value}; expected three numbers for pixels in [0, 1], not in [0, 255]",
        )


def learnable_parameters_are_its_own(subject: Subject) -> None:
    """`learnable` gives parameters of the network under their own names."""
    network = _made(subject)
    own = dict(network.named_parameters())
    learnable = network.learnable()
    wrong = [name for name, p in learnable.items() if own.get(name) is not p]
    require(
        not wrong,
        f"`learnable` gives {listed(wrong)}, which `named_parameters()` does not have under that "
        "name; choose among `self.named_parameters()` and keep the names",
    )
    require(learnable, "`learnable` is empty, so no method could train anything but heads")


def feature_width_is_real(subject: Subject) -> None:
    """`forward` gives float features (B, feature_dim), finite, pooled over any image size."""
    images, network = _images(subject), _made(subject)
    with torch.no_grad():
        features = network(images)
    expected = (len(images), network.feature_dim)
    require(
        tuple(features.shape) == expected,
        f"`forward` gives {tuple(features.shape)} for {len(images)} images, and `feature_dim` "
        f"promises {expected}. Is the classifier still there, or is pooling missing?",
    )
    require(
        features.is_floating_point() and bool(features.isfinite().all()),
        f"`forward` gives {features.dtype} with values that are not finite",
    )


def stage_widths_are_real(subject: Subject) -> None:
    """`stage_features` gives the stages that are asked for, (B, stage_dims[stage]) each."""
    network, images = _made(subject), _images(subject)
    for stages in ([4], sorted(network.stage_dims)):
        with torch.no_grad():
            found = network.stage_features(images, stages)
        require(
            sorted(found) == stages,
            f"`stage_features(images, {stages})` gives stages {sorted(found)}",
        )
        for stage, features in found.items():
            expected = (len(images), network.stage_dims[stage])
            require(
                tuple(features.shape) == expected,
                f"stage {stage} is {tuple(features.shape)}, and `stage_dims` promises {expected}; "
                "pool it over height and width",
            )


def parameter_counts_are_real(subject: Subject) -> None:
    """The parameters that a step changes are those of `learnable`, no more and no fewer."""
    network, images = _made(subject).train(), _images(subject)
    learnable = network.learnable()
    network.requires_grad_(False)
    for parameter in learnable.values():
        parameter.requires_grad_(True)
    before = digests(network.named_parameters())
    optimizer = torch.optim.SGD(list(learnable.values()), lr=0.1)
    _objective(network, images).backward()
    optimizer.step()
    changed = differing(before, digests(network.named_parameters()))
    extra = [name for name in changed if name not in learnable]
    require(
        not extra,
        f"{listed(extra)} changes in a training step and is not in `learnable`, so the number of "
        "learnable parameters in every result would be too small",
    )


def gradients_reach_every_learnable_parameter(subject: Subject) -> None:
    """A gradient that is not 0 reaches every parameter in `learnable`."""
    network, images = _made(subject).train(), _images(subject)
    learnable = network.learnable()
    noise = named_generator(0, "noise")
    for parameter in learnable.values():
        # Residual branches are often made to begin at 0, where no gradient passes yet.
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=noise)
        parameter.requires_grad_(True)
    _objective(network, images).backward()
    dead = [n for n, p in learnable.items() if p.grad is None or not bool(p.grad.any())]
    require(
        not dead,
        f"no gradient reaches {listed(dead)}: `forward` does not use it (a classifier that is "
        "still there?), or detaches what it gives; leave it out of `learnable`",
    )


def _objective(network: Backbone, images: Tensor) -> Tensor:
    features = network(images).float()
    weights = torch.randn(features.shape, generator=named_generator(0, "weights"))
    loss: Tensor = (features * weights).sum() + features.square().sum()
    return loss


def frozen_parts_stand_still(subject: Subject) -> None:
    """In training mode only statistics of layers that may train move; in evaluation mode none."""
    network, images = _made(subject), _images(subject)
    learnable = {id(p) for p in network.learnable().values()}
    for training in (False, True):
        network.train(training)
        before = digests(network.named_buffers())
        with torch.no_grad():
            network(images)
        moved = differing(before, digests(network.named_buffers()))
        if not training:
            require(
                not moved,
                f"{listed(moved)} moves in evaluation mode; running statistics must stand still",
            )
            continue
        frozen = [name for name in moved if _is_frozen(network, name, learnable)]
        require(
            not frozen,
            f"{listed(frozen)} moves in training mode although its layer is not in `learnable`; "
            "override `train` so that the frozen part stays in evaluation mode",
        )


def _is_frozen(network: Backbone, buffer: str, learnable: set[int]) -> bool:
    own = list(network.get_submodule(buffer.rpartition(".")[0]).parameters(recurse=False))
    return bool(own) and not any(id(p) in learnable for p in own)


def images_do_not_depend_on_each_other(subject: Subject) -> None:
    """In evaluation mode the feature of an image is the same alone and among others."""
    together, network, images = _features(subject), _made(subject), _images(subject)
    with torch.no_grad():
        again, alone = network(images), network(images[:1])
    require(
        torch.equal(again, together),
        "in evaluation mode the same images give other features the second time; dropout or noise "
        "that ignores `self.training`",
    )
    scale = float(together.abs().max()) or 1.0
    require(
        torch.allclose(alone[0], together[0], atol=1e-3 * scale, rtol=1e-3),
        "in evaluation mode the feature of an image depends on the images beside it; "
        "normalization over the batch that ignores `self.training`",
    )


def copies_compute_the_same(subject: Subject) -> None:
    """A deep copy, and a new network that loads its `state_dict`, give the same features."""
    expected, network, images = _features(subject), _made(subject), _images(subject)
    other = subject.create().eval()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1)
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        for what, copied in (("a deep copy", copy.deepcopy(network)), ("a restored one", other)):
            require(
                torch.allclose(copied(images), expected, atol=1e-5, rtol=1e-4),
                f"{what} gives other features: something that they depend on is in no parameter "
                "and no buffer; use `register_buffer`",
            )


def parameter_sets_take_effect(subject: Subject) -> None:
    """Heads with tensors of their own are scored with these: `forward` reads its own modules."""
    network, images = _made(subject), _images(subject)
    model = QualityModel(network, lambda width: nn.Linear(width, 1)).eval()
    head = model.add_head(["one"])
    model.keep_for(head, network.learnable())
    for tensor in model.parameter_sets[head].values():
        tensor.add_(0.3 * tensor.std(correction=0) + 0.01)
    with torch.no_grad():
        scores = model.head_scores(images, [head])
        model.restore(model.parameter_sets[head])
        model.parameter_sets[head] = {}
        expected = model.head_scores(images, [head])
    scale = float(expected.abs().max()) or 1.0
    require(
        torch.allclose(scores, expected, atol=1e-3 * scale, rtol=1e-3, equal_nan=True),
        "a head's own tensors are not what `forward` computes with: it holds modules or parameters "
        "in a list, a closure or a copy instead of as attributes",
    )


def same_seed_same_network(subject: Subject) -> None:
    """Made twice under one seed it is the same network, bit for bit."""
    found = []
    for _ in range(2):
        made = subject.blocked("is-made", lambda: _new(subject))
        if not isinstance(made, Backbone):
            not_reached("is-a-backbone")
        found.append(digests(made.state_dict()))
    other = differing(*found)
    require(
        not other,
        f"{listed(other)} differs between two networks of one seed; draw from torch's global "
        "generator, which the run has seeded, or from `cliqa.seeds`",
    )
