"""Where is a Chromium on this machine? Shared by `make test` and the browser tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
HOW_TO_GET_ONE = (
    "Get one with 'sudo apt-get install chromium' or '.venv/bin/playwright install "
    "chromium', or name one: CHROMIUM=/path/to/chrome make test"
)


def find_browser() -> str | None:
    """The path of a Chromium: $CHROMIUM, one on the PATH, or Playwright's own."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    for name in (*NAMES, *MACOS):
        if found := shutil.which(name):
            return found
    caches = (
        Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or "/nonexistent"),
        Path.home() / ".cache" / "ms-playwright",
        Path.home() / "Library" / "Caches" / "ms-playwright",
    )
    for cache in caches:
        for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/**/MacOS/*"):
            if found := sorted(cache.glob(pattern)):
                return str(found[-1])
    return None
