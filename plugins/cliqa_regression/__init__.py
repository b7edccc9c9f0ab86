"""Learning scores themselves instead of their order."""

from cliqa import Component, hookimpl


@hookimpl
def cliqa_objectives() -> list[Component]:
    """Squared error on scores in [0, 1]."""
    return [
        Component(
            name="squared-error",
            factory="cliqa_regression.objective:SquaredError",
            config="cliqa_regression.config:SquaredErrorConfig",
            summary="squared error on scores in [0, 1], by a small network as the head",
            reference="Liu et al., LIQA, IEEE TMM 2022; https://arxiv.org/abs/2104.14115",
        )
    ]
