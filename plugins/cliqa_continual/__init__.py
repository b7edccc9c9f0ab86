"""Metrics of continual learning: TSN-IQA's, LIQA's, and the general ones."""

from cliqa import Component, hookimpl

_TSN = "https://arxiv.org/abs/2107.13429"
_LIQA = "https://arxiv.org/abs/2104.14115"
_GEM = "https://arxiv.org/abs/1706.08840"
_FORGETTING = "https://arxiv.org/abs/1801.10112"
_ANYTIME = "https://arxiv.org/abs/2003.05856"

#: Name -> (attribute of `cliqa_continual.metrics`, summary, reference).
_METRICS = {
    "mSRCC": ("mean_srcc", "mean SRCC of the last model over all test sets", _TSN),
    "mPI": ("mean_plasticity", "mean plasticity: SRCC on each task just after it", _TSN),
    "mSI": ("mean_stability", "mean stability: agreement with earlier models", _TSN),
    "mPSI": ("mean_trade_off", "mean of plasticity and stability", _TSN),
    "task-length-robustness": ("task_length_robustness", "mean mPSI over all lengths", _TSN),
    "C": ("correlation", "LIQA's correlation index after the last task", _LIQA),
    "C-bar": ("mean_correlation", "LIQA's correlation index, mean over tasks", _LIQA),
    "F": ("forgetting", "LIQA's forgetting index after the last task", _LIQA),
    "F-bar": ("mean_forgetting", "LIQA's forgetting index, mean over tasks", _LIQA),
    "average-forgetting": ("average_forgetting", "drop from the best earlier SRCC", _FORGETTING),
    "backward-transfer": ("backward_transfer", "change of SRCC since learning a task", _GEM),
    "anytime-SRCC": ("anytime_srcc", "mean SRCC on seen tasks, over the sequence", _ANYTIME),
    "mPLCC": ("mean_plcc", "mean raw PLCC of the last model", ""),
    "mPLCC-logistic": ("mean_plcc_logistic", "mean PLCC after a 4-parameter logistic", ""),
    "mKRCC": ("mean_krcc", "mean KRCC of the last model", ""),
}


@hookimpl
def cliqa_metrics() -> list[Component]:
    """Offer the metrics; each is imported when it is first used."""
    return [
        Component(
            name=name,
            factory=f"cliqa_continual.metrics:{attribute}",
            summary=summary,
            reference=reference,
        )
        for name, (attribute, summary, reference) in _METRICS.items()
    ]
