"""The cell microscope in a real browser, by mouse, by touch and by keys."""

from __future__ import annotations

import pytest
from javascript import run
from pages import live

from course_lib.figures.lstm_gru import CellMicroscope

pytestmark = pytest.mark.browser


def letters(page):
    return page.get_by_role("listbox", name="The text, coloured")


def cells(page):
    return page.get_by_role("listbox", name="All cells")


def letter(page, t: int):
    return letters(page).get_by_role("option").nth(t)


def marked(page) -> list[int]:
    chosen = "all => all.flatMap((e, t) => e.ariaSelected === 'true' ? [t] : [])"
    return letters(page).get_by_role("option").evaluate_all(chosen)


def colors(page) -> list[str]:
    fill = "all => all.map((e) => getComputedStyle(e).backgroundColor)"
    return letters(page).get_by_role("option").evaluate_all(fill)


def pinned(page) -> str:
    """What a screen reader says of the pinned letter."""
    now = letters(page).get_attribute("aria-activedescendant")
    return letters(page).locator(f"#{now}").get_attribute("aria-label")


def drag(page, start: int, end: int) -> None:
    for t, move in ((start, page.mouse.down), (end, page.mouse.up)):
        letter(page, t).scroll_into_view_if_needed()
        box = letter(page, t).bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle, steps=5)
        move()


def find(page) -> str:
    page.get_by_role("button", name="Find a cell for me").click()
    return page.get_by_text("fits your").inner_text()


def test_microscope_shows_the_numbers_that_were_computed(show) -> None:
    text, k = "Oman, (Peru", 7
    page = show(CellMicroscope(text, cell=k))
    script = """const { network, guesses } = await load("lstm_gru/character_lstm.js");
      const { number, percent, signedNumber } = await load("kit/draw.js");
      const { read, characters } = network(weights);
      const steps = read([...text]);
      const { f, i, g, o } = steps[4];
      return { cs: steps.map(({ c }) => signedNumber(c[k])),
        gates: [f, i, o].map((gate) => number(gate[k])),
        candidate: signedNumber(g[k]),
        best: guesses(steps[4].output, 5).map((one) => percent(one.p)) };"""
    weights = CellMicroscope().weights
    expected = run(script, weights=weights, text=text, k=k)
    for t, value in enumerate(expected["cs"]):
        letter(page, t).hover()
        tip = page.locator(".tip:visible").inner_text()
        assert tip == f"“{text[t]}”: {value}"
    letter(page, 4).click()
    assert pinned(page) == f"“,”: {expected['cs'][4]}"
    shown = page.get_by_role("img", name="The cell at the pinned").text_content()
    assert "Inside cell 7, after “,”" in shown
    for name, value in zip(
        ("forget", "input", "output"), expected["gates"], strict=True
    ):
        assert f"{name} gate{value}" in shown
    assert f"candidate{expected['candidate']}" in shown
    assert all(share in shown for share in expected["best"])
    assert shown.count(" came") == 1  # what stands in the text, guessed or not
    sum_of = page.get_by_text("c = f · c before + i · g").inner_text()
    assert f"= {expected['cs'][4]}, and shown is h" in sum_of


def test_microscope_colours_the_letters_by_the_cell(show) -> None:
    page = show(CellMicroscope("Oman, (Peru", cell=7))
    before = colors(page)
    assert len(set(before)) > 5
    cells(page).press("ArrowRight")
    assert page.get_by_text("Inside cell 8, after").is_visible()
    assert colors(page) != before
    cells(page).press("ArrowLeft")
    assert colors(page) == before
    cells(page).press("Home")
    assert page.get_by_text("Inside cell 0, after").is_visible()
    cells(page).press("ArrowDown")
    below = cells(page).get_attribute("aria-activedescendant")
    cells(page).press("ArrowUp")
    assert page.get_by_text("Inside cell 0, after").is_visible()
    assert int(below.removeprefix("cells")) > 10
    cells(page).get_by_role("option").nth(5).click()
    assert page.get_by_text("Inside cell 5, after").is_visible()


def test_microscope_names_cells_with_their_score(show) -> None:
    figure = CellMicroscope()
    page = show(figure)
    for named in figure.weights["cells"]:
        title = f"{named['concept']} cell {named['cell']}"
        button = page.get_by_role("button", name=title, exact=True)
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        said = page.get_by_text("On text that it had not seen").inner_text()
        assert f"“{named['concept']}”: {named['score']:.2f}" in said
    unnamed = {named["cell"] for named in figure.weights["cells"]}
    other = next(k for k in range(len(unnamed) + 1) if k not in unnamed)
    cells(page).get_by_role("option").nth(other).click()
    assert page.get_by_text(f"Cell {other} has no name").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_letter_can_be_read_on_the_strongest_colour(show, scheme) -> None:
    page = show(CellMicroscope(), scheme=scheme)
    script = """all => {
      const canvas = document.createElement("canvas");
      const context = canvas.getContext("2d", { willReadFrequently: true });
      const light = (color) => {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((v) =>
          v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      return all.map((e) => {
        const { color, backgroundColor } = getComputedStyle(e);
        const both = [light(color), light(backgroundColor)];
        const [low, high] = both.sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
      });
    }"""
    worst = []
    for k in range(12):
        cells(page).get_by_role("option").nth(k).click()
        options = letters(page).get_by_role("option")
        worst.append(min(options.evaluate_all(script)))
    assert min(worst) >= 4.5
    assert min(worst) < 9  # some are coloured strongly


def test_microscope_reads_what_is_typed(show) -> None:
    page = show(CellMicroscope("Oman"))
    field = page.get_by_label("A text to read")
    field.press("End")
    page.keyboard.type(", P")
    assert letters(page).inner_text() == "Oman, P"
    assert pinned(page).startswith("“P”")  # what was typed last
    field.press("Home")
    page.keyboard.type("(")
    assert pinned(page).startswith("“(”")
    field.fill("Oman €5 é")
    note = page.get_by_text("has never seen").inner_text()
    assert "never seen “€”, “5”, “é”, and reads the text without." in note
    assert letters(page).inner_text().split() == ["Oman"]
    field.fill("")
    assert not letters(page).is_visible()
    assert page.get_by_role("button", name="Let it write").is_disabled()
    assert page.get_by_text("Type something").is_visible()
    field.fill("a" * 500)
    assert len(letters(page).inner_text()) == 400
    assert page.get_by_role("button", name="Let it write").is_disabled()


def test_microscope_examples(show) -> None:
    figure = CellMicroscope()
    page = show(figure)
    drag(page, 1, 3)
    for n in (2, 3, 1):
        page.get_by_role("button", name=f"Example {n}").click()
        example = figure.weights["examples"][n - 1]
        assert page.get_by_label("A text to read").input_value() == example
        assert marked(page) == []


def test_microscope_marks_by_mouse(show) -> None:
    page = show(CellMicroscope("Oman, (Peru), Chad"))
    before = pinned(page)
    drag(page, 2, 5)
    assert marked(page) == [2, 3, 4, 5]
    assert pinned(page) == before
    letter(page, 9).click()  # pins, and marks nothing
    assert marked(page) == [2, 3, 4, 5]
    assert pinned(page).startswith("“r”")
    drag(page, 9, 8)
    assert marked(page) == [2, 3, 4, 5, 8, 9]
    drag(page, 4, 8)  # from a marked one: unmarks
    assert marked(page) == [2, 3, 9]
    page.get_by_label("A text to read").press("Home")
    page.keyboard.type("()")
    assert marked(page) == [4, 5, 11]  # they move with their letters
    page.get_by_role("button", name="Clear marks").click()
    assert marked(page) == []


def test_microscope_marks_by_keys(show) -> None:
    page = show(CellMicroscope("Oman, (Peru), Chad"))
    text = letters(page)
    text.press("Home")
    assert pinned(page).startswith("“O”")
    text.press("ArrowRight")
    page.keyboard.down("Shift")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert marked(page) == [1, 2, 3, 4]
    page.keyboard.press("ArrowLeft")
    assert marked(page) == [1, 2, 3]
    page.keyboard.up("Shift")
    page.keyboard.press("End")
    page.keyboard.press("Space")
    assert marked(page) == [1, 2, 3, 17]
    page.keyboard.press("Space")
    assert marked(page) == [1, 2, 3]
    page.keyboard.press("Shift+ArrowLeft")
    assert marked(page) == [1, 2, 3, 16, 17]


def test_microscope_marks_by_touch(show) -> None:
    page = show(CellMicroscope("Oman, (Peru)"), width=375)
    letter(page, 8).tap()
    assert pinned(page).startswith("“e”")
    assert page.locator(".tip:visible").inner_text() == pinned(page)
    # up and down scrolls the page, sideways marks
    touches = letters(page).evaluate("e => getComputedStyle(e).touchAction")
    assert touches == "pan-y"
    touch = page.context.new_cdp_session(page)
    for kind, t in [("touchStart", 1), ("touchMove", 2), ("touchMove", 5)]:
        box = letter(page, t).bounding_box()
        point = {"x": box["x"] + 4, "y": box["y"] + 9}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert marked(page) == [1, 2, 3, 4, 5]
    assert pinned(page).startswith("“e”")


def test_microscope_finds_a_cell_and_tests_it(show) -> None:
    figure = CellMicroscope('Oman, "Peru, Mali", (Chad)')
    page = live(show, figure)
    find_button = page.get_by_role("button", name="Find a cell for me")
    assert find_button.is_disabled()
    drag(page, 6, 16)
    said = find(page)
    script = """const { network } = await load("lstm_gru/character_lstm.js");
      const { rank, judged } = await load("lstm_gru/separation.js");
      const { read, hidden } = network(weights);
      const values = (steps, k) => steps.map(({ c }) => c[k]);
      const steps = read([...text]);
      const marked = steps.map((_, t) => t >= 6 && t <= 16);
      const cells = Array.from({ length: hidden }, (_, k) => values(steps, k));
      const { ranking, elsewhere } = rank(cells, marked);
      const later = read([...(text + ", Cuba")]);
      return { best: ranking[0], elsewhere,
        judged: judged(values(later, ranking[0].cell), ranking[0]) };"""
    expected = run(script, weights=figure.weights, text=figure.text)
    best = expected["best"]
    assert f"Cell {best['cell']} fits your 11 marked letters best" in said
    assert f"a balanced accuracy of {best['score']:.2f}" in said
    assert f"in {expected['elsewhere']} of 25 places" in said
    assert page.evaluate("model.get('cell')") == best["cell"]
    assert page.evaluate("model.get('found')[0].cell") == best["cell"]
    assert page.get_by_text("threshold").is_visible()
    assert not page.get_by_text("The test.").is_visible()
    # another text, another threshold is not sought
    page.get_by_label("A text to read").press("End")
    page.keyboard.type(", Cuba")
    assert page.get_by_text("fits your").count() == 0
    said = page.get_by_text("The test.").locator("..").inner_text()
    assert "Found on another text" in said
    says_yes = "all => all.map((e) => e.classList.contains('guessed'))"
    overlined = letters(page).get_by_role("option").evaluate_all(says_yes)
    assert overlined == expected["judged"]
    right = [t in range(6, 17) for t in range(len(overlined))]
    share = {
        side: sum(g == r for g, r in zip(overlined, right, strict=True) if r is side)
        / right.count(side)
        for side in (True, False)
    }
    assert f"balanced accuracy of {(share[True] + share[False]) / 2:.2f}." in said


def test_microscope_forgets_a_search_of_other_marks(show) -> None:
    page = show(CellMicroscope("Oman, (Peru), Chad"))
    drag(page, 7, 10)
    find(page)
    second = page.locator(".row button[aria-pressed]", has_text=" above ").or_(
        page.locator(".row button[aria-pressed]", has_text=" below ")
    )
    assert second.count() == 5
    second.nth(1).click()
    cell = second.nth(1).inner_text().split()[1]
    assert second.nth(1).get_attribute("aria-pressed") == "true"
    assert page.get_by_text(f"Inside cell {cell}, after").is_visible()
    drag(page, 12, 13)
    assert page.get_by_text("fits your").count() == 0
    page.get_by_role("button", name="Clear marks").click()
    assert page.get_by_role("button", name="Find a cell for me").is_disabled()
    letters(page).press("End")
    letters(page).press("Shift+Home")
    assert page.get_by_text("Every letter is marked").is_visible()
    assert page.get_by_role("button", name="Find a cell for me").is_disabled()


def test_microscope_writes_and_stops(show) -> None:
    page = live(show, CellMicroscope("Oman, ("))
    write = page.get_by_role("button", name="Let it write")
    write.click()
    stop = page.get_by_role("button", name="Stop")
    page.wait_for_function("model.get('text').length > 12")
    stop.click()
    text = page.evaluate("model.get('text')")
    page.wait_for_timeout(200)
    assert page.evaluate("model.get('text')") == text
    assert text.startswith("Oman, (")
    written = "all => all.map((e) => e.classList.contains('written'))"
    options = letters(page).get_by_role("option")
    assert options.evaluate_all(written) == [t >= 7 for t in range(len(text))]
    assert len(set(colors(page)[7:])) > 1
    assert page.get_by_text("written by the network").is_visible()
    write.click()
    assert page.get_by_label("A text to read").evaluate("e => e.readOnly")
    write.wait_for()  # it ends by itself
    assert page.evaluate("model.get('text').length") == min(400, len(text) + 80)


def test_microscope_shows_what_python_sets(show) -> None:
    page = live(show, CellMicroscope("Oman"))
    page.evaluate("model.set('text', 'Peru, Chad')")
    assert page.get_by_label("A text to read").input_value() == "Peru, Chad"
    assert letters(page).inner_text() == "Peru, Chad"
    page.evaluate("model.set('cell', 9)")
    assert page.get_by_text("Inside cell 9, after “d”").is_visible()
    page.evaluate("model.set('at', 0)")
    assert pinned(page).startswith("“P”")
    page.evaluate("model.set('marks', [1, 2])")
    assert marked(page) == [1, 2]
    page.evaluate("model.set('text', 'P')")  # marks and pin that are no more
    assert marked(page) == []
    assert pinned(page).startswith("“P”")


def test_microscope_chart_is_numbers_too(show) -> None:
    page = show(CellMicroscope("Oman, (Peru"))
    chart = page.get_by_role("img", name="The cell over the text")
    said = chart.get_attribute("aria-label")
    assert "over 11 letters: from " in said
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + 48, box["y"] + 60)
    tip = page.locator(".tip:visible").inner_text()
    assert tip.startswith("“O”: c = ")
    page.mouse.down()
    page.mouse.up()
    assert pinned(page).startswith("“O”")
    inside = page.get_by_role("img", name="The cell at the pinned")
    said = inside.get_attribute("aria-label")
    for part in ("after letter 1, O", "forget gate 0.", "candidate ", "guesses "):
        assert part in said
    assert "m came, " in said  # what stands in the text
