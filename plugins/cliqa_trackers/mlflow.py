"""Runs in an MLflow tracking store, by the client of `mlflow-skinny`."""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import TYPE_CHECKING, Any, Final

from cliqa.tracking import Ending, TrackedRun, Tracker, final_scalars, flat, require, scalars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow.tracking import MlflowClient

    from cliqa_trackers.config import MLflowConfig

__all__ = ["MLflowTracker"]

#: What a store takes at a time, and of one parameter's text.
_BATCH: Final = 100
_TEXT: Final = 500
_STATUS: Final[dict[Ending, str]] = {
    "finished": "FINISHED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}


class MLflowTracker(Tracker):
    """Logs parameters and metrics to one MLflow run, which an interrupted run goes on with.

    Args:
        config: its settings.
    """

    def __init__(self, config: MLflowConfig) -> None:
        require("mlflow", "mlflow", "mlflow")
        self.wait = config.wait
        self._config = config
        self._client: MlflowClient | None = None
        self._id = ""
        self._there: set[tuple[str, int]] = set()

    def start(self, run: TrackedRun) -> None:
        """Make a run in the store, or find the one of the attempt before."""
        uri = self._config.uri or os.environ.get("MLFLOW_TRACKING_URI")
        if uri is None:
            # MLflow takes plain files only if told so: it wants new stores to be databases.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            uri = (run.folder / "mlruns").absolute().as_uri()
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.tracking import MlflowClient

        self._client = client = MlflowClient(tracking_uri=uri)
        store = hashlib.sha256(uri.encode()).hexdigest()  # an address may hold a password
        if run.memory.get("store") == store:
            self._id = run.memory["run"]
            client.update_run(self._id, status="RUNNING")
            self._there = set(self._known())
            return
        made = client.create_run(
            self._experiment(client),
            run_name=run.name,
            tags={
                "cliqa.run_id": run.record["run_id"],
                "cliqa.method": run.method,
                "cliqa.group": run.group,
            },
        )
        self._id = made.info.run_id
        run.remember({"store": store, "run": self._id})
        self._log_config(run.record["config"])

    def record(self, number: int, record: Mapping[str, Any]) -> None:
        """See `Tracker.record`."""
        self._log(number, scalars(record))

    def task_end(self, number: int, summary: Mapping[str, Any]) -> None:  # noqa: ARG002
        """See `Tracker.task_end`."""
        self._log(summary["step"], scalars({"event": "stage", **summary}))

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        """See `Tracker.metrics`."""
        for step, values in final_scalars(metrics):
            self._log(step, values)

    def close(self, ending: Ending) -> None:
        """See `Tracker.close`."""
        if self._client is not None and self._id:
            self._client.set_terminated(self._id, _STATUS[ending])

    def _experiment(self, client: MlflowClient) -> str:
        from mlflow.exceptions import MlflowException

        name = self._config.experiment
        found = client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(client.create_experiment(name))
            except MlflowException:  # another run made it at the same moment
                found = client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _known(self) -> Iterator[tuple[str, int]]:
        """Name and step of every value that is there: a store keeps what comes twice twice."""
        assert self._client is not None  # noqa: S101 (`start` calls it)
        for name in self._client.get_run(self._id).data.metrics:
            for value in self._client.get_metric_history(self._id, name):
                yield name, value.step

    def _log_config(self, config: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        assert self._client is not None  # noqa: S101 (`start` calls it)
        params = [Param(_name(k), str(v)[:_TEXT]) for k, v in flat(config).items()]
        for part in _parts(params):
            self._client.log_batch(self._id, params=part)

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        assert self._client is not None  # noqa: S101 (`start` comes first)
        now = round(time.time() * 1000)
        named = {_name(name): value for name, value in values.items()}
        fresh = [
            Metric(name, value, now, step)
            for name, value in named.items()
            if (name, step) not in self._there
        ]
        for part in _parts(fresh):
            self._client.log_batch(self._id, metrics=part)


def _name(text: str) -> str:
    """A name that MLflow takes: letters, digits, and _ - . / space."""
    return re.sub(r"[^A-Za-z0-9_\-./ ]", "_", text)


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(items), _BATCH):
        yield items[first : first + _BATCH]
