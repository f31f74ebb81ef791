"""``report.html``: the class first, then each student."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from course_lib.grading import sandbox
from course_lib.grading.exercises import Exercise
from course_lib.grading.reports import similarity
from course_lib.grading.reports.markup import (
    Markup,
    bar,
    document,
    escape,
    listed,
    table,
)
from course_lib.grading.reports.result import Result, number, possible
from course_lib.grading.reports.similarity import Pair
from course_lib.grading.reports.table import points
from course_lib.grading.reports.terminal import hint
from course_lib.words import counted

_STATUSES = (
    "graded: the tests ran; the points are theirs.",
    "unreadable: the file is no notebook: 0 points.",
    "GRADER ERROR: not the student's fault: no points are given; grade again.",
)
_BINS = 5


def page(
    exercise: Exercise,
    results: Sequence[Result],
    pairs: Sequence[Pair],
    says: Sequence[str],
) -> str:
    """The report as HTML. ``says`` is what a teacher has to know first."""
    sections = {
        "Grades": _grades(exercise, results),
        "Tests": _tests(exercise, results),
        "Written answers": _written(exercise, results),
        "Alike answers": _alike(pairs, results),
        "How safe the grading was": _sandbox(results),
        "Each student": "".join(
            _student(exercise, at, result) for at, result in enumerate(results)
        ),
    }
    titles = [title for title, section in sections.items() if section]
    places = {title: title.lower().replace(" ", "-") for title in titles}
    links = "".join(
        f'<li><a href="#{place}">{title}</a></li>' for title, place in places.items()
    )
    return document(
        f"{exercise.title}: grades",
        f"<main><h1>{escape(exercise.title)}: grades</h1>"
        f"<p>{escape(_head(exercise, results))}</p>"
        + (
            f'<div class="notes"><p>Look at this:</p>{listed(says)}</div>'
            if says
            else ""
        )
        + f'<nav aria-label="Sections"><ul>{links}</ul></nav>'
        + "".join(
            f'<section><h2 id="{place}">{title}</h2>{sections[title]}</section>'
            for title, place in places.items()
        )
        + "</main>",
    )


def _head(exercise: Exercise, results: Sequence[Result]) -> str:
    seeds = ", ".join(sorted({str(result.grade["seed"]) for result in results}))
    by_hand = possible(exercise) - exercise.points
    hand = f" and {by_hand} given by hand" if by_hand else ""
    return (
        f"Exercise {exercise.name}, version {exercise.version}; {exercise.points} "
        f"points from tests{hand}; seed {seeds}; {counted(len(results), 'submission')}."
    )


def _grades(exercise: Exercise, results: Sequence[Result]) -> str:
    questions = [*exercise.questions, *exercise.manual]
    head = ["Student", "Status", "Points", *questions, "Flags", "Seconds", "Sandbox"]
    rows = [
        [
            Markup(f'<a href="#student-{at}">{escape(result.student)}</a>'),
            result.grade["status"],
            total(exercise, result),
            *points(exercise, result),
            len(result.grade["flags"]) or "",
            result.grade["seconds"],
            result.sandbox,
        ]
        for at, result in enumerate(results)
    ]
    return (
        _summary(exercise, results)
        + '<p class="find" hidden><label for="find">Find a student</label>'
        '<input id="find" type="search" autocomplete="off">'
        '<output for="find"></output></p>'
        + table("All students", head, rows, kind="sortable")
        + "<p>What a status says:</p>"
        + listed(_STATUSES)
        + "<p>A flag marks code that deserves a look, and takes no points. Which line "
        "it is, and the answer around it, stand under the student's name.</p>"
    )


def _summary(exercise: Exercise, results: Sequence[Result]) -> str:
    graded = [r.points for r in results if r.grade["status"] == "graded"]
    most, without = possible(exercise), len(results) - len(graded)
    left_out = f" {without} without a graded notebook left out." if without else ""
    open_ = sum(bool(result.pending) for result in results)
    if open_:
        left_out += (
            f" {counted(open_, 'student')} with points still to be given by hand in "
            "manual.csv: counted as they stand."
        )
    if not graded:
        return f"<p>Nobody is graded yet.{left_out}</p>"
    spread = f"{statistics.stdev(graded):.1f}" if len(graded) > 1 else "–"
    rows, below = [], -1.0
    for index in range(_BINS):
        # Up to whole points; the first part holds 0 as well.
        low, high = most * index // _BINS, most * (index + 1) // _BINS
        count = sum(below < one <= high for one in graded)
        words = f"{low + (index > 0)} to {high}"
        rows.append([words, bar(count / len(graded), str(count))])
        below = high
    return (
        f"<p>{len(graded)} graded.{left_out} Mean {statistics.mean(graded):.1f}, "
        f"median {number(statistics.median(graded))}, standard deviation {spread}, "
        f"lowest {number(min(graded))}, highest {number(max(graded))} of {most} "
        "points.</p>" + table("Distribution", ["Points", "Students"], rows)
    )


def _tests(exercise: Exercise, results: Sequence[Result]) -> str:
    graded = [result.grade for result in results if result.grade["status"] == "graded"]
    passed = [
        test["name"]
        for grade in graded
        for test in grade["tests"]
        if test["status"] == "passed"
    ]
    rows = []
    for case in exercise.cases:
        count = passed.count(case.name)
        share = count / len(graded) if graded else 0.0
        rows.append(
            [
                case.name,
                bar(share, f"{count} of {len(graded)} ({share:.0%})"),
                "hidden" if case.hidden else "visible",
                case.points,
                case.title,
            ]
        )
    head = ["Test", "Passed", "Kind", "Points", "Asks"]
    return table("How many pass each test", head, rows, text=head[-1:])


def _written(exercise: Exercise, results: Sequence[Result]) -> str:
    if not exercise.manual:
        return ""
    head = ["Student", "Points", "Comment", "Answer"]
    return (
        "<p>Fill in <em>points</em> and <em>comment</em> in manual.csv, save it as CSV "
        "in the same place, and grade once more with the same command: nothing is "
        "graded twice, and the points join the totals.</p>"
    ) + "".join(
        table(
            f"{name}: {question.title} ({counted(question.points, 'point')})",
            head,
            [[result.student, *_mark(exercise, result, name)] for result in results],
            kind="tall",
            text=head[2:],
        )
        for name, question in exercise.manual.items()
    )


def _mark(exercise: Exercise, result: Result, name: str) -> list[str]:
    """Points, comment and answer to one manual question."""
    mark, most = result.marks[name], exercise.manual[name].points
    if name in result.pending:
        given = f"pending, of {most}"
    else:
        given = "" if mark.points is None else f"{number(mark.points)} of {most}"
    answer = result.grade["manual"].get(name, "")
    return [given, mark.comment, answer or "(nothing written)"]


def _alike(pairs: Sequence[Pair], results: Sequence[Result]) -> str:
    at = {result.student: index for index, result in enumerate(results)}

    def link(name: str) -> str:
        text = escape(name)
        return Markup(
            f'<a href="#student-{at[name]}">{text}</a>' if name in at else text
        )

    if not pairs:
        return "<p>No two submissions are more alike than chance makes them.</p>"
    rows = [
        [link(p.one), link(p.other), ", ".join(p.questions), f"{p.share:.0%}", p.why]
        for p in pairs
    ]
    head = ["One", "Other", "Questions", "Share", "What is the same"]
    return (
        "<p>No proof of anything: a list of whom to ask about their code. "
        f"{escape(similarity.SHARE)}</p>"
        + table("Pairs, the most alike first", head, rows, text=head[-1:])
    )


def _sandbox(results: Sequence[Result]) -> str:
    rows = [result.sandbox for result in results]
    said = "".join(
        f"<h3>{level.name} ({counted(count, 'submission')})</h3>"
        f"<p>What a submission can still do there:</p>{listed(level.open)}"
        for level in sandbox.LEVELS
        if (count := sum(row.partition(",")[0] == level.name for row in rows))
    )
    return (
        "<p>The tests ran in a process of their own and only numbers came in, so no "
        "score was forged by what an answer returned or patched. What an answer could "
        "do to the machine depends on the level of the sandbox, which stands in each "
        f"student's row.</p>{said}"
    )


def _student(exercise: Exercise, at: int, result: Result) -> str:
    grade = result.grade
    tests = [
        [
            test["name"] + (" (hidden)" if test["hidden"] else ""),
            test["status"],
            f"{test['points']} of {test['of']}",
            f"{test['says']} {hint(test)}".strip(),
        ]
        for test in grade["tests"]
    ]
    flags = [
        [
            *(flag[key] for key in ("name", "why", "where", "line")),
            Markup(f"<code>{escape(flag['code'])}</code>"),
        ]
        for flag in grade["flags"]
    ]
    words = [grade["status"], total(exercise, result)]
    words += [f"{name} pending" for name in result.pending]
    if flags:
        words.append(counted(len(flags), "flag"))
    facts = f"Sandbox: {result.sandbox}; {grade['seconds']} seconds."
    return (
        f'<details class="student" id="student-{at}"><summary>'
        f"<strong>{escape(result.student)}</strong>: "
        f"{escape(', '.join(word for word in words if word))}</summary><div>"
        f"<p>{escape(grade['says'])} {escape(facts)}</p>"
        + table("Tests", ["Test", "Result", "Points", "Why"], tests, text=["Why"])
        + written(exercise, result)
        + table(
            "Cells that failed", ["Cell", "Why"], grade["cells"].items(), text=["Why"]
        )
        + table(
            "Flags", ["Use of", "Which", "Where", "Line", "Code"], flags, text=["Code"]
        )
        + "".join(
            f"<details><summary>Code of {escape(question)}</summary>"
            f'<pre tabindex="0"><code>{escape(code)}</code></pre></details>'
            for question, code in grade["answers"].items()
            if code
        )
        + '<p><a href="#grades">Back to the grades</a></p></div></details>'
    )


def written(exercise: Exercise, result: Result) -> str:
    """One student's written answers, with what the teacher said to them."""
    head = ("Question", "Points", "Comment", "Answer")
    rows = [
        [f"{name}: {question.title}", *_mark(exercise, result, name)]
        for name, question in exercise.manual.items()
    ]
    return table("Written answers", head, rows, text=head[2:])


def total(exercise: Exercise, result: Result) -> str:
    """The points of those there are, "so far" where some are still to be given."""
    if result.points is None:
        return ""
    so_far = " so far" if result.pending else ""
    return f"{number(result.points)} of {possible(exercise)}{so_far}"
