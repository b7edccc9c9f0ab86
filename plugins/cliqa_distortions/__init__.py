"""The job `distortion-bn`: train a network to tell 39 distortions apart, and what that gave."""

from cliqa import CheckOptions, Component, hookimpl

_DBCNN = "Zhang, Ma, Yan, Deng, Wang, DB-CNN, IEEE TCSVT 2020"


@hookimpl
def cliqa_pretrainings() -> list[Component]:
    """The job."""
    return [
        Component(
            name="distortion-bn",
            factory="cliqa_distortions.job:DistortionClassifier",
            config="cliqa_distortions.config:DistortionConfig",
            summary="normalization (or a whole network) trained to tell 39 distortions apart",
            reference=f"{_DBCNN}; its use for gating: Zhang et al., TSN-IQA, IEEE TIP 2024",
            checks=CheckOptions(
                settings={
                    "types": ("contrast", "quantization"),
                    "levels": (2, 5),
                    "crop": 32,
                    "crops": 1,
                    "held_out_crops": 1,
                    "epochs": 1,
                }
            ),
        )
    ]


@hookimpl
def cliqa_weights() -> list[Component]:
    """What the job gave with its defaults."""
    return [
        Component(
            name="distortion-bn-efficientnet-lite0",
            factory="cliqa_distortions:data/distortion-bn-efficientnet-lite0.safetensors",
            summary="distortion-aware normalization of efficientnet-lite0, by `cliqa pretrain`",
            reference=_DBCNN,
        )
    ]
