"""Pictures of every kind become what is seen: upright, RGB, 8 bits."""

import numpy as np
import pytest
from PIL import Image

from cliqa.errors import DataError
from cliqa.serving.pictures import extensions, picture_of

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def save(tmp_path, image, name="x.png", **options):
    image.save(tmp_path / name, **options)
    return picture_of(tmp_path / name)


def test_rgb_stays_as_it_is(tmp_path):
    found = save(tmp_path, Image.fromarray(PIXELS))
    assert np.array_equal(found.pixels, PIXELS)
    assert found.note == ""


def test_grey_of_8_and_16_bits_is_the_same_picture(tmp_path):
    grey = PIXELS[..., 0]
    eight = save(tmp_path, Image.fromarray(grey))
    sixteen = save(tmp_path, Image.fromarray(grey.astype(np.uint16) * 257), "y.png")
    assert np.array_equal(eight.pixels, sixteen.pixels)
    assert np.array_equal(eight.pixels, np.stack([grey] * 3, axis=2))
    assert "16 bits" in sixteen.note


def test_transparent_parts_lie_on_white(tmp_path):
    alpha = np.zeros((20, 30, 1), np.uint8)
    alpha[:10] = 255
    found = save(tmp_path, Image.fromarray(np.concatenate([PIXELS, alpha], axis=2)))
    assert np.array_equal(found.pixels[:10], PIXELS[:10])
    assert (found.pixels[10:] == 255).all()
    assert "white" in found.note


def test_an_animation_counts_as_its_first_frame(tmp_path):
    first, second = (Image.fromarray(PIXELS // n) for n in (1, 2))
    found = save(tmp_path, first, save_all=True, append_images=[second])
    assert np.array_equal(found.pixels, PIXELS)
    assert found.note == "the first of 2 frames"


def test_a_rotated_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    found = save(tmp_path, Image.fromarray(np.rot90(PIXELS)), exif=exif)
    assert np.array_equal(found.pixels, PIXELS)


def test_cmyk_is_read(tmp_path):
    assert save(tmp_path, Image.fromarray(PIXELS).convert("CMYK"), "x.jpg").pixels.shape == (
        20,
        30,
        3,
    )


def test_pixels_of_unknown_range_are_refused(tmp_path):
    with pytest.raises(DataError, match="whose range nobody tells"):
        save(tmp_path, Image.fromarray(PIXELS[..., 0].astype(np.float32)), "x.tif")


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"", "the file is empty"), (b"hello", "no image"), (b"\x89PNG\r\n\x1a\n123", "image")],
)
def test_a_broken_file_is_told_as_such(tmp_path, content, text):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=text):
        picture_of(tmp_path / "x.png")


def test_a_file_that_would_start_ghostscript_is_not_opened(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    with pytest.raises(DataError, match="no image"):
        picture_of(tmp_path / "x.jpg")
    assert ".eps" not in extensions()
    assert {".jpg", ".png", ".tif", ".webp", ".bmp", ".gif"} <= extensions()
