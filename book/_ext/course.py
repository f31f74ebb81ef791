"""What is special about this book: live figures, measured numbers, chapter links.

Built without torch: the live figures and the stored results need neither torch nor an
installed ``course_lib``.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import yaml
from docutils import nodes
from myst_nb.core.read import read_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "src"))

from course_lib import __version__  # noqa: E402  (needs the path above)
from course_lib.chapters import chapter  # noqa: E402
from course_lib.figures.title import three_translators  # noqa: E402
from course_lib.results import RESULTS, Result, stored, table  # noqa: E402

LOG = logging.getLogger(__name__)
PALETTE = ROOT / "src" / "course_lib" / "figures" / "palette.json"


class _AnyOption(dict[str, Any]):
    """Accepts every option: they are the arguments of the figure's class."""

    def __missing__(self, name: str) -> Any:
        return yaml.safe_load


class Directive(SphinxDirective):
    def broken(self, message: str) -> list[nodes.Node]:
        """A warning, which fails the build, and its trace in the page."""
        LOG.warning("%s", message, location=self.get_location())
        return [nodes.problematic(message, message)]

    def section(self, title: str, name: str) -> nodes.section:
        """A section that the page's contents list, reached as ``#name``."""
        section = nodes.section(ids=[nodes.make_id(name)], names=[name])
        section += nodes.title("", title)
        return section


class LiveFigure(Directive):
    """``{live-figure} rnn.Stepper``: options are its arguments, the body a caption.

    The figure lands in the page as ``course_lib.figures.rnn.Stepper(...).to_html()``.
    """

    required_arguments = 1
    has_content = True
    # Not empty: MyST reads no options of a directive that knows none.
    option_spec = _AnyOption(text=yaml.safe_load)

    def run(self) -> list[nodes.Node]:
        chapter, _, name = self.arguments[0].rpartition(".")
        try:
            module = importlib.import_module(f"course_lib.figures.{chapter}")
            html = getattr(module, name)(**self.options).to_html()
        except Exception as error:
            return self.broken(f"live-figure {self.arguments[0]}: {error!r}")
        for source in (ROOT / "src" / "course_lib" / "figures").rglob("*.js*"):
            self.env.note_dependency(str(source))
        figure = nodes.container(classes=["live-figure"])
        figure += nodes.raw("", html, format="html")
        if self.content:
            caption = nodes.container(classes=["live-figure-caption"])
            self.state.nested_parse(self.content, self.content_offset, caption)
            figure += caption
        return [figure]


class Results(Directive):
    """``{results}``: what every stored result measured, claim by claim."""

    def run(self) -> list[nodes.Node]:
        sections: list[nodes.Node] = []
        for path in sorted(RESULTS.glob("*.json")):
            self.env.note_dependency(str(path))
            try:
                sections.append(self._section(Result.load(path)))
            except ValueError as error:
                return self.broken(str(error))
        if not sections:
            return self.broken(f"results: nothing is stored in {RESULTS.name}/")
        return sections

    def _section(self, result: Result) -> nodes.section:
        name = f"{result.experiment} {result.scale}"
        title = f"{result.experiment} ({result.scale})"
        section = self.section(title, f"result {name}")
        section += nodes.raw("", table.html(result), format="html")
        command = f"course run {result.experiment} --scale {result.scale}"
        line = nodes.paragraph("", "", classes=["result-links"])
        line += self._chapter(result)
        line += nodes.Text(" · run it again: ")
        line += nodes.literal("", f"{command} --seeds {len(result.runs)}")
        section += line
        return section

    def _chapter(self, result: Result) -> nodes.Node:
        """A link to the chapter that makes the claim, where that chapter exists."""
        told = chapter(result.claim["chapter"])
        page = f"chapters/{told.folder}"
        if page not in self.env.found_docs:
            return nodes.inline("", f"Chapter {told.number}")
        address = self.env.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference("", f"Told in chapter {told.number}", refuri=address)


class Measured(SphinxRole):
    """``{measured}`NAME.SCALE:METRIC` ``: a stored number, as mean ± sd.

    A number that is the same for all seeds stands alone: what is counted cannot vary.
    With ``|percent`` behind it, a share between 0 and 1 as a rounded ``58%``.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        name, _, wanted = self.text.partition(":")
        metric, _, form = wanted.partition("|")
        experiment, _, scale = name.rpartition(".")
        try:
            result = stored(experiment, scale)
            if metric not in result.runs[0].metrics:
                known = ", ".join(sorted(result.runs[0].metrics))
                raise ValueError(f"no metric {metric!r}; there are {known}")
            said = _said(result, metric, form)
        except (FileNotFoundError, ValueError) as error:
            place = self.get_location()
            LOG.warning("measured %s: %s", self.text, error, location=place)
            return [nodes.problematic(self.rawtext, self.rawtext)], []
        self.env.note_dependency(str(RESULTS / f"{name}.json"))
        return [nodes.inline("", said, classes=["measured"])], []


def _said(result: Result, metric: str, form: str) -> str:
    """The number in words. Raises ``ValueError`` for a form that does not fit it."""
    mean = result.mean(metric)
    if form == "percent":
        if not 0 <= mean <= 1:
            raise ValueError(f"percent: got {mean}, expected a share from 0 to 1")
        return f"{mean:.0%}"
    if form:
        raise ValueError(f"form: got {form!r}, expected 'percent' or nothing")
    unit = next((v.unit for v in result.verdicts if v.metric == metric), "")
    return f"{table.mean_and_sd(mean, result.sd(metric) or None)} {unit}".strip()


class Colours(Directive):
    """``{colours}``: a swatch, a name and a meaning for each colour of the palette."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(PALETTE))
        rows: list[tuple[str | nodes.Node, ...]]
        rows = [("Colour", "Quantity", "It always means")]
        for name, colour in _palette().items():
            swatch = f'<span class="swatch" style="background:var(--{name})"></span>'
            rows.append((_raw(swatch), name, colour["means"]))
        return [table_of(rows, (15, 25, 60))]


def table_of(
    rows: Sequence[Sequence[str | nodes.Node]], widths: Sequence[int]
) -> nodes.table:
    """A table of ``rows``, the first of which is its header; ``widths`` in percent."""
    made = [nodes.row("", *map(_entry, row)) for row in rows]
    group = nodes.tgroup(cols=len(widths))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += nodes.thead("", made[0])
    group += nodes.tbody("", *made[1:])
    return nodes.table("", group)


def _entry(content: str | nodes.Node) -> nodes.entry:
    inside = nodes.Text(content) if isinstance(content, str) else content
    return nodes.entry("", nodes.paragraph("", "", inside))


def _raw(html: str) -> nodes.raw:
    return nodes.raw("", html, format="html")


def _palette() -> dict[str, dict[str, str]]:
    return json.loads(PALETTE.read_text(encoding="utf-8"))


def _write_palette(app: Sphinx) -> None:
    """The page's colours are the figures' colours: one file says them."""
    if app.builder.format != "html":
        return

    def block(mode: str) -> str:
        return "".join(f"--{name}:{hue[mode]};" for name, hue in _palette().items())

    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "palette.css").write_text(
        f"html{{{block('light')}}}html[data-theme=dark]{{{block('dark')}}}\n"
    )
    app.add_css_file("palette.css")


def _write_translators(app: Sphinx) -> None:
    """The weights of the title page's figure, which come when a reader types."""
    if app.builder.format != "html":
        return
    script = Path(app.outdir) / three_translators.SCRIPT
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(three_translators.script(), encoding="utf-8")


def _myst_of_chapter(app: Sphinx, docname: str, source: list[str]) -> None:
    """A chapter's page is its text in MyST, with the outputs of its notebook.

    The notebook itself holds plain Markdown, for JupyterLab and Colab.
    """
    folder, _, name = docname.rpartition("/")
    if folder != "chapters":
        return
    text = ROOT / "text" / f"{name}.md"
    app.env.note_dependency(str(text))
    notebook = nbformat.reads(source[0], as_version=4)
    written = read_myst_markdown_notebook(text.read_text("utf-8"))

    def code(cells: list[nbformat.NotebookNode]) -> list[str | None]:
        return [cell.source if cell.cell_type == "code" else None for cell in cells]

    if code(notebook.cells) != code(written.cells):
        raise SphinxError(
            f"chapters/{name}.ipynb was not made from this text/{name}.md: "
            "run make notebooks"
        )
    for cell, original in zip(notebook.cells, written.cells, strict=True):
        cell.source, cell.metadata = original.source, original.metadata
    source[0] = nbformat.writes(notebook)


def _chapter_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Below each chapter's title: open it in Colab, or see its source."""
    if not docname.startswith("chapters/") or app.builder.format != "html":
        return
    options = app.config.html_theme_options
    repository = options["repository_url"].removesuffix("/")
    notebook = f"blob/{options['repository_branch']}/{docname}.ipynb"
    path = repository.removeprefix("https://github.com/")
    colab = f"{options['launch_buttons']['colab_url']}/github/{path}/{notebook}"
    line = nodes.paragraph(classes=["chapter-links"])
    for text, address, kind in (
        ("Open in Colab", colab, "colab"),
        ("Notebook on GitHub", f"{repository}/{notebook}", "source"),
    ):
        line += nodes.reference("", text, refuri=address, classes=[kind])
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is not None:
        title.parent.insert(title.parent.index(title) + 1, line)


def _repair_roles(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """docutils calls a bibliography a list and its entries no list items."""
    if "citation-list" in context.get("body", ""):
        context["body"] = context["body"].replace(
            'role="doc-biblioentry"', 'role="listitem"'
        )


def _say_version(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """At the foot of each page: the version of the course, as its package has it."""
    context["theme_extra_footer"] = f"Version {__version__}"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("live-figure", LiveFigure)
    app.add_directive("results", Results)
    app.add_directive("colours", Colours)
    app.add_role("measured", Measured())
    app.connect("builder-inited", _write_palette)
    app.connect("builder-inited", _write_translators)
    app.connect("source-read", _myst_of_chapter)
    app.connect("doctree-resolved", _chapter_links)
    app.connect("html-page-context", _repair_roles)
    app.connect("html-page-context", _say_version)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
