"""Ctrl-C and SIGTERM: a run stops where it can be gone on with."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType

__all__ = ["Interrupted", "Interrupts"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to stop; `saved` says what became of its state.

    A `KeyboardInterrupt`, so that no plugin's `except Exception` swallows it.
    """

    saved: str = ""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)

    @property
    def exit_code(self) -> int:
        """What a shell reports for a process that this signal ended: 130 or 143."""
        return 128 + self.number

    def __str__(self) -> str:
        return f"interrupted by {self.number.name}{self.saved and f'; {self.saved}'}"


class Interrupts:
    """Turns the first signal into `Interrupted` at a moment that suits; use it as a context.

    Inside `deferred` that moment is the end of the outermost one, anywhere else it is at once. The
    second signal has its default effect: the process is gone.

    Args:
        tell: told of a signal that is waited for, in one line.
        follows: another process of the run, which hears the same signal, chooses the moment: this
            one goes on until that one is gone.
    """

    def __init__(self, tell: Callable[[str], None] | None = None, *, follows: bool = False) -> None:
        self._tell, self._follows = tell, follows
        self._depth = 0
        self._asked: int | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                # A process that was started to ignore Ctrl-C (nohup, a shell's background job)
                # goes on ignoring it.
                if before is not signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._received)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]
        self._before = {}

    def _received(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        for other in self._before:
            signal.signal(other, signal.SIG_DFL)
        if not self._follows:
            self.ask(number)

    def ask(self, number: int) -> None:
        """As if this signal had come."""
        self._asked = number
        if not self._depth:
            self._stop()
        if self._tell is not None:
            self._tell("finishing this step, then saving; a second signal stops at once")

    def _stop(self) -> None:
        if self._asked is not None:
            number, self._asked = self._asked, None
            raise Interrupted(number)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """What is done inside is done whole; a signal takes effect when it is."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if not self._depth:
            self._stop()
