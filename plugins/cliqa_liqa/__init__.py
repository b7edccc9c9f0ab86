"""LIQA: split-and-merge distillation with generative pseudo-replay."""

from cliqa import CheckOptions, Component, hookimpl


@hookimpl
def cliqa_strategies() -> list[Component]:
    """LIQA."""
    return [
        Component(
            name="liqa",
            factory="cliqa_liqa.strategy:Liqa",
            config="cliqa_liqa.config:LiqaConfig",
            summary="one head learns from generated features of old distortions, taught by a head "
            "for each",
            reference="Liu, Zhou, Xu, Li, An, Chen, LIQA: Lifelong Blind Image Quality Assessment, "
            "arXiv:2104.14115",
            checks=CheckOptions(
                settings={
                    "gan_epochs": 2,
                    "head_epochs": 2,
                    "copies": 2,
                    "replay_size": 50,
                    "gan_width": 32,
                }
            ),
        ),
    ]
