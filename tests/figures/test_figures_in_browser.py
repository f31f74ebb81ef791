"""Every figure in a real browser, over file://, with the network blocked."""

from __future__ import annotations

import pytest
from ablations import lab as transformer_lab
from attenders import lab as attention_lab
from fillers import bench
from histories import growth
from javascript import run
from label_arms import curve
from pages import focused, live, reveal, shown, slider
from picture_arms import hunger
from playwright.sync_api import expect
from translators import lab
from vits import bench as patch_bench
from vits import rolled

from course_lib.figures.attention import ScoreWorkshop
from course_lib.figures.bert import MaskingMachine, PieceBuilder
from course_lib.figures.lstm_gru import CellMicroscope, GateConsole, Race
from course_lib.figures.quiz import Quiz
from course_lib.figures.rnn import EchoTrainer, GradientThermometer, Stepper
from course_lib.figures.seq2seq import BeamTree, BleuCalculator
from course_lib.figures.title import ThreeTranslators
from course_lib.figures.transformer import PositionClock

pytestmark = pytest.mark.browser

QUIZ = Quiz(
    "What does a </script><!--<script> do?",
    ["It ends a script.", "Nothing here."],
    1,
    ["Not inside a string of ours.", "It is escaped."],
)
FIGURES = {
    "stepper": Stepper("zondag"),
    "thermometer": GradientThermometer(),
    "trainer": EchoTrainer(),
    "quiz": QUIZ,
    "microscope": CellMicroscope(),
    "console": GateConsole(),
    "race": Race(),
    "bleu": BleuCalculator(),
    "beam": BeamTree(),
    "bottleneck": lab(rung=2),
    "workshop": ScoreWorkshop(),
    "attention": attention_lab(rung=4),
    "growth": growth(),
    "clock": PositionClock(),
    "transformer": transformer_lab(rung=2),
    "fill": bench(),
    "masking": MaskingMachine(),
    "pieces": PieceBuilder(step=3),
    "labels": curve(),
    "hunger": hunger(),
    "patches": patch_bench(),
    "rollout": rolled(head=2),
    "translators": ThreeTranslators(at=5, book="./"),
}
every_figure = pytest.mark.parametrize("name", FIGURES)
every_look = pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)],
)


# -- each figure, by mouse and by keys ------------------------------------------------


def test_stepper_by_mouse_and_keys(show) -> None:
    page = show(FIGURES["stepper"])
    picture = page.get_by_role("img", name="unrolled over the letters")
    assert shown(page, "letters read") == "6 of 6"
    assert "%" not in picture.text_content()  # predict first
    picture.get_by_text("n", exact=True).click()  # scrub: click a letter
    assert shown(page, "letters read") == "3 of 6"
    page.get_by_role("button", name="Dutch").click()
    assert "After “zon” the network says" in page.get_by_label("Predict").inner_text()
    assert "%" in picture.text_content()
    slider(page, "letters read").press("ArrowRight")
    assert shown(page, "letters read") == "4 of 6"
    assert "After “zond”" in page.get_by_label("Predict").inner_text()


def test_stepper_shows_the_numbers_that_were_computed(show) -> None:
    page = show(FIGURES["stepper"])
    script = """const { reader } = await load("rnn/reading.js");
      const { number, percent } = await load("kit/draw.js");
      const end = reader(weights).read("zondag").at(-1);
      const best = Math.max(...end.output);
      return { label: weights.labels[end.output.indexOf(best)], share: percent(best),
        unit: number(end.state[4]) };"""
    expected = run(script, weights=FIGURES["stepper"].weights)
    reveal(page)
    verdict = page.get_by_label("Predict").inner_text()
    assert f"says {expected['label']}, {expected['share']}" in verdict
    for _ in range(5):
        slider(page, "pinned unit").press("ArrowRight")
    page.get_by_text("Inside this step").click()
    assert page.get_by_text("unit 5: tanh").inner_text().endswith(expected["unit"])


def test_stepper_hover_is_a_number_and_click_pins(show) -> None:
    page = show(FIGURES["stepper"])
    picture = page.get_by_role("img", name="unrolled over the letters")
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 270)
    tip = page.locator(".tip:visible")
    assert "after “z”: " in tip.inner_text()
    page.mouse.down()
    page.mouse.up()
    unit = tip.inner_text().split(" after")[0]
    assert shown(page, "pinned unit") == unit.removeprefix("unit ")


def test_stepper_shows_the_weights_of_a_step(show) -> None:
    page = show(FIGURES["stepper"])
    page.get_by_text("Inside this step").click()
    picture = page.get_by_role("img", name="arithmetic of one step")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    said = set()
    for x in range(20, int(box["width"]), 15):
        page.mouse.move(box["x"] + x, box["y"] + 100)
        tip = page.locator(".tip").nth(2)  # of the third drawing
        if tip.is_visible():
            said.add(tip.inner_text().split("[")[0])
    assert said == {"Wₓx", "Wₕ", "h₅", "b", "h₆"}


def test_stepper_reads_what_is_typed_and_says_how(show) -> None:
    page = show(FIGURES["stepper"])
    page.get_by_label("A word to read").fill("Łódź")
    assert shown(page, "letters read") == "4 of 4"
    assert (
        "it reads lodz."
        in page.locator("main").get_by_text("plain letters").inner_text()
    )
    page.get_by_label("A word to read").fill("日本")
    assert shown(page, "letters read") == "0 of 0"
    page.get_by_label("A word to read").fill("abcdefghijklmnopqrstuvwxyz")
    assert shown(page, "letters read") == "20 of 20"


def test_stepper_compares_two_orders(show) -> None:
    page = show(FIGURES["stepper"])
    page.get_by_role("button", name="Swap “a” and “g”").click()
    assert page.get_by_label("A second spelling").first.input_value() == "zondga"
    said = page.locator(".says")
    assert "The same letters in another order" in said.inner_text()
    assert "%" not in said.inner_text()
    assert "Euclidean distance between the two states is" in said.inner_text()
    assert " is 0.00" not in said.inner_text()
    reveal(page)
    assert said.inner_text().count("%") == 2
    slider(page, "letters read").press("ArrowLeft")  # zonda, zondg
    assert "Not the same letters" in said.inner_text()
    slider(page, "letters read").press("ArrowLeft")
    assert "have read the same" in said.inner_text()
    assert " is 0.00" in said.inner_text()
    page.get_by_role("button", name="Swap “n” and “d”").click()
    assert page.get_by_label("A second spelling").first.input_value() == "zodnag"
    assert "The same letters in another order" in said.inner_text()
    page.get_by_role("button", name="Remove").click()
    assert not said.is_visible()


def test_stepper_asks_again_about_another_word(show) -> None:
    page = show(FIGURES["stepper"])
    verdict = page.get_by_label("Predict")
    page.get_by_role("button", name="Dutch").click()
    page.get_by_role("button", name="Another word").click()
    assert "Which language is “donderdag”?" in verdict.inner_text()
    reveal(page)
    page.get_by_label("A word to read").fill("lundi")
    assert "Which language is “lundi”?" in verdict.inner_text()


def test_stepper_plays_to_the_end(show) -> None:
    page = show(Stepper("abc"))
    page.get_by_role("button", name="Play").click()
    assert shown(page, "letters read") == "0 of 3"
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Play").wait_for()  # it has ended
    assert shown(page, "letters read") == "3 of 3"


def test_thermometer_by_mouse_and_keys(show) -> None:
    page = show(FIGURES["thermometer"])
    page.get_by_role("button", name="less than 1/100").click()
    verdict = page.get_by_label("Predict")
    assert "it vanishes. As you said." in verdict.inner_text()
    for _ in range(30):
        slider(page, "spectral radius").press("ArrowRight")
    assert shown(page, "spectral radius") == "1.20"
    assert "it explodes." in verdict.inner_text()
    page.get_by_text("tanh", exact=True).click()
    assert "it vanishes." in verdict.inner_text()
    slider(page, "spectral radius").press("End")
    assert shown(page, "spectral radius") == "3.00"
    assert "it explodes." in verdict.inner_text()
    picture = page.get_by_role("img", name="norm of the gradient")
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    assert "ρᵏ = " in page.locator(".tip:visible").inner_text()
    page.mouse.down()
    page.mouse.up()
    pinned = shown(page, "look at lag")
    slider(page, "look at lag").press("ArrowLeft")
    assert shown(page, "look at lag") != pinned


@pytest.mark.parametrize(
    "change",
    [
        lambda page: slider(page, "spectral radius").press("ArrowRight"),
        lambda page: slider(page, "steps T").press("ArrowLeft"),
        lambda page: page.get_by_text("tanh", exact=True).click(),
        lambda page: page.get_by_role("button", name="Another random").click(),
    ],
)
@pytest.mark.parametrize("guess", ["less than 1/100", "between 1/100 and 100"])
def test_thermometer_forgets_a_guess_about_another_setting(show, guess, change) -> None:
    page = show(FIGURES["thermometer"])
    page.get_by_role("button", name=guess).click()
    verdict = page.get_by_label("Predict")
    assert "s you said" in verdict.inner_text()
    change(page)
    assert "is left after" in verdict.inner_text()
    assert "you said" not in verdict.inner_text()


def test_thermometer_clips_by_keys_and_says_what_that_did(show) -> None:
    page = live(show, GradientThermometer(radius=1.2), width=375)
    says, bars = page.locator(".says"), page.locator("svg rect")
    page.get_by_role("radio", name="10", exact=True).press("ArrowRight")
    assert page.evaluate("model.get('clip')") == 1
    assert says.inner_text() == ""  # it would give the answer away
    page.get_by_role("button", name="more than 100").click()
    assert "Clipping at 1 multiplies the whole gradient by" in says.inner_text()
    verdict = page.get_by_label("Predict").inner_text()
    assert "As you said." in verdict
    assert page.locator(".key:visible").count() == 2
    clipped = bars.count()
    before = page.evaluate("model.get('farthest')")
    page.get_by_role("radio", name="1", exact=True).press("ArrowLeft")
    assert "Clipping at 10 multiplies" in says.inner_text()
    page.get_by_role("radio", name="10", exact=True).press("ArrowLeft")
    assert page.evaluate("model.get('clip')") is None
    assert "lipping" not in says.inner_text()
    assert page.locator(".key:visible").count() == 0
    assert clipped == bars.count() + 51  # one more, under each bar
    # it is no other question, and what flows from state to state stays as it is
    assert page.get_by_label("Predict").inner_text() == verdict
    assert page.evaluate("model.get('farthest')") == before
    page.get_by_role("button", name="Predict again").click()
    assert says.inner_text() == ""


def test_a_clipped_bar_is_shorter_by_the_factor(show) -> None:
    page = live(show, GradientThermometer(radius=1.2, clip=0.1))
    reveal(page)
    script = """const { network, gradients, factor } =
        await load("rnn/gradient_thermometer.js");
      const { ofWeights } = gradients(network(seed), 1.2, "linear", 50);
      return Math.log10(factor(10 ** ofWeights, 0.1));"""
    shift = run(script, seed=GradientThermometer().seed)  # in decades, of which 32
    top = "all => all.map((e) => e.y.baseVal.value)"
    tops = page.locator("svg rect").evaluate_all(top)
    assert len(tops) == 3 * 51  # tube, unclipped, clipped
    for whole, clipped in zip(tops[1::3], tops[2::3], strict=True):
        assert (clipped - whole) / 232 * 32 == pytest.approx(-shift, abs=0.01)


def test_thermometer_shows_what_python_sets(show) -> None:
    page = live(show, GradientThermometer())
    reveal(page)
    for clip, name in [(0.1, "0.1"), (0.5, "0.5"), (None, "never"), (0.5, "0.5")]:
        page.evaluate("clip => model.set('clip', clip)", clip)
        assert page.get_by_role("radio", name=name, exact=True).is_checked()
        said = "" if clip is None else f"Clipping at {clip} multiplies"
        assert said in page.locator(".says").inner_text()
    assert page.get_by_role("radio", name="0.5").count() == 1
    page.evaluate("model.set('nonlinearity', 'tanh')")
    assert page.get_by_role("radio", name="tanh").is_checked()
    page.evaluate("model.set('clip', 10)")
    assert "clipping does nothing" in page.locator(".says").inner_text()
    assert page.locator(".key:visible").count() == 0


@pytest.mark.parametrize(
    ("name", "choice"), [("thermometer", "less than 1/100"), ("stepper", "Dutch")]
)
def test_enter_on_a_prediction_moves_the_focus_to_the_result(
    show, name, choice
) -> None:
    page = show(FIGURES[name])
    page.get_by_role("button", name=choice).press("Enter")
    result = focused(page)
    assert result in page.get_by_label("Predict").inner_text()
    assert "less than" not in result
    page.keyboard.press("Tab")
    assert focused(page) == "Predict again"
    page.keyboard.press("Enter")
    assert focused(page) in page.get_by_label("Predict").inner_text()


def test_pictures_say_their_numbers(show) -> None:
    page = show(*(FIGURES[name] for name in ("stepper", "thermometer", "trainer")))
    picture = page.get_by_role("img", name="norm of the gradient")
    assert "hidden until you answer" in picture.get_attribute("aria-label")
    for button in page.get_by_role("button", name="Just show me").all()[::-1]:
        button.click()
    page.get_by_role("button", name="One step").click()
    page.get_by_text("Inside this step").click()
    labels = [svg.get_attribute("aria-label") for svg in page.locator("svg").all()]
    for says in (
        "after “zondag” the state of 48 numbers has norm",
        "step 6, letter “g”",
        "k = 50: ",
        "right about",
        "after 1 step accuracy",
        "none so far",
    ):
        assert any(says in text for text in labels), says


def test_a_tap_shows_the_number(show) -> None:
    page = show(FIGURES["thermometer"], width=375)
    page.get_by_role("button", name="Just show me").tap()
    page.get_by_role("img", name="norm of the gradient").tap()
    assert "ρᵏ = " in page.locator(".tip:visible").inner_text()


def test_trainer_by_mouse_and_keys(show) -> None:
    page = show(FIGURES["trainer"])
    says = page.locator(".says")
    assert says.inner_text() == "step 0"
    page.get_by_role("button", name="One step").click()
    script = """const { training } = await load("rnn/echo.js");
      const { number } = await load("kit/draw.js");
      return number(training(setting).step().loss, 3);"""
    names = ("lag", "hidden", "rate", "clip", "seed")
    setting = {name: getattr(FIGURES["trainer"], name) for name in names}
    assert says.inner_text().endswith(f"loss {run(script, setting=setting)}")
    slider(page, "lag").press("ArrowRight")
    assert shown(page, "lag") == "4 steps"
    assert says.inner_text() == "step 0"  # another task, another training
    page.get_by_role("img", name="Which lags").get_by_text("9", exact=True).click()
    assert shown(page, "lag") == "9 steps"
    page.get_by_role("button", name="Play").press("Enter")
    assert page.get_by_text("Play trains until lag 9 is learned").is_visible()
    page.wait_for_function(
        "() => document.querySelector('.course-figure-view > div')"
        ".shadowRoot.querySelector('.says b').textContent > 30"
    )
    page.get_by_role("button", name="Pause").click()
    stopped = says.inner_text()
    page.wait_for_timeout(200)
    assert says.inner_text() == stopped


def test_trainer_stops_where_the_lag_is_learned(show) -> None:
    page = show(EchoTrainer(lag=1))
    play = page.get_by_role("button", name="Play")
    play.click()
    said = page.get_by_text("Lag 1 learned after")
    said.wait_for(timeout=60_000)
    steps = page.locator(".says b").first.inner_text()
    assert said.inner_text() == f"Lag 1 learned after {steps} steps."
    assert play.inner_text() == "Play"
    play.click()  # and on, if the reader likes
    page.wait_for_function(
        "before => +document.querySelector('.course-figure-view > div')"
        ".shadowRoot.querySelector('.says b').textContent > before",
        arg=int(steps),
    )
    page.get_by_role("button", name="Reset").click()
    assert not said.is_visible()


def test_trainer_finds_the_horizon(show) -> None:
    page = show(EchoTrainer(hidden=2, rate=0.003))
    page.get_by_role("button", name="Find the horizon").click()
    assert page.get_by_text("Searching: lag 1").is_visible()
    said = page.get_by_text("Within 800 steps per lag, a network with H = 2")
    said.wait_for(timeout=60_000)
    assert page.get_by_text("Searching").count() == 0
    slider(page, "lag").press("Home")
    assert said.count() == 0  # a result of another setting


@pytest.mark.parametrize("stop", ["Reset", "One step", "Find the horizon", "Pause"])
def test_a_search_that_is_stopped_says_so(show, stop) -> None:
    page = show(FIGURES["trainer"])
    page.get_by_role("button", name="Find the horizon").click()
    page.get_by_role("button", name=stop).click()
    assert not page.get_by_text("Searching").is_visible()


def test_trainer_explains_its_cells(show) -> None:
    page = show(FIGURES["trainer"])
    assert page.locator(".key").all_inner_texts() == [
        *("bit 0", "bit 1", "in between: not sure", "wrong")
    ]


def test_trainer_rests_where_nobody_sees_it(show) -> None:
    # a lag that it will not have learned, and stopped at, meanwhile
    page = show(EchoTrainer(lag=20), '<div style="height: 5000px"></div>')
    page.get_by_role("button", name="Play").click()
    page.evaluate("scrollTo(0, 4000)")
    page.wait_for_timeout(300)
    steps = page.locator(".says b").first
    stopped = steps.inner_text()
    page.wait_for_timeout(300)
    assert steps.inner_text() == stopped
    page.evaluate("scrollTo(0, 0)")
    expect(steps).not_to_have_text(stopped)


def test_quiz_by_mouse_and_keys(show) -> None:
    page = show(FIGURES["quiz"])
    assert page.locator(".says").bounding_box()["height"] == 0  # no room kept
    page.get_by_label("It ends a script.").check()
    assert "Not quite. Not inside a string" in page.locator(".says").inner_text()
    page.keyboard.press("ArrowDown")
    assert "Right. It is escaped." in page.locator(".says").inner_text()


# -- all figures ----------------------------------------------------------------------


@every_figure
@every_look
def test_it_fits_and_axe_finds_nothing(show, name, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(FIGURES[name], scheme=scheme, width=width)
    for revealed in (False, True):
        if revealed and name == "quiz":
            page.get_by_label("Nothing here.").check()
        elif revealed and name in ("trainer", "race"):
            page.get_by_role("button", name="One step").click()
        elif revealed and name == "console":
            page.get_by_role("button", name="Show me").click()
        elif revealed and name == "microscope":
            page.get_by_role("listbox", name="The text").press("Shift+ArrowLeft")
            page.get_by_role("button", name="Find a cell").click()
        elif revealed and name == "bottleneck":
            page.get_by_role("button", name="Climb all ladders").click()
        elif revealed and name == "attention":
            for side in ("The translation", "The Korean sentence"):
                page.get_by_role("list", name=side).get_by_role("button").last.click()
        elif revealed and name == "growth":
            slider(page, "the row of").press("ArrowRight")
        elif revealed:
            reveal(page)
        if revealed and name == "stepper":
            page.get_by_text("Inside this step").click()
            page.get_by_role("button", name="Swap").click()
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1]
        found = Axe().run(page).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert serious == []


@every_figure
def test_controls_are_large_enough_for_a_finger(show, name) -> None:
    page = show(FIGURES[name], width=375)
    controls = page.locator(
        "button, input, textarea, summary, .segments label, .option"
    )
    for control in controls.all():
        if not control.is_visible():
            continue
        if control.evaluate("e => e.matches('label input[type=radio]')"):
            continue  # its label is what is touched
        assert control.bounding_box()["height"] >= 40, control.evaluate(
            "e => e.outerHTML"
        )


@every_figure
def test_two_copies_are_independent(show, name) -> None:
    page = show(FIGURES[name], FIGURES[name])
    first, second = page.get_by_role("figure").all()
    before = second.inner_text()
    assert first.inner_text() == before
    if name == "quiz":
        first.get_by_label("Nothing here.").check()
    elif name == "microscope":
        first.get_by_role("button", name="Example 2").click()
    elif name == "fill":
        first.get_by_role("slider").press("ArrowRight")
    else:
        first.get_by_role("slider").first.press("ArrowLeft")
    assert first.inner_text() != before
    assert second.inner_text() == before


@every_figure
def test_it_follows_the_page_not_the_system(show, name) -> None:
    page = show(FIGURES[name], scheme="dark")

    def paper() -> str:
        figure = page.get_by_role("figure")
        return figure.evaluate("e => getComputedStyle(e).backgroundColor")

    dark = paper()
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert paper() == "rgb(255, 255, 255)" != dark
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert paper() == dark
    page.evaluate(
        "delete document.documentElement.dataset.theme;"
        "document.body.dataset.jpThemeLight = 'true'"
    )
    assert paper() == "rgb(255, 255, 255)"


@every_figure
def test_keys_pressed_inside_stay_inside(show, name) -> None:
    """In JupyterLab dd deletes the cell, in the book an arrow turns the page."""
    page = show(FIGURES[name])
    page.evaluate(
        """() => {
          window.leaked = [];
          document.addEventListener("keydown", (e) => leaked.push(e.key));
          document.addEventListener("keydown", (e) => {
            if (!e.target.closest("[data-lm-suppress-shortcuts]")) leaked.push(e.key);
          }, true);
        }"""
    )
    control = page.locator("input, textarea").first
    control.focus()
    for key in ("d", "d", "ArrowLeft", "b"):
        page.keyboard.press(key)
    assert page.evaluate("leaked") == []


@every_figure
def test_without_javascript_its_text_is_there(show, name) -> None:
    page = show(FIGURES[name], javascript=False)
    text = page.locator(".course-figure").inner_text()
    figure = FIGURES[name]
    assert (figure.question if name == "quiz" else figure.description) in text


def test_a_page_that_forbids_blobs_may_allow_data(show) -> None:
    policy = "script-src 'unsafe-inline' data:"
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    page = show(FIGURES["quiz"], head=head)
    page.get_by_label("Nothing here.").check()


def test_the_light_box_of_the_dark_theme_is_gone(show) -> None:
    head = "<style>.output.text_html { background: #f3f4f5; padding: 9px }</style>"
    html = f'<div class="output text_html">{QUIZ.to_html()}</div>'
    page = show(html, scheme="dark", head=head)
    style = page.locator(".text_html").evaluate(
        "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).padding]"
    )
    assert style == ["rgba(0, 0, 0, 0)", "0px"]
