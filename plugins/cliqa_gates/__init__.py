"""Ways to weight heads at test time."""

from cliqa import Component, hookimpl

_TSN = "Zhang, Ma, Zhai, Yang, TSN-IQA, IEEE TIP 2024"


@hookimpl
def cliqa_gates() -> list[Component]:
    """K-means gating, soft and hard, and the reference gates."""
    return [
        Component(
            name="kmeans",
            factory="cliqa_gates.kmeans:KMeansGate",
            config="cliqa_gates.config:KMeansConfig",
            summary="soft weights from distances to each task's K-means centroids",
            reference=f"{_TSN}, Eq. 7-10",
        ),
        Component(
            name="hard",
            factory="cliqa_gates.kmeans:HardKMeansGate",
            config="cliqa_gates.config:KMeansConfig",
            summary="K-means gating that uses only the head with the largest weight",
            reference=f"{_TSN}, Table XII",
        ),
        Component(
            name="newest",
            factory="cliqa_gates.reference:Newest",
            summary="the head learned last",
            reference=f"{_TSN}, IV-B",
        ),
        Component(
            name="uniform",
            factory="cliqa_gates.reference:Uniform",
            summary="the mean of all heads",
        ),
        Component(
            name="oracle",
            factory="cliqa_gates.reference:Oracle",
            summary="the head of the image's own dataset: told the task id, an upper reference",
            reference=f"{_TSN}, Table III, task-aware",
        ),
    ]
