"""Scoring many files into a table that can be gone on with."""

from __future__ import annotations

import os
import time
import warnings
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from PIL import Image

from cliqa.errors import DataError, ResultError
from cliqa.serving.finding import shown_path
from cliqa.serving.table import Row, read_rows, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from cliqa.serving.scorer import QualityScorer

__all__ = ["FileScores"]

#: Seconds after which the table is written with what has been done so far.
_OFTEN: Final = 30.0


@dataclass
class FileScores:
    """The scores of some files, and the table that keeps them.

    A row that is in the table already is kept if its file has the size and the time of last
    writing that it had, and if the model is the same; rows with an error are tried again.

    Args:
        scorer: the model.
        paths: the files.
        out: the table; None: there is none.
        overwrite: start over, whatever is there.

    Attributes:
        rows: of the files that are done, in the order of the files.
        kept: how many of them were in the table.
    """

    scorer: QualityScorer
    paths: Sequence[Path]
    out: Path | None = None
    overwrite: bool = False
    rows: list[Row] = field(default_factory=list)
    kept: int = 0

    def __post_init__(self) -> None:
        self._empty = [_stamped(path) for path in self.paths]
        self._done: dict[int, Row] = {}
        if self.out is not None:
            if self.out.is_file() and not self.overwrite:
                self._take(self.out, read_rows(self.out))
            self.write()  # a place that cannot be written to is known now, not in the end

    def _take(self, out: Path, found: Sequence[Row]) -> None:
        """Keep what is in the table.

        Raises:
            ResultError: it holds what this command would lose.
        """
        foreign = {row.model for row in found if row.model} - {self.scorer.digest}
        if foreign:
            raise ResultError(
                f"{out} holds scores of another model, or of this one with other options; name "
                "another --out, or replace it with --overwrite"
            )
        places = {row.path: place for place, row in enumerate(self._empty)}
        others = [r for r in found if r.path not in places and os.path.lexists(r.path)]
        if others:
            raise ResultError(
                f"{out} holds {len(others)} files that are not asked for now, first "
                f"{others[0].path}; name them too, name another --out, or replace it with "
                "--overwrite"
            )
        for row in found:
            place = places.get(row.path)
            if place is None or row.score is None:
                continue
            now = self._empty[place]
            if (row.size, row.modified_ns) == (now.size, now.modified_ns):
                self._done[place] = row
        self.kept = len(self._done)

    def run(
        self,
        advance: Callable[[], None],
        whole: Callable[[], AbstractContextManager[object]] = nullcontext,
        *,
        all_heads: bool = False,
    ) -> list[Row]:
        """Score the files that are not done.

        Args:
            advance: called after each.
            whole: what is done inside is not to be interrupted.
            all_heads: see `QualityScorer.score`.
        """
        places = [place for place in range(len(self.paths)) if place not in self._done]
        written = time.monotonic()
        with warnings.catch_warnings():
            # Pillow warns above 89 megapixels and refuses above 179; that is an error of the file.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            answers = self.scorer.score_each(
                [self.paths[place] for place in places], all_heads=all_heads
            )
            for place, answer in zip(places, answers, strict=True):
                row, scorer = self._empty[place], self.scorer
                if isinstance(answer, DataError):
                    row.error = str(answer)
                    self._done[place] = row
                else:
                    self._done[place] = row.answered(answer, scorer.digest, scorer.gate)
                advance()
                if time.monotonic() - written > _OFTEN:
                    with whole():
                        self.write()
                    written = time.monotonic()
        with whole():
            self.write()
        return self.rows

    def write(self, order: Callable[[Sequence[Row]], list[Row]] = list) -> None:
        """Put the rows that are done into the table.

        Args:
            order: in which order.
        """
        self.rows = [self._done[place] for place in sorted(self._done)]
        if self.out is not None:
            write_rows(self.out, order(self.rows), self.scorer.heads)


def _stamped(path: Path) -> Row:
    row = Row(shown_path(path))
    try:
        state = path.stat()
    except OSError:
        return row  # decoding it will say what is wrong
    row.size, row.modified_ns = state.st_size, state.st_mtime_ns
    return row
