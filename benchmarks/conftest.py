"""What the benchmarks share: things timed in turns, so that their ratios can be quoted."""

from __future__ import annotations

import statistics
import time

import pytest
import torch


@pytest.fixture
def one_thread():
    """Torch computes in the thread that is timed."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def in_turns(benchmark):
    """Time several things round by round; returns the median of each in seconds.

    A machine that becomes slower does so for all of them: what counts are the ratios. The spread
    is the middle half of each thing's times, as a share of their median.
    """

    def run(things, *, rounds=5, per=1, timer=time.perf_counter):
        times = {name: [] for name in things}

        def one_round():
            for name, thing in things.items():
                started = timer()
                thing()
                times[name].append((timer() - started) / per)

        one_round()  # warm-up
        for found in times.values():
            found.clear()
        benchmark.pedantic(one_round, rounds=rounds)
        medians = {name: statistics.median(found) for name, found in times.items()}
        for name, found in times.items():
            quarters = statistics.quantiles(found, n=4)
            spread = (quarters[2] - quarters[0]) / medians[name]
            benchmark.extra_info[name] = f"{1e3 * medians[name]:.3f} ms, spread {spread:.0%}"
        return medians

    yield run
    if benchmark.extra_info:
        print()
        for name, value in benchmark.extra_info.items():
            print(f"  {name}: {value}")
