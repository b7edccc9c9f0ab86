"""TID2013, the Tampere Image Database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cliqa_iqa.folder import File, Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import TID2013 as FACTS
from cliqa_iqa.tables import number, other_version, read_text

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import FolderConfig

__all__ = ["FACTS", "TYPES", "build"]

#: Types 01 to 24.
TYPES: Final = (
    "additive_gaussian_noise",
    "color_component_noise",
    "spatially_correlated_noise",
    "masked_noise",
    "high_frequency_noise",
    "impulse_noise",
    "quantization_noise",
    "gaussian_blur",
    "denoising",
    "jpeg",
    "jpeg2000",
    "jpeg_transmission_errors",
    "jpeg2000_transmission_errors",
    "non_eccentricity_pattern_noise",
    "local_block_distortions",
    "mean_shift",
    "contrast_change",
    "color_saturation",
    "multiplicative_gaussian_noise",
    "comfort_noise",
    "lossy_compression_of_noisy_images",
    "color_quantization_with_dither",
    "chromatic_aberrations",
    "sparse_sampling",
)
_NAME: Final = re.compile(r"(i\d\d)_(\d\d)_(\d)\.bmp", re.IGNORECASE)


def build(config: FolderConfig) -> RatedDataset:
    """Build the set from `distorted_images`, `mos_with_names.txt` and `mos_std.txt`.

    Raises:
        DataError: folder, score files or images are missing or not as published.
    """
    folder = Folder.find(FACTS, config.root)
    file = folder.score_file("mos_with_names.txt")
    scores, parts = _scores(file)
    deviations = folder.score_files("mos_std.txt").get("mos_std.txt")
    info = {"contents": "reference 25 is a synthetic picture"}
    if deviations is None:
        info["score_std"] = "none: mos_std.txt was not there"
    ratings = Ratings(
        images=[part[0] for part in parts],
        score=scores,
        std=None if deviations is None else _deviations(deviations, file, len(scores)),
        reference=[part[1] for part in parts],
        distortion=[TYPES[int(part[2]) - 1] for part in parts],
        level=[int(part[3]) for part in parts],
    )
    return rated_dataset(FACTS, config, folder, file, ratings, info=info)


def _scores(file: File) -> tuple[list[float], list[re.Match[str]]]:
    """Lines such as `5.51429 I01_01_1.bmp`, in upper, lower or mixed case."""
    scores, parts = [], []
    for line, text in enumerate(read_text(FACTS, file).splitlines(), start=1):
        words = text.split()
        if not words:
            continue
        score, part = number(words[0]), _NAME.fullmatch(words[-1])
        if len(words) != 2 or score is None or not part or not 1 <= int(part[2]) <= len(TYPES):
            raise other_version(
                FACTS,
                file.path,
                found=f"line {line}, `{text.strip()[:60]}`",
                expected="a number and a name such as `5.51429 I01_01_1.bmp`",
            )
        scores.append(score)
        parts.append(part)
    return scores, parts


def _deviations(file: File, scores: File, count: int) -> list[float]:
    """One number a line, in the order of the scores."""
    words = read_text(FACTS, file).split()
    values = [value for word in words if (value := number(word)) is not None]
    if len(values) != len(words) or len(values) != count:
        raise FACTS.fault(
            f"`{file.path}` holds {len(values)} numbers for {count} images of `{scores.path}`: one "
            f"of the two is incomplete or of another version; download both from {FACTS.page}"
        )
    return values
