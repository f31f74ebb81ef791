"""Take the README's picture: the first page's live figure, after the guess.

`make picture` needs a built book and a Chromium.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from browser import HOW_TO_GET_ONE, find_browser
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "_build" / "html" / "book" / "welcome.html"
PICTURE = ROOT / "book" / "_static" / "readme_figure.png"


def take(page_path: Path, picture: Path) -> None:
    """Store the figure of ``page_path`` as a PNG of 256 colours, twice its size."""
    path = find_browser()
    if path is None:
        sys.exit(f"No Chromium on this machine. {HOW_TO_GET_ONE}")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        context = browser.new_context(
            viewport={"width": 1280, "height": 1000}, device_scale_factor=2
        )
        page = context.new_page()
        page.goto(page_path.as_uri())
        figure = page.locator(".course-figure").first
        figure.get_by_role("button", name="Just show me").click()
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)
        box, below = figure.bounding_box(), figure.get_by_role("table")
        # The part that a stranger understands at a glance ends above this line.
        box["height"] = below.bounding_box()["y"] - box["y"]
        shot = page.screenshot(clip=box, full_page=True)
        browser.close()
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(picture, optimize=True)
    print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1000:.0f} kB.")


if __name__ == "__main__":
    take(PAGE, PICTURE)
