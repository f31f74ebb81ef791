"""Texts to learn from and to measure on: disjoint, whole, and told right."""

from __future__ import annotations

import pytest
import torch

from course_lib.data import nested
from course_lib.experiments.lstm_gru.structured_texts import (
    NESTED,
    PIECES,
    nested_lists,
    the_time_machine,
)


@pytest.fixture(scope="module")
def corpus():
    return nested_lists(20_000, 8_000, 50, 3)


def texts(corpus, part) -> list[str]:
    return [
        corpus.characters.decode(row[real])
        for row, real in zip(part.tokens, part.mask, strict=True)
    ]


def test_windows_begin_with_a_line(corpus):
    found = corpus.windows(torch.arange(len(corpus.starts)), 50)
    assert found.shape == (len(corpus.starts), 51)
    text = corpus.characters.decode(corpus.train)
    for start, window in zip(corpus.starts.tolist(), found, strict=True):
        assert text[start - 1] == "\n"
        assert corpus.characters.decode(window) == text[start : start + 51]


def test_all_that_is_measured_on_is_new_and_begins_with_a_line(corpus):
    learned = corpus.characters.decode(corpus.train)
    parts = [texts(corpus, part) for part in (corpus.choose, corpus.test)]
    every = [piece for part in parts for piece in part]
    assert len(every) == 2 * PIECES
    assert len({piece[:200] for piece in every}) == len(every)
    assert not any(piece[:200] in learned for piece in every)
    assert all(nested.well_formed(piece) for piece in every)


def test_other_seeds_read_other_texts():
    one, other = (nested_lists(2_000, 1_600, 20, seed) for seed in (0, 1))
    pieces = [{p[:150] for p in texts(c, c.test)} for c in (one, other)]
    assert not pieces[0] & pieces[1]


def test_the_concepts_are_those_of_the_characters(corpus):
    part = corpus.test
    text = "".join(texts(corpus, part))
    assert set(part.concepts) == set(NESTED)
    assert all(len(c) == len(text) for c in part.concepts.values())
    depth, inner = 0, {name: 0 for name in ("innermost is (", "innermost is [")}
    stack, quoted = [], False
    for n, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif not quoted and character in "([{":
            stack.append(character)
        elif not quoted and character in ")]}":
            stack.pop()
        depth = len(stack)
        assert part.concepts["inside quotes"][n] == quoted
        assert part.concepts["brackets open"][n] == depth
        assert part.concepts["inside brackets"][n] == (depth > 0)
        for name in inner:
            assert part.concepts[name][n] == bool(stack and stack[-1] == name[-1])


def test_closings_point_at_closing_marks(corpus):
    part = corpus.test
    closings = part.closings
    marks = part.tokens[closings.row, closings.step]
    opened = part.tokens[closings.row, closings.step - closings.distance]
    pairs = set(
        zip(
            corpus.characters.decode(opened),
            corpus.characters.decode(marks),
            strict=True,
        )
    )
    assert pairs == {("(", ")"), ("[", "]"), ("{", "}"), ('"', '"')}
    assert part.mask[closings.row, closings.step].all()


def test_the_last_bracket_opened_is_known(corpus):
    closings, expected = corpus.test.closings, []
    for text in texts(corpus, corpus.test):
        last, quoted = "", False
        for character in text:
            if character == '"':
                expected += [False] * quoted  # no bracket is of its kind
                quoted = not quoted
            elif not quoted and character in "([{":
                last = character
            elif not quoted and character in ")]}":
                expected.append(last + character in ("()", "[]", "{}"))
    assert closings.last.tolist() == expected
    assert 0 < closings.last.float().mean() < 1


@pytest.mark.data
def test_the_book_is_cut_into_parts_with_speech_and_narration():
    corpus = the_time_machine(50)
    for part in (corpus.choose, corpus.test):
        assert 0.2 < part.concepts["inside quotes"].mean() < 0.95
        assert part.closings is None
    learned = corpus.characters.decode(corpus.train)
    pieces = texts(corpus, corpus.choose) + texts(corpus, corpus.test)
    assert not any(piece[:300] in learned for piece in pieces)
    assert len(learned) + sum(map(len, pieces)) == 178_979
