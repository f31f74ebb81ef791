"""The growing alignment in a real browser, by mouse and keys, at play and at rest."""

from __future__ import annotations

import pytest
from histories import FIRST, HISTORY, SECOND, growth
from pages import LIVE, live, shown, slider

pytestmark = pytest.mark.browser

every_look = pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)],
)


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def grid(page):
    return page.get_by_role("img", name="The weights as a grid")


def curves(page):
    return page.get_by_role("img", name="AER and BLEU over the training steps")


def at(page) -> int | None:
    return page.evaluate("model.get('at')")


def cells(page) -> list[str]:
    """What fills them."""
    return (
        grid(page)
        .locator("rect.cell")
        .evaluate_all("all => all.map((e) => e.getAttribute('style'))")
    )


def fills(rows: list[list[float]]) -> list[int]:
    return [int(100 * w + 0.5) for row in rows for w in row]


def shares(page) -> list[int]:
    return [int(one.split("attention) ")[1].split("%")[0]) for one in cells(page)]


def numbers(page) -> list[str]:
    return grid(page).locator("text.weight").all_text_contents()


def test_it_is_scrubbed_by_keys(show) -> None:
    page = live(show, growth())
    assert shown(page, "training step") == "400 of 400"
    assert shares(page) == fills(FIRST["weights"][2])
    for n in (1, 0):
        slider(page, "training step").press("ArrowLeft")
        assert at(page) == n + 1
        assert shares(page) == fills(FIRST["weights"][n])
        assert shown(page, "training step") == f"{HISTORY['step'][n]} of 400"
    assert page.evaluate("model.get('found')") == 1
    slider(page, "training step").press("End")
    assert page.evaluate("model.get('found')") == 3
    says = page.locator(".says").inner_text()
    assert says == (
        "After 400 steps: AER 0.25, BLEU 80.5. In this sentence 3 of 3 words that have "
        "a gold link look there most."
    )
    about = grid(page).get_attribute("aria-label")
    assert "I: 나 0.96; go: 간다 0.90; home: 집 0.75; end: 간다 1.00" in about


def test_gold_cells_are_framed(show) -> None:
    page = show(growth())
    framed = (
        grid(page)
        .locator("rect[style*='--key']")
        .evaluate_all(
            "all => all.map((e) => [e.getAttribute('x'), e.getAttribute('y')])"
        )
    )
    inside = (
        grid(page)
        .locator("rect.cell")
        .evaluate_all(
            "all => all.map((e) => [e.getAttribute('x'), e.getAttribute('y')])"
        )
    )
    expected = [inside[j * 5 + i] for i, j in FIRST["links"]]
    assert [[float(v) - 1.5 for v in one] for one in framed] == [
        [float(v) for v in one] for one in expected
    ]


def test_the_words_of_rows_and_columns_are_there(show) -> None:
    page = show(growth())
    texts = grid(page).locator("text").all_text_contents()
    assert texts == ["나 I", "는", "집 home", "에", "간다 go", "I", "go", "home", "end"]


def test_one_row_alone_by_keys_pointer_and_click(show) -> None:
    page = live(show, growth())
    assert shown(page, "the row of") == "every word"
    slider(page, "the row of").press("ArrowRight")
    assert shown(page, "the row of") == "“I”"
    assert numbers(page) == ["0.96", "0.01", "0.01", "0.01", "0.01"]
    box = grid(page).locator("rect.cell").nth(2 * 5 + 3).bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    assert numbers(page) == ["0.00", "0.00", "0.75", "0.25", "0.00"]
    assert page.locator(".tip:visible").inner_text() == "home looks at 에: 0.250"
    page.mouse.down()
    page.mouse.up()
    assert page.evaluate("model.get('word')") == 3
    page.mouse.move(2, 2)
    assert numbers(page) == ["0.00", "0.00", "0.75", "0.25", "0.00"]
    slider(page, "the row of").press("Home")
    assert numbers(page) == []


def test_another_sentence(show) -> None:
    page = live(show, growth(word=4))
    box = grid(page).locator("rect.cell").last.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 10)  # a row that the other has not
    page.get_by_label("sentence").select_option("배 가 고프다")
    assert page.evaluate("[model.get('sentence'), model.get('word')]") == [2, 0]
    assert shares(page) == fills(SECOND["weights"][2])
    assert grid(page).locator("rect[style*='--key']").count() == 2
    slider(page, "the row of").press("End")
    assert shown(page, "the row of") == "“end”"


def test_the_curves_have_their_values_and_a_mark(show) -> None:
    page = live(show, growth(at=2))
    about = curves(page).get_attribute("aria-label")
    assert "AER from 0.900 to 0.250, at this step 0.625" in about
    assert "BLEU from 0.0 to 80.5, at this step 12.3" in about
    curves(page).scroll_into_view_if_needed()
    box = curves(page).bounding_box()
    left, width = box["x"] + 34, box["width"] - 42
    marks = curves(page).locator("circle")
    x = [float(one.get_attribute("cx")) for one in marks.all()]
    assert x == pytest.approx([34 + width * 50 / 400] * 2)
    heights = [float(one.get_attribute("cy")) for one in marks.all()]
    assert heights == pytest.approx([22 + 96 * 0.375, 22 + 130 + 96 * (1 - 0.1234)])
    page.mouse.move(left + 2, box["y"] + 60)
    assert page.locator(".tip:visible").inner_text() == "step 0: AER 0.900"
    page.mouse.move(left + width - 2, box["y"] + 180)
    assert page.locator(".tip:visible").inner_text() == "step 400: BLEU 80.5"
    page.mouse.down()
    page.mouse.up()
    assert at(page) == 3


def test_it_plays_to_the_end(show) -> None:
    page = live(show, growth())
    button(page, "Play").click()  # at the end: from the start
    assert at(page) == 1
    assert button(page, "Pause").is_visible()
    page.wait_for_function("model.get('at') === 3")
    button(page, "Play").wait_for()
    button(page, "Play").press("Enter")
    button(page, "Pause").click()
    stopped = at(page)
    page.wait_for_timeout(700)
    assert at(page) == stopped
    button(page, "Play").click()
    slider(page, "training step").press("End")  # a hand on the slider ends it
    assert button(page, "Play").is_visible()
    assert at(page) == 3


def test_who_wants_no_motion_goes_on_by_hand(show) -> None:
    page = show('<div id="live"></div>')
    page.emulate_media(reduced_motion="reduce")
    figure = growth(at=2)
    page.evaluate(LIVE, [figure.module(), figure.state()])
    assert button(page, "Play").count() == 0
    button(page, "Next step").click()
    assert at(page) == 3
    button(page, "Next step").press("Enter")
    assert at(page) == 1
    page.wait_for_timeout(700)
    assert at(page) == 1


def test_it_shows_what_python_sets(show) -> None:
    page = live(show, growth())
    page.evaluate("model.set('at', 1)")
    assert shares(page) == fills(FIRST["weights"][0])
    page.evaluate("model.set('word', 2)")
    assert len(numbers(page)) == 5
    page.evaluate("model.set('sentence', 2)")
    assert page.get_by_label("sentence").input_value() == "2"
    assert shares(page) == fills(SECOND["weights"][0])
    page.evaluate("model.set('at', null)")
    assert shown(page, "training step") == "400 of 400"


def wide() -> dict:
    """A sentence that no phone is wide enough for."""
    source, target = ["자전거"] * 40, ["grandmother"] * 3
    rows = [[1 / 40] * 40] * 3
    one = {
        "source": source,
        "target": target,
        "links": [[39, 2]],
        "weights": [rows] * 3,
    }
    return {**HISTORY, "sentences": [one]}


@every_look
def test_looks(show, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for figure in (growth(word=1), growth(history=wide(), word=1)):
        page = show(figure, scheme=scheme, width=width)
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1]
        found = Axe().run(page).response["violations"]
        assert [v for v in found if v["impact"] in ("serious", "critical")] == []
    box = page.locator(".parts > .board").first
    scrolls = box.evaluate("e => e.scrollWidth > e.clientWidth")
    assert scrolls == (box.get_attribute("tabindex") == "0")
    assert scrolls or width > 375
