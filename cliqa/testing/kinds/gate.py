"""Checks of gates."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from cliqa.evaluation import Gate, GateQuery
from cliqa.seeds import named_rng, named_seed
from cliqa.testing.checks import Check, api, behaviour, fail, require, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.subject import Subject

_CHANNELS = 10
_NAMES = ("one", "two", "three")


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(is_a_gate)
    yield behaviour(rows_sum_to_one)
    yield behaviour(one_head_gets_all_weight)
    yield behaviour(one_head_is_one_head)
    yield behaviour(task_id_is_not_used)
    yield behaviour(images_do_not_depend_on_each_other)
    yield behaviour(few_images_are_enough)
    yield behaviour(features_are_left_alone)
    yield behaviour(state_gives_everything_back)
    yield behaviour(same_seed_same_weights)


def _new(subject: Subject) -> Gate:
    subject.blocked("is-a-gate", lambda: is_a_gate(subject))
    return subject.instance(Gate, "is-a-gate")


def _features(gate: Gate, name: str, count: int = 12) -> dict[int, np.ndarray]:
    """Pooled responses of a task: a cloud of its own, never negative."""
    found = {}
    for stage in gate.stages:
        centre = named_rng(0, "centre", name, stage).uniform(0, 4, _CHANNELS)
        cloud = named_rng(0, "cloud", name, stage).normal(centre, 0.3, (count, _CHANNELS))
        found[stage] = np.abs(cloud).astype(np.float32)
    return found


def _fitted(subject: Subject, tasks: int = 3, count: int = 12) -> Gate:
    gate = _new(subject)
    for name in _NAMES[:tasks]:
        gate.fit(name, _features(gate, name, count), named_seed(0, "gate", name))
    return gate


def _query(gate: Gate, heads: int = 3, oracle: tuple[int, ...] = (0,)) -> GateQuery:
    parts = [_features(gate, name, 4) for name in _NAMES]
    features = {stage: np.concatenate([p[stage] for p in parts]) for stage in gate.stages}
    told = oracle if gate.uses_task_id else ()
    return GateQuery(count=12, heads=heads, features=features, oracle_heads=told)


def _weights(gate: Gate, query: GateQuery) -> np.ndarray:
    weights = gate.weights(query)
    if weights is None:
        require(
            gate.uses_task_id,
            "`weights` gave None; only a gate that is told the task id may find no head for it",
        )
        skip("it cannot gate these images")
    shape = (query.count, query.heads)
    require(
        isinstance(weights, np.ndarray) and weights.shape == shape,
        f"`weights` gave {type(weights).__name__} {getattr(weights, 'shape', '')}, expected a "
        f"numpy array (images, heads) = {shape}: one row an image, one column a head",
    )
    return weights


def is_a_gate(subject: Subject) -> None:
    """Its factory makes a `cliqa.evaluation.Gate` whose stages are numbers from 1 to 4."""
    made = subject.blocked("is-made", subject.made)
    require(
        isinstance(made, Gate),
        f"its factory made a {type(made).__name__}; derive it from `cliqa.evaluation.Gate`",
    )
    require(
        isinstance(made.stages, Collection) and all(s in (1, 2, 3, 4) for s in made.stages),
        f"`stages` is {made.stages!r}; expected stage numbers from 1 to 4, such as (3, 4)",
    )
    require(
        isinstance(getattr(made, "notes", None), list),
        "it has no list `notes`; its `__init__` must call super().__init__(config)",
    )


def rows_sum_to_one(subject: Subject) -> None:
    """Weights are finite, not negative, and sum to 1 for every image."""
    gate = _fitted(subject)
    weights = _weights(gate, _query(gate))
    require(
        bool(np.isfinite(weights).all()) and float(weights.min()) >= 0,
        "`weights` holds negative or undefined numbers; a softmax of large distances overflows "
        "unless the largest is subtracted first",
    )
    sums = weights.sum(axis=1)
    low, high = f"{sums.min():g}", f"{sums.max():g}"
    require(
        bool(np.allclose(sums, 1, atol=1e-4)),
        f"rows of `weights` sum to {low if low == high else f'{low} to {high}'}; normalise over "
        "heads (axis 1), not over images",
    )


def one_head_gets_all_weight(subject: Subject) -> None:
    """With a single head, T = 1, it gets all weight."""
    gate = _fitted(subject, tasks=1)
    weights = _weights(gate, _query(gate, heads=1))
    require(
        bool(np.allclose(weights, 1, atol=1e-5)),
        f"with one head `weights` is {weights[0, 0]:g}; expected 1",
    )


def one_head_is_one_head(subject: Subject) -> None:
    """A gate that says `one_head` puts all weight of every image on one head."""
    gate = _fitted(subject)
    weights = _weights(gate, _query(gate))
    if not gate.one_head:
        skip("it does not say `one_head`")
    require(
        bool(np.isclose(weights.max(axis=1), 1).all()),
        "`one_head` is True, so only the heaviest head is run for an image, and `weights` gives "
        f"others up to {1 - weights.max(axis=1).min():g}",
    )


def task_id_is_not_used(subject: Subject) -> None:
    """A gate without `uses_task_id` gives the same weights whatever the images' task is."""
    gate = _fitted(subject)
    if gate.uses_task_id:
        skip("it says that it is told the task id, and so does every table")
    query = _query(gate)
    found = []
    for told in ((), (0,), (2,)):
        other = GateQuery(
            count=query.count, heads=query.heads, features=query.features, oracle_heads=told
        )
        found.append(_weights(gate, other))
    require(
        all(np.array_equal(found[0], other) for other in found[1:]),
        "`weights` looks at `query.oracle_heads`, the task id; set `uses_task_id = True`, which "
        "every table then says, or do without",
    )


def images_do_not_depend_on_each_other(subject: Subject) -> None:
    """The weights of an image are the same in another order and alone."""
    gate = _fitted(subject)
    query = _query(gate)
    order = named_rng(0, "order").permutation(query.count)
    whole = _weights(gate, query)
    shuffled = _weights(gate, _part(query, order))
    alone = [_weights(gate, _part(query, np.array([row]))) for row in (1, 5, 9)]
    require(
        np.allclose(whole[order], shuffled, atol=1e-5)
        and np.allclose(whole[[1, 5, 9]], np.concatenate(alone), atol=1e-5),
        "the weights of an image depend on the images beside it. Statistics of the queried images "
        "tell the task: use those of the training images, taken in `fit`",
    )


def _part(query: GateQuery, rows: np.ndarray) -> GateQuery:
    return GateQuery(
        count=len(rows),
        heads=query.heads,
        features={stage: values[rows] for stage, values in query.features.items()},
        oracle_heads=query.oracle_heads,
    )


def few_images_are_enough(subject: Subject) -> None:
    """A task of two equal images can be fitted; what is reduced for it is said in `notes`."""
    gate = _new(subject)
    for name in _NAMES:
        pair = {s: np.repeat(f, 2, axis=0) for s, f in _features(gate, name, 1).items()}
        gate.fit(name, pair, named_seed(0, "gate", name))
    _weights(gate, _query(gate))


def features_are_left_alone(subject: Subject) -> None:
    """`fit` and `weights` do not write into the features, which other gates see too."""
    gate = _new(subject)
    features = _features(gate, "one")
    kept = {stage: values.copy() for stage, values in features.items()}
    gate.fit("one", features, 0)
    query = _query(gate, heads=1)
    before = {stage: values.copy() for stage, values in query.features.items()}
    gate.weights(query)
    for what, now, was in (("fit", features, kept), ("weights", query.features, before)):
        require(
            all(np.array_equal(now[stage], was[stage]) for stage in was),
            f"`{what}` writes into the features it is given; an in-place operation such as `/=`",
        )


def state_gives_everything_back(subject: Subject) -> None:
    """A new gate that is given `state` weights images as the old one did."""
    gate, other = _fitted(subject), _new(subject)
    state = gate.state()
    require(isinstance(state, dict), f"`state` returned a {type(state).__name__}, expected a dict")
    wrong = [name for name, value in state.items() if not isinstance(value, np.ndarray)]
    require(not wrong, f"`state` holds `{wrong[0] if wrong else ''}`, which is no numpy array")
    other.load_state({name: value.copy() for name, value in state.items()})
    query = _query(gate)
    expected = _weights(gate, query)
    try:
        again = _weights(other, query)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        fail(f"{_LOST} ({type(error).__name__}: {error})")
    require(np.array_equal(expected, again), _LOST)


_LOST = (
    "a gate that was given `state` does not weight as before; put all that `fit` learns into "
    "`state` and take it back in `load_state`: a stored model is served from it"
)


def same_seed_same_weights(subject: Subject) -> None:
    """Fitted twice under one seed it gives the same weights, bit for bit."""
    first, again = _fitted(subject), _fitted(subject)
    require(
        np.array_equal(_weights(first, _query(first)), _weights(again, _query(again))),
        "two gates fitted under one seed weight differently; draw from the `seed` that `fit` is "
        "given",
    )
