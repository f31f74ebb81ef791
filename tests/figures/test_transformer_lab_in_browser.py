"""The Transformer lab in a real browser, by mouse, touch and keys."""

from __future__ import annotations

import pytest
from ablations import PARTS, TINY, lab, names, stored
from javascript import run
from pages import focused, live, reveal, shown, slider

from course_lib.data.korean_english import tokens

pytestmark = pytest.mark.browser

every_look = pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 375)]
)
WEIGHTS = stored() or TINY
TEXT = "나는 집에 간다"
STAGES = [
    "1 Korean words",
    "2 encoder block 1",
    "3 encoder block 2",
    "4 English words",
    "5 decoder block 1",
    "6 decoder block 2",
    "7 next word",
]


def expected(given: list[str] | None = None, cuts: tuple = (), at: int = 1) -> dict:
    """What the network says; steps from 0. It has tests of its own."""
    script = """const { transformer } = await load("transformer/transformer.js");
      const { effects } = await load("transformer/effects.js");
      const { best } = await load("transformer/next_words.js");
      const { cellOf, inWords } = await load("transformer/arithmetic.js");
      const { number, percent } = await load("kit/draw.js");
      const model = transformer(weights);
      const ids = given && given.map(model.idOf);
      const { target, own, whole, cut, leak } =
        effects(model, source, ids, new Set(cuts));
      const word = (id) => (id === 2 ? "end" : model.wordOf(id));
      const all = [...target, 2];
      const shares = (run) => all.map((id, t) => percent(run.shares[t][id]));
      const start = ["start", ...target.map(word)];
      const heads = cut.run.blocks[0].attentions[1].heads;
      return { words: all.map(word), own: own.map(word).join(" "),
        cut: cut.own.map(word).join(" "),
        shares: shares(cut.run), whole: shares(whole.run),
        best: best(cut.run.shares[at], 5).map((id) =>
          [word(id), percent(cut.run.shares[at][id])]),
        sums: [number(whole.sum), number(cut.sum)], leak: leak && leak.by,
        cells: heads.map((head) => source.map((token, s) =>
          inWords(cellOf(head, at, s), `“${start[at]}”`, `“${token}”`))),
        top: heads.map(({ weights }) =>
          weights[at].indexOf(Math.max(...weights[at]))) };"""
    source = list(tokens(TEXT))
    got = {"given": given, "cuts": list(cuts), "at": at}
    return run(script, weights=WEIGHTS, source=source, **got)


def words(page):
    return page.get_by_role("group", name="The English words").get_by_role("button")


def bars(page) -> list[list[str]]:
    rows = page.locator(".next li").all()
    return [[row.locator(one).inner_text() for one in ("button", "b")] for row in rows]


def button(page, name: str, exact: bool = True):
    return page.get_by_role("button", name=name, exact=exact)


def tab(page, n: int):
    return page.get_by_role("tab").nth(n - 1)


def part(page, name: str) -> None:
    page.locator(".segments:visible").get_by_text(name, exact=True).click()


def outcome(page) -> list[list[str]]:
    rows = page.locator(".outcome tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in rows]


def leak(page) -> str:
    return page.locator(".cuts > .says").inner_text()


def test_a_sentence_its_words_and_what_might_have_been(show) -> None:
    page = live(show, lab())
    got = expected(at=2)
    assert words(page).locator("span").all_inner_texts() == got["words"]
    assert words(page).locator("small").all_inner_texts() == got["shares"]
    last = len(got["words"]) - 1  # without the end
    got = expected(at=last - 1)
    assert words(page).nth(last - 1).get_attribute("aria-pressed") == "true"
    assert bars(page) == got["best"]
    assert page.evaluate("model.get('translation')") == got["own"]
    words(page).nth(0).click()
    assert bars(page) == expected(at=0)["best"]
    page.keyboard.press("ArrowRight")
    assert bars(page) == expected(at=1)["best"]
    assert focused(page).split("\n")[0] == got["words"][1]
    page.keyboard.press("End")
    assert bars(page) == expected(at=last)["best"]
    assert page.evaluate("model.get('at')") == last + 1


def test_another_word_in_the_place_of_one(show) -> None:
    page = live(show, lab(at=2))
    own = expected()["own"].split()
    best = [word for word, _ in expected(at=1)["best"]]
    other = next(word for word in best if word not in (own[1], "end"))
    button(page, f"put “{other}” there").click()
    given = [own[0], other, *own[2:]]
    got = expected(given)
    assert words(page).locator("span").all_inner_texts() == got["words"]
    assert words(page).locator("small").all_inner_texts() == got["shares"]
    assert page.evaluate("model.get('target')") == " ".join(given)
    assert page.evaluate("model.get('leak')") == 0
    assert "changed" in words(page).nth(1).get_attribute("aria-label")
    button(page, "Its own words").click()
    assert page.evaluate("model.get('target')") == ""
    field = page.get_by_label("another English word")
    field.fill("nosuchword")
    assert field.get_attribute("aria-invalid") == "true"
    field.press("Enter")
    assert page.evaluate("model.get('target')") == ""
    third = WEIGHTS["target_words"][9]
    field.fill(third)
    assert field.get_attribute("aria-invalid") == "false"
    field.press("Enter")
    assert words(page).locator("span").nth(1).inner_text() == third
    words(page).last.click()  # after the end there is more
    field.fill(third)
    field.press("Enter")
    assert page.evaluate("model.get('target')").split()[-1] == third
    assert words(page).count() == len(own) + 2


def test_the_stages_are_walked_by_keys(show) -> None:
    page = live(show, lab())
    panel = page.get_by_role("tabpanel")
    tab(page, 1).focus()
    for n, name in enumerate(STAGES, 1):
        assert focused(page).split("\n")[0] == name
        assert tab(page, n).get_attribute("aria-selected") == "true"
        assert page.evaluate("model.get('stage')") == n
        kind = "weights of the head" if "block" in name else "+ place"
        if n < 7:
            assert panel.get_by_role("img", name=kind).is_visible()
        page.keyboard.press("ArrowRight")
    rows = panel.locator(".logits tbody th").all_inner_texts()
    last = len(expected()["words"]) - 2
    assert rows == ["x", *(word for word, _ in expected(at=last)["best"])]
    page.keyboard.press("ArrowUp")
    assert focused(page).split("\n")[0] == STAGES[2]
    page.keyboard.press("ArrowDown")
    assert focused(page).split("\n")[0] == STAGES[5]
    page.keyboard.press("Home")
    assert page.evaluate("model.get('stage')") == 1


def test_what_a_block_adds(show) -> None:
    page = show(lab(stage=5))
    part(page, "what is added")
    titles = page.locator(".strips:visible .board svg").evaluate_all(
        "all => all.map((e) => e.getAttribute('aria-label').split(':')[0])"
    )
    assert titles == [
        *("before", "+ heard from each other", "+ heard from the Korean"),
        *("+ feed-forward", "= after"),
    ]
    tab(page, 2).click()  # no cross-attention there
    assert page.locator(".strips:visible .board").count() == 4
    tab(page, 5).click()
    part(page, "cross-attention")
    tab(page, 2).click()
    assert page.get_by_role("img", name="weights of the head").is_visible()
    tab(page, 5).click()
    assert page.locator(".segments:visible :checked").input_value() == "cross"


def test_the_arithmetic_of_a_cell(show) -> None:
    page = live(show, lab(at=2, stage=5, part="cross"))
    got = expected(at=1)
    says = page.get_by_role("tabpanel").locator(".says")
    assert says.inner_text() == got["cells"][0][got["top"][0]]
    page.get_by_role("group", name="Heads").get_by_role("button").nth(1).press("Enter")
    assert page.evaluate("model.get('head')") == 2
    assert says.inner_text() == got["cells"][1][got["top"][1]]
    slider(page, "who is asked").press("Home")
    assert says.inner_text() == got["cells"][1][0]
    assert shown(page, "who is asked") == next(iter(tokens(TEXT)))
    slider(page, "who asks").press("Home")
    assert shown(page, "who asks") == "start"
    assert says.inner_text() == expected(at=0)["cells"][1][0]
    cells = page.get_by_role("img", name="The weights of the head").locator(".cell")
    count = len(list(tokens(TEXT)))
    one = cells.nth(2 * count + 3)
    one.scroll_into_view_if_needed()
    box = one.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert says.inner_text() == expected(at=2)["cells"][1][3]
    words(page).nth(0).click()  # another word is chosen: its own cell
    got = expected(at=0)
    assert says.inner_text() == got["cells"][1][got["top"][1]]
    table = page.get_by_role("region", name="The arithmetic of the chosen cell")
    D = WEIGHTS["config"]["size"] // WEIGHTS["config"]["heads"]
    assert table.locator("tr").first.locator("td").count() == D + 1


def test_predict_first_then_cut(show) -> None:
    page = live(show, lab(stage=5))
    parts = page.get_by_role("group", name="Parts to cut out")
    cutting = page.get_by_role("button", name="Cut head 1 out")
    assert not parts.is_visible()
    assert not cutting.is_visible()
    button(page, "the residual connections").click()
    verdict = page.get_by_label("Predict").inner_text()
    assert f"The log-probability of “{expected()['own']}” changes by" in verdict
    assert "s you said." in verdict
    assert cutting.is_visible()
    got = expected()
    assert outcome(page) == [[got["own"], got["sums"][0]]]
    for name in PARTS:
        one = parts.get_by_role("button").nth(PARTS.index(name))
        one.click()
        got = expected(cuts=(name,))
        (whole, cut) = outcome(page)
        assert whole == [got["own"], got["sums"][0]]
        assert cut[0].removesuffix(" …") in (got["cut"], "(nothing)")
        assert cut[1] == got["sums"][1]
        small = words(page).locator("small").all_inner_texts()
        pairs = zip(got["whole"], got["shares"], strict=True)
        assert small == [a if a == b else f"{a} → {b}" for a, b in pairs]
        assert page.get_by_text("Shown without").is_visible()
        one.press("Enter")
        assert page.evaluate("model.get('cut')") == []
    assert len(outcome(page)) == 1


def test_a_head_is_cut_where_it_is_seen_and_in_the_list(show) -> None:
    page = live(show, lab(stage=5, head=2))
    reveal(page)
    button(page, "Cut head 2 out").click()
    assert page.evaluate("model.get('cut')") == ["decoder 1 self 2"]
    assert outcome(page)[1][1] == expected(cuts=("decoder 1 self 2",))["sums"][1]
    page.get_by_text("Single heads").click()
    listed = button(page, "cut head 2 of the self-attention in decoder block 1", False)
    assert listed.get_attribute("aria-pressed") == "true"
    assert len(page.locator(".net button").all()) == WEIGHTS["config"]["heads"] * sum(
        1 for _ in names(WEIGHTS["config"])
    )
    listed.click()
    assert page.evaluate("model.get('cut')") == []
    button(page, "cut head 1 of the cross-attention in decoder block 2", False).click()
    assert page.evaluate("model.get('cut')") == ["decoder 2 cross 1"]
    button(page, "Put all back").click()
    assert page.evaluate("model.get('cut')") == []


def test_the_numbers_of_the_heads_are_those_of_the_words(show) -> None:
    page = show(lab())
    reveal(page)
    page.get_by_text("Single heads").click()
    anew = button(page, "Measure each head on these words")
    numbers = page.locator(".net small")
    before = numbers.all_inner_texts()
    assert len(before) == page.locator(".net button").count()
    assert not anew.is_visible()
    button(page, "Longer").click()
    assert numbers.count() == 0  # they were of other words
    anew.click()
    assert numbers.all_inner_texts() != before
    assert not anew.is_visible()


def test_the_leak(show) -> None:
    page = live(show, lab())
    reveal(page)
    assert "With the mask no word sees those after it." in leak(page)
    button(page, "Change the last word").click()
    given = page.evaluate("model.get('target')").split()
    own = expected()["own"].split()
    assert [given[:-1], len(given)] == [own[:-1], len(own)]
    assert given[-1] != own[-1]
    assert "have not moved at all: largest change 0." in leak(page)
    assert page.evaluate("model.get('leak')") == 0
    page.get_by_role("group", name="Parts to cut out").get_by_text("mask").click()
    moved = page.evaluate("model.get('leak')")
    assert moved == pytest.approx(expected(given, ("mask",))["leak"], abs=1e-9)
    assert moved > 0
    assert "The future leaks." in leak(page)
    button(page, "Its own words again").click()
    assert "Without the mask every word sees the words after it" in leak(page)
    assert page.evaluate("model.get('leak')") is None
    words(page).nth(0).click()
    field = page.get_by_label("another English word")
    field.fill(next(w for w in WEIGHTS["target_words"][4:] if w != own[0]))
    field.press("Enter")  # not the last word
    assert page.evaluate("model.get('leak')") > 0
    button(page, "Its own words again").click()
    assert page.evaluate("model.get('target')") == ""


def test_cuts_from_python_need_no_prediction(show) -> None:
    page = live(show, lab(cut=["residuals"], stage=6))
    assert outcome(page)[1][1] == expected(cuts=("residuals",))["sums"][1]
    page.evaluate("model.set('cut', ['norms'])")
    assert outcome(page)[1][1] == expected(cuts=("norms",))["sums"][1]
    page.evaluate("model.set('stage', 1)")
    assert tab(page, 1).get_attribute("aria-selected") == "true"
    page.evaluate("model.set('rung', 3)")
    assert page.get_by_label("a Korean sentence").input_value().startswith("나는 소연")


def test_no_sentence_shows_nothing(show) -> None:
    page = live(show, lab())
    page.get_by_label("a Korean sentence").fill("")
    assert words(page).count() == 0 or not words(page).first.is_visible()
    assert not page.get_by_role("tablist").is_visible()
    assert page.evaluate("model.get('translation')") == ""
    page.get_by_label("a Korean sentence").fill("고양이는 잔다")
    assert page.get_by_role("tablist").is_visible()
    assert page.evaluate("model.get('ladder')") == 3


@every_look
def test_every_stage_fits_and_axe_finds_nothing(show, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(lab(ladder=4, rung=5, cut=["mask"]), scheme=scheme, width=width)
    page.get_by_text("Single heads").click()
    for n in range(1, 8):
        tab(page, n).click()
        if n == 6:
            part(page, "what is added")
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1]
        if n in (2, 6, 7):
            found = Axe().run(page).response["violations"]
            serious = [v for v in found if v["impact"] in ("serious", "critical")]
            assert serious == []
