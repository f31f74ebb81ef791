"""Tables of what ``benchmarks/`` has stored: this course beside other people's work."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from course import ROOT, Directive, table_of
from docutils import nodes
from sphinx.application import Sphinx

STORED = ROOT / "benchmarks"
GRADING = STORED / "grading" / "measured.json"
PAGES = STORED / "pages" / "measured.json"


class Benchmark(Directive):
    """A table of one stored file, which the page depends on."""

    def read(self, path: Path) -> dict[str, Any]:
        """What is stored at ``path``. Raises ``OSError`` or ``ValueError``."""
        self.env.note_dependency(str(path))
        return json.loads(path.read_text(encoding="utf-8"))


class GraderTimes(Benchmark):
    """``{grader-times}``: what a class took to grade, here and with other graders."""

    def run(self) -> list[nodes.Node]:
        try:
            times = self.read(GRADING)
        except (OSError, ValueError) as error:
            return self.broken(f"grader-times: {error}")
        ours, machine = times["course"], times["machine"]
        said = (
            f"Measured for {times['exercise']} on {machine['cores']} cores "
            f"({machine['device_name']}, torch {machine['torch']}), {ours['jobs']} "
            f"submissions at a time: a class of {ours['submissions']}, "
            f"{ours['hostile']} of them hostile, took {ours['seconds'] / 60:.1f} "
            "minutes. The others ran the same tests on a right submission, one after "
            "another as they do for a class."
        )
        rows = [("Grader", "One submission", f"A class of {ours['submissions']}")]
        each = f"{ours['seconds_each']:.1f} s"
        rows.append(("this one", each, f"{ours['seconds'] / 60:.1f} min"))
        for peer in times["peers"]:
            if "missing" in peer:
                return self.broken(f"grader-times: {peer['missing']}")
            seconds = statistics.median(peer["seconds_each"])
            class_ = f"{seconds * ours['submissions'] / 60:.0f} min, extrapolated"
            name = f"{peer['name']} {peer['version']}"
            rows.append((name, f"{seconds:.1f} s", class_))
        return [nodes.paragraph("", said), table_of(rows, (40, 25, 35))]


class PageWeights(Benchmark):
    """``{page-weights}``: what each page of the book weighs, beside empty ones."""

    def run(self) -> list[nodes.Node]:
        try:
            stored = self.read(PAGES)["weights"]
        except (OSError, ValueError, KeyError) as error:
            return self.broken(f"page-weights: {error!r}")
        said = (
            f"Measured in {stored['browser']}, {stored['date']}, with an empty cache: "
            "text as a server sends it, compressed, the rest as it is."
        )
        rows = [("Page", "Requests", "MB")]
        for page in stored["pages"] + stored["floors"]:
            weight = f"{sum(page['bytes'].values()) / 1e6:.2f}"
            rows.append((page["title"], str(sum(page["requests"].values())), weight))
        return [nodes.paragraph("", said), table_of(rows, (70, 15, 15))]


class BuildTimes(Benchmark):
    """``{build-times}``: what building the book and executing the notebooks took."""

    def run(self) -> list[nodes.Node]:
        try:
            stored = self.read(PAGES)["times"]
        except (OSError, ValueError, KeyError) as error:
            return self.broken(f"build-times: {error!r}")
        notebooks, machine = stored["notebooks"], stored["machine"]
        total = sum(notebooks.values())
        slowest = max(notebooks, key=notebooks.get)
        said = (
            f"On {machine['cores']} cores ({machine['device_name']}), "
            f"{stored['date']}: the book took {stored['book']:.0f} s to build in an "
            f"environment that was there, and all {len(notebooks)} notebooks, executed "
            f"one after another, {total / 60:.1f} min, the longest of them {slowest} "
            f"with {notebooks[slowest]:.0f} s."
        )
        return [nodes.paragraph("", said)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("grader-times", GraderTimes)
    app.add_directive("page-weights", PageWeights)
    app.add_directive("build-times", BuildTimes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
