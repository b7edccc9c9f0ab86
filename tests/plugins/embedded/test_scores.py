"""Pseudo-MOS stay anchored to the human means."""

from __future__ import annotations

import numpy as np
import pytest
from cliqa_embedded.contents import contents
from cliqa_embedded.distortions import DISTORTIONS, LEVELS
from cliqa_embedded.scores import QUALITY_RANGE, Cell, cell_means, chain_cell, pseudo_mos
from cliqa_embedded.similarity import gradient_deviation


def test_the_shipped_means_are_those_of_kadid_10k():
    cells = cell_means()
    assert len(cells) == 125
    assert cells["gaussian_blur", 1] == Cell(4.6122, 0.1296)
    assert cells["jpeg", 5] == Cell(1.3502, 0.1811)
    assert cells["contrast_change", 5] == Cell(3.3238, 0.3737)


def test_every_distortion_made_here_has_a_human_mean_at_every_level():
    assert {(name, level) for name in DISTORTIONS for level in LEVELS} <= set(cell_means())


def test_a_cell_keeps_its_mean_and_takes_its_spread():
    cell = Cell(3.0, 0.4)
    scores = pseudo_mos([("a", cell)] * 200, np.random.default_rng(0).random(200))
    assert scores.mean() == pytest.approx(3.0, abs=1e-9)
    assert scores.std() == pytest.approx(0.4, rel=0.01)


def test_within_a_cell_a_larger_deviation_scores_lower():
    scores = pseudo_mos([("a", Cell(3.0, 0.4))] * 4, np.array([0.3, 0.1, 0.2, 0.4]))
    assert list(np.argsort(-scores)) == [1, 2, 0, 3]


def test_cells_are_standardised_apart():
    cells = [("a", Cell(4.0, 0.1)), ("a", Cell(4.0, 0.1)), ("b", Cell(2.0, 0.1))]
    scores = pseudo_mos(cells, np.array([0.0, 1.0, 50.0]))
    np.testing.assert_allclose(scores, [4.1, 3.9, 2.0])


def test_scores_stay_in_range_whatever_the_deviations():
    cells = [("a", Cell(1.3, 0.9)), ("b", Cell(4.9, 0.9))] * 20
    scores = pseudo_mos(cells, np.random.default_rng(0).standard_cauchy(40))
    assert scores.min() >= QUALITY_RANGE[0]
    assert scores.max() <= QUALITY_RANGE[1]


def test_a_chain_of_one_is_its_own_cell():
    alone, cell = chain_cell([("jpeg", 3)]), cell_means()["jpeg", 3]
    assert alone.mean == pytest.approx(cell.mean)
    assert alone.std == pytest.approx(cell.std)


def test_the_shares_of_a_chain_multiply():
    cell = chain_cell([("darken", 4), ("white_noise", 3)])
    # 1 + 3.6030 * (2.5349 / 3.6030) * (2.0451 / 3.6030), by hand.
    assert cell.mean == pytest.approx(2.4388, abs=1e-3)
    # sqrt((0.2912 * 0.56761)**2 + (0.3633 * 0.70355)**2), by hand.
    assert cell.std == pytest.approx(0.3044, abs=1e-3)


def test_a_chain_scores_below_its_worst_step_and_above_the_end_of_the_scale():
    steps = [("lens_blur", 5), ("jpeg", 5), ("white_noise", 5)]
    assert 1 < chain_cell(steps).mean < min(cell_means()[step].mean for step in steps)


def test_the_measure_is_zero_for_equal_images_and_orders_blurs():
    image = contents(64, 2019)["china"][0]
    blurred = [
        DISTORTIONS["gaussian_blur"](image, level, np.random.default_rng(0)) for level in LEVELS
    ]
    deviations = [gradient_deviation(image, b) for b in blurred]
    assert deviations[0] == 0
    assert np.all(np.diff(deviations) > 0)


def test_the_measure_is_gmsd_on_a_grey_image():
    from scipy.signal import convolve2d

    rng = np.random.default_rng(5)
    one, other = (rng.integers(0, 256, (40, 40)).astype(np.uint8) for _ in range(2))
    prewitt = np.outer([1, 1, 1], [1, 0, -1]) / 3

    def magnitude(image):
        halved = image.reshape(20, 2, 20, 2).astype(float).mean(axis=(1, 3))
        padded = np.pad(halved, 1, mode="symmetric")
        return np.hypot(*(convolve2d(padded, k, mode="valid") for k in (prewitt, prewitt.T)))

    a, b = magnitude(one), magnitude(other)
    expected = ((2 * a * b + 170) / (a**2 + b**2 + 170)).std()
    colour = [np.repeat(image[..., None], 3, axis=-1) for image in (one, other)]
    assert gradient_deviation(*colour) == pytest.approx(expected, rel=1e-4)
