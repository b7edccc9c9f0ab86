"""Orders of tasks, and tasks themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.data import ORDERS, TaskStream, arrange, by_distortion, group_stages
from cliqa.errors import ConfigError, DataError

SIX = ["LIVE", "CSIQ", "BID", "CLIVE", "KonIQ", "KADID"]
#: TSN-IQA, IV-D.
PAPER = {
    "I": "LIVE CSIQ BID CLIVE KonIQ KADID",
    "II": "LIVE BID CSIQ CLIVE KADID KonIQ",
    "III": "LIVE CSIQ KADID BID CLIVE KonIQ",
    "IV": "BID CLIVE KonIQ LIVE CSIQ KADID",
}
REVERSES = {"V": "I", "VI": "II", "VII": "III", "VIII": "IV"}


def named(order, names=SIX):
    return [names[position] for position in arrange(names, order)]


@pytest.mark.parametrize("order", PAPER)
def test_orders_one_to_four_are_the_papers(order):
    assert named(order) == PAPER[order].split()


@pytest.mark.parametrize("order", REVERSES)
def test_orders_five_to_eight_are_the_reverses_of_one_to_four(order):
    assert named(order) == PAPER[REVERSES[order]].split()[::-1]


def test_there_are_eight_orders():
    assert list(ORDERS) == ["I", "II", "III", "IV", "V", "VI", "VII", "VIII"]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=9, unique=True))
def test_order_one_is_the_configured_order_and_reverse_its_reverse(names):
    assert named("I", names) == names
    assert named("reverse", names) == names[::-1]


@given(st.permutations(SIX))
def test_names_give_the_order_themselves(order):
    assert named(order) == order


@pytest.mark.parametrize(
    "order", [SIX[:5], [*SIX, "LIVE"], [*SIX[:5], "TID2013"], [*SIX[:5], "LIVE"], []]
)
def test_names_that_are_not_each_task_once_are_refused_with_the_tasks(order):
    with pytest.raises(ConfigError, match=r"does not name each task once.* LIVE, CSIQ, BID, CLIVE"):
        arrange(SIX, order)


@pytest.mark.parametrize(("typed", "meant"), [("revers", "reverse"), ("VIIII", "VIII")])
def test_a_misspelt_order_gets_a_suggestion_and_the_known_orders(typed, meant):
    with pytest.raises(
        ConfigError, match=rf"no order `{typed}`. Did you mean {meant}\? Known: I, II, III, .*list"
    ):
        arrange(SIX, typed)


@pytest.mark.parametrize("count", [1, 5, 7])
@pytest.mark.parametrize("order", ["II", "VIII"])
def test_an_order_of_six_is_refused_for_other_numbers_of_tasks(order, count):
    with pytest.raises(ConfigError, match=f"Order {order} is defined for six .* has {count}; use"):
        arrange([str(i) for i in range(count)], order)


@given(st.permutations(SIX))
def test_an_order_of_ones_own_is_chosen_by_its_name(order):
    positions = arrange(SIX, "mine", {"other": SIX, "mine": order})
    assert [SIX[p] for p in positions] == order


def test_a_faulty_order_of_ones_own_is_told_with_its_key():
    with pytest.raises(ConfigError, match=r"^stream\.orders\.mine: .*does not name each task once"):
        arrange(SIX, "mine", {"mine": SIX[:5]})
    assert arrange(SIX, "I", {"mine": SIX[:5]}) == (0, 1, 2, 3, 4, 5)  # not the chosen one


def test_an_order_of_ones_own_is_suggested_and_takes_no_name_that_means_another():
    with pytest.raises(
        ConfigError, match=r"no order `mne`. Did you mean mine\?.* VIII, reverse, mine"
    ):
        arrange(SIX, "mne", {"mine": SIX})
    for name in ("I", "VIII", "reverse"):
        with pytest.raises(
            ConfigError, match=rf"stream.orders: `{name}` is an order of cliqa's own"
        ):
            arrange(SIX, "I", {name: SIX})


def test_a_tasks_scores_are_float64_and_unknown_deviations_nan(make_task):
    columns = {"quality": [1.1, 2.2, 3.3] * 2, "score_std": [0.5, None, 0.25] * 2}
    task = make_task(count=6, columns=columns)
    assert task.quality.dtype == task.std.dtype == np.float64
    np.testing.assert_array_equal(task.quality, columns["quality"])
    low, high = task.dataset.quality_range
    np.testing.assert_allclose(low + task.unit_quality * (high - low), columns["quality"])
    np.testing.assert_allclose(task.unit_std * (high - low), task.std)
    np.testing.assert_array_equal(task.std, [0.5, np.nan, 0.25] * 2)
    assert task.sample_ids == [f"toy/{i:05}.png" for i in range(6)]


@pytest.mark.parametrize("bad", ["learned", "only tested on"])
def test_checking_a_stream_finds_a_bad_image_wherever_it_is(make_task, random_pixels, bad):
    good = make_task("good", 6)
    images = [*random_pixels(5), b"no picture"]
    damaged = make_task("damaged", 6, images=images)
    tasks, others = ((damaged,), (good,)) if bad == "learned" else ((good,), (damaged,))
    TaskStream((good,), "I", (good,)).check_images()
    with pytest.raises(DataError, match=r"`damaged`: image `damaged/00005.png`"):
        TaskStream(tasks, "I", others).check_images()


@given(tasks=st.integers(1, 30), sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_stages_take_the_tasks_in_turn_and_the_last_size_repeats(tasks, sizes):
    stages = group_stages(tasks, sizes)
    assert [task for stage in stages for task in stage] == list(range(tasks))
    wanted = [*sizes, *[sizes[-1]] * tasks]
    for number, stage in enumerate(stages[:-1]):
        assert len(stage) == wanted[number]
    assert len(stages[-1]) <= wanted[len(stages) - 1]


def test_an_image_that_several_tasks_share_is_checked_once(make_task):
    distortions = {"distortion": ["blur", "noise"] * 20}
    whole = make_task("whole", 40, columns=distortions)
    stream = TaskStream((*by_distortion(whole), make_task("other", 6)), "I")
    seen = []
    stream.check_images(progress=seen.append)
    assert sum(seen) == stream.images == 40 + 6
