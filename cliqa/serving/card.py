"""The card of a model's folder: what it is, what it was trained on, what its numbers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cliqa.results.card import escaped
from cliqa.results.pseudo import named, pseudo_sets
from cliqa.results.tables import ResultTable, to_markdown
from cliqa.serving.scorer import head_names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["card_text"]


def card_text(about: Mapping[str, Any], scale: str) -> str:
    """Markdown with the Hub's metadata on top.

    Args:
        about: `config.json` of the folder.
        scale: what the score's number means.
    """
    return f"---\n{_metadata(about)}---\n\n{_body(about, scale)}"


def _metadata(about: Mapping[str, Any]) -> str:
    """What `cliqa submit card` writes of the same run, where the run measured something."""
    import yaml

    measured = about.get("results", {}).get("front_matter", {})
    tags = measured.get("tags", ["image-quality-assessment", "continual-learning"])
    front = {"library_name": "cliqa", **measured, "tags": [*tags, "pytorch_model_hub_mixin"]}
    return yaml.safe_dump(front, sort_keys=False, allow_unicode=True)


def _name(about: Mapping[str, Any]) -> str:
    return escaped(f"{about['source']['method']} on {about['backbone']['name']}")


def _body(about: Mapping[str, Any], scale: str) -> str:
    source, gate = about["source"], about["gate"]
    parts = [
        f"# {_name(about)}",
        "A blind image quality model, trained on one rated set after another with cliqa. It "
        "says how good a picture looks, without a reference.",
        f"**What the score means.** Higher is better: {scale}",
        "## Use it",
        '```python\nimport cliqa\n\nscorer = cliqa.load("FOLDER")  # this folder\n'
        'print(scorer.score("photo.jpg").score)\n```',
        "```sh\ncliqa score FOLDER photos/ --out scores.csv --contact-sheet sheet.png\n```",
        _needs(about),
        "## What it is",
        _list(
            {
                "Backbone": f"`{about['backbone']['name']}`",
                "Method": f"`{source['method']}`",
                "Objective": f"`{about['objective']['name']}`",
                "Gate": f"`{gate['label']}`: how the scores of the heads become one",
                "Heads": ", ".join(head_names(about["heads"], main_head=about["main_head"])),
                "Pictures are seen": _view(about),
                "Arithmetic": about["precision"],
            }
        ),
        "## What it was trained on",
        _training(source),
        "## How well it does",
        _measured(about),
        "## Licence",
        "*Not chosen yet.* Whoever shares this model says here, and as `license:` in the first "
        "lines, under which terms; those of the images it was trained on may bind it.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _needs(about: Mapping[str, Any]) -> str:
    """Packages besides cliqa itself."""
    gate = about["gate"]["component"] or {}
    parts = (about["backbone"], about["objective"], gate, about.get("strategy") or {})
    owners = [part.get("plugin") or {} for part in parts]
    foreign = {
        f"`{o['distribution']}=={o['version']}`"
        if o.get("distribution")
        else f"the plugin file `{o['name']}.py` (name it with `--local`)"
        for o in owners
        if o and o.get("distribution") != "cliqa-bench"
    }
    own = f"the Python package `cliqa-bench` (written by {about['cliqa']})"
    return f"It takes {' and '.join([own, *sorted(foreign)])}; nothing is downloaded to score."


def _view(about: Mapping[str, Any]) -> str:
    view = about["test_view"]
    shrink = view["shrink"]
    size = "at their own size"
    if isinstance(shrink, int):
        size = f"shrunk to a short side of {shrink} pixels if both sides are longer"
    elif shrink is not None:
        size = f"fitted into {shrink} pixels (height x width)"
    return size + (f", the middle {view['crop']} x {view['crop']} pixels" if view["crop"] else "")


def _training(source: Mapping[str, Any]) -> str:
    lines = [
        f"In this order ({source['order']}), seed {source['seed']}:",
        "\n".join(
            f"{place}. {escaped(task)}: {source['data'][task]['train']} training images"
            + (" (pseudo-MOS)" if source["data"][task].get("pseudo_scores") else "")
            for place, task in enumerate(source["tasks"], start=1)
        ),
    ]
    pseudo = pseudo_sets(source)
    if any(pseudo.values()):
        lines.append(
            f"The ratings of {escaped(named(pseudo))} are pseudo-MOS, which are computed: no human "
            "rated these very images. Numbers below say how well the model follows them, not how "
            "well it follows people."
        )
    lines.append(f"Run `{source['run_id']}`, SHA256SUMS `{source['sums_sha256']}`.")
    return "\n\n".join(lines)


def _measured(about: Mapping[str, Any]) -> str:
    results = about.get("results") or {}
    if not results.get("srcc"):
        return "The run measured nothing for this gate."
    title = "SRCC of the last model on each test set, by this gate"
    rows = tuple(results["srcc"].items())
    table = to_markdown(ResultTable(title, ("test set", "SRCC"), rows, 1))
    summaries = ", ".join(f"{k} {v:.3f}" for k, v in results["summaries"].items())
    return table + (f"\n\nOver the sequence: {summaries}." if summaries else "")


def _list(items: Mapping[str, str]) -> str:
    return "\n".join(f"* {key}: {value}" for key, value in items.items())
