"""Configurations that come with cliqa, found by name, and the parts that they share."""

from __future__ import annotations

from cliqa import Component, hookimpl


def _table(name: str, what: str) -> dict[str, str]:
    """The recipe of a table of the TSN-IQA paper, and its small sibling on the embedded set."""
    return {
        f"tsn-iqa-{name}": f"TSN-IQA's paper: {what}",
        f"tsn-iqa-{name}-quick": f"{what}, small, on the embedded set",
    }


def _liqa(name: str, what: str) -> dict[str, str]:
    """The same of LIQA's paper."""
    return {
        f"liqa-{name}": f"LIQA's paper: {what}",
        f"liqa-{name}-quick": f"{what}, small, on the embedded set",
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
    **_table("grid", "grid: every method of the paper, eight orders, several seeds"),
    **_liqa("inner", "LIQA and seven others on distortions that arrive one after the other"),
    **_liqa("inner-orders", "grid: five orders of the distortions"),
    **_liqa("inner-delta", "grid: one, two and six distortions a stage"),
    **_liqa("cross", "LIQA and seven others on six datasets"),
    **_liqa("cross-orders", "grid: five orders of the datasets"),
    **_liqa("ablation", "LIQA without each of its parts"),
    **_liqa("sampling", "grid: how pseudo features are drawn"),
    **_liqa("buffer", "grid: how many pseudo features are replayed"),
    **_liqa("seeds", "grid: mean and deviation over seeds"),
    "liqa-and-tsn": "grid: the methods of LIQA's and TSN-IQA's papers in one table",
    "liqa-and-tsn-quick": "grid: the same, small, on the embedded set",
}

#: Name -> summary; the file is `presets/NAME.yaml`.
_PRESETS = {
    "paper": "training protocol as the TSN-IQA paper prints it",
    "released-code": "training protocol of TSN-IQA's released code",
    "embedded-quick": "six small embedded tasks and a schedule of minutes on one CPU core",
    "liqa-paper": "training protocol as LIQA's paper prints it",
    "liqa-inner-stream": "KADID-10k's distortions one after the other, in LIQA's five orders",
    "liqa-cross-stream": "six datasets in LIQA's five orders, split 80/10/10",
    "liqa-methods": "LIQA and the methods that its paper compares it with",
    "liqa-embedded-quick": "22 embedded distortions and a schedule of minutes on one CPU core",
    "liqa-embedded-cross": "the six embedded sets in LIQA's five orders of datasets",
    "liqa-methods-quick": "LIQA and its comparison with short trainings of the generators",
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
