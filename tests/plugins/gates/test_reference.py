"""Gates that look at no image."""

import numpy as np
import pytest
from cliqa_gates.kmeans import HardKMeansGate, KMeansGate
from cliqa_gates.reference import Newest, Oracle, Uniform
from hypothesis import given
from hypothesis import strategies as st

from cliqa.evaluation import GateQuery

sizes = {"count": st.integers(1, 9), "heads": st.integers(1, 6)}


@given(**sizes)
def test_newest_puts_all_weight_on_the_last_head(count, heads):
    found = Newest().weights(GateQuery(count=count, heads=heads))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[0] * (heads - 1) + [1]] * count)


@given(**sizes)
def test_uniform_is_the_mean_of_all_heads(count, heads):
    found = Uniform().weights(GateQuery(count=count, heads=heads))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.full((count, heads), 1 / heads), rtol=1e-6)


@given(**sizes, data=st.data())
def test_the_oracle_uses_the_newest_head_trained_on_the_images_own_dataset(count, heads, data):
    own = sorted(data.draw(st.sets(st.integers(0, heads - 1), min_size=1)))
    query = GateQuery(count=count, heads=heads, oracle_heads=tuple(own))
    np.testing.assert_array_equal(
        Oracle().weights(query), [[h == own[-1] for h in range(heads)]] * count
    )


def test_the_oracle_cannot_gate_a_dataset_that_no_head_was_trained_on():
    assert Oracle().weights(GateQuery(count=3, heads=2)) is None


@pytest.mark.parametrize("gate", [Newest, Uniform, Oracle, KMeansGate, HardKMeansGate])
def test_only_the_oracle_says_that_it_is_told_the_task(gate):
    assert gate.uses_task_id == (gate is Oracle)


@pytest.mark.parametrize("gate", [Newest, Uniform, Oracle])
def test_reference_gates_look_at_no_stage_and_keep_no_state(gate):
    made = gate()
    assert (made.stages, made.state(), made.notes) == ((), {}, [])
    with pytest.raises(KeyError, match=f"{gate.__name__} keeps no state"):
        made.load_state({"0/4": np.ones(1)})
