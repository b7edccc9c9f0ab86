"""No bundle costs the others their page."""

import json

import pytest

from cliqa.leaderboard import board_csv, board_html, board_json, board_markdown

DEEP = "[" * 100_000


def alter(*path, to):
    def change(record):
        for key in path[:-1]:
            record = record[key]
        record[path[-1]] = to

    return change


BAD = {
    "seed is a word": alter("seed", to="zero"),
    "tasks are numbers": alter("tasks", to=[1, 2, 3]),
    "tasks twice": alter("tasks", to=["live", "live", "bid"]),
    "gates is a list": alter("gates", to=["kmeans"]),
    "gates lack those of the predictions": alter("gates", to={}),
    "stages empty": alter("stages", to=[]),
    "data empty": alter("data", to={}),
    "stream is a word": alter("config", "stream", to="live"),
    "split is a list": alter("config", "stream", "split", to=[1]),
    "gates of the configuration are numbers": alter("config", "gates", to=[1]),
    "evaluate is a list": alter("config", "evaluate", to=[]),
    "learned_at is huge": alter("learned_at", to=[0, 1, 10**9]),
    "learned_at goes back": alter("learned_at", to=[2, 1, 0]),
    "order is a mapping": alter("order", to={}),
    "version of the future": alter("schema_version", to=99),
    "half a sign": alter("method", to="\ud800"),
    "reversed direction": alter("method", to="\u202eevil"),
    "cost beyond all numbers": alter("cost", to={"train_seconds": 10**400}),
}
#: Wrong, but no reason to reject: what they say is not shown, or shown as unknown.
ODD = {
    "evaluate_only is unknown": alter("evaluate_only", to=["../../etc"]),
    "cost is a word": alter("cost", to="cheap"),
    "cost holds words": alter("cost", to={"held_bytes": {"peak": "x"}, "parameters": {}}),
    "a megabyte": alter("method", to="m" * 1_000_000),
    "markup": alter("method", to="<script>alert(1)</script>"),
    "run id is a list": alter("run_id", to=["<b>"]),
    "extra data is a mapping": alter("extra_data", to={"a": 1}),
    "backbone is a number": alter("config", "backbone", to=7),
}


def written(board):
    page = board_html(board)
    for text in (page, board_json(board), board_csv(board), board_markdown(board)):
        text.encode()
    return page


@pytest.mark.parametrize("name", BAD)
def test_a_bundle_with_broken_records_is_rejected_with_a_reason(name, make_run, board_of, reseal):
    good, bad = make_run("good", seed=1), make_run("bad")
    alone = board_of(good)
    board = board_of(good, reseal(bad, BAD[name]))
    page = written(board)
    assert [r.bundle for r in board.rejected] == [str(bad)]
    assert board.rejected[0].reason
    assert board.tracks == alone.tracks
    assert "1 bundle rejected" in page


@pytest.mark.parametrize("name", ODD)
def test_odd_values_are_shown_as_text_or_not_at_all(name, make_run, board_of, reseal):
    good, odd = make_run("good", seed=1), make_run("odd")
    board = board_of(good, reseal(odd, ODD[name]))
    page = written(board)
    assert not board.rejected
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert len(page) < 400_000


@pytest.mark.parametrize("text", ["", "[]", "null", "{", DEEP, '{"schema_version": 1}'])
def test_a_record_that_is_none_is_rejected(text, make_run, board_of, reseal):
    good, bad = make_run("good"), make_run("bad", seed=1)
    board = board_of(good, reseal(bad, text=text))
    written(board)
    assert [r.bundle for r in board.rejected] == [str(bad)]


def test_damage_absence_and_unfinished_runs_are_reasons(make_run, board_of, tmp_path):
    good, changed = make_run("good"), make_run("changed", seed=1)
    (changed / "config.yaml").write_text("seed: 2\n")
    half = make_run("half", seed=2, finish=False)
    board = board_of(good, changed, half, tmp_path / "absent", tmp_path)
    reasons = {r.bundle: r.reason for r in board.rejected}
    assert reasons == {
        str(changed): "config.yaml was changed after the run",
        str(half): "it has not finished",
        str(tmp_path / "absent"): "it is not there",
    }
    assert len(board.sources) == 1


def test_a_verification_that_fails_rejects_its_bundle_only(make_run, believe):
    from cliqa.leaderboard import Options, build_board, collect

    def fragile(folder):
        if folder.name == "bad":
            raise MemoryError("no room")
        return believe(folder)

    good, bad = make_run("good"), make_run("bad", seed=1)
    board = build_board(collect([bad, good], verify=fragile), Options())
    assert [r.bundle for r in board.rejected] == [str(bad)]
    assert "no room" in board.rejected[0].reason
    assert len(board.tracks) == 1


def test_without_any_bundle_there_is_a_page_that_says_so(tmp_path, board_of):
    board = board_of(tmp_path)
    assert "No bundle could be accepted" in written(board)
    assert json.loads(board_json(board))["tracks"] == []
