"""Configurations that come with cliqa, found by name, and the parts that they share."""

from __future__ import annotations

from cliqa import Component, hookimpl


def _table(name: str, what: str) -> dict[str, str]:
    """The recipe of a table of the TSN-IQA paper, and its small sibling on the embedded set."""
    return {
        f"tsn-iqa-{name}": f"TSN-IQA's paper: {what}",
        f"tsn-iqa-{name}-quick": f"{what}, small, on the embedded set",
    }


#: Name -> summary; the file is `recipes/NAME.yaml`.
_RECIPES = {
    "quickstart": "TSN-IQA and FT on six small tasks of real photographs, in minutes on a CPU",
    "embedded": "TSN-IQA, FT, SL and JL on the embedded set, with more images and epochs",
    **_table("main", "every method and gate (Tables III, IV)"),
    **_table("orders", "grid: eight task orders, every length (Tables V, VI)"),
    **_table("design", "stages and normalization of the gate (Table VII)"),
    **_table("backbones", "grid: other backbones, two-stream (Tables III, VII, XIII)"),
    **_table("similarity", "how alike the sets are, by norms and by SRCC (Tables VIII, IX)"),
    **_table("unseen", "sets never learned, with mean head weights (Tables X, XI)"),
    **_table("complexity", "parameters, multiply-accumulates, forwards (Table XII)"),
    **_table("seeds", "grid: mean and deviation over seeds (Table XIII)"),
}

#: Name -> summary; the file is `presets/NAME.yaml`.
_PRESETS = {
    "paper": "training protocol as the TSN-IQA paper prints it",
    "released-code": "training protocol of TSN-IQA's released code",
    "embedded-quick": "six small embedded tasks and a schedule of minutes on one CPU core",
}


@hookimpl
def cliqa_recipes() -> list[Component]:
    """Whole runs, and grids of runs."""
    return _files("recipes", _RECIPES)


@hookimpl
def cliqa_presets() -> list[Component]:
    """Parts of configurations."""
    return _files("presets", _PRESETS)


def _files(folder: str, summaries: dict[str, str]) -> list[Component]:
    return [
        Component(name=name, factory=f"cliqa_recipes:{folder}/{name}.yaml", summary=summary)
        for name, summary in summaries.items()
    ]
