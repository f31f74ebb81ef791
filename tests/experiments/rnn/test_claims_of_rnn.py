from __future__ import annotations

from course_lib.experiments import experiments


def test_the_chapter_has_these_claims_in_this_order():
    of_rnn = [name for name, e in experiments().items() if e.chapter == "rnn"]
    assert of_rnn == [
        "vanishing-gradient",
        "memory-horizon",
        "gradient-clipping",
        "word-language",
        "character-model",
    ]
