"""The 39 distortions against independent properties."""

from __future__ import annotations

import io

import numpy as np
import pytest
from cliqa_distortions import distortions
from cliqa_distortions.config import KINDS, LEVELS, DistortionConfig, classes_of
from cliqa_distortions.distortions import distort, pink_field, require_codecs
from PIL import Image
from scipy import signal
from scipy.stats import norm

from cliqa.data import PHOTOGRAPHS
from cliqa.errors import CapabilityError
from cliqa.seeds import named_rng

FIVE = range(1, 6)
EXPONENTS = (-10, -7.5, -5.5, -3.5, 0)
BPP = (0.46, 0.16, 0.07, 0.04, 0.02)
CLASSES = classes_of(DistortionConfig())


@pytest.fixture(scope="module")
def crop():
    coffee = next(p for p in PHOTOGRAPHS if p.name == "coffee").read()
    return np.ascontiguousarray(coffee[100:196, 200:300])


def rng():
    return named_rng(0, "test")


def grey(value=128, side=200):
    return np.full((side, side, 3), value, np.uint8)


def test_there_are_39_classes_as_in_the_paper():
    assert len(CLASSES) == len(set(CLASSES)) == 39
    assert sum(len(LEVELS[kind]) == 5 for kind in KINDS) == 7


@pytest.mark.parametrize(("kind", "level"), CLASSES)
def test_each_class_changes_the_picture_keeps_its_form_and_is_repeatable(crop, kind, level):
    found = distort(crop, kind, level, rng())
    assert (found.dtype, found.shape) == (np.uint8, crop.shape)
    assert (found != crop).mean() > 0.1
    np.testing.assert_array_equal(found, distort(crop, kind, level, rng()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_higher_level_is_further_from_the_original(crop, kind):
    errors = [
        np.mean((distort(crop, kind, level, rng()).astype(float) - crop) ** 2)
        for level in LEVELS[kind]
    ]
    assert errors == sorted(errors)
    assert len(set(errors)) == len(errors)


@pytest.mark.parametrize(("level", "size"), list(zip(FIVE, (7, 15, 39, 91, 199), strict=True)))
def test_blur_is_the_convolution_with_the_papers_kernel(crop, level, size):
    offsets = np.arange(size) - size // 2
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * (size / 6) ** 2))
    kernel /= kernel.sum()
    padded = np.pad(crop / 255.0, [(size // 2,) * 2] * 2 + [(0, 0)], mode="symmetric")
    exact = np.stack(
        [signal.fftconvolve(padded[..., c], kernel, mode="valid") for c in range(3)], axis=-1
    )
    found = distort(crop, "gaussian-blur", level, rng())
    assert np.abs(found - exact * 255).max() <= 0.5 + 1e-6
    assert (distort(grey(), "gaussian-blur", level, rng()) == 128).all()


@pytest.mark.parametrize(("level", "exponent"), list(zip(FIVE, EXPONENTS, strict=True)))
def test_white_noise_has_the_papers_variance(level, exponent):
    found = distort(grey(), "white-noise", level, rng()) / 255
    deviation = 2 ** (exponent / 2)
    # Cutting at black and white moves values only beyond them, so quantiles inside stay.
    for share in (0.45, 0.55):
        expected = 128 / 255 + deviation * norm.ppf(share)
        assert np.quantile(found, share) == pytest.approx(expected, abs=0.03 * deviation + 1 / 255)
    if level <= 2:
        assert found.var() == pytest.approx(2**exponent, rel=0.05)
    channels = found.reshape(-1, 3).T
    assert np.abs(np.corrcoef(channels) - np.eye(3)).max() < 0.03


@pytest.mark.parametrize(("level", "quality"), list(zip(FIVE, (43, 12, 7, 4, 0), strict=True)))
def test_jpeg_is_pillows_at_that_quality(crop, level, quality):
    stream = io.BytesIO()
    Image.fromarray(crop).save(stream, "JPEG", quality=quality)
    expected = np.asarray(Image.open(stream))
    np.testing.assert_array_equal(distort(crop, "jpeg", level, rng()), expected)


@pytest.mark.parametrize(("level", "bpp"), list(zip(FIVE, BPP, strict=True)))
def test_jpeg2000_spends_the_papers_bits_beside_its_headers(crop, monkeypatch, level, bpp):
    streams = []
    plain = distortions._decoded
    monkeypatch.setattr(distortions, "_decoded", lambda s: streams.append(s) or plain(s))
    distort(crop, "jpeg2000", level, rng())
    headers = distortions._empty_jpeg2000(*crop.shape[:2])
    bits = crop.shape[0] * crop.shape[1] * bpp
    assert len(streams[0]) == pytest.approx(headers + bits / 8, abs=20)  # a packet header or two
    assert streams[0][:4] == b"\xff\x4f\xff\x51"  # a bare code stream


ENDS = ((0.2, 0.8), (0.3, 0.7), (0.4, 0.6), (0.45, 0.55), (0.49, 0.51))


@pytest.mark.parametrize(("level", "ends"), list(zip(FIVE, ENDS, strict=True)))
def test_contrast_takes_the_percentiles_to_the_papers_ends(level, ends):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    found = distort(np.tile(ramp, (4, 1, 1)), "contrast", level, rng())[0, :, 0] / 255
    # 1 % of 256 equally frequent values is 2.56: the values 2 and 253.
    expected = np.interp(np.arange(256), [2, 253], ends)
    np.testing.assert_allclose(found, expected, atol=0.5 / 255 + 1e-9)


def test_contrast_of_a_flat_picture_is_its_middle():
    assert set(np.unique(distort(grey(9), "contrast", 1, rng()))) == {128}


def test_pink_noise_falls_as_one_over_f():
    field = pink_field((256, 256, 3), rng())
    np.testing.assert_allclose(field.mean((0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(field.std((0, 1)), 1)
    power = (np.abs(np.fft.fft2(field, axes=(0, 1))) ** 2).mean(axis=2)
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    octaves = [2.0**-k for k in range(7, 0, -1)]
    means = [power[(frequency >= low) & (frequency < 2 * low)].mean() for low in octaves[:-1]]
    slope = np.polyfit(np.log2(octaves[:-1]), np.log2(means), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize(("level", "weight"), list(zip(FIVE, (0.3, 0.7, 1.2, 2, 4), strict=True)))
def test_pink_noise_has_a_tenth_of_the_papers_weight_as_deviation(level, weight):
    found = distort(grey(), "pink-noise", level, rng()) / 255
    inside = np.quantile(found, [norm.cdf(-0.5), norm.cdf(0.5)])
    assert np.ptp(inside) == pytest.approx(0.1 * weight, rel=0.15)


@pytest.mark.parametrize(("level", "colours"), list(zip(FIVE, (64, 32, 16, 8, 4), strict=True)))
def test_quantization_keeps_at_most_the_papers_number_of_colours_and_dithers(crop, level, colours):
    found = distort(crop, "quantization", level, rng())
    assert len(np.unique(found.reshape(-1, 3), axis=0)) <= colours
    plain = np.asarray(Image.fromarray(crop).quantize(colours).convert("RGB"))
    blurred = [
        np.abs(
            distort(picture, "gaussian-blur", 2, rng()).astype(float)
            - distort(crop, "gaussian-blur", 2, rng())
        ).mean()
        for picture in (found, plain)
    ]
    assert blurred[0] < blurred[1]  # dithering keeps the local mean


@pytest.mark.parametrize(("level", "gain"), [(2, 3), (4, 6)])
def test_exposures_add_and_subtract_a_tenth_of_the_gain_and_are_cut(level, gain):
    values = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    for kind, sign in (("over-exposure", 1), ("under-exposure", -1)):
        exact = np.clip(values / 255 + sign * 0.1 * gain, 0, 1) * 255
        np.testing.assert_allclose(distort(values, kind, level, rng()), exact, atol=0.5 + 1e-9)


def test_a_pillow_without_jpeg_2000_is_named_unless_the_type_is_left_out(monkeypatch):
    monkeypatch.setattr(distortions.features, "check", lambda _: False)
    with pytest.raises(CapabilityError, match=r"jpeg2000.*built without it"):
        require_codecs(KINDS)
    require_codecs(("jpeg",))
