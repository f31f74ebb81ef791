"""What holds for every chapter: text/NAME.md and chapters/NAME.ipynb.

The numbers in the outputs are proven elsewhere, by nbval.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import re
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest
import yaml

from course_lib import figures

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import notebooks  # noqa: E402  (needs the path above)

NAMES = sorted(
    {path.stem for path in ROOT.glob("text/*.md")}
    | {path.stem for path in ROOT.glob("chapters/*.ipynb")}
)
SECTIONS = [
    "What you will be able to do",
    "The failure",
    "The idea",
    "The mathematics",
    "From scratch",
    "Measured",
    "What goes wrong",
    "Where it breaks",
    "Check yourself",
    "Graded exercise",
    "Further reading",
]
SETUP = """\
import importlib.util

if importlib.util.find_spec("course_lib") is None:
    %pip install -q git+{url}@{branch}"""
SETUP_D2L = """
if importlib.util.find_spec("d2l") is None:
    %pip install -q --no-deps d2l==1.0.3"""
# What a machine or a moment leaves behind, and no reader needs.
TRACES = r"0x[0-9a-f]{6,}|/tmp/|/home/|/root/|[A-Z]:\\Users|site-packages"

# A role, a target, a directive, an equation's label, a substitution.
MYST = r"\{[\w:.+-]+\}`|^\(.+\)=|^[ >]*(```+|~~~+|:::+) *\{|\$\$ *\(|\{\{\w"

every_chapter = pytest.mark.parametrize("name", NAMES)


@cache
def chapter(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / f"chapters/{name}.ipynb", as_version=4)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    cells = [cell for cell in chapter(name).cells if cell.cell_type == "code"]
    assert cells
    return cells


def outputs(name: str) -> list[tuple[int, nbformat.NotebookNode]]:
    """Every output, with the number of its cell."""
    return [
        (cell.execution_count, output)
        for cell in code_cells(name)
        for output in cell.outputs
    ]


@cache
def figure_modules() -> set[str]:
    """The digest of every live figure's module, as :meth:`Figure.to_html` writes it."""
    for package in pkgutil.walk_packages(figures.__path__, "course_lib.figures."):
        importlib.import_module(package.name)
    return {
        hashlib.sha256(figure.module().encode()).hexdigest()[:12]
        for figure in kinds_of(figures.Figure)
    }


def kinds_of(figure: type) -> list[type]:
    """The classes below ``figure`` that have none below them: a base has no module."""
    below = figure.__subclasses__()
    return [kind for each in below for kind in kinds_of(each)] or [figure]


def repository() -> tuple[str, str]:
    """The address and the branch, from the one place that states them."""
    stated = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]
    return stated["url"], stated["branch"]


def test_there_are_chapters():
    assert NAMES


@every_chapter
def test_the_chapter_is_what_the_tool_makes_of_the_text(name):
    def cells(notebook):
        return [
            (cell.id, cell.cell_type, cell.source, dict(cell.metadata))
            for cell in notebook.cells
        ]

    made = notebooks.for_readers(ROOT / f"text/{name}.md")
    assert cells(chapter(name)) == cells(made), "run `make notebooks`"


@pytest.mark.parametrize(
    "path",
    [*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("exercises/*/student.ipynb")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_jupyterlab_and_colab_can_show_all_of_the_prose(path):
    prose = [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    ]
    assert prose
    for source in prose:
        assert not re.search(MYST, source, re.MULTILINE), source


@every_chapter
def test_a_notebook_folds_the_code_that_the_page_leaves_out(name):
    """Or a quiz would show its answer above its question."""
    for cell in code_cells(name):
        removed = "remove-input" in cell.metadata.get("tags", [])
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert folded is removed, cell.source
        assert cell.metadata.get("cellView") == ("form" if removed else None)


@every_chapter
def test_every_cell_was_run_in_order(name):
    """nbval passes a notebook without outputs, so this must not."""
    counts = [cell.execution_count for cell in code_cells(name) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1)), "run `make notebooks`"


@every_chapter
def test_the_stored_figures_are_todays(name):
    """nbval would find it too, minutes later; a palette's colour is in all of them."""
    modules = {
        module
        for _, output in outputs(name)
        for module in re.findall(
            r'class="course-figure" data-module="(\w+)"',
            output.get("data", {}).get("text/html", ""),
        )
    }
    assert modules
    assert modules <= figure_modules(), "run `make notebooks`"


@every_chapter
def test_nothing_is_stored_but_what_a_reader_needs(name):
    assert set(chapter(name).metadata) == {"kernelspec", "language_info"}
    assert set(chapter(name).metadata.language_info) == {"name", "pygments_lexer"}
    for cell, output in outputs(name):
        assert output.output_type != "error", f"[{cell}] an error: catch and print it"
        assert output.get("name") != "stderr", f"[{cell}] on stderr: {output.text}"
        data = output.get("data", {})
        assert not [mime for mime in data if "widget" in mime], f"[{cell}] a widget"
        for shown in (output.get("text", ""), data.get("text/plain", "")):
            assert not re.search(TRACES, shown), f"[{cell}] not for every eye: {shown}"


@every_chapter
def test_every_image_has_alternative_text(name):
    for cell in code_cells(name):
        mimes = [mime for output in cell.outputs for mime in output.get("data", {})]
        images = [mime for mime in mimes if mime.startswith("image/")]
        if not images:
            continue
        where = f"[{cell.execution_count}]"
        assert images == ["image/png"], f"{where} one png a cell, not {images}"
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert len(alt.split()) >= 5, f"{where} mystnb.image.alt says what is seen"
        # nbval compares no pictures
        assert "assert" in cell.source or [
            output for output in cell.outputs if output.output_type == "stream"
        ], f"{where} print or assert the numbers behind the figure"
    for cell in chapter(name).cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]\(", cell.source), cell.source
            for image in re.findall(r"<img[^>]*>", cell.source):
                assert re.search(r'\balt="[^"]+"', image), image


@every_chapter
def test_the_first_cell_gets_what_colab_lacks_and_nothing_else(name):
    url, branch = repository()
    cells = code_cells(name)
    assert cells[0] is chapter(name).cells[0]
    uses_d2l = any("import_d2l" in cell.source for cell in cells)
    expected = SETUP.format(url=url, branch=branch) + (SETUP_D2L if uses_d2l else "")
    assert cells[0].source == expected
    assert cells[0].metadata.tags == ["remove-cell"]
    assert not [cell for cell in cells[1:] if re.search(r"pip3? +install", cell.source)]


@every_chapter
def test_code_fits_the_page_and_nbval(name):
    for cell in code_cells(name):
        for line in cell.source.splitlines():
            assert len(line) <= 80, line
        # nbval does not know that ";" hides a value: end with plt.show() instead
        assert not cell.source.rstrip().endswith(";"), cell.source
        # a number that may move is not compared, so its band is asserted
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            assert re.search(r"\bassert\b|\bcheck\(", cell.source), cell.source


@every_chapter
def test_the_anatomy_of_a_chapter(name):
    prose = "\n".join(
        re.sub(r"^(```+|~~~+|:::+).*?^\1", "", cell.source, flags=re.M | re.S)
        for cell in chapter(name).cells
        if cell.cell_type == "markdown"
    )
    assert len(re.findall(r"^# ", prose, re.M)) == 1
    headings = re.findall(r"^## +(.+)$", prose, re.M)
    assert [heading.partition(":")[0].strip() for heading in headings] == SECTIONS


@every_chapter
def test_the_file_is_light(name):
    # A translator that runs in the page weighs half a megabyte of this.
    assert (ROOT / f"chapters/{name}.ipynb").stat().st_size < 2_500_000


def test_the_repository_is_called_the_same_everywhere():
    url, branch = repository()
    project = url.removeprefix("https://github.com/")
    owner, repo = project.split("/")
    files = [
        ROOT / "README.md",
        *ROOT.glob("text/*.md"),
        *ROOT.glob("chapters/*.ipynb"),
        *ROOT.glob("book/*.md"),
        *ROOT.glob("exercises/*/student.ipynb"),
        *ROOT.glob("exercises/*/master.py"),
    ]
    found = 0
    for path in files:
        content = path.read_text("utf-8")
        # what is installed, what Colab opens, and any link to the owner's or to a fork
        for pattern in (
            r"git\+https://github\.com/([\w.-]+/[\w-]+)",
            r"colab\.research\.google\.com/github/([\w.-]+/[\w-]+)",
            rf"github\.com/({owner}/[\w-]+)",
            rf"github\.com/([\w.-]+/{repo})\b",
        ):
            for named in re.findall(pattern, content):
                found += 1
                assert named == project, f"{path.relative_to(ROOT)}: {named}"
        for at, opened in re.findall(r"/blob/([\w.-]+)/([\w./-]+\.ipynb)", content):
            assert at == branch, f"{path.relative_to(ROOT)}: {at}"
            assert (ROOT / opened).exists(), f"{path.relative_to(ROOT)}: {opened}"
        for at in re.findall(r"git\+https://github\.com/[\w./-]+@([\w.-]+)", content):
            assert at == branch, f"{path.relative_to(ROOT)}: {at}"
    assert found
