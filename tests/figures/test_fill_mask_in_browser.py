"""The fill-mask bench in a real browser, by mouse, touch and keys."""

from __future__ import annotations

import pytest
from fillers import TINY, bench, stored, words
from javascript import run
from pages import focused, live, reveal, shown, slider

from course_lib.figures.bert.fill_mask import SENTENCES

pytestmark = pytest.mark.browser

WEIGHTS = stored() or TINY
LONGEST = bench().weights["longest"]
ONE = SENTENCES[0]["text"].split()
NEW = SENTENCES[0]["swap"]["words"][0]


def expected(text: str, masked: list[int], gap: int) -> dict:
    """What the models say; the network has tests of its own."""
    script = """const { gaps } = await load("bert/gaps.js");
      const { tokensOf } = await load("bert/tokens.js");
      const { best } = await load("transformer/next_words.js");
      const { percent } = await load("kit/draw.js");
      const found = gaps(weights).at(tokensOf(text, masked), gap - 1);
      const list = ({ shares }) =>
        best(shares, 5).map((id) => [weights.pieces[id], percent(shares[id])]);
      return { both: list(found.both), left: list(found.left),
        looks: { both: found.both.looks[0][1], left: found.left.looks[0][1] } };"""
    return run(script, weights=WEIGHTS, text=text, masked=masked, gap=gap)


def model(page, name: str):
    names = {"both": "Both ways", "left": "Left to right"}
    return page.get_by_role("region", name=names[name])


def bars(page, name: str) -> list[list[str]]:
    rows = model(page, name).locator(".next li").all()
    return [
        [row.locator("button").inner_text().split()[0], row.locator("b").inner_text()]
        for row in rows
    ]


def says_as(page, text: str, masked: list[int], gap: int) -> None:
    got = expected(text, masked, gap)
    for name in ("both", "left"):
        assert bars(page, name) == got[name], name


def tiles(page):
    return page.get_by_role("group", name="The words").get_by_role("button")


def sentence(page) -> list[str]:
    return tiles(page).locator("b").all_inner_texts()


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def typed(page, word: str):
    field = page.get_by_label("another word in its place")
    field.fill(word)
    return field


def test_it_starts_with_a_gap_and_two_lists(show) -> None:
    page = live(show, bench())
    assert sentence(page) == ["나", "는", "[MASK]", "를", "먹는다"]
    says_as(page, " ".join(ONE), [3], 3)
    small = tiles(page).locator("small").all_inner_texts()
    assert small == ["I", "topic", "was 사과", "object", "eat"]
    assert [row[0] for row in page.evaluate("model.get('both')")] == [
        word for word, _ in bars(page, "both")
    ]
    assert page.evaluate("model.get('left').length") == 5


def test_what_each_model_sees(show) -> None:
    page = show(bench())
    seen = {name: model(page, name).locator(".seen span") for name in ("both", "left")}
    for name, gap in (("both", "[MASK]"), ("left", "?")):
        assert seen[name].all_inner_texts() == [
            *("[CLS]", "나", "는", gap, "를", "먹는다", "[SEP]")
        ]
    assert seen["both"].and_(page.locator(".hidden")).count() == 0
    hidden = seen["left"].and_(page.locator(".hidden"))
    assert hidden.all_inner_texts() == ["를", "먹는다", "[SEP]"]
    told = model(page, "left").locator(".unseen").inner_text()
    assert told == ("It sees: [CLS] 나 는 ?. It does not see: 를 먹는다 [SEP].")
    assert "does not" not in model(page, "both").locator(".unseen").inner_text()


def test_a_click_masks_and_another_one_shows(show) -> None:
    page = live(show, bench())
    tiles(page).nth(4).click()
    assert sentence(page)[2:] == ["[MASK]", "를", "[MASK]"]
    says_as(page, " ".join(ONE), [3, 5], 5)
    assert "never met a [MASK]" in page.locator(".note").first.inner_text()
    tiles(page).nth(2).click()  # the other gap is asked about first
    assert sentence(page)[2:] == ["[MASK]", "를", "[MASK]"]
    says_as(page, " ".join(ONE), [3, 5], 3)
    assert "never met a [MASK]" not in page.locator(".note").first.inner_text()
    tiles(page).nth(2).click()
    assert sentence(page)[2:] == ["사과", "를", "[MASK]"]
    says_as(page, " ".join(ONE), [5], 5)
    assert page.evaluate("model.get('masked')") == [5]
    tiles(page).nth(4).click()
    assert not model(page, "both").is_visible()
    assert "nothing is asked" in page.locator(".note").first.inner_text()
    tiles(page).nth(0).click()
    says_as(page, " ".join(ONE), [1], 1)


def test_the_row_by_keys(show) -> None:
    page = live(show, bench())
    tiles(page).nth(2).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert focused(page).split("\n")[0] == "먹는다"
    assert page.evaluate("model.get('at')") == 5
    assert sentence(page)[4] == "먹는다"  # to choose is not to mask
    page.keyboard.press("Enter")
    assert page.evaluate("model.get('masked')") == [3, 5]
    page.keyboard.press("Space")
    assert page.evaluate("model.get('masked')") == [3]
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    assert sentence(page) == ["는", "[MASK]", "를", "먹는다"]
    assert focused(page).split("\n")[0] == "는"
    page.keyboard.press("End")
    page.keyboard.press("Delete")
    assert sentence(page) == ["는", "[MASK]", "를"]
    assert focused(page).split("\n")[0] == "를"
    says_as(page, "는 [MASK] 를", [], 2)


def test_a_word_is_replaced_and_what_that_did_is_told(show) -> None:
    page = live(show, bench())
    tiles(page).nth(2).focus()
    page.keyboard.press("End")
    field = typed(page, "nosuchword")
    assert field.get_attribute("aria-invalid") == "true"
    unknown = page.locator(".unknown")
    assert unknown.inner_text().startswith("“nosuchword” is none of the ")
    field.press("Enter")
    assert sentence(page)[4] == "먹는다"
    field = typed(page, NEW)
    assert field.get_attribute("aria-invalid") == "false"
    assert unknown.inner_text() == ""
    field.press("Enter")
    text = " ".join([*ONE[:4], NEW])
    assert page.evaluate("model.get('text')") == text
    says_as(page, text, [3], 3)
    told = page.locator(".says").inner_text()
    assert "Left to right: nothing has moved at all." in told
    assert " from " in told or "no word has moved" in told
    tiles(page).nth(4).focus()
    page.keyboard.press("Home")
    typed(page, " She ").press("Enter")  # before the gap, and by its meaning
    assert sentence(page)[0] == "그녀"
    assert "nothing has moved" not in page.locator(".says").inner_text()


def test_a_word_of_a_list_fills_the_gap(show) -> None:
    page = live(show, bench())
    word = next(w for w, _ in bars(page, "left") if not w.startswith("["))
    rows = model(page, "left").locator(".next button")
    rows.filter(has_text=word).first.click()
    assert sentence(page)[2] == word
    assert focused(page).split("\n")[0] == word  # the list is gone
    assert page.evaluate("model.get('masked')") == []
    assert not model(page, "left").is_visible()


def test_words_are_moved_added_and_deleted(show) -> None:
    page = live(show, bench())
    button(page, "Move right").click()
    assert page.evaluate("model.get('text')") == "나 는 를 사과 먹는다"
    says_as(page, "나 는 를 사과 먹는다", [4], 4)
    button(page, "Move right").click()
    right = button(page, "Move right")
    assert right.get_attribute("aria-disabled") == "true"
    right.dispatch_event("click")
    assert page.evaluate("model.get('text')") == "나 는 를 먹는다 사과"
    button(page, "Move left").click()
    button(page, "Add a gap").click()
    text = "나 는 를 사과 [MASK] 먹는다"
    assert page.evaluate("model.get('text')") == text
    says_as(page, text, [4], 5)
    tiles(page).nth(4).click()  # there is no word to be shown
    assert sentence(page)[4] == "[MASK]"
    button(page, "Delete").click()
    says_as(page, "나 는 를 사과 먹는다", [4], 4)
    for _ in range(LONGEST):
        button(page, "Add a gap").dispatch_event("click")
    assert tiles(page).count() == LONGEST
    assert button(page, "Add a gap").get_attribute("aria-disabled") == "true"
    for _ in range(LONGEST + 1):
        button(page, "Delete").dispatch_event("click")
    assert tiles(page).count() == 1
    assert button(page, "Delete").get_attribute("aria-disabled") == "true"


@pytest.mark.parametrize("n", range(1, len(SENTENCES) + 1))
def test_predict_then_reveal(show, n) -> None:
    page = live(show, bench())
    one = SENTENCES[n - 1]
    button(page, one["name"]).click()
    at, gap = one["swap"]["at"], one["gap"]
    said = one["text"].split()
    predict = page.get_by_label("Predict")
    side = "Behind the gap" if at > gap else "Before the gap"
    asked = predict.inner_text()
    swaps = page.get_by_role("group", name="In place of").get_by_role("button")
    assert swaps.count() == 0  # predict first
    assert asked.startswith(f"{side} we put {one['swap']['words'][0]} (")
    assert f"in place of {said[at - 1]} (" in asked
    says_as(page, one["text"], [gap], gap)
    button(page, "only “both ways”").click()
    said[at - 1] = one["swap"]["words"][0]
    says_as(page, " ".join(said), [gap], gap)
    verdict = predict.inner_text().split("\n")[0]
    assert "s you said." in verdict
    assert page.locator(".says").inner_text() not in verdict
    assert ("Left to right: nothing has moved at all." in verdict) == (at > gap)
    assert swaps.nth(1).get_attribute("aria-pressed") == "true"
    swaps.last.press("Enter")
    assert focused(page) == swaps.last.inner_text()
    said[at - 1] = one["swap"]["words"][-1]
    says_as(page, " ".join(said), [gap], gap)
    assert verdict in predict.inner_text()
    button(page, "Predict again").click()
    assert page.evaluate("model.get('text')") == one["text"]
    assert not swaps.first.is_visible()


def test_the_verdict_is_of_the_sentence_as_it_was(show) -> None:
    page = live(show, bench())
    tiles(page).first.click()
    reveal(page)
    assert page.evaluate("model.get('text')") == " ".join([*ONE[:4], NEW])
    assert page.evaluate("model.get('masked')") == [3]
    tiles(page).last.focus()
    page.keyboard.press("Delete")  # the word that is swapped
    assert not page.get_by_label("Predict").is_visible()
    button(page, SENTENCES[0]["name"]).click()
    assert page.get_by_label("Predict").is_visible()
    assert page.evaluate("model.get('text')") == SENTENCES[0]["text"]


def test_whom_the_gap_asks(show) -> None:
    page = live(show, bench())
    assert shown(page, "attention") == "not shown"
    filled = page.locator(".seen [style]")
    assert filled.count() == 0
    for _ in range(2):
        slider(page, "attention").press("ArrowRight")
    assert shown(page, "attention") == "block 1, head 2"
    assert page.evaluate("model.get('head')") == 2
    got = expected(" ".join(ONE), [3], 3)["looks"]
    for name, count in (("both", 7), ("left", 3)):
        spans = model(page, name).locator(".seen [style]")
        assert spans.count() == count == len(got[name])
        shares = [
            float(style.split("--attention) ")[1].split("%")[0]) / 50
            for style in spans.evaluate_all("all => all.map((e) => e.style.cssText)")
        ]
        assert shares == pytest.approx(got[name], abs=0.011)
        said = model(page, name).locator(".note").last.inner_text()
        best = max(got[name])
        top = ["[CLS]", *ONE[:2], "[MASK]", *ONE[3:], "[SEP]"][got[name].index(best)]
        who = {"both": "The gap", "left": "The word before the gap"}[name]
        assert said.startswith(f"{who} asks most: {top} ")


def test_python_sets_it(show) -> None:
    page = live(show, bench(text="나 는 [MASK] 를 먹는다", masked=[5], at=5))
    says_as(page, "나 는 [MASK] 를 먹는다", [5], 5)
    assert not page.get_by_label("Predict").is_visible()
    page.evaluate("model.set('text', '그녀 는 배 를 탄다')")
    assert sentence(page) == ["그녀", "는", "[MASK]", "를", "[MASK]"]
    page.evaluate("model.set('masked', [3])")
    page.evaluate("model.set('at', 3)")
    says_as(page, "그녀 는 배 를 탄다", [3], 3)
    page.evaluate("model.set('sentence', 2)")
    two = SENTENCES[1]
    says_as(page, two["text"], [two["gap"]], two["gap"])
    assert page.get_by_label("Predict").is_visible()
    page.evaluate("model.set('head', 1)")
    assert page.locator(".seen [style]").count() > 0
    page.evaluate("model.set('text', '')")  # the sentence's
    assert sentence(page)[:3] == two["text"].split()[:3]
    page.evaluate("model.set('text', '나 는 '.repeat(15))")
    assert tiles(page).count() == LONGEST
    page.evaluate(f"model.set('at', {LONGEST})")
    page.evaluate("model.set('text', '나 는')")
    assert tiles(page).count() == 2


def test_every_word_can_be_picked_with_its_meaning(show) -> None:
    page = show(bench())
    options = page.locator("datalist option")
    assert options.count() == len(WEIGHTS["pieces"]) - 5
    apple = options.and_(page.locator("[value='사과']"))
    assert apple.get_attribute("label") == "apple / apology"
    assert set(words()) <= set(
        options.evaluate_all("all => all.map((one) => one.value)")
    )


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
def test_it_fits_and_axe_finds_nothing(show, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(bench(sentence=6, head=3), scheme=scheme, width=width)
    reveal(page)
    tiles(page).nth(4).click()
    tiles(page).nth(1).focus()
    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]
    found = Axe().run(page).response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert serious == []
