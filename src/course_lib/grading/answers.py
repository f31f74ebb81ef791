"""Calling a student's functions by name: here, or over there in a worker.

``Answers`` is the ``S`` of a test. Each call is encoded, handed to ``ask`` and the
reply decoded, in the notebook too, so that a test means the same in both places.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from course_lib.grading import wire
from course_lib.grading.question import Failed, NotWritten

_TEXT_LIMIT = 500
# The file names that a worker, Jupyter and Colab give to a notebook's cells.
_NOTEBOOK_FILE = re.compile(r"^<cell|ipykernel_|^<ipython-input")


class Answers:
    """``S.name(...)`` calls the student's ``name``.

    Raises ``NotWritten`` for a stub and ``Failed``, with a sentence for the learner,
    where no value comes back.
    """

    def __init__(self, ask: Callable[[str, bytes], bytes]) -> None:
        self._ask = ask

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self._call(name, args, kwargs)

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = {"name": name, "args": list(args), "kwargs": kwargs}
        try:
            reply = wire.decode(self._ask(name, wire.encode(call)))
        except wire.WireError as error:
            raise Failed(f"`{name}` answered with something unreadable.") from error
        status = reply.get("status") if isinstance(reply, dict) else None
        if status == "value" and "value" in reply:
            return reply["value"]
        if status == "not written":
            raise NotWritten(name)
        said = reply.get("says") if status == "failed" else None
        raise Failed(shorten(said) if isinstance(said, str) else "No readable answer.")


def local(namespace: Mapping[str, Any]) -> Answers:
    """The answers of this very process, such as a notebook's own namespace."""
    return Answers(lambda _, message: perform(namespace, message))


def perform(namespace: Mapping[str, Any], message: bytes) -> bytes:
    """Carry out one call on ``namespace`` and encode what came of it."""
    call = wire.decode(message)
    name = call["name"]
    function = namespace.get(name)
    if not callable(function):
        says = f"There is no function `{name}` yet: run the cell that defines it."
        return wire.encode({"status": "failed", "says": says})
    try:
        value = function(*call["args"], **call["kwargs"])
    except NotImplementedError:
        return wire.encode({"status": "not written"})
    except (Exception, SystemExit) as error:
        says = f"`{name}` stopped with {describe(error)}."
        return wire.encode({"status": "failed", "says": says})
    try:
        return wire.encode({"status": "value", "value": value})
    except wire.WireError as error:
        says = (
            f"`{name}` returned {error}; an answer is made of tensors, numbers, "
            "strings, lists and dicts."
        )
        return wire.encode({"status": "failed", "says": says})


def describe(error: BaseException) -> str:
    """``TypeError: what it says (line 3 of `f`)``, the same on every machine."""
    try:
        text = str(error)
    except Exception:  # an exception of the student's own making
        text = "?"
    # An address or a kernel's temporary file would change with every run.
    text = re.sub(r" at 0x[0-9a-f]+", "", text.strip().split("\n")[0])
    where = ""
    # The innermost line that stands in a notebook, not in a library it called.
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _NOTEBOOK_FILE.search(frame.filename):
            where = f" (line {frame.lineno} of its cell)"
            break
    kind = type(error).__name__
    return shorten(f"{kind}: {text}" if text else kind) + where


def shorten(text: str) -> str:
    """``text`` as one line that a report can hold and any terminal can print."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
