"""Settings of the nine sets."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from cliqa.config import ComponentConfig
from cliqa.hub import REPOSITORY, check_revision
from cliqa_iqa.facts import DATA_VARIABLE

__all__ = [
    "ARCHIVES",
    "DATA_VARIABLE",
    "TABLE",
    "FolderConfig",
    "KonIQConfig",
    "PhotoConfig",
    "TIDConfig",
]

#: Holds archives of most sets.
ARCHIVES: Final = "chaofengc/IQA-PyTorch-Datasets"
#: Holds TID2013 as one table.
TABLE: Final = "xmba15/TID2013"


class FolderConfig(ComponentConfig):
    """Where a set lies, and how complete it must be."""

    root: str | None = Field(
        default=None,
        min_length=1,
        description="folder of the set or one above it, relative to the current folder; "
        "null: the folder of the set's name in the one that the environment variable "
        f"{DATA_VARIABLE} names. With `source: hub`, a folder of files that the archive lacks",
    )
    source: Literal["folder", "hub"] = Field(
        default="folder",
        description="your own folder, or an archive that somebody put on the Hugging Face Hub, "
        "downloaded once",
    )
    repository: str | None = Field(
        default=None,
        pattern=REPOSITORY,
        description=f"dataset on the Hub that holds the archive, `owner/name`; null: {ARCHIVES}",
    )
    revision: str | None = Field(
        default=None,
        min_length=1,
        description="of the repository, required with `source: hub`: a commit hash; a branch such "
        "as `main` is followed if you write it, and the result then names the commit",
    )
    files: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="archives (and score files) in the repository; null: the set's archive in "
        f"{ARCHIVES}, where one is known",
    )
    expect: int | None = Field(
        default=None,
        ge=1,
        description="rated images that the score file must list; null: as many as the set was "
        "published with. Write a number for a part of a set",
    )
    allow_missing: int = Field(
        default=0,
        ge=0,
        description="at most so many listed images may be absent; they are left out and counted "
        "in the result",
    )

    @property
    def from_hub(self) -> str:
        """The repository in use."""
        return self.repository or ARCHIVES

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.source != "folder":
            check_revision(self.from_hub, self.revision)
        else:
            given = [k for k in ("repository", "revision", "files") if getattr(self, k) is not None]
            if given:
                raise ValueError(f"`{given[0]}` belongs to `source: hub`, which is not there")
        return self


class PhotoConfig(FolderConfig):
    """Settings of a set of camera files, some of which were stored lying on their side."""

    exif: Literal["apply", "ignore"] = Field(
        default="apply",
        description="turn photographs upright as their EXIF orientation says, or take the pixels "
        "as stored, as most published code does",
    )


class KonIQConfig(FolderConfig):
    """Settings of KonIQ-10k, which is published in two sizes and with scores on two scales."""

    resolution: Literal["1024x768", "512x384"] = Field(
        default="1024x768", description="which of the two published sizes; a folder of that name"
    )
    scale: Literal["1-5", "1-100"] | None = Field(
        default=None,
        description="mean of the ratings (1-5, with standard deviations) or MOS after z-scoring "
        "(1-100, without); null: that of the score file, if there is one only",
    )


class TIDConfig(FolderConfig):
    """Settings of TID2013, which is on the Hub as a table too."""

    source: Literal["folder", "hub", "hub-table"] = Field(  # type: ignore[assignment] # one more
        default="folder",
        description="your own folder, an archive that somebody put on the Hugging Face Hub, or "
        f"the table {TABLE} there, which has no deviations",
    )

    @property
    def from_hub(self) -> str:
        """The repository in use."""
        return self.repository or (TABLE if self.source == "hub-table" else ARCHIVES)
