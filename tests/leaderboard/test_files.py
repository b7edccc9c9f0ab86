"""The four files: valid, escaped, and saying the same."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import jsonschema
import pytest

from cliqa.leaderboard import board_csv, board_html, board_json, board_markdown, board_schema
from cliqa.registry import Registry
from cliqa.report import load_published

EVIL = "<script>alert(1)</script>"


class Reader(HTMLParser):
    """Tags with their attributes, and text outside of style and script."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words, self.inside = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in {"style", "script"}:
            self.words.append(data)


@pytest.fixture(scope="module")
def board(three_seeds, board_of):
    published = load_published(Registry.discover(third_party=False), print)
    return board_of(three_seeds, baseline="ft", published=published)


def test_the_json_is_of_its_schema_and_the_schema_is_one(board, tmp_path, board_of):
    schema = board_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for each in (board, board_of(tmp_path)):
        validator.validate(json.loads(board_json(each), parse_constant=pytest.fail))
    broken = json.loads(board_json(board))
    broken["tracks"][0]["rows"][0]["place"] = 0
    assert list(validator.iter_errors(broken))


def test_the_csv_has_a_line_a_row_with_the_boards_numbers(board):
    lines = list(csv.DictReader(io.StringIO(board_csv(board))))
    rows = [row for track in board.tracks for row in track.rows]
    assert [(x["method"], x["gate"]) for x in lines] == [(r.method, r.gate) for r in rows]
    for line, row in zip(lines, rows, strict=True):
        for name in board.metrics:
            mean = row.metrics[name].mean
            assert line[f"{name}_mean"] == ("" if mean is None else repr(mean))
        assert line["trust"] == row.trust


def test_the_markdown_names_the_first_rows_and_the_procedure(board):
    text = board_markdown(board)
    first = board.tracks[0].rows[0]
    assert f"| 1 | {first.method} | {first.gate} |" in text
    assert "corrected t" in text
    assert f"{first.metrics['mPSI'].mean:.3f} ± {first.metrics['mPSI'].std:.3f}" in text


def test_papers_are_reported_with_their_source_and_not_ranked(board):
    titles = {row.paper for row in board.reported}
    assert len(titles) >= 3
    assert all(row.source for row in board.reported)
    page = " ".join(Reader(board_html(board)).words)
    assert "arXiv:2107.13429" in page
    assert "arXiv:2104.14115" in page
    printed = {row.method for row in board.reported}
    assert not {row.method for track in board.tracks for row in track.rows} & (printed - {"JL"})


def test_the_page_has_one_script_and_loads_nothing(board):
    html = board_html(board)
    tags = Reader(html).tags
    assert [a for tag, a in tags if tag == "script"] == [{}]
    for tag, attributes in tags:
        assert tag not in {"iframe", "object", "embed", "base", "img"}
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#").startswith(("#", "data:,"))
        assert "src" not in attributes
    assert "default-src 'none'" in html
    assert "'unsafe-eval'" not in html
    assert "url(" not in html


def test_every_link_leads_to_a_part_of_the_page(board):
    tags = Reader(board_html(board)).tags
    ids = {a["id"] for _, a in tags if "id" in a}
    assert {a["href"][1:] for tag, a in tags if tag == "a"} <= ids


def test_text_of_a_bundle_is_never_markup_or_a_formula(make_run, board_of):
    folder = make_run(
        "a",
        method=EVIL,
        strategy={"name": EVIL, EVIL: EVIL},
        order="=1+1",
        gates={"kmeans": False, EVIL: False},
        extra={"run_id": EVIL, "extra_data": [EVIL, '" onload="x']},
    )
    board = board_of(folder, title=EVIL)
    html = board_html(board)
    reader = Reader(html)
    assert [a for tag, a in reader.tags if tag == "script"] == [{}]
    assert EVIL in "".join(reader.words)
    assert not [a for _, a in reader.tags if "onload" in a]
    assert not re.search(r"(?<!\\)<script", board_markdown(board))
    cells = [cell for line in csv.reader(io.StringIO(board_csv(board))) for cell in line]
    assert not [cell for cell in cells if cell.startswith("=")]


def test_the_page_says_what_trust_does_not_cover_and_how_often_its_tests_err(board):
    page = " ".join(Reader(board_html(board)).words)
    assert "does not find predictions that were made up" in page
    assert "corrected t 4.5, 4.2 and 3.6 %" in page
    assert "Missing values come last" in page
