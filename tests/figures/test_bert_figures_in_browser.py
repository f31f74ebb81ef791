"""Masking machine, piece builder, label curve in a browser, by mouse and keys."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from javascript import run
from label_arms import ARMS, COUNTS, curve
from pages import focused, live, reveal, shown, slider

from course_lib.figures.bert import MaskingMachine, PieceBuilder

pytestmark = pytest.mark.browser


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def radio(page, name: str):
    return page.get_by_role("radio", name=name, exact=True)


def verdict(page) -> str:
    return page.get_by_label("Predict").inner_text()


def said(page) -> str:
    return page.locator(".says").first.inner_text()


def table(page, name: str) -> list[list[str]]:
    rows = page.locator(f"table.{name} tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


# -- the masking machine --------------------------------------------------------------

FIRST_DRAWS = """const { mask, count } = await load("bert/masking.js");
  const { TEXTS } = await load("bert/gap_texts.js");
  const { generator } = await load("kit/nn.js");
  const texts = TEXTS.map(({ tokens }) => tokens);
  const { uniform } = generator(seed);
  return Array.from({ length: times }, () => {
    const draw = mask(texts, shares, uniform);
    return { draw, ...count(draw) };
  });"""
BERT = {"rate": 0.15, "masked": 0.8, "random": 0.1, "whole": False}


def first_draws(times: int, seed: int = 1, **changes) -> list[dict]:
    return run(FIRST_DRAWS, times=times, seed=seed, shares=BERT | changes)


def sees(page) -> list[str]:
    """What the model sees at each token, without the signs."""
    chips = page.locator(".gaps li:not(.special):not(.head) .seen").all_inner_texts()
    return [text.removeprefix("⇄ ").removeprefix("= ") for text in chips]


def finds(page) -> list[str]:
    return page.locator(".gaps li:not(.special):not(.head) .find").all_inner_texts()


def flat(one: dict, key: str) -> list:
    return [place[key] for text in one["draw"] for place in text]


def report(page, *names: str) -> list:
    return page.evaluate("names => names.map((name) => model.get(name))", list(names))


def test_masking_predict_first_then_what_must_be_found(show) -> None:
    page = live(show, MaskingMachine())
    [one] = first_draws(1)
    assert sees(page) == flat(one, "seen")
    assert set(finds(page)) == {"?"}
    button(page, "where it sees [MASK]").press("Enter")
    assert focused(page).endswith("Not as you said.")
    assert f"here {one['chosen']} of 30, of which {one['masked']} show" in verdict(page)
    asked = [text != "·" for text in finds(page)]
    assert asked == [fate is not None for fate in flat(one, "fate")]
    button(page, "Predict again").click()
    assert set(finds(page)) == {"?"}
    button(page, "wherever a token was chosen").click()
    assert verdict(page).startswith("At every chosen token")
    assert "As you said." in verdict(page)


def test_masking_again_and_again(show) -> None:
    page = live(show, MaskingMachine(seed=3))
    reveal(page)
    draws = first_draws(102, seed=3)
    button(page, "Mask again").click()
    assert sees(page) == flat(draws[1], "seen")
    assert f"here {draws[1]['chosen']} of 30" in verdict(page)
    button(page, "100 draws at once").click()
    assert sees(page) == flat(draws[101], "seen")
    total = {
        key: sum(one[key] for one in draws)
        for key in ("tokens", "chosen", "masked", "other", "itself")
    }
    assert report(page, "draws", "tokens", "chosen") == [102, 3060, total["chosen"]]
    share = f"{100 * total['chosen'] / 3060:.1f}"
    assert said(page) == f"102 draws, 3,060 tokens: {share} % are chosen."
    rows = table(page, "tally")
    assert [row[1] for row in rows] == [
        f"{total['chosen']} of 3,060",
        *(
            f"{total[key]} of {total['chosen']}"
            for key in ("masked", "other", "itself")
        ),
    ]
    assert rows[0][2:4] == [f"{share}\u00a0%", "15.0 ± 0.6\u00a0%"]
    picture = page.get_by_role("img", name="The share of chosen tokens")
    about = picture.get_attribute("aria-label")
    assert f"after 3,060 tokens {share}\u00a0%, expected 15.0 ± 0.6" in about
    button(page, "Start again").click()
    assert sees(page) == flat(draws[0], "seen")
    assert report(page, "draws") == [1]


def test_masking_another_rate_is_another_tally(show) -> None:
    page = live(show, MaskingMachine())
    button(page, "100 draws at once").click()
    slider(page, "chosen").press("ArrowRight")
    assert report(page, "rate", "draws") == [16, 1]
    [one] = first_draws(1, rate=0.16)
    assert sees(page) == flat(one, "seen")
    slider(page, "of these [MASK]").press("End")  # the other gives way
    assert report(page, "masked", "random") == [100, 0]
    assert "of these itself: 0 %" in page.get_by_role("figure").inner_text()
    slider(page, "of these another word").press("End")
    assert report(page, "masked", "random") == [0, 100]
    page.evaluate("model.set('random', 40)")
    assert shown(page, "of these another word") == "40\u00a0%"
    assert "of these itself: 60 %" in page.get_by_role("figure").inner_text()


def test_masking_whole_words(show) -> None:
    page = live(show, MaskingMachine(rate=40))
    radio(page, "off").press("ArrowRight")
    assert report(page, "whole_words") == ["on"]
    [one] = first_draws(1, rate=0.4, whole=True)
    assert sees(page) == flat(one, "seen")
    assert "so the error is larger" in said(page)


def test_masking_says_each_token_to_those_who_cannot_see_it(show) -> None:
    page = show(MaskingMachine(masked=0, random=0, rate=60))
    reveal(page)
    first = page.get_by_role("list", name="Sentence 1").locator("li .unseen")
    texts = first.all_inner_texts()
    assert len(texts) == 6
    pattern = r"(\S+) .+: (not chosen, nothing to find|chosen, .*, must find \1)"
    assert all(re.fullmatch(pattern, text) for text in texts)


def test_masking_hover_is_a_number(show) -> None:
    page = show(MaskingMachine())
    button(page, "100 draws at once").click()
    picture = page.get_by_role("img", name="The share of chosen tokens")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 44, box["y"] + 80)
    tip = page.locator(".tip:visible").inner_text()
    share = 100 * first_draws(1)[0]["chosen"] / 30
    assert tip == f"30 tokens: {share:.1f}\u00a0%, expected ± 6.5\u00a0%"


# -- the piece builder ----------------------------------------------------------------

STEPS = """const { learn } = await load("bert/pieces.js");
  return learn(text, rule).map(({ pieces, pairs, made, words }) => ({
    pieces, made, best: pairs[0] ?? null, words: words.map((one) => one.pieces) }));"""


def steps(rule: str = "count", figure: PieceBuilder | None = None) -> list[dict]:
    return run(STEPS, rule=rule, text=(figure or PieceBuilder()).text)


def words(page) -> list[list[str]]:
    items = page.locator(".cuts li").all()
    return [item.locator(".piece").all_inner_texts() for item in items]


def test_pieces_are_joined_step_by_step(show) -> None:
    page = live(show, PieceBuilder())
    expected = steps()
    assert words(page) == expected[0]["words"]
    best = expected[0]["best"]
    assert said(page).startswith(f"Next {best['a']} + {best['b']}: together")
    assert table(page, "pairs")[0][:2] == [f"{best['a']} {best['b']}", "4"]
    button(page, "Join").click()
    assert words(page) == expected[1]["words"]
    made = page.locator(".cuts .made").all_inner_texts()
    assert set(made) == {expected[1]["made"]}
    button(page, "Join ten").press("Enter")
    assert report(page, "step", "size") == [11, len(expected[11]["pieces"])]
    assert words(page) == expected[11]["words"]
    stock = page.get_by_role("group", name="Joined pieces, the newest first")
    newest = [one["made"] for one in expected[11:0:-1]]
    assert stock.locator(".piece").all_inner_texts() == newest
    button(page, "Back").click()
    assert report(page, "step") == [10]
    slider(page, "pairs joined").press("End")
    assert report(page, "step") == [len(expected) - 1]
    assert said(page) == "Every word is one piece: nothing is left to join."
    assert button(page, "Join").get_attribute("aria-disabled") == "true"
    button(page, "Join").dispatch_event("click")
    assert report(page, "step") == [len(expected) - 1]


def test_pieces_by_ratio_are_other_pieces(show) -> None:
    page = live(show, PieceBuilder(step=5))
    assert words(page) == steps()[5]["words"]
    radio(page, "count").press("ArrowRight")
    assert report(page, "rule", "step") == ["ratio", 5]
    expected = steps("ratio")[5]
    assert words(page) == expected["words"] != steps()[5]["words"]
    best = expected["best"]
    score = best["count"] / (best["left"] * best["right"])
    assert f"({best['left']} · {best['right']}) = {score:.3f}" in said(page)


def test_pieces_of_what_is_typed(show) -> None:
    page = live(show, PieceBuilder(step=5))
    page.get_by_label("the text that pieces are learned from").fill("aa aab")
    assert report(page, "text", "step") == ["aa aab", 0]
    assert words(page) == [["a", "##a"], ["a", "##a", "##b"]]
    page.get_by_label("the text that pieces are learned from").fill("  ")
    assert said(page) == "Type a text, or choose one."
    assert shown(page, "pairs joined") == "0 of 0"
    button(page, "English").click()
    assert report(page, "word") == ["unbelievable"]
    assert shown(page, "pairs joined").startswith("0 of ")


def test_a_word_is_cut_try_by_try(show) -> None:
    page = live(show, PieceBuilder(step=4))
    tries = page.locator(".cut .letters")
    assert not tries.is_visible()
    page.get_by_role("button", name="2", exact=True).click()
    assert verdict(page).startswith("2 pieces: 먹 ##었다. As you said.")
    spoken = page.locator(".cut > .says")
    seen = [spoken.inner_text()]
    for _ in range(4):
        button(page, "Next try").click()
        seen.append(spoken.inner_text())
    assert seen == [
        "From the left: is the whole word a piece?",
        "“먹었다” ✗ is no piece: one character less.",
        "“먹었” ✗ is no piece: one character less.",
        "“먹” ✓ is a piece: cut, and on. 먹",
        "“##었다” ✓ is a piece, and the word ends. 먹 ##었다",
    ]
    assert report(page, "cut") == [["먹", "##었다"]]
    assert tries.locator(".done").count() == 3
    button(page, "Previous try").click()
    assert shown(page, "tries") == "3 of 4"
    # with fewer pieces the same word is cut otherwise, and nobody guessed that
    slider(page, "pairs joined").press("Home")
    assert verdict(page).startswith("3 pieces: 먹 ##었 ##다.")
    assert "you said" not in verdict(page)
    assert shown(page, "tries") == "0 of 6"


def test_what_has_no_piece_is_unknown(show) -> None:
    page = live(show, PieceBuilder())
    button(page, "unbelievable").click()
    button(page, "it becomes [UNK]").press("Enter")
    assert focused(page).endswith("As you said.")
    assert report(page, "cut") == [["[UNK]"]]
    slider(page, "tries").press("End")
    last = page.locator(".cut > .says").inner_text()
    assert last == "“u” ✗ is no piece, and nothing is left to try: [UNK]."
    page.get_by_label("a word to cut").fill("")
    assert verdict(page).startswith("Type a word.")
    assert report(page, "cut") == [[]]


@pytest.mark.parametrize("step", [0, 20, 400])
def test_long_words_break(show, step) -> None:
    word = "abcdefghij" * 4
    page = show(PieceBuilder(f"{word} x{word * 2}", step=step, word=word), width=375)
    reveal(page)
    slider(page, "tries").press("End")
    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]


# -- the label curve ------------------------------------------------------------------


def picture(page):
    return page.get_by_role("img", name="Accuracy over labels")


def spot(page, count: float) -> tuple[float, float]:
    picture(page).scroll_into_view_if_needed()
    box = picture(page).bounding_box()
    share = math.log(count / COUNTS[0]) / math.log(COUNTS[-1] / COUNTS[0])
    return box["x"] + 38 + share * (box["width"] - 38 - 24), box["y"] + 120


def test_labels_are_guessed_by_keys_then_revealed(show) -> None:
    page = live(show, curve())
    assert "With 64 labels, “pre-trained, both ways” reaches 0.80." in verdict(page)
    assert [row[1:] for row in table(page, "arms")] == [
        ["0.800", "0.030"],
        *[["?", "?"]] * 3,
    ]
    assert "hidden until you answer" in picture(page).get_attribute("aria-label")
    assert picture(page).locator("polygon").count() == 1
    slider(page, "your guess").press("End")
    assert shown(page, "your guess") == "more than 4,096"
    slider(page, "your guess").press("Home")
    slider(page, "your guess").press("PageUp")
    guess = shown(page, "your guess")
    assert f"Move the handle: {guess}." in verdict(page)
    button(page, "That many").press("Enter")
    assert focused(page).endswith(f"You said {guess}: not close.")
    assert "reaches 0.80 with about 510 labels, about ×8 what" in verdict(page)
    assert picture(page).locator("polygon").count() == 4
    assert not slider(page, "your guess").is_visible()
    button(page, "Predict again").click()
    assert picture(page).locator("polygon").count() == 1


def test_labels_are_guessed_by_dragging(show) -> None:
    page = live(show, curve())
    page.mouse.move(*spot(page, 64))
    page.mouse.down()
    page.mouse.move(*spot(page, 200), steps=3)
    page.mouse.move(*spot(page, 500), steps=3)
    page.mouse.up()
    page.mouse.move(*spot(page, 20))
    assert 480 <= int(shown(page, "your guess")) <= 520
    button(page, "That many").click()
    assert verdict(page).split("\n")[0].endswith("close.")
    assert "not close" not in verdict(page)
    assert 480 <= report(page, "guess")[0] <= 520


def test_labels_are_scrubbed_by_keys_and_pointer(show) -> None:
    page = live(show, curve())
    reveal(page)
    assert shown(page, "labels") == "64"
    assert report(page, "saved")[0] == pytest.approx(512 / 64, rel=1e-9)
    slider(page, "labels").press("ArrowRight")
    assert report(page, "at") == [4]
    rows = [[arm["accuracy"][3], arm["sd"][3]] for arm in ARMS]
    assert [row[1:] for row in table(page, "arms")] == [
        [f"{mean:.3f}", f"{sd:.3f}"] for mean, sd in rows
    ]
    assert said(page) == (
        "With 256 labels, against “from scratch”: labels saved about ×4 "
        "(0.90 takes about 1,000 labels there)."
    )
    page.mouse.click(*spot(page, 4000))
    assert report(page, "at", "saved") == [6, None]
    assert "labels saved more than ×1" in said(page)
    page.mouse.click(*spot(page, 5))
    assert said(page).endswith("is not better than chance: nothing to compare.")
    about = picture(page).get_attribute("aria-label")
    assert "with 4 labels: pre-trained, both ways 0.30; " in about


def test_labels_saved_against_another_arm(show) -> None:
    page = live(show, curve())
    reveal(page)
    choice = page.get_by_label("labels saved against")
    choice.select_option("bag of words")
    assert report(page, "against") == ["bag of words"]
    assert "against “bag of words”: labels saved more than ×64" in said(page)
    assert "does not reach 0.80 with 4,096 labels: more than ×64." in verdict(page)
    assert choice.locator("option:not([disabled])").all_text_contents() == [
        arm["name"] for arm in ARMS[1:]
    ]


def test_labels_hover_is_a_number(show) -> None:
    page = show(curve())
    reveal(page)
    box = picture(page).bounding_box()
    x, _ = spot(page, 256)
    y = 24 + 230 * (1 - 0.7) / 0.8  # the axis begins at 0.2
    page.mouse.move(x, box["y"] + y)
    tip = page.locator(".tip:visible").inner_text()
    assert tip == "from scratch, 256: 0.70 ± 0.06"


@pytest.mark.parametrize("width", [375, 1280])
def test_labels_of_many_arms_at_many_counts(show, width) -> None:
    counts = [2**n for n in range(1, 15)]
    arms = [
        {
            "name": f"a way to learn that has a rather long name, number {n}",
            "accuracy": [min(1, (n + i) / 25) for i in range(14)],
            "sd": [0.01] * 14,
        }
        for n in range(9, 0, -1)
    ]
    page = show(
        curve(counts=counts, arms=arms, against="", asked=None, chance=None),
        width=width,
    )
    reveal(page)
    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]
    assert picture(page).locator("polygon").count() == 9
    texts = picture(page).locator("text[text-anchor=middle]").all()
    boxes = [one.bounding_box() for one in texts]
    for left, right in pairwise(boxes):
        assert left["x"] + left["width"] < right["x"]
