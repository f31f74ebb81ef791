r"""Turn a chapter's MyST into the plain Markdown that JupyterLab and Colab show.

The book is built from the MyST itself, so every number here has to be the one that
Sphinx gives there: equations and figures count up within their chapter.

| in text/NN_NAME.md       | in chapters/NN_NAME.ipynb                        |
|--------------------------|--------------------------------------------------|
| ``(label)=``             | nothing                                          |
| ``$$ a $$ (label)``      | ``$$ a \tag{1.1} $$``                            |
| ``{eq}`label` ``         | (1.1)                                            |
| ``{numref}`label` ``     | Fig. 1.1                                         |
| a figure's caption       | a paragraph at the start of the next prose       |
| ``{cite:t}`key` ``       | Elman (1990), a link to the references           |
| ``{cite:p}`key,key` ``   | (Elman, 1990; Le et al., 2015), the same link    |
| ``{doc}`path` ``         | the page's title, a link to the page in the book |
| ``{ref}`label` ``        | the section's title, a link to it in the book    |
| code of a `remove-input` | the same, folded away                            |
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import yaml
from myst_nb.core.read import read_myst_markdown_notebook
from nbformat import NotebookNode
from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

# A lazy run of characters that stays within its paragraph.
RUN = r"(?:(?!\n[ \t]*\n).)+?"
# From left to right, the first that fits: so nothing within code or maths is touched.
MYST = re.compile(
    rf"""
    ^(?P<dropped>\([^)\n]+\)=[ ]*(?:\n|\Z) | %.*?(?:\n|\Z))
    | ^[ ]*(?P<fence>```+|~~~+)(?![`~]|[ ]*\{{).*?^[ ]*(?P=fence)
    | \$\$(?P<display>.+?)\$\$(?:[ ]*\((?P<label>[^)$\n]+)\))?
    | (?<!\\)\${RUN}\$
    | \{{(?P<role>[a-zA-Z][\w:+.-]*)\}}(?P<quote>`+)(?P<content>{RUN})(?P=quote)
    | (?P<unknown>
        ^[ >]*(?:```+|~~~+)[ ]*\{{[^}}\n]*\}} | ^[ >]*:::+[^\n]*  # a directive
        | ^[ ]*:[ ]+\S | ^\\begin\{{.*?\}}          # a definition, an environment
        | \{{\{{.*?\}}\}} | \{{[.\#][^}}\n]*\}})    # a substitution, an attribute
    | (?P<ticks>`+){RUN}(?<!`)(?P=ticks)(?!`)
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
TITLE = re.compile(r"^# +(.+?) *$", re.MULTILINE)
SECTION = re.compile(r"^\(([^)\n]+)\)=\s*^#+ +(.+?) *$", re.MULTILINE)
NAMED = re.compile(r"(?P<title>.+?)\s*<(?P<target>[^<>]+)>", re.DOTALL)


def read(text: Path) -> NotebookNode:
    """The notebook that a MyST text stands for, without outputs."""
    return read_myst_markdown_notebook(text.read_text("utf-8"))


def plain(notebook: NotebookNode, text: Path) -> None:
    """Make the cells of ``notebook``, as ``read`` from ``text``, plain: in place.

    Their number and order stay. Raises ``ValueError`` with the file and the line of
    what has no plain form, or points at nothing.
    """
    book = Book(text.parents[1])
    whole, begin = text.read_text("utf-8"), 0
    captions: list[str] = []
    for cell in notebook.cells:
        begin = whole.index(cell.source, begin)
        length = len(cell.source)
        try:
            if cell.cell_type == "markdown":
                prose = markdown(cell.source, book).strip()
                cell.source, captions = "\n\n".join([*captions, prose]), []
            elif figure := figure_of(cell):
                caption = markdown(figure["caption"], book)
                captions.append(f"**Fig. {book.figures[figure['name']]}.** {caption}")
        except _NotPlain as error:
            at = begin + (error.at if cell.cell_type == "markdown" else 0)
            line = whole.count("\n", 0, at) + 1
            place = f"{text.parent.name}/{text.name}, line {line}"
            raise ValueError(f"{place}: {error}") from None
        if "remove-input" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True}
            cell.metadata["cellView"] = "form"  # Colab's word for the same
        begin += length
    if captions:
        message = "after the last figure there is no prose to put its caption in"
        raise ValueError(f"{text.parent.name}/{text.name}: {message}")


class _NotPlain(ValueError):
    """What stands ``at`` characters into a cell can't be made plain."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def figure_of(cell: NotebookNode) -> dict[str, str]:
    """The name and caption of a cell that Sphinx numbers as a figure, or nothing."""
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    return figure if {"name", "caption"} <= set(figure) else {}


def markdown(source: str, book: Book) -> str:
    """``source`` with all MyST made plain."""

    def replaced(found: re.Match[str]) -> str:
        role = found["role"]
        if found["unknown"] or (role and role not in ROLES):
            raise _NotPlain(f"{found[0].strip()} has no plain form", found.start())
        if found["dropped"]:
            return ""
        if found["label"]:
            formula = found["display"].rstrip()
            end = found["display"][len(formula) :] or " "
            return f"$${formula}{end}\\tag{{{book.equations[found['label']]}}}{end}$$"
        if not role:
            return found[0]
        try:
            return ROLES[role](book, " ".join(found["content"].split()))
        except (KeyError, FileNotFoundError):
            message = f"{found[0]} points at nothing"
            raise _NotPlain(message, found.start()) from None

    return MYST.sub(replaced, source)


class Book:
    """What a chapter can point at; each part is read when something asks for it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def address(self, page: str) -> str:
        """Where the public book has ``page``, a path without its ending."""
        return f"{self.config['html']['baseurl'].rstrip('/')}/{page}.html"

    def title(self, page: str) -> str:
        return TITLE.search(self._prose(page))[1]

    def _prose(self, page: str) -> str:
        """What is written on ``page``, without the code; of a chapter, in its text."""
        folder, _, name = page.rpartition("/")
        source = self.root / ("text" if folder == "chapters" else folder) / f"{name}.md"
        cells = read(source).cells
        return "\n".join(cell.source for cell in cells if cell.cell_type != "code")

    @cached_property
    def config(self) -> dict:
        return yaml.safe_load((self.root / "_config.yml").read_text("utf-8"))

    @cached_property
    def equations(self) -> dict[str, str]:
        """Label -> number, as "1.2", over all chapters."""

        def labels(cell: NotebookNode) -> list[str]:
            found = MYST.finditer(cell.source if cell.cell_type == "markdown" else "")
            return [part["label"] for part in found if part["label"]]

        return self._numbers(labels)

    @cached_property
    def figures(self) -> dict[str, str]:
        """Name -> number, as "1.2", over all chapters."""
        return self._numbers(
            lambda cell: [figure["name"]] if (figure := figure_of(cell)) else []
        )

    def _numbers(self, labels: Callable[[NotebookNode], list[str]]) -> dict[str, str]:
        return {
            label: f"{int(text.name.partition('_')[0])}.{number}"
            for text in self.root.glob("text/*.md")
            for number, label in enumerate(
                (label for cell in read(text).cells for label in labels(cell)), 1
            )
        }

    @cached_property
    def sections(self) -> dict[str, tuple[str, str]]:
        """Label -> (title, address) of each section that has a label."""
        pages = [
            f"{'chapters' if path.parent.name == 'text' else 'book'}/{path.stem}"
            for path in (*self.root.glob("text/*.md"), *self.root.glob("book/*.md"))
        ]
        return {
            label: (title, f"{self.address(page)}#{label}")
            for page in pages
            for label, title in SECTION.findall(self._prose(page))
        }

    @cached_property
    def entries(self) -> dict[str, Entry]:
        return parse_file(self.root / "book" / "references.bib").entries

    def cited(self, key: str) -> tuple[str, str]:
        """Authors and year: of one author, of two, or of one "et al."."""
        entry = self.entries[key]
        names = [
            str(Text.from_latex(" ".join(person.prelast_names + person.last_names)))
            for person in entry.persons["author"]
        ]
        if len(names) > 2:
            names = [f"{names[0]} et al."]
        return " and ".join(names), entry.fields["year"]


def _cite(book: Book, keys: str, form: str, between: str, around: str) -> str:
    said = [form.format(*book.cited(key.strip())) for key in keys.split(",")]
    link = book.address("book/references")
    return f"[{around.format(between.join(said))}]({link})"


def _doc(book: Book, content: str) -> str:
    named = NAMED.fullmatch(content)
    path = named["target"] if named else content
    page = posixpath.normpath(posixpath.join("/chapters", path)).lstrip("/")
    title = book.title(page)
    return f"[{named['title'] if named else title}]({book.address(page)})"


def _ref(book: Book, content: str) -> str:
    named = NAMED.fullmatch(content)
    title, address = book.sections[named["target"] if named else content]
    return f"[{named['title'] if named else title}]({address})"


ROLES: dict[str, Callable[[Book, str], str]] = {
    "eq": lambda book, label: f"({book.equations[label]})",
    "numref": lambda book, name: f"Fig. {book.figures[name]}",
    "cite:t": lambda book, keys: _cite(book, keys, "{} ({})", ", ", "{}"),
    "cite:p": lambda book, keys: _cite(book, keys, "{}, {}", "; ", "({})"),
    "doc": _doc,
    "ref": _ref,
}
