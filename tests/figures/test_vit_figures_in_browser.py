"""The patch bench and the attention rollout in a browser, by mouse, touch and keys."""

from __future__ import annotations

import pytest
from javascript import run
from pages import focused, live, reveal, shown, slider
from playwright.sync_api import expect
from vits import TINY, bench, rolled, stored

from course_lib.figures.vit import AttentionRollout, PatchBench

pytestmark = pytest.mark.browser

WEIGHTS = stored() or TINY
DIGITS = WEIGHTS["digits"]
WITHOUT = "2 without positions"
BARE = "without (side 2 only)"
is_stored = pytest.mark.skipif(not stored(), reason="no models are stored")


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def radio(page, name: str):
    return page.get_by_role("radio", name=name, exact=True)


def says(page) -> str:
    return page.locator(".says").first.inner_text()


def value(page, name: str):
    return page.evaluate(f"model.get('{name}')")


def near(values: list[float]):
    """Node's exp and the browser's differ in the last digit."""
    return pytest.approx(values, rel=1e-9, abs=1e-12)


def verdict(page) -> str:
    return page.get_by_label("Predict").inner_text()


def rows(page) -> list[list[str]]:
    """Of the table: the class, and both columns."""
    return [
        [row.locator("th").inner_text(), *row.locator("td").all_inner_texts()[1:]]
        for row in page.locator(".shares tbody tr").all()
    ]


SHARES = """const { vit } = await load("vit/vit.js");
  const { moved, shuffled } = await load("vit/pixels.js");
  const { percent } = await load("kit/draw.js");
  const { side } = weights.models[name];
  const order = shuffled((8 / side) ** 2, tries);
  const model = vit(weights.models[name], weights);
  const read = (counts) => [...model.read(counts.map((n) => n / 16)).shares];
  const [one, other] = [read(counts), read(moved(counts, side, order))];
  return { one, other, rows: weights.classes.map((name, k) =>
    [name, percent(one[k]), percent(other[k])]) };"""


def expected(counts: list[int], name: str, tries: int = 1) -> dict:
    """What the network says; it has tests of its own."""
    return run(SHARES, weights=WEIGHTS, counts=counts, name=name, tries=tries)


# -- the bench: pictures and drawing --------------------------------------------------


def board(page):
    return page.get_by_role("application", name="Drawing board")


def counts(page) -> list[int]:
    """What is drawn, counted in the page."""
    drawn = board(page).locator(".ink").get_attribute("d") or ""
    found = [0] * 64
    for point in drawn.split("M")[1:]:
        x, y = point.split("h")[0].split()
        found[8 * (int(y) // 4) + int(x) // 4] += 1
    return found


def stroke(page, *places: tuple[float, float]) -> None:
    """With the mouse, between places given in shares of the board."""
    board(page).scroll_into_view_if_needed()
    box = board(page).bounding_box()
    for n, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if n == 0:
            page.mouse.down()
    page.mouse.up()


def test_it_starts_with_a_stored_picture(show) -> None:
    page = live(show, bench())
    assert counts(page) == DIGITS[0]["points"]
    got = expected(DIGITS[0]["points"], "2")
    assert rows(page) == [[name, one, "?"] for name, one, _ in got["rows"]]
    assert value(page, "shares") == near(got["one"])
    assert value(page, "shuffled_shares") == []
    assert radio(page, f"a {DIGITS[0]['label']}").is_checked()


def test_another_picture_by_mouse_and_keys(show) -> None:
    page = live(show, bench())
    pictures = page.get_by_role("group", name="pictures").get_by_role("radio")
    assert pictures.count() == len(DIGITS)
    pictures.nth(2).click()
    assert value(page, "digit") == 3
    page.keyboard.press("ArrowRight")
    assert value(page, "digit") == 4
    assert counts(page) == DIGITS[3]["points"]
    assert value(page, "shares") == near(expected(DIGITS[3]["points"], "2")["one"])


def test_pen_eraser_and_clear(show) -> None:
    page = live(show, bench())
    button(page, "Clear").click()
    assert counts(page) == value(page, "points") == [0] * 64
    assert not page.get_by_role("group", name="pictures").locator(":checked").count()
    stroke(page, (0.5, 0.05), (0.5, 0.95))
    drawn = counts(page)
    assert value(page, "points") == drawn
    assert all(sum(drawn[8 * r + c] for c in (3, 4)) >= 12 for r in range(8))
    assert all(drawn[8 * r + c] == 0 for r in range(8) for c in (0, 1, 6, 7))
    got = expected(drawn, "2")
    assert value(page, "shares") == near(got["one"])
    assert value(page, "answer") in says(page)
    radio(page, "eraser").click()
    stroke(page, (0.3, 0.5), (0.7, 0.5))
    erased = counts(page)
    assert sum(erased[24:40]) < sum(drawn[24:40]) / 2
    assert erased[:16] == drawn[:16]
    assert value(page, "shares") == near(expected(erased, "2")["one"])
    radio(page, f"a {DIGITS[0]['label']}").click()
    assert value(page, "points") is None
    assert counts(page) == DIGITS[0]["points"]


def test_a_small_drawing_is_fitted(show) -> None:
    page = live(show, bench(points=[0] * 64))
    stroke(page, (0.2, 0.4), (0.2, 0.6))
    button(page, "Fit").click()
    drawn = counts(page)
    assert value(page, "points") == drawn
    assert all(sum(drawn[8 * r : 8 * r + 8]) > 0 for r in range(8))
    assert sum(drawn[c] for c in range(64) if c % 8 in (0, 7)) == 0


def test_a_stroke_that_leaves_the_board_stays_in_it(show) -> None:
    page = live(show, bench(points=[0] * 64))
    stroke(page, (0.9, 0.5), (1.3, 0.5))
    assert sum(counts(page)[8 * r + 7] for r in range(8)) > 0
    drawn = counts(page)
    page.mouse.move(300, 400)  # the button is up
    assert counts(page) == drawn


def test_drawing_by_touch(show) -> None:
    page = live(show, bench(points=[0] * 64), width=375)
    box = board(page).bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    drawn = counts(page)
    middle = [drawn[8 * r + c] for r in (3, 4) for c in (3, 4)]
    assert min(middle) > 0
    assert sum(drawn) == sum(middle)


def test_drawing_by_keys(show) -> None:
    page = live(show, bench(points=[0] * 64))
    board(page).focus()
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    assert sum(counts(page)) == 0  # the pen is up
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    drawn = counts(page)
    assert {n % 8 for n in range(64) if drawn[n]} == {3, 4}
    assert {n // 8 for n in range(64) if drawn[n]} == {1, 2, 3}
    assert "The pen is down." in page.locator(".drawing .unseen").inner_text()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    assert counts(page) == drawn
    page.keyboard.press("Space")
    page.keyboard.press("Tab")  # to leave the board lifts the pen
    assert "The pen is up." in page.locator(".drawing .unseen").inner_text()


# -- the bench: patches, networks, shuffles -------------------------------------------


@pytest.mark.parametrize("side", [1, 2, 4])
def test_the_side_of_a_patch(show, side) -> None:
    page = live(show, bench())
    radio(page, str(side)).click()
    T = (8 // side) ** 2
    picture = page.get_by_role("img", name="Patches and tokens")
    assert picture.locator("text").first.text_content() == f"cut into {T}"
    numbers = [n for n in picture.locator("text").all_text_contents() if n.isdigit()]
    assert numbers == [str(n) for n in range(1, T + 1)]
    assert f"{(T + 1) ** 2:,} weights" in page.locator(".note").first.inner_text()
    assert value(page, "shares") == near(
        expected(DIGITS[0]["points"], str(side))["one"]
    )


def test_nothing_jumps_when_the_side_changes(show) -> None:
    for width in (1280, 375):
        page = live(show, bench(), width=width)
        heights = set()
        for side in (1, 2, 4):
            radio(page, str(side)).click()
            picture = page.get_by_role("img", name="Patches and tokens")
            heights.add(picture.bounding_box()["height"])
        assert len(heights) == 1


def test_the_network_without_positions_has_patches_of_two(show) -> None:
    page = live(show, bench(side=4))
    assert radio(page, BARE).is_disabled()
    radio(page, "2").click()
    assert radio(page, BARE).is_enabled()
    radio(page, BARE).click()
    assert (value(page, "side"), value(page, "positions")) == (2, "none")
    assert value(page, "shares") == near(expected(DIGITS[0]["points"], WITHOUT)["one"])
    picture = page.get_by_role("img", name="Patches and tokens")
    assert not [n for n in picture.locator("text").all_text_contents() if n.isdigit()]
    radio(page, "1").click()
    assert (value(page, "side"), value(page, "positions")) == (1, "learned")
    assert radio(page, "with positions").is_checked()
    assert radio(page, BARE).is_disabled()


def test_the_shuffle_is_shown_after_the_answer(show) -> None:
    page = live(show, bench())
    assert not button(page, "Shuffle again").is_visible()
    assert not page.get_by_text("bag of patches").is_visible()
    button(page, "only with positions").click()
    assert page.get_by_text("bag of patches").is_visible()
    got = expected(DIGITS[0]["points"], "2")
    assert rows(page) == got["rows"]
    assert value(page, "shuffled_shares") == near(got["other"])
    assert "16 patches with positions: " in verdict(page)
    assert "Without: the same but for rounding" in verdict(page) or (
        "Without: exactly the same" in verdict(page)
    )
    assert ("As you said." in verdict(page)) == (
        max(abs(a - b) for a, b in zip(got["one"], got["other"], strict=True)) >= 0.01
    )
    assert "Shuffled: " in says(page)
    button(page, "Shuffle again").click()
    again = expected(DIGITS[0]["points"], "2", tries=2)
    assert again["other"] != got["other"]
    assert value(page, "shuffled_shares") == near(again["other"])
    button(page, "Predict again").click()
    assert value(page, "shuffled_shares") == []
    assert {row[2] for row in rows(page)} == {"?"}
    assert focused(page) == "only with positions"


@pytest.mark.parametrize("side", [1, 4])
def test_the_verdict_is_of_the_side_that_is_shown(show, side) -> None:
    page = live(show, bench())
    reveal(page)
    of_two = verdict(page)
    radio(page, str(side)).click()
    T = (8 // side) ** 2
    got = expected(DIGITS[0]["points"], str(side))
    script = """const { change, changeText } = await load("vit/order_question.js");
      return changeText(change(one, other), classes);"""
    told = run(script, one=got["one"], other=got["other"], classes=WEIGHTS["classes"])
    assert verdict(page).startswith(f"{T} patches with positions: {told}. No network")
    assert "for side 2 there is one." in verdict(page)
    assert value(page, "shuffled_shares") == near(got["other"])
    radio(page, "2").click()
    assert verdict(page) == of_two


# How far the frames, with their lines, are from both edges; for each followed patch.
FRAMES = """(picture) => {
  const { left, right } = picture.getBoundingClientRect();
  const T = (8 / model.get("side")) ** 2;
  return [...Array(T).keys()].flatMap((t) => {
    model.set("at", t + 1);
    return [...picture.querySelectorAll("rect[style*='--state']")].map((one) => {
      const box = one.getBoundingClientRect();
      return [box.left - left, right - box.right];
    });
  });
}"""


@pytest.mark.parametrize("side", [1, 2, 4])
def test_the_frame_of_a_patch_is_whole(show, side) -> None:
    for width in (1280, 375):
        page = live(show, bench(side=side), width=width)
        reveal(page)
        radio(page, str(side)).click()
        found = page.get_by_role("img", name="Patches and tokens").evaluate(FRAMES)
        assert len(found) == 3 * (8 // side) ** 2  # in both pictures and in the row
        assert min(left for left, _ in found) >= 0
        assert min(right for _, right in found) >= 0


def test_an_empty_board_is_named(show) -> None:
    page = live(show, bench())
    assert says(page).startswith("As it is: ")
    button(page, "Clear").click()
    assert says(page).startswith(
        "The board is empty, and the network must name something all the same: "
        f"{value(page, 'answer')}, "
    )
    stroke(page, (0.5, 0.1), (0.5, 0.9))
    assert says(page).startswith("As it is: ")


@is_stored
def test_the_first_picture_shows_what_positions_do(show) -> None:
    page = live(show, PatchBench(side=4))
    button(page, "only with positions").click()
    assert value(page, "side") == 2  # the one at which there are two networks
    assert "As you said." in verdict(page)
    assert value(page, "answer") != value(page, "shuffled_answer")


def test_without_positions_no_shuffle_changes_a_probability(show) -> None:
    page = live(show, bench(positions="none"))
    reveal(page)
    for _ in range(4):
        button(page, "Shuffle again").click()
        pair = value(page, "shares"), value(page, "shuffled_shares")
        for one, other in zip(*pair, strict=True):
            assert one == pytest.approx(other, abs=1e-12)
        assert all(row[1] == row[2] for row in rows(page))


def test_a_drawing_is_shuffled_while_it_is_drawn(show) -> None:
    page = live(show, bench(points=[0] * 64))
    button(page, "only with positions").click()
    assert "Not as you said." in verdict(page)  # on an empty board all patches are one
    stroke(page, (0.3, 0.1), (0.7, 0.1), (0.4, 0.9))
    got = expected(value(page, "points"), "2")
    assert value(page, "shuffled_shares") == near(got["other"])
    assert rows(page) == got["rows"]


def test_a_patch_is_followed_by_mouse_and_keys(show) -> None:
    page = live(show, bench())
    assert shown(page, "followed patch") == "patch 7 is token 7"
    slider(page, "followed patch").press("ArrowLeft")
    assert shown(page, "followed patch") == "patch 6 is token 6"
    reveal(page)
    script = 'return (await load("vit/pixels.js")).shuffled(16, 1);'
    order = run(script)
    at = order.index(5) + 1
    assert shown(page, "followed patch") == f"patch 6 is token {at}"
    picture = page.get_by_role("img", name="Patches and tokens")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 30)
    tip = page.locator(".tip:visible")
    first = f"patch 1 is token {order.index(0) + 1}"
    assert tip.inner_text() == first
    page.mouse.down()
    page.mouse.up()
    assert shown(page, "followed patch") == first
    # the first place of the shuffled picture
    size = min(176, (box["width"] - 44) / 2)
    page.mouse.move(box["x"] + size + 54, box["y"] + 30)
    assert tip.inner_text() == f"patch {order[0] + 1} is token 1"


def test_python_sets_what_the_bench_shows(show) -> None:
    page = live(show, bench())
    own = [16 if n % 8 in (3, 4) else 0 for n in range(64)]
    page.evaluate("own => model.set('points', own)", own)
    assert counts(page) == own
    assert value(page, "shares") == near(expected(own, "2")["one"])
    page.evaluate("model.set('side', 1)")
    assert value(page, "shares") == near(expected(own, "1")["one"])
    assert radio(page, "1").is_checked()


# -- the rollout ----------------------------------------------------------------------

READING = """const { vit } = await load("vit/vit.js");
  const { reading, agreement } = await load("vit/occlusion.js");
  const { points } = weights.digits[n];
  const one = reading(vit(weights.models[side], weights), points, side);
  one.changes.forEach((_, t) => one.cover(t));
  return { ...one, agreement: agreement(one), looks: one.looks(block, head),
    without: one.changes.map((_, t) => one.cover(t)) };"""


def read(n: int = 0, side: int = 2, block: int = 1, head: int = 1) -> dict:
    given = {"n": n, "side": side, "block": block, "head": head}
    return run(READING, weights=WEIGHTS, **given)


def maps(page):
    return page.get_by_role("img", name="Maps of the patches")


def test_the_maps_are_those_of_the_network(show) -> None:
    page = live(show, rolled())
    got = read()
    assert value(page, "attention") == near(got["looks"])
    assert value(page, "rollout") == near(got["flow"])
    assert value(page, "changes") == []
    assert value(page, "agreement") is None
    heads = WEIGHTS["heads"]
    for _ in range(heads):
        slider(page, "attention of the class token").press("ArrowRight")
    assert shown(page, "attention of the class token") == "block 2, head 1"
    assert value(page, "attention") == near(read(block=2)["looks"])
    names = maps(page).locator("text").all_text_contents()
    assert names == [
        "what it reads",
        *("block 2, head 1", *span(read(block=2)["looks"])),
        *("rollout, all blocks", *span(got["flow"])),
        *("change if covered", "no patch was covered"),
    ]


def span(shares: list[float]) -> list[str]:
    low, high, mean = min(shares), max(shares), sum(shares) / len(shares)
    return [
        f"{100 * low:.1f} to {100 * high:.1f}\u00a0%",
        f"all alike: {100 * mean:.1f}\u00a0%",
    ]


MAPS = """const { fall, colorOf } = await load("vit/maps.js");"""


def test_the_largest_fall_is_printed() -> None:
    script = MAPS + "return all.map((changes) => fall(changes));"
    given = [
        [None, None],
        [None, -0.123],
        [-0.002, -0.999, 0.4],
        [-0.0004, 0],
        [0, 0.2],
    ]
    assert run(script, all=given) == [
        ["no patch was covered"],
        ["largest fall:", "12.3 points"],
        ["largest fall:", "99.9 points"],
        ["largest fall:", "less than 0.1 points"],
        ["no fall"],
    ]


def test_the_colours_of_changes_have_one_scale() -> None:
    script = MAPS + "return all.map(colorOf);"
    found = run(script, all=[-0.001, -0.25, -0.5, -1, 0.25, 0, None])
    shares = [c and int(c.split(") ")[1].split("%")[0]) for c in found]
    assert shares == [0, 45, 90, 90, 45, 0, None]
    assert ["negative" in c for c in found[:5]] == [True] * 4 + [False]


def test_a_patch_is_covered_by_mouse_and_keys(show) -> None:
    page = live(show, rolled())
    got = read()
    answer = WEIGHTS["classes"][got["answer"]]
    script = """const { percent } = await load("kit/draw.js");
      const { points } = await load("vit/maps.js");
      return without.map((shares, t) =>
        [percent(shares[answer]), points(changes[t])]);"""
    told = run(script, **{k: got[k] for k in ("without", "changes", "answer")})
    assert shown(page, "covered patch") == "none"
    assert {row[2] for row in rows(page)} == {"–"}
    for n in (1, 2):
        slider(page, "covered patch").press("ArrowRight")
        assert value(page, "covered") == n
        share, change = told[n - 1]
        assert f"patch {n} (row 1, column {n}) covered: {share}, {change}." in says(
            page
        )
    maps(page).scroll_into_view_if_needed()
    box = maps(page).bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + 32)
    assert page.locator(".tip:visible").inner_text() == (
        f"without patch 1: {answer} {told[0][0]}"
    )
    page.mouse.down()
    page.mouse.up()
    assert value(page, "covered") == 1
    page.mouse.down()
    page.mouse.up()
    assert value(page, "covered") == 0  # a second click takes the cover off


def test_by_touch(show) -> None:
    page = live(show, rolled(), width=375)
    box = maps(page).bounding_box()
    page.touchscreen.tap(box["x"] + 12, box["y"] + 32)
    assert value(page, "covered") == 1


def test_every_patch_is_covered_after_the_answer(show) -> None:
    page = live(show, rolled())
    button(page, "0.3 to 0.7").click()
    got = read()
    agreement = got["agreement"]
    number = run(
        'return (await load("kit/draw.js")).number(r);',
        r=agreement,
    )
    predicted = page.get_by_label("Predict")
    expect(predicted).to_contain_text(f"over the 16 patches: {number}.")
    right = 0.3 <= agreement < 0.7
    expect(predicted).to_contain_text("As you said" if right else "Not as you said")
    assert value(page, "changes") == near(got["changes"])
    assert value(page, "agreement") == pytest.approx(agreement)
    # another picture is covered too, and what was guessed was of the first
    page.get_by_role("group", name="pictures").get_by_role("radio").nth(1).click()
    expect(predicted).not_to_contain_text("you said")
    page.wait_for_function("model.get('agreement') !== null")
    assert value(page, "changes") == near(read(1)["changes"])


def test_all_pictures(show) -> None:
    page = live(show, rolled())
    assert not button(page, "All pictures").is_visible()
    reveal(page)
    button(page, "All pictures").click()
    told = page.get_by_text("it goes from")
    told.wait_for(timeout=60_000)
    script = """const { vit } = await load("vit/vit.js");
      const { reading, agreement } = await load("vit/occlusion.js");
      const { number } = await load("kit/draw.js");
      const model = vit(weights.models["2"], weights);
      const all = weights.digits.map(({ points }) => {
        const one = reading(model, points, 2);
        one.changes.forEach((_, t) => one.cover(t));
        return agreement(one);
      }).filter((r) => r !== null).sort((a, b) => a - b);
      return [all.length, number(all[0]), number(all.at(-1))];"""
    count, low, high = run(script, weights=WEIGHTS)
    assert f"Over {count} pictures it goes from {low} to {high}" in told.inner_text()


def test_the_other_side(show) -> None:
    page = live(show, rolled(covered=16))
    radio(page, "1").click()
    assert value(page, "covered") == 0  # it was a patch of another size
    assert value(page, "rollout") == near(read(side=1)["flow"])
    assert slider(page, "covered patch").get_attribute("max") == "64"
    slider(page, "covered patch").press("End")
    assert "patch 64 (row 8, column 8) covered" in says(page)
    radio(page, "2").click()
    reveal(page)
    page.wait_for_function("model.get('agreement') !== null")
    assert len(value(page, "changes")) == 16


def test_python_sets_what_the_rollout_shows(show) -> None:
    page = live(show, rolled())
    page.evaluate("model.set('digit', 2)")
    assert value(page, "rollout") == near(read(1)["flow"])
    page.evaluate("model.set('covered', 5)")
    assert shown(page, "covered patch") == "patch 5 (row 2, column 1)"
    page.evaluate("model.set('head', 2)")
    assert value(page, "attention") == near(read(1, head=2)["looks"])


def test_it_says_what_a_map_is_not(show) -> None:
    page = live(show, rolled())
    text = page.get_by_role("figure").inner_text()
    assert "values, feed-forward networks and the output are not in it" in text
    lesson = page.get_by_text("Attention is not explanation.")
    assert not lesson.is_visible()
    reveal(page)
    assert lesson.is_visible()
    assert "darkest" not in text
    button(page, "Predict again").click()
    assert not lesson.is_visible()


@is_stored
def test_in_the_first_picture_covering_matters(show) -> None:
    page = live(show, AttentionRollout())
    reveal(page)
    page.wait_for_function("model.get('agreement') !== null")
    changes = value(page, "changes")
    assert sum(change < -0.2 for change in changes) >= 3
    most = f"{-100 * min(changes):.1f} points"
    assert maps(page).locator("text").all_text_contents()[-2:] == [
        *("largest fall:", most),
    ]
