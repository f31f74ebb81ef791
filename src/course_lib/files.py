"""Files that are written whole or not at all, and folders that one process has."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """Write ``content`` to ``path``, whole or not at all, even if killed midway.

    Text is written as UTF-8. Folders on the way are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the name and something more: it may be as long as the disk allows already.
    short = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    part = path.with_name(f"{short}.part")
    with part.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())  # a kill between write and rename must not leave half
    os.replace(part, path)


@contextlib.contextmanager
def held(folder: Path, shared: bool = False) -> Iterator[None]:
    """Keep ``folder``, which is made, for one process, or for all that share it.

    Whatever ends a process gives it free. It is removed at the end if nothing is in it.
    Raises ``BlockingIOError`` where another has it, and ``OSError`` where it cannot be
    made. Windows and some network disks have no locks: there it is kept for nobody.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if os.name == "posix":
            import fcntl

            lock = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, lock)
            try:
                kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:  # a disk without locks
                pass
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()
