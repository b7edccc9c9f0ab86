"""Named seeds: streams of random numbers that depend on their names alone."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from cliqa.seeds import named_draws, named_generator, named_rng, named_seed

letters = st.characters(codec="utf-8", exclude_characters="\x1f")
names = st.lists(st.text(letters) | st.integers(), max_size=4)
roots = st.integers(0, 2**31)


@given(roots, names)
def test_a_seed_fits_every_generator(root, path):
    assert 0 <= named_seed(root, *path) < 2**63


@given(roots, names, st.text(letters, min_size=1))
def test_a_seed_depends_on_the_root_on_each_name_and_on_their_number(root, path, more):
    here = named_seed(root, *path)
    assert here != named_seed(root + 1, *path)
    assert here != named_seed(root, *path, more)
    assert here != named_seed(root, more, *path) or [*path, more] == [more, *path]


def test_names_are_not_run_together():
    assert named_seed(0, "ab", "c") != named_seed(0, "a", "bc") != named_seed(0, "abc")


def test_a_seed_never_changes():
    """A run is reproduced years later: the first eight bytes of a SHA-256, halved."""
    assert named_seed(0, "train", "live-like", 3) == 6301904009277973185


@pytest.mark.parametrize("make", [named_rng, named_generator])
def test_a_stream_begins_anew_whenever_it_is_asked_for(make):
    def draw():
        stream = make(5, "views")
        return torch.rand(4, generator=stream) if make is named_generator else stream.random(4)

    assert draw().tolist() == draw().tolist()


def test_streams_of_two_names_differ():
    assert named_rng(0, "a").random(4).tolist() != named_rng(0, "b").random(4).tolist()


def test_a_seed_is_the_same_under_any_hash_seed():
    program = "from cliqa.seeds import named_seed; print(named_seed(1, 'gate', ('x', 2)))"
    found = {named_seed(1, "gate", ("x", 2))}
    for hash_seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        found.add(int(done.stdout))
    assert len(found) == 1


def test_draws_are_the_four_words_of_the_digest_and_never_change():
    digest = hashlib.sha256(b"7\x1fview\x1flive-like\x1f3").digest()
    words = [int.from_bytes(digest[n : n + 8], "big") for n in (0, 8, 16, 24)]
    assert named_draws(7, "view", "live-like", 3) == tuple(word // 2048 / 2**53 for word in words)


def test_draws_are_uniform_and_independent_of_each_other():
    drawn = np.asarray([named_draws(0, "view", n) for n in range(4000)])
    assert 0 <= drawn.min() <= drawn.max() < 1
    assert all(scipy.stats.kstest(column, "uniform").pvalue > 1e-3 for column in drawn.T)
    apart = np.corrcoef(drawn.T)[np.triu_indices(4, 1)]
    assert np.abs(apart).max() < 5 / np.sqrt(len(drawn))
