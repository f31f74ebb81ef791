"""Running a command as an ordinary user where the tests run as root, as CI's do."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

UID = 65534  # "nobody" on every Linux
_REPOSITORY = Path(__file__).parents[2]

# In a mount namespace of its own, so nobody else sees it: each folder that an ordinary
# user may not enter ("over") becomes an empty one that he may, with what he needs of
# it ("keep") put back at its place.
_OPENED = """
set -e
aside=$(mktemp -d)
chmod 755 "$aside"
kept=0
while [ "$1" = keep ]; do
    mkdir "$aside/$kept"
    mount --rbind "$2" "$aside/$kept"
    eval "place_$kept=\\$2"
    kept=$((kept + 1))
    shift 2
done
while [ "$1" = over ]; do
    mount -t tmpfs -o mode=755 none "$2"
    shift 2
done
while [ "$kept" -gt 0 ]; do
    kept=$((kept - 1))
    eval "place=\\$place_$kept"
    mkdir -p "$place"
    mount --move "$aside/$kept" "$place"
    rmdir "$aside/$kept"
done
rmdir "$aside"
cd "$PWD" 2>/dev/null || cd /  # the same path, now that of the new view
shift
exec "$@"
"""


def ordinary_user(*folders: Path) -> list[str]:
    """What to put in front of a command so that an ordinary user runs it.

    ``folders`` and what is in them become his, and the first one his home; elsewhere
    he may write in ``/tmp`` only. Where the tests do not run as root the list is
    empty: he is ordinary already. Skips the test where root cannot
    step down; fails it where ``COURSE_REQUIRE_SANDBOX`` is set.
    """
    if os.geteuid() != 0:
        return []
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, UID, UID, follow_symlinks=False)
    home = folders[0] if folders else Path("/nonexistent")
    prefix = _prefix(*(folder.resolve() for folder in folders))
    return [*prefix, "env", f"HOME={home}"]


def lacking(what: str) -> NoReturn:
    """Skip the test for want of ``what``, or fail it where CI must have it."""
    if os.environ.get("COURSE_REQUIRE_SANDBOX"):
        pytest.fail(what)
    pytest.skip(what)


@functools.cache
def _prefix(*folders: Path) -> list[str]:
    if not shutil.which("setpriv"):
        lacking("to step down from root needs setpriv (Debian: util-linux)")
    needed = {
        *(Path(prefix) for prefix in (sys.prefix, sys.base_prefix)),
        *(Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)),
        _REPOSITORY,
        *folders,
    }
    closed = {path: parent for path in needed if (parent := _closed_above(path))}
    keep = [path for path in sorted(closed) if not closed.keys() & set(path.parents)]
    opened = []
    if keep:
        opened = ["unshare", "--mount", "sh", "-c", _OPENED, "sh"]
        for path in keep:
            opened += ["keep", str(path)]
        for path in sorted({closed[path] for path in keep}):
            opened += ["over", str(path)]
        opened += ["run"]
    step_down = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
    prefix = [*opened, *step_down, "--inh-caps=-all"]
    tried = subprocess.run(
        [*prefix, sys.executable, "-c", "import course_lib"],
        capture_output=True,
        text=True,
        cwd="/",
    )
    if tried.returncode != 0:
        lacking(f"root could not step down to an ordinary user: {tried.stderr}")
    return prefix


def _closed_above(path: Path) -> Path | None:
    """The first folder on the way to ``path`` that an ordinary user cannot enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None
