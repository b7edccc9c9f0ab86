"""All trackers of one method's run."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from cliqa.errors import CliqaError, PluginError, ResultError
from cliqa.results import Bundle
from cliqa.results.files import write_atomic
from cliqa.results.layout import TRACKERS, TRAIN_LOG, plain
from cliqa.tracking.attended import Attended
from cliqa.tracking.contract import Ending, TrackedRun, Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from cliqa.config import Resolved

__all__ = ["Tracking", "check_trackers", "make_tracker"]

#: Seconds that a run which is stopped waits for its trackers: a scheduler soon kills what lingers.
_HURRY: Final = 10.0


def make_tracker(resolved: Resolved) -> Tracker:
    """Make a tracker from its settings.

    Raises:
        CliqaError: it cannot work here.
        PluginError: its own code failed, or made something else.
    """
    try:
        made = resolved.create()
    except CliqaError:
        raise
    except Exception as error:
        raise PluginError(
            f"{resolved.registered} failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(made, Tracker):
        raise PluginError(f"{resolved.registered} made {made!r}, not a cliqa.tracking.Tracker")
    return made


def check_trackers(chosen: Iterable[Resolved]) -> None:
    """Make each tracker once, to find out before anything is trained that it can work."""
    for resolved in chosen:
        make_tracker(resolved)


class Tracking:
    """The trackers of one method's run; a context that closes them when the run ends.

    Args:
        chosen: the trackers that the configuration names.
        folder: the method's bundle.
        group: name of the whole run's folder.
        method: the method's label.
        note: tells the user; called in the run's own thread only.
    """

    def __init__(
        self,
        chosen: Sequence[Resolved],
        folder: Path,
        group: str,
        method: str,
        note: Callable[[str], None],
    ) -> None:
        self._chosen, self._folder = chosen, folder
        self._group, self._method, self._note = group, method, note
        self._attended: list[tuple[Attended, Tracker]] = []
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(_ending(kind))

    def start(self, record: Mapping[str, Any], *, goes_on: bool) -> None:
        """The run is prepared; if it goes on, its log is what stands of it.

        Args:
            record: the content of `run.json` so far.
            goes_on: whether an earlier attempt's records stand.
        """
        if not self._chosen:
            return
        standing = _log_of(self._folder) if goes_on else []
        for resolved in self._chosen:
            try:
                self._begin(resolved, record, len(standing), goes_on=goes_on)
            except Exception as error:  # it was made once before: what fails now is not the user's
                self._note(f"tracker `{resolved.label}` cannot be used: {error}")
        for known in standing:
            self.log(known)

    def log(self, record: Mapping[str, Any]) -> None:
        """A record was written to `train_log.jsonl`."""
        self._number += 1
        if record.get("event") == "stage":
            summary = {key: value for key, value in record.items() if key != "event"}
            self._tell("task_end", self._number, summary)
        else:
            self._tell("record", self._number, record)

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        """The run was evaluated."""
        self._tell("metrics", metrics)

    def finished_before(self, record: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
        """An earlier attempt finished the run: tell those it was killed before it could tell."""
        self._chosen = [r for r in self._chosen if not _Memory(self._folder, r.label).told_all]
        self.start(record, goes_on=True)
        self.metrics(metrics)

    def _begin(
        self, resolved: Resolved, record: Mapping[str, Any], known: int, *, goes_on: bool
    ) -> None:
        tracker, memory = make_tracker(resolved), _Memory(self._folder, resolved.label)
        if not goes_on:
            memory.forget()
        attended = Attended(resolved.label, tracker)
        run = TrackedRun(
            name=f"{self._group}/{self._method}",
            group=self._group,
            method=self._method,
            bundle=self._folder,
            folder=self._folder / TRACKERS / resolved.label,
            record=_copy(record),
            known=known,
            memory=memory.read(),
            remember=memory.write,
            note=attended.say,
        )
        self._attended.append((attended, tracker))
        attended.tell("start", run)

    def _tell(self, call: str, *facts: Any) -> None:
        for attended, _ in self._attended:
            attended.tell(call, *_copy(facts))  # a copy each: none can change what others see
            self._pass_on(attended)

    def _pass_on(self, attended: Attended) -> None:
        for text in attended.words():
            self._note(text)

    def _close(self, ending: Ending) -> None:
        for attended, _ in self._attended:
            attended.last(ending)
        for attended, tracker in self._attended:
            seconds = tracker.wait if ending == "finished" else min(tracker.wait, _HURRY)
            went_well = attended.wait(seconds, self._note)
            self._pass_on(attended)
            if went_well and ending == "finished":
                with suppress(ResultError):  # then it is told once more, at worst
                    _Memory(self._folder, attended.label).tell_of_end()
        self._attended = []


class _Memory:
    """What a tracker remembers between attempts: `trackers/LABEL.json`, no part of the result."""

    def __init__(self, folder: Path, label: str) -> None:
        self._path = folder / TRACKERS / f"{label}.json"

    def _load(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def read(self) -> dict[str, str]:
        """What `write` was given last; a file that is damaged or absent holds nothing."""
        values = self._load().get("memory")
        return {str(k): str(v) for k, v in values.items()} if isinstance(values, dict) else {}

    def write(self, values: Mapping[str, str]) -> None:
        """Keep these."""
        self._save({"memory": dict(values)})

    def tell_of_end(self) -> None:
        """Note that the tracker was told of the whole run."""
        self._save({"memory": self.read(), "told": "all"})

    @property
    def told_all(self) -> bool:
        """Whether it was."""
        return self._load().get("told") == "all"

    def forget(self) -> None:
        """The run starts over."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _save(self, content: dict[str, Any]) -> None:
        text = json.dumps(content, ensure_ascii=False, indent=1)
        write_atomic(self._path, lambda file: file.write(f"{text}\n".encode()))


def _log_of(folder: Path) -> list[dict[str, Any]]:
    return Bundle(folder).train_log if (folder / TRAIN_LOG).exists() else []


def _ending(kind: type[BaseException] | None) -> Ending:
    if kind is None:
        return "finished"
    from cliqa.resume import NotWholeError  # loads torch, as a run has by now

    again = issubclass(kind, KeyboardInterrupt | NotWholeError)  # it goes on, now or later
    return "interrupted" if again else "failed"


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(plain(value)))
