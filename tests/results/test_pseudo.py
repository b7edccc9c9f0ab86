"""Numbers on qualities that no human gave are said to be so, set by set."""

from cliqa.results import pseudo_note, pseudo_sets


def record(flag=None, **sets):
    return {"pseudo_scores": flag, "data": {k: {"pseudo_scores": v} for k, v in sets.items()}}


def test_only_the_sets_with_computed_qualities_are_named():
    note = pseudo_note(pseudo_sets(record(live=False, made=True, far=True)))
    assert note.startswith("The qualities of made and far are pseudo-MOS: computed, not rated")


def test_where_people_rated_everything_nothing_is_said():
    assert pseudo_note(pseudo_sets(record(live=False, bid=False))) == ""


def test_a_set_only_tested_on_is_named_although_the_run_learned_from_ratings():
    assert "of far are" in pseudo_note(pseudo_sets(record(False, live=False, far=True)))


def test_a_record_that_does_not_tell_of_each_set_is_taken_at_its_word():
    earlier = {"pseudo_scores": True, "data": {"a": {}, "b": {}}}
    assert pseudo_sets(earlier) == {"a": True, "b": True}


def test_the_sets_of_several_runs_are_named_once():
    runs = [record(a=True, b=False), record(a=True, c=True)]
    assert pseudo_sets(*runs) == {"a": True, "b": False, "c": True}


def test_many_sets_are_named_by_their_number_only_if_they_are_all():
    many = {f"type-{n}": True for n in range(24)}
    assert "of all 24 sets are" in pseudo_note(many)
    assert "type-0, type-1, " in pseudo_note({**many, "bid": False})
