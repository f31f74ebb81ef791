"""The position clock in a real browser, by mouse, touch and keys."""

from __future__ import annotations

import math

import pytest
from javascript import run
from pages import focused, live, reveal, shown, slider
from playwright.sync_api import expect
from test_position_clock import table

from course_lib.figures.transformer import PositionClock

pytestmark = pytest.mark.browser

every_look = pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)],
)


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def radio(page, name: str):
    return page.get_by_role("radio", name=name, exact=True)


def picture(page):
    return page.get_by_role("img", name="The codes of the places")


def strips(page):
    return page.get_by_role("img", name="Outputs as typed and shuffled")


def products(page) -> list[list[str]]:
    rows = page.locator(".products tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in rows]


def verdict(page) -> str:
    return page.get_by_label("Predict").inner_text()


def spot(page, share: float, above: float) -> tuple[float, float]:
    """Near the foot of the picture: a share of its places, pixels above its end."""
    picture(page).scroll_into_view_if_needed()
    box = picture(page).bounding_box()
    x = box["x"] + 50 + share * (box["width"] - 50 - 8)
    return x, box["y"] + box["height"] - above


def test_predict_first_then_the_same_vectors_only_moved(show) -> None:
    page = live(show, PositionClock())
    assert "reads “I go home”, then “home go I”, positions off" in verdict(page)
    assert "hidden until you answer" in strips(page).get_attribute("aria-label")
    assert "×" not in strips(page).text_content()
    button(page, "Yes, another one").press("Enter")
    assert focused(page).endswith("Not as you said.")
    far = page.evaluate("model.get('difference')")
    assert 0 < far < 1e-14
    script = """const { scientific } = await load("kit/draw.js");
      return scientific(far);"""
    said = run(script, far=far)
    assert f"at most {said}, which is rounding" in verdict(page)
    assert said in strips(page).text_content()
    # another question: what was guessed is forgotten
    radio(page, "off").press("ArrowRight")
    assert page.evaluate("model.get('positions')") == "on"
    assert page.evaluate("model.get('difference')") > 0.01
    assert "Now the order counts." in verdict(page)
    assert "you said" not in verdict(page)
    button(page, "Predict again").click()
    assert "positions on. Does a word" in verdict(page)
    assert "?" in strips(page).text_content()


def test_a_shuffle_keeps_the_guess(show) -> None:
    page = live(show, PositionClock("we all go home"))
    button(page, "No, the same vector").click()
    button(page, "Shuffle").click()
    order = page.evaluate("model.get('order')")
    words = [PositionClock("we all go home").text.split()[n] for n in order]
    assert page.get_by_text(f"→ “{' '.join(words)}”").is_visible()
    assert words != ["home", "go", "all", "we"]
    assert "As you said." in verdict(page)
    page.get_by_label("A sentence").fill("home we go")
    assert page.get_by_text("→ “go we home”").is_visible()
    assert "you said" not in verdict(page)


def test_the_pinned_place_by_keys_and_by_click(show) -> None:
    page = live(show, PositionClock())
    assert shown(page, "pinned place") == "10"
    slider(page, "pinned place").press("ArrowRight")
    assert page.evaluate("model.get('at')") == 11
    assert "code of place 11" in picture(page).text_content()
    assert "p = 11: 64.00" in picture(page).get_attribute("aria-label")
    page.mouse.click(*spot(page, 0.5, 60))  # the curve
    assert page.evaluate("model.get('at')") == 25
    assert page.locator(".tip:visible").inner_text() == "place 25: 64.00"
    page.mouse.click(*spot(page, 0.99, 250))  # the map
    assert shown(page, "pinned place") == "49"
    tip = page.locator(".tip:visible").inner_text()
    dimension, value = tip.removeprefix("place 49, dimension ").split(": ")
    script = """const { sinusoid } = await load("transformer/positions.js");
      const { number } = await load("kit/draw.js");
      return number(sinusoid(49, 128)[c]);"""
    assert run(script, c=int(dimension)) == value


def test_a_clock_is_a_number_and_pins_its_word(show) -> None:
    page = live(show, PositionClock(shift=20))
    box = picture(page).bounding_box()
    slot = min(190, (box["width"] - 50) / 4)
    at = box["x"] + 50 + 2.5 * slot, box["y"] + 44 + 20
    page.mouse.move(*at)
    tip = page.locator(".tip:visible")
    assert tip.inner_text().startswith("“go”, place 21, pair 0: sin 0.84, cos −0.55")
    page.mouse.click(*at)
    assert page.evaluate("model.get('at')") == 21
    page.mouse.move(at[0], box["y"] + 10)
    assert tip.inner_text() == "“go”, place 21"


def test_a_hand_ends_at_sin_and_cos_as_on_a_clock(show) -> None:
    page = show(PositionClock(at=2, shift=5))
    faces = page.locator("circle.face")
    hands = page.locator("circle.face + path.noon + path")
    radius = float(faces.first.get_attribute("r"))
    right, down = map(float, hands.first.get_attribute("d").split("l")[1].split(" "))
    assert right == pytest.approx(radius * math.sin(2), abs=0.01)
    assert down == pytest.approx(-radius * math.cos(2), abs=0.01)
    assert faces.count() == hands.count() == 4 * 6


def test_each_kind_has_its_own_map(show) -> None:
    page = show(PositionClock(weights=table(size=128)))
    cells = "svg g[shape-rendering] >> nth=0"
    formula = page.locator(cells).inner_html()
    radio(page, "learned").check(force=True)
    assert page.locator(cells).inner_html() != formula
    radio(page, "sinusoidal").check(force=True)
    assert page.locator(cells).inner_html() == formula


@pytest.mark.parametrize("kind", ["sinusoidal", "rotary", "learned"])
def test_the_sentence_is_moved(show, kind) -> None:
    page = live(show, PositionClock(kind=kind, weights=table()))
    before = products(page)
    look = slider(page, "move the sentence")
    for _ in range(5):
        look.press("ArrowRight")
    assert shown(page, "move the sentence") == "5 places on"
    assert page.evaluate("model.get('shift')") == 5
    assert "home at place 7" in picture(page).get_attribute("aria-label")
    note = page.locator(".shift").inner_text()
    moved = page.evaluate("model.get('moved')")
    if kind == "learned":
        assert products(page) != before
        assert moved > 0.01
        assert "knows places" in note
        look.press("End")
        assert products(page) == [["–"] * 3] * 3
        assert "ends at place 39" in page.locator(".shift").inner_text()
        assert "no codes" in picture(page).text_content()
        return
    assert products(page) == before
    assert moved < 1e-10
    assert "distance only" in note
    assert ("Codes with codes" in note) == (kind == "sinusoidal")


def test_the_kinds_by_keys_and_the_width(show) -> None:
    page = live(show, PositionClock(weights=table(size=34)))
    size = slider(page, "dimensions C")
    size.press("Home")
    assert page.evaluate("model.get('size')") == 16
    assert products(page)[0][0] == "8.00"  # C / 2
    radio(page, "sinusoidal").press("ArrowRight")
    assert page.evaluate("model.get('kind')") == "learned"
    assert size.is_disabled()
    assert shown(page, "dimensions C") == "34"
    radio(page, "learned").press("ArrowRight")
    assert "Nothing is added" in page.get_by_role("figure").inner_text()
    assert shown(page, "dimensions C") == "16"
    assert "“I” at 10, “home” at p" in picture(page).text_content()


def test_learned_is_offered_only_with_a_table(show) -> None:
    figure = PositionClock()
    figure.weights = None
    page = live(show, figure)
    assert page.get_by_role("radio", name="learned").count() == 0
    expect(radio(page, "sinusoidal")).to_be_checked()
    expect(radio(page, "off")).to_be_checked()


def test_any_sentence(show) -> None:
    page = live(show, PositionClock())
    reveal(page)
    field = page.get_by_label("A sentence")
    field.fill("a b c d e f g h i j")
    assert page.get_by_text("It reads the first 8 words.").is_visible()
    assert len(products(page)) == 8
    field.fill("집에 간다")
    assert len(products(page)) == 2
    field.fill("home")
    assert button(page, "Shuffle").is_disabled()
    field.fill("  ")
    assert page.get_by_text("Type a sentence.").is_visible()
    assert products(page) == []
    for kind in ("rotary", "sinusoidal"):
        radio(page, kind).check(force=True)
    field.fill("</script>")
    assert products(page) == [["64.0"]]


def test_it_shows_what_python_sets(show) -> None:
    page = live(show, PositionClock())
    page.evaluate(
        """() => {
          model.set("text", "we go");
          model.set("kind", "rotary");
          model.set("at", 3);
          model.set("shift", 48);
          model.set("positions", "on");
        }"""
    )
    assert page.get_by_label("A sentence").input_value() == "we go"
    expect(radio(page, "rotary")).to_be_checked()
    expect(radio(page, "on")).to_be_checked()
    assert shown(page, "pinned place") == "3"
    assert "go at place 49" in picture(page).get_attribute("aria-label")


def test_a_tap_pins(show) -> None:
    page = live(show, PositionClock(), width=375)
    page.touchscreen.tap(*spot(page, 0.5, 60))
    assert page.evaluate("model.get('at')") == 25
    assert page.locator(".tip:visible").inner_text().startswith("place 25: ")


@every_look
def test_it_looks(show, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    long = "extraordinarily quick brown foxes jump over lazy dogs"
    figure = PositionClock(long, weights=table(), positions="on")
    page = show(figure, scheme=scheme, width=width)
    reveal(page)
    for kind in ("sinusoidal", "learned", "rotary"):
        radio(page, kind).check(force=True)
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1]
        for box in page.locator(".board, .products").all():  # nothing to scroll
            assert box.evaluate("e => e.scrollWidth <= e.clientWidth")
        ends = picture(page).evaluate(
            "e => [...e.querySelectorAll('text')].map((t) => t.getBBox())"
            ".every((b) => b.x >= -1 && b.x + b.width <= e.clientWidth + 1)"
        )
        assert ends
        found = Axe().run(page).response["violations"]
        assert [v for v in found if v["impact"] in ("serious", "critical")] == []
