"""Distortions keep KADID-10k's parameters and the promises of their signature."""

from __future__ import annotations

import io

import numpy as np
import pytest
from cliqa_embedded.contents import contents
from cliqa_embedded.distortions import DISTORTIONS, LEVELS
from cliqa_embedded.distortions._colour import lab_to_rgb, rgb_to_lab, rgb_to_ycbcr, ycbcr_to_rgb
from cliqa_embedded.distortions._filters import disk_kernel, motion_kernel
from cliqa_embedded.distortions.tone import otsu_thresholds
from PIL import Image
from scipy import ndimage

#: Levels of these types run from one sign to the other.
NOT_SEVERITIES = {"mean_shift", "contrast_change"}
#: Its error depends on how the coarse grid happens to fall, so it has a test of its own.
BY_GRID = {"pixelate"}


def distort(name, image, level, seed=0):
    return DISTORTIONS[name](image, level, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def pictures():
    crops = contents(64, 2019)
    return [crops[name][0] for name in ("astronaut", "coffee", "china", "scene-forest")]


@pytest.fixture
def grey():
    """Mid-grey, 200 x 200: statistics of noise are those of the noise alone."""
    return np.full((200, 200, 3), 128, np.uint8)


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_distortion_keeps_shape_and_type_and_leaves_its_input_alone(name, level):
    image = np.random.default_rng(1).integers(0, 256, (64, 80, 3), np.uint8)
    before = image.copy()
    result = distort(name, image, level)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert not np.shares_memory(result, image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_a_distortion_is_a_function_of_image_level_and_seed(name, pictures):
    one, again = (distort(name, pictures[0], 4, seed=7) for _ in range(2))
    np.testing.assert_array_equal(one, again)


@pytest.mark.parametrize("name", sorted(set(DISTORTIONS) - NOT_SEVERITIES - BY_GRID))
def test_the_error_grows_with_the_level(name, pictures):
    errors = [
        np.mean([(p.astype(float) - distort(name, p, level)) ** 2 for p in pictures])
        for level in LEVELS
    ]
    assert np.all(np.diff(errors) > 0), errors


def test_pixelate_shows_ever_fewer_pixels(pictures):
    shown = [len(np.unique(distort("pixelate", pictures[0], level), axis=0)) for level in LEVELS]
    # 64 rows at scales 0.95 - strength ** 0.6, rounded up; the last may fall off the picture.
    np.testing.assert_allclose(shown, [57, 51, 45, 37, 19], atol=1)


@pytest.mark.parametrize(("name", "level"), [("gaussian_blur", 1), ("motion_blur", 1)])
def test_the_weakest_blurs_change_nothing_as_in_kadid(name, level, pictures):
    np.testing.assert_array_equal(distort(name, pictures[0], level), pictures[0])


def test_mean_shift_adds_its_constant(grey):
    shifted = [int(distort("mean_shift", grey, level)[0, 0, 0]) for level in LEVELS]
    assert shifted == [round(128 + 255 * d) for d in (0.15, 0.08, 0, -0.08, -0.15)]


@pytest.mark.parametrize(
    ("level", "variance"), list(zip(LEVELS, (0.001, 0.002, 0.003, 0.005, 0.01), strict=True))
)
def test_white_noise_has_kadids_variance(level, variance, grey):
    noise = (distort("white_noise", grey, level).astype(float) - 128) / 255
    assert noise.var() == pytest.approx(variance, rel=0.03)


def test_multiplicative_noise_is_uniform_and_proportional_to_the_value():
    for value in (60, 120):
        image = np.full((200, 200, 3), value, np.uint8)
        ratio = distort("multiplicative_noise", image, 5).astype(float) / value - 1
        assert ratio.var() == pytest.approx(0.05, rel=0.03)
        assert np.abs(ratio).max() <= np.sqrt(3 * 0.05) + 0.5 / value


def test_impulse_noise_hits_its_share_of_values_half_black_half_white(grey):
    noisy = distort("impulse_noise", grey, 5)
    assert (noisy == 0).mean() == pytest.approx(0.015, abs=0.002)
    assert (noisy == 255).mean() == pytest.approx(0.015, abs=0.002)


def test_noise_in_ycbcr_has_kadids_variance_there(grey):
    noisy = rgb_to_ycbcr(distort("white_noise_ycbcr", grey, 5) / 255)
    assert noisy[..., 0].var() == pytest.approx(0.003, rel=0.05)


def test_gaussian_blur_is_scipys_with_the_kernel_cut_at_two_sigma(pictures):
    image = pictures[0].astype(float)
    expected = ndimage.gaussian_filter(image, (2, 2, 0), mode="reflect", radius=(4, 4, 0))
    np.testing.assert_allclose(distort("gaussian_blur", pictures[0], 4), expected, atol=0.51)


def test_jpeg_is_pillows_at_quality_7(pictures):
    coded = io.BytesIO()
    Image.fromarray(pictures[0]).save(coded, format="JPEG", quality=7)
    np.testing.assert_array_equal(distort("jpeg", pictures[0], 4), np.asarray(Image.open(coded)))


def test_a_disk_kernel_holds_the_covered_areas():
    kernel = disk_kernel(2)
    assert kernel.shape == (5, 5)
    assert kernel[2, 2] == pytest.approx(1 / (np.pi * 4), rel=1e-3)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-4)
    # Corner pixels lie outside: (1.5, 1.5) is 2.12 from the centre.
    assert kernel[0, 0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("angle", [0, 90])
def test_a_motion_kernel_along_an_axis_is_a_flat_line(angle):
    kernel = motion_kernel(5, angle)
    line = kernel[2] if angle == 0 else kernel[:, 2]
    np.testing.assert_allclose(line, 0.2, atol=1e-12)
    assert kernel.sum() == pytest.approx(1)


def test_colour_spaces_agree_with_scikit_image_and_invert():
    from skimage import color

    rgb = np.random.default_rng(0).random((16, 16, 3))
    np.testing.assert_allclose(rgb_to_lab(rgb), color.rgb2lab(rgb), atol=1e-3)
    np.testing.assert_allclose(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=1e-6)
    np.testing.assert_allclose(rgb_to_ycbcr(rgb) * 255, color.rgb2ycbcr(rgb), atol=1e-9)
    np.testing.assert_allclose(ycbcr_to_rgb(rgb_to_ycbcr(rgb)), rgb, atol=1e-12)


def test_saturation_in_hsv_matches_a_conversion_and_zero_leaves_grey(pictures):
    from skimage import color

    hsv = color.rgb2hsv(pictures[0])
    hsv[..., 1] *= 0.4
    expected = color.hsv2rgb(hsv) * 255
    np.testing.assert_allclose(distort("color_saturation_hsv", pictures[0], 1), expected, atol=0.51)
    assert np.ptp(distort("color_saturation_hsv", pictures[0], 4), axis=-1).max() == 0


def test_colour_quantisation_leaves_kadids_number_of_colours(pictures):
    for level, colours in zip(LEVELS, (64, 48, 32, 16, 8), strict=True):
        few = distort("color_quantization", pictures[0], level)
        assert len(np.unique(few.reshape(-1, 3), axis=0)) <= colours


def test_contrast_keeps_black_middle_and_white_and_bends_between():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=-1)
    steep, flat = (distort("contrast_change", ramp, level)[:, 0, 0] for level in (1, 5))
    for curve in (steep, flat):
        assert curve[0] == 0
        assert curve[255] == 255
        assert abs(int(curve[128]) - 128) <= 2
    # The spline passes (0.3, 0.25 - amount / 4).
    assert steep[77] == pytest.approx(255 * 0.175, abs=2)
    assert flat[77] == pytest.approx(255 * 0.4, abs=2)


def test_otsu_thresholds_are_those_of_scikit_image():
    from skimage.filters import threshold_multiotsu

    values = np.random.default_rng(3).normal([60, 110, 190], 12, (500, 3)).clip(0, 255)
    image = values.astype(np.uint8)
    expected = threshold_multiotsu(image, classes=3, nbins=256)
    found = otsu_thresholds(np.bincount(image.ravel(), minlength=256), 2)
    np.testing.assert_allclose(found, expected, atol=2)


def test_quantisation_leaves_one_value_a_class(pictures):
    for level, thresholds in zip(LEVELS, (20, 16, 13, 10, 7), strict=True):
        assert len(np.unique(distort("quantization", pictures[0], level))) == thresholds + 1
