"""Take from Colab's list of packages those that the course pulls in.

    python tests/colab/extract.py 3.12 pip-freeze.txt --torch 2.11.0

writes tests/colab/runtime-3.12.txt. Colab publishes its lists, one for each runtime, in
github.com/googlecolab/backend-info. The list's first line may be a comment that says
where it is from; it is kept. It needs PyPI and a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from environment import ROOT, read_list, run
from packaging.utils import canonicalize_name

# The kernel, and what installs.
BESIDE = ("ipykernel", "ipython", "pip")


def resolve(python: str, versions: dict[str, str]) -> set[str]:
    """The packages that the course, its peers and Colab's kernel pull in.

    Raises ``CommandError`` where ``versions`` and our ranges do not go together.
    """
    pip = (sys.executable, "-m", "pip")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(*pip, "wheel", "-q", "--no-deps", "-w", folder, ROOT)
        (wheel,) = folder.glob("*.whl")
        constraints = folder / "constraints.txt"
        lines = (f"{name}=={version}\n" for name, version in versions.items())
        constraints.write_text("".join(lines), "utf-8")
        run(
            *(*pip, "install", "-q", "--dry-run", "--ignore-installed"),
            *("--only-binary=:all:", "--python-version", python),
            *("--target", folder / "nowhere", "--report", folder / "report.json"),
            *("-c", constraints, f"course-lib[peers] @ {wheel.as_uri()}", *BESIDE),
        )
        report = json.loads((folder / "report.json").read_text("utf-8"))
    return {canonicalize_name(one["metadata"]["name"]) for one in report["install"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("python", help="the runtime's version of Python, such as 3.12")
    parser.add_argument("list", type=Path, help="the output of pip freeze on Colab")
    parser.add_argument("--torch", required=True, help="its torch, such as 2.11.0")
    given = parser.parse_args()
    everything = read_list(given.list)
    # Colab's torch is a build without CUDA, which PyPI does not have.
    versions = {n: v for n, v in everything.items() if not n.startswith("nvidia-")}
    versions["torch"] = given.torch
    needed = resolve(given.python, versions) & versions.keys()
    comment = given.list.read_text("utf-8").partition("\n")[0]
    lines = [comment] if comment.startswith("#") else []
    lines += [f"{name}=={versions[name]}" for name in sorted(needed)]
    to = Path(__file__).with_name(f"runtime-{given.python}.txt")
    to.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{to.relative_to(ROOT)}: {len(needed)} of {len(everything)} packages")


if __name__ == "__main__":
    main()
