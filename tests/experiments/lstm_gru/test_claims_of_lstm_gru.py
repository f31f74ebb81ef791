from __future__ import annotations

from course_lib.experiments import experiments


def test_the_chapter_has_these_claims_in_this_order():
    of_chapter = [n for n, e in experiments().items() if e.chapter == "lstm_gru"]
    assert of_chapter == [
        "forget-gate-gradient",
        "adding-problem",
        "recurrent-cost",
        "gated-character-model",
        "cell-states",
    ]
