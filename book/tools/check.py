"""Everything that `make test` checks, in order, with one summary at the end.

A failing step does not stop the others. The last line is pytest's own form, summed over
all steps, and the exit code is 0 only if nothing failed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "tools"))

from browser import HOW_TO_GET_ONE, find_browser  # noqa: E402  (needs the path above)

PYTHON = sys.executable
PYTEST = [PYTHON, "-m", "pytest", "-p", "no:cacheprovider"]
NBVAL = [
    *("--nbval", "--nbval-current-env", "--nbval-cell-timeout", "120"),
    *("--nbval-sanitize-with", "nbval_sanitize.cfg"),
    # Without loadscope the cells of one notebook would go to two kernels.
    *("-n", "2", "--dist", "loadscope", "chapters"),
]
COUNTED = re.compile(r"(\d+) (passed|failed|skipped|xfailed|xpassed|errors?)\b")


@dataclass(frozen=True)
class Step:
    """One command; ``counts`` if it is a pytest run whose tests are counted."""

    title: str
    command: list[str]
    counts: bool = False


STEPS = [
    Step("lint", [PYTHON, "-m", "ruff", "check"]),
    Step("format", [PYTHON, "-m", "ruff", "format", "--check"]),
    # Before the tests: some of them read the built pages.
    Step("book", ["make", "--no-print-directory", "html"]),
    Step("tests", [*PYTEST, "-n", "2", "-m", "not browser"], counts=True),
    Step("notebooks", [*PYTEST, *NBVAL], counts=True),
]
BROWSER = Step("in a browser", [*PYTEST, "-n", "2", "-m", "browser"], counts=True)


def run(step: Step) -> Counter[str]:
    """Run one step, passing its output through; how many tests passed, failed, ..."""
    print(f"\n== {step.title}: {shlex.join(step.command[-8:])}", flush=True)
    process = subprocess.Popen(
        step.command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    last = ""
    for line in process.stdout:
        print(line, end="", flush=True)
        if COUNTED.search(line) and " in " in line:
            last = line
    failed = process.wait() != 0
    if not step.counts:
        return Counter({"failed" if failed else "passed": 1})
    counts = Counter()
    for number, outcome in COUNTED.findall(last):
        counts[outcome.removesuffix("s") if "error" in outcome else outcome] += int(
            number
        )
    if failed and not counts["failed"] + counts["error"]:
        counts["error"] += 1  # pytest itself failed: no tests, or a crash
    return counts


def main() -> int:
    begin = time.monotonic()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        os.environ.pop(name, None)  # a make inside a test is nobody's child
    steps, note = list(STEPS), ""
    if find_browser() or os.environ.get("COURSE_REQUIRE_BROWSER") == "1":
        steps.append(BROWSER)
    else:
        note = f"Left out: pages and figures in a browser. {HOW_TO_GET_ONE}"
    total: Counter[str] = Counter()
    report = []
    for step in steps:
        start = time.monotonic()
        counts = run(step)
        total += counts
        verdict = "FAILED" if counts["failed"] + counts["error"] else "passed"
        seconds = time.monotonic() - start
        report.append(f"{verdict:7} {step.title:20} {seconds:6.1f} s  {_say(counts)}")
    print("\n" + "\n".join(report))
    if note:
        print(note)
    bad = total["failed"] + total["error"]
    print(
        "Something failed: the lines marked FAILED say where."
        if bad
        else "Everything that was checked is in order."
    )
    print(f"==== {_say(total)} in {time.monotonic() - begin:.2f}s ====", flush=True)
    return 1 if bad else 0


def _say(counts: Counter[str]) -> str:
    order = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")
    said = [f"{counts[name]} {name}" for name in order if counts[name]]
    return ", ".join(said) or "no tests ran"


if __name__ == "__main__":
    sys.exit(main())
