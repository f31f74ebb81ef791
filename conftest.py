"""What every test run shares, the notebooks' kernels included."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import pytest

# A test says nothing of how long it takes; the first call of torch takes a second.
hypothesis.settings.register_profile("course", deadline=None)
hypothesis.settings.load_profile("course")

sys.path.insert(0, str(Path(__file__).parent / "book" / "tools"))

# Set before torch is imported; kernels that nbval starts inherit it. With these small
# models a second thread costs more than it brings.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("PYTHONHASHSEED", "0")
os.environ.pop("MPLBACKEND", None)  # or a cell would draw no figure


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of the real data sets where no mirror of them is named."""
    if os.environ.get("COURSE_DATA_MIRROR"):
        return
    reason = "needs COURSE_DATA_MIRROR, a folder that holds the real data sets"
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium for all tests; required where COURSE_REQUIRE_BROWSER is 1."""
    from browser import HOW_TO_GET_ONE, find_browser

    path = find_browser()
    if path is None:
        message = f"no Chromium on this machine. {HOW_TO_GET_ONE}"
        if os.environ.get("COURSE_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    # As root, Chromium has no sandbox to offer.
    arguments = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()
