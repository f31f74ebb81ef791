"""The words of the language task."""

from __future__ import annotations

import pytest

from course_lib.data import words


@pytest.fixture(scope="module")
def split():
    return words.languages(0)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Île-de-Ré", "ile de re"),
        ("Łódź", "lodz"),
        ("Österreich", "osterreich"),
        ("Straße", "strasse"),
        ("İstanbul ışık", "istanbul isik"),
        ("  US-Dollar (1998)", "us dollar"),
        ("한국", ""),
    ],
)
def test_fold(text, folded):
    assert words.fold(text) == folded


def test_every_word_is_letters_of_one_language_in_one_part(split):
    every = [
        word for part in (split.train, split.valid, split.test) for word, _ in part
    ]
    assert len(every) == len(set(every)) > 5000
    letters = set(words.ALPHABET) - {" "}
    assert all(set(word) <= letters and len(word) >= 3 for word in every)
    assert not {"april", "mongolia"} & set(every)  # two languages have these


def test_the_parts_have_the_promised_sizes(split):
    for label in range(len(split.labels)):
        train, valid, test = (
            sum(1 for _, k in part if k == label)
            for part in (split.train, split.valid, split.test)
        )
        total = train + valid + test
        assert abs(test - 0.2 * total) <= 1
        assert abs(valid - 0.1 * total) <= 1


def test_labels_are_right(split):
    of = dict(split.train + split.valid + split.test)
    for word, language in (
        ("deutschland", "German"),
        ("espana", "Spanish"),
        ("mercredi", "French"),
        ("tammikuu", "Finnish"),
    ):
        assert split.labels[of[word]] == language


def test_the_seed_decides(split):
    assert words.languages(0) == split
    assert words.languages(1).test != split.test


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"codes: got \['xx'\]"):
        words.languages(0, ("en", "xx"))
    with pytest.raises(ValueError, match="'b' has 0 words of its own"):
        words.split({"a": ["one", "two", "three", "four"], "b": ["one"]}, 0)


@pytest.mark.data
def test_surnames_have_no_copies_and_no_name_of_two_languages():
    split = words.surnames(0)
    every = [
        word for part in (split.train, split.valid, split.test) for word, _ in part
    ]
    assert len(every) == len(set(every))
    arabic = split.labels.index("Arabic")
    assert sum(label == arabic for _, label in split.train) < 100  # of 2,000 lines
    assert len(split.labels) == 17
    assert {label for _, label in split.test} == set(range(17))
