"""Task-specific normalization (TSN-IQA)."""

from cliqa import Component, hookimpl


@hookimpl
def cliqa_strategies() -> list[Component]:
    """TSN-IQA and its ablation."""
    return [
        Component(
            name="tsn-iqa",
            factory="cliqa_tsn.strategy:TaskSpecificNormalization",
            summary="convolutions frozen and shared; normalization and head belong to the task",
            reference="Zhang, Ma, Zhai, Yang, Task-Specific Normalization for Continual Learning "
            "of Blind Image Quality Models, IEEE TIP 2024",
        ),
        Component(
            name="shared-norm",
            factory="cliqa_tsn.strategy:SharedNormalization",
            summary="one set of normalization parameters follows the newest task; a head a task",
            reference="the same, Table VII, task-agnostic BN",
        ),
    ]
