"""What `leaderboard.json` holds. Page, CSV and Markdown are written from nothing else."""

from __future__ import annotations

import math
import unicodedata
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

#: Longer texts of a bundle are cut: a name of a megabyte must not make the page unusable.
_LONGEST: Final = 400


def clean(text: object) -> object:
    """Text that shows what it is: no control signs, no reversed direction, no half signs."""
    if not isinstance(text, str):
        return text
    whole = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    spaced = "".join(" " if c in "\t\n\r" else c for c in whole)
    return "".join("\ufffd" if unicodedata.category(c) in {"Cc", "Cf", "Cs"} else c for c in spaced)


def finite(value: object) -> object:
    """None for what JSON has no number for; nine digits of the others.

    The digits beyond depend on the order in which a linear algebra library sums, and a page of the
    same bundles shall have the same bytes.
    """
    if not isinstance(value, float):
        return value
    return float(f"{value:.9g}") if math.isfinite(value) else None


Text = Annotated[str, BeforeValidator(clean)]
Real = Annotated[float | None, BeforeValidator(finite)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Number(_Part):
    """A metric over the runs of a row."""

    mean: Real = Field(description="null if any run has no value")
    std: Real = Field(description="standard deviation, ddof 1; null for a single run")
    n: int = Field(ge=0, description="number of runs: seeds times orders")
    reason: Text = Field("", description="why there is no mean")


class Comparison(_Part):
    """The difference of the ranking metric to the baseline's."""

    difference: Real
    low: Real = Field(description="lower end of the 95 % interval; null: see `reason`")
    high: Real
    p: Real = Field(description="two-sided, of the test that the interval inverts")
    p_holm: Real = Field(description="adjusted for the number of rows compared in the track")
    n: int = Field(ge=0, description="paired seeds; orders of one seed are averaged first")
    procedure: Text
    reason: Text = ""
    wilcoxon_p: Real = Field(description="signed-rank test over test sets")
    wilcoxon_reason: Text = ""


class Cost(_Part):
    """What a row costs, mean over its runs; null where no run recorded it."""

    parameters_per_task: Real
    held_mb: Real = Field(description="most megabytes held beside the model while learning")
    exemplar_images: Real
    train_cpu_seconds: Real
    train_seconds: Real
    forwards_per_image: Real
    gmacs_per_image: Real


class Row(_Part):
    """One method, seen through one gate, on one backbone."""

    place: int | None = Field(ge=1, description="null: not ranked, see `status`")
    status: Literal["ranked", "baseline", "joint", "told", "incomplete", "undefined"]
    method: Text
    gate: Text
    backbone: Text
    trust: Text
    told: bool = Field(description="whether the gate is told which task an image is from")
    memory: Literal["none", "exemplars", "unknown"]
    extra_data: Text = Field(
        description="what starting weights and gates were learned from; empty: none, as declared"
    )
    seeds: list[int]
    submitted: int = Field(description="runs in this row")
    declared: int = Field(description="runs that the track asks for")
    metrics: dict[str, Number]
    comparison: Comparison
    cost: Cost
    psi: list[Real] = Field(description="PSI after each task, mean over runs; one order only")
    srcc: list[list[Real]] = Field(description="mean SRCC matrix over runs; one order only")
    bundles: list[Text] = Field(description="run ids")


class MeanRanks(_Part):
    """Friedman's test over test sets, with Nemenyi's distance."""

    rows: list[Text]
    ranks: list[float]
    statistic: Real
    p: Real
    distance: Real
    reason: Text = ""


class Track(_Part):
    """Rows that may be compared: the same stream, division, orders and test policy."""

    id: Text
    title: Text
    tasks: list[Text]
    stages: list[Text]
    division: Text
    orders: list[Text]
    policy: Text = Field(description="how test images are looked at")
    seeds: list[int] = Field(description="the seeds that a complete row has")
    baseline: Text
    procedure: Text
    notes: list[Text]
    rows: list[Row]
    mean_ranks: MeanRanks


class Reported(_Part):
    """A row as printed in a paper; never ranked with runs."""

    paper: Text
    source: Text
    table: Text
    method: Text
    backbone: Text
    order: Text
    variant: Text
    n: int | None
    values: dict[Text, Real]
    std: dict[Text, Real]


class Rejected(_Part):
    """A bundle that is not shown, and why."""

    bundle: Text
    reason: Text


class Source(_Part):
    """A bundle that the page was built from."""

    bundle: Text
    run_id: Text
    trust: Text
    sums_sha256: Text = Field(description="SHA-256 of its SHA256SUMS, which names all its files")


class Board(_Part):
    """A leaderboard."""

    schema_version: Literal[1] = 1
    title: Text
    newest: Text = Field(description="when the newest run says that it finished, UTC; may be empty")
    cliqa: Text
    metric: Text = Field(description="the metric that ranks")
    metrics: list[Text]
    level: float = 0.95
    tracks: list[Track]
    reported: list[Reported]
    rejected: list[Rejected]
    sources: list[Source]


def board_schema() -> dict[str, Any]:
    """The JSON schema of `leaderboard.json`."""
    schema = Board.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
