"""Files that are written whole or not at all."""

from __future__ import annotations

import hashlib
import os
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
