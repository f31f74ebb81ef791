"""The data curve in a browser, by mouse and keys."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from pages import focused, live, reveal, shown, slider
from picture_arms import AHEAD, BEHIND, COUNTS, NAMES, hunger

pytestmark = pytest.mark.browser

CNN, VIT, COARSE = NAMES
LEFT, RIGHT = 38, 24  # of the picture, beside its axis


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def radio(page, name: str):
    return page.get_by_role("radio", name=name, exact=True)


def verdict(page) -> str:
    return page.get_by_label("Predict").inner_text()


def said(page) -> str:
    return page.locator(".says").inner_text()


def table(page) -> list[list[str]]:
    rows = page.locator("table.arms tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def report(page, *names: str) -> list:
    return page.evaluate("names => names.map((name) => model.get(name))", list(names))


def picture(page, what: str = "Accuracy"):
    return page.get_by_role("img", name=f"{what} over pictures")


def about(page, what: str = "Accuracy") -> str:
    return picture(page, what).get_attribute("aria-label")


def spot(page, count: float, what: str = "Accuracy") -> tuple[float, float]:
    picture(page, what).scroll_into_view_if_needed()
    box = picture(page, what).bounding_box()
    share = math.log(count / COUNTS[0]) / math.log(COUNTS[-1] / COUNTS[0])
    return box["x"] + LEFT + share * (box["width"] - LEFT - RIGHT), box["y"] + 120


def points(page, number: int, what: str = "Accuracy") -> int:
    """How many points of a curve are drawn: its band has two for each."""
    band = picture(page, what).locator("polygon").nth(number)
    return len(band.get_attribute("points").split()) // 2


def test_it_is_guessed_by_keys_then_revealed(show) -> None:
    page = live(show, hunger())
    assert "With 100 pictures, “Vision Transformer” is behind" in verdict(page)
    assert "by 27.8 ± " in verdict(page)
    rows = table(page)
    assert [row[1] for row in rows] == ["0.840", "0.562", "?"]
    assert [row[3][:4] for row in rows] == ["–", "27.8", "?"]
    assert picture(page).locator("polygon").count() == 2
    assert [points(page, n) for n in (0, 1)] == [6, 2]
    assert picture(page).locator("circle[r='4']").count() == 2
    assert about(page).endswith("; the other is hidden until you answer")
    assert said(page) == ""
    slider(page, "your guess").press("End")
    assert shown(page, "your guess") == "more than 1,257"
    assert "Move the handle: more than 1,257." in verdict(page)
    assert report(page, "guess", "gap", "times") == [None] * 3
    button(page, "That many").press("Enter")
    assert focused(page).startswith("No crossing was seen in this range.")
    assert focused(page).endswith("You said more than 1,257: right.")
    assert report(page, "guess") == [1257]
    assert [points(page, n) for n in range(3)] == [6, 6, 6]
    assert picture(page).locator("circle[r='4']").count() == 3
    assert "hidden" not in about(page)
    assert not slider(page, "your guess").is_visible()
    button(page, "Predict again").click()
    assert picture(page).locator("polygon").count() == 2
    assert report(page, "gap", "times") == [None, None]


@pytest.mark.parametrize("what", ["Accuracy", "Gap"])
def test_it_is_guessed_by_dragging(show, what) -> None:
    page = live(show, hunger(view=what.lower()))
    page.mouse.move(*spot(page, 100, what))
    page.mouse.down()
    page.mouse.move(*spot(page, 200, what), steps=3)
    page.mouse.move(*spot(page, 700, what), steps=3)
    page.mouse.up()
    page.mouse.move(*spot(page, 60, what))
    assert 670 <= int(shown(page, "your guess")) <= 730
    button(page, "That many").click()
    assert "not close" in verdict(page)
    assert 670 <= report(page, "guess")[0] <= 730


def test_the_handle_is_on_the_curve_and_on_the_zero_line(show) -> None:
    page = live(show, hunger())
    for _ in range(10):
        slider(page, "your guess").press("ArrowRight")
    handle = "circle[r='8']"
    x = float(picture(page).locator(handle).get_attribute("cx"))
    first = picture(page).locator("polyline[stroke-dasharray='7 3']")
    line = [
        [float(v) for v in one.split(",")]
        for one in first.get_attribute("points").split()
    ]
    (x0, y0), (x1, y1) = next((a, b) for a, b in pairwise(line) if a[0] <= x <= b[0])
    on_line = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    y = float(picture(page).locator(handle).get_attribute("cy"))
    assert y == pytest.approx(on_line, abs=0.2)
    radio(page, "gap").check()
    zero = picture(page, "Gap").locator("polyline[stroke-dasharray='5 4']")
    level = float(zero.get_attribute("points").split(",")[-1])
    y = float(picture(page, "Gap").locator(handle).get_attribute("cy"))
    assert y == pytest.approx(level, abs=0.1)


def test_it_is_scrubbed_by_keys_and_pointer(show) -> None:
    page = live(show, hunger())
    reveal(page)
    assert shown(page, "pictures") == "100"
    slider(page, "pictures").press("ArrowRight")
    assert report(page, "at") == [3]
    assert [row[1] for row in table(page)] == [
        f"{AHEAD[2] - behind:.3f}" for behind in (0, BEHIND[VIT][2], BEHIND[COARSE][2])
    ]
    level, high, low = AHEAD[2], AHEAD[4] - BEHIND[VIT][4], AHEAD[3] - BEHIND[VIT][3]
    times = 2 ** ((level - low) / (high - low)) * 400 / 200
    gap, found = report(page, "gap", "times")
    assert gap == pytest.approx(BEHIND[VIT][2], abs=1e-4)
    assert found == pytest.approx(times, rel=2e-3)
    assert "behind “residual network” by 22.2 ± " in said(page)
    assert f"about ×{times:.1f} as many pictures (about 860 pictures)" in said(page)
    assert "with 200 pictures: residual network 0.91; " in about(page)
    page.mouse.click(*spot(page, 1200))
    assert report(page, "at", "times") == [6, None]
    assert said(page).endswith("it needs more than all 1,257 pictures.")
    page.evaluate("model.set('at', 5)")
    assert said(page).endswith(
        "it needs more than all 1,257 pictures, more than ×1.6 as many."
    )
    page.evaluate("model.set('at', 6)")
    assert "by 3.3 ± " in said(page)


def test_what_is_not_better_than_chance_is_not_compared(show) -> None:
    page = show(hunger(chance=0.72, at=1))
    reveal(page)
    assert said(page).endswith("is not better than chance: nothing to compare.")


def test_a_switch_shows_the_gaps(show) -> None:
    page = live(show, hunger())
    assert not picture(page, "Gap").is_visible()
    radio(page, "accuracy").press("ArrowRight")
    assert report(page, "view") == ["gap"]
    assert not picture(page).is_visible()
    assert picture(page, "Gap").locator("polygon").count() == 1
    assert points(page, 0, "Gap") == 2
    reveal(page)
    assert [points(page, n, "Gap") for n in (0, 1)] == [6, 6]
    assert "points behind “residual network”" in picture(page, "Gap").text_content()
    slider(page, "pictures").press("End")
    assert "with 1,257 pictures: Vision Transformer 3.3 ± " in about(page, "Gap")
    page.evaluate("model.set('view', 'accuracy')")
    assert radio(page, "accuracy").is_checked()
    assert picture(page).is_visible()


def test_another_network_is_another_question(show) -> None:
    page = live(show, hunger())
    button(page, "That many").click()
    assert "You said 100" in verdict(page)
    choice = page.get_by_label(f"network compared with “{CNN}”")
    assert choice.locator("option:not([disabled])").all_text_contents() == [VIT, COARSE]
    choice.select_option(COARSE)
    assert report(page, "against") == [COARSE]
    assert verdict(page).startswith("From about 660 pictures on, “the same, larger")
    assert "3 seeds cannot tell who is ahead." in verdict(page)
    assert "You said" not in verdict(page)
    slider(page, "pictures").press("End")
    assert "is level with “residual network” as far as the seeds tell" in said(page)
    page.evaluate("name => model.set('against', name)", VIT)
    assert verdict(page).startswith("No crossing was seen")


def test_hover_is_a_number(show) -> None:
    page = show(hunger(view="gap"))
    reveal(page)
    box = picture(page, "Gap").bounding_box()
    x, _ = spot(page, 400, "Gap")
    low, high = -10, 30
    page.mouse.move(x, box["y"] + 24 + 230 * (high - 11.4) / (high - low))
    tip = page.locator(".tip:visible").inner_text()
    assert tip.startswith("Vision Transformer, 400: 11.4 ± ")
    assert tip.endswith(" points")


@pytest.mark.parametrize("view", ["accuracy", "gap"])
@pytest.mark.parametrize("width", [375, 1280])
def test_two_networks_at_two_counts(show, width, view) -> None:
    arms = [
        {"name": f"a network with a rather long name, number {n}", "runs": runs}
        for n, runs in enumerate(([[0.5, 0.9], [0.6, 0.8]], [[0.2, 0.9], [0.2, 0.9]]))
    ]
    page = show(hunger(counts=[10, 60_000], arms=arms, view=view), width=width)
    assert "With 10 pictures, “a network" in verdict(page)
    reveal(page)
    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]
    assert not page.get_by_label(
        f"network compared with “{CNN}”"
    ).is_visible()  # there is but one
    assert verdict(page).startswith("From about ")
