"""A model from the folder of a finished run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open

import cliqa
from cliqa.errors import CapabilityError, CliqaError, ConfigError, ResultError
from cliqa.evaluation import find_normalization
from cliqa.evaluation.evaluator import MAIN
from cliqa.model import build_backbone, rest_digest
from cliqa.registry import OWN_DISTRIBUTION, did_you_mean
from cliqa.results import load_bundle
from cliqa.results.card import Result, front_matter
from cliqa.results.files import explained, sha256
from cliqa.results.folder import read_sums
from cliqa.results.layout import RUN, SUMS
from cliqa.serving.components import component_record, find_component, without_weights
from cliqa.serving.described import FORMAT, LOOK, Described
from cliqa.serving.rebuild import gate_states, test_shrink

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cliqa.config import Resolved
    from cliqa.evaluation import Gate
    from cliqa.model import Backbone, Tensors
    from cliqa.registry import Registry

__all__ = ["describe_run", "open_tensors"]

_MODEL = "checkpoints/model.safetensors"
_GATES = "checkpoints/gates.safetensors"


def describe_run(folder: Path, gate: str | None, registry: Registry) -> Described:
    """Read what it takes to score with a run's last model.

    Args:
        folder: of the run, or of a method trained beside it (`RUN/compare/LABEL`).
        gate: label of one of its gates; None: the first one that is not told the task.
        registry: what the plugins offer.

    Raises:
        ResultError: there is no finished run, it ships no weights, or a file was changed.
        ConfigError: it has no such gate.
        CapabilityError: that gate is told the task.
        UnknownComponentError: a plugin is missing.
    """
    bundle = load_bundle(folder)
    _check_unchanged(folder)
    record, where = bundle.run, str(folder)
    try:
        config = record["config"]
        label = _choose(record, gate, where)
        plugins = [p for p in record["plugins"] if p["distribution"] != OWN_DISTRIBUTION]
        named, objective = (
            find_component(kind, config[kind], registry, plugins, where)
            for kind in ("backbone", "objective")
        )
        fitted = _fitted_gate(record, label, registry, plugins, where)
        tensors, about = open_tensors(folder / _MODEL)
        heads = json.loads(about["cliqa"])["head_tasks"]
        states = gate_states(_arrays(folder))
        tensors |= {
            f"gate/{name}": torch.from_numpy(array.copy())
            for name, array in states.get(label, {}).items()
        }
        looking = None if fitted is None else fitted.create()
        if looking is not None and looking.stages:
            network = build_backbone(named, torch.device("cpu"), record["seed"])
            tensors |= _look(record, label, looking, network, tensors, registry)
        else:  # its shape is enough: no weights are read or downloaded
            network = build_backbone(without_weights(named), torch.device("cpu"), 0)
        description = {
            "format": "cliqa-model",
            "format_version": FORMAT,
            "cliqa": cliqa.__version__,
            "backbone": component_record(named),
            "objective": component_record(objective),
            "strategy": _strategy_record(record, network, tensors, registry, plugins, where),
            "gate": _gate_record(label, fitted),
            "main_head": bool(record.get("main_head", False)),
            "heads": heads,
            "test_view": {
                "shrink": test_shrink(config["evaluate"]["shrink"], config["train"]["shrink"]),
                "crop": config["evaluate"].get("crop"),
            },
            "precision": record.get("scoring", record)["precision"],
            "score_scale": getattr(objective.create(), "score_scale", None),
            "source": _source(record, sha256(folder / SUMS)),
            "results": _results(record, bundle.metrics, label),
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, CliqaError):
            raise
        raise ResultError(
            f"{folder} is a run that this cliqa cannot score with: {type(error).__name__}: "
            f"{error}; its {RUN} was written by another version"
        ) from error
    return Described(description, tensors, where)


def _check_unchanged(folder: Path) -> None:
    sums = read_sums(folder)
    if not (folder / _MODEL).is_file():
        raise ResultError(f"{folder} ships no weights: {_MODEL} is missing")
    for name in (RUN, _MODEL, _GATES):
        if name in sums and not (folder / name).is_file():
            raise ResultError(f"{folder / name} is missing; bring it back, or the whole run")
        if (folder / name).is_file() and sums.get(name) != sha256(folder / name):
            raise ResultError(f"{folder / name} was changed after the run: its SHA-256 differs")


def _choose(record: Mapping[str, Any], wanted: str | None, where: str) -> str:
    gates = {label: bool(told["uses_task_id"]) for label, told in record["gates"].items()}
    usable = [label for label, told in gates.items() if not told]
    if wanted is None:
        if not usable:
            raise CapabilityError(
                f"{where}: all of its gates ({', '.join(gates)}) are told which task an image is "
                "from, so none can score new images; train with another gate beside them"
            )
        return usable[0]
    if wanted not in gates:
        near = did_you_mean(wanted, usable)
        raise ConfigError(
            f"{where} has no gate `{wanted}`.{near} Its gates: {', '.join(usable) or 'none'}"
        )
    if gates[wanted]:
        raise CapabilityError(
            f"{where}: gate `{wanted}` is told which task an image is from, so it cannot score new "
            f"images; choose one of {', '.join(usable) or 'another run'}"
        )
    return wanted


def _fitted_gate(
    record: Mapping[str, Any],
    label: str,
    registry: Registry,
    plugins: list[Mapping[str, Any]],
    where: str,
) -> Resolved | None:
    """The component of the gate; None for the head that a model answers with by itself."""
    if not record["multi_head"] or (record.get("main_head", False) and label == MAIN):
        return None
    for written in record["config"]["gates"]:
        if (written.get("as") or written["name"]) == label:
            return find_component("gate", written, registry, plugins, where)
    raise ResultError(f"{where}: {RUN} has a gate `{label}` that its configuration does not name")


def _strategy_record(
    record: Mapping[str, Any],
    network: Backbone,
    tensors: Tensors,
    registry: Registry,
    plugins: list[Mapping[str, Any]],
    where: str,
) -> dict[str, Any] | None:
    """The method, if the network has tensors that the backbone by itself has not; else None."""
    here = {name.removeprefix("backbone/") for name in tensors if name.startswith("backbone/")}
    if here <= set(network.state_dict()):
        return None
    method = find_component("strategy", record["strategy"], registry, plugins, where)
    return component_record(method)


def _gate_record(label: str, fitted: Resolved | None) -> dict[str, Any]:
    if fitted is None:
        return {"label": label, "component": None, "head": MAIN if label == MAIN else "only"}
    found = component_record(fitted)
    word = fitted.create().normalization
    if word is not None:  # a path of this machine; the tensors themselves go with the model
        found = {k: word.rpartition("/")[2] if v == word else v for k, v in found.items()}
    return {"label": label, "component": found}


def _look(
    record: Mapping[str, Any],
    label: str,
    gate: Gate,
    network: Backbone,
    tensors: Tensors,
    registry: Registry,
) -> Tensors:
    """Tensors of the pre-trained network that the gate looks through, where the model's differ.

    A method that trains the whole network leaves nothing of that one in the run.
    """
    told = record.get("backbone_sha256")
    if told is not None and rest_digest(network, {}) != told:
        raise CliqaError(
            f"gate `{label}` looks through the network as it was before training, and backbone "
            f"`{record['config']['backbone']['name']}` made here starts from other weights than in "
            "the run; bring back the weights of the run, or choose a gate that looks at no image "
            "with --gate"
        )
    state = network.state_dict()
    if gate.normalization is not None:
        found = find_normalization(gate.normalization, registry, network)
        expected = (record["gates"][label].get("normalization") or {}).get("sha256")
        if expected not in (None, found.sha256):
            raise CliqaError(
                f"gate `{label}`: {gate.normalization} is another file than the run had (SHA-256 "
                f"{found.sha256[:12]}..., expected {expected[:12]}...)"
            )
        state |= found.tensors
    return {
        f"{LOOK}{name}": tensor.contiguous()
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
        and not torch.equal(tensor, tensors[f"backbone/{name}"])
    }


def _source(record: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """Where the model comes from, as far as the run tells."""
    keys = ("run_id", "created", "method", "order", "tasks", "seed", "pseudo_scores", "description")
    return {
        **{key: record.get(key) for key in keys},
        "sums_sha256": digest,
        "data": {
            task: {key: told.get(key) for key in ("train", "quality_range", "pseudo_scores")}
            for task, told in record["data"].items()
        },
        "resize": record.get("resize"),
    }


def _results(record: Mapping[str, Any], metrics: Mapping[str, Any], label: str) -> dict[str, Any]:
    """What the run measured for the gate: its summaries, and SRCC of the last model by test set."""
    if not metrics["gates"].get(label, {}).get("srcc"):
        return {}
    result = Result(record, metrics, label, {})
    return {
        "summaries": {k: v for k, v in result.entry.items() if isinstance(v, int | float)},
        "srcc": {k: v for k, v in result.last.items() if v is not None},
        "front_matter": front_matter(result),
    }


def open_tensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    """Tensors of a safetensors file, with its metadata.

    Raises:
        ResultError: it is missing or damaged.
    """
    with explained("read", path):
        if not path.is_file():
            raise ResultError(f"{path} is missing")
        try:
            with safe_open(path, framework="pt") as file:
                found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return found, file.metadata() or {}
        except SafetensorError as error:
            raise ResultError(f"{path} is damaged: {error}") from None


def _arrays(folder: Path) -> dict[str, Any]:
    if not (folder / _GATES).is_file():
        return {}
    return {name: tensor.numpy() for name, tensor in open_tensors(folder / _GATES)[0].items()}
