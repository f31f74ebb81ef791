"""Speeches, lines and sentences of a printed book."""

from __future__ import annotations

import pytest

from course_lib.data import text as texts
from course_lib.data.prose import blocks, places

SAID = """'Don't,' said he, 'ask.'
The Psychologist's pipe
was out.

'It is,
not that 'twas much--'

'More, and all night

He left. 'So!' said we."""


def test_speech_is_told_from_apostrophes():
    found = places(SAID)
    spoken = "".join(c for c, place in zip(SAID, found, strict=True) if place.quoted)
    # The mark that opens is inside, the one that closes is not; an empty line ends all.
    assert spoken == (
        "'Don't,'ask.'It is,\nnot that 'twas much--'More, and all night\n'So!"
    )


def test_lines_and_sentences_are_counted():
    text = "Ab cd.\nEf? G"
    found = places(text)
    assert [place.line for place in found] == [1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5]
    assert [place.sentence for place in found] == [1, 2, 3, 4, 5, 0, 1, 2, 3, 0, 1, 2]


def test_blocks_are_the_text_cut_at_empty_lines():
    text = "\n\n".join(f"paragraph {n}" * 5 for n in range(50))
    pieces = blocks(text, 8)
    assert "".join(pieces) == text
    assert len(pieces) == 8
    assert all(piece.endswith("\n\n") for piece in pieces[:-1])
    assert max(map(len, pieces)) < 2 * min(map(len, pieces))
    with pytest.raises(ValueError, match="count: got 60"):
        blocks("one\n\ntwo", 60)


@pytest.mark.data
def test_the_book_as_printed():
    text = texts.time_machine_as_printed()
    assert len(text) == 178_979
    assert text.startswith("The Time Machine, by H. G. Wells [1898]\n")
    lines = [place.line for place in places(text)]
    assert 60 < max(lines) < 80
