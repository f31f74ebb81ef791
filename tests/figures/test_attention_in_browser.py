"""The score workshop in a real browser, by mouse, touch and keys."""

from __future__ import annotations

from typing import Any

import pytest
from javascript import run
from pages import focused, live, reveal, shown, slider
from playwright.sync_api import expect

from course_lib.figures.attention import ScoreWorkshop

pytestmark = pytest.mark.browser

every_look = pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)],
)
PLANES = {"key": "Query and keys", "value": "Values and their mean"}


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def radio(page, name: str):
    return page.get_by_role("radio", name=name, exact=True)


def axis(page, name: str):
    return page.get_by_role("slider", name=name, exact=True)


def coordinates(page) -> list[str]:
    return [axis(page, name).get_attribute("aria-valuetext") for name in "xy"]


def plane(page, name: str):
    return page.get_by_role("img", name=PLANES[name])


def rows(page) -> list[list[str]]:
    """Score and weight of each word."""
    table = page.locator("table.words tbody tr")
    return [one.locator("td").all_inner_texts()[:2] for one in table.all()]


def total(page) -> str:
    return page.locator("table.words tfoot td").nth(1).inner_text()


def lab(color: str) -> list[float]:
    """The numbers of ``oklab(…)``, however a browser writes them."""
    return [float(part) for part in color.removeprefix("oklab(")[:-1].split()]


def attend(**setting: Any) -> dict[str, Any]:
    """What the page should say of a figure with these arguments."""
    figure = ScoreWorkshop(**setting)
    script = """const { attend } = await load("attention/scores.js");
      const { number } = await load("kit/draw.js");
      const { scores, weights, mean } = attend(one);
      const rows = scores.map((e, i) =>
        [number(e), weights[i] ? number(weights[i]) : "0"]);
      return { rows, mean: `(${mean.map((x) => number(x)).join(", ")})` };"""
    one = {k.removesuffix("_vectors"): getattr(figure, k) for k in figure.arguments}
    one |= {"keys": one["key"], "values": one["value"]}
    return run(script, one=one)


def place(page, name: str, at: list[float]) -> tuple[float, float]:
    """Where on the page a point of a plane is."""
    picture = plane(page, name)
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    unit = (box["width"] / 2 - 12) / 3
    x = box["x"] + box["width"] / 2 + at[0] * unit
    return x, box["y"] + box["height"] / 2 - at[1] * unit


def drag(page, name: str, start: list[float], end: list[float]) -> None:
    page.mouse.move(*place(page, name, start))
    page.mouse.down()
    middle = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
    page.mouse.move(*place(page, name, middle))
    page.mouse.move(*place(page, name, end))
    page.mouse.up()


# -- predict, then see ----------------------------------------------------------------


def test_predict_first_which_word(show) -> None:
    page = live(show, ScoreWorkshop())
    assert rows(page) == [["?", "?"]] * 5
    assert total(page) == "?"
    assert "mean: hidden" in plane(page, "value").get_attribute("aria-label")
    assert "mean" not in plane(page, "value").text_content()
    assert "mean of the values" not in page.get_by_role("figure").inner_text()
    button(page, "배 (stomach)").press("Enter")
    assert focused(page).endswith("Not as you said.")
    assert rows(page) == attend()["rows"]
    assert total(page) == "1.00"
    assert f"= {attend()['mean']}" in page.get_by_text("mean of the").inner_text()
    assert "mean" in plane(page, "value").text_content()
    # the answer follows, and a guess about another setting is forgotten
    radio(page, "general").press("ArrowRight")
    verdict = page.get_by_label("Predict").inner_text()
    assert "고프다 (hungry), with a weight of" in verdict
    assert "you said" not in verdict
    button(page, "Predict again").click()
    assert rows(page) == [["?", "?"]] * 5


def test_what_cannot_change_the_answer_keeps_the_guess(show) -> None:
    page = show(ScoreWorkshop())
    button(page, "고프다 (hungry)").click()
    slider(page, "temperature").press("ArrowRight")
    radio(page, "their own").press("ArrowRight")
    assert "As you said." in page.get_by_label("Predict").inner_text()
    axis(page, "x").press("ArrowRight")
    assert "you said" not in page.get_by_label("Predict").inner_text()


@pytest.mark.parametrize("kind", ["dot", "scaled dot", "general", "additive"])
def test_each_score_is_shown_as_it_is_computed(show, kind) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    radio(page, kind).check(force=True)
    key = kind.split(" ")[0]
    assert page.evaluate("model.get('score')") == key
    assert rows(page) == attend(score=key)["rows"]
    assert slider(page, "turn").count() == (key == "general")
    matrices = page.locator(".matrix")
    assert matrices.count() == {"general": 1, "additive": 3}.get(key, 0)


def test_the_matrix_is_turned_by_keys(show) -> None:
    page = show(ScoreWorkshop(score="general"))
    reveal(page)
    says = page.locator(".matrix")
    assert says.get_attribute("aria-label") == "0.00 −1.00; 1.00 0.00"
    slider(page, "turn").press("End")
    for _ in range(5):
        slider(page, "stretch x").press("ArrowRight")
    slider(page, "stretch y").press("Home")
    assert says.get_attribute("aria-label") == "−1.50 0.00; 0.00 2.00"
    changed = attend(score="general", turn=180, stretch_x=1.5, stretch_y=-2)
    assert rows(page) == changed["rows"]


# -- vectors --------------------------------------------------------------------------


def test_tips_are_dragged(show) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    drag(page, "key", [1.6, 1.0], [-1.0, 2.0])
    assert page.evaluate("model.get('query')") == [-1, 2]
    assert rows(page) == attend(query=[-1, 2])["rows"]
    drag(page, "key", ScoreWorkshop().key_vectors[4], [9, 0.5])  # beyond the edge
    keys = [*ScoreWorkshop().key_vectors[:4], [3, 0.5]]
    assert page.evaluate("model.get('key_vectors')") == keys
    assert page.get_by_label("vector to move").input_value() == "keys 4"
    assert coordinates(page) == ["3.0", "0.5"]
    assert rows(page) == attend(query=[-1, 2], key_vectors=keys)["rows"]


def test_a_value_moves_the_mean_and_no_weight(show) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    before = rows(page)
    drag(page, "value", ScoreWorkshop().value_vectors[4], [2.4, -2.6])
    values = [*ScoreWorkshop().value_vectors[:4], [2.4, -2.6]]
    assert page.evaluate("model.get('value_vectors')") == values
    assert rows(page) == before
    mean = attend(value_vectors=values)["mean"]
    assert mean in page.get_by_text("mean of the").inner_text()
    assert f"mean: {mean}" in plane(page, "value").get_attribute("aria-label")
    # what was computed cannot be dragged
    at = page.evaluate("model.get('mean')")
    drag(page, "value", at, [-1.0, 0.1])
    assert page.evaluate("model.get('value_vectors')") == values


def test_what_is_not_near_a_tip_is_not_gripped(show) -> None:
    page = live(show, ScoreWorkshop())
    drag(page, "key", [-2.5, 2.8], [2.5, -2.5])
    assert page.evaluate("model.get('query')") == ScoreWorkshop().query
    assert page.evaluate("model.get('key_vectors')") == ScoreWorkshop().key_vectors


def test_vectors_are_moved_by_keys(show) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    for _ in range(3):
        axis(page, "y").press("ArrowUp")
    assert page.evaluate("model.get('query')") == [1.6, 1.3]
    choice = page.get_by_label("vector to move")
    choice.select_option("keys 2")
    assert coordinates(page) == ["0.8", "0.6"]
    assert "배 (stomach): e = " in page.get_by_role("figure").inner_text()
    axis(page, "x").press("Home")
    assert page.evaluate("model.get('key_vectors')")[2] == [-3, 0.6]
    choice.select_option("values 0")
    axis(page, "y").press("End")
    assert page.evaluate("model.get('value_vectors')")[0] == [-2.2, 3]
    assert (
        page.evaluate("model.get('key_vectors')")[0] == ScoreWorkshop().key_vectors[0]
    )


def test_a_finger_drags(show) -> None:
    page = live(show, ScoreWorkshop(), width=375)
    start = place(page, "key", [1.6, 1.0])
    before = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y} for x, y in points]
        message = {"type": kind, "touchPoints": at}
        touch.send("Input.dispatchTouchEvent", message)

    send("touchStart", start)
    for step in range(1, 9):  # straight down, where a page would scroll
        send("touchMove", (start[0], start[1] + 8 * step))
    send("touchEnd")
    page.wait_for_function("model.get('query')[1] < 0")
    assert page.evaluate("model.get('query')[0]") == 1.6
    assert page.evaluate("scrollY") == before


def test_a_tip_is_a_number(show) -> None:
    page = show(ScoreWorkshop())
    tip = page.locator(".tip:visible")
    page.mouse.move(*place(page, "key", [-1.2, 1.6]))
    assert tip.inner_text() == "key of 나: (−1.20, 1.60)"
    reveal(page)
    page.mouse.move(*place(page, "key", [-1.2, 1.6]))
    assert tip.inner_text() == "key of 나: (−1.20, 1.60), e = −0.32"
    page.mouse.move(*place(page, "value", [-2.2, 1.4]))
    assert tip.inner_text() == "value of 나: (−2.20, 1.40), α = 0.02"


def test_the_keys_may_serve_as_values(show) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    choice = page.get_by_label("vector to move")
    choice.select_option("values 1")
    radio(page, "their own").press("ArrowRight")
    assert page.evaluate("model.get('averaged')") == "keys"
    says = page.get_by_text("mean of the keys").inner_text()
    assert attend(averaged="keys")["mean"] in says
    assert choice.input_value() == "keys 1"  # the value is drawn no more
    drag(page, "value", [0.8, 0.6], [1.0, -1.0])  # a key, in the other plane
    assert page.evaluate("model.get('key_vectors')")[2] == [1, -1]
    assert page.evaluate("model.get('value_vectors')") == ScoreWorkshop().value_vectors


# -- weights --------------------------------------------------------------------------


def test_words_are_masked(show) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    button(page, "mask 고프다").press("Enter")
    assert page.evaluate("model.get('masked')") == [5]
    assert button(page, "mask 고프다").get_attribute("aria-pressed") == "true"
    assert rows(page) == attend(masked=[5])["rows"]
    assert rows(page)[4][1] == "0"
    assert total(page) == "1.00"
    for word in ("나", "는", "배", "가"):
        button(page, f"mask {word}").click()
    assert [weight for _, weight in rows(page)] == ["0"] * 5
    assert total(page) == "0"
    assert page.get_by_text("all weights are exactly 0").is_visible()
    assert "all are masked" in page.get_by_label("Predict").inner_text()
    assert page.evaluate("model.get('mean')") == [0, 0]
    button(page, "mask 는").click()
    assert page.evaluate("model.get('masked')") == [1, 3, 4, 5]
    assert [weight for _, weight in rows(page)] == ["0", "1.00", "0", "0", "0"]


def test_the_bars_are_as_long_as_the_weights(show) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    sizes = "all => all.map((e) => e.offsetWidth / e.parentElement.offsetWidth)"
    bars = page.locator("table.words u").evaluate_all(sizes)
    weights = page.evaluate("model.get('weights')")
    assert bars == pytest.approx(weights, abs=0.01)
    stack = page.locator(".mixed span").evaluate_all(sizes)
    assert stack == pytest.approx(weights, abs=0.01)


def test_the_mean_has_the_mean_of_the_colours(show) -> None:
    page = live(show, ScoreWorkshop(masked=[1, 2, 4]))
    reveal(page)
    script = """const { colors, css } = await load("attention/words.js");
      const { mean } = await load("attention/scores.js");
      return [css(mean(weights, colors)), css(colors[4])];"""
    weights = page.evaluate("model.get('weights')")
    mixed, pure = run(script, weights=weights)
    swatch = page.locator(".mixed i")
    color = "e => e.style.background"
    assert lab(swatch.evaluate(color)) == lab(mixed)
    button(page, "mask 배").click()
    assert lab(swatch.evaluate(color)) == lab(pure)
    button(page, "mask 고프다").click()
    assert swatch.evaluate("e => e.style.borderStyle") == "dashed"


def test_temperature(show) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    slider(page, "temperature").press("End")
    assert shown(page, "temperature") == "5.0"
    assert rows(page) == attend(temperature=5)["rows"]
    slider(page, "temperature").press("Home")
    assert rows(page)[4][1] == "1.00"
    # small, but not 0 as a masked one is
    assert [weight for _, weight in rows(page)][:4] == ["0.00"] * 4


# -- the width ------------------------------------------------------------------------


def spreads(page) -> list[list[str]]:
    table = page.locator("table.spreads tbody tr")
    return [one.locator("td").all_inner_texts() for one in table.all()]


def unfold(page) -> None:
    page.get_by_text("Why divide by √d?").click()


def test_the_width_by_keys_and_by_mouse(show) -> None:
    page = live(show, ScoreWorkshop())
    assert slider(page, "width d").count() == 0  # folded shut at first
    unfold(page)
    script = """const { atWidth } = await load("attention/widths.js");
      const { number } = await load("kit/draw.js");
      return widths.map((d) => {
        const { plain, scaled } = atWidth(d, 1);
        return [plain, scaled].map(({ spread, largest, slope }) =>
          [spread, largest, slope].map((v) => number(v)));
      });"""
    expected = run(script, widths=[64, 128, 512, 2])
    assert spreads(page) == expected[0]
    look = slider(page, "width d")
    look.press("ArrowRight")
    assert shown(page, "width d") == "128"
    assert page.evaluate("model.get('width')") == 128
    assert spreads(page) == expected[1]
    look.press("End")
    assert spreads(page) == expected[2]
    chart = page.get_by_role("img", name="Softmax of random scores")
    assert f"spread {float(expected[2][0][0]):.1f}" in chart.get_attribute("aria-label")
    chart.scroll_into_view_if_needed()
    chart.get_by_text("2", exact=True).click()
    assert page.evaluate("model.get('width')") == 2
    assert spreads(page) == expected[3]
    page.evaluate("model.set('seed', 2)")
    assert spreads(page) != expected[3]


# -- Python, and looks ----------------------------------------------------------------


def test_it_shows_what_python_sets_and_reports(show) -> None:
    page = live(show, ScoreWorkshop())
    reveal(page)
    page.evaluate(
        """() => {
          model.set("score", "general");
          model.set("turn", 30);
          model.set("temperature", 2);
          model.set("averaged", "keys");
          model.set("query", [0.5, -1]);
          model.set("masked", [2]);
          model.set("width", 8);
        }"""
    )
    setting = {"score": "general", "turn": 30, "temperature": 2, "averaged": "keys"}
    expected = attend(**setting, query=[0.5, -1], masked=[2])
    assert rows(page) == expected["rows"]
    expect(radio(page, "general")).to_be_checked()
    expect(radio(page, "values = keys")).to_be_checked()
    assert shown(page, "turn") == "30°"
    assert shown(page, "temperature") == "2.0"
    unfold(page)
    assert shown(page, "width d") == "8"
    assert coordinates(page) == ["0.5", "−1.0"]
    weights = page.evaluate("model.get('weights')")
    assert [f"{w:.2f}" if w else "0" for w in weights] == [w for _, w in rows(page)]
    assert len(page.evaluate("model.get('scores')")) == 5


@every_look
def test_it_looks(show, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(ScoreWorkshop(), scheme=scheme, width=width)
    reveal(page)
    unfold(page)
    for kind in ("scaled dot", "general", "additive"):
        radio(page, kind).check(force=True)
        button(page, "mask 가").click()
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1]
        # nothing has to be scrolled
        for board in page.locator(".board").all():
            assert board.evaluate("e => e.scrollWidth <= e.clientWidth")
        found = Axe().run(page).response["violations"]
        assert [v for v in found if v["impact"] in ("serious", "critical")] == []
    assert page.get_by_label("vector to move").bounding_box()["height"] >= 40
