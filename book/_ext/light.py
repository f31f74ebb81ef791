"""The pages load no script that they do not need.

The theme draws its icons with a font, and then with a script of half a megabyte once
more, for the sake of icons of one's own; this book has none.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ICONS = re.compile(r'<script [^>]*src="[^"]*scripts/fontawesome\.js[^"]*"></script>')


def _drop_icon_script(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if ICONS.search(text):
            page.write_text(ICONS.sub("", text), encoding="utf-8")
    scripts = list((out / "_static" / "scripts").glob("fontawesome.js*"))
    if not scripts:
        raise ExtensionError("the theme has no icon script any more: drop light.py")
    for script in scripts:
        script.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", _drop_icon_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
