"""Results printed in papers: the file format of the registry kind `published`, and matching.

The mapping from a paper's names to components is part of the file: the report knows no method.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cliqa.data.stream import group_stages
from cliqa.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cliqa.registry import Registry

#: Dataset component of a task, and the distortion that the task is of it.
TaskSource: TypeAlias = tuple[str, str | None]

Correlation = Annotated[float, Field(ge=-1, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PrintedSet(_Strict):
    """A dataset of the paper."""

    name: str
    datasets: list[str] = Field(description="names of the dataset components that it is")
    distortion: str | None = Field(
        None, description="the distortion type that the task is; null: the whole dataset"
    )


class PrintedMethod(_Strict):
    """Which component a paper's method is; without any: none of ours."""

    strategy: str | None = None
    gate: str | None = None
    settings: dict[str, bool | int | float | str] = Field(
        {}, description="settings of the strategy that a run must have to be this method"
    )

    def fits(self, strategy: Mapping[str, Any], gate: str) -> bool:
        """Whether it is this strategy, as written in a result, seen through this gate."""
        return (self.strategy, self.gate) == (strategy["name"], gate) and all(
            key in strategy and strategy[key] == value for key, value in self.settings.items()
        )


class _Printed(_Strict):
    table: str
    backbone: str
    method: str


class Summary(_Printed):
    """One row of summary metrics."""

    order: str | None = Field(None, description="null: the paper does not say which")
    values: dict[str, float]
    std: dict[str, float] | None = None
    runs: int | None = Field(None, ge=1, description="number of runs that `values` average")
    variant: str = Field("", description="what differs from the method as named")


class SrccMatrix(_Printed):
    """SRCC after each task on each set; null where the method has no value."""

    order: str
    srcc: list[list[Correlation | None]]


class Lengths(_Printed):
    """The mPSI of the first 1, 2, ... tasks, and their mean."""

    order: str
    mpsi: list[float]
    mean: float


class Divergence(_Printed):
    """KL divergences of the tasks' normalization statistics."""

    order: str
    kl: list[list[Annotated[float, Field(ge=0)]]]
    correlation: Correlation | None = Field(
        None, description="the printed SRCC between this matrix and the inter-dataset one"
    )


class InterDataset(_Printed):
    """SRCC of each task's head on each set."""

    order: str
    srcc: list[list[Correlation]]


class CrossDataset(_Printed):
    """SRCC on a set that was not learned, with the mean weight of each head."""

    set: str
    srcc: Correlation
    weights: list[float] | None = None


class Cost(_Printed):
    """Cost of scoring an image, relative to one forward; `T` for the number of tasks."""

    relative_cost: str


class Published(_Strict):
    """The tables of one paper. Vectors and matrices follow the order that their row names."""

    schema_version: Literal[1]
    title: str
    source: str
    notes: list[str] = []
    tasks: list[PrintedSet] = Field(min_length=1)
    stages: list[Annotated[int, Field(ge=1)]] = Field(
        [1], min_length=1, description="tasks learned at a time, the last number repeated"
    )
    evaluate_only: list[PrintedSet] = []
    orders: dict[str, list[int]]
    backbones: dict[str, list[str]]
    methods: dict[str, PrintedMethod]
    summaries: list[Summary] = []
    srcc_matrices: list[SrccMatrix] = []
    lengths: list[Lengths] = []
    divergences: list[Divergence] = []
    inter_dataset: list[InterDataset] = []
    cross_dataset: list[CrossDataset] = []
    costs: list[Cost] = []

    @model_validator(mode="after")
    def _check_names_and_sizes(self) -> Published:
        size = len(self.tasks)
        for name, order in self.orders.items():
            if sorted(order) != list(range(size)):
                raise ValueError(f"order {name} is no arrangement of {size} tasks")
        square: list[Sequence[Sequence[float | None]]] = [
            *(matrix.srcc for matrix in self.srcc_matrices),
            *(matrix.srcc for matrix in self.inter_dataset),
            *(matrix.kl for matrix in self.divergences),
        ]
        if any(len(m) != size or any(len(row) != size for row in m) for m in square):
            raise ValueError(f"a matrix is not {size} x {size}")
        vectors = [c.weights for c in self.cross_dataset if c.weights]
        if any(len(v) != size for v in (*vectors, *(r.mpsi for r in self.lengths))):
            raise ValueError(f"a list of weights or mPSI has not {size} entries")
        for row in self._rows():
            if row.method not in self.methods or row.backbone not in self.backbones:
                raise ValueError(f"{row.method} or {row.backbone} is not declared")
            if getattr(row, "order", None) not in {None, *self.orders}:
                raise ValueError(f"a row of table {row.table} names an unknown order")
        return self

    def _rows(self) -> list[_Printed]:
        matrices = [*self.srcc_matrices, *self.divergences, *self.inter_dataset]
        return [*self.summaries, *matrices, *self.lengths, *self.cross_dataset, *self.costs]

    def names_of(self, strategy: Mapping[str, Any], gate: str) -> list[str]:
        """The paper's names of a method.

        Args:
            strategy: its name and settings, as a result records them.
            gate: name of the gate's component.
        """
        return [name for name, method in self.methods.items() if method.fits(strategy, gate)]

    def is_backbone(self, printed: str, ours: str) -> bool:
        """Whether our backbone is the one that the paper prints."""
        return any(fnmatchcase(ours, pattern) for pattern in self.backbones[printed])

    def same_tasks(self, sources: Sequence[TaskSource], stage_sizes: Sequence[int]) -> bool:
        """Whether these are the paper's tasks, in any order, learned as many at a time.

        Args:
            sources: name of the dataset component of each task, and its distortion if the task is
                one type of the dataset.
            stage_sizes: how many tasks each stage learned.
        """
        stages = [len(stage) for stage in group_stages(len(self.tasks), self.stages)]
        places = sorted(self._places(sources))
        return places == list(range(len(self.tasks))) and list(stage_sizes) == stages

    def order_of(self, sources: Sequence[TaskSource]) -> str | None:
        """The paper's name of the order in which these tasks stand; `sources` as before."""
        places = self._places(sources)
        return next((name for name, order in self.orders.items() if order == places), None)

    def _places(self, sources: Sequence[TaskSource]) -> list[int]:
        known = {
            (alias, task.distortion): n
            for n, task in enumerate(self.tasks)
            for alias in task.datasets
        }
        return [known.get(source, -1) for source in sources]

    def task_names(self, order: str) -> list[str]:
        """The paper's names of its tasks, in the order of that name."""
        return [self.tasks[n].name for n in self.orders[order]]


def load_published(registry: Registry, warn: Callable[[str], None]) -> list[Published]:
    """Every published result that the plugins offer; a defective one never stops a report.

    Args:
        registry: where to look.
        warn: called with one line for each file that is not of the format.
    """
    found = []
    for registered in registry.components("published"):
        try:
            found.append(Published.model_validate_json(registered.file().read_bytes()))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            warn(f"{registered} is defective: {place}: {first['msg']}")
        except PluginError as error:
            warn(str(error))
    return found
