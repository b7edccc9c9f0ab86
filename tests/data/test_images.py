"""Decoding: any image file gives RGB pixels or names itself."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cliqa.data import ImageReader, PixelStore
from cliqa.errors import DataError


def test_pixels_are_those_that_were_stored(make_dataset, random_pixels):
    pixels = random_pixels(7)
    reader = ImageReader(make_dataset(count=7, images=pixels))
    for row, stored in enumerate(pixels):
        found = reader.read(row)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, stored)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "LA"])
def test_every_colour_mode_is_read_as_rgb(make_dataset, random_pixels, mode):
    image = Image.fromarray(random_pixels(1)[0]).convert(mode)
    stream = io.BytesIO()
    image.save(stream, "TIFF" if mode == "CMYK" else "PNG")
    reader = ImageReader(make_dataset(count=1, images=[stream.getvalue()]))
    np.testing.assert_array_equal(reader.read(0), np.asarray(image.convert("RGB")))


def test_kept_pixels_cannot_be_written_to(make_dataset):
    pixels = ImageReader(make_dataset()).read(0)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0


@settings(max_examples=25)
@given(bound=st.integers(0, 40_000), rows=st.lists(st.integers(0, 11), max_size=30))
def test_decoded_pixels_kept_never_exceed_the_bound(make_dataset, bound, rows):
    """Kept images are the same object when read again; whatever the bound, pixels are right."""
    dataset = make_dataset()
    reader, generous = ImageReader(dataset, PixelStore(bound)), ImageReader(dataset)
    for row in rows:
        np.testing.assert_array_equal(reader.read(row), generous.read(row))
    kept = {row: reader.read(row) for row in set(rows)}
    kept = {row: pixels for row, pixels in kept.items() if reader.read(row) is pixels}
    assert sum(pixels.nbytes for pixels in kept.values()) <= bound


def test_within_the_bound_every_image_is_decoded_once(make_dataset):
    reader = ImageReader(make_dataset())
    assert all(reader.read(row) is reader.read(row) for row in range(12))


#: EXIF orientation -> where the stored pixel (i, j) of an upright picture U of H x W is from; by
#: the EXIF standard's words, e.g. 6: row 0 is the visual right side, column 0 the visual top.
STORED = {
    1: lambda u, i, j: u[i, j],
    2: lambda u, i, j: u[i, u.shape[1] - 1 - j],
    3: lambda u, i, j: u[u.shape[0] - 1 - i, u.shape[1] - 1 - j],
    4: lambda u, i, j: u[u.shape[0] - 1 - i, j],
    5: lambda u, i, j: u[j, i],
    6: lambda u, i, j: u[j, u.shape[1] - 1 - i],
    7: lambda u, i, j: u[u.shape[0] - 1 - j, u.shape[1] - 1 - i],
    8: lambda u, i, j: u[u.shape[0] - 1 - j, i],
}


def turned_file(upright, orientation):
    """A PNG of a camera held in that orientation, and the pixels it stores."""
    height, width = upright.shape[:2] if orientation < 5 else upright.shape[1::-1]
    stored = np.array(
        [[STORED[orientation](upright, i, j) for j in range(width)] for i in range(height)]
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(stored).save(stream, "PNG", exif=exif)
    return stream.getvalue(), stored


@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_turned_upright_only_where_the_dataset_says_so(
    make_dataset, random_pixels, orientation
):
    upright = random_pixels(1, sizes=((9, 14),))[0]
    file, stored = turned_file(upright, orientation)
    dataset = make_dataset(count=1, images=[file])
    np.testing.assert_array_equal(ImageReader(dataset).read(0), stored)
    turning = ImageReader(replace(dataset, exif_transpose=True))
    np.testing.assert_array_equal(turning.read(0), upright)


@pytest.mark.parametrize("orientation", [0, 9, None])
def test_an_orientation_outside_the_standard_leaves_the_picture_as_it_is(
    make_dataset, random_pixels, orientation
):
    pixels = random_pixels(1)[0]
    exif = Image.Exif()
    exif[0x010F] = "maker"
    if orientation is not None:
        exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", exif=exif)
    dataset = replace(make_dataset(count=1, images=[stream.getvalue()]), exif_transpose=True)
    np.testing.assert_array_equal(ImageReader(dataset).read(0), pixels)


def bad_file(kind, folder, good):
    file = folder / "bad.png"
    if kind == "truncated":
        file.write_bytes(good[: len(good) // 2])
    elif kind == "empty":
        file.touch()
    elif kind == "text":
        file.write_text("this is no picture")
    elif kind == "folder":
        file.mkdir()
    return file


@pytest.mark.parametrize("kind", ["missing", "truncated", "empty", "text", "folder"])
def test_a_bad_file_is_named_with_dataset_sample_and_path(
    make_dataset, random_pixels, encoded, tmp_path, kind
):
    file = bad_file(kind, tmp_path, encoded(random_pixels(1)[0]))
    dataset = make_dataset("live", count=2, images=[random_pixels(1)[0], file])
    with pytest.raises(DataError, match=r"dataset `live`: image `live/00001.png`") as caught:
        ImageReader(dataset).check(range(2))
    assert str(file) in str(caught.value)


def test_a_bad_image_stored_in_the_table_is_named(make_dataset):
    dataset = make_dataset("live", count=1, images=[b"\x89PNG but not really"])
    with pytest.raises(DataError, match=r"image `live/00000.png` \(inside the table\) cannot"):
        ImageReader(dataset).read(0)


def test_a_picture_too_large_to_be_one_is_named(make_dataset, encoded, monkeypatch):
    """Pillow refuses decompression bombs with an error of its own kind."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    dataset = make_dataset(count=1, images=[np.zeros((40, 40, 3), np.uint8)])
    with pytest.raises(DataError, match=r"`toy/00000.png`.*exceeds limit"):
        ImageReader(dataset).read(0)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # Pillow's own
@settings(max_examples=100)
@given(
    form=st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"]),
    cut=st.floats(0, 1),
    flip=st.none() | st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)),
    upright=st.booleans(),
)
def test_damaged_bytes_are_read_or_refused_but_never_crash(
    make_dataset, random_pixels, encoded, form, cut, flip, upright
):
    content = bytearray(encoded(random_pixels(1)[0], form))
    content = content[: int(cut * len(content))]
    if flip and content:
        content[int(flip[0] * len(content))] ^= flip[1]
    dataset = make_dataset(count=1, images=[bytes(content)])
    reader = ImageReader(replace(dataset, exif_transpose=upright))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)  # damaged sizes must not fill the memory
        try:
            pixels = reader.read(0)
        except DataError:
            return
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
