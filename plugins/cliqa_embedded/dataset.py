"""The factory of the dataset `embedded`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import datasets
import numpy as np
from PIL import Image

from cliqa.data import COLUMNS, PHOTOGRAPHS, RatedDataset
from cliqa.seeds import named_rng
from cliqa_embedded.contents import contents
from cliqa_embedded.distortions import DISTORTIONS
from cliqa_embedded.plan import Sample, plan
from cliqa_embedded.scenes import SCENES
from cliqa_embedded.scores import QUALITY_RANGE, chain_cell, pseudo_mos
from cliqa_embedded.similarity import gradient_deviation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cliqa_embedded.config import EmbeddedConfig

__all__ = ["build"]

_FEATURES = datasets.Features(
    {
        "sample_id": datasets.Value("string"),
        "image": datasets.Image(),
        "score_raw": datasets.Value("float64"),
        "score_std": datasets.Value("float64"),
        "quality": datasets.Value("float64"),
        "reference": datasets.Value("string"),
        "distortion": datasets.Value("string"),
        "level": datasets.Value("int64"),
        "official_split": datasets.Value("string"),
    }
)


def build(config: EmbeddedConfig) -> RatedDataset:
    """Build a subset, the same bytes each time.

    Raises:
        DataError: an installed package lacks a photograph.
    """
    crops = contents(config.size, config.seed)
    samples = plan(config, {name: len(choices) for name, choices in crops.items()})
    sources = [crops[sample.reference][sample.crop] for sample in samples]
    images = [
        _distorted(source, sample, config) for source, sample in zip(sources, samples, strict=True)
    ]
    return RatedDataset(
        name=config.subset,
        table=_table(samples, images, _scores(samples, sources, images)),
        quality_range=QUALITY_RANGE,
        pseudo_scores=True,
        info=_info(),
    )


def _distorted(
    source: NDArray[np.uint8], sample: Sample, config: EmbeddedConfig
) -> NDArray[np.uint8]:
    """Apply a sample's distortions, with random numbers of its own."""
    rng = named_rng(config.seed, "embedded", config.subset, sample.sample_id)
    image = source
    for kind, level in sample.treatment.steps:
        image = DISTORTIONS[kind](image, level, rng)
    return image


def _scores(
    samples: list[Sample], sources: list[NDArray[np.uint8]], images: list[NDArray[np.uint8]]
) -> list[float]:
    """Return the pseudo-MOS of every image."""
    deviations = [gradient_deviation(*pair) for pair in zip(sources, images, strict=True)]
    cells = [(sample.treatment, chain_cell(sample.treatment.steps)) for sample in samples]
    scores: list[float] = pseudo_mos(cells, np.array(deviations)).tolist()
    return scores


def _table(
    samples: list[Sample], images: list[NDArray[np.uint8]], scores: list[float]
) -> datasets.Dataset:
    """Return one row an image, with the columns of `COLUMNS`."""
    nothing = [None] * len(samples)
    columns = {
        "sample_id": [sample.sample_id for sample in samples],
        "image": [{"bytes": _png(image), "path": None} for image in images],
        "score_raw": scores,
        # No rater, hence no deviation over raters.
        "score_std": nothing,
        "quality": scores,
        "reference": [sample.reference for sample in samples],
        "distortion": [sample.treatment.name for sample in samples],
        "level": [sample.treatment.level for sample in samples],
        "official_split": nothing,
    }
    return datasets.Dataset.from_dict({name: columns[name] for name in COLUMNS}, features=_FEATURES)


def _png(image: NDArray[np.uint8]) -> bytes:
    """Encode without loss; the fastest level, since the table stays on this machine."""
    coded = io.BytesIO()
    Image.fromarray(image).save(coded, format="PNG", compress_level=1)
    return coded.getvalue()


def _info() -> dict[str, str]:
    """Say what the images and scores are."""
    return {
        "scores": "pseudo-MOS: no human rated these images; means of KADID-10k a distortion type "
        "and level, plus a content term from a full-reference measure",
        "citation": "H. Lin, V. Hosu, D. Saupe, KADID-10k: A large-scale artificially distorted "
        "IQA database, QoMEX 2019 (cell means only)",
        "photographs": "; ".join(
            f"{p.name}: {p.package}/{p.path}, {p.licence}" for p in PHOTOGRAPHS
        ),
        "procedural": ", ".join(scene.name for scene in SCENES),
        "resize": "crops at full and at half size of the shipped file",
    }
