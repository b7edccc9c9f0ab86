"""Scores of many files, gone on with."""

import os

import pytest

from cliqa.errors import ResultError
from cliqa.serving import find_images
from cliqa.serving.files import FileScores
from cliqa.serving.table import read_rows


@pytest.fixture
def scores(tiny_scorer, photos, tmp_path):
    def make(out="t.csv", *, scorer=tiny_scorer, named=None, **options):
        paths = find_images(named or [photos]).paths
        return FileScores(scorer, paths, None if out is None else tmp_path / out, **options)

    return make


def run(scores):
    fresh = []
    scores.run(lambda: fresh.append(1))
    return len(fresh)


def test_files_are_scored_as_one_by_one(scores, tiny_scorer):
    made = scores()
    assert run(made) == 3
    for row, path in zip(made.rows, made.paths, strict=True):
        assert row.score == pytest.approx(tiny_scorer.score(path).score, abs=1e-6)
    assert read_rows(made.out) == made.rows


def test_what_is_done_is_kept_and_what_changed_is_scored_again(scores, photos):
    run(scores())
    again = scores()
    assert run(again) == 0
    assert again.kept == 3
    os.utime(photos / "a.png", ns=(5, 5))
    assert run(scores()) == 1


def test_a_broken_file_is_a_row_with_its_error_and_tried_again(scores, photos):
    good = (photos / "a.png").read_bytes()
    (photos / "a.png").write_bytes(good[:100])
    first = scores()
    run(first)
    assert [row.score is None for row in first.rows] == [True, False, False]
    assert first.rows[0].error
    (photos / "a.png").write_bytes(good)
    again = scores()
    assert run(again) == 1
    assert all(row.score is not None for row in again.rows)


def test_an_interruption_leaves_what_is_done_and_the_same_command_goes_on(scores):
    made = scores()

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.run(stop)
    made.write()
    assert len(read_rows(made.out)) == 1
    assert run(scores()) == 2


def test_scores_of_another_model_are_never_lost_without_being_told_to(scores, tiny_run):
    import cliqa

    run(scores())
    other = cliqa.load(tiny_run, gate="newest", device="cpu")
    with pytest.raises(ResultError, match="scores of another model"):
        scores(scorer=other)
    assert run(scores(scorer=other, overwrite=True)) == 3


def test_rows_of_other_files_are_never_lost_but_those_of_deleted_ones_go(scores, photos):
    run(scores())
    with pytest.raises(ResultError, match="holds 2 files that are not asked for now"):
        scores(named=[photos / "a.png"])
    (photos / "b.jpg").unlink()
    (photos / "sub/c.webp").unlink()
    assert run(scores(named=[photos / "a.png"])) == 0


def test_a_file_that_goes_before_its_turn_is_an_error_of_its_own(scores, photos):
    made = scores(None)
    (photos / "b.jpg").unlink()
    run(made)
    assert [row.error for row in made.rows] == ["", "the file is gone", ""]
