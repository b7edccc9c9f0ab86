"""Methods that hold old tasks by a penalty: LwF, SI, MAS, EWC."""

from cliqa import Component, hookimpl

_ROWS = [
    (
        "lwf",
        "strategies:LearningWithoutForgetting",
        "LwFConfig",
        "distils the old heads' pair probabilities on the current images",
        "Li and Hoiem, Learning without Forgetting, TPAMI 2018",
    ),
    (
        "si",
        "synaptic:SynapticIntelligence",
        "SIConfig",
        "quadratic penalty, importance from the path that training took",
        "Zenke, Poole and Ganguli, Synaptic Intelligence, ICML 2017",
    ),
    (
        "mas",
        "importance:MemoryAwareSynapses",
        "MASConfig",
        "quadratic penalty, importance from the sensitivity of the output",
        "Aljundi et al., Memory Aware Synapses, ECCV 2018",
    ),
    (
        "ewc",
        "importance:ElasticWeightConsolidation",
        "EWCConfig",
        "quadratic penalty, importance from the Fisher information",
        "Kirkpatrick et al., Overcoming catastrophic forgetting, PNAS 2017",
    ),
]


@hookimpl
def cliqa_strategies() -> list[Component]:
    """The four methods."""
    return [
        Component(
            name=name,
            factory=f"cliqa_regularization.{factory}",
            config=f"cliqa_regularization.config:{config}",
            summary=summary,
            reference=reference,
        )
        for name, factory, config, summary, reference in _ROWS
    ]
