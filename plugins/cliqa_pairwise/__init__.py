"""Learning quality from pairs of images of one dataset."""

from cliqa import Component, hookimpl


@hookimpl
def cliqa_objectives() -> list[Component]:
    """The fidelity loss on pairs."""
    return [
        Component(
            name="fidelity",
            factory="cliqa_pairwise.fidelity:Fidelity",
            config="cliqa_pairwise.config:FidelityConfig",
            summary="fidelity loss on all pairs of a batch; cosine heads comparable across tasks",
            reference="Zhang et al., TSN-IQA, Eq. 3-5; Tsai et al., FRank, SIGIR 2007",
        )
    ]
