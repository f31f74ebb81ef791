"""A page with figures, in a browser without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pages import settled

from course_lib.figures import Figure

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">{head}
<meta name="viewport" content="width=device-width"><title>Figures</title></head>
<body><main><h1>Figures</h1>{body}</main></body></html>"""


@pytest.fixture
def show(browser, tmp_path: Path) -> Iterator[Callable]:
    """``show(figure, …)`` opens a page; at the end no error, no request may be."""
    wrong: list[str] = []
    contexts = []

    def open_page(
        *figures: Figure | str,
        scheme: str = "light",
        width: int = 1280,
        head: str = "",
        javascript: bool = True,
    ):
        html = "\n".join(f if isinstance(f, str) else f.to_html() for f in figures)
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(PAGE.format(head=head, body=html), encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            has_touch=width < 500,
            java_script_enabled=javascript,
        )
        contexts.append(context)

        def gate(route):
            if route.request.url.startswith(("file:", "blob:", "data:")):
                return route.continue_()
            wrong.append(f"asked for {route.request.url}")
            return route.abort()

        context.route("**/*", gate)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        if not head:  # a policy that the page has makes the browser complain
            page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}"))
        page.goto(path.as_uri())
        if javascript:
            settled(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
