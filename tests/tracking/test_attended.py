"""A tracker in its own thread."""

from __future__ import annotations

import errno
from threading import Event

import pytest

from cliqa.tracking import Tracker
from cliqa.tracking.attended import Attended

CALLS = ("start", "record", "task_end", "metrics", "close")


class Listening(Tracker):
    """Writes down what it hears, and fails where it is told to."""

    def __init__(self, fails=None, error=None):
        self.heard, self.fails, self.error = [], fails, error

    def _hear(self, call, *facts):
        self.heard.append((call, *facts))
        if call == self.fails:
            raise self.error

    def start(self, run):
        self._hear("start", run)

    def record(self, number, record):
        self._hear("record", number, record)

    def task_end(self, number, summary):
        self._hear("task_end", number, summary)

    def metrics(self, metrics):
        self._hear("metrics", metrics)

    def close(self, ending):
        self._hear("close", ending)


def whole_life(tracker, label="it", seconds=5.0):
    """Tell it everything; returns what the user is told."""
    attended, notes = Attended(label, tracker), []
    attended.tell("start", {})
    for number in (1, 2, 3):
        attended.tell("record", number, {})
    attended.tell("task_end", 4, {})
    attended.tell("metrics", {})
    attended.last("finished")
    went_well = attended.wait(seconds, notes.append)
    return went_well, [*notes, *attended.words()]


def test_a_tracker_hears_everything_in_order():
    tracker = Listening()
    assert whole_life(tracker) == (True, [])
    numbers = [call[1] for call in tracker.heard if call[0] == "record"]
    assert [call[0] for call in tracker.heard][:1] == ["start"]
    assert numbers == [1, 2, 3]
    assert tracker.heard[-1] == ("close", "finished")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "error", [ValueError("bad\nnews"), SystemExit(3), OSError(errno.ENOSPC, "No space left")]
)
def test_whatever_a_call_raises_is_one_sentence_with_the_trackers_name(call, error):
    tracker = Listening(call, error)
    went_well, notes = whole_life(tracker, "grafana")
    assert not went_well
    (note,) = notes
    assert f"tracker `grafana` failed in `{call}`" in note
    assert type(error).__name__ in note
    assert "\n" not in note


def test_a_tracker_that_failed_is_let_close_once_and_hears_nothing_else():
    tracker = Listening("record", ValueError("x"))
    attended = Attended("it", tracker)
    attended.tell("record", 1, {})
    attended.tell("record", 2, {})
    attended.last("finished")
    attended.wait(5, lambda text: None)
    attended._thread.join(5)
    assert [call[0] for call in tracker.heard] == ["record", "close"]


@pytest.mark.parametrize("call", CALLS)
def test_a_tracker_that_hangs_is_left_behind_and_named_once(call):
    release = Event()
    hanging = Listening()
    setattr(hanging, call, lambda *facts: release.wait(60))
    went_well, notes = whole_life(hanging, "slow", seconds=0.05)
    release.set()
    assert not went_well
    assert len(notes) == 1
    assert "tracker `slow` did not finish within 0.05 s" in notes[0]


def test_a_long_wait_is_announced(monkeypatch):
    monkeypatch.setattr("cliqa.tracking.attended._SILENT", 0.01)
    release = Event()
    hanging = Listening()
    hanging.close = lambda ending: release.wait(60)
    _, notes = whole_life(hanging, "slow", seconds=0.05)
    release.set()
    assert "waiting up to 0.05 s" in notes[0]
    assert "left behind" in notes[1]
