"""What an opened page asks for, and what that weighs over the wire."""

from __future__ import annotations

import gzip
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

# By a part of the content type, in this order; what has none is "other".
KINDS = {
    "html": "html",
    "css": "styles",
    "javascript": "scripts",
    "font": "fonts",
    "image": "pictures",
}
TEXT = ("text/", "javascript", "json", "xml", "svg")


class Weight:
    """Counts while ``page`` loads: ``requests``, and ``bytes`` by kind.

    Text is counted as a server sends it, compressed (gzip -9); all else as it is. Only
    what ``address`` begins is counted, so data: and blob: addresses are not.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.requests: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self._page, self._address = page, address
        page.on("response", self._weigh)

    @property
    def total(self) -> int:
        """All bytes."""
        return self.bytes.total()

    def settle(self) -> None:
        """Wait until all formulas are drawn and all fonts are there."""
        self._page.evaluate(
            """async () => {
                await window.MathJax?.startup?.promise;
                await document.fonts.ready;
            }"""
        )
        self._page.wait_for_load_state("networkidle")

    def _weigh(self, response: Response) -> None:
        if response.status != 200 or not response.url.startswith(self._address):
            return
        body, content = response.body(), response.headers.get("content-type", "")
        kind = next((name for part, name in KINDS.items() if part in content), "other")
        text = any(part in content for part in TEXT)
        self.requests[kind] += 1
        self.bytes[kind] += len(gzip.compress(body, 9)) if text else len(body)
