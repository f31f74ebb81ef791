"""Plain Markdown for JupyterLab and Colab, and the MyST again for the book."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import course
import nbformat
import plain
import pytest
from sphinx.errors import SphinxError

ROOT = Path(__file__).parents[2]
SITE = "https://example.org/book-of-tests"
CITED = f"({SITE}/book/references.html)"
FILES = {
    "_config.yml": f"html:\n  baseurl: {SITE}/\n",
    "book/notation.md": "% not this\n\n# All the symbols\n\n(sizes)=\n## How large\n",
    "book/references.bib": """
@article{one, author = {Elman, Jeffrey L.}, year = 1990}
@article{two, author = {van den Oord, A. and M{\\"u}ller, B.}, year = {2016}}
@article{three, author = {Le, Q. V. and Jaitly, N. and Hinton, G. E.}, year = 2015}
@misc{body, author = {{Unicode Consortium}}, year = 2025}
""",
    "text/02_first.md": """```{code-cell} ipython3
# not a title
```
(first)=
# The first chapter

$$ a $$ (eq-first)
""",
}
FIGURE = """```{{code-cell}} ipython3
---
mystnb:
  figure:
    caption: >-
      {1}
    name: {0}
tags: [remove-input]
---
draw("{0}")
```
"""
# A cell of code that holds the prose of the cell after it.
IN_CODE = "```{{code-cell}} ipython3\n'''\n{}\n\nThe end.\n'''\n```\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


def made(project: Path, text: str) -> list[nbformat.NotebookNode]:
    """The plain cells of ``text`` as chapter 10."""
    path = project / "text/10_mini.md"
    path.write_text(text, "utf-8")
    notebook = plain.read(path)
    plain.plain(notebook, path)
    return notebook.cells


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        ("(here)=\n# A title", "# A title"),
        ("(here)=\n\n## A title\n\nText (so)= on.", "## A title\n\nText (so)= on."),
        ("% a comment\nText, 5 % of it", "Text, 5 % of it"),
        ("$$ a $$ (l)", r"$$ a \tag{10.1} $$"),
        ("$$a$$ (l)", r"$$a \tag{10.1} $$"),
        ("$$\na\n$$ (l)\nmore", "$$\na\n\\tag{10.1}\n$$\nmore"),
        ("$$\na\n$$", "$$\na\n$$"),
        (
            "$$ a $$\n\n$$ b $$ (l)\n\n$$ c $$ (m), {eq}`m` from {eq}`l`",
            "$$ a $$\n\n$$ b \\tag{10.1} $$\n\n$$ c \\tag{10.2} $$, (10.2) from (10.1)",
        ),
        ("In {eq}`l`,\n\n$$ a $$ (l)", "In (10.1),\n\n$$ a \\tag{10.1} $$"),
        ("{eq}`eq-first`", "(2.1)"),
        ("a ` alone\n\n{eq}`eq-first`", "a ` alone\n\n(2.1)"),
        ("{cite:t}`one` said", f"[Elman (1990)]{CITED} said"),
        ("{cite:t}`two`", f"[van den Oord and Müller (2016)]{CITED}"),
        ("{cite:t}`body`", f"[Unicode Consortium (2025)]{CITED}"),
        ("{cite:t}`one,three`", f"[Elman (1990), Le et al. (2015)]{CITED}"),
        ("so {cite:p}`one`.", f"so [(Elman, 1990)]{CITED}."),
        ("{cite:p}`one,\n  three`", f"[(Elman, 1990; Le et al., 2015)]{CITED}"),
        ("{doc}`../book/notation`", f"[All the symbols]({SITE}/book/notation.html)"),
        ("{doc}`/book/notation`", f"[All the symbols]({SITE}/book/notation.html)"),
        ("{doc}`a\nname <02_first>`", f"[a name]({SITE}/chapters/02_first.html)"),
        ("{doc}`02_first`", f"[The first chapter]({SITE}/chapters/02_first.html)"),
        ("{ref}`sizes`", f"[How large]({SITE}/book/notation.html#sizes)"),
        ("{ref}`so <first>`", f"[so]({SITE}/chapters/02_first.html#first)"),
        ("{ref}`here`\n\n(here)=\n## A *b*", f"[A *b*]({SITE}/chapters/10_mini.html"),
    ],
)
def test_each_form_of_myst_has_its_plain_form(project, myst, expected):
    (cell,) = made(project, myst)
    assert cell.source.startswith(expected)
    assert cell.source == expected or "10_mini" in expected


@pytest.mark.parametrize(
    "untouched",
    [
        "`` {eq}`l` `` and `{x}` and `{eq}`",
        "```python\n(here)=\nf'{x}' {eq}`l` $$ a $$ (l)\n% no\n:::{note}\n```\nText",
        "~~~\n{{ a }}\n~~~",
        r"$x_{.}$ and $\{{a\}}$ and $(W)_{ij}$, (see) = and a \$ {a}",
        "- a list (a)=\n- **b**, [a link](https://example.org)\n\n1. one: two",
        "```\n{eq}`l`\n```\n\n```\n{eq}`m`\n```",
    ],
)
def test_code_and_maths_are_left_alone(project, untouched):
    (cell,) = made(project, untouched)
    assert cell.source == untouched


def test_figures_are_numbered_and_their_captions_stand_in_the_next_prose(project):
    first = FIGURE.format("fig-a", "Like {eq}`eq-first`, $\\rho$, as {cite:t}`one`.")
    unnamed = FIGURE.format("fig-b", "No.").replace("    name: fig-b\n", "")
    second = FIGURE.format("fig-c", "Long,\n      over two lines.")
    last = "(x)=\n## After {numref}`fig-c`"
    text = (
        "{numref}`fig-a`\n\n" + first + unnamed + second + f"\n{last}\n\n```\n{{\n```"
    )
    before, a, b, c, after = made(project, text)
    assert before.source == "Fig. 10.1"
    assert [cell.cell_type for cell in (a, b, c)] == ["code"] * 3
    assert after.source == (
        f"**Fig. 10.1.** Like (2.1), $\\rho$, as [Elman (1990)]{CITED}.\n\n"
        "**Fig. 10.2.** Long, over two lines.\n\n"
        "## After Fig. 10.2\n\n```\n{\n```"
    )
    *_, between, _, end = made(project, first + "\nBetween\n\n" + second + "\nEnd")
    assert between.source.endswith("\n\nBetween")
    assert end.source == "**Fig. 10.2.** Long, over two lines.\n\nEnd"
    with pytest.raises(ValueError, match=r"text/10_mini\.md: .* caption"):
        made(project, "Before\n\n" + first)


def test_code_is_as_it_was_and_folded_where_the_page_removes_it(project):
    text = "".join(
        f"```{{code-cell}} ipython3\n:tags: [{tag}]\n\n'{{eq}}`l`'\n```\n\n"
        for tag in ("remove-input", "remove-cell", "hide-input")
    )
    removed, setup, hidden = made(project, text)
    assert removed.source == setup.source == "'{eq}`l`'"
    assert removed.metadata == {
        "tags": ["remove-input"],
        "jupyter": {"source_hidden": True},
        "cellView": "form",
    }
    assert setup.metadata == {"tags": ["remove-cell"]}
    assert hidden.metadata == {"tags": ["hide-input"]}


@pytest.mark.parametrize(
    ("line", "myst", "said"),
    [
        (4, "{term}`state`", "{term}`state` has no plain form"),
        (5, "Text\n{nmref}`fig-a`", "{nmref}`fig-a` has no plain form"),
        (11, IN_CODE.format("{a}`b`") + "{a}`b`", "{a}`b` has no plain form"),
        (4, "{eq}`l`", "{eq}`l` points at nothing"),
        (4, "{eq}`fig-a`", "{eq}`fig-a` points at nothing"),
        (4, "{numref}`eq-first`", "{numref}`eq-first` points at nothing"),
        (4, "{cite:p}`one,none`", "{cite:p}`one,none` points at nothing"),
        (4, "{doc}`../book/nothing`", "points at nothing"),
        (4, "{ref}`nothing`", "points at nothing"),
        (6, "Text\n\n```{note}\nSo.\n```", "```{note} has no plain form"),
        (4, ":::{note}\nSo.\n:::", ":::{note} has no plain form"),
        (5, "Text\n````{admonition} A\n```\na\n```\n````", "has no plain form"),
        (4, "> ```{note}\n> a\n> ```", "has no plain form"),
        (4, "{{ word }}", "{{ word }} has no plain form"),
        (4, "[a](https://example.org){.b}", "{.b} has no plain form"),
        (5, "Word\n: what it means", "has no plain form"),
        (4, "\\begin{align}\na\n\\end{align}", "has no plain form"),
    ],
)
def test_what_is_not_known_is_an_error_with_its_place(project, line, myst, said):
    before = "```{code-cell} ipython3\n1\n```\n"
    with pytest.raises(ValueError, match=r"has no|nothing") as error:
        made(project, before + myst + "\n\nThe end.\n")
    assert str(error.value).startswith(f"text/10_mini.md, line {line}: ")
    assert said in str(error.value)


def test_an_error_in_a_caption_names_the_line_of_its_cell(project):
    text = "Text\n\n" + FIGURE.format("fig-a", "{foo}`a`") + "\nText"
    with pytest.raises(ValueError, match=r"line 12: \{foo\}`a` has no plain form"):
        made(project, text)


@pytest.mark.parametrize(
    "text", sorted(ROOT.glob("text/*.md")), ids=lambda path: path.stem
)
def test_the_numbers_are_those_of_the_page(built, text):
    page = (built / "chapters" / f"{text.stem}.html").read_text("utf-8")
    book = plain.Book(ROOT)
    own = f"{int(text.stem.partition('_')[0])}."
    for numbers, shown in (
        (book.equations, r'id="equation-([\w-]+)">\s*<span class="eqno">\(([\d.]+)\)'),
        (
            book.figures,
            r'<figure[^>]* id="([\w-]+)">(?:(?!</figure>).)*'
            r'class="caption-number">Fig. ([\d.]+)',
        ),
    ):
        here = {label: n for label, n in numbers.items() if n.startswith(own)}
        assert here
        assert dict(re.findall(shown, page, re.DOTALL)) == here, "run make html"


class Environment:
    def __init__(self) -> None:
        self.noted: list[str] = []

    def note_dependency(self, path: str) -> None:
        self.noted.append(path)


@pytest.fixture
def app(project, monkeypatch) -> SimpleNamespace:
    monkeypatch.setattr(course, "ROOT", project)
    return SimpleNamespace(env=Environment())


TEXT = "# A\n\n$$ a $$ (l)\n\n" + FIGURE.format("fig-a", "A caption.") + "\n{eq}`l`\n"


def notebook_of(project: Path) -> nbformat.NotebookNode:
    """The executed chapter 10 with the text TEXT."""
    notebook = nbformat.v4.new_notebook(cells=made(project, TEXT))
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="said\n")]
    return notebook


def test_the_book_gets_the_text_and_the_outputs(project, app):
    source = [nbformat.writes(notebook_of(project))]
    course._myst_of_chapter(app, "chapters/10_mini", source)
    got = nbformat.reads(source[0], as_version=4).cells
    written = plain.read(project / "text/10_mini.md").cells
    assert [cell.source for cell in got] == [cell.source for cell in written]
    assert [cell.metadata for cell in got] == [cell.metadata for cell in written]
    assert got[0].source == "# A\n\n$$ a $$ (l)"
    assert got[1].outputs[0].text == "said\n"
    assert app.env.noted == [str(project / "text/10_mini.md")]


def test_other_pages_are_left_alone(app):
    source = ["{eq}`l`"]
    course._myst_of_chapter(app, "book/notation", source)
    assert source == ["{eq}`l`"]
    assert app.env.noted == []


def a_cell_less(notebook):
    del notebook.cells[-1]


def other_code(notebook):
    notebook.cells[1].source += " "


def other_order(notebook):
    notebook.cells.insert(0, notebook.cells.pop())


@pytest.mark.parametrize("change", [a_cell_less, other_code, other_order])
def test_a_notebook_of_another_text_stops_the_build(project, app, change):
    notebook = notebook_of(project)
    change(notebook)
    with pytest.raises(SphinxError, match=r"10_mini.*run make notebooks"):
        course._myst_of_chapter(app, "chapters/10_mini", [nbformat.writes(notebook)])
    assert app.env.noted == [str(project / "text/10_mini.md")]
