"""What can be seen in the built pages and the notebooks without a browser."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from conftest import pages

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")


class Page(HTMLParser):
    """The tags of a page with their attributes, and the text of its title."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.title = ""
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, {name: value or "" for name, value in attributes}))
        self._in_title = tag == "title"

    def handle_endtag(self, tag):
        self._in_title = False

    def handle_data(self, data):
        if self._in_title:
            self.title += data

    def all(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def contents() -> list[str]:
    """The pages of _toc.yml, as they are written there."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [toc["root"], *parts]


def test_what_is_published_is_listed_and_announced() -> None:
    chapters = sorted(f"chapters/{notebook.stem}" for notebook in NOTEBOOKS)
    assert [page for page in contents() if page.startswith("chapters/")] == chapters
    welcome = (ROOT / "book" / "welcome.md").read_text(encoding="utf-8")
    table = re.search(r"^:class: story\n.*?^```$", welcome, re.M | re.S)[0]
    rows = re.split(r"^\* - ", table, flags=re.M)[1:]
    published = [row for row in rows if "- **published**" in row]
    named = [re.search(r"{doc}`[^<]*<\.\./([^>]+)>`", row) for row in published]
    assert [link and link[1] for link in named] == chapters


def test_the_book_holds_its_pages_and_no_other(built: Path) -> None:
    made_by_sphinx = {"genindex.html", "search.html"}
    assert set(pages()) - made_by_sphinx == {f"{page}.html" for page in contents()}


@pytest.fixture
def page(built: Path, page_path: str) -> Page:
    return Page((built / page_path).read_text(encoding="utf-8"))


def test_page_has_a_language_a_title_and_one_heading(page: Page) -> None:
    assert page.all("html")[0].get("lang") == "en"
    assert page.title.strip()
    headings = [h for h in page.all("h1") if "onlyprint" not in h.get("class", "")]
    assert headings


def test_page_loads_nothing_from_another_host(page: Page) -> None:
    loads = [
        attributes[name]
        for attributes in page.all(
            "script", "img", "iframe", "source", "video", "object"
        )
        for name in ("src", "srcset", "data")
        if name in attributes
    ] + [link["href"] for link in page.all("link") if link.get("rel") != "canonical"]
    assert loads
    assert not [a for a in loads if a.startswith(("http:", "https:", "//"))]


def test_icons_are_drawn_by_a_font_alone(page: Page) -> None:
    assert not [s for s in page.all("script") if "fontawesome" in s.get("src", "")]


def test_image_has_alternative_text(page: Page) -> None:
    for image in page.all("img"):
        if "logo__image" in image.get("class", ""):
            continue  # the title stands beside it
        alt = image.get("alt", "")
        assert alt.strip(), f"no alternative text: {image}"
        # myst-nb writes the path where the notebook gives no text
        assert "/" not in alt, image


def test_links_inside_the_book_lead_somewhere(
    built: Path, page: Page, page_path: str
) -> None:
    for link in page.all("a"):
        target = urlsplit(link.get("href", ""))
        if target.scheme or target.netloc or not target.path:
            continue
        path = (built / page_path).parent / unquote(target.path)
        assert path.exists(), f"{page_path} links to {target.path}"


def test_titles_tell_the_pages_apart(built: Path) -> None:
    titles = [
        Page(page.read_text(encoding="utf-8")).title
        for folder in ("book", "chapters")
        for page in (built / folder).glob("*.html")
    ]
    assert len(titles) > 8
    assert len(set(titles)) == len(titles)


def test_chapter_opens_in_colab(built: Path) -> None:
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    repository = "recurrence-to-attention/course"
    assert f"https://github.com/{repository}" in config
    for chapter in (built / "chapters").glob("*.html"):
        links = [
            link["href"]
            for link in Page(chapter.read_text(encoding="utf-8")).all("a")
            if "colab" in link.get("class", "")
        ]
        assert links == [
            f"https://colab.research.google.com/github/{repository}"
            f"/blob/main/chapters/{chapter.stem}.ipynb"
        ]


def test_only_the_used_part_of_mathjax_is_in_the_book(built: Path) -> None:
    files = [f for f in (built / "_static" / "mathjax").rglob("*") if f.is_file()]
    assert {f.suffix for f in files} == {".js", ".woff"}
    assert sum(f.stat().st_size for f in files) < 2_500_000


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_image_of_a_notebook_has_alternative_text(notebook: Path) -> None:
    for number, cell in enumerate(json.loads(notebook.read_text("utf-8"))["cells"]):
        kinds = {
            kind
            for output in cell.get("outputs", [])
            for kind in output.get("data", {})
        }
        if kinds.isdisjoint(IMAGES):
            continue
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        assert len(alt.split()) >= 3, (
            f"{notebook.name}, cell {number}: an image without mystnb.image.alt"
        )
