"""Settings of `rated-images`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cliqa.config import ComponentConfig
from cliqa.hub import REPOSITORY, check_revision

__all__ = ["RatedImagesConfig"]


class RatedImagesConfig(ComponentConfig):
    """Where the ratings are, and which column means what."""

    data: str | None = Field(
        default=None,
        min_length=1,
        description="a table (.csv, .tsv, .jsonl, .parquet, .xlsx), or a folder: with "
        "`metadata.csv` beside its pictures, with parquet files, or saved by `datasets`; relative "
        "to the current folder, or with `hub` a place inside the repository",
    )
    hub: str | None = Field(
        default=None,
        pattern=REPOSITORY,
        description="a dataset of the Hugging Face Hub, `owner/name`, in place of local data",
    )
    revision: str | None = Field(
        default=None,
        min_length=1,
        description="with `hub`, required: the commit hash; a branch such as `main` is followed "
        "if you write it, and the result then names the commit",
    )
    files: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="with `hub`: fetch only files like these, such as `data/test-*.parquet`; null: "
        "all tables and pictures",
    )
    subset: str | None = Field(
        default=None,
        min_length=1,
        description="of a set with several configurations, the name of one",
    )
    part: str | None = Field(
        default=None,
        min_length=1,
        description="of a set stored in parts (train, test, ...), the name of one; null: all, and "
        "they are its official split",
    )
    sheet: str | None = Field(
        default=None, min_length=1, description="of a spreadsheet, the sheet; null: the first"
    )
    image: str | None = Field(
        default=None,
        min_length=1,
        description="column of the pictures: file names, or the pictures themselves; null: `image` "
        "or `file_name`",
    )
    image_folder: str | None = Field(
        default=None,
        min_length=1,
        description="folder in which the file names begin, relative to the table; null: the "
        "table's own",
    )
    score: str = Field(min_length=1, description="column of the scores")
    direction: Literal["higher-better", "lower-better"] = Field(
        description="whether a better picture has the higher score (MOS) or the lower (DMOS)"
    )
    range: tuple[float, float] | None = Field(
        default=None,
        description="required: lowest and highest score of the scale that was rated on; left out, "
        "the answer says between which values the scores are",
    )
    std: str | None = Field(
        default=None,
        min_length=1,
        description="column of the standard deviations over raters, on the scale of the scores",
    )
    group: str | None = Field(
        default=None,
        min_length=1,
        description="column of the content (the reference picture, the scene): pictures of one "
        "group never fall into two parts of a split",
    )
    distortion: str | None = Field(
        default=None, min_length=1, description="column of the distortion types"
    )
    level: str | None = Field(
        default=None, min_length=1, description="column of the distortion levels, whole numbers"
    )
    id: str | None = Field(
        default=None,
        min_length=1,
        description="column of names, unique, that stand in results; null: the file names, or row "
        "numbers where pictures have none",
    )
    split: str | None = Field(
        default=None,
        min_length=1,
        description="column of the official split: train, val or test; used by "
        "`stream.split.protocol: official`",
    )
    exif: Literal["apply", "ignore"] = Field(
        default="apply",
        description="turn pictures upright as their EXIF orientation says, or take the pixels as "
        "stored",
    )
    pseudo_scores: bool = Field(
        default=False, description="true if the scores were computed and not given by people"
    )
    allow_missing: int = Field(
        default=0,
        ge=0,
        description="at most so many listed pictures may be absent; they are left out and counted "
        "in the result",
    )

    @model_validator(mode="after")
    def _check_source(self) -> RatedImagesConfig:
        if self.data is None and self.hub is None:
            raise ValueError(
                "neither `data` nor `hub`: write `data: TABLE OR FOLDER`, or `hub: OWNER/NAME`"
            )
        if self.hub is not None:
            check_revision(self.hub, self.revision)
        elif self.revision is not None or self.files is not None:
            key = "revision" if self.revision is not None else "files"
            raise ValueError(f"`{key}` belongs to `hub: OWNER/NAME`, which is not there")
        if self.range is not None and not self.range[0] < self.range[1]:
            low, high = self.range
            raise ValueError(f"`range`: {low:g} is not below {high:g}; write `[lowest, highest]`")
        return self
