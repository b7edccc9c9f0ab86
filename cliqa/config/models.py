"""The shape of a run's configuration, before names are looked up.

Components (backbone, strategy, ...) are written as a name or as a mapping with `name` and the
component's own settings; those settings are validated by the component's own model in
`cliqa.config.resolve`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from cliqa.config.base import ComponentConfig
from cliqa.config.roles import LABEL_PATTERN, as_mapping

_Count = Annotated[int, Field(ge=1)]
OrderName = Annotated[str, Field(pattern=f"^{LABEL_PATTERN}$")]


class Ref(ComponentConfig):
    """A component by name, with its own settings beside the name."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = Field(
        min_length=1, description="name of the component; `cliqa list KIND` prints them"
    )
    label: str | None = Field(
        default=None, alias="as", description="its name in tables and files; default: its name"
    )

    @property
    def settings(self) -> dict[str, Any]:
        """The component's own settings, not yet validated by its model."""
        return dict(self.model_extra or {})


ComponentRef = Annotated[Ref, BeforeValidator(as_mapping)]


#: A resize policy as `cliqa.data.Resize.parse` reads it.
_FIXED_SIZE = r"^[1-9]\d{1,4}x[1-9]\d{1,4}$"
_LEAST_SIDE = 32
_Shrink = Annotated[int, Field(ge=_LEAST_SIDE)] | Annotated[str, Field(pattern=_FIXED_SIZE)] | None


def _check_shrink(value: Any, *words: str) -> Any:
    """Say in one sentence what none of the types says by itself."""
    if isinstance(value, str):
        fits = value in words or re.fullmatch(_FIXED_SIZE, value) is not None
    else:
        fits = value is None or (type(value) is int and value >= _LEAST_SIDE)
    if not fits:
        expected = f"pixels (at least {_LEAST_SIDE}), a size such as 224x320, or null"
        raise ValueError(f"expected {', '.join([*words, expected])}")
    return value


def _check_test_shrink(value: Any) -> Any:
    return _check_shrink(value, "as-trained")


class SplitConfig(ComponentConfig):
    """How each set is divided into training, validation and test images."""

    protocol: str = Field(
        default="70/10/20",
        description="percent of train/val/test, or `official` for the split a set publishes",
    )
    by: Literal["reference", "image"] = Field(
        default="reference",
        description="what is kept together: content groups (images without one are their own "
        "group), or single images",
    )
    seed: int | None = Field(default=None, ge=0, description="split seed; default: the run's seed")
    files: Annotated[str, Field(min_length=1)] | dict[str, str] | None = Field(
        default=None,
        description="a division of one's own, relative to this configuration: a folder that holds "
        "one for every task (TASK.json as in a result's `splits/`, TASK.csv, or lists TASK_train."
        "txt, TASK_val.txt, TASK_test.txt), or by label the file or folder of single tasks, the "
        "others being divided by `protocol`. What is given here is not drawn: `protocol`, `by` and "
        "`seed` are without effect on it",
    )
    allow_unlisted: int = Field(
        default=0,
        ge=0,
        description="at most so many images of a set may be in no part of its division in "
        "`files`; they are left out and counted in the result",
    )

    @field_validator("protocol")
    @classmethod
    def _check_protocol(cls, value: str) -> str:
        if value == "official":
            return value
        if not re.fullmatch(r"\d{1,2}/\d{1,2}/\d{1,2}", value):
            raise ValueError("expected percentages such as 70/10/20, or `official`")
        parts = [int(p) for p in value.split("/")]
        if sum(parts) != 100 or 0 in parts:
            raise ValueError(f"the three parts must be positive and sum to 100, not {sum(parts)}")
        return value


class StreamConfig(ComponentConfig):
    """The sequence of tasks."""

    tasks: list[ComponentRef] = Field(
        min_length=1, description="the datasets, one task each, in Order I"
    )
    per: Literal["dataset", "distortion"] = Field(
        default="dataset",
        description="what one task is: a whole dataset, or one distortion type of a dataset",
    )
    stages: list[_Count] = Field(
        default=[1],
        min_length=1,
        description="how many tasks are learned at a time, the last number repeated: [7, 1] learns "
        "seven tasks at once and then one after the other",
    )
    order: str | list[str] = Field(
        default="I",
        description="I..VIII (the TSN-IQA paper's orders, for six tasks), `reverse`, a name in "
        "`orders`, or the tasks' labels in the order wanted; I is the order written in `tasks`",
    )
    orders: dict[OrderName, list[str]] = Field(
        default={},
        description="orders by a name of your own, each the tasks' labels in the order wanted; "
        "`order` chooses one, so that a grid can go over them",
    )
    split: SplitConfig = Field(default=SplitConfig(), description="train/val/test division")
    evaluate_only: list[ComponentRef] = Field(
        default=[], description="datasets that are only tested on, whole, after the last task"
    )


class TrainConfig(ComponentConfig):
    """The two-stage schedule that every strategy of a run shares."""

    warmup_epochs: int = Field(default=3, ge=0, description="epochs of stage 1: head only")
    epochs: int = Field(default=9, ge=1, description="epochs of stage 2: all the method may train")
    batch_size: int = Field(default=32, ge=2, description="images a step, or pairs of a list")
    warmup_batch_size: int | None = Field(
        default=None, ge=2, description="the same in stage 1; default: as in stage 2"
    )
    warmup_views: Literal["whole", "augmented"] = Field(
        default="whole",
        description="stage 1 sees features of the whole image, computed once, or augmented views "
        "that go through the network in every epoch (released code)",
    )
    pairs: Literal["in-batch", "list"] = Field(
        default="in-batch",
        description="in-batch: each image is forwarded once an epoch and all pairs in a batch are "
        "learned from; list: a fixed random list of pairs, both images of a pair forwarded for it "
        "(paper and released code)",
    )
    pair_list_size: _Count | dict[str, _Count] | None = Field(
        default=None,
        description="pairs in the list of each task, or a number for each task by its label; "
        "default, also for tasks not named: 13 for each training image; at most all there are",
    )
    carry_optimizer: bool = Field(
        default=False,
        description="stage 2 starts with the head's Adam state of stage 1 (released code)",
    )
    lr: float = Field(default=1e-3, gt=0, description="Adam learning rate")
    head_lr_factor: float = Field(
        default=1.0, gt=0, description="head learning rate as a multiple of `lr`"
    )
    lr_drop_epoch: int | None = Field(
        default=None, ge=1, description="epoch of stage 2 after which the rate is multiplied by 0.1"
    )
    later_backbone_lr_factor: float = Field(
        default=1.0,
        gt=0,
        description="learning rate of the backbone as a multiple of `lr`, where a stage goes on "
        "from the network of the stage before (LIQA: 0.01)",
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Adam weight decay (L2)")
    shrink: Annotated[_Shrink, BeforeValidator(_check_shrink)] = Field(
        default=768,
        description="shrink so that the short side has this many pixels if both sides have at "
        "least as many; HxW, such as 224x224: shrink to fit into this height and width, and fill "
        "up by mirroring, so that all images have this size; null: never",
    )
    crop: int | None = Field(
        default=384, ge=32, description="side of the random training crop; null: the whole image"
    )
    flip: bool = Field(default=True, description="random horizontal flip in training")
    norm_statistics: Literal["update", "first-epoch", "frozen"] = Field(
        default="update",
        description="stage 2, batch normalization: train with the batch's statistics and move the "
        "running ones in every epoch, only in the first (as TSN-IQA's released code does), or "
        "never",
    )
    select: Literal["best", "last"] = Field(
        default="best",
        description="keep the epoch with the best validation SRCC of the current "
        "task, or the last epoch",
    )
    select_after: int = Field(
        default=0,
        ge=0,
        description="`best` is chosen among the epochs after this many (LIQA: 15)",
    )
    precision: Literal["float32", "bf16", "auto"] = Field(
        default="float32",
        description="arithmetic of the network; losses and statistics stay float32. auto: bf16 "
        "where the processor multiplies it faster (AMX, or a GPU of compute capability 8.0 or "
        "more), else float32; what was chosen is recorded",
    )
    compile: bool = Field(
        default=False,
        description="let torch.compile translate the network for training, which takes a while at "
        "the start and needs a C++ compiler on a CPU. Results differ by rounding",
    )
    workers: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="threads that load the next training batches while the network learns; "
        "default: 2 beside a GPU, none on a CPU. No result depends on it",
    )

    @model_validator(mode="after")
    def _check_selection(self) -> Self:
        if self.select == "best" and self.select_after >= self.epochs:
            raise ValueError(
                f"`select_after` leaves no epoch to choose from: expected less than `epochs`, "
                f"{self.epochs}, found {self.select_after}"
            )
        return self


class EvaluateConfig(ComponentConfig):
    """How test images are scored."""

    batch_size: int = Field(default=64, ge=1, description="images of equal size a forward, at most")
    memory_gb: float = Field(
        default=2.0,
        gt=0,
        description="GB that the activations of a forward may take; the batch of large images is "
        "cut to it",
    )
    scorer: Literal["auto", "reference", "folded", "batched"] = Field(
        default="auto",
        description="how the heads are run: head after head with the model's own layers "
        "(reference), with inference copies that have their normalization folded and share their "
        "first layers (folded), or all at once (batched); auto: folded. Scores agree within 1e-4 "
        "of their range in float32",
    )
    precision: Literal["as-trained", "float32", "bf16"] = Field(
        default="as-trained",
        description="arithmetic of the network for test images and gates; validation during "
        "training is as trained",
    )
    shrink: Annotated[Literal["as-trained"] | _Shrink, BeforeValidator(_check_test_shrink)] = Field(
        default="as-trained",
        description="as `train.shrink`, for validation and test images and for gates; null: their "
        "original size (paper)",
    )
    crop: int | None = Field(
        default=None,
        ge=32,
        description="after that, side of the square in the middle that is looked at (LIQA); a "
        "smaller image is continued by mirroring, as in training; null: the whole image",
    )


class CacheConfig(ComponentConfig):
    """Where decoded images are kept on this machine; no result depends on it."""

    folder: str | None = Field(
        default=None,
        description="folder of the cache on the disk, or `off`; default: $CLIQA_CACHE, which may "
        "say `off` too, then $XDG_CACHE_HOME/cliqa, then ~/.cache/cliqa",
    )
    disk_gb: float = Field(
        default=32.0, gt=0, description="the most it may take, in GB (10^9 bytes)"
    )
    memory_gb: float = Field(
        default=1.0,
        ge=0,
        description="GB of decoded images, of all sets together, that the process keeps in memory: "
        "those that are not on the disk",
    )


class ResumeConfig(ComponentConfig):
    """How often a run saves what it needs to go on after an interruption."""

    minutes: float = Field(
        default=5.0,
        ge=0,
        description="minutes between two checkpoints of a run that goes on; 0: after every step. "
        "Checkpoints are also written when a phase or stage ends, if that took much longer than "
        "writing one does, and when a signal stops the run",
    )


class RunConfig(ComponentConfig):
    """A whole run: one method on one task stream, and methods trained beside it."""

    description: str = Field(default="", description="one line, printed and kept with the result")
    seed: int = Field(default=0, ge=0, lt=2**31, description="root of every random number")
    plugins: list[str] = Field(
        default=[], description="local plugin files, relative to this configuration"
    )
    backbone: ComponentRef = Field(description="the network")
    objective: ComponentRef = Field(
        default=Ref(name="fidelity"), description="head type and learning target"
    )
    strategy: ComponentRef = Field(description="the method")
    compare: list[ComponentRef] = Field(
        default=[], description="strategies trained beside it on the same stream and budget"
    )
    gates: list[ComponentRef] = Field(
        default=[Ref(name="newest")],
        min_length=1,
        description="ways to weight the heads; all are evaluated from one training",
    )
    metrics: list[ComponentRef] = Field(
        default=[Ref(name=n) for n in ("mSRCC", "mPI", "mSI", "mPSI")],
        description="summaries of the predictions",
    )
    trackers: list[ComponentRef] = Field(
        default=[],
        description="where what happens is shown and kept besides the run's own folder; not part "
        "of a result",
    )
    stream: StreamConfig = Field(description="the tasks")
    train: TrainConfig = Field(default=TrainConfig(), description="training schedule")
    evaluate: EvaluateConfig = Field(default=EvaluateConfig(), description="test-time settings")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps")
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads of the network; default: torch's own choice"
    )
    cache: CacheConfig = Field(
        default=CacheConfig(), description="decoded images on this machine; not part of a result"
    )
    resume: ResumeConfig = Field(
        default=ResumeConfig(), description="checkpoints while it runs; not part of a result"
    )
    store: str | None = Field(
        default=None,
        min_length=1,
        description="folder, from the current one, of trained stages that runs share: what "
        "another run has trained is taken over, what this one trains is kept; null: none. Not part "
        "of a result",
    )
    strict: bool = Field(
        default=True,
        description="use only algorithms that give the same bits every time, and stop at an "
        "operation that has none; false: whatever is fastest",
    )


def default_at(path: tuple[str | int, ...]) -> Any:
    """What a run has by default where it names components, as it would be written in a file.

    None where there is no default or no component.
    """
    field = RunConfig.model_fields.get(str(path[0])) if len(path) == 1 else None
    default = field.default if field else None
    if isinstance(default, Ref):
        return {"name": default.name}
    if isinstance(default, list) and all(isinstance(item, Ref) for item in default):
        return [{"name": ref.name} for ref in default]
    return None
