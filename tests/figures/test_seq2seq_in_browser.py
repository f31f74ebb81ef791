"""The BLEU calculator and the beam tree in a real browser, by mouse, touch and keys."""

from __future__ import annotations

import re

import pytest
from javascript import run
from pages import focused, live, reveal, shown, slider
from playwright.sync_api import expect

from course_lib.figures.seq2seq import BeamTree, BleuCalculator
from course_lib.metrics import bleu_by_hand
from course_lib.peers import import_d2l

pytestmark = pytest.mark.browser

every_look = pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)],
)


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def fits_and_axe_finds_nothing(page) -> None:
    from axe_playwright_python.sync_playwright import Axe

    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]
    found = Axe().run(page).response["violations"]
    assert [v for v in found if v["impact"] in ("serious", "critical")] == []


# -- the BLEU calculator --------------------------------------------------------------


def field(page, name: str):
    return page.get_by_role("textbox", name=name)


def words(page):
    return page.get_by_role("img", name="The words of both")


def row(page, name: str) -> str:
    """What stands beside a name in the list of sums."""
    return page.locator(f"dt:has-text('{name}') + dd").inner_text().replace("\n", "")


def precisions(page) -> list[str]:
    group = page.get_by_role("group", name="Precisions")
    return [one.inner_text().split("\n")[0] for one in group.locator("button").all()]


def test_bleu_as_it_is_typed(show) -> None:
    page = live(show, BleuCalculator())
    for ours, theirs in [
        ("the student gave the teacher a book", BleuCalculator().reference),
        ("a b c d e f", "a b c d e x"),
        ("the the the", "the cat"),
        ("a b c d x", "a b c d e f g"),
    ]:
        field(page, "translation").fill(ours)
        field(page, "reference").fill(theirs)
        expected = bleu_by_hand([ours], [theirs])
        assert f"= {expected:.1f}" in row(page, "BLEU")
        assert page.evaluate("model.get('bleu')") == pytest.approx(expected)
        variant = 100 * import_d2l().bleu(ours, theirs, k=4)
        assert f"= {variant:.1f}, not BLEU" in row(page, "variant of d2l")
    assert precisions(page) == [
        "p₁ = 4/5 = 0.80",
        "p₂ = 3/4 = 0.75",
        "p₃ = 2/3 = 0.67",
        "p₄ = 1/2 = 0.50",
    ]
    assert row(page, "brevity penalty").startswith("c = 5 words, r = 7")
    assert "e1 − 7/5 = 0.67" in row(page, "brevity penalty")
    assert page.get_by_text("pale: what the brevity penalty takes").is_visible()


def test_bleu_of_nothing(show) -> None:
    page = show(BleuCalculator())
    field(page, "translation").fill("")
    assert page.get_by_text("Without words there is nothing to score.").is_visible()
    assert "null" not in page.get_by_role("figure").inner_text()
    assert "NaN" not in page.get_by_role("figure").inner_text()
    assert precisions(page)[0] == "p₁ = none"
    assert not page.get_by_label("Predict").is_visible()
    assert button(page, "Remove the last word").is_disabled()
    field(page, "translation").fill("birds")
    assert page.get_by_text("With fewer than 4 words").is_visible()
    field(page, "translation").fill("x" * 150)  # one word, wider than a line
    field(page, "reference").fill("")
    assert page.get_by_text("With fewer than 4 words").is_visible()


def test_bleu_predicts_what_the_last_word_does(show) -> None:
    page = show(BleuCalculator())
    reference = BleuCalculator().reference
    asks = page.get_by_label("Predict")
    assert "removing the last word, “birds”, raise" in asks.inner_text()
    button(page, "lower it").press("Enter")
    assert "As you said." in focused(page)
    ours = BleuCalculator().translation
    before = bleu_by_hand([ours], [reference])
    after = bleu_by_hand([ours.removesuffix(" birds")], [reference])
    assert f"It falls: {before:.1f} → {after:.1f}." in asks.inner_text()
    button(page, "Remove the last word").click()
    assert field(page, "translation").input_value() == ours.removesuffix(" birds")
    assert f"= {after:.1f}" in row(page, "BLEU")
    assert "removing the last word, “about”, raise" in asks.inner_text()
    button(page, "too long").click()
    button(page, "lower it").click()
    assert "It rises" in asks.inner_text()
    assert "Not as you said." in asks.inner_text()


def test_bleu_examples_and_the_exchange(show) -> None:
    page = show(BleuCalculator(translation="a b", reference="c d"))
    names = ["roles swapped", "right but short", "too long", "word salad"]
    for name in [*names, "paraphrase", "the the the"]:
        button(page, name).click()
        assert button(page, name).get_attribute("aria-pressed") == "true"
        pressed = page.locator(".row button[aria-pressed='true']")
        assert pressed.all_inner_texts() == [name]
    assert page.get_by_text("Papineni et al. 2002").is_visible()
    assert page.get_by_text("⅛ match for n = 4").is_visible()
    button(page, "right but short").click()
    assert not page.get_by_text("match for n").is_visible()
    before = row(page, "BLEU").split("= ")[1][:4]
    button(page, "Exchange the two").click()
    after = row(page, "BLEU").split("= ")[1][:4]
    assert before != after
    assert page.get_by_text(f"Exchanged: {before} → {after}.").is_visible()
    button(page, "Exchange the two").click()
    assert button(page, "right but short").get_attribute("aria-pressed") == "true"
    field(page, "translation").press("End")
    page.keyboard.type(" x")
    assert page.get_by_text("Exchanged:").count() == 0


def test_bleu_shows_the_runs_of_any_length(show) -> None:
    page = show(BleuCalculator())
    group = page.get_by_role("group", name="Precisions").locator("button")
    expected = {1: 10, 2: 9, 3: 8, 4: 7}
    for n, count in expected.items():
        group.nth(n - 1).click()
        assert group.nth(n - 1).get_attribute("aria-pressed") == "true"
        said = words(page).get_attribute("aria-label")
        assert f": {count} {n}-grams; counting: " in said
        assert (
            page.locator(".note", has_text="Under each")
            .inner_text()
            .startswith(f"Under each {'word' if n == 1 else f'run of {n} words'} a bar")
        )
        filled = words(page).locator("rect[style='fill: var(--output)']").count()
        assert filled == int(precisions(page)[n - 1].split("= ")[1].split("/")[0])
        lit = words(page).locator("rect[style*='color-mix'][style*='output']").count()
        assert lit == {1: 10, 2: 10, 3: 5, 4: 5}[n]  # words of a run that counts
    button(page, "the the the").click()
    group.nth(0).click()
    assert words(page).locator("rect[style*='dasharray']").count() == 5
    assert page.get_by_text("is used 7 times, the reference has it twice").is_visible()


def test_bleu_explains_a_run_by_keys_and_by_mouse(show) -> None:
    page = live(show, BleuCalculator())
    says = page.locator(".says")
    look = slider(page, "look at an n-gram")
    assert shown(page, "look at an n-gram") == "2 of 9"
    assert says.inner_text().startswith("“student gave”: the reference does not")
    look.press("ArrowRight")
    assert says.inner_text() == "“gave the”: the reference has it once: it counts."
    look.press("Home")
    assert shown(page, "look at an n-gram") == "none"
    assert not says.is_visible()
    words(page).scroll_into_view_if_needed()
    box = words(page).bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 34)  # the first word
    assert page.locator(".tip:visible").inner_text() == "“the student”: counts"
    page.mouse.click(box["x"] + 30, box["y"] + 34)
    assert page.evaluate("model.get('at')") == 1
    assert shown(page, "look at an n-gram") == "1 of 9"
    page.mouse.click(box["x"] + 30, box["y"] + 34)
    assert page.evaluate("model.get('at')") == 0


def test_bleu_breaks_lines_on_a_phone(show) -> None:
    page = show(BleuCalculator(), width=375)
    box = words(page).bounding_box()
    assert box["height"] > 190  # two lines each
    words(page).tap(position={"x": 20, "y": 34})
    assert page.locator(".tip:visible").inner_text() == "“the student”: counts"
    ends = "all => all.map((r) => r.x.baseVal.value + r.width.baseVal.value)"
    assert max(words(page).locator("rect").evaluate_all(ends)) <= box["width"] + 2


def test_bleu_shows_what_python_sets(show) -> None:
    page = live(show, BleuCalculator())
    page.evaluate("model.set('translation', 'a b c d')")
    page.evaluate("model.set('reference', 'a b c d')")
    assert field(page, "translation").input_value() == "a b c d"
    assert page.evaluate("model.get('bleu')") == 100
    assert page.evaluate("model.get('book_variant')") == pytest.approx(100)
    page.evaluate("model.set('n', 4)")
    assert "1 4-gram; counting: “a b c d”" in words(page).get_attribute("aria-label")


@every_look
def test_bleu_looks(show, scheme, width) -> None:
    page = show(BleuCalculator(), scheme=scheme, width=width)
    fits_and_axe_finds_nothing(page)
    button(page, "the the the").click()
    page.get_by_role("group", name="Precisions").locator("button").first.click()
    reveal(page)
    fits_and_axe_finds_nothing(page)


# -- the beam tree --------------------------------------------------------------------


def tree(page):
    return page.get_by_role("img", name="The tree of what was tried")


def to_the_end(page) -> None:
    step = button(page, "Step")
    for _ in range(8):
        if step.get_attribute("aria-disabled") == "true":
            return
        step.click()
    pytest.fail("the search does not end")


def table(page, caption: str) -> list[list[str]]:
    rows = page.locator(f"table:has(caption:has-text('{caption}')) tbody tr")
    return [one.locator("td").all_inner_texts() for one in rows.all()]


def results(page) -> str:
    return page.locator(".results").inner_text()


def test_beam_steps_forward_and_back(show) -> None:
    page = live(show, BeamTree())
    says = page.locator(".says[aria-live]")
    assert says.inner_text().startswith("Step 1: 3 continuations, the best 2 stay.")
    assert (
        tree(page)
        .get_attribute("aria-label")
        .endswith("step 1 keeps we −0.97, I −1.08")
    )
    assert "#3" in tree(page).text_content()  # what is pruned has its rank
    assert "the search is at step 1" in results(page)
    button(page, "Back").click()
    assert "Step 1 will look" in says.inner_text()
    assert "nothing yet" in tree(page).get_attribute("aria-label")
    assert button(page, "Back").get_attribute("aria-disabled") == "true"
    button(page, "Back").press("Enter")
    to_the_end(page)
    assert "It stops: nothing left can beat “we are home”" in says.inner_text()
    assert table(page, "Ended so far") == [
        ["1", "“I am going home”", "−1.92"],
        ["2", "“we are home”", "−2.71"],
    ]
    assert "Beam of 2: “I am going home”, log p −1.92." in results(page)
    assert page.evaluate("model.get('winner')") == "I am going home"
    thick = tree(page).locator("path[stroke-width='4.5']")
    assert thick.count() == 5  # the way to the winner
    assert page.evaluate("model.get('step')") == 5
    button(page, "Step").press("Enter")  # nothing more happens, the focus stays
    assert focused(page) == "Step"
    assert page.evaluate("model.get('step')") == 5
    button(page, "Back").click()
    assert page.evaluate("model.get('winner')") is None
    assert thick.count() == 0
    assert len(table(page, "Ended so far")) == 1


def test_beam_shows_the_search_that_was_computed(show) -> None:
    setting = {"width": 3, "alpha": 0.6, "temperature": 1.5, "longest": 6}
    page = show(BeamTree(**setting))
    to_the_end(page)
    script = """const { beamSearch, normalised } = await load("seq2seq/decoding.js");
      const { languageModel } = await load("seq2seq/word_table.js");
      const { spoken } = await load("seq2seq/search_words.js");
      const { number } = await load("kit/draw.js");
      const next = languageModel(table, temperature);
      const search = { end: 0, longest, width, alpha };
      const { steps, found } = beamSearch(next, search);
      return { steps: steps.length, candidates: steps.at(-1).candidates.length,
        found: found.map((one) => [spoken(table, one), number(one.score),
          number(normalised(one, alpha))]) };"""
    expected = run(script, table=BeamTree().table, **setting)
    lines = table(page, "Ended so far")
    assert [[row[1], row[2], row[4]] for row in lines[:3]] == expected["found"]
    assert len(lines) > 3  # the rest has ended too, but is not among the best three
    looks = page.locator("table:has(caption:has-text('Ended so far')) tbody tr")
    assert looks.evaluate_all("all => all.map((e) => e.className)") == [
        *("best", "", ""),
        *["out"] * (len(lines) - 3),
    ]
    assert f"step {expected['steps']}" in tree(page).text_content()
    page.get_by_text("This step as a table").click()
    assert len(table(page, "all continuations")) == expected["candidates"]


def test_beam_predict_first_which_width(show) -> None:
    page = show(BeamTree())
    to_the_end(page)
    assert "? your prediction first" in results(page)
    assert "★" not in tree(page).text_content()
    button(page, "2").press("Enter")
    assert "Widths 3, 4 and 5 find it. Not as you said." in focused(page)
    assert "★ “go home”, log p −1.72." in results(page)
    assert "prunes it in step 1, as number 3" in results(page)
    assert tree(page).text_content().count("★") == 1  # it was pruned at once
    slider(page, "width of the beam").press("ArrowRight")
    assert "A beam of this width finds it." in results(page)  # it stays at its end
    assert tree(page).text_content().count("★") == 3
    assert "Not as you said." in page.get_by_label("Predict").inner_text()
    slider(page, "length penalty").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    verdict = page.get_by_label("Predict").inner_text()
    assert "is “I am going home”. Widths 2, 3, 4 and 5" in verdict
    assert "you said" not in verdict  # that was about another penalty
    assert "Beam of 3: “I am going home”" in results(page)
    assert len(table(page, "Ended so far")[0]) == 5
    button(page, "Predict again").click()
    assert "? your prediction first" in results(page)


def test_beam_runs_and_pauses(show) -> None:
    page = live(show, BeamTree())
    run_button = button(page, "Run")
    run_button.click()
    page.wait_for_function("model.get('step') > 1")
    button(page, "Pause").click()
    stopped = page.evaluate("model.get('step')")
    page.wait_for_timeout(1200)
    assert page.evaluate("model.get('step')") == stopped
    run_button.click()
    button(page, "Back").click()  # a step by hand pauses too
    assert run_button.is_visible()
    to_the_end(page)
    run_button.click()  # from the start again
    page.wait_for_function("model.get('step') < 4")
    page.wait_for_function("model.get('step') === 5")
    run_button.wait_for()


def test_beam_says_the_sum_of_a_node(show) -> None:
    page = show(BeamTree())
    tree(page).scroll_into_view_if_needed()
    node = tree(page).get_by_text("I", exact=True)
    node.hover()
    assert page.locator(".tip:visible").inner_text() == "“I”: −1.08, rank 2 of 3"
    node.click()
    assert page.get_by_text("“I”: log(0.34) = −1.08, rank 2: kept.").is_visible()
    node.click()
    assert page.get_by_text("click or tap it for its sum").is_visible()
    button(page, "Step").click()
    tree(page).get_by_text("am", exact=True).click()
    assert page.get_by_text("“I am”: log(0.34 · 0.80) = −1.30, rank 1").is_visible()


def test_beam_marks_the_rows_that_it_asks(show) -> None:
    page = show(BeamTree())

    def now() -> list[str]:
        return page.locator(".rows .now dt").all_inner_texts()

    assert now() == ["start"]
    button(page, "Step").click()
    assert now() == ["… we", "… I"]
    slider(page, "temperature").press("End")
    assert page.get_by_text("at temperature 3.0").is_visible()
    row = page.locator(".rows div").first.inner_text()
    flat = [float(p) for p in re.findall(r"\d\.\d+", row)]
    expected = [p ** (1 / 3) for p in (0.38, 0.34, 0.28)]
    assert flat == pytest.approx([p / sum(expected) for p in expected], abs=0.005)


def test_beam_other_probabilities_are_another_question(show) -> None:
    page = show(BeamTree())
    button(page, "3").click()
    before = page.locator(".rows").inner_text()
    assert button(page, "The first table").get_attribute("aria-disabled") == "true"
    button(page, "Other probabilities").click()
    assert page.locator(".rows").inner_text() != before
    assert "smallest width" in page.get_by_label("Predict").inner_text()
    reveal(page)
    button(page, "The first table").click()
    assert page.locator(".rows").inner_text() == before
    assert "smallest width" in page.get_by_label("Predict").inner_text()


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("longest", [2, 8])
def test_beam_of_any_width_comes_to_an_end(show, width, longest) -> None:
    page = show(BeamTree(width=width, longest=longest, alpha=1, redrawn=3))
    to_the_end(page)
    assert "It stops" in page.locator(".says[aria-live]").inner_text()
    reveal(page)
    if longest == 2:
        assert " …”" in results(page)  # cut before its end


def test_sampling_draws_and_counts(show) -> None:
    page = live(show, BeamTree())
    page.get_by_role("radio", name="beam search").press("ArrowRight")
    assert slider(page, "width of the beam").count() == 0
    assert page.get_by_text("Step draws one sequence").is_visible()
    for _ in range(3):
        button(page, "Step").click()
    lines = table(page, "Drawn: 3 of 100")
    assert sum(int(one[0].rstrip("×")) for one in lines) == 3
    button(page, "Back").click()
    assert len(table(page, "Drawn: 2 of 100")) <= 2
    button(page, "Run").click()
    page.get_by_text("Drawn: 100 of 100").wait_for(timeout=30_000)
    button(page, "Run").wait_for()
    assert button(page, "Step").get_attribute("aria-disabled") == "true"
    script = """const { sample } = await load("seq2seq/decoding.js");
      const { languageModel } = await load("seq2seq/word_table.js");
      const { generator } = await load("kit/nn.js");
      const { spoken } = await load("seq2seq/search_words.js");
      const { uniform } = generator(1);
      const setting = { end: 0, longest: 7, topK: null, topP: null, uniform };
      const next = languageModel(table, 1);
      return Array.from({ length: 100 }, () => spoken(table, sample(next, setting)));"""
    drawn = run(script, table=BeamTree().table)
    lines = table(page, "Drawn: 100 of 100")
    assert len(lines) == 8
    for count, said, share, _ in lines:
        assert count == f"{drawn.count(said)}×"
        assert share == f"{drawn.count(said)}\u00a0%"
    words = tree(page).get_attribute("aria-label")
    first = sum(said.startswith("“we") for said in drawn)
    assert f"we {first}×" in words
    reveal(page)
    assert f"The draws have it {drawn.count('“go home”')} times in 100" in results(page)
    button(page, "Other draws").click()
    assert page.evaluate("model.get('seed')") == 2
    assert page.get_by_text("Step draws one sequence").is_visible()


def test_sampling_can_be_restricted(show) -> None:
    page = live(show, BeamTree(search="sample"))
    slider(page, "top k").press("Home")
    assert shown(page, "top k") == "1 word"
    assert page.evaluate("model.get('top_k')") == 1
    for _ in range(4):
        button(page, "Step").click()
    assert [row[:2] for row in table(page, "Drawn: 4")] == [["4×", "“we are home”"]]
    slider(page, "top k").press("End")
    assert page.evaluate("model.get('top_k')") is None
    slider(page, "top p").press("Home")
    assert shown(page, "top p") == "0.05"
    button(page, "Step").click()
    assert table(page, "Drawn: 1")[0][1] == "“we are home”"
    slider(page, "top p").press("End")
    assert page.evaluate("model.get('top_p')") is None


def test_beam_follows_on_a_phone(show) -> None:
    page = show(BeamTree(), width=375)
    board = page.locator(".board")
    assert board.get_attribute("tabindex") == "0"  # by keys too
    to_the_end(page)
    at = board.evaluate("e => [e.scrollLeft + e.clientWidth, e.scrollWidth]")
    assert at[0] >= at[1] - 2
    tree(page).get_by_text("now", exact=True).first.tap()
    assert page.locator(".tip:visible").inner_text().startswith("“we are home now”")


def test_beam_shows_what_python_sets(show) -> None:
    page = live(show, BeamTree())
    page.evaluate("model.set('width', 4); model.set('alpha', 0.6)")
    assert shown(page, "width of the beam") == "4"
    assert shown(page, "length penalty") == "0.6"
    tree(page).get_by_text("I", exact=True).click()
    page.evaluate("model.set('step', 0)")
    assert "nothing yet" in tree(page).get_attribute("aria-label")
    page.evaluate("model.set('step', 99)")
    assert "Beam of 4: “I am going home”" in results(page)
    page.evaluate("model.set('search', 'sample')")
    expect(page.get_by_role("radio", name="sample instead")).to_be_checked()
    assert slider(page, "top p").is_visible()


@every_look
def test_beam_looks(show, scheme, width) -> None:
    page = show(BeamTree(width=3, alpha=0.6), scheme=scheme, width=width)
    fits_and_axe_finds_nothing(page)
    to_the_end(page)
    reveal(page)
    page.get_by_text("This step as a table").click()
    tree(page).get_by_text("go", exact=True).first.click()
    fits_and_axe_finds_nothing(page)
    page.get_by_text("sample instead").click()
    for _ in range(5):
        button(page, "Step").click()
    fits_and_axe_finds_nothing(page)
