"""Reports of one run or many: one self-contained HTML page, Markdown, CSV. No torch."""

from cliqa.report.build import build_report
from cliqa.report.context import Context
from cliqa.report.groups import Group, Row, Value, group_runs
from cliqa.report.page import to_html
from cliqa.report.pictures import thumbnails
from cliqa.report.plain import csv_text, to_csv, to_markdown
from cliqa.report.published import Published, load_published
from cliqa.report.runs import Found, Run, as_run, find_runs, open_run, search_runs

__all__ = [
    "Context",
    "Found",
    "Group",
    "Published",
    "Row",
    "Run",
    "Value",
    "as_run",
    "build_report",
    "csv_text",
    "find_runs",
    "group_runs",
    "load_published",
    "open_run",
    "search_runs",
    "thumbnails",
    "to_csv",
    "to_html",
    "to_markdown",
]
