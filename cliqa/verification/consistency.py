"""Whether the files of a bundle say one thing: the record, the configuration, the weights."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from cliqa.data.resize import Resize
from cliqa.data.stream import arrange, group_stages
from cliqa.errors import ConfigError, ResultError
from cliqa.results.layout import CONFIG, METRICS, RUN, check_label, plain
from cliqa.results.run_id import run_id
from cliqa.verification.contents import GATES, MODEL
from cliqa.verification.record import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliqa.verification.contents import Contents
    from cliqa.verification.parts import Parts
    from cliqa.verification.verdict import Faults

__all__ = ["check_record", "check_weights"]


def check_record(contents: Contents, parts: Parts, faults: Faults) -> None:
    """Compare `run.json` with itself, with `config.yaml` and with what the names are about."""
    checks = _RecordChecks(contents, parts, faults)
    checks.names()
    checks.configuration()
    checks.method()
    checks.stream()
    checks.data()
    checks.plugins()
    checks.cost()


class _RecordChecks:
    def __init__(self, contents: Contents, parts: Parts, faults: Faults) -> None:
        self.contents, self.record = contents, contents.record
        self.parts, self.faults = parts, faults

    def equal(self, place: str, found: Any, expected: Any, source: str) -> None:
        if found != expected or type(found) is not type(expected):
            self.faults.add(RUN, place, f"{found!r}, but {source} says {expected!r}")

    def names(self) -> None:
        record = self.record
        for place, labels in (
            ("tasks", record.tasks),
            ("evaluate_only", record.evaluate_only),
            ("gates", list(record.gates)),
            ("method", [record.method]),
        ):
            for label in labels:
                try:
                    check_label(label, "label")
                except ResultError as error:
                    self.faults.add(RUN, place, str(error))
        if len(set(record.sets)) != len(record.sets):
            self.faults.add(RUN, "tasks", "a test set occurs twice")
        self.equal("data", sorted(record.data), sorted(record.sets), "`tasks` and `evaluate_only`")

    def configuration(self) -> None:
        record, parts = self.record, self.parts
        if plain(self.contents.document.data) != record.config:
            self.faults.add(
                RUN, "config", f"differs from {CONFIG}{_first_difference(self.contents)}"
            )
        try:
            if (expected := run_id(self.contents.raw)) != record.run_id:
                self.faults.add(
                    RUN,
                    "run_id",
                    f"{record.run_id}, but the record determines {expected}: the method, "
                    "configuration, data, plugins or starting weights are not those of the run",
                )
        except (KeyError, TypeError, AttributeError):
            self.faults.add(RUN, "run_id", "cannot be computed again from this record")
        self.equal("seed", record.seed, parts.run.seed, CONFIG)
        self.equal("description", record.description, parts.run.description, CONFIG)
        self.equal("precision", record.precision, parts.run.train.precision, CONFIG)
        trained, tested = parts.run.train.shrink, parts.run.evaluate.shrink
        tested = trained if tested == "as-trained" else tested
        self.equal("resize.train", record.resize.train, Resize.parse(trained).name, CONFIG)
        self.equal("resize.test", record.resize.test, Resize.parse(tested).name, CONFIG)
        wanted = parts.run.evaluate.precision
        wanted = record.precision if wanted == "as-trained" else wanted
        self.equal("scoring.precision", record.scoring.precision, wanted, CONFIG)

    def method(self) -> None:
        record, config = self.record, self.record.config
        compare = config.get("compare")
        written = [config.get("strategy"), *(compare if isinstance(compare, list) else [])]
        labels = self.parts.names["strategy"] + self.parts.names["compare"]
        if (record.method, record.strategy) not in list(zip(labels, written, strict=False)):
            self.faults.add(
                RUN, "method", f"{record.method!r} is no method of {CONFIG} as set there"
            )
        gates = self.parts.names["gates"] if record.multi_head else ["newest"]
        main = [MAIN] if record.multi_head and record.main_head else []
        self.equal("gates", list(record.gates), main + gates, CONFIG)
        for label, gate in record.gates.items():
            part = self.parts.by_label("gates").get(label) if record.multi_head else None
            strange = gate.uses_task_id if part is None and label in {"newest", MAIN} else False
            if strange:
                self.faults.add(RUN, f"gates.{label}", "this gate is never told the task id")
        metrics = self.contents.metrics.get("gates")
        if not isinstance(metrics, dict) or list(metrics) != list(record.gates):
            self.faults.add(METRICS, "gates", f"expected the gates {', '.join(record.gates)}")

    def stream(self) -> None:
        record, stream = self.record, self.parts.run.stream
        sizes = stream.stages
        groups = group_stages(len(record.tasks), sizes)
        expected = [stage for stage, tasks in enumerate(groups) for _ in tasks]
        self.equal("learned_at", record.learned_at, expected, f"`stream.stages` of {CONFIG}")
        self.equal("evaluate_only", record.evaluate_only, self.parts.names["evaluate_only"], CONFIG)
        order = stream.order if isinstance(stream.order, str) else "custom"
        self.equal("order", record.order, order, CONFIG)
        if stream.per == "dataset":
            names = self.parts.names["tasks"]
            try:
                places = arrange(names, stream.order, stream.orders)
                self.equal("tasks", record.tasks, [names[p] for p in places], CONFIG)
            except ConfigError as error:
                self.faults.add(CONFIG, "stream.order", str(error))
        steps = [stage.step for stage in record.stages]
        if steps != sorted(set(steps)) or steps[-1] != len(groups):
            self.faults.add(RUN, "stages", f"steps {steps}; expected ascending to {len(groups)}")
        learned = {task for stage in record.stages for task in stage.tasks}
        if learned != set(record.tasks):
            self.faults.add(RUN, "stages", "do not learn exactly the tasks")
        at = dict(zip(record.tasks, record.learned_at, strict=False))
        for stage in record.stages:
            early = [task for task in stage.tasks if at.get(task, 0) >= stage.step]
            if early:
                self.faults.add(RUN, "stages", f"step {stage.step} learns {early[0]} too early")

    def data(self) -> None:
        record, split = self.record, self.parts.run.stream.split
        seed = self.parts.run.seed if split.seed is None else split.seed
        for task, data in record.data.items():
            ids = self.contents.splits.get(task)
            if ids is None:
                continue
            place = f"data.{task}"
            for part in ("train", "val", "test"):
                self.equal(f"{place}.{part}", getattr(data, part), len(ids[part]), "its division")
            self.equal(f"{place}.images", data.images, sum(map(len, ids.values())), "its division")
            self.equal(
                f"{place}.split.sha256", data.split.sha256, _digest_of(ids), f"splits/{task}.json"
            )
            whole = task in record.evaluate_only
            own = split.files is not None and not whole
            if isinstance(split.files, dict):
                own = own and (task in split.files or stream_of_parts(task, split.files))
            source = "all-test" if whole else "files" if own else split.protocol
            drawn = source not in {"all-test", "files", "official"}
            expected = (source, split.by if drawn else None, seed if drawn else None)
            found = (data.split.source, data.split.by, data.split.seed)
            self.equal(f"{place}.split", found, expected, CONFIG)
        tasks = [record.data[t] for t in record.tasks if t in record.data]
        pseudo = any(data.pseudo_scores for data in tasks)
        self.equal("pseudo_scores", record.pseudo_scores, pseudo, "`data`")

    def plugins(self) -> None:
        seen = set()
        for number, plugin in enumerate(self.record.plugins):
            installed = plugin.distribution and plugin.version and not plugin.sha256
            local = plugin.sha256 and not plugin.distribution and not plugin.version
            if not installed and not local:
                self.faults.add(
                    RUN,
                    f"plugins.{number}",
                    "expected a distribution with its version, or the SHA-256 of a file",
                )
            if plugin.name in seen:
                self.faults.add(RUN, f"plugins.{number}", f"{plugin.name} occurs twice")
            seen.add(plugin.name)
        named = self.parts.run.plugins
        stems = sorted(
            text.replace("\\", "/").rpartition("/")[2].removesuffix(".py") for text in named
        )
        files = sorted(p.name for p in self.record.plugins if p.sha256)
        self.equal("plugins", files, stems, f"`plugins` of {CONFIG}, for files,")
        owners = {p.name: p.distribution for p in self.record.plugins}
        for key, found in self.parts.known.items():
            for label, part in zip(self.parts.names[key], found, strict=True):
                owner = None if part is None else part.registered.owner
                if owner and owners.get(owner.name, "") != owner.distribution:
                    self.faults.add(
                        RUN,
                        "plugins",
                        f"{label} comes from the plugin {owner.name} of {owner.distribution}, "
                        "which is not in the list",
                    )

    def cost(self) -> None:
        record = self.record
        cost = record.cost
        self.equal(
            "cost.parameters.backbone",
            cost.parameters.backbone,
            record.parameters.backbone,
            "`parameters`",
        )
        values = {label: gate.values for label, gate in cost.gates.items()}
        self.equal("cost.gates", values, record.parameters.gates, "`parameters`")
        self.equal("parameters.gates", sorted(values), sorted(record.gates), "`gates`")
        images = sum(data.train for task, data in record.data.items() if task in record.tasks)
        if cost.exemplar_images > images:
            self.faults.add(RUN, "cost.exemplar_images", f"more than the {images} training images")
        if cost.held_bytes.final > cost.held_bytes.peak:
            self.faults.add(RUN, "cost.held_bytes", "at the end more than at its peak")
        done = [(s.step, s.task) for s in record.stage_seconds]
        stages = [(s.step, "+".join(s.tasks)) for s in record.stages]
        self.equal("stage_seconds", done, stages, "`stages`")
        heads = record.parameters.heads
        self.equal(
            "parameters.heads", [h.head for h in heads], [*range(1, len(heads) + 1)], "its order"
        )
        learned = {task for head in heads for task in head.tasks}
        if learned - set(record.tasks):
            self.faults.add(RUN, "parameters.heads", "a head has learned what is no task")
        if not learned >= set(record.tasks):
            self.faults.add(RUN, "parameters.heads", "no head has learned one of the tasks")
        for name, counts in (
            ("cost.parameters.per_task", cost.parameters.per_task),
            ("cost.bytes_per_task", cost.bytes_per_task),
        ):
            if len(counts) != len(heads):
                self.faults.add(RUN, name, f"{len(counts)} entries for {len(heads)} heads")


def stream_of_parts(task: str, files: Iterable[str]) -> bool:
    """Whether a task is one distortion of a set whose division was given."""
    return any(task.startswith(f"{label}.") for label in files)


def check_weights(contents: Contents, faults: Faults) -> None:
    """Compare counts in `run.json` with the tensors of the weights, where they are shipped."""
    record = contents.record
    if MODEL in contents.tensors:
        tensors = contents.tensors[MODEL]
        heads = record.parameters.heads
        told = [head.tasks for head in heads]
        if contents.head_tasks is not None and contents.head_tasks != told:
            faults.add(MODEL, "metadata", "the tasks of its heads differ from run.json")
        strange = [n for n in tensors if not _belongs(n, len(heads))]
        faults.some(MODEL, "", [f"{name!r} is no tensor of a model" for name in strange])
        shared = _total(tensors, "backbone/", "numel")
        if not 0 < record.parameters.backbone <= shared:
            faults.add(
                RUN,
                "parameters.backbone",
                f"{record.parameters.backbone}, but {MODEL} holds {shared} numbers of it",
            )
        for n, head in enumerate(heads):
            own, layers = (
                _total(tensors, f"set/{n}/", "numel"),
                _total(tensors, f"head/{n}/", "numel"),
            )
            size = sum(_total(tensors, f"{part}/{n}/", "bytes") for part in ("head", "set"))
            for place, found, expected in (
                (f"parameters.heads.{n}.own_values", head.own_values, own),
                (f"parameters.heads.{n}.head_parameters", head.head_parameters, layers),
                (
                    f"cost.parameters.per_task.{n}",
                    _at(record.cost.parameters.per_task, n),
                    own + layers,
                ),
                (f"cost.bytes_per_task.{n}", _at(record.cost.bytes_per_task, n), size),
            ):
                if found != expected:
                    faults.add(RUN, place, f"{found}, but {MODEL} holds {expected}")
            if head.own_parameters > head.own_values:
                faults.add(RUN, f"parameters.heads.{n}.own_parameters", "more than its values")
        stored = contents.tensors.get(GATES, {})
        for label, values in record.parameters.gates.items():
            held = _total(stored, f"{label}/", "numel")
            if held != values:
                faults.add(RUN, f"parameters.gates.{label}", f"{values}, but {GATES} holds {held}")
        beside = [n for n in stored if n.split("/")[0] not in record.gates]
        faults.some(GATES, "", [f"{name!r} belongs to no gate" for name in beside])


def _belongs(name: str, heads: int) -> bool:
    part, _, rest = name.partition("/")
    number = rest.partition("/")[0]
    own = part in {"head", "set"} and number.isdigit() and int(number) < heads
    return own or part in {"backbone", "initial_head"}


def _total(tensors: dict[str, Any], beginning: str, key: str) -> int:
    return sum(t[key] for name, t in tensors.items() if name.startswith(beginning))


def _at(counts: list[int], place: int) -> int | None:
    return counts[place] if place < len(counts) else None


def _digest_of(ids: dict[str, list[str]]) -> str:
    from cliqa.data.splits import Split, split_digest

    every = [i for part in ("train", "val", "test") for i in ids[part]]
    ends = [0]
    for part in ("train", "val", "test"):
        ends.append(ends[-1] + len(ids[part]))
    rows = [tuple(range(a, b)) for a, b in itertools.pairwise(ends)]
    return split_digest(every, Split(*rows))


def _first_difference(contents: Contents) -> str:
    written, recorded = plain(contents.document.data), contents.record.config
    keys = [k for k in {**recorded, **written} if written.get(k) != recorded.get(k)]
    return f" in `{keys[0]}`" if keys else ""
