"""Low-rank adapters as what a task owns, and a gate that knows each task as a Gaussian.

Listing plugins imports this module, so it imports neither torch nor what is offered.
"""

from cliqa import Component, hookimpl

CLIQA_API = 1  #: version of cliqa's plugin interface that this is written for


@hookimpl
def cliqa_strategies() -> list[Component]:
    """LoRA."""
    return [
        Component(
            name="lora",
            factory="cliqa_example.strategy:LowRankAdaptation",
            config="cliqa_example.config:LoRAConfig",
            summary="the network frozen and shared; low-rank adapters and head belong to the task",
            reference="Hu et al., LoRA: Low-rank adaptation of large language models, ICLR 2022",
        )
    ]


@hookimpl
def cliqa_gates() -> list[Component]:
    """The Mahalanobis gate."""
    return [
        Component(
            name="mahalanobis",
            factory="cliqa_example.gate:MahalanobisGate",
            config="cliqa_example.config:MahalanobisConfig",
            summary="weights from Mahalanobis distances to the mean features of tasks",
            reference="Lee, Lee, Lee and Shin, A simple unified framework for detecting "
            "out-of-distribution samples and adversarial attacks, NeurIPS 2018",
        )
    ]
