"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """Write ``content`` to ``path``, whole or not at all, even if killed midway.

    Text is written as UTF-8. Folders on the way are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())  # a kill between write and rename must not leave half
    os.replace(part, path)
