"""Numbers printed in papers, which `cliqa report` shows beside one's own."""

from cliqa import Component, hookimpl


@hookimpl
def cliqa_published() -> list[Component]:
    """The tables of the TSN-IQA paper."""
    return [
        Component(
            name="tsn-iqa",
            factory="cliqa_published:tsn_iqa.json",
            summary="Tables III to XIII of the TSN-IQA paper: SI, MAS, LwF, TSN-IQA on six sets",
            reference="Zhang et al., Task-Specific Normalization, arXiv:2107.13429",
        ),
    ]
