"""The shape of `run.json`, and which of its keys nothing can be compared with."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["DECLARED", "MAIN", "NormalizationRecord", "Record", "declared_of"]

#: Row of the head that a method answers with by itself, as `cliqa.evaluation` names it.
MAIN: Final = "main"

#: Keys whose values are the submitter's word and nothing else. They are checked for their form,
#: reported as declared, and no number depends on them.
DECLARED: Final = (
    "created",
    "finished",
    "source",
    "device",
    "extra_data",
    "last_normalization",
    "peak_memory_mb",
    "evaluated_images",
    "notes",
    "stage_seconds",
    "environment",
    "scoring",
    "cost",
)

_Text = Annotated[str, StringConstraints(max_length=20_000)]
_Label = Annotated[str, StringConstraints(min_length=1, max_length=130)]
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]
_Seconds = Annotated[float, Field(ge=0)]


class _Strict(BaseModel):
    """No conversion of types. Keys that are not known are ignored: a later cliqa may add some."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class _Stage(_Strict):
    step: Annotated[int, Field(ge=1)]
    tasks: list[_Label]


class NormalizationRecord(_Strict):
    """What a gate looks through in place of the pre-trained normalization."""

    sha256: _Digest


class _Gate(_Strict):
    uses_task_id: bool
    stages: list[int]
    normalization: NormalizationRecord | None


class _Split(_Strict):
    source: _Label
    by: Literal["reference", "image"] | None = None
    seed: _Count | None = None
    left_out: _Count = 0
    sha256: _Digest


class _Data(_Strict):
    dataset: _Label
    fingerprint: _Digest
    images: _Count
    split: _Split
    train: _Count
    val: _Count
    test: Annotated[int, Field(ge=1)]
    quality_range: Annotated[list[float], Field(min_length=2, max_length=2)]
    pseudo_scores: bool
    exif_transpose: bool
    info: dict[str, _Text]


class _Plugin(_Strict):
    name: _Label
    distribution: _Label | None
    version: _Label | None
    sha256: _Digest | None


class _Environment(_Strict):
    cliqa: _Label
    python: _Label
    platform: _Label
    processors: _Count | None
    threads: _Count
    libraries: dict[str, _Label]


class _Resize(_Strict):
    train: _Label
    test: _Label


class _Head(_Strict):
    head: Annotated[int, Field(ge=1)]
    tasks: list[_Label]
    head_parameters: _Count
    own_values: _Count
    own_parameters: _Count


class _Parameters(_Strict):
    backbone: _Count
    heads: list[_Head]
    gates: dict[str, _Count]


class _GateCost(_Strict):
    values: _Count
    network_values: _Count
    forwards_per_image: _Count
    macs_per_image: _Count | None


class _Held(_Strict):
    final: _Count
    peak: _Count


class _CostParameters(_Strict):
    backbone: _Count
    per_task: list[_Count]


class _Cost(_Strict):
    train_seconds: _Seconds
    train_cpu_seconds: _Seconds
    evaluate_seconds: _Seconds
    trained_images: _Count
    held_bytes: _Held
    exemplar_images: _Count
    parameters: _CostParameters
    bytes_per_task: list[_Count]
    macs_per_image: dict[str, _Count | None]
    gates: dict[str, _GateCost]


class _StageSeconds(_Strict):
    step: Annotated[int, Field(ge=1)]
    task: _Text
    train_seconds: _Seconds
    evaluate_seconds: _Seconds


class _Scoring(_Strict):
    precision: Literal["float32", "bf16"]
    scorer: _Label | None = None


class Record(_Strict):
    """`run.json` of schema version 1, as far as anything is read from it."""

    schema_version: Literal[1]
    run_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    created: _Label
    finished: _Label
    source: _Text
    description: _Text
    method: _Label
    strategy: dict[str, Any]
    multi_head: bool
    main_head: bool
    order: _Label
    tasks: Annotated[list[_Label], Field(min_length=1)]
    learned_at: list[_Count]
    evaluate_only: list[_Label]
    stages: Annotated[list[_Stage], Field(min_length=1)]
    gates: Annotated[dict[_Label, _Gate], Field(min_length=1)]
    seed: _Count
    extra_data: list[_Text] | None = None
    pseudo_scores: bool
    backbone_sha256: _Digest
    data: dict[_Label, _Data]
    config: dict[str, Any]
    plugins: list[_Plugin]
    environment: _Environment
    resize: _Resize
    device: _Label
    precision: Literal["float32", "bf16"]
    parameters: _Parameters
    last_normalization: _Text | None
    peak_memory_mb: _Count
    cost: _Cost
    stage_seconds: list[_StageSeconds]
    evaluated_images: _Count
    scoring: _Scoring
    notes: list[_Text]

    @property
    def sets(self) -> tuple[str, ...]:
        """Every test set."""
        return (*self.tasks, *self.evaluate_only)


def declared_of(raw: dict[str, Any]) -> dict[str, Any]:
    """What a record claims that nothing was compared with, keys unknown to us included."""
    return {k: v for k, v in raw.items() if k in DECLARED or k not in Record.model_fields}
