"""`make notebooks` is deterministic and careful; nbval sees a wrong number.

The chapter that these tests execute is MINI, below.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "book/tools"


def load(name: str) -> ModuleType:
    """The program book/tools/NAME.py as a module."""
    specification = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


notebooks, check = load("notebooks"), load("check")

MINI = """---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A chapter

```{code-cell} ipython3
:tags: [hide-input]

import os, sys, time
print("slowly", flush=True)
time.sleep(0.5)
print(sorted({"a", "b"}), {"a", "b", "c"}, os.getcwd().rpartition("/")[2])
print(os.environ["TQDM_DISABLE"], os.environ["OMP_NUM_THREADS"], file=sys.stderr)
```

```{code-cell} ipython3
import ipywidgets

slider = ipywidgets.IntSlider()
both = {"application/vnd.jupyter.widget-view+json": {"model_id": slider.model_id}}
display(both | {"text/html": "<b>0</b>", "text/plain": "IntSlider()"}, raw=True)
```

```{code-cell} ipython3
---
mystnb:
  image:
    alt: A line
---
import matplotlib.pyplot as plt

plt.plot([0, 1])
plt.show()
```

Text, then the same cell twice.

```{code-cell} ipython3
1 + 1
```

```{code-cell} ipython3
1 + 1
```
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "text").mkdir()
    (tmp_path / "chapters").mkdir()
    (tmp_path / "ruff.toml").write_text('lint.select = ["E", "F", "I"]\n')
    return tmp_path


def build(folder: Path, text: str) -> Path:
    """Execute ``text`` as chapter "mini" of the project ``folder``."""
    (folder / "text/mini.md").write_text(text)
    chapter = folder / "chapters/mini.ipynb"
    list(notebooks.build(folder / "text/mini.md", chapter))
    return chapter


def cell_of(*lines: str) -> str:
    return "\n".join(["", "```{code-cell} ipython3", *lines, "```", ""])


def test_a_second_run_changes_no_byte(folder, monkeypatch):
    for name in notebooks.ENVIRONMENT:  # whatever the machine has set
        monkeypatch.setenv(name, "3")
    chapter = build(folder, MINI)
    first, text = chapter.read_bytes(), (folder / "text/mini.md").read_bytes()
    assert b"image/png" in first
    chapter.unlink()
    list(notebooks.build(folder / "text/mini.md", chapter))
    assert chapter.read_bytes() == first
    assert (folder / "text/mini.md").read_bytes() == text
    assert [path.name for path in chapter.parent.iterdir()] == ["mini.ipynb"]

    notebook = nbformat.read(chapter, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5]
    assert [dict(cell.metadata) for cell in code] == [
        {"tags": ["hide-input"]},
        {},
        {"mystnb": {"image": {"alt": "A line"}}},
        {},
        {},
    ]
    assert notebook.metadata == notebooks.METADATA  # no widgets, no versions
    stdout, stderr = (output.text for output in code[0].outputs)
    assert stdout.startswith("slowly\n['a', 'b'] {")
    assert stdout.endswith("} chapters\n")  # the folder of the kernel
    assert stderr == "1 1\n"
    assert set(code[1].outputs[0].data) == {"text/html", "text/plain"}


def test_ids_follow_the_content_and_not_the_place(folder):
    text = folder / "text/mini.md"
    text.write_text(MINI)
    before = [cell.id for cell in notebooks.read(text).cells]
    assert len(set(before)) == len(before)
    text.write_text(MINI.replace("# A chapter\n", "# A chapter\n" + cell_of("x = 1")))
    after = [cell.id for cell in notebooks.read(text).cells]
    assert [name for name in after if name in before] == before


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["print(6 * 7)", "[1][3]"], "IndexError: list index out of range"),
        (["print(6 * 7)", "[1][3]"], " 42 "),
        (["import os", "", "os._exit(1)"], "killed the kernel"),
        (["def f(:", "    pass"], "ruff can't read a code cell"),
        (["import ipywidgets", "", "ipywidgets.IntSlider()"], "without a text/html"),
    ],
    ids=["error", "printed", "crash", "syntax", "widget"],
)
def test_a_cell_that_fails_is_shown_and_the_old_notebook_stays(
    folder, monkeypatch, capsys, lines, message
):
    old = folder / "chapters/mini.ipynb"
    old.write_text("the old notebook")
    (folder / "text/mini.md").write_text("# A chapter\n" + cell_of(*lines))
    monkeypatch.setattr(notebooks, "ROOT", folder)
    assert notebooks.main(["mini"]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert message in told
    assert lines[-1].strip() in told or "ruff" in message
    assert "chapters/mini.ipynb is unchanged" in told
    assert old.read_text() == "the old notebook"
    assert list(old.parent.iterdir()) == [old]


def test_the_command_says_what_it_did(folder, monkeypatch, capsys):
    monkeypatch.setattr(notebooks, "ROOT", folder)
    (folder / "text/mini.md").write_text("# A chapter\n" + cell_of("a = [{}]"))
    assert notebooks.main(["nini"]) == 2
    assert "No such chapter: nini. There are: mini." in capsys.readouterr().out
    assert notebooks.main([]) == 0
    told = capsys.readouterr().out
    assert "a = [{}]" in told
    assert "1 chapter executed in 0." in told
    assert (folder / "chapters/mini.ipynb").exists()


def test_myst_is_written_plain_and_told_where_that_is_impossible(
    folder, monkeypatch, capsys
):
    (folder / "text/01_mini.md").write_text("(a)=\n# A\n\n$$ a $$ (l)\n\n{eq}`l`\n")
    monkeypatch.setattr(notebooks, "ROOT", folder)
    assert notebooks.main([]) == 0
    chapter = nbformat.read(folder / "chapters/01_mini.ipynb", as_version=4)
    (cell,) = chapter.cells
    assert cell.source == "# A\n\n$$ a \\tag{1.1} $$\n\n(1.1)"
    # or a new equation would change the ids of all that name a later one
    assert cell.id == notebooks.read(folder / "text/01_mini.md").cells[0].id

    (folder / "text/01_mini.md").write_text("# A\n\n{foo}`l`\n")
    assert notebooks.main([]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "text/01_mini.md, line 3: {foo}`l` has no plain form" in told
    assert nbformat.read(folder / "chapters/01_mini.ipynb", as_version=4) == chapter


def test_code_is_formatted_in_the_text_and_prose_is_left_alone(folder):
    text = folder / "text/mini.md"
    prose = "# A chapter\n\nWrite `x=1`  or\n\n```python\nx=1\n```\n"
    untidy = cell_of("from os import sep,getcwd", "x=1") + cell_of("x=1")
    text.write_text(prose + untidy + prose)
    assert notebooks.format_code(text, folder / "chapters/mini.ipynb")
    tidy = cell_of("from os import getcwd, sep", "", "x = 1") + cell_of("x = 1")
    assert text.read_text() == prose + tidy + prose
    assert not notebooks.format_code(text, folder / "chapters/mini.ipynb")


def test_what_ruff_finds_is_named_by_its_line_in_the_text(folder, monkeypatch, capsys):
    monkeypatch.setattr(notebooks, "ROOT", folder)
    lines = [":tags: [hide-input]", "", "import os", "", "l = 1"]
    text = f"# A chapter\n{cell_of('x = 1')}\nProse.\n{cell_of(*lines)}"
    (folder / "text/mini.md").write_text(text)
    assert notebooks.main([]) == 1
    told = capsys.readouterr().out
    at = {word: text.split("\n").index(word) + 1 for word in ("import os", "l = 1")}
    assert f"text/mini.md:{at['import os']}:8: F401 `os` imported but unused" in told
    assert f"text/mini.md:{at['l = 1']}:1: E741 Ambiguous variable name" in told
    assert "text/mini.md: ruff has 2 findings" in told
    assert not list((folder / "chapters").iterdir()), "it was executed"


def test_make_hands_the_chapter_on():
    done = subprocess.run(
        ["make", "-n", "notebooks", "CHAPTER=01_rnn"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "book/tools/notebooks.py 01_rnn\n" in done.stdout


def test_the_same_world_here_and_under_nbval():
    """nbval's kernels get the environment of pytest, which conftest.py sets."""
    done = subprocess.run(
        [sys.executable, "-c", "import os, conftest; print(dict(os.environ))"],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    environment = ast.literal_eval(done.stdout)
    assert notebooks.ENVIRONMENT.items() <= environment.items()
    assert "MPLBACKEND" not in os.environ  # or cells would store no figures


LIBRARY = "def softmax_of_zero(n):\n    return 1.000 / n\n"
CHECKED = "# A chapter\n" + "".join(
    [
        cell_of("import time", "", "import library", "", "begun = time.perf_counter()"),
        cell_of('print(f"weight {library.softmax_of_zero(4):.3f}")'),
        cell_of(
            ":tags: [nbval-ignore-output]",
            "",
            "print(library.softmax_of_zero(4))",
            "assert abs(library.softmax_of_zero(4) - 0.25) < 0.001",
        ),
        cell_of(
            'print(f"{time.perf_counter() - begun:.9f} s, {8 / begun:.9f} steps/s")'
        ),
    ]
)


def nbval(folder: Path) -> dict[str, str]:
    """What the notebooks step of `make test` says of each cell in ``folder``."""
    shutil.copy(ROOT / "nbval_sanitize.cfg", folder)
    shutil.copy(ROOT / "conftest.py", folder)
    done = subprocess.run(
        [*check.PYTEST, *check.NBVAL, "--rootdir", ".", "-rA"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    outcomes = {}
    for line in done.stdout.splitlines():
        outcome, _, rest = line.partition(" ")
        if outcome in ("PASSED", "FAILED"):
            outcomes[rest.split("::")[1].split(" - ")[0].strip()] = outcome
    assert outcomes, done.stdout + done.stderr
    assert (done.returncode == 0) == ("FAILED" not in outcomes.values())
    return outcomes


def test_nbval_passes_what_is_true_and_catches_a_wrong_number(folder):
    library = folder / "chapters/library.py"
    library.write_text(LIBRARY)
    build(folder, CHECKED)
    assert nbval(folder) == {f"Cell {n}": "PASSED" for n in range(4)}
    library.write_text(LIBRARY.replace("1.000", "1.010"))
    assert nbval(folder) == {
        "Cell 0": "PASSED",
        "Cell 1": "FAILED",  # the stored output has another number
        "Cell 2": "FAILED",  # not compared, but out of its band
        "Cell 3": "PASSED",  # a duration may differ
    }
