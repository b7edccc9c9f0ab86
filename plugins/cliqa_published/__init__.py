"""Numbers printed in papers, which `cliqa report` shows beside one's own."""

from cliqa import Component, hookimpl

_LIQA = "Liu et al., LIQA: Lifelong Blind Image Quality Assessment, arXiv:2104.14115"


@hookimpl
def cliqa_published() -> list[Component]:
    """The tables of the papers of TSN-IQA and LIQA."""
    return [
        Component(
            name="tsn-iqa",
            factory="cliqa_published:tsn_iqa.json",
            summary="Tables III to XIII of the TSN-IQA paper: SI, MAS, LwF, TSN-IQA on six sets",
            reference="Zhang et al., Task-Specific Normalization, arXiv:2107.13429",
        ),
        Component(
            name="liqa-inner",
            factory="cliqa_published:liqa_inner.json",
            summary="LIQA's paper: C-bar and F-bar on KADID-10k's distortions, seven at first",
            reference=_LIQA,
        ),
        Component(
            name="liqa-cross",
            factory="cliqa_published:liqa_cross.json",
            summary="LIQA's paper: mean SRCC on six sets after the last",
            reference=_LIQA,
        ),
    ]
