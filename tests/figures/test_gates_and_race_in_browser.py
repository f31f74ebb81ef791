"""The gate console and the race in a real browser, by mouse, by touch and by keys."""

from __future__ import annotations

import itertools

import pytest
from javascript import run
from pages import focused, live, shown, slider
from playwright.sync_api import expect

from course_lib.figures.lstm_gru import GateConsole, Race

pytestmark = pytest.mark.browser


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


# -- the gate console -----------------------------------------------------------------


def verdict(page) -> str:
    return page.get_by_label("Challenge").locator("p").inner_text()


def cell_over_time(page):
    return page.get_by_role("img", name="The cell over time")


def gate_at(page, gate: int, t: int, value: float) -> tuple[float, float]:
    """Where on the page a gate's bar has this value; gates and steps from 0."""
    row = cell_over_time(page).locator("rect[style*='ns-resize']").nth(gate)
    box = row.bounding_box()
    x = box["x"] + (t + 0.5) * box["width"] / 21
    return x, box["y"] + (1 - value) * box["height"]


def test_a_latch_by_the_sliders_alone(show) -> None:
    page = live(show, GateConsole())
    assert "9.5 × 10⁻⁷ of that is kept" in verdict(page)
    slider(page, "f, forget gate").press("End")
    slider(page, "i, input gate").press("Home")
    assert "Step 1 writes 0\u00a0% of the bit" in verdict(page)
    page.get_by_role("radio", name="every step").press("ArrowRight")
    slider(page, "i, input gate").press("End")
    assert verdict(page).startswith("Done. With f = 1")
    assert page.evaluate("[model.get('met'), model.get('gradient')]") == [True, 1]
    page.get_by_role("radio", name="the chosen step").press("ArrowLeft")
    assert shown(page, "i, input gate") == "mixed"
    slider(page, "f, forget gate").press("ArrowLeft")
    slider(page, "f, forget gate").press("ArrowLeft")
    assert shown(page, "f, forget gate") == "0.90"
    assert "0.12 of that is kept" in verdict(page)
    assert page.evaluate("model.get('gradient')") == pytest.approx(0.9**20)
    said = cell_over_time(page).get_attribute("aria-label")
    assert "after 21 steps c is 0.12, wanted 1.00" in said
    assert "0.12 of the gradient arrives at step 1" in said


def test_a_latch_by_dragging(show) -> None:
    page = show(GateConsole())
    for gate, value in ((0, 1.2), (1, -0.2)):  # beyond the row, as a hand does it
        page.mouse.move(*gate_at(page, gate, 0, 0.5))
        page.mouse.down()
        page.mouse.move(*gate_at(page, gate, 0, value))
        page.mouse.move(*gate_at(page, gate, 20, value), steps=60)
        page.mouse.up()
    page.mouse.click(*gate_at(page, 1, 0, 0.999))
    assert verdict(page).startswith("Done.")
    assert shown(page, "chosen step") == "1 of 21"
    page.mouse.move(*gate_at(page, 1, 8, 0.5))
    assert page.locator(".tip:visible").inner_text() == "i₉ = 0.00"
    button(page, "Reset the gates").click()
    assert "9.5 × 10⁻⁷" in verdict(page)


def test_a_tap_sets_a_gate(show) -> None:
    page = show(GateConsole(), width=375)
    cell_over_time(page).scroll_into_view_if_needed()
    page.touchscreen.tap(*gate_at(page, 0, 4, 0.25))
    assert shown(page, "chosen step") == "5 of 21"
    page.get_by_text("the chosen step", exact=True).click()
    assert shown(page, "f, forget gate") == "0.25"


def test_the_picture_stays_where_it_is_while_the_verdict_changes(show) -> None:
    for width in (1280, 700, 375):
        page = show(GateConsole(), width=width)
        before = cell_over_time(page).bounding_box()["y"]
        button(page, "Show me").click()
        assert cell_over_time(page).bounding_box()["y"] == pytest.approx(before, abs=1)


def test_click_on_a_step_shows_its_arithmetic(show) -> None:
    page = show(GateConsole())
    picture = cell_over_time(page)
    x, _ = gate_at(page, 0, 1, 0.5)
    box = picture.bounding_box()
    page.mouse.click(x, box["y"] + 60)
    assert shown(page, "chosen step") == "2 of 21"
    script = """const { run, stream, untouched } = await load("lstm_gru/gates.js");
      const { number } = await load("kit/draw.js");
      const { xs } = stream("remember", 1);
      return number(run("LSTM", untouched("LSTM"), xs)[1].kept);"""
    assert (
        f"= {run(script)}; h₂ = o tanh(c₂)" in page.get_by_text("c₂ = f").inner_text()
    )
    assert page.locator(".tip:visible").inner_text() == f"c₂ = {run(script)}"
    slider(page, "chosen step").press("ArrowRight")
    assert page.get_by_text("c₃ = f c₂").is_visible()


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@pytest.mark.parametrize("challenge", ["remember", "replace", "reveal", "count"])
def test_show_me_shows_what_can_be_done(show, cell, challenge) -> None:
    page = show(GateConsole(cell, challenge))
    if cell == "GRU" and challenge in ("reveal", "count"):
        assert verdict(page).startswith("A GRU cannot")
        assert button(page, "Show me").is_disabled()
        return
    button(page, "Show me").click()
    assert verdict(page).startswith("Done. ")
    button(page, "Other bits").click()
    if challenge == "count":  # it knew the bits by heart
        assert "Write the ones, and only the ones" in verdict(page)
    else:
        assert verdict(page).startswith("Done. ")


def test_the_two_cells_keep_their_gates(show) -> None:
    page = show(GateConsole())
    button(page, "Show me").click()
    page.get_by_role("radio", name="LSTM").press("ArrowRight")
    assert slider(page, "forget gate").count() == 0
    assert shown(page, "z, update gate") == "0.50"
    assert "h₂₁" in verdict(page)
    slider(page, "z, update gate").press("Home")
    slider(page, "r, reset gate").press("End")
    assert "a network could hold this bit, but hardly learn to" in verdict(page)
    page.get_by_role("radio", name="GRU").press("ArrowLeft")
    assert verdict(page).startswith("Done. ")


def test_the_console_shows_what_python_sets(show) -> None:
    page = live(show, GateConsole())
    page.evaluate("model.set('cell', 'GRU'); model.set('challenge', 'replace')")
    assert page.get_by_role("radio", name="GRU").is_checked()
    assert page.get_by_role("radio", name="replace").is_checked()
    assert page.get_by_text("forget it at the mark, step 11").is_visible()
    button(page, "Show me").click()
    assert page.evaluate("model.get('met')")
    assert page.evaluate("model.get('gradient')") == 0


# -- the race -------------------------------------------------------------------------

FIGURE_STEP = "document.querySelector('.course-figure-view > div').shadowRoot"


def step_of(page) -> int:
    return int(page.locator(".says b").nth(1).inner_text())


def lanes(page):
    return page.get_by_role("img", name="Accuracy of each layer")


def chart(page):
    return page.get_by_role("img", name="With how many seeds")


def test_a_race_ends_as_it_was_computed(show) -> None:
    page = show(Race(lag=5))
    assert lanes(page).get_attribute("aria-label").endswith("no steps yet")
    button(page, "GRU").press("Enter")  # the bet starts it
    assert "You say the GRU. See." in page.get_by_label("Predict").inner_text()
    button(page, "Race").wait_for(timeout=60_000)
    script = """const { race } = await load("lstm_gru/recall.js");
      const { outcome } = await load("lstm_gru/race.js");
      const one = race({ lag: 5, hidden: 16, bias: 1, rate: 0.01, seed: 1 });
      while (one.running()) one.step();
      const learned = one.lanes.map((lane) => lane.learned);
      return { steps: one.steps, says: outcome(one), learned };"""
    expected = run(script)
    assert step_of(page) == expected["steps"]
    assert page.get_by_text(expected["says"]).is_visible()
    assert "First: the RNN. Not as you said." in (
        page.get_by_label("Predict").inner_text()
    )
    for learned in expected["learned"]:
        assert f"learned at step {learned}" in lanes(page).text_content()
    assert lanes(page).locator("path").count() == 3  # flags
    said = chart(page).get_attribute("aria-label")
    assert said.count("lag 5 with 1 of 1") == 3


def test_a_race_can_be_paused_and_stepped(show) -> None:
    page = show(Race())
    button(page, "One step").click()
    assert step_of(page) == 1
    script = """const { race } = await load("lstm_gru/recall.js");
      const one = race({ lag: 20, hidden: 16, bias: 1, rate: 0.01, seed: 1 });
      one.step();
      return one.lanes.map(({ losses }) => losses[0].toFixed(2));"""
    box = lanes(page).bounding_box()
    lanes(page).scroll_into_view_if_needed()
    box = lanes(page).bounding_box()
    for x in range(100, 110):  # step 1 is two pixels wide
        page.mouse.move(box["x"] + x, box["y"] + 240)
        tip = page.locator(".tip:visible")
        if tip.count():
            break
    rnn, lstm, gru = run(script)
    assert tip.inner_text() == f"step 1: loss RNN {rnn}, LSTM {lstm}, GRU {gru}"
    button(page, "Race").click()
    page.wait_for_function(
        f"() => +{FIGURE_STEP}.querySelectorAll('.says b')[1].textContent > 5"
    )
    button(page, "Pause").click()
    stopped = step_of(page)
    page.wait_for_timeout(200)
    assert step_of(page) == stopped
    button(page, "Reset").click()
    assert step_of(page) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda page: slider(page, "lag").press("ArrowRight"),
        lambda page: slider(page, "hidden size").press("ArrowLeft"),
        lambda page: page.get_by_role("radio", name="1", exact=True).press("ArrowLeft"),
        lambda page: page.get_by_role("radio", name="0.01").press("ArrowRight"),
        lambda page: button(page, "Another seed").click(),
        lambda page: chart(page).get_by_text("15", exact=True).click(),
    ],
)
def test_another_setting_is_another_race(show, change) -> None:
    page = show(Race())
    button(page, "LSTM").click()
    page.wait_for_function(
        f"() => +{FIGURE_STEP}.querySelectorAll('.says b')[1].textContent > 1"
    )
    change(page)
    assert step_of(page) == 0
    assert "who will learn it first?" in page.get_by_label("Predict").inner_text()
    assert button(page, "Race").is_visible()


def test_a_sweep_fills_the_chart_and_the_next_one_adds_a_seed(show) -> None:
    page = show(Race(hidden=2))  # small, so that it is soon over
    button(page, "Sweep the lags").click()
    assert page.get_by_text("Sweeping: lag").is_visible()
    done = page.get_by_text("Lags learned with seed 1: the RNN")
    done.wait_for(timeout=120_000)
    assert chart(page).get_by_text("/1").count() == 18
    assert page.get_by_text("Sweeping").count() == 0
    page.get_by_role("radio", name="1", exact=True).press("ArrowRight")
    assert chart(page).get_by_text("/1").count() == 12  # another LSTM, the same others
    page.get_by_role("radio", name="3", exact=True).press("ArrowLeft")
    assert chart(page).get_by_text("/1").count() == 18
    button(page, "Sweep the lags").click()
    assert page.get_by_text("seed 2.").is_visible()
    button(page, "Sweep the lags").click()  # and is stopped
    assert page.get_by_text("Sweeping").count() == 0


@pytest.mark.parametrize("stop", ["Reset", "One step", "Another seed", "Pause"])
def test_a_sweep_that_is_stopped_says_so(show, stop) -> None:
    page = show(Race())
    button(page, "Sweep the lags").click()
    button(page, stop).click()
    assert page.get_by_text("Sweeping").count() == 0
    assert page.get_by_label("Predict").is_visible()


def test_the_race_rests_where_nobody_sees_it(show) -> None:
    page = show(Race(lag=40), '<div style="height: 5000px"></div>')
    button(page, "Race").click()
    page.evaluate("scrollTo(0, 4000)")
    page.wait_for_timeout(400)
    stopped = step_of(page)
    page.wait_for_timeout(400)
    assert step_of(page) == stopped
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(".says b").nth(1)).not_to_have_text(str(stopped))


def test_the_race_never_holds_the_page_for_long(show) -> None:
    """Between two frames at most a few steps; here in steps, because time varies."""
    page = show(Race(lag=40))
    button(page, "Race").wait_for()  # mounted: a script does not wait, as a click does
    page.evaluate(
        f"""() => {{
          window.seen = [];
          const root = {FIGURE_STEP};
          const look = () => {{
            const step = +root.querySelectorAll('.says b')[1].textContent;
            if (window.seen.at(-1) !== step) window.seen.push(step);
            requestAnimationFrame(look);
          }};
          look();
        }}"""
    )
    button(page, "Race").click()
    page.wait_for_function("() => window.seen.length > 8")
    seen = page.evaluate("window.seen")
    assert max(b - a for a, b in itertools.pairwise(seen)) <= 12


def test_a_bet_moves_the_focus_to_the_result(show) -> None:
    page = show(Race())
    button(page, "LSTM").press("Enter")
    assert "See." in focused(page)
    page.keyboard.press("Tab")
    assert focused(page) == "Predict again"


def test_the_race_shows_what_python_sets(show) -> None:
    page = live(show, Race())
    page.evaluate("model.set('bias', 2); model.set('lag', 50)")
    assert page.get_by_role("radio", name="2", exact=True).is_checked()
    assert shown(page, "lag") == "50 steps"
    assert "50" in chart(page).text_content()
    page.evaluate("model.set('lag', 1)")
    button(page, "Race").click()
    page.wait_for_function("() => model.get('learned') !== null", timeout=60_000)
    learned = page.evaluate("model.get('learned')")
    assert set(learned) == {"rnn", "lstm", "gru"}
    assert max(learned.values()) == page.evaluate("model.get('step')")
