"""Lists in lists: what may stand where, and what a reader knows there."""

from __future__ import annotations

import pytest

from course_lib.data import nested
from course_lib.data.nested import nested_lists, places, well_formed


@pytest.fixture(scope="module")
def text() -> str:
    return nested_lists(60_000, 5)


def test_the_seed_decides(text):
    assert nested_lists(60_000, 5) == text
    assert nested_lists(60_000, 6)[:1000] != text[:1000]


def test_it_has_the_length_asked_for_and_whole_lines(text):
    assert text.endswith("\n")
    assert 0 <= len(text) - 60_000 < 2_000
    assert set(text) <= set(nested.ALPHABET)
    assert len(set(nested.ALPHABET)) == len(nested.ALPHABET)


def test_every_line_is_well_formed_by_itself(text):
    assert all(well_formed(line + "\n") for line in text.splitlines())


def test_lists_are_nested_to_the_depth_that_is_said_and_no_deeper(text):
    depths = [len(place.brackets) for place in places(text)]
    assert max(depths) == nested.DEEPEST
    assert min(depths) == 0


def test_brackets_of_all_kinds_stand_between_quotation_marks(text):
    found = places(text)
    quoted = {c for c, place in zip(text, found, strict=True) if place.quoted}
    assert set("()[]{}, ") <= quoted
    assert "\n" not in quoted


def test_far_brackets_are_common(text):
    back = [
        here - place.closes
        for here, place in enumerate(places(text))
        if place.closes is not None and text[here] != nested.QUOTE
    ]
    assert sum(distance > 40 for distance in back) / len(back) > 0.15
    assert sum(distance <= 10 for distance in back) / len(back) > 0.15


def test_places_by_hand():
    text = '[A, "(B, ", {C}]\n'
    found = places(text)
    depth = [len(place.brackets) for place in found]
    assert depth == [1] * 12 + [2, 2, 1, 0, 0], text
    inside = "".join("q" if place.quoted else "." for place in found)
    assert inside == "....qqqqq........", "with the mark that opens, not the other"
    closes = {h: at.closes for h, at in enumerate(found) if at.closes is not None}
    assert closes == {9: 4, 14: 12, 15: 0}
    assert [place.item for place in found[:8]] == [0, 1, 0, 1, 2, 3, 4, 5]
    assert found[9].item == 7, "the comma inside the quote separates nothing"
    assert found[10].item == 0, "the one after it does"
    assert found[-1].line == 0
    assert found[-2].line == len(text) - 1


@pytest.mark.parametrize("text", ["[A)", "A]", "(A, [B)]"])
def test_a_bracket_that_closes_nothing_is_named(text):
    with pytest.raises(ValueError, match="closes nothing"):
        places(text)


@pytest.mark.parametrize(
    "line", ["A\n", "[A]\n", '"(["\n', '[A, {"}"}]\n', "((A), B)\n"]
)
def test_a_well_formed_line(line):
    assert well_formed(line)


@pytest.mark.parametrize("line", ["A", "[A\n", "[A)\n", '"A\n', "", "A]\n", '["]\n'])
def test_a_line_that_is_not(line):
    assert not well_formed(line)


def test_the_names_are_real():
    names = nested.country_names()
    assert len(names) > 60
    assert {"Peru", "Japan", "Cuba"} <= set(names)
