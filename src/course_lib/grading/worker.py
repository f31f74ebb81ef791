"""What the process for a student's code does once ``confine`` has built its walls.

It is *not* trusted. It knows no test, no seed and no expected value; it runs the cells
it is sent, calls the functions it is asked for, and answers over the two pipes that
were its standard input and output.
"""

from __future__ import annotations

import os
import site
import sys
import types
from typing import Any, BinaryIO

import course_lib.grading
from course_lib.grading import wire
from course_lib.grading.answers import describe, perform, shorten


def main(hide: list[str], not_set: list[str]) -> None:
    """Serve until the pipe closes, without the modules in ``hide``.

    The first request is answered with ``not_set``, the limits that could not be set.
    """
    requests, replies = _private_pipes()
    namespace = _notebook(hide)
    turn, _ = _receive(requests)
    _send(replies, turn, wire.encode({"status": "ready", "not_set": not_set}))
    while True:
        turn, message = _receive(requests)
        # First byte: what to do. The rest: a cell's source, or a call.
        if message[:1] == b"c":
            reply = wire.encode(_run_cell(message[1:].decode(), namespace))
        else:
            reply = _perform(namespace, message[1:])
        _send(replies, turn, reply)


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    # What a student prints goes nowhere: 100 MB of it cost nothing, and a fake
    # score on the standard output reaches nobody.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    return requests, replies


def _notebook(hide: list[str]) -> dict[str, Any]:
    """A fresh ``__main__``, in which ``check`` is silent and ``hide`` is not there."""
    for name in hide:
        sys.modules[name] = None  # type: ignore[assignment]  # import then fails

    def silent(*_: Any, **__: Any) -> None:
        return None

    course_lib.grading.exercise = lambda _: types.SimpleNamespace(check=silent)
    course_lib.grading.progress = silent
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    # What a notebook has without an import.
    vars(module)["display"] = silent
    site.sethelper()
    site.setquit()
    return vars(module)


def _run_cell(source: str, namespace: dict[str, Any]) -> dict[str, Any]:
    index, _, source = source.partition("\n")
    try:
        exec(compile(source, f"<cell {index}>", "exec"), namespace)
    except BaseException as error:  # SystemExit too: later cells are still to run
        return {"status": "failed", "says": shorten(describe(error))}
    return {"status": "done"}


def _perform(namespace: dict[str, Any], message: bytes) -> bytes:
    try:
        return perform(namespace, message)
    except BaseException as error:
        return wire.encode({"status": "failed", "says": describe(error)})


def _receive(pipe: BinaryIO) -> tuple[int, bytes]:
    header = pipe.read(wire.FRAME.size)
    if len(header) < wire.FRAME.size:
        os._exit(0)  # the grader has closed the pipe: nothing is left to do
    turn, length = wire.FRAME.unpack(header)
    return turn, pipe.read(length)


def _send(pipe: BinaryIO, turn: int, message: bytes) -> None:
    pipe.write(wire.FRAME.pack(turn, len(message)) + message)
    pipe.flush()
