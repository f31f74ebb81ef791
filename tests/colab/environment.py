"""Virtual environments that hold chosen versions of packages, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LISTS = {
    path.stem.removeprefix("runtime-"): path
    for path in sorted(Path(__file__).parent.glob("runtime-*.txt"))
}
LOWEST = "lowest"
# The extras that a notebook can use; `cluster` is for who grades on many machines.
EXTRAS = ("huggingface", "peers")


class CommandError(Exception):
    """A command failed; the message is the command and what it said."""


def run(*command: str | Path, cwd: Path | None = None, env: dict | None = None) -> str:
    """The output of a command. Raises ``CommandError`` where it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        raise CommandError(f"{' '.join(map(str, command[:8]))} …\n{said}")
    return done.stdout


def requirements() -> list[Requirement]:
    """What pyproject.toml asks for, its own extras within each other left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(one for e in EXTRAS for one in extras[e])]
    found = map(Requirement, lines)
    return [one for one in found if canonicalize_name(one.name) != project["name"]]


def lowest_python() -> str:
    """Such as 3.11."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project["requires-python"].removeprefix(">=")


def pins(runtime: str) -> dict[str, str]:
    """The version of each package: Colab's of ``LISTS``, or our ranges' lower ends."""
    if runtime == LOWEST:
        return {
            canonicalize_name(one.name): bound.version
            for one in requirements()
            for bound in one.specifier
            if bound.operator == ">="
        }
    return read_list(LISTS[runtime])


def read_list(path: Path) -> dict[str, str]:
    """The versions in a file of lines such as ``numpy==2.0.2``."""
    lines = path.read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and line[0] != "#")
    return {canonicalize_name(name): version for name, version in pairs}


def interpreter(version: str) -> Path:
    """A Python of this version: this one, one on the path, or one of pyenv's.

    Raises ``CommandError`` where there is none.
    """
    pyenv = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for one in (sys.executable, shutil.which(f"python{version}"), *pyenv):
        try:
            code = "import sys; print('%d.%d' % sys.version_info[:2])"
            if one and run(one, "-c", code).strip() == version:
                return Path(one)
        except CommandError:  # a shim of pyenv's for a version that is not switched on
            continue
    raise CommandError(f"There is no python{version} on this machine.")


def make(folder: Path, runtime: str, borrow_torch: bool) -> Path:
    """An environment with the packages of ``runtime``; returns its Python.

    With ``borrow_torch`` it is one of this Python, with this environment's torch.
    Raises ``CommandError``.
    """
    versions = pins(runtime)
    if borrow_torch:
        python = Path(sys.executable)
        del versions["torch"]
    else:
        python = interpreter(lowest_python() if runtime == LOWEST else runtime)
    run(python, "-m", "venv", folder)
    if borrow_torch:
        _link_torch(folder, set(versions))
    wanted = [f"{name}=={version}" for name, version in versions.items()]
    install = (folder / "bin/python", "-m", "pip", "install", "-q", "--no-input")
    if runtime == LOWEST:
        run(*install, *wanted, "ipykernel")
    else:
        # Colab lacks some of what its packages ask for. Its torch has no CUDA, that of
        # PyPI asks for some.
        run(*install, "--no-deps", *wanted)
        run(*install, "torch")
    return folder / "bin/python"


def _link_torch(folder: Path, there: set[str]) -> None:
    """Link our torch into another environment, with what it needs beyond ``there``."""
    (packages,) = folder.glob("lib/python*/site-packages")
    queue, seen = ["torch"], there | {"torch"}
    while queue:
        found = metadata.distribution(queue.pop())
        for top in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(found.locate_file(top))
        for needed in map(Requirement, found.requires or []):
            name = canonicalize_name(needed.name)
            if name not in seen and (not needed.marker or needed.marker.evaluate()):
                queue.append(name)
                seen.add(name)


def copy(folder: Path, to: Path) -> Path:
    """The same environment again, by hard links, so in seconds; returns its Python.

    pip replaces files and does not write into them: what it does to one stays there.
    """
    shutil.copytree(folder, to, copy_function=os.link, symlinks=True)
    return to / "bin/python"


def installed(python: Path) -> dict[str, str]:
    """The version of each package, as pip lists them."""
    lines = run(python, "-m", "pip", "list", "--format=freeze").split()
    return dict(line.split("==") for line in lines)
