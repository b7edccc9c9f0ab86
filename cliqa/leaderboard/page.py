"""`index.html`: one file that works from a disk, with nothing of a bundle that is not escaped."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from markupsafe import Markup

from cliqa.leaderboard import words
from cliqa.leaderboard.view import figures, matrices, track_view
from cliqa.report.page import template

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliqa.leaderboard.model import Board


def board_html(board: Board) -> str:
    """The whole page. Its one script is allowed by its digest, so that no other can run."""
    script = _own_file("board.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rows = [row for track in board.tracks for row in track.rows]
    filters = [
        ("backbone", "Backbone", _distinct(row.backbone for row in rows)),
        ("gate", "Gate", _distinct(row.gate for row in rows)),
        ("memory", "Memory of images", _distinct(row.memory for row in rows)),
        ("trust", "Trust", _distinct(row.trust for row in rows)),
        ("extra", "Extra data", _distinct(row.extra_data or "none" for row in rows)),
    ]
    return template("board.html", "cliqa.leaderboard").render(
        board=board,
        tracks=[
            (track_view(board, track), figures(board, track), matrices(track))
            for track in board.tracks
        ],
        filters=filters,
        orders=_distinct(order for track in board.tracks for order in track.orders),
        papers=dict.fromkeys((r.paper, r.source) for r in board.reported),
        rates=words.RATES.format(**words.MEASURED),
        words=words,
        script=Markup(script),  # noqa: S704 (a file of this package)
        more_style=Markup(_own_file("board.css")),  # noqa: S704 (likewise)
        digest=digest,
    )


def _own_file(name: str) -> str:
    return resources.files("cliqa.leaderboard").joinpath("templates", name).read_text("utf-8")


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values))
