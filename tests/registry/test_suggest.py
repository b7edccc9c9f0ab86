"""Did-you-mean."""

from __future__ import annotations

import pytest

from cliqa.registry import did_you_mean, suggest


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("tsn-iqq", ["joint", "tsn-iqa"], ["tsn-iqa"]),
        ("MSRCC", ["mSRCC", "mPI"], ["mSRCC"]),
        ("live", ["LIVE", "Live"], ["LIVE", "Live"]),
        ("xyz", ["joint"], []),
        ("", ["joint"], []),
    ],
)
def test_the_nearest_names_are_suggested_whatever_their_case(
    name: str, known: list[str], expected: list[str]
):
    assert suggest(name, known) == expected


def test_no_more_than_three_names_are_suggested():
    assert len(suggest("abcd", ["abc1", "abc2", "abc3", "abc4"])) == 3


def test_the_sentence_is_empty_when_nothing_is_near():
    assert did_you_mean("xyz", ["joint"]) == ""
    assert did_you_mean("joont", ["joint"]) == " Did you mean `joint`?"
