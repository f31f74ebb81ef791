"""The attention lab in a real browser, by mouse, touch and keys."""

from __future__ import annotations

from itertools import pairwise

import pytest
from attenders import PAIRS, lab, stored, tiny
from javascript import run
from pages import focused, live, shown, slider

from course_lib.data.korean_english import tokens
from course_lib.figures.attention import AttentionLab

pytestmark = pytest.mark.browser

every_look = pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)],
)
WEIGHTS = stored() or tiny()
TEXT = "나는 집에 간다"


def expected(text: str = TEXT, forced: dict[int, int] | None = None) -> dict:
    """What the network says; steps and places from 0. It has tests of its own."""
    script = """const { attender } = await load("attention/attender.js");
      const { compare } = await load("seq2seq/comparison.js");
      const { number } = await load("kit/draw.js");
      const { read, write } = attender(weights);
      const memory = read(source);
      const [said, free] = [forced, {}].map((where) => write(memory, 60, where));
      const words = (all) => all.map(({ word, end }) => (end ? "end" : word));
      return { words: words(said), free: words(free),
        weights: said.map((step) => step.weights),
        changed: compare(words(said), words(free)).ours.map((same) => !same),
        gone: compare(words(said), words(free)).theirs.map((same) => !same),
        shown: said.map((step) => Array.from(step.weights, (w) => number(w))),
        p: said.map(({ p }) => number(p, 3)),
        own: said.map(({ id, own }) => number(own.shares[id], 3)),
        steps: said.map((step, t) => Math.max(...Array.from(step.shares,
          (share, k) => Math.abs(share - step.own.shares[k])))) };"""
    keys = {str(t): i for t, i in (forced or {}).items()}
    return run(script, weights=WEIGHTS, source=list(tokens(text)), forced=keys)


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def words(page):
    return page.get_by_role("list", name="The translation").get_by_role("button")


def sources(page):
    return page.get_by_role("list", name="The Korean sentence").get_by_role("button")


def said(page) -> list[str]:
    return words(page).locator("span").all_inner_texts()


def says(page) -> str:
    return page.locator(".told .says").first.inner_text()


def grid(page):
    return page.get_by_role("img", name="The weights as a grid")


def lines(page):
    return page.get_by_role("img", name="The weights as lines").locator("path")


def numbers(page) -> list[str]:
    """Those that stand in the cells."""
    return grid(page).locator("text.weight").all_text_contents()


def cell(page, t: int, i: int, columns: int = 5):
    """Its middle on the page."""
    one = grid(page).locator("rect.cell").nth(t * columns + i)
    one.scroll_into_view_if_needed()
    box = one.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def looked_as(page, got: dict) -> None:
    """The browser's exp is not Node's, in the last digit."""
    rows = page.evaluate("model.get('attention')")
    for mine, theirs in zip(rows, got["weights"], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-9)


def a_change(text: str = TEXT) -> tuple[int, int]:
    """A step and a place that change a word when the one is forced onto the other."""
    count = len(list(tokens(text)))
    for t in range(len(expected(text)["words"]) - 1):
        for i in range(count):
            if any(expected(text, {t: i})["changed"]):
                return t, i
    raise AssertionError("nothing changes")


def test_a_sentence_and_where_each_word_looked(show) -> None:
    page = live(show, lab())
    got = expected()
    assert sources(page).all_inner_texts() == [
        *("나\nI", "는\ntopic", "집\nhome", "에\nto", "간다\ngo")
    ]
    assert said(page) == got["words"]
    looked_as(page, got)
    plain = [word for word in got["words"] if word != "end"]
    assert page.evaluate("model.get('translation')") == " ".join(plain)
    drawn = sum(w >= 0.01 for row in got["weights"] for w in row)
    assert lines(page).count() == drawn
    assert grid(page).locator("rect.cell").count() == 5 * len(got["words"])
    assert numbers(page) == []
    about = grid(page).get_attribute("aria-label")
    for word, row in zip(got["words"], got["shown"], strict=True):
        assert f"{word}: " in about
        assert max(row) in about


def test_lines_are_as_wide_as_the_weights(show) -> None:
    page = show(lab())
    weights = [w for row in expected()["weights"] for w in row if w >= 0.01]
    widths = lines(page).evaluate_all(
        "all => all.map((e) => +e.getAttribute('stroke-width'))"
    )
    for width, weight in zip(widths, weights, strict=True):
        assert width == pytest.approx(max(0.75, 11 * weight), abs=0.006)


def test_lines_join_the_words(show) -> None:
    page = show(lab(rung=2, forced=[[2, 3]]), width=375)

    def middles(buttons) -> list[float]:
        boxes = [one.bounding_box() for one in buttons.all()]
        return [box["y"] + box["height"] / 2 for box in boxes]

    forced = lines(page).and_(page.locator("path[style*='--ink']"))
    for style in ("", "li { padding: 9px 0 }"):  # as after another font has come
        page.evaluate(
            """style => document.querySelector(".course-figure-view").firstChild
              .shadowRoot.append(Object.assign(document.createElement("style"),
                { textContent: style }))""",
            style,
        )
        page.wait_for_timeout(100)
        top = page.locator(".fan svg").bounding_box()["y"]
        path = forced.get_attribute("d").replace("C", "").split()
        ends = [top + float(path[k].split(",")[1]) for k in (0, -1)]
        expected = middles(sources(page))[2], middles(words(page))[1]
        assert ends == pytest.approx(expected, abs=1)


def test_point_at_a_word_and_its_row_stands_alone(show) -> None:
    page = show(lab())
    got = expected()
    words(page).nth(1).hover()
    assert numbers(page) == got["shown"][1]
    assert says(page).startswith(f"Step 2, “{got['words'][1]}”: looked at ")
    faint = lines(page).evaluate_all(
        "all => all.filter((e) => e.getAttribute('opacity') === '0.05').length"
    )
    assert faint == sum(
        w >= 0.01 for t, row in enumerate(got["weights"]) for w in row if t != 1
    )
    page.mouse.move(2, 2)
    assert numbers(page) == []
    sources(page).nth(2).hover()  # a column
    assert numbers(page) == [row[2] for row in got["shown"]]
    x, y = cell(page, 0, 1)
    page.mouse.move(x, y)
    assert numbers(page) == got["shown"][0]
    page.mouse.move(x + 1, y)
    weight = page.locator(".tip:visible").inner_text()
    assert weight.startswith(f"{got['words'][0]} looks at 는: ")
    assert float(weight.split()[-1]) == pytest.approx(got["weights"][0][1], abs=6e-4)


def test_nothing_moves_under_the_pointer(show) -> None:
    page = show(lab(rung=4))
    before = [one.bounding_box() for one in words(page).all()]
    for n in range(words(page).count()):
        words(page).nth(n).hover()
        assert [one.bounding_box() for one in words(page).all()] == before


def test_force_a_word_to_look_elsewhere_and_release_it(show) -> None:
    page = live(show, lab())
    t, i = a_change()
    free, got = expected(), expected(forced={t: i})
    sources(page).nth(i).click()  # no word is chosen yet
    assert page.evaluate("model.get('forced')") == []
    words(page).nth(t).click()
    assert page.evaluate("model.get('at')") == t + 1
    assert "Now choose a Korean word" in says(page)
    assert button(page, "Release all").get_attribute("aria-disabled") == "true"
    sources(page).nth(i).click()
    assert page.evaluate("model.get('forced')") == [[t + 1, i + 1]]
    assert said(page) == got["words"] != free["words"]
    looked_as(page, got)
    classes = words(page).evaluate_all("all => all.map((e) => e.className.split(' '))")
    assert ["changed" in one for one in classes] == got["changed"]
    assert [n for n, one in enumerate(classes) if "forced" in one] == [t]
    assert sources(page).nth(i).get_attribute("aria-pressed") == "true"
    gone = page.locator(".free del").all_inner_texts()
    assert gone == [w for w, yes in zip(free["words"], got["gone"], strict=True) if yes]
    page.mouse.move(2, 2)
    assert "forced to look at" in says(page)
    assert set(numbers(page)) == {"0.00", "1.00"}  # the chosen row stays alone
    rows = page.locator(".shares tbody tr").all()
    table = {
        one.locator("th").inner_text(): one.locator("td").all_inner_texts()
        for one in rows
    }
    assert table[got["words"][t]] == [got["own"][t], got["p"][t]]
    assert page.locator(".shares thead th").all_inner_texts() == [
        *("next word", "left alone", "forced")
    ]
    button(page, "Release this word").click()
    assert said(page) == free["words"]
    assert page.evaluate("model.get('forced')") == []
    looked_as(page, free)
    assert page.locator(".changed, .forced").count() == 0
    assert page.locator(".free").inner_text() == ""


@pytest.mark.parametrize("release", ["Release this word", "Release all"])
def test_what_was_released_can_be_forced_again(show, release) -> None:
    page = live(show, lab())
    assert says(page).startswith("Choose an English word")
    for _ in range(2):
        words(page).nth(1).click()
        sources(page).nth(2).click()
        assert page.evaluate("model.get('forced')") == [[2, 3]]
        button(page, release).click()
        assert page.evaluate("[model.get('forced'), model.get('at')]") == [[], None]
        assert says(page).startswith("Choose an English word")


def test_several_steps_may_be_forced_by_cells(show) -> None:
    page = live(show, lab())
    for t, i in ((0, 3), (1, 1)):
        page.mouse.click(*cell(page, t, i))  # first it is chosen
        assert page.evaluate("model.get('at')") == t + 1
        page.mouse.click(*cell(page, t, i))
    assert page.evaluate("model.get('forced')") == [[1, 4], [2, 2]]
    assert said(page) == expected(forced={0: 3, 1: 1})["words"]
    page.mouse.click(*cell(page, 1, 4))  # another place for the same step
    assert page.evaluate("model.get('forced')") == [[1, 4], [2, 5]]
    assert said(page) == expected(forced={0: 3, 1: 4})["words"]
    page.mouse.click(*cell(page, 1, 4))  # the same place again
    assert page.evaluate("model.get('forced')") == [[1, 4]]
    button(page, "Release all").click()
    assert said(page) == expected()["words"]


def test_by_keys_alone(show) -> None:
    page = live(show, lab())
    t, i = a_change()
    words(page).first.focus()
    for _ in range(t):
        page.keyboard.press("ArrowDown")
    assert numbers(page) == expected()["shown"][t]
    page.keyboard.press("Enter")
    assert page.evaluate("model.get('at')") == t + 1
    page.keyboard.press("ArrowLeft")  # to where it looks most
    row = expected()["weights"][t]
    assert focused(page) == sources(page).nth(row.index(max(row))).inner_text()
    page.keyboard.press("Home")
    for _ in range(i):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert page.evaluate("model.get('forced')") == [[t + 1, i + 1]]
    assert said(page) == expected(forced={t: i})["words"]
    page.keyboard.press("ArrowRight")  # back to the chosen word
    assert focused(page).startswith(said(page)[t])
    page.keyboard.press("Delete")
    assert page.evaluate("model.get('forced')") == []
    page.keyboard.press("Escape")
    assert page.evaluate("model.get('at')") is None
    page.keyboard.press("End")
    assert focused(page) == said(page)[-1]
    stops = words(page).evaluate_all(
        "all => all.filter((e) => e.tabIndex === 0).length"
    )
    assert stops == 1


def test_another_sentence_is_free_again(show) -> None:
    page = live(show, lab())
    page.evaluate("model.set('forced', [[1, 2]])")
    page.evaluate("model.set('at', 1)")
    assert said(page) == expected(forced={0: 1})["words"]
    button(page, "Longer").click()
    assert shown(page, "rung") == "2 of 8"
    assert page.evaluate("[model.get('forced'), model.get('at')]") == [[], None]
    text = "길동이 집에 간다"
    page.get_by_role("textbox").fill(text)
    assert said(page) == expected(text)["words"]
    assert sources(page).first.inner_text() == "길동\n<unk>"
    assert page.get_by_text("read as <unk>: “길동”.").is_visible()
    assert not page.locator(".key").is_visible()  # gold links are the rung's
    page.get_by_role("textbox").fill("")
    assert said(page) == []
    assert "Type a sentence" in page.get_by_role("figure").inner_text()
    page.get_by_role("textbox").fill(TEXT)
    assert shown(page, "rung") == "1 of 8"
    slider(page, "rung").press("End")
    assert sources(page).count() == len(PAIRS[7].source)


def test_it_shows_what_python_sets(show) -> None:
    page = live(show, lab())
    page.evaluate("model.set('ladder', 2)")
    assert sources(page).count() == len(tokens(page.evaluate("model.get('text')")))
    page.evaluate("model.set('text', '새가 운다')")
    assert said(page) == expected("새가 운다")["words"]
    page.evaluate("model.set('at', 99)")  # beyond the end: none is chosen
    assert numbers(page) == []
    page.evaluate("model.set('forced', [[1, 99]])")  # no such token
    assert said(page) == expected("새가 운다")["words"]
    page = show(lab(forced=[[1, 3]], at=1))
    assert said(page) == expected(forced={0: 2})["words"]
    assert page.locator(".forced").count() == 1


def test_gold_links_are_framed(show) -> None:
    """With a network that says what the reference says, whatever it looks at."""
    page = show(lab())
    golden = (
        "all => all.filter((e) => e.getAttribute('style').includes('--key')).length"
    )
    target, got = ["I", "go", "home"], expected()["words"]
    common = len([word for word in target if word in got])  # each has one gold link
    framed = grid(page).locator("rect").evaluate_all(golden)
    assert framed <= common
    assert (framed > 0) == (common > 0)
    assert page.locator(".key").is_visible() == (framed > 0)


def test_words_that_are_longer_than_the_page(show) -> None:
    page = show(AttentionLab(weights=tiny(), rung=8), width=375)
    box = page.locator(".looks > .board")
    assert box.evaluate("e => e.scrollWidth > e.clientWidth")
    assert box.get_attribute("tabindex") == "0"
    assert grid(page).get_by_text("scroll →").is_visible()


def test_a_long_sentence_fits_the_width_of_a_book(show) -> None:
    page = show(lab(ladder=3, rung=8), width=760)
    assert sources(page).count() == 31
    assert page.locator(".map").evaluate("e => e.scrollWidth <= e.clientWidth")
    assert grid(page).get_by_text("scroll →").count() == 0
    words(page).nth(1).hover()
    assert (
        numbers(page) == expected(page.get_by_role("textbox").input_value())["shown"][1]
    )
    drawn = (
        grid(page)
        .locator("text.weight")
        .evaluate_all(
            """all => all.map((e) => e.getBoundingClientRect())
          .map(({ left, right }) => [left, right])"""
        )
    )
    for (_, right), (left, _) in pairwise(drawn):
        assert right <= left


def test_labels_of_rows_are_whole(show) -> None:
    page = live(show, lab(), width=375)
    for ladder in (1, 2, 3, 4):
        page.evaluate("ladder => model.set('ladder', ladder)", ladder)
        for rung in (5, 8):
            page.evaluate("rung => model.set('rung', rung)", rung)
            labels = (
                grid(page)
                .locator("text[text-anchor='end']")
                .evaluate_all(
                    """all => all.map((e) => {
                  e.setAttribute("class", "strong"); // as one that is chosen
                  return e.getBBox().x;
                })"""
                )
            )
            assert min(labels) >= 0


def pieces(page) -> set[int]:
    """Into how many each word is broken."""
    script = """all => all.map((e) => {
      const range = document.createRange();
      range.selectNodeContents(e);
      return range.getClientRects().length;
    })"""
    return set(words(page).locator("span").evaluate_all(script))


def test_on_a_phone_no_word_breaks_and_the_grid_shows_what_is_chosen(show) -> None:
    page = live(show, lab(rung=6), width=320)
    visible = """(box, i) => {
      const edges = box.getBoundingClientRect();
      const cell = box.querySelectorAll("rect.cell")[i].getBoundingClientRect();
      return cell.left >= edges.left && cell.right <= edges.right;
    }"""
    assert pieces(page) == {1}
    count = sources(page).count()
    for i in (count - 1, 0, count // 2):
        page.evaluate("model.set('at', 5)")
        page.evaluate("scrollTo(0, 300)")
        before = page.evaluate("scrollY")
        page.evaluate("i => model.set('forced', [[1, i + 1], [5, i + 1]])", i)
        assert page.locator(".map").evaluate(visible, 4 * count + i)
        assert page.evaluate("scrollY") == before
        assert page.get_by_text("forced, changed").count() > 0
        assert pieces(page) == {1}


@every_look
def test_looks(show, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(lab(rung=6, forced=[[2, 3]], at=2), scheme=scheme, width=width)
    for text in (None, "길동이 " + "가" * 100):
        if text:
            page.get_by_role("textbox").fill(text)
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1]
        found = Axe().run(page).response["violations"]
        assert [v for v in found if v["impact"] in ("serious", "critical")] == []
    if width == 375:
        for one in [*words(page).all(), *sources(page).all()]:
            assert one.bounding_box()["height"] >= 40
