"""A result as the Hugging Face Hub reads it: front matter of a model card, and eval results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import ResultError
from cliqa.results.pseudo import pseudo_note, pseudo_sets

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "HubDataset",
    "Result",
    "default_gate",
    "escaped",
    "eval_result_files",
    "front_matter",
    "model_card",
]

#: The Hub has no task of this name; `other` is its word for that.
_TASK: Final = {"type": "other", "name": "Blind image quality assessment"}
_FORM: Final = re.compile(
    r"(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>[\w.-]+))?(#(?P<task>[\w.-]+))?"
)


@dataclass(frozen=True)
class HubDataset:
    """A dataset of the Hub that a test set is.

    Attributes:
        id: `owner/name`.
        task_id: which of its tasks, where it is a benchmark.
        revision: commit; None: not said.
    """

    id: str
    task_id: str = "default"
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> HubDataset:
        """Read `OWNER/NAME`, `OWNER/NAME@REVISION` or either with `#TASK`.

        Raises:
            ResultError: it is not of that form.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ResultError(f"{text!r}: expected OWNER/NAME[@REVISION][#TASK]")
        return cls(match["id"], match["task"] or "default", match["revision"])


@dataclass(frozen=True)
class Result:
    """One run seen through one gate.

    Attributes:
        record: its `run.json`.
        metrics: its `metrics.json`, best the one that a verification computed.
        gate: the gate's label.
        hub: test set -> the dataset of the Hub that it is.
        source_url: where the result can be looked up; empty: not said.
        source_name: what that is called.
    """

    record: Mapping[str, Any]
    metrics: Mapping[str, Any]
    gate: str
    hub: Mapping[str, HubDataset]
    source_url: str = ""
    source_name: str = ""

    def __post_init__(self) -> None:
        gates, sets = self.metrics["gates"], self.record["data"]
        if self.gate not in gates:
            raise ResultError(f"there is no gate {self.gate!r}; the run has {', '.join(gates)}")
        if strange := sorted(set(self.hub) - set(sets)):
            raise ResultError(f"there is no test set {strange[0]!r}; it has {', '.join(sets)}")

    @property
    def entry(self) -> Mapping[str, Any]:
        """The gate's metrics."""
        return self.metrics["gates"][self.gate]

    @property
    def last(self) -> dict[str, float | None]:
        """Test set -> SRCC of the final model; None where it is undefined."""
        learned = dict(zip(self.metrics["tasks"], self.entry["srcc"][-1], strict=True))
        return learned | dict(self.entry.get("evaluate_only", {}))

    @property
    def name(self) -> str:
        """What the model is called."""
        return f"{self.record['method']}-{self.gate}-{self.record['order']}"

    @property
    def source(self) -> dict[str, str]:
        """Where the numbers come from, as both formats write it."""
        named = {"name": self.source_name} if self.source_name else {}
        return {**named, "url": self.source_url} if self.source_url else {}


def default_gate(record: Mapping[str, Any]) -> str:
    """The first gate that is not told the task."""
    for label, gate in record["gates"].items():
        if not gate.get("uses_task_id"):
            return str(label)
    raise ResultError("every gate of this run is told the task; name one by --gate")


def front_matter(result: Result) -> dict[str, Any]:
    """What stands between the dashes of a model card: tags, datasets and `model-index`.

    An undefined value is left out; nothing stands for it.
    """
    hub = list(dict.fromkeys(dataset.id for dataset in result.hub.values()))
    tags = [
        "image-quality-assessment",
        "continual-learning",
        str(result.record["strategy"]["name"]),
    ]
    entries = [_per_set(result, name) for name, value in result.last.items() if value is not None]
    entries.append(_over_stream(result))
    index = [{"name": result.name, "results": [e for e in entries if e["metrics"]]}]
    datasets = {"datasets": hub} if hub else {}
    found = {
        "library_name": "cliqa",
        "tags": list(dict.fromkeys(tags)),
        **datasets,
        "metrics": ["spearmanr"],
        "model-index": index,
    }
    return {key: _one_line(value) for key, value in found.items()}


def _one_line(value: Any) -> Any:
    """Texts without line ends: a line of dashes would end the front matter."""
    if isinstance(value, dict):
        return {key: _one_line(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_one_line(inner) for inner in value]
    return " ".join(value.split()) if isinstance(value, str) else value


def _per_set(result: Result, name: str) -> dict[str, Any]:
    data, hub = result.record["data"][name], result.hub.get(name)
    revision = {"revision": hub.revision} if hub is not None and hub.revision else {}
    return {
        "task": _TASK,
        "dataset": {
            "name": name + (" (pseudo-MOS)" if data.get("pseudo_scores") else ""),
            "type": str(data["dataset"]) if hub is None else hub.id,
            "config": name,  # the Hub's client takes sets of equal type and config for one
            "split": "test",
            **revision,
            "args": {
                "fingerprint": data["fingerprint"],
                "division": _division(data),
                "images": data["test"],
            },
        },
        "metrics": [_metric("spearmanr", "SRCC, final model", result.last[name])],
        **_sourced(result),
    }


def _over_stream(result: Result) -> dict[str, Any]:
    record = result.record
    scalars = {k: v for k, v in result.entry.items() if isinstance(v, int | float)}
    return {
        "task": _TASK,
        "dataset": {
            "name": f"{len(record['tasks'])} tasks one after the other, order {record['order']}",
            "type": "task-stream",
            "args": {"tasks": list(record["tasks"]), "seed": record["seed"]},
        },
        "metrics": [_metric(name, name, value) for name, value in scalars.items()],
        **_sourced(result),
    }


def _metric(kind: str, name: str, value: float | None) -> dict[str, Any]:
    return {"type": kind, "name": name, "value": None if value is None else round(value, 6)}


def _sourced(result: Result) -> dict[str, Any]:
    named = {"name": "cliqa", **result.source}
    return {"source": named} if result.source else {}


def _division(data: Mapping[str, Any]) -> str:
    split = data.get("split")
    if split is None:  # a run of an earlier cliqa
        return "not recorded"
    seed = "" if split.get("seed") is None else f", seed {split['seed']}"
    by = f" by {split['by']}" if split.get("by") else ""
    return f"{split['source']}{by}{seed}"


def eval_result_files(result: Result) -> dict[str, str]:
    """`.eval_results/NAME.yaml` -> text, one for each test set that is a dataset of the Hub.

    The Hub shows those whose dataset is a registered benchmark.
    """
    import yaml

    files = {}
    for name, hub in result.hub.items():
        value = result.last.get(name)
        if value is None:
            continue
        dataset = {"id": hub.id, "task_id": hub.task_id}
        entry: dict[str, Any] = {
            "dataset": dataset | ({"revision": hub.revision} if hub.revision else {}),
            "value": round(value, 6),
        }
        if finished := str(result.record.get("finished", "")):
            entry["date"] = finished
        if result.source:
            entry["source"] = result.source
        about = result.record["data"][name]
        entry["notes"] = (
            f"SRCC of the model after its last task on {about['test']} test images "
            f"({_division(about)}); method {result.record['method']}, gate {result.gate}"
        )
        slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip(".-") or "set"
        files[f".eval_results/{slug}.yaml"] = yaml.safe_dump([entry], sort_keys=False)
    return files


def model_card(result: Result, trust: str) -> str:
    """`README.md`: the front matter, and what a reader must know of the numbers.

    Args:
        result: the run and gate.
        trust: how far a verification supports the numbers.
    """
    import yaml

    from cliqa.results.tables import ResultTable, Undefined, to_markdown

    record, reasons = result.record, result.entry.get("undefined", {})
    rows = tuple(
        (name, _division(record["data"][name]), Undefined("undefined") if v is None else v)
        for name, v in result.last.items()
    )
    told = record["gates"][result.gate].get("uses_task_id")
    extra = record.get("extra_data")
    learned = "not recorded" if extra is None else ", ".join(map(str, extra)) or "none"
    parts = [
        f"---\n{yaml.safe_dump(front_matter(result), sort_keys=False, allow_unicode=True)}---",
        f"# {escaped(result.name)}",
        f"A blind image quality model that learned {len(record['tasks'])} tasks one after the "
        f"other with the method {escaped(record['method'])}, seen through the gate "
        f"{escaped(result.gate)}"
        + (", which is told which task an image is from." if told else "."),
        to_markdown(
            ResultTable("SRCC of the final model", ("test set", "division", "SRCC"), rows, 2)
        ),
        f"Run `{escaped(record['run_id'])}`, seed {record['seed']}. Trust: {trust}. Data beside "
        f"the tasks: {escaped(learned)}. Training images of old tasks kept: "
        f"{record.get('cost', {}).get('exemplar_images', 'not recorded')}.",
    ]
    if note := pseudo_note(pseudo_sets(record)):
        parts.append(escaped(note))
    if missing := sorted(k for k in reasons if "[" not in k):
        parts.append(f"Undefined in this run: {', '.join(map(escaped, missing))}.")
    return "\n\n".join(parts) + "\n"


def escaped(text: Any) -> str:
    """Text that is neither markup nor a second line."""
    return re.sub(r"([\\|*_`<\[#])", r"\\\1", " ".join(str(text).split()))
