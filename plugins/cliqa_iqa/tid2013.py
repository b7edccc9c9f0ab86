"""TID2013, the Tampere Image Database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from cliqa.data import RatedDataset
from cliqa.hub import HubFolder, hub_folder
from cliqa_iqa.folder import File, Folder
from cliqa_iqa.rated import Ratings, rated_dataset, rated_table
from cliqa_iqa.sets import TID2013 as FACTS
from cliqa_iqa.tables import number, other_version, read_text

if TYPE_CHECKING:
    from cliqa_iqa.config import TIDConfig

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
_NOTE: Final = {"contents": "reference 25 is a synthetic picture"}
_LEVELS: Final = 5
#: Pictures of one reference.
_PER_REFERENCE: Final = len(TYPES) * _LEVELS
#: Of I01_01_1, the first row. A table in another order begins otherwise.
_FIRST: Final = 5.51429
_NAME: Final = re.compile(r"(i\d\d)_(\d\d)_(\d)\.bmp", re.IGNORECASE)


def build(config: TIDConfig) -> RatedDataset:
    """Build the set from `distorted_images`, `mos_with_names.txt` and `mos_std.txt`, or the table.

    Raises:
        DataError: folder, score files or images are missing or not as published.
    """
    if config.source == "hub-table":
        return _from_table(config)
    folder = Folder.find(FACTS, config)
    file = folder.score_file("mos_with_names.txt")
    scores, parts = _scores(file)
    deviations = folder.score_files("mos_std.txt").get("mos_std.txt")
    info = dict(_NOTE)
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


def _from_table(config: TIDConfig) -> RatedDataset:
    """The columns `image` and `score` of a Hub dataset whose rows are in the published order.

    They stand there without names: reference, type and level follow from the number of the row.
    """
    assert config.revision is not None  # noqa: S101  # the settings were checked
    fetched = hub_folder(
        config.from_hub,
        config.revision,
        config.files or ["*.parquet"],
        asker=f"dataset `{FACTS.name}`",
        advice="use your own folder (`source: folder`)",
    )
    images, scores = _columns(fetched, config)
    count = FACTS.images if config.expect is None else config.expect
    low, high = FACTS.scale
    if len(scores) != count or not all(low <= s <= high for s in scores):
        raise FACTS.fault(
            f"{config.from_hub} at {fetched.commit} has {len(scores)} rows, expected {count} with "
            f"scores in {low:g}..{high:g}; take another revision, or your own folder"
        )
    if abs(scores[0] - _FIRST) > 5e-4:
        raise FACTS.fault(
            f"{config.from_hub} at {fetched.commit} begins with the score {scores[0]:g}, the "
            f"published list with {_FIRST}: its rows are in another order, so that reference and "
            "type cannot be told; take another revision, or your own folder"
        )
    places = [
        (i // _PER_REFERENCE + 1, i % _PER_REFERENCE // _LEVELS, i % _LEVELS + 1)
        for i in range(count)
    ]
    table = rated_table(
        {
            "sample_id": [f"{FACTS.name}/i{r:02}_{t + 1:02}_{level}.bmp" for r, t, level in places],
            "image": images,
            "score_raw": scores,
            "score_std": [None] * count,
            "quality": scores,
            "reference": [f"{FACTS.name}/i{r:02}" for r, _, _ in places],
            "distortion": [TYPES[t] for _, t, _ in places],
            "level": [level for _, _, level in places],
            "official_split": [None] * count,
        }
    )
    info = {
        "citation": FACTS.citation,
        "source": f"{config.from_hub} at {fetched.commit}",
        "score_std": "none in the table",
    }
    return RatedDataset(
        name=FACTS.name, table=table, quality_range=FACTS.quality_range, info=info | _NOTE
    )


def _columns(fetched: HubFolder, config: TIDConfig) -> tuple[Any, list[float]]:
    """Pictures, undecoded, and scores of all parquet files, in the order of their names."""
    try:
        files = sorted(fetched.path.rglob("*.parquet"))
        table = pa.concat_tables([pq.read_table(f, columns=["image", "score"]) for f in files])
        scores = table["score"].cast(pa.float64()).to_pylist()
        images = table["image"].cast(datasets.Image().pa_type)
    except (pa.ArrowException, KeyError, OSError) as error:
        told = str(error).splitlines()[0]
        raise FACTS.fault(
            f"{config.from_hub} at {fetched.commit} is no table of the columns `image` and `score`:"
            f" {told}"
        ) from None
    if images.null_count or None in scores:
        raise FACTS.fault(f"{config.from_hub} at {fetched.commit} has empty cells")
    return images, scores
