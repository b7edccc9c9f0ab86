"""Runs of Weights & Biases."""

from __future__ import annotations

import netrc
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from cliqa.errors import ConfigError
from cliqa.tracking import Ending, TrackedRun, Tracker, final_scalars, require, scalars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa_trackers.config import WandbConfig

__all__ = ["WandbTracker"]

_SERVER: Final = "https://api.wandb.ai"
#: What tells the client who you are, without a login on this machine.
_KEYS: Final = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")


class WandbTracker(Tracker):
    """Logs to one W&B run, which an interrupted run goes on with.

    The step is the line of `train_log.jsonl`; what belongs to a task has the axis `stage`.

    Args:
        config: its settings.

    Raises:
        MissingPackageError: `wandb` is not installed.
        ConfigError: it shall be online, and nobody is logged in.
    """

    def __init__(self, config: WandbConfig) -> None:
        require("wandb", "wandb", "wandb")
        self.wait = config.wait
        self._config = config
        self._mode = _mode(config.mode)
        self._run: Any = None
        self._last = 0

    def start(self, run: TrackedRun) -> None:
        """Begin a run, or go on with that of the attempt before.

        Online, W&B says up to which step it has everything. Offline, every attempt is a folder of
        its own that holds everything, so the newest one is to be synchronised.
        """
        import wandb

        identity = run.memory.get("id") or secrets.token_hex(4)
        run.remember({"id": identity})
        run.folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            id=identity,
            resume="allow",
            project=self._config.project,
            entity=self._config.entity,
            name=run.name,
            group=run.group,
            job_type=run.method,
            config={"cliqa_run_id": run.record["run_id"], **run.record["config"]},
            dir=str(run.folder),
            mode=self._mode,
            reinit="create_new",  # methods beside each other, and other users of the library
            settings=wandb.Settings(console="off", silent=True),
        )
        self._first = self._run.starting_step if self._mode == "online" else 0
        self._run.define_metric("stage")
        for name in ("stage/*", "test_srcc/*"):
            self._run.define_metric(name, step_metric="stage")
        if self._mode == "offline":
            run.note(f"offline; to upload it later: wandb sync {Path(self._run.dir).parent}")

    def record(self, number: int, record: Mapping[str, Any]) -> None:
        """See `Tracker.record`."""
        self._log(number, scalars(record))

    def task_end(self, number: int, summary: Mapping[str, Any]) -> None:
        """See `Tracker.task_end`."""
        found = scalars({"event": "stage", **summary})
        self._log(number, {"stage": summary["step"], **found})

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        """See `Tracker.metrics`."""
        after = self._last
        for step, values in final_scalars(metrics):
            self._log(after + step, {"stage": step, **values})

    def close(self, ending: Ending) -> None:
        """See `Tracker.close`."""
        if self._run is not None:
            self._run.finish(exit_code=0 if ending == "finished" else 1)

    def _log(self, number: int, values: Mapping[str, float]) -> None:
        self._last = number
        if number >= self._first:
            self._run.log(dict(values), step=number)


def _mode(wanted: str) -> Literal["online", "offline"]:
    told = os.environ.get("WANDB_MODE", "") if wanted == "auto" else wanted
    if told == "online" and not _logged_in():
        raise ConfigError(
            "tracker `wandb` shall be online, but there is no login: expected $WANDB_API_KEY or "
            "that of `wandb login`; log in, or set `mode: offline`"
        )
    if told in {"online", "offline"}:
        return "online" if told == "online" else "offline"
    return "online" if _logged_in() else "offline"


def _logged_in() -> bool:
    """Whether the client would find a key, without asking the user for one."""
    if any(os.environ.get(name) for name in _KEYS):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or _SERVER).netloc
    named = os.environ.get("NETRC")
    paths = [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]
    return any(_holds(path.expanduser(), host) for path in paths)


def _holds(path: Path, host: str) -> bool:
    try:
        return netrc.netrc(path).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
