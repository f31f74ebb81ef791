"""The pages load no script that they do not need.

The theme draws its icons with a font, and then with a script of half a megabyte once
more, for the sake of icons of one's own; this book has none. Sphinx gives the formulas'
script, a quarter of a megabyte, to every page with a formula and to the first page,
which has none, because the pages below it have some.

Nor does a page wait for scripts before it shows what it has: those with an address run
once it is there, in their order. Only the options come first, which scripts inside the
page change.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ICONS = re.compile(r'<script [^>]*src="[^"]*scripts/fontawesome\.js[^"]*"></script>')

FORMULAS = re.compile(r'<script [^>]*src="[^"]*mathjax/[^"]*"></script>')
WAITED = re.compile(
    r"<script (?=[^>]*src=)(?![^>]*(?:defer|async|documentation_options))"
)


def _lighten(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        lighter = WAITED.sub("<script defer ", ICONS.sub("", text))
        if 'class="math' not in text:
            lighter = FORMULAS.sub("", lighter)
        if lighter != text:
            page.write_text(lighter, encoding="utf-8")
    scripts = list((out / "_static" / "scripts").glob("fontawesome.js*"))
    if not scripts:
        raise ExtensionError("the theme has no icon script any more: drop light.py")
    for script in scripts:
        script.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", _lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
