"""Every word of the grammar has a meaning, and a homonym all of them."""

from __future__ import annotations

import pytest

from course_lib.data.korean_english import source_words
from course_lib.data.korean_english.ladders import glosses, ladders
from course_lib.data.korean_english.meanings import meanings


def test_every_word_has_a_meaning() -> None:
    found = meanings()
    assert tuple(found) == source_words()
    assert [word for word, meaning in found.items() if not meaning.strip()] == []


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("배", "pear / boat / stomach"),
        ("눈", "snow / eyes"),
        ("이", "subject / this"),
        ("를", "object"),
        ("에", "to, at"),
        ("아침", "morning"),
        ("나", "I"),
        ("민지", "Minji"),
        ("먹는다", "eat"),
        ("먹었다", "ate"),
        ("먹은", "eaten"),
        ("먹는", "eating"),
        ("먹고", "eat, and"),
        ("먹을", "will eat"),
        ("기다렸지만", "waited for, but"),
        ("쓴", "bitter / written / worn / used"),
        ("예쁜", "pretty"),
        ("예쁘다", "is pretty"),
        ("고프다", "is hungry"),
        ("추워서", "because … is cold"),
        ("내리면", "if … snow"),
        ("매일", "every day"),
        ("빨리", "quickly"),
        ("마리", "counter"),
        ("없다", "is not there"),
        ("새", "new / bird"),
    ],
)
def test_a_meaning(word, meaning) -> None:
    assert set(meanings()[word].split(" / ")) == set(meaning.split(" / "))


def test_it_agrees_with_the_gold_links() -> None:
    """A noun or a name means what the ladders' sentences translate it by."""
    agreed, nouns = 0, 0
    for ladder in ladders():
        pair = ladder.rungs[-1]
        for word, gloss in zip(pair.source, glosses(pair), strict=True):
            if gloss in ("topic", "subject", "object", "of", "to", ""):
                continue
            nouns += 1
            stems = {part[:3].lower() for part in meanings()[word].split()}
            agreed += bool(stems & {part[:3].lower() for part in gloss.split()})
    assert agreed > 0.75 * nouns
