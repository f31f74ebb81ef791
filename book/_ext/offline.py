"""The book asks no host but its own: MathJax is local, and a remote load is an error.

MathJax and its fonts come at build time from the pinned wheel sphinx-mathjax-offline.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

REMOTE = re.compile(r"^(?:https?:)?//", re.IGNORECASE)
REMOTE_CSS = re.compile(r"""(?:url\(|@import)\s*['"]?(?:https?:)?//""", re.IGNORECASE)
# <link rel=canonical> and the like only name an address; these load it.
LOADING_LINKS = {
    *("stylesheet", "icon", "preload", "modulepreload", "prefetch"),
    *("preconnect", "dns-prefetch", "manifest"),
}
LOADING_ATTRIBUTES = ("src", "srcset", "poster", "data")


class _Loads(HTMLParser):
    """Collects what a page would load from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []
        self._style = False

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "link" and set(given.get("rel", "").split()) & LOADING_LINKS:
            self._look(tag, given.get("href", ""))
        if tag in ("use", "image"):
            self._look(tag, given.get("href", given.get("xlink:href", "")))
        for attribute in LOADING_ATTRIBUTES:
            self._look(tag, given.get(attribute, ""))
        if REMOTE_CSS.search(given.get("style", "")):
            self.remote.append(f"<{tag} style={given['style']!r}>")
        self._style = tag == "style"

    def handle_data(self, data: str) -> None:
        if self._style and REMOTE_CSS.search(data):
            self.remote.append("<style> that loads a remote address")

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def _look(self, tag: str, address: str) -> None:
        if REMOTE.match(address.strip()):
            self.remote.append(f"<{tag}> {address.strip()}")


def remote_loads(page: str) -> list[str]:
    """What the HTML of ``page`` would load from another host (links do not count)."""
    reader = _Loads()
    reader.feed(page)
    return reader.remote


def _copy_mathjax(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise ExtensionError("MathJax is missing: pip install -r book/requirements.txt")
    source = Path(spec.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    fonts = Path("output", "chtml", "fonts", "woff-v2")
    # The wheel holds 24 MB; one script and one set of fonts are what a page uses.
    (target / fonts).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "tex-mml-chtml.js", target / "tex-mml-chtml.js")
    for font in (source / fonts).glob("*.woff"):
        shutil.copyfile(font, target / fonts / font.name)


def _drop_scripts(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    kept = []
    for script in context.get("script_files", []):
        attributes = getattr(script, "attributes", None) or {}
        body = attributes.get("body") or ""
        name = str(getattr(script, "filename", script) or "")
        if "THEBE_JS_URL" in body or "thebe" in name:
            continue  # named twice by Jupyter Book: an error on every page
        if attributes.get("type") == "application/vnd.jupyter.widget-state+json":
            continue
        kept.append(script)
    context["script_files"] = kept


def _inspect(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    found = [
        f"{page.relative_to(out)}: {load}"
        for page in sorted(out.rglob("*.html"))
        if "_static" not in page.relative_to(out).parts
        for load in remote_loads(page.read_text(encoding="utf-8"))
    ]
    found += [
        f"{sheet.relative_to(out)}: loads a remote address"
        for sheet in sorted(out.rglob("*.css"))
        if REMOTE_CSS.search(sheet.read_text(encoding="utf-8"))
    ]
    if found:
        raise ExtensionError(
            "the book must be readable offline, but a page loads from another host:\n"
            + "\n".join(found)
        )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", _copy_mathjax)
    app.connect("html-page-context", _drop_scripts, priority=900)
    app.connect("build-finished", _inspect)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
