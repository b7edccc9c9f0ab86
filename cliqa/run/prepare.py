"""Everything that can fail for a user's mistake, before anything is computed or written."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import torch

from cliqa.data import Resize, Task, TaskStream, arrange, by_distortion, divide
from cliqa.distributed import own_device, world
from cliqa.errors import CapabilityError, CliqaError, ConfigError, PluginError
from cliqa.evaluation import GatePlan, Normalization, StageFeatures, find_normalization
from cliqa.evaluation.evaluator import MAIN, MainHead, OnlyHead
from cliqa.model import Compute, QualityModel, build_backbone, choose_device
from cliqa.model.compiling import check_can_compile
from cliqa.model.precision import bf16_instructions, choose_precision
from cliqa.run.built import BuiltDatasets
from cliqa.run.observer import Observer
from cliqa.seeds import named_seed
from cliqa.tracking.tracking import check_trackers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliqa.config import Resolved, ResolvedConfig, RunConfig
    from cliqa.evaluation import Gate
    from cliqa.metrics import Metric
    from cliqa.model import Backbone
    from cliqa.training import Objective, Strategy

#: Threads that decode images before a run. Two for each core, because half of their time they wait
#: for the disk to have written; no more than so many, because each holds an image.
_DECODERS: Final = min(8, 2 * (os.cpu_count() or 1))


@dataclass(frozen=True)
class Method:
    """One strategy of a run, ready to be trained.

    Attributes:
        label: its name in tables and files.
        resolved: where it comes from.
        strategy: the strategy itself.
        gates: gates of its own, not shared with other methods.
    """

    label: str
    resolved: Resolved
    strategy: Strategy
    gates: tuple[GatePlan, ...]


@dataclass(frozen=True)
class Prepared:
    """A run whose parts exist and fit each other."""

    config: ResolvedConfig
    stream: TaskStream
    backbone: Backbone
    objective: Objective
    metrics: tuple[Metric, ...]
    methods: tuple[Method, ...]
    compute: Compute
    scoring: Compute
    features: StageFeatures
    normalizations: dict[str, Normalization]

    def new_method(self, label: str) -> Method:
        """That method once more, with a strategy and gates that have seen nothing."""
        of = {r.label: r for r in (self.config.strategy, *self.config.compare)}
        return _method(of[label], self.config.gates, self.backbone, self.objective)

    @property
    def seed(self) -> int:
        """The root of every random number."""
        return self.config.run.seed

    def new_model(self) -> QualityModel:
        """A fresh pre-trained model without heads, the same one at every call."""
        torch.manual_seed(named_seed(self.seed, "head"))
        model = QualityModel(copy.deepcopy(self.backbone), self.objective.new_head)
        return model.to(self.compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def prepare(
    config: ResolvedConfig,
    datasets: BuiltDatasets | None = None,
    observer: Observer | None = None,
) -> Prepared:
    """Build and check every part of a run.

    Args:
        config: what to run.
        datasets: shared with runs before and after this one; default: nothing is shared.
        observer: told of the images that are checked.

    Raises:
        CliqaError: whatever the user can mend: missing weights, unreadable images, components
            that do not fit each other.
    """
    settings = config.run
    check_trackers(config.trackers)
    compute = _compute(settings)
    precision = settings.evaluate.precision
    scoring = compute if precision == "as-trained" else replace(compute, precision=precision)
    objective = config.objective.create()
    if settings.train.pairs == "list" and getattr(objective, "arity", 2) != 2:
        raise ConfigError(
            f"train.pairs: objective `{config.objective.label}` learns from single images; "
            "expected `in-batch`"
        )
    backbone = build_backbone(config.backbone, compute.device, settings.seed)
    methods = tuple(
        _method(r, config.gates, backbone, objective) for r in (config.strategy, *config.compare)
    )
    normalizations = _normalizations(methods, config, backbone)
    observer, datasets = observer or Observer(), datasets or BuiltDatasets()
    if compute.precision == "bf16" and bf16_instructions(compute.device) is None:
        observer.note(
            f"train.precision: bf16 is likely slower than float32 on this {compute.device.type}, "
            "which has no matrix instructions for it; `auto` chooses float32"
        )
    datasets.keep_pixels(settings.cache, observer.note)
    stream = _stream(config, datasets)
    crop = settings.train.crop
    trained, tested = _check_images(stream, settings, compute, observer)
    crops = (("train", crop, trained), ("evaluate", compute.crop, tested))
    for section, side, smallest in crops:
        if side and side > 2 * min(smallest):  # more padding than picture, no end to the memory
            raise ConfigError(
                f"{section}.crop: {side} pixels, but the smallest image has {smallest[0]} x "
                f"{smallest[1]}; expected at most {2 * min(smallest)}, twice its short side"
            )
    for size in {(side, side) if side else smallest for _, side, smallest in crops}:
        _try_forward(backbone, size, compute, config.backbone.name)
    return Prepared(
        config=config,
        stream=stream,
        backbone=backbone,
        objective=objective,
        metrics=tuple(metric.create() for metric in config.metrics),
        methods=methods,
        compute=compute,
        scoring=scoring,
        features=StageFeatures(
            backbone, scoring, [p.gate for m in methods for p in m.gates], normalizations
        ),
        normalizations=normalizations,
    )


def run_device(settings: RunConfig) -> torch.device:
    """What this process of a run computes on.

    Raises:
        ConfigError: the device is not there, or cannot be shared out.
    """
    return own_device(choose_device(settings.device))


def _compute(settings: RunConfig) -> Compute:
    device, shrink = run_device(settings), settings.evaluate.shrink
    if settings.train.compile:
        if world().size > 1:
            raise ConfigError(
                "train.compile: not on several processes, whose batch normalization a compiled "
                "network would not join; leave it at false"
            )
        check_can_compile(device)
    return Compute(
        device=device,
        precision=choose_precision(settings.train.precision, device),
        batch_size=settings.evaluate.batch_size,
        memory=round(settings.evaluate.memory_gb * 1e9),
        shrink=settings.train.shrink if shrink == "as-trained" else shrink,
        crop=settings.evaluate.crop,
        compile=settings.train.compile,
    )


def _check_images(
    stream: TaskStream, settings: RunConfig, compute: Compute, observer: Observer
) -> tuple[tuple[int, int], tuple[int, int]]:
    observer.checking(stream.images)
    return stream.check_images(
        Resize.parse(settings.train.shrink),
        compute.resize,
        workers=_DECODERS,
        progress=observer.checked,
    )


def _method(
    resolved: Resolved, gates: tuple[Resolved, ...], backbone: Backbone, objective: Objective
) -> Method:
    strategy: Strategy = resolved.create()
    strategy.check(backbone, objective)
    if not strategy.multi_head:  # its newest head is its only one
        return Method(resolved.label, resolved, strategy, (GatePlan("newest", OnlyHead()),))
    plans = tuple(GatePlan(gate.label, _gate(gate, backbone)) for gate in gates)
    if strategy.main_head:
        if any(plan.label == MAIN for plan in plans):
            raise ConfigError(
                f"gates: `{MAIN}` is the row of the head that strategy `{resolved.label}` answers "
                "with; give the gate another name by `as`"
            )
        plans = (GatePlan(MAIN, MainHead()), *plans)
    return Method(resolved.label, resolved, strategy, plans)


def _gate(resolved: Resolved, backbone: Backbone) -> Gate:
    gate: Gate = resolved.create()
    missing = [stage for stage in gate.stages if stage not in backbone.stage_dims]
    if missing:
        raise CapabilityError(
            f"gate `{resolved.label}` looks at stage {missing[0]}, but this backbone has stages "
            f"{', '.join(map(str, backbone.stage_dims))}; set `stages` of the gate"
        )
    return gate


def _normalizations(
    methods: Iterable[Method], config: ResolvedConfig, backbone: Backbone
) -> dict[str, Normalization]:
    """Everything that a gate names as its normalization, by the word it uses."""
    found: dict[str, Normalization] = {}
    for plan in (plan for method in methods for plan in method.gates):
        written = plan.gate.normalization
        if written is not None and written not in found:
            try:
                found[written] = find_normalization(written, config.registry, backbone)
            except CliqaError as error:
                raise type(error)(f"gate `{plan.label}`: normalization: {error}") from None
    return found


def _stream(config: ResolvedConfig, datasets: BuiltDatasets) -> TaskStream:
    settings = config.run.stream
    datasets.only([*config.tasks, *config.evaluate_only])
    tasks = [_task(resolved, config, datasets) for resolved in config.tasks]
    others = [_task(resolved, config, datasets, whole=True) for resolved in config.evaluate_only]
    if settings.per == "distortion":
        alone = len(tasks) == 1
        tasks = [part for t in tasks for part in by_distortion(t, "" if alone else f"{t.name}.")]
    positions = arrange([task.name for task in tasks], settings.order, settings.orders)
    order = settings.order if isinstance(settings.order, str) else "custom"
    arranged = tuple(tasks[p] for p in positions)
    return TaskStream(arranged, order, tuple(others), tuple(settings.stages))


def _task(
    resolved: Resolved, config: ResolvedConfig, datasets: BuiltDatasets, *, whole: bool = False
) -> Task:
    built = datasets.get(resolved)
    division, record = divide(built.dataset, resolved.label, config, whole=whole)
    return Task(
        resolved.label,
        built.dataset,
        division,
        built.fingerprint,
        built.reader,
        record,
    )


def _try_forward(backbone: Backbone, size: tuple[int, int], compute: Compute, name: str) -> None:
    """Run one image through, to find out now whether the backbone takes this size."""
    backbone.eval()
    try:
        with torch.no_grad():
            feature = backbone(torch.zeros(1, 3, *size, device=compute.device))
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CapabilityError(
            f"backbone `{name}` cannot take images of {size[0]} x {size[1]} pixels: {reason}; "
            "choose another `train.crop`, larger images, or a backbone for any image size"
        ) from None
    if feature.shape != (1, backbone.feature_dim):
        raise PluginError(
            f"backbone `{name}` returned a feature of shape {tuple(feature.shape)}, but declares "
            f"feature_dim = {backbone.feature_dim}"
        )
