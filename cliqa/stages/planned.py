"""The stages that a run will need, told from its configuration alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cliqa.stages.settings import address_of, component, settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cliqa.config import Resolved, ResolvedConfig
    from cliqa.training import Stage

__all__ = ["PlannedStage", "planned_stages", "shared_stages"]


@dataclass(frozen=True)
class PlannedStage:
    """One training that a run needs.

    Attributes:
        key: equal for stages that are one training and may be shared, in one run or in many; it is
            made of settings and names, and is no address of a store.
        method: the method's label.
        step: the step that is evaluated after it, from 1.
        tasks: names of the tasks it learns.
        parent: key of the stage that it goes on from; None: it starts from the pre-trained network.
        exact: False where only the data or the method itself can tell the stages: then there may be
            more of them, or fewer that can be shared.
    """

    key: str
    method: str
    step: int
    tasks: tuple[str, ...]
    parent: str | None
    exact: bool = True


@dataclass(frozen=True)
class _Tasks:
    """Names in learning order, each with what tells its images apart from others."""

    names: tuple[str, ...]
    symbols: dict[str, Any]
    exact: bool = True


def planned_stages(config: ResolvedConfig) -> list[PlannedStage]:
    """Every stage of every method of a run, in the order in which they are trained.

    Looks at no image and builds no dataset, but makes the strategies, which loads torch.

    Args:
        config: the run.

    Returns:
        Stages of equal `key` are trained once by runs that share a store. A grid needs
        `len({stage.key for cell in cells for stage in planned_stages(cell.config)})` trainings.
    """
    tasks = _tasks(config)
    return [s for r in (config.strategy, *config.compare) for s in _of_method(config, r, tasks)]


def shared_stages(configs: Iterable[ResolvedConfig]) -> frozenset[str] | None:
    """Keys of the stages that several of these runs need: those worth keeping for the others.

    Args:
        configs: of the runs.

    Returns:
        None where some cannot be told from the configurations: then all are worth keeping.
    """
    planned = [stage for config in configs for stage in planned_stages(config)]
    if not all(stage.exact for stage in planned):
        return None
    needed = Counter(stage.key for stage in planned)
    return frozenset(key for key, runs in needed.items() if runs > 1)


def _of_method(config: ResolvedConfig, resolved: Resolved, tasks: _Tasks) -> list[PlannedStage]:
    from cliqa.data import group_stages

    groups = group_stages(len(tasks.names), config.run.stream.stages)
    stages, independent, exact = _stages(resolved, groups)
    common = settings(config, resolved) | {
        "device": config.run.device,
        "threads": config.run.threads,
        "precision": config.run.train.precision,
    }
    found: list[PlannedStage] = []
    for stage in stages:
        names = tuple(tasks.names[t] for t in stage.tasks)
        parent = None if independent or not found else found[-1].key
        material = common | {
            "tasks": [[name, tasks.symbols[name]] for name in names],
            "fresh": stage.fresh,
            "step": None if independent else stage.step,
            "parent": parent,
        }
        key = address_of(material)
        planned = PlannedStage(
            key, resolved.label, stage.step, names, parent, exact and tasks.exact
        )
        found.append(planned)
    return found


def _stages(
    resolved: Resolved, groups: Sequence[tuple[int, ...]]
) -> tuple[list[Stage], bool, bool]:
    """The method's stages, whether they are independent, and whether that is what it says."""
    from cliqa.training import Strategy

    try:
        strategy = resolved.create()
        return strategy.stages(groups), bool(strategy.independent), True
    except Exception:
        # It cannot be made, which its run will say better; till then it counts as plain training.
        return Strategy().stages(groups), False, False


def _tasks(config: ResolvedConfig) -> _Tasks:
    from cliqa.data import arrange

    stream = config.run.stream
    if stream.per == "distortion":
        return _distortions(config)
    labels = [task.label for task in config.tasks]
    positions = arrange(labels, stream.order, stream.orders)
    symbols = {task.label: _symbol(config, task) for task in config.tasks}
    return _Tasks(tuple(labels[p] for p in positions), symbols)


def _distortions(config: ResolvedConfig) -> _Tasks:
    """Distortions are named by the data, or by any order of one's own."""
    stream = config.run.stream
    own = stream.order if isinstance(stream.order, list) else stream.orders.get(stream.order)
    known = own or next(iter(stream.orders.values()), [task.label for task in config.tasks])
    all_sets = [_symbol(config, task) for task in config.tasks]
    names = tuple(known if own else [f"{stream.order}.{n}" for n in range(1, len(known) + 1)])
    return _Tasks(names, dict.fromkeys(names, all_sets), exact=bool(own))


def _symbol(config: ResolvedConfig, task: Resolved) -> dict[str, Any]:
    """What stands for a task's fingerprint and division as long as nobody has looked at it."""
    split = config.run.stream.split
    seed = config.run.seed if split.seed is None else split.seed
    found = config.split_path(task.label)
    drawn = {"protocol": split.protocol, "by": split.by, "seed": seed}
    division: Any = drawn if found is None else {"files": str(found[0])}
    return {"dataset": component(task), "split": division, "unlisted": split.allow_unlisted}
