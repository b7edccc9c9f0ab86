"""Every cell is run once, no worker is idle, and nobody waits for a stage without need."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cliqa.sweep.schedule import Work, choose

stages = st.lists(st.sampled_from("abcdefgh"), max_size=5, unique=True).map(tuple)
cells = st.lists(stages, min_size=1, max_size=9).map(
    lambda found: [Work(str(n), keys) for n, keys in enumerate(found)]
)


@given(cells, st.integers(1, 4), st.randoms(use_true_random=False))
def test_every_cell_is_run_once_and_no_worker_is_idle_while_one_waits(cells, workers, random):
    waiting, running, trained, seen = list(cells), [], set(), []
    while waiting or running:
        while waiting and len(running) < workers:
            work = choose(waiting, running, trained)
            waiting.remove(work)
            running.append(work)
            seen.append(work.name)
        over = running.pop(random.randrange(len(running)))
        trained.update(over.stages)
    assert sorted(seen) == sorted(work.name for work in cells)


@given(cells, cells, st.sets(st.sampled_from("abcdefgh")))
def test_no_two_cells_begin_with_the_same_missing_stage_if_there_is_another_choice(
    waiting, running, trained
):
    def first(work):
        return next((s for s in work.stages if s not in trained), None)

    at = {first(work) for work in running} - {None}
    chosen = choose(waiting, running, trained)
    if first(chosen) in at:
        assert all(first(work) in at for work in waiting)


@given(cells)
def test_one_worker_takes_the_cells_in_the_order_of_the_sweep(cells):
    assert choose(cells, [], set()) is cells[0]


def test_among_free_cells_the_one_that_shares_least_comes_first():
    running = [Work("r", ("a", "b", "c"))]
    waiting = [Work("much", ("b", "c")), Work("little", ("c", "d")), Work("none", ("e",))]
    assert choose(waiting, running, ()).name == "none"
    assert choose(waiting[:2], running, ()).name == "little"
    assert choose(waiting, running, {"b", "c"}).name == "much"  # nothing is missing of it
