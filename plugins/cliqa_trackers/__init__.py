"""Trackers: TensorBoard, MLflow and Weights & Biases, each an extra of cliqa."""

from cliqa import Component, hookimpl


@hookimpl
def cliqa_trackers() -> list[Component]:
    """Programs that others know already; none is imported before a run names it."""
    return [
        Component(
            name="tensorboard",
            factory="cliqa_trackers.tensorboard:TensorBoardTracker",
            config="cliqa_trackers.config:TensorBoardConfig",
            summary="event files in the run's folder; extra tensorboard",
            reference="https://www.tensorflow.org/tensorboard",
        ),
        Component(
            name="mlflow",
            factory="cliqa_trackers.mlflow:MLflowTracker",
            config="cliqa_trackers.config:MLflowConfig",
            summary="an MLflow run, on a server or in the run's folder; extra mlflow",
            reference="https://mlflow.org",
        ),
        Component(
            name="wandb",
            factory="cliqa_trackers.wandb:WandbTracker",
            config="cliqa_trackers.config:WandbConfig",
            summary="a Weights & Biases run, online or for `wandb sync`; extra wandb",
            reference="https://wandb.ai",
        ),
    ]
