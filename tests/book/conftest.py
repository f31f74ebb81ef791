"""The built book, a server for it, and a browser that reaches nothing else."""

from __future__ import annotations

import functools
import http.server
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = Path(os.environ.get("COURSE_BUILT_BOOK") or ROOT / "_build" / "html")
for folder in ("_ext", "tools"):
    sys.path.insert(0, str(ROOT / "book" / folder))

SEEN = "seen in the browser"


def pages() -> list[str]:
    """Every page of the built book, as a path below its root.

    Not index.html: it only points to the first page, and has a test of its own.
    """
    found = (page.relative_to(BUILT) for page in BUILT.rglob("*.html"))
    named = (str(p) for p in found if not p.parts[0].startswith("_"))
    return sorted(page for page in named if page != "index.html")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "page_path" in metafunc.fixturenames:
        if found := pages():
            metafunc.parametrize("page_path", found)
        else:
            skip = pytest.mark.skip(reason="the book is not built: make book")
            metafunc.parametrize("page_path", [pytest.param("", marks=skip)])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The list of pages and figures that a browser has opened and moved."""
    lines = sorted(
        {
            said
            for report in terminalreporter.getreports("passed")
            for name, said in report.user_properties
            if name == SEEN
        }
    )
    if lines:
        terminalreporter.section(SEEN)
        terminalreporter.write("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the built book; the test is left out where there is none."""
    if not (BUILT / "index.html").exists():
        pytest.skip("the book is not built: make book")
    return BUILT


class _Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def address(built: Path) -> Iterator[str]:
    """``http://127.0.0.1:PORT/``, where the built book is served."""
    handler = functools.partial(_Pages, directory=built)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
