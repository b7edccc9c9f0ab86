"""KADID-10k, the Konstanz Artificially Distorted Image quality Database."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from cliqa_iqa.folder import Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import KADID as FACTS
from cliqa_iqa.tables import other_version, read_csv

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import FolderConfig

__all__ = ["FACTS", "TYPES", "build"]

#: Types 01 to 25.
TYPES: Final = (
    "gaussian_blur",
    "lens_blur",
    "motion_blur",
    "color_diffusion",
    "color_shift",
    "color_quantization",
    "color_saturation_hsv",
    "color_saturation_lab",
    "jpeg2000",
    "jpeg",
    "white_noise",
    "white_noise_ycbcr",
    "impulse_noise",
    "multiplicative_noise",
    "denoise",
    "brighten",
    "darken",
    "mean_shift",
    "jitter",
    "non_eccentricity_patch",
    "pixelate",
    "quantization",
    "color_block",
    "high_sharpen",
    "contrast_change",
)
_NAME: Final = re.compile(r"(I\d\d)_(\d\d)_(\d\d)\.png", re.IGNORECASE)


def build(config: FolderConfig) -> RatedDataset:
    """Build the set from `images` and `dmos.csv`.

    What the file calls `dmos` is a mean score on 1..5: higher is better.

    Raises:
        DataError: folder, score file or images are missing or not as published.
    """
    folder = Folder.find(FACTS, config)
    file = folder.score_file("dmos.csv")
    table = read_csv(FACTS, file, "dist_img", "ref_img", "dmos", "var")
    names, variances = table.text("dist_img"), table.numbers("var")
    parts = [_NAME.fullmatch(name) for name in names]
    for name, part, variance in zip(names, parts, variances, strict=True):
        if part is None or not 1 <= int(part[2]) <= len(TYPES) or variance < 0:
            raise other_version(
                FACTS,
                file.path,
                found=f"the image `{name}` with the variance {variance:g}",
                expected="images I01_01_01.png to I81_25_05.png, variances from 0",
            )
    matched = [part for part in parts if part]
    ratings = Ratings(
        images=names,
        score=table.numbers("dmos"),
        std=[math.sqrt(variance) for variance in variances],
        reference=[name.rpartition(".")[0] for name in table.text("ref_img")],
        distortion=[TYPES[int(part[2]) - 1] for part in matched],
        level=[int(part[3]) for part in matched],
    )
    info = {"levels": "not an order of severity for mean_shift and contrast_change"}
    return rated_dataset(FACTS, config, folder, file, ratings, info=info)
