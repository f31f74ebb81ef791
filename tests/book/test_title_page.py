"""The title page: alive before any script has come, and its figure leads on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from course_lib.figures.title.three_translators import SCRIPT

pytestmark = pytest.mark.browser

PAGE = "book/welcome.html"


@pytest.fixture
def title_page(browser, built, address):
    """``title_page(loads)`` opens it; what ``loads`` does not let through never comes.

    The page has a list, ``asked``, of the addresses that it asked for.
    """
    pages = []

    def open_page(loads=lambda path: True, from_disk: bool = False, **look):
        page = browser.new_page(**look)
        pages.append(page)
        page.asked = []
        root = built.as_uri() + "/" if from_disk else address

        def gate(route):
            path = route.request.url.removeprefix(root)
            page.asked.append(path)
            return route.continue_() if loads(path) else None  # it waits for ever

        page.route("**/*", gate)
        page.goto(root + PAGE, wait_until="commit")
        return page

    yield open_page
    for page in pages:
        page.close()


def test_it_is_alive_before_any_script_or_font_has_come(title_page) -> None:
    """So it waits for the page and its styles only, on a slow line too."""

    def loads(path: str) -> bool:
        path = path.split("?")[0]
        return path.endswith("options.js") or not path.endswith((".js", ".woff2"))

    page = title_page(loads, viewport={"width": 375, "height": 800})
    page.get_by_role("button", name="Just show me").click(no_wait_after=True)
    expect(page.get_by_text("Two are right: attention")).to_be_visible()
    assert any(path.split("?")[0].endswith(".js") for path in page.asked)
    assert page.evaluate("document.readyState") != "complete"


@pytest.mark.parametrize("from_disk", [False, True])
def test_the_weights_come_when_a_reader_types(title_page, from_disk) -> None:
    page = title_page(from_disk=from_disk)
    page.wait_for_load_state("load")
    page.get_by_role("button", name="Just show me").click()
    page.get_by_role("button", name="Another").click()
    assert not any(SCRIPT in path for path in page.asked)
    page.get_by_label("a Korean sentence").fill("할머니가 사과를 먹는다")
    expect(page.get_by_text("All three know these words.")).to_be_visible()
    assert sum(SCRIPT in path for path in page.asked) == 1


def test_the_links_of_its_figure_lead_to_chapters(title_page, built) -> None:
    page = title_page()
    for number in (3, 4, 5):
        link = page.get_by_role("link", name=f"Chapter {number} →")
        link.wait_for()
        path = link.evaluate("(a) => a.href").split("/")[-2:]
        assert path[1].startswith(f"0{number}_")
        assert built.joinpath(*path).exists()


def test_it_asks_for_no_script_of_formulas(built) -> None:
    formulas = "mathjax/tex-mml"
    assert formulas not in (built / PAGE).read_text("utf-8")
    assert formulas in (built / "book/notation.html").read_text("utf-8")
