"""What a learner sees: the same in HTML and in text, and the same every time."""

from __future__ import annotations

import re

import pytest

from course_lib.grading import check

WRONG = """
def rnn_step(x_t, h, W_x, W_h, b):
    return x_t @ W_x.T + h @ W_h.T + b
"""


def one_question(exercise, question, namespace):
    return check.one_question(exercise, check.visible(exercise, question, namespace))


def all_questions(exercise, namespace):
    return check.all_questions(exercise, check.visible(exercise, None, namespace))


def test_right(rnn, names):
    assert repr(one_question(rnn, "q1", names())).splitlines() == [
        "q1: 2 of 2 visible points",
        "The new state has shape (B, H) | ✓ passed | 1 of 1",
        "The numbers are those of the formula | ✓ passed | 1 of 1",
        "All visible tests pass. The hidden ones, at grading, bring 1 point more.",
    ]


def test_wrong_shows_expected_got_and_hint(rnn, names):
    table = one_question(rnn, "q1", names(q1=WRONG))
    assert table.caption == "q1: 1 of 2 visible points"
    (_, result, points), helps = table.rows[1], table.notes[1]
    assert (result, points) == ("✗ failed", "0 of 1")
    # The smallest input on which it fails: one sequence, one number, one state.
    assert re.match(r"For x_t = \[\[-?0\.\d\]\], h = \[\[", helps)
    assert re.search(r"expected \[\[\S+\]\], got \[\[\S+\]\]\.\nHint: \S", helps)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("def rnn_step(*a): return object()", "`rnn_step` returned a object;"),
        ("def rnn_step(*a): return None", "got None"),
        ("def rnn_step(): return 1", "`rnn_step` stopped with TypeError:"),
        (
            "def rnn_step(*a):\n    return 1 / 0",
            "`rnn_step` stopped with ZeroDivisionError: division by zero "
            "(line 2 of its cell).",
        ),
        ("def rnn_step(*a): raise SystemExit", "`rnn_step` stopped with SystemExit"),
        ("", "There is no function `rnn_step` yet: run the cell that defines it."),
        ("rnn_step = 3", "There is no function `rnn_step` yet"),
    ],
)
def test_every_failure_is_a_sentence(rnn, names, answer, says):
    table = one_question(rnn, "q1", names(q1=answer))
    assert table.rows[0][1] == "✗ failed"
    assert says in table.notes[0]
    # Nobody needs to be told how to write what only has to be run.
    assert ("Hint" in table.notes[0]) is ("There is no" not in says)


def test_a_test_gets_copies(rnn, names):
    # In place, on its own copy: the tests' tensors stay what they were.
    answer = "def rnn_step(x_t, h, W_x, W_h, b):\n"
    answer += "    return h.copy_(torch.tanh(x_t @ W_x.T + h @ W_h.T + b))"
    assert one_question(rnn, "q1", names(q1=answer)).caption.startswith("q1: 2 of 2")


def test_stub_is_not_written_yet(rnn, names):
    stub = "def rnn_step(*a): raise NotImplementedError"
    table = one_question(rnn, "q1", names(q1=stub))
    assert {row[1] for row in table.rows} == {"○ not written yet"}
    assert table.closing.startswith("Not written yet.")


def test_all_questions(rnn, names):
    stub = "def bptt(*a): raise NotImplementedError"
    table = all_questions(rnn, names(q1=WRONG, q3=stub))
    results = [(row[0], row[1]) for row in table.rows]
    assert results == [
        ("q1", "✗ partly passed"),
        ("q2", "✓ passed"),  # a wrong rnn_step is paid once
        ("q3", "○ not written yet"),
        ("q4", "✓ passed"),
        ("q5", "✓ passed"),
    ]
    assert table.caption == "An RNN by hand: 7 of 11 visible points"
    assert table.shares == (0.5, 1, 0, 1, 1)


def test_a_wrong_answer_to_q1_costs_nothing_in_q2(rnn, names):
    # The learner's own rnn_step, right or wrong, is there again afterwards.
    broken = "def rnn_step(*a): raise SystemExit"
    for answer in (WRONG, broken, "", "rnn_step = 3"):
        found = names(q1=answer)
        before = dict(found)
        assert one_question(rnn, "q2", found).caption == "q2: 2 of 2 visible points"
        assert "of 2" in one_question(rnn, "q1", found).caption
        assert not one_question(rnn, "q1", found).caption.startswith("q1: 2")
        assert found == before


def test_html_is_a_table_that_a_screen_reader_can_read(rnn, names):
    answer = "def rnn_step(*a): raise ValueError('<b>&')"
    html = one_question(rnn, "q1", names(q1=answer))._repr_html_()
    assert html.count('<th scope="col"') == 3
    assert html.count('<th scope="row"') == 2
    assert "<caption" in html
    assert 'role="status"' in html
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in html
    assert "<code>rnn_step</code> stopped" in html
    # Its colours are the page's own, light or dark.
    assert not re.search(r"#[0-9a-f]{3}|rgb|background(?!:none)", html)


def test_the_same_twice(rnn, names):
    first = one_question(rnn, "q1", names(q1="def rnn_step(*a): return iter(())"))
    second = one_question(rnn, "q1", names(q1="def rnn_step(*a): return iter(())"))
    assert first == second


def test_who_interrupts_a_loop_is_told_where_it_was(rnn, names):
    # As a kernel does it, amid the answer.
    found = names(q3="def bptt(*a): raise KeyboardInterrupt")
    table = all_questions(rnn, found)
    assert [row[1] for row in table.rows] == [
        *["✓ passed"] * 2,
        *["– stopped"] * 3,
    ]
    table = one_question(rnn, "q3", found)
    assert {row[1] for row in table.rows} == {"– stopped"}
    assert table.notes[0].startswith("You stopped it before the answer had come back.")
    assert not any(table.notes[1:])


def test_check_takes_the_notebooks_namespace(rnn, capsys, monkeypatch):
    import __main__

    monkeypatch.setattr(__main__, "rnn_step", lambda *a: None, raising=False)
    rnn.check("q1")
    assert "got None" in capsys.readouterr().out


def test_an_unknown_question_is_named(rnn):
    with pytest.raises(ValueError, match="question is 'q9'; expected one of"):
        rnn.check("q9", {})
