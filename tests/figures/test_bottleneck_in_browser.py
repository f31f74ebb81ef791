"""The bottleneck lab in a real browser, by mouse, touch and keys."""

from __future__ import annotations

import pytest
from javascript import run
from pages import focused, live, shown, slider
from translators import lab, stored, tiny

from course_lib.data.korean_english import tokens

pytestmark = pytest.mark.browser

every_look = pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)],
)
WEIGHTS = stored() or tiny()
HIDDEN = WEIGHTS["parameters"]["bridge.parts.0.bias"]["shape"][0]
LADDERS = WEIGHTS["ladders"]


def rung(ladder: int, number: int) -> dict:
    return LADDERS[ladder - 1]["rungs"][number - 1]


def expected(text: str, reference: str = "") -> dict:
    """What the network says, and its score; the parts have tests of their own."""
    script = """const { translator } = await load("seq2seq/translator.js");
      const { compare } = await load("seq2seq/comparison.js");
      const { bleu } = await load("seq2seq/bleu.js");
      const { percent, number } = await load("kit/draw.js");
      const { read, write } = translator(weights);
      const states = read(source).map(({ state }) => state);
      const said = write(states.at(-1), 60);
      const plain = said.filter(({ end }) => !end).map(({ word }) => word);
      const { ours, theirs, share } = compare(plain, reference);
      const score = bleu(plain, reference).score;
      return { plain, states, ours, theirs, share, shares: percent(share),
        score, rounded: number(score, 1), p: said.map((one) => percent(one.p)),
        ended: said.at(-1).end };"""
    source = list(tokens(text))
    return run(script, weights=WEIGHTS, source=source, reference=reference.split())


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def chips(page):
    return page.get_by_role("listbox", name="The source, token by token")


def source(page) -> list[str]:
    """The tokens that are shown, each with what stands below it."""
    all_ = chips(page).get_by_role("option").all()
    return [one.text_content().replace("\n", " ") for one in all_]


def field(page, name: str):
    return page.get_by_role("textbox", name=name)


def said(page, name: str) -> list[list[str]]:
    """Each word of a list with its mark."""
    return (
        page.get_by_role("list", name=name)
        .locator("li")
        .evaluate_all(
            "all => all.map((e) => [e.querySelector('b').textContent, e.className])"
        )
    )


def chart(page):
    return page.get_by_role("img", name="Length and score")


def context(page):
    return page.get_by_role("img", name="The state of the encoder")


def fits_and_axe_finds_nothing(page) -> None:
    from axe_playwright_python.sync_playwright import Axe

    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]
    found = Axe().run(page).response["violations"]
    assert [v for v in found if v["impact"] in ("serious", "critical")] == []


def test_a_sentence_with_its_glosses_and_its_translation(show) -> None:
    page = live(show, lab())
    assert source(page) == ["나 I", "는 topic", "집 home", "에 to", "간다 go"]
    got = expected("나는 집에 간다", "I go home")
    right = ["" if yes else "wrong" for yes in got["ours"]]
    ended = [["end", "over"]] if got["ended"] else []
    pairs = [list(one) for one in zip(got["plain"], right, strict=True)]
    assert said(page, "The translation") == pairs + ended
    small = page.get_by_role("list", name="The translation").locator("small")
    assert small.all_inner_texts() == got["p"]
    missing = ["" if yes else "missing" for yes in got["theirs"]]
    words = ["I", "go", "home"]
    theirs = [list(one) for one in zip(words, missing, strict=True)]
    assert said(page, "The reference") == theirs
    verdict = page.get_by_text("in the reference and").inner_text()
    assert verdict.startswith(f"{got['shares']} right: {sum(got['theirs'])} word")
    assert verdict.endswith(f"BLEU of this sentence: {got['rounded']}.")
    assert page.evaluate("model.get('translation')") == " ".join(got["plain"])
    assert page.evaluate("model.get('score')") == pytest.approx(got["share"])
    assert page.evaluate("model.get('bleu')") == pytest.approx(got["score"])


def test_marks_are_not_by_colour_alone(show) -> None:
    page = live(show, lab())
    field(page, "what it should say").fill("nothing of this")
    for name, mark, sign in [
        ("The translation", "wrong", "✗"),
        ("The reference", "missing", "∅"),
    ]:
        one = page.get_by_role("list", name=name).locator(f".{mark}").first
        assert sign in one.inner_text()
        assert f"({mark})" in one.text_content()
    look = "e => getComputedStyle(e).textDecorationStyle"
    assert page.locator(".wrong b").first.evaluate(look) == "wavy"
    look = "e => getComputedStyle(e).borderTopStyle"
    assert page.locator(".missing").first.evaluate(look) == "dashed"


def test_climbing_by_buttons_and_keys(show) -> None:
    page = live(show, lab())
    assert button(page, "Shorter").get_attribute("aria-disabled") == "true"
    button(page, "Shorter").click(force=True)
    assert shown(page, "rung") == "1 of 8"
    for n in (2, 3):
        button(page, "Longer").press("Enter")
        assert shown(page, "rung") == f"{n} of 8"
        assert field(page, "Korean").input_value() == rung(1, n)["text"]
    assert page.evaluate("model.get('rung')") == 3
    assert f"{HIDDEN} numbers" in context(page).get_attribute("aria-label")
    slider(page, "rung").press("End")
    assert len(source(page)) == 30
    assert f"{HIDDEN} numbers" in context(page).get_attribute("aria-label")
    said_ = page.get_by_text("The context:").inner_text()
    assert f"Here it is {HIDDEN / 30:.1f} for each of the 30 tokens" in said_
    button(page, "Longer").focus()
    page.keyboard.press("Enter")  # there is none, and the focus stays
    assert focused(page) == "Longer"
    assert shown(page, "rung") == "8 of 8"
    button(page, "a cat").click()
    assert field(page, "Korean").input_value() == rung(3, 8)["text"]
    assert field(page, "what it should say").input_value() == rung(3, 8)["target"]
    button(page, "Shorter").click()
    assert field(page, "Korean").input_value() == rung(3, 7)["text"]


def test_reading_and_writing_step_by_step(show) -> None:
    page = live(show, lab())
    got = expected("나는 집에 간다", "I go home")
    written = len(got["p"])
    step = button(page, "From the start")
    step.click()
    step = button(page, "Step")
    for n in range(1, 6):
        assert page.evaluate("model.get('at')") == n
        assert shown(page, "step") == f"{n} of 5 tokens read"
        says = context(page).get_attribute("aria-label")
        assert f"{HIDDEN} numbers, after {n} of 5 tokens" in says
        unread = page.locator(".token.unread").count()
        assert unread == 5 - n
        assert said(page, "The translation") == []
        assert not page.get_by_text("in the reference and").is_visible()
        if n < 5:
            word = "token" if n == 1 else "tokens"
            assert page.get_by_text(f"After {n} {word} the state is").is_visible()
        step.click()
    assert page.get_by_text("The context:").is_visible()
    for n in range(1, written):
        assert shown(page, "step") == f"all read, {n} of {written} written"
        assert len(said(page, "The translation")) == n
        step.click()
    assert page.evaluate("model.get('at')") is None
    assert page.get_by_text("in the reference and").is_visible()
    slider(page, "step").press("Home")
    assert shown(page, "step") == "1 of 5 tokens read"
    chips(page).press("ArrowRight")
    assert shown(page, "step") == "2 of 5 tokens read"
    chips(page).get_by_role("option").nth(3).click()
    assert shown(page, "step") == "4 of 5 tokens read"


def test_the_state_is_the_one_that_was_computed(show) -> None:
    page = show(lab())
    states = expected("나는 집에 간다")["states"]
    chips(page).get_by_role("option").nth(2).click()
    picture = context(page)
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    width = (box["width"] - 4) / HIDDEN
    for k in (0, 5, HIDDEN - 1):
        page.mouse.move(box["x"] + 2 + width * (k + 0.5), box["y"] + 30)
        tip = page.locator(".tip:visible").inner_text()
        value = f"{states[2][k]:+.2f}".replace("-", "−")
        zero = value.replace("+0.00", "0.00").replace("−0.00", "0.00")
        assert tip in {f"number {k + 1}: {value}", f"number {k + 1}: {zero}"}
    cells = picture.locator("g").first.locator("rect")
    assert cells.count() == HIDDEN
    for t in (2, 0):
        chips(page).get_by_role("option").nth(t).click()
        script = """const { signed } = await load("kit/draw.js");
          return values.map(signed);"""
        fills = run(script, values=states[t])
        styles = cells.evaluate_all("all => all.map((e) => e.getAttribute('style'))")
        assert styles == [f"fill: {fill}" for fill in fills]


def test_it_plays_and_pauses(show) -> None:
    page = live(show, lab())
    button(page, "Play").click()
    page.wait_for_function("model.get('at') >= 2")
    button(page, "Pause").click()
    at = page.evaluate("model.get('at')")
    page.wait_for_timeout(500)
    assert page.evaluate("model.get('at')") == at
    button(page, "Play").click()
    page.wait_for_function(f"model.get('at') > {at}")
    button(page, "Longer").click()  # another sentence ends it
    assert button(page, "Play").is_visible()
    assert page.evaluate("model.get('at')") is None


def test_tokens_can_be_removed(show) -> None:
    page = live(show, lab())
    chips(page).get_by_role("option").nth(2).click()
    button(page, "Remove “집”").click()
    assert source(page) == ["나 I", "는 topic", "에 to", "간다 go"]
    assert field(page, "Korean").input_value() == "나는 에 간다"
    assert page.evaluate("model.get('reference')") == ""
    assert page.get_by_text("knows all 4 of these tokens").is_visible()
    chips(page).press("Delete")  # 는, where the place is now
    assert source(page) == ["나 I", "에 to", "간다 go"]
    slider(page, "step").press("End")
    assert page.get_by_text("Without a reference there is no score").is_visible()
    assert page.evaluate("model.get('score')") is None
    for _ in range(4):
        chips(page).press("Backspace") if source(page) else None
    assert source(page) == []
    assert page.get_by_text("Type a sentence, or choose one.").is_visible()
    assert "NaN" not in page.get_by_role("figure").inner_text()
    button(page, "Back to the rung").click()
    assert field(page, "Korean").input_value() == "나는 집에 간다"
    assert field(page, "what it should say").input_value() == "I go home"


def test_a_sentence_can_be_typed(show) -> None:
    page = live(show, lab())
    field(page, "Korean").fill("길동이 집에 간다 blorp")
    assert source(page) == [
        *("길동 <unk>", "이 subject", "집 home", "에 to", "간다 go", "blorp <unk>")
    ]
    note = page.get_by_text("Not in the vocabulary").inner_text()
    assert note == "Not in the vocabulary, so read as <unk>: “길동”, “blorp”."
    unknown = page.locator(".token.unknown")
    assert unknown.count() == 2
    assert page.evaluate("model.get('tried').length") == 1  # without a reference none
    field(page, "what it should say").fill("Gildong goes home")
    assert page.evaluate("model.get('tried').length") == 2
    assert page.get_by_text("of 3 in the reference").is_visible()
    field(page, "what it should say").fill(page.evaluate("model.get('translation')"))
    assert page.evaluate("model.get('tried').length") == 2
    assert page.evaluate("model.get('tried')[1].score") == 1  # of the last reference
    field(page, "Korean").fill("나는 집에 간다")  # the rung: its reference is back
    assert field(page, "what it should say").input_value() == "I go home"
    field(page, "Korean").fill("")
    assert source(page) == []
    for name in ("Play", "From the start", "Remove"):
        button(page, name).click(force=True)
    assert page.get_by_text("nothing to read").is_visible()
    assert field(page, "Korean").get_attribute("maxlength") == "300"
    field(page, "Korean").fill("나 " * 150)
    assert len(source(page)) == 150


def test_the_chart_has_a_dot_for_each_sentence_tried(show) -> None:
    page = live(show, lab())
    dots = chart(page).locator("circle")
    assert dots.count() == 1
    button(page, "Longer").click()
    button(page, "Shorter").click()
    assert dots.count() == 2  # each once
    button(page, "Climb all ladders").click()
    assert dots.count() == 32
    assert page.get_by_text("32 sentences tried").is_visible()
    tried = page.evaluate("model.get('tried')")
    texts = {one["text"] for one in tried}
    assert texts == {one["text"] for ladder in LADDERS for one in ladder["rungs"]}
    for one in tried[::7]:
        target = next(
            r["target"]
            for ladder in LADDERS
            for r in ladder["rungs"]
            if r["text"] == one["text"]
        )
        got = expected(one["text"], target)
        assert one["tokens"] == len(tokens(one["text"]))
        assert one["score"] == pytest.approx(got["share"])
        assert one["bleu"] == pytest.approx(got["score"])
    says = chart(page).get_attribute("aria-label")
    assert "3 tokens " in says
    assert "31 tokens " in says
    button(page, "Clear the chart").click()
    assert dots.count() <= 1


def test_a_dot_says_its_sentence_and_leads_to_it(show) -> None:
    page = live(show, lab())
    slider(page, "rung").press("End")
    chart(page).scroll_into_view_if_needed()
    dot = chart(page).locator("circle").first  # the one that is looked at lies on top
    box = dot.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    tip = page.locator(".tip:visible").inner_text()
    assert tip.startswith("5 tokens, ")
    assert tip.endswith("나는 집에 간다")
    page.mouse.down()
    page.mouse.up()
    assert page.evaluate("model.get('rung')") == 1
    assert field(page, "Korean").input_value() == "나는 집에 간다"


def test_it_shows_what_python_sets(show) -> None:
    page = live(show, lab())
    page.evaluate("model.set('ladder', 2)")
    assert field(page, "Korean").input_value() == rung(2, 1)["text"]
    page.evaluate("model.set('rung', 5)")
    assert field(page, "Korean").input_value() == rung(2, 5)["text"]
    assert shown(page, "rung") == "5 of 8"
    page.evaluate("model.set('text', '새가 운다')")
    assert [one.split()[0] for one in source(page)] == ["새", "가", "운다"]
    page.evaluate("model.set('at', 1)")
    assert shown(page, "step") == "1 of 3 tokens read"
    page.evaluate("model.set('at', 999)")
    assert page.get_by_text("The context:").is_visible()
    assert page.evaluate("model.get('reference')") == ""  # it was the rung's
    page.evaluate("model.set('tried', [])")
    assert "nothing" in chart(page).get_attribute("aria-label")
    page.evaluate("model.set('reference', 'a bird sings')")
    assert chart(page).locator("circle").count() == 1
    page.evaluate("model.set('text', '새가 달린다')")
    assert page.evaluate("model.get('reference')") == "a bird sings"
    page.evaluate("text => model.set('text', text)", rung(3, 2)["text"])
    assert shown(page, "rung") == "2 of 8"
    assert page.evaluate("model.get('ladder')") == 3
    assert page.evaluate("model.get('reference')") == rung(3, 2)["target"]


def test_it_starts_with_a_sentence_from_python(show) -> None:
    page = show(lab(text="그는 학교에 간다", reference="he goes to school"))
    assert field(page, "Korean").input_value() == "그는 학교에 간다"
    assert [word for word, _ in said(page, "The reference")] == [
        *("he", "goes", "to", "school")
    ]
    page = show(lab(ladder=4, rung=8, at=3))
    assert shown(page, "step") == "3 of 31 tokens read"


@every_look
def test_looks(show, scheme, width) -> None:
    page = show(lab(rung=6), scheme=scheme, width=width)
    fits_and_axe_finds_nothing(page)
    button(page, "Climb all ladders").click()
    slider(page, "rung").press("End")
    fits_and_axe_finds_nothing(page)
    field(page, "Korean").fill("길동이 " + "가" * 100)
    chips(page).press("Home")
    fits_and_axe_finds_nothing(page)
    if width == 375:
        for chip in chips(page).get_by_role("option").all():
            assert chip.bounding_box()["height"] >= 40
