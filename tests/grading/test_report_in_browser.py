"""``report.html`` of a class in a real browser."""

from __future__ import annotations

import functools

import pytest
from made_up import HOSTILE, graded, with_manual, without_tests

from course_lib.grading import reports
from course_lib.grading.reports import similarity
from course_lib.grading.reports.similarity import Pair

pytestmark = pytest.mark.browser

LOOKS = [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)]
COUNT = 200
ODD = HOSTILE.replace("\ud800", "").replace("\u202e", "")


@pytest.fixture(scope="module")
def written(rnn, tmp_path_factory):
    """``written(count)``: where the report on so many lies, some of them hostile."""
    exercise = with_manual(rnn)
    pair = Pair("student001_1_9_answers", similarity.PUBLISHED, ("q1",), 1.0, ODD)

    @functools.cache
    def write(count):
        folder = tmp_path_factory.mktemp("report")
        (folder / "students").mkdir()
        (folder / "students" / "broken.json").write_text("{")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(similarity, "pairs", lambda *_: [pair])
            reports.write_class(exercise, class_of(exercise, count), folder)
        return (folder / "report.html").as_uri()

    return write


def class_of(exercise, count):
    grades = [
        graded(
            exercise,
            f"student{n:03}_{n}_9_answers",
            passed=n % 12,
            manual={"q6": "Because the factor is\n- above 1", "q7": ""},
            answers={"q1": "def rnn_step(x_t, h, W_x, W_h, b):\n    return x_t"},
            seconds=n / 10,
        )
        for n in range(count - 3)
    ]
    odd = graded(
        exercise,
        ODD,
        passed=0,
        flags=[dict.fromkeys(("name", "why", "where", "line", "code"), ODD)],
        cells={ODD: ODD},
        answers={"q1": ODD * 40, "q2": "x" * 3000},
        manual={"q6": ODD * 20 + "y" * 900, "q7": ODD},
        sandbox="process, without RLIMIT_AS",
    )
    unreadable = without_tests(exercise, "y" * 200, "unreadable")
    return [*grades, odd, unreadable, without_tests(exercise, "김민수", "GRADER ERROR")]


@pytest.fixture
def show(browser, written):
    """Open the report; at the end nothing may have gone wrong or been asked for."""
    wrong, contexts = [], []

    def open_page(scheme="light", width=1280, hash="", javascript=True, count=COUNT):
        address = written(count)
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=javascript,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}"))
        page.on("dialog", lambda dialog: wrong.append("a script of a student ran"))
        page.on("request", lambda asked: wrong.append(asked.url))
        page.goto(address + hash)
        assert wrong == [address]  # the page itself, and nothing else
        wrong.clear()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def visible(page) -> list[str]:
    return page.locator("table.sortable tbody tr:visible th").all_inner_texts()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_fits_and_axe_finds_nothing(show, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(scheme, width, count=6)
    opened = "for (const one of document.querySelectorAll('details')) one.open = true"
    page.evaluate(opened)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]})
    assert [
        (rule["id"], rule["nodes"][0]["html"][:200])
        for rule in found.response["violations"]
    ] == []


def test_a_student_is_found_by_a_part_of_his_name(show) -> None:
    page = show()
    assert len(visible(page)) == COUNT
    assert page.locator("details.student[open]").count() == 0
    page.get_by_label("Find a student").fill("STUDENT01")
    assert visible(page) == [
        f"student01{n}_1{n}_9_answers"[:9] + f"{n}_1{n}_9_answers" for n in range(10)
    ]
    assert page.locator("output").inner_text() == f"10 of {COUNT} shown"
    assert page.locator("details.student:visible").count() == 10
    page.get_by_label("Find a student").fill("김민수")
    page.get_by_role("link", name="김민수").click()
    assert page.locator("details.student[open] summary").inner_text() == (
        "김민수: GRADER ERROR"
    )


def test_a_link_opens_a_student_with_the_keyboard(show) -> None:
    page = show()
    link = page.get_by_role("link", name="student007_7_9_answers")
    link.focus()
    page.keyboard.press("Enter")
    there = page.locator("details.student[open]")
    there.wait_for()
    assert there.locator("> summary").inner_text().startswith("student007_7_9_answers")
    place = there.bounding_box()["y"]
    assert -1 <= place < 450, "it is not in sight"


def test_an_address_opens_its_student(show) -> None:
    page = show(hash="#student-3")
    assert page.locator("details.student[open]").get_attribute("id") == "student-3"


def test_the_table_is_sorted_by_any_column(show) -> None:
    page = show()
    head = page.get_by_role("columnheader", name="Seconds")
    button = head.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    seconds = page.locator("table.sortable tbody td:nth-last-child(2)")
    values = [float(text) for text in seconds.all_inner_texts()]
    assert values == sorted(values)
    button.click()
    values = [float(text) for text in seconds.all_inner_texts()]
    assert values == sorted(values, reverse=True)
    page.get_by_role("button", name="Points").click()
    assert head.get_attribute("aria-sort") is None


def test_the_header_stays_in_sight(show) -> None:
    page = show()
    table = page.get_by_role("group", name="All students")
    table.evaluate("box => { box.scrollTop = 2000; }")
    box = table.bounding_box()
    head = table.get_by_role("columnheader", name="Student").bounding_box()
    assert box["y"] <= head["y"] < box["y"] + 40


def test_without_its_script_it_shows_everything(show) -> None:
    page = show(javascript=False)
    assert page.locator("table.sortable tbody tr").count() == COUNT
    assert page.locator("table.sortable button").count() == 0
    assert not page.get_by_label("Find a student").is_visible()
    first = page.locator("details.student").first
    first.locator("summary").first.click()
    assert first.get_by_role("table").first.is_visible()


def test_a_script_of_a_student_would_not_run(browser, written) -> None:
    """Not even one that got into the page: its policy knows its own script only."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(written(6))
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken'";
        document.body.append(script);
    }""")
    assert page.title() == "An RNN by hand: grades"
    context.close()


def test_paper_has_the_whole_table(show) -> None:
    page = show()
    page.emulate_media(media="print")
    table = page.get_by_role("group", name="All students")
    assert table.evaluate("box => box.scrollHeight === box.clientHeight")
    assert not page.get_by_role("navigation").is_visible()
