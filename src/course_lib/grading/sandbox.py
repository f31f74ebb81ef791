"""What stands between a submission and the machine that grades it.

Three levels. ``bubblewrap`` gives the process that runs a student's code a view of the
machine in which nothing is but Python and its packages; ``landlock`` lets it see what
there is but open only that; ``process`` is a process of its own and no more. At each,
``confine`` sets limits and refuses the calls of the kernel that no answer needs.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import course_lib
from course_lib.grading.exercises import Limits


@dataclass(frozen=True)
class Level:
    """How strong the walls are, and what a submission can still do behind them."""

    name: str
    open: tuple[str, ...]


_KERNEL = "attack the kernel of the machine, which it shares"
BUBBLEWRAP = Level("bubblewrap", (_KERNEL,))
LANDLOCK = Level(
    "landlock",
    (
        _KERNEL,
        "learn whether a file exists whose path it knows, its size and its dates",
        "fill the disk with many files, each below the limit, until its grading ends",
    ),
)
PROCESS = Level(
    "process",
    (
        _KERNEL,
        "read and change the files of the user who grades: the solutions, other "
        "submissions, the stored grades, this grader",
        "fill the disk with many files, each below the limit",
        "where the level says 'without seccomp': use the network, start processes that "
        "outlive the grading, and signal those of the user who grades",
    ),
)
LEVELS = (BUBBLEWRAP, LANDLOCK, PROCESS)
"""Strongest first."""

# Not imported: it needs what Windows lacks, and there the command says what to do.
_CONFINE = Path(__file__).with_name("confine.py")
_THREADS = 64  # that a worker may start
_NOWHERE = 65534  # the user and the group that own nothing


def strongest() -> Level:
    """The first of ``LEVELS`` at which a worker really starts on this machine."""
    return next(level for level in LEVELS if not refusal(level))


@functools.cache
def refusal(level: Level) -> str:
    """Why no worker starts at ``level`` on this machine; empty where one does.

    A worker is really started, once in each process that asks.
    """
    if level == PROCESS:
        return ""  # the least there is: if it fails as well, grading says why
    limits = Limits()
    with tempfile.TemporaryDirectory(prefix="course-grading-") as home:
        try:
            tried = subprocess.run(
                worker_argv(level, (), limits, home),
                stdin=subprocess.DEVNULL,  # at its end a worker ends
                capture_output=True,
                text=True,
                errors="replace",
                cwd=home,
                env=environment(home),
                timeout=limits.start_seconds,
            )
        except OSError as error:
            return f"{error.filename}: {error.strerror}"
        except subprocess.TimeoutExpired:
            return f"it did not start within {limits.start_seconds:g} seconds"
    said = tried.stderr.strip().split("\n")[-1]
    return "" if tried.returncode == 0 else said or f"exit status {tried.returncode}"


def environment(home: str) -> dict[str, str]:
    """The variables a worker sees: none of the grader's, which may hold tokens."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "USER": "student",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": home,
        "OMP_NUM_THREADS": "1",
        # Whatever the notebook sets: threads that wait for a core keep it busy.
        "OMP_THREAD_LIMIT": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }


def worker_argv(
    level: Level, hide: tuple[str, ...], limits: Limits, home: str
) -> list[str]:
    """The command that starts a worker at ``level``, without the modules in ``hide``.

    It may write below ``home`` only. Modules outside ``course_lib`` are hidden by name
    alone: their files may be needed by others.
    """
    setup: dict[str, Any] = {
        "level": level.name,
        "limits": _rlimits(limits),
        "hide": hide,
        "path": [str(_PACKAGE.parent), *map(str, _sites())],
    }
    wall = []
    if level == BUBBLEWRAP:
        wall = _bubblewrap(hide, limits, home)
    elif level == LANDLOCK:
        read, listed = _landlock(hide)
        setup |= {"read": read, "list": listed, "home": home}
    # -I and -S: nothing of the user's settings or of other packages runs at the start.
    python = [os.path.realpath(sys.executable), "-I", "-S", "-B", str(_CONFINE)]
    return [*wall, *python, json.dumps(setup)]


def _rlimits(limits: Limits) -> dict[str, int]:
    return {
        "RLIMIT_AS": limits.memory_mb * 2**20,
        "RLIMIT_CPU": round(limits.total_seconds),
        "RLIMIT_FSIZE": limits.file_mb * 2**20,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": _threads_of_this_user() + _THREADS,
    }


def _threads_of_this_user() -> int:
    """All that the limit on processes counts, for a sandbox may count them as well."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == os.geteuid():
                count += len(os.listdir(process / "task"))
        except OSError:  # it has just ended
            continue
    return count


def _bubblewrap(hide: tuple[str, ...], limits: Limits, home: str) -> list[str]:
    empty = [str(path) for path in sorted(_packages())]
    argv = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--unshare-user"]
    argv += ["--disable-userns", "--die-with-parent", "--new-session"]
    argv += ["--cap-drop", "ALL", "--hostname", "worker"]
    argv += ["--uid", str(_NOWHERE), "--gid", str(_NOWHERE)]
    for link in ("/lib", "/lib64", "/usr/lib64"):
        if os.path.islink(link):
            argv += ["--symlink", os.readlink(link), link]
    for path in map(str, _around()):
        argv += ["--ro-bind", path, path]
    for path in empty:
        argv += ["--tmpfs", path]
    for path in map(str, _shown(hide)[0]):
        argv += ["--ro-bind-try", path, path]
    for path in empty:
        argv += ["--remount-ro", path]
    argv += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    argv += ["--size", str(limits.disk_mb * 2**20), "--tmpfs", home]
    return [*argv, "--remount-ro", "/", "--chdir", home]


# --- what a worker may read --------------------------------------------------------

_PACKAGE = Path(course_lib.__file__).resolve().parent
_SYSTEM = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/alternatives",
    "/etc/localtime", "/usr/share/zoneinfo", "/sys/devices/system/cpu",
)  # fmt: skip


def _landlock(hide: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """What may be read, all below included; and the folders whose names may be."""
    read, listed = _shown(hide)
    for path in _around():
        beside, above = _without(path, _packages())
        read, listed = read + beside, listed + above
    # Python looks for a package by the names in the folder around it.
    listed = [*listed, _PACKAGE.parent]
    return [*map(str, read), "/proc/cpuinfo"], [*map(str, listed)]


@functools.cache
def _around() -> list[Path]:
    """Python and its packages. ``course_lib`` may be in them, and is not to be seen."""
    system = [path for path in map(Path, _SYSTEM) if not path.is_symlink()]
    found = dict.fromkeys([*system, *_python(), *_sites()])
    return [path for path in found if path.exists()]


@functools.cache
def _packages() -> set[Path]:
    """Every ``course_lib`` in there: this one, or a second copy of it."""
    return {
        path
        for root in _around()
        for folder in ("", "*-packages/", "python3*/*-packages/")
        for path in root.glob(f"{folder}course_lib")
    }


@functools.cache
def _shown(hide: tuple[str, ...]) -> tuple[list[Path], list[Path]]:
    """Of this ``course_lib`` all but ``hide`` and the exercises, as ``_without``.

    The template of a new exercise is no secret; but nobody's answer needs it.
    """
    secret = {_PACKAGE / "_stored" / "exercises", _PACKAGE / "new"}
    for module in hide:
        package, *rest = module.split(".")
        if package == _PACKAGE.name and rest:
            path = _PACKAGE.joinpath(*rest)
            # A module, or a package; it may be compiled at any time.
            secret |= {path.with_suffix(".py"), path, path.parent / "__pycache__"}
    return _without(_PACKAGE, secret)


def _without(path: Path, secret: set[Path]) -> tuple[list[Path], list[Path]]:
    """``path``, to be read whole; or what of it is not ``secret``.

    The second list is the folders that hold something secret.
    """
    if path in secret:
        return [], []
    if not any(path in other.parents for other in secret):
        return [path], []
    read, above = [], [path]
    for child in sorted(path.iterdir()):
        beside, deeper = _without(child, secret)
        read, above = read + beside, above + deeper
    return read, above


def _python() -> list[Path]:
    """The interpreter, its standard library, and the libraries beside it."""
    prefixes = [Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    return [
        Path(sys.executable).resolve(),
        Path(os.__file__).resolve().parent,
        *(prefix / "pyvenv.cfg" for prefix in prefixes),  # of a copied interpreter
        *(library for prefix in prefixes for library in prefix.glob("lib/*.so*")),
    ]


def _sites() -> list[Path]:
    """Where packages are installed, in the order in which Python looks for them."""
    found = [Path(entry).resolve() for entry in sys.path if "-packages" in entry]
    return [path for path in dict.fromkeys(found) if path.name.endswith("-packages")]
