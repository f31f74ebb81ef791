"""A skeleton: files made of templates, and the lines that list them elsewhere.

A template is a tree of files as they will lie in the checkout. In their texts and paths
stand names such as ``a_chapter`` and ``NewName``, in whose place the real ones come. So
each template is Python, JavaScript or MyST that can be read, checked and formatted.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from course_lib.chapters import CHAPTERS, Chapter, chapter
from course_lib.new import lists

TEMPLATES = Path(__file__).with_name("templates")
KINDS = ("chapter", "experiment", "figure", "exercise")
FORM = "small letters, digits and _, beginning with a letter"
_SUFFIXES = {".py", ".js", ".md", ".toml"}  # not what Python leaves beside them
# In short what CONTRIBUTING.md says, with the names in it.
_THEN = {
    "chapter": (
        "Write the model: src/course_lib/a_chapter.py and tests/test_a_chapter.py",
        "Its figures, claims and exercise: course new figure a_chapter/NAME, "
        "course new experiment a_chapter/NAME, course new exercise a_chapter",
        "Write text/00_a_chapter.md, then: make notebooks CHAPTER=00_a_chapter",
        "Say what it fixes and breaks in its row of book/welcome.md; its title is also "
        "in src/course_lib/chapters.py",
        "Let its model grow in the bench: a Model in src/course_lib/bench/models.py",
        "Its papers, questions, words and times: book/references.bib, interview.md, "
        "glossary.md, notation.md, how_to_use.md and teachers.md",
    ),
    "experiment": (
        "Write the claim and its bands: src/course_lib/experiments/a_chapter/"
        "new_name.py. Try it: course run new-name",
        "Commit. Then measure, with nothing else running: "
        "course run new-name --scale cpu --seeds 3",
        "Commit results/new-name.cpu.json",
    ),
    "figure": (
        "Write the figure: src/course_lib/figures/a_chapter/new_name.js and .py",
        "Format it: npx prettier --print-width 88 --write "
        "src/course_lib/figures/a_chapter/new_name.js",
        "Show it: from course_lib.figures.a_chapter import NewName; NewName() in a "
        "text, {live-figure} a_chapter.NewName in a page of book/",
    ),
    "exercise": (
        "Write the questions, their tests and typical wrong answers in "
        "exercises/00_a_chapter/",
        "course build-exercises 00_a_chapter makes student.ipynb of them, again and "
        "again",
        "Link it from the section Graded exercise of text/00_a_chapter.md",
    ),
}


@dataclass(frozen=True)
class Skeleton:
    """What is written: texts by path, of new files and of those that list them.

    ``then`` says what is left to a person, one step in each string.
    """

    new: dict[Path, str]
    changed: dict[Path, str]
    then: tuple[str, ...]


def skeleton(kind: str, name: str, root: Path) -> Skeleton:
    """The skeleton of a ``kind`` in the checkout ``root``; nothing is written yet.

    ``name`` is that of the chapter, for an experiment and a figure CHAPTER/NAME. Raises
    ``ValueError`` for a kind or a name that can't be, and ``FileExistsError`` that
    names what is there already.
    """
    if kind not in KINDS:
        raise ValueError(f"KIND: got {kind!r}, expected one of {', '.join(KINDS)}")
    told, own = _names(kind, name)
    words = _words(told, own)
    tree = TEMPLATES / kind
    paths = sorted(path for path in tree.rglob("*") if path.suffix in _SUFFIXES)
    new = {
        root / _put(words, path.relative_to(tree).as_posix()): _put(
            words, path.read_text(encoding="utf-8")
        )
        for path in paths
    }
    if there := _there(kind, own, new, root):
        raise FileExistsError(f"NAME: {there[0].relative_to(root)} is there already")
    return Skeleton(
        new,
        lists.changes(kind, told, own, words["NewName"], root),
        tuple(_put(words, line) for line in _THEN[kind]),
    )


def _names(kind: str, name: str) -> tuple[Chapter, str]:
    """The chapter, and the name of what is made: for a chapter, its own."""
    of_chapter, _, own = name.rpartition("/")
    if kind in ("experiment", "figure"):
        if not of_chapter:
            raise ValueError(
                f"NAME: got {name!r}, expected CHAPTER/NAME, such as rnn/long_memory"
            )
        told = chapter(of_chapter)
    elif kind == "exercise":
        return chapter(name), name
    else:
        own = name
        told = Chapter(len(CHAPTERS) + 1, name, _title(name))
        if name in {one.name for one in CHAPTERS}:
            raise FileExistsError(f"NAME: there is a chapter {name} already")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", own) or keyword.iskeyword(own):
        raise ValueError(f"NAME: got {own!r}, expected {FORM}")
    return told, own


def _title(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _words(told: Chapter, own: str) -> dict[str, str]:
    """What stands in a template, and what comes in its place."""
    return {
        "00_a_chapter": told.folder,
        "a_chapter": told.name,
        "a-chapter": told.name.replace("_", "-"),
        "AChapter": _camel(told.name),
        "A chapter": told.title,
        "apter 00": f"apter {told.number}",
        "xercise 00": f"xercise {told.number}",
        "new_name": own,
        "new-name": own.replace("_", "-"),
        "NewName": _camel(own),
        "New name": _title(own),
    }


def _put(words: dict[str, str], text: str) -> str:
    # All at once, or a name that holds another's word would be changed again.
    every = re.compile("|".join(map(re.escape, words)))
    return every.sub(lambda found: words[found[0]], text)


def _there(kind: str, own: str, new: dict[Path, str], root: Path) -> list[Path]:
    """What is in the way: a file that would be overwritten, or a name that is taken."""
    tests = {path.name for path in new if path.name.startswith("test_")}
    taken = {
        "chapter": [root / "src/course_lib" / own],
        # An experiment is called by its name alone, whatever its chapter.
        "experiment": root.glob(f"src/course_lib/experiments/*/{own}.py"),
    }
    return [
        *(path for path in (*new, *taken.get(kind, ())) if path.exists()),
        # pytest wants each name of a test once in the tree.
        *(path for path in root.glob("tests/**/test_*.py") if path.name in tests),
    ]
