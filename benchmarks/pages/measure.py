"""What the pages of the book weigh, and how long the book takes to make.

    python benchmarks/pages/measure.py weights    # needs a built book and a Chromium
    python benchmarks/pages/measure.py times      # on a quiet machine

Each fills its part of ``measured.json`` beside this file.

A page is opened in a headless browser that can reach nothing but the book, with an
empty cache; ``book/tools/weight.py`` says what is counted. Beside it stand the floors:
an empty page of the same configuration, and one of D2L's theme, mxtheme, which needs a
Python that has it (``requirements.txt`` here), named by ``--d2l``. D2L's own pages are
to be had only from its site, so they are not weighed.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from playwright.sync_api import Browser, sync_playwright

from course_lib.experiments.machine import machine
from course_lib.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "tools"))

import notebooks  # noqa: E402  (needs the path above)
from browser import HOW_TO_GET_ONE, find_browser  # noqa: E402
from serve import Pages  # noqa: E402
from weight import Weight  # noqa: E402

OUT = Path(__file__).with_name("measured.json")
EMPTY = "# An empty page\n\nIt says this, and nothing else.\n"
MXTHEME = """
extensions = ["myst_parser"]
project = "An empty book"
html_theme = "mxtheme"
html_theme_options = {
    "primary_color": "blue", "accent_color": "deep_orange", "show_footer": False
}
"""

app = typer.Typer(add_completion=False)


@app.command()
def weights(
    book: Annotated[Path, typer.Option(help="The built book.")] = (
        ROOT / "_build" / "html"
    ),
    d2l: Annotated[str, typer.Option(help="A Python that has mxtheme.")] = "",
) -> None:
    """Weigh every page of the built book, and the empty ones."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    parts = (entry["file"] for part in toc["parts"] for entry in part["chapters"])
    with tempfile.TemporaryDirectory() as name, opened() as browser:
        floors = [("An empty page of this book", ours(Path(name) / "ours"))]
        if d2l:
            theirs = mxtheme(d2l, Path(name) / "theirs")
            floors.append(("An empty page of D2L's theme", theirs))
        found = {
            "date": today(),
            "browser": f"Chromium {browser.version}",
            "pages": [weigh(browser, book, page) for page in (toc["root"], *parts)],
            "floors": [
                weigh(browser, folder, "empty") | {"title": title}
                for title, folder in floors
            ],
        }
    store("weights", found)


@app.command()
def times() -> None:
    """Time `make book` in the environment that is there, and each notebook."""
    command = ["make", "--no-print-directory", "book"]
    subprocess.run(command, cwd=ROOT, check=True)  # whatever there is to install
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True)
    book, each = time.perf_counter() - started, {}
    for text in sorted((ROOT / "text").glob("*.md")):
        started = time.perf_counter()
        for _ in notebooks.execute(notebooks.for_readers(text), ROOT / "chapters"):
            pass
        each[text.stem] = round(time.perf_counter() - started, 1)
        typer.echo(f"{text.stem}: {each[text.stem]} s")
    found = {
        "date": today(),
        "machine": machine("cpu", "float32") | {"cores": os.cpu_count()},
        "book": round(book, 1),
        "notebooks": each,
    }
    store("times", found)


def weigh(browser: Browser, book: Path, name: str) -> dict[str, Any]:
    """The page ``name`` of the built ``book``, loaded with an empty cache.

    Its title, and by kind its requests and their bytes. Raises ``ValueError`` where it
    asks for what the book has not.
    """
    with served(book) as address, contextlib.closing(browser.new_context()) as context:
        lost: list[str] = []
        context.route(
            lambda url: not url.startswith((address, "data:", "blob:")),
            lambda route: (lost.append(route.request.url), route.abort()),
        )
        page = context.new_page()
        page.on("response", lambda r: lost.append(r.url) if r.status >= 400 else None)
        weight = Weight(page, address)
        page.goto(f"{address}{name}.html", wait_until="networkidle")
        weight.settle()
        title = page.locator("h1").first.evaluate("(h) => h.firstChild.textContent")
    if lost:
        raise ValueError(f"{name}: asked for {', '.join(lost)}, which is not here")
    typer.echo(f"{name}: {weight.total / 1e6:.2f} MB")
    return {
        "page": name,
        "title": title.strip(),
        "requests": dict(weight.requests),
        "bytes": dict(weight.bytes),
    }


def ours(folder: Path) -> Path:
    """An empty book of this configuration, built in ``folder``."""
    folder.mkdir()
    for name in ("book", "src", "results", "benchmarks"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: empty\n")
    (folder / "empty.md").write_text(EMPTY)
    build = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", build, "build", str(folder), "-q"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "_build" / "html"


def mxtheme(python: str, folder: Path) -> Path:
    """An empty book of D2L's theme, configured as D2L's own tool does."""
    folder.mkdir()
    (folder / "conf.py").write_text(MXTHEME + 'root_doc = "empty"\n')
    (folder / "empty.md").write_text(EMPTY)
    command = [python, "-m", "sphinx", "-q", str(folder), str(folder / "html")]
    subprocess.run(command, check=True)
    return folder / "html"


@contextlib.contextmanager
def opened() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        sys.exit(f"No Chromium on this machine. {HOW_TO_GET_ONE}")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=arguments)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address where ``folder`` is served."""
    handler = functools.partial(Pages, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def store(part: str, found: dict[str, Any]) -> None:
    """Replace ``part`` of the stored file; the other stays as it was."""
    stored = json.loads(OUT.read_text("utf-8")) if OUT.exists() else {}
    write_whole(OUT, json.dumps(stored | {part: found}, indent=1) + "\n")


if __name__ == "__main__":
    app()
