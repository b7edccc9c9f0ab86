"""One tracker in a thread of its own: whatever it does there, the run goes on."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cliqa.tracking.contract import Ending, Tracker

__all__ = ["Attended"]

#: Seconds after which the user is told what is waited for.
_SILENT: Final = 3.0


class Attended:
    """Calls a tracker in order, later, elsewhere.

    A call is put into a queue, which is as long as need be: a record is a few hundred bytes and
    comes once an epoch. The thread is a daemon: one that hangs does not keep the process alive.

    Args:
        label: its name in messages.
        tracker: the tracker.
    """

    def __init__(self, label: str, tracker: Tracker) -> None:
        self.label = label
        self.failed = False
        self._tracker = tracker
        self._calls: SimpleQueue[tuple[str, tuple[Any, ...]] | None] = SimpleQueue()
        self._words: SimpleQueue[str] = SimpleQueue()
        self._thread = Thread(target=self._work, name=f"tracker {label}", daemon=True)
        self._thread.start()

    def tell(self, call: str, *facts: Any) -> None:
        """Have one of the tracker's methods called; returns at once."""
        if not self.failed:
            self._calls.put((call, facts))

    def say(self, text: str) -> None:
        """Leave a sentence for the user; for the tracker's own thread."""
        self._words.put(f"tracker `{self.label}`: {text}")

    def words(self) -> Iterator[str]:
        """What there is to say to the user, each sentence once."""
        while True:
            try:
                yield self._words.get_nowait()
            except Empty:
                return

    def last(self, ending: Ending) -> None:
        """Have it close, without waiting for that."""
        self.tell("close", ending)
        self._calls.put(None)

    def wait(self, seconds: float, note: Callable[[str], None]) -> bool:
        """Wait until it has closed; returns whether all that it was told went well.

        Args:
            seconds: how long at most; what has failed is not waited for.
            note: told if it takes long, and if it takes too long.
        """
        first = min(seconds, _SILENT)
        if not self._over_within(first) and seconds > first:
            note(f"tracker `{self.label}`: waiting up to {seconds:g} s for it to finish")
            self._over_within(seconds - first)
        if self._thread.is_alive() and not self.failed:
            self.failed = True
            note(
                f"tracker `{self.label}` did not finish within {seconds:g} s and is left behind; "
                "the run's own log is whole"
            )
        return not self.failed

    def _over_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self._thread.is_alive() and not self.failed and time.monotonic() < end:
            self._thread.join(0.05)
        return self.failed or not self._thread.is_alive()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            name, facts = call
            try:
                getattr(self._tracker, name)(*facts)
            except BaseException as error:  # even an exit is the tracker's own affair
                if not self.failed:
                    self._words.put(
                        f"tracker `{self.label}` failed in `{name}` and is told no more: "
                        f"{_short(error)}; the run goes on, and its own log is whole"
                    )
                    self.failed = True
                if name != "close":
                    self._let_go()
                return

    def _let_go(self) -> None:
        """Let a tracker that failed close what it has open; it was told off already."""
        try:
            self._tracker.close("interrupted")
        except BaseException:
            return


def _short(error: BaseException) -> str:
    """An exception in one line."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
