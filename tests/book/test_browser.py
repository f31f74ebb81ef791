"""The built book in a real browser that can reach nothing but the book."""

from __future__ import annotations

import http.server
import json
import threading
import time
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import ROOT, SEEN
from weight import Weight

pytestmark = pytest.mark.browser

CHAPTERS = [f"chapters/{n.stem}.html" for n in sorted(ROOT.glob("chapters/*.ipynb"))]
LOOKS = [("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)]
STORED = ROOT / "benchmarks" / "pages" / "measured.json"
MEGABYTE = 1_000_000
# Tables that are wider than their box, or have none, and do not show it.
# Sphinx sets the columns of its index in tables, which fit.
HIDDEN_TABLES = """() =>
    [...document.querySelectorAll(".bd-article table:not(.indextable)")]
    .filter((table) => table.checkVisibility()).map((table) => {
        const box = table.closest(".scroll, .pst-scrollable-table-container");
        const wide = box && box.scrollWidth > box.clientWidth + 1;
        const shown = box && getComputedStyle(box).backgroundImage !== "none";
        const wrong = !box ? "no box" : wide !== (box.tabIndex === 0) ? "focus"
            : wide !== shown ? "shadow" : !box.ariaLabel ? "no name" : "";
        return wrong && `${wrong}: ${table.textContent.trim().slice(0, 60)}`;
    }).filter(Boolean)"""
# A figure draws into a shadow root; without one, what stands there is the fallback.
INNER_TEXT = """(figure) => [...figure.querySelectorAll("*")]
    .map((element) => element.shadowRoot?.textContent ?? "").join("")"""


@dataclass
class Visit:
    """An opened page, and everything that went wrong on it."""

    page: object
    weight: Weight
    wrong: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser, address):
    """``visit(url, scheme, width)`` opens a page; at the end nothing may be wrong."""
    visits = []

    def open_page(url: str, scheme: str = "light", width: int = 1280) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme
        )
        page = context.new_page()
        visit = Visit(page, Weight(page, address))
        visits.append((context, visit))

        def only_the_book(route):
            url = route.request.url
            if url.startswith((address, "file:", "data:", "blob:")):
                route.continue_()
            else:
                visit.wrong.append(f"asked another host: {url}")
                route.abort()

        def refused(response):
            if response.status >= 400:
                visit.wrong.append(f"{response.status}: {response.url}")

        context.route("**/*", only_the_book)
        page.on("pageerror", lambda error: visit.wrong.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                visit.wrong.append(f"console: {message.text}")
                if message.type == "error"
                else None
            ),
        )
        page.on(
            "requestfailed", lambda asked: visit.wrong.append(f"failed: {asked.url}")
        )
        page.on("response", refused)
        page.goto(url, wait_until="load")
        page.wait_for_load_state("networkidle")
        return visit

    yield open_page
    wrong = [f"{visit.page.url}: {said}" for _, visit in visits for said in visit.wrong]
    for context, _ in visits:
        context.close()
    assert not wrong, "\n".join(wrong)


def place(protocol: str, built: Path, address: str, path: str) -> str:
    return (built / path).as_uri() if protocol == "file" else address + path


def formulas(page) -> dict[str, int]:
    """Unfold all, then: formulas written, drawn and wrong, fonts loaded and broken."""
    page.evaluate(
        "document.querySelectorAll('details').forEach((d) => (d.open = true))"
    )
    page.wait_for_function(
        "() => !document.querySelector('.math') ||"
        " (window.MathJax?.startup?.promise && document.querySelector('mjx-container'))"
    )
    return page.evaluate(
        """async () => {
            await window.MathJax?.startup?.promise;
            await document.fonts.ready;
            const fonts = [...document.fonts].filter((f) => f.family.startsWith("MJX"));
            return {
                written: document.querySelectorAll(".math").length,
                drawn: document.querySelectorAll(".math mjx-container").length,
                wrong: document.querySelectorAll(
                    'mjx-merror, [data-mjx-error], mjx-mtext[style*="red"]').length,
                loaded: fonts.filter((f) => f.status === "loaded").length,
                broken: fonts.filter((f) => f.status === "error").length,
            };
        }"""
    )


def move(page, figure) -> None:
    """Use the first control of a figure that changes something that can be seen."""

    def seen():
        return figure.evaluate(INNER_TEXT), figure.screenshot()

    before = seen()
    for control in figure.locator("input, button, select, [tabindex='0']").all():
        if not control.is_visible() or not control.is_enabled():
            continue
        kind = control.get_attribute("type")
        if kind in ("text", "search"):
            control.fill("listen")
        elif kind == "range":
            control.focus()
            page.keyboard.press("ArrowRight")
        else:
            control.click()
        page.wait_for_timeout(250)
        if seen() != before:
            return
    raise AssertionError(f"no control of this figure changes anything: {before[0]!r}")


@pytest.mark.parametrize("protocol", ["http", "file"])
def test_page_works_without_a_network(
    visit, built, address, page_path, protocol, record_property
) -> None:
    page = visit(place(protocol, built, address, page_path)).page
    page.wait_for_url("**/*.html*")
    math = formulas(page)
    assert math["drawn"] == math["written"]
    assert math["wrong"] == 0
    assert math["broken"] == 0
    assert (math["loaded"] > 0) == (math["written"] > 0)
    figures = page.locator(".course-figure")
    for number in range(figures.count()):
        figure = figures.nth(number)
        figure.scroll_into_view_if_needed()
        assert figure.get_attribute("data-mounted")
        assert len(figure.evaluate(INNER_TEXT)) > 100
        move(page, figure)
        state = figure.locator("script[type='application/json']").text_content()
        name = json.loads(state)["title"]
        record_property(SEEN, f"{page_path}, figure {number + 1}: {name}")
    record_property(
        SEEN,
        f"{page_path}: {figures.count()} live figures, {math['drawn']} formulas",
    )


def test_page_fits_and_is_accessible(visit, address, page_path) -> None:
    page = visit(address + page_path).page
    formulas(page)
    wrong = []
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        page.wait_for_timeout(300)  # the theme fades its colours
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            wrong.append(f"{scheme} {width}: the page is {wide} px wide")
        found = page.evaluate(HIDDEN_TABLES) + violations(page)
        wrong += [f"{scheme} {width}: {said}" for said in found]
    assert not wrong, "\n".join(wrong)


def violations(page) -> list[str]:
    """What axe calls serious or critical on the page as it is shown now."""
    from axe_playwright_python.sync_playwright import Axe

    # Its preload would ask for style sheets at addresses of its own making.
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]})
    return [
        f"{rule['impact']} {rule['id']}: {node['target']} {node['html'][:200]}"
        for rule in found.response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:4]
    ]


@pytest.mark.parametrize("protocol", ["http", "file"])
def test_search_finds_a_word(visit, built, address, protocol) -> None:
    page = visit(place(protocol, built, address, "book/glossary.html")).page
    page.keyboard.press("Control+k")
    page.keyboard.type("perplexity")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=perplexity")
    page.wait_for_selector("#search-results li a")
    assert "Glossary" in page.inner_text("#search-results")


@pytest.mark.parametrize("path", ["book/welcome.html", *CHAPTERS])
def test_page_is_light(visit, built, address, path, record_property) -> None:
    if not (built / path).exists():
        pytest.fail(f"{path} is not in the book")
    weight = visit(address + path).weight
    weight.settle()
    said = f"{path}: {weight.total / MEGABYTE:.2f} MB over the wire"
    record_property(SEEN, said)
    assert 0 < weight.total <= 3 * MEGABYTE, said
    pages = json.loads(STORED.read_text("utf-8"))["weights"]["pages"]
    stored = {page["page"]: sum(page["bytes"].values()) for page in pages}
    assert weight.total == pytest.approx(stored[path.removesuffix(".html")], rel=0.1), (
        f"{said}; the table of the book is old: benchmarks/pages/measure.py weights"
    )


@pytest.mark.parametrize("path", CHAPTERS)
def test_cells_stand_in_one_column_which_holds_their_lines(
    visit, address, path
) -> None:
    page = visit(address + path).page
    wide = "(pre) => pre.scrollWidth > pre.clientWidth"
    lines = f"[...document.querySelectorAll('.cell_input pre')].filter({wide})"
    assert page.evaluate(f"{lines}.map((pre) => pre.textContent)") == []
    boxes = ".course-result, .course-panel-off"
    left = f"new Set([...document.querySelectorAll('{boxes}')].map((box) => "
    left = f"[...{left} box.getBoundingClientRect().left))]"
    edges = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        edges[scheme] = page.evaluate(left)
    assert edges["light"] == edges["dark"]
    assert len(edges["light"]) == 1


def test_a_number_for_comparison_has_no_empty_lines_on_a_phone(visit, address) -> None:
    page = visit(address + "book/results.html", width=375).page
    seen = """() => [...document.querySelectorAll(".course-result td")]
        .filter((cell) => cell.checkVisibility()).map((cell) => cell.textContent)"""
    assert page.evaluate(seen)
    assert "–" not in page.evaluate(seen)


@pytest.mark.parametrize(
    "written",
    [
        "<div>$${}$$</div>",
        "<div class='scroll'><table><tr><td>{}</td></tr></table></div>",
        "<div class='pst-scrollable-table-container'><table><td>{}</td></table></div>",
    ],
)
def test_what_scrolls_shows_it(visit, address, written) -> None:
    page = visit(address + "book/notation.html", width=375).page
    formulas(page)
    shadows = page.evaluate(
        """async (written) => {
            const box = document.createElement("div");
            box.innerHTML = ["x", "\\\\text{" + "wide".repeat(99) + "}"]
                .map((words) => written.replace("{}", words)).join("");
            box.style.overflowWrap = "normal";
            document.querySelector(".bd-article").append(box);
            await MathJax.typesetPromise([box]);
            dispatchEvent(new Event("resize"));
            return [...box.children]
                .map((one) => one.querySelector("mjx-container") ?? one)
                .map((one) => [one.tabIndex, getComputedStyle(one).backgroundImage])
                .map(([reached, image]) => [reached === 0, image !== "none"]);
        }""",
        written,
    )
    assert shadows == [[False, False], [True, True]]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_nothing_hides_a_sign_of_the_speed_picture(
    visit, address, scheme, width
) -> None:
    page = visit(address + "book/results.html", scheme, width).page
    pictures = page.evaluate(
        """() => [...document.querySelectorAll(".speed-picture")].map((picture) =>
            [...picture.querySelectorAll("li li > :not(.strip), .strip > *")]
            .map((one) => [one.textContent, one.getBoundingClientRect()])
            .map(([text, box]) => [text, box.left, box.right, box.top, box.bottom]))"""
    )
    assert len(pictures) >= 7
    wrong = []
    for shown in pictures:
        assert shown
        wrong += [f"{one[0]} leaves the page" for one in shown if one[2] > width]
        wrong += [
            f"{one[0]} over {other[0]}"
            for one, other in combinations(shown, 2)
            if min(one[2], other[2]) - max(one[1], other[1]) > 0
            and min(one[4], other[4]) - max(one[3], other[3]) > 1
        ]
    assert not wrong, "\n".join(wrong)


def test_korean_is_drawn(visit, address) -> None:
    page = visit(address + "book/welcome.html").page
    drawn = page.evaluate(
        """() => {
            const where = document.querySelector(".korean p");
            const draw = (text) => {
                const canvas = document.createElement("canvas");
                canvas.width = canvas.height = 60;
                const pen = canvas.getContext("2d");
                pen.font = `40px ${getComputedStyle(where).fontFamily}`;
                pen.fillText(text, 5, 45);
                return canvas.toDataURL();
            };
            // A code point that no font has shows what a missing glyph looks like.
            return {han: draw("한"), guk: draw("국"), missing: draw("\\u{10FFFE}"),
                    nothing: draw("")};
        }"""
    )
    assert len(set(drawn.values())) == 4, "Korean letters look like missing ones"


def test_first_address_leads_to_the_first_page(visit, built, address) -> None:
    for start in (address, (built / "index.html").as_uri()):
        page = visit(start).page
        page.wait_for_url("**/book/welcome.html")
        assert urlsplit(page.url).path.endswith("book/welcome.html")


def test_keyboard_shows_where_it_is(visit, address) -> None:
    page = visit(address + "book/how_to_use.html").page
    page.keyboard.press("Tab")
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            """() => {
                const style = getComputedStyle(document.activeElement);
                return [document.activeElement.tagName, style.outlineStyle,
                        parseFloat(style.outlineWidth)];
            }"""
        )
        assert outline[0] == "BODY" or (outline[1] != "none" and outline[2] >= 2), (
            outline
        )


def test_figures_of_a_page_that_arrives_slowly_are_mounted(browser) -> None:
    from course_lib.figures.quiz import Quiz

    quiz = Quiz(
        question="?", choices=["a", "b"], answer=0, explanations=["yes", "no"]
    ).to_html()
    page_html = f"<!doctype html><title>x</title><p>{quiz}</p>{quiz}"
    cut = page_html.rindex('<script type="application/json">') + 40

    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            # The first figure's module is ready while the second is half there.
            self.wfile.write(page_html[:cut].encode())
            self.wfile.flush()
            time.sleep(1)
            self.wfile.write(page_html[cut:].encode())

        def log_message(self, format, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page, errors = browser.new_page(), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        page.wait_for_timeout(500)
        texts = page.locator(".course-figure").evaluate_all(
            f"(figures) => figures.map({INNER_TEXT})"
        )
        page.close()
        server.shutdown()
    assert not errors
    assert len(texts) == 2
    assert all("yes" in text or "?" in text for text in texts)
