"""Every figure in a real browser, over file://, with the network blocked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from javascript import run

from course_lib.figures import Figure
from course_lib.figures.quiz import Quiz
from course_lib.figures.rnn import EchoTrainer, GradientThermometer, Stepper

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
}
every_figure = pytest.mark.parametrize("name", FIGURES)
every_look = pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)],
)

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">{head}
<meta name="viewport" content="width=device-width"><title>Figures</title></head>
<body><main><h1>Figures</h1>{body}</main></body></html>"""


@pytest.fixture(scope="module")
def browser() -> Iterator:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        message = "no browser: install chromium, or name one in CHROMIUM"
        if os.environ.get("COURSE_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, Chromium has no sandbox to offer.
        started = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )
        yield started
        started.close()


@pytest.fixture
def show(browser, tmp_path: Path) -> Iterator[Callable]:
    """``show(figure, …)`` opens a page; at the end no error, no request may be."""
    wrong: list[str] = []
    contexts = []

    def open_page(
        *figures: Figure | str,
        scheme: str = "light",
        width: int = 1280,
        head: str = "",
        javascript: bool = True,
    ):
        html = "\n".join(f if isinstance(f, str) else f.to_html() for f in figures)
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(PAGE.format(head=head, body=html), encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            has_touch=width < 500,
            java_script_enabled=javascript,
        )
        contexts.append(context)

        def gate(route):
            if route.request.url.startswith(("file:", "blob:", "data:")):
                return route.continue_()
            wrong.append(f"asked for {route.request.url}")
            return route.abort()

        context.route("**/*", gate)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def slider(page, name: str):
    return page.get_by_role("slider", name=name)


def shown(page, name: str) -> str:
    """The number beside a slider."""
    return slider(page, name).locator("xpath=..").locator("b").inner_text()


def reveal(page) -> None:
    page.get_by_role("button", name="Just show me").click()


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
    said = page.get_by_text("The same letters in another order")
    assert "%" not in said.inner_text()
    assert " 0.00 apart" not in said.inner_text()
    reveal(page)
    assert said.inner_text().count("%") == 2
    page.get_by_role("button", name="Remove").click()
    assert said.count() == 0 or not said.is_visible()


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
    before = verdict.inner_text()
    assert "it vanishes. As you said." in before
    for _ in range(30):
        slider(page, "spectral radius").press("ArrowRight")
    assert shown(page, "spectral radius") == "1.20"
    assert "it explodes. Not as you said." in verdict.inner_text()
    page.get_by_text("tanh", exact=True).click()
    assert "it explodes" not in verdict.inner_text()
    picture = page.get_by_role("img", name="norm of the gradient")
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    assert "ρᵏ = " in page.locator(".tip:visible").inner_text()
    page.mouse.down()
    page.mouse.up()
    pinned = shown(page, "look at lag")
    slider(page, "look at lag").press("ArrowLeft")
    assert shown(page, "look at lag") != pinned


def test_thermometer_clips(show) -> None:
    page = show(GradientThermometer(radius=1.3, clip=1))
    reveal(page)
    said = page.get_by_text("parameters’ gradient").or_(
        page.get_by_text("parameters' gradient")
    )
    assert "Clipping multiplies all of it by" in said.inner_text()
    slider(page, "clip").press("End")
    assert shown(page, "clip") == "never"
    assert "Clipping" not in said.inner_text()


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
    page.get_by_role("img", name="Which lags").get_by_text("2", exact=True).click()
    assert shown(page, "lag") == "2 steps"
    page.get_by_role("button", name="Play").press("Enter")
    page.get_by_text("with H = 16: none yet").wait_for()
    page.wait_for_function(
        "() => document.querySelector('.course-figure-view > div')"
        ".shadowRoot.querySelector('.says b').textContent > 30"
    )
    page.get_by_role("button", name="Pause").click()
    stopped = says.inner_text()
    page.wait_for_timeout(200)
    assert says.inner_text() == stopped


def test_trainer_finds_the_horizon(show) -> None:
    page = show(FIGURES["trainer"])
    page.get_by_role("button", name="Find the horizon").click()
    page.get_by_text("with H = 16: 2.").wait_for(timeout=60_000)


def test_trainer_rests_where_nobody_sees_it(show) -> None:
    page = show(FIGURES["trainer"], '<div style="height: 5000px"></div>')
    page.get_by_role("button", name="Play").click()
    page.evaluate("scrollTo(0, 4000)")
    page.wait_for_timeout(300)
    steps = page.locator(".says b").first
    stopped = steps.inner_text()
    page.wait_for_timeout(300)
    assert steps.inner_text() == stopped
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)
    assert steps.inner_text() != stopped


def test_quiz_by_mouse_and_keys(show) -> None:
    page = show(FIGURES["quiz"])
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
        elif revealed and name != "trainer":
            reveal(page)
        elif revealed:
            page.get_by_role("button", name="One step").click()
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
    controls = page.locator("button, input, summary, .segments label, .option")
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
    control = page.locator("input").first
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
