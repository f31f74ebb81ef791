"""Options that `course grade` and `course handout` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Overlay = Annotated[
    Path | None,
    typer.Option(
        help="A folder of your own with more hidden tests, as "
        "DIR/04_attention/hidden.py, or more questions, as "
        "DIR/04_attention/exercise.toml.",
        exists=True,
        file_okay=False,
        metavar="DIR",
    ),
]
