"""The title page's figure: predict, watch, choose, type, follow a link."""

from __future__ import annotations

import json

import pytest
from pages import LIVE, live, shown, slider
from playwright.sync_api import expect

from course_lib.figures.title import ThreeTranslators
from course_lib.figures.title.three_translators import SCRIPT, STORED, script

pytestmark = pytest.mark.browser

MADE = json.loads(STORED.read_text(encoding="utf-8"))
NAMES = {
    "seq2seq": "Fixed vector",
    "attention": "Attention",
    "transformer": "Transformer",
}
FIRST = next(g for g in MADE["groups"] if g["length"] == 12)["sentences"][0]
MEANS = "because I am hungry, I roast three chestnuts in the kitchen"
OWN = "할머니가 사과를 먹는다"


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def column(page, chapter: str):
    return page.get_by_role("region", name=NAMES[chapter])


def read(page, chapter: str) -> int:
    """How many Korean words it has read."""
    return column(page, chapter).locator(".korean li:not(.unread)").count()


def said(page, chapter: str) -> list[str]:
    """The English words that stand there, without the end."""
    return column(page, chapter).locator(".said li:not(.over) b").all_inner_texts()


def verdict(page) -> str:
    return page.get_by_label("Predict").inner_text()


def show_all(page) -> None:
    button(page, "Just show me").click()


def field(page):
    return page.get_by_label("a Korean sentence")


def test_before_the_guess_nothing_is_told(show) -> None:
    page = show(ThreeTranslators())
    assert field(page).input_value() == FIRST["text"]
    assert page.get_by_text(MEANS).is_visible()
    for chapter in NAMES:
        assert read(page, chapter) == 0
        assert said(page, chapter) == []
    assert not page.get_by_role("table").is_visible()


def test_the_end_is_what_is_stored_and_wrong_words_have_a_sign(show) -> None:
    page = show(ThreeTranslators())
    show_all(page)
    for chapter in NAMES:
        assert said(page, chapter) == FIRST["traces"][chapter]["words"]
    assert "Two are right: attention and the Transformer." in verdict(page)
    lost = column(page, "seq2seq")
    wrong = lost.locator(".said .wrong")
    assert [one.split()[0] for one in wrong.all_inner_texts()] == ["a", "potato"]
    assert all("✗" in one for one in wrong.all_inner_texts())
    assert lost.get_by_text("✗ Lost: 2 wrong, 2 missing.").is_visible()
    for chapter in ("attention", "transformer"):
        assert column(page, chapter).get_by_text("✓ Right.").is_visible()
        assert column(page, chapter).locator(".wrong").count() == 0


def test_the_transformer_reads_in_one_step_and_all_write_word_by_word(show) -> None:
    page = show(ThreeTranslators())
    for at in range(1, 15):
        button(page, "Step").click()
        counts = [read(page, chapter) for chapter in NAMES]
        assert counts == [min(at, 12), min(at, 12), 12]
        written = [len(said(page, chapter)) for chapter in NAMES]
        assert written == [max(0, at - 12), max(0, at - 12), min(12, at - 1)]
    assert shown(page, "step") == "14 of 25"
    slider(page, "step").press("End")
    steps = column(page, "transformer").get_by_text("1 step to read, 13 to write.")
    assert steps.is_visible()
    assert column(page, "attention").get_by_text("12 steps to read, 13").is_visible()


def test_where_each_word_looked_is_said_and_drawn(show) -> None:
    page = show(ThreeTranslators(at=12 + 9))  # “chestnuts”, of those that read in 12
    looked = column(page, "attention")
    assert said(page, "attention")[-1] == "chestnuts"
    assert "“chestnuts” looked at 밤 (chestnuts)" in looked.inner_text()
    assert looked.locator(".looked").inner_text() == "밤\nchestnuts"
    bar = looked.locator(".looked .bar").bounding_box()["width"]
    chip = looked.locator(".looked").bounding_box()["width"]
    share = int(looked.locator(".note").first.inner_text().split("\u00a0%")[0][-2:])
    assert bar / (chip - 3) == pytest.approx(share / 100, abs=0.03)
    plain = column(page, "seq2seq")
    assert plain.locator(".gone").count() == 12
    assert "from the 64 numbers" in plain.inner_text()
    assert plain.locator(".looked, .bar").count() == 0


@pytest.mark.parametrize(
    ("guess", "told"), [("all three", "As you said."), ("none", "You said none.")]
)
def test_a_guess_is_played_and_judged(show, guess, told) -> None:
    page = show(ThreeTranslators(length=4))
    (stored,) = (g for g in MADE["groups"] if g["length"] == 4)
    count = sum(marks[0] == "1" for marks in stored["right"].values())
    assert count == 3
    button(page, guess).click()
    assert "Watch them work." in verdict(page)
    expect(page.get_by_label("Predict")).to_contain_text(f"All three are right. {told}")
    assert not button(page, "Pause").is_visible()


def test_with_reduced_motion_nothing_plays(show) -> None:
    page = show('<div id="live"></div>')
    page.emulate_media(reduced_motion="reduce")
    figure = ThreeTranslators()
    page.evaluate(LIVE, [figure.module(), figure.state()])
    button(page, "two").click()
    assert shown(page, "step") == "25 of 25"
    assert "As you said." in verdict(page)


def test_longer_shorter_and_another(show) -> None:
    page = show(ThreeTranslators())
    show_all(page)
    page.get_by_text("20", exact=True).first.click()
    group = MADE["groups"][-1]
    assert field(page).input_value() == group["sentences"][0]["text"]
    assert button(page, "Just show me").is_visible()  # asked anew
    for n in (1, 2, 0):
        button(page, "Another").click()
        assert field(page).input_value() == group["sentences"][n]["text"]
    show_all(page)
    for chapter in NAMES:
        said_now = said(page, chapter)
        assert said_now == group["sentences"][0]["traces"][chapter]["words"]


def test_the_table_says_how_often_each_is_right(show) -> None:
    page = show(ThreeTranslators())
    show_all(page)
    table = page.get_by_role("table")
    rows = [one.inner_text().split("\t") for one in table.locator("tr").all()]
    assert rows[0][1:] == [str(group["length"]) for group in MADE["groups"]]
    for row, (chapter, name) in zip(rows[1:], NAMES.items(), strict=True):
        assert row[0] == name
        for cell, group in zip(row[1:], MADE["groups"], strict=True):
            share = 100 * group["right"][chapter].count("1") / 200
            assert float(cell.split()[0]) == pytest.approx(share, abs=0.51)
    assert table.locator("td.now").count() == 3


def test_type_a_sentence(show) -> None:
    page = live(show, ThreeTranslators())
    field(page).fill(OWN)
    expect(page.get_by_text("All three know these words.")).to_be_visible()
    tokens = column(page, "attention").locator(".korean [lang=ko]").all_inner_texts()
    assert tokens == ["할머니", "가", "사과", "를", "먹는다"]
    for chapter in NAMES:
        assert page.evaluate(f"model.get('translations').{chapter}") == " ".join(
            said(page, chapter)
        )
        assert said(page, chapter)
        assert column(page, chapter).locator(".wrong").count() == 0  # nobody knows
    assert not page.get_by_label("Predict").is_visible()
    field(page).fill("길동이 집에 간다")
    expect(page.get_by_text("read as <unk>: “길동”.")).to_be_visible()
    field(page).fill("할머니가 사과를 먹")
    offers = page.locator("datalist option").evaluate_all(
        "all => all.map(o => o.value)"
    )
    assert "할머니가 사과를 먹었다" in offers
    assert all(one.startswith("할머니가 사과를 먹") for one in offers)
    field(page).fill(FIRST["text"])  # a stored one is that one
    assert button(page, "Just show me").is_visible()
    field(page).fill("")
    assert page.get_by_text(MEANS).is_visible()


def test_in_the_book_the_weights_come_when_the_reader_types(show, tmp_path) -> None:
    page = show(ThreeTranslators(book="./"))
    (tmp_path / "_static").mkdir()
    (tmp_path / SCRIPT).write_text(script(), encoding="utf-8")
    show_all(page)
    assert page.locator("script[src]").count() == 0
    field(page).focus()
    page.wait_for_function("globalThis.__courseTranslators")
    field(page).fill(OWN)
    expect(page.get_by_text("All three know these words.")).to_be_visible()
    assert said(page, "attention")
    assert page.locator("script[src]").count() == 1


def test_weights_that_do_not_come_are_said_and_asked_for_again(browser, tmp_path):
    (tmp_path / "page.html").write_text(
        f"<main>{ThreeTranslators(book='./').to_html()}</main>", encoding="utf-8"
    )
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    field(page).fill(OWN)
    expect(page.get_by_text("The models did not come.")).to_be_visible()
    (tmp_path / "_static").mkdir()
    (tmp_path / SCRIPT).write_text(script(), encoding="utf-8")
    field(page).fill(OWN + " ")
    expect(page.get_by_text("All three know these words.")).to_be_visible()
    page.close()


def test_each_column_leads_to_its_chapter(show) -> None:
    page = show(ThreeTranslators(book="../"))
    links = page.get_by_role("link")
    assert links.evaluate_all("all => all.map((a) => a.getAttribute('href'))") == [
        "../chapters/03_seq2seq.html",
        "../chapters/04_attention.html",
        "../chapters/05_transformer.html",
    ]
    assert show(ThreeTranslators()).get_by_role("link").count() == 0


def test_by_keys_alone(show) -> None:
    page = show(ThreeTranslators())
    button(page, "Just show me").focus()
    page.keyboard.press("Enter")
    slider(page, "step").focus()
    page.keyboard.press("Home")
    assert read(page, "transformer") == 0
    page.keyboard.press("ArrowRight")
    assert [read(page, chapter) for chapter in NAMES] == [1, 1, 12]
    page.get_by_role("radio", checked=True).focus()
    page.keyboard.press("ArrowRight")
    assert field(page).input_value() == MADE["groups"][3]["sentences"][0]["text"]


def test_it_shows_what_python_sets(show) -> None:
    page = live(show, ThreeTranslators())
    page.evaluate("model.set('length', 8)")
    stored = MADE["groups"][1]["sentences"]
    assert field(page).input_value() == stored[0]["text"]
    page.evaluate("model.set('sentence', 2)")
    page.evaluate("model.set('at', 400)")
    for chapter in NAMES:
        assert said(page, chapter) == stored[1]["traces"][chapter]["words"]
    page.evaluate("text => model.set('text', text)", OWN)
    expect(page.get_by_text("All three know these words.")).to_be_visible()
