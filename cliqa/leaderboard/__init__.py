"""The leaderboard: verified bundles as tracks of rows, in one page, JSON, CSV and Markdown."""

from cliqa.leaderboard.build import Options, build_board
from cliqa.leaderboard.collect import Accepted, Collected, Verify, collect
from cliqa.leaderboard.contents import verified_contents
from cliqa.leaderboard.model import Board, board_schema
from cliqa.leaderboard.page import board_html
from cliqa.leaderboard.plain import board_csv, board_json, board_markdown

__all__ = [
    "Accepted",
    "Board",
    "Collected",
    "Options",
    "Verify",
    "board_csv",
    "board_html",
    "board_json",
    "board_markdown",
    "board_schema",
    "build_board",
    "collect",
    "verified_contents",
]
