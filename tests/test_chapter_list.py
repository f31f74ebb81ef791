from __future__ import annotations

import pytest

from course_lib.chapters import CHAPTERS, chapter


def test_the_chapters_are_numbered_in_order_and_named_once():
    assert [one.number for one in CHAPTERS] == list(range(1, len(CHAPTERS) + 1))
    assert len({one.name for one in CHAPTERS}) == len(CHAPTERS) >= 7


def test_a_chapter_is_found_by_its_name_and_by_that_of_its_files():
    assert chapter("lstm_gru") is chapter("02_lstm_gru") is CHAPTERS[1]
    assert CHAPTERS[1].module == "course_lib.lstm_gru"
    with pytest.raises(
        ValueError, match="chapter: got '03_rnn', expected one of rnn, "
    ):
        chapter("03_rnn")
