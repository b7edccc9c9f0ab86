"""Checks of objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cliqa.testing.checks import Check, api, behaviour, not_reached, require, skip
from cliqa.testing.material import batch_of
from cliqa.testing.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.subject import Subject

_METHODS = ("new_head", "loss", "distillation", "unit_outputs", "unit_losses")
_WIDTH = 12


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(has_every_method)
    yield api(arity_is_one_or_two)
    yield api(head_gives_one_score_an_image)
    yield behaviour(loss_is_a_finite_number)
    yield behaviour(loss_is_lower_for_the_right_order)
    yield behaviour(loss_reaches_the_scores)
    yield behaviour(sets_are_not_compared)
    yield behaviour(distillation_is_zero_where_models_agree)
    yield behaviour(distillation_acts_where_they_do_not)
    yield behaviour(loss_is_the_mean_of_its_units)
    yield behaviour(head_depends_on_the_seed_alone)


def _made(subject: Subject) -> Any:
    made = subject.blocked("is-made", subject.made)
    if _missing(made):
        not_reached("has-every-method")
    return made


def _missing(made: object) -> list[str]:
    return [name for name in _METHODS if not callable(getattr(made, name, None))]


def _arity(subject: Subject) -> int:
    arity = getattr(_made(subject), "arity", None)
    if arity not in (1, 2):
        not_reached("arity-is-one-or-two")
    return int(arity)


def has_every_method(subject: Subject) -> None:
    """It has the methods of `cliqa.training.Objective`."""
    made = subject.blocked("is-made", subject.made)
    missing = _missing(made)
    require(
        not missing,
        f"{type(made).__name__} has no {listed(missing)}; methods such as LwF, MAS and EWC ask for "
        "them (see `cliqa.training.Objective`)",
    )


def arity_is_one_or_two(subject: Subject) -> None:
    """`arity` says how many images a unit of the loss has: 1, or 2 for pairs."""
    arity = getattr(_made(subject), "arity", None)
    require(arity in (1, 2), f"`arity` is {arity!r}; expected 1, or 2 for pairs")


def head_gives_one_score_an_image(subject: Subject) -> None:
    """`new_head` makes a module with parameters: features (B, D) to finite scores (B, 1)."""
    head = _made(subject).new_head(_WIDTH)
    require(isinstance(head, nn.Module), f"`new_head` made a {type(head).__name__}, not a Module")
    require(any(True for _ in head.parameters()), "`new_head` makes a head without parameters")
    features = batch_of(5).features
    with torch.no_grad():
        scores = head(features)
    require(
        tuple(scores.shape) == (5, 1) and bool(scores.isfinite().all()),
        f"the head gives {tuple(scores.shape)} for 5 features, expected finite scores (5, 1)",
    )


def loss_is_a_finite_number(subject: Subject) -> None:
    """`loss` is a finite scalar, for a single image, equal scores and equal qualities as well."""
    objective = _made(subject)
    flat = [0.5] * 4
    cases = {
        "6 images": (batch_of(6), torch.linspace(-1, 1, 6)),
        "equal scores": (batch_of(6), torch.zeros(6)),
        "equal qualities": (batch_of(4, quality=flat), torch.linspace(-1, 1, 4)),
        "a single image": (batch_of(1), torch.zeros(1)),
        "large scores": (batch_of(6), torch.linspace(-50, 50, 6)),
    }
    for what, (batch, scores) in cases.items():
        leaf = scores.clone().requires_grad_(True)
        loss = objective.loss(leaf, batch)
        require(
            isinstance(loss, Tensor) and loss.shape == () and bool(loss.isfinite()),
            f"for {what} `loss` is {loss!r}, expected a finite tensor without dimensions; a batch "
            "may hold no pair at all: give `scores.sum() * 0`",
        )
        if loss.requires_grad:
            loss.backward()
            require(
                leaf.grad is None or bool(leaf.grad.isfinite().all()),
                f"for {what} the gradient of `loss` is not finite; a root or logarithm of 0",
            )


def loss_is_lower_for_the_right_order(subject: Subject) -> None:
    """Scores that rise with quality cost less than scores that fall with it."""
    objective, batch = _made(subject), batch_of(8)
    right = float(objective.loss(batch.quality, batch))
    wrong = float(objective.loss(1 - batch.quality, batch))
    require(
        right < wrong,
        f"the right order costs {right:g} and the reversed one {wrong:g}; scores are higher for "
        "better images: turn the sign, or is the target a distance?",
    )


def loss_reaches_the_scores(subject: Subject) -> None:
    """`loss` has a gradient with respect to the scores."""
    batch = batch_of(8)
    scores = torch.linspace(-0.5, 0.5, 8).requires_grad_(True)
    loss = _made(subject).loss(scores, batch)
    require(
        loss.requires_grad,
        "`loss` carries no gradient; a `detach`, `item`, `sign` or sorting cuts it off",
    )
    loss.backward()
    require(
        scores.grad is not None and bool(scores.grad.any()),
        "the gradient of `loss` is 0 everywhere; a sign or a comparison of scores has none",
    )


def sets_are_not_compared(subject: Subject) -> None:
    """Images of two sets are never compared: shifting the scores of one set changes no pair."""
    if _arity(subject) == 1:
        skip("it learns from single images")
    objective = _made(subject)
    batch, shift = batch_of(8, scales=2), torch.arange(8) % 2 * 3.0
    scores = torch.linspace(-0.5, 0.5, 8)
    plain, shifted = objective.loss(scores, batch), objective.loss(scores + shift, batch)
    require(
        torch.allclose(plain, shifted, atol=1e-4),
        f"`loss` is {float(plain):g}, and {float(shifted):g} if all scores of one set are raised. "
        "Scores of two sets are not on one scale: form pairs only where `batch.scale` is equal",
    )


def _distillation(subject: Subject, moved: float) -> tuple[Tensor, Tensor]:
    batch = batch_of(8)
    old = torch.linspace(-0.5, 0.5, 8)
    new = (old + moved * torch.tensor([1.0, -1.0] * 4)).requires_grad_(True)
    return _made(subject).distillation(new, old, batch), new


def distillation_is_zero_where_models_agree(subject: Subject) -> None:
    """`distillation` is 0 where new and old scores are equal."""
    loss, _ = _distillation(subject, 0.0)
    require(
        abs(loss.item()) < 1e-3,
        f"`distillation` of equal scores is {loss.item():g}; subtract what the old scores cost "
        "against themselves (an entropy), or compare with the old scores and not with the labels",
    )


def distillation_acts_where_they_do_not(subject: Subject) -> None:
    """`distillation` is positive, with a gradient, where new scores differ from old ones."""
    loss, new = _distillation(subject, 0.4)
    require(
        loss.item() > 0 and loss.requires_grad,
        f"`distillation` of other scores is {loss.item():g}"
        f"{'' if loss.requires_grad else ' and carries no gradient'}; LwF would hold nothing",
    )
    loss.backward()
    require(
        new.grad is not None and bool(new.grad.any()),
        "`distillation` has no gradient with respect to the new scores; which are detached?",
    )


def loss_is_the_mean_of_its_units(subject: Subject) -> None:
    """`unit_losses` gives (M,) whose mean is `loss` of these units; `unit_outputs` gives (M,)."""
    objective, arity, batch = _made(subject), _arity(subject), batch_of(6)
    scores = torch.linspace(-0.6, 0.8, 6)
    if arity == 2:
        first, second = torch.triu_indices(6, 6, offset=1)
        units = torch.stack([first, second], dim=1)
    else:
        units = torch.arange(6)[:, None]
    losses = objective.unit_losses(scores[units], batch.quality[units], batch.std[units])
    outputs = objective.unit_outputs(scores[units])
    for name, values in (("unit_losses", losses), ("unit_outputs", outputs)):
        require(
            tuple(values.shape) == (len(units),),
            f"`{name}` gives {tuple(values.shape)} for {len(units)} units, expected "
            f"{(len(units),)}: scores come as (M, arity)",
        )
    whole = objective.loss(scores, batch)
    require(
        torch.allclose(losses.mean(), whole, atol=1e-4, rtol=1e-3),
        f"`loss` is {float(whole):g} and the mean of `unit_losses` {float(losses.mean()):g}; EWC "
        "would measure another loss than the one that is trained",
    )


def head_depends_on_the_seed_alone(subject: Subject) -> None:
    """`new_head` is the same under one seed and another under another."""
    objective, found = _made(subject), []
    for seed in (0, 0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            head = objective.new_head(_WIDTH)
        found.append(torch.cat([p.detach().flatten() for p in head.parameters()]))
    require(
        torch.equal(found[0], found[1]),
        "`new_head` gives another head each time; draw from torch's global generator, which the "
        "run has seeded",
    )
    require(
        not torch.equal(found[0], found[2]),
        "`new_head` gives the same head whatever the seed: it seeds a generator itself, or starts "
        "from constants, and several seeds would not be several runs",
    )
