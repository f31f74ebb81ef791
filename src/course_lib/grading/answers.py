"""Calling a student's functions by name: here, or over there in a worker.

``Answers`` is the ``S`` of a test. Each call is encoded, handed to ``ask`` and the
reply decoded, in the notebook too, so that a test means the same in both places.
"""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from course_lib.grading import wire
from course_lib.grading.question import Failed, Missing, NotWritten

_TEXT_LIMIT = 500
# The file names that a worker, Jupyter and Colab give to a notebook's cells.
_NOTEBOOK_FILE = re.compile(r"^<cell|ipykernel_|^<ipython-input")


class Answers:
    """``S.name(...)`` calls the student's ``name``.

    Raises ``NotWritten`` for a stub and ``Failed``, with a sentence for the learner,
    where no value comes back.
    """

    def __init__(
        self,
        ask: Callable[[str, bytes], bytes],
        missing: Callable[[str], str],
        given: str = "",
    ) -> None:
        self._ask = ask
        self._missing = missing
        self._given = given

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self._call(name, args, kwargs)

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = {"name": name, "args": list(args), "kwargs": kwargs}
        call["given"] = self._given
        try:
            reply = wire.decode(self._ask(name, wire.encode(call)))
        except wire.WireError as error:
            raise Failed(f"`{name}` answered with something unreadable.") from error
        status = reply.get("status") if isinstance(reply, dict) else None
        if status == "value" and "value" in reply:
            return reply["value"]
        if status == "not written":
            raise NotWritten(name)
        if status == "missing":
            raise Missing(self._missing(name))
        said = reply.get("says") if status == "failed" else None
        raise Failed(shorten(said) if isinstance(said, str) else "No readable answer.")


def giving(answers: Answers, source: str) -> Answers:
    """``answers``, with the functions of ``source`` in place of the student's."""
    return Answers(answers._ask, answers._missing, source)


def local(namespace: dict[str, Any]) -> Answers:
    """The answers of this very process, such as a notebook's own namespace."""
    return Answers(
        lambda _, message: perform(namespace, message),
        lambda name: (
            f"There is no function `{name}` yet: run the cell that defines it. If it "
            "shows an error, mend that first."
        ),
    )


def perform(namespace: dict[str, Any], message: bytes) -> bytes:
    """Carry out one call on ``namespace`` and encode what came of it."""
    call = wire.decode(message)
    with _bound(namespace, call["given"]):
        return _perform(namespace, call)


@contextlib.contextmanager
def _bound(namespace: dict[str, Any], source: str) -> Iterator[None]:
    """Bind the functions of ``source`` in ``namespace`` for a while.

    In the namespace itself, not in a copy: a student's function looks its names up
    where it was defined.
    """
    here: dict[str, Any] = {}
    exec(source, here)
    right = {
        name: value
        for name, value in here.items()
        if isinstance(value, FunctionType) and value.__globals__ is here
    }
    before = {name: namespace[name] for name in right if name in namespace}
    namespace.update(right)
    try:
        yield
    finally:
        for name in right:
            namespace.pop(name, None)
        namespace.update(before)


def _perform(namespace: dict[str, Any], call: dict[str, Any]) -> bytes:
    name = call["name"]
    function = namespace.get(name)
    if not callable(function):
        return wire.encode({"status": "missing"})
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
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and _NOTEBOOK_FILE.search(error.filename or ""):
        # Python's own text names the cell by a number that nobody sees.
        return shorten(f"{kind}: {error.msg}") + f" (line {error.lineno} of its cell)"
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
    return shorten(f"{kind}: {text}" if text else kind) + where


def shorten(text: str) -> str:
    """``text`` as one line that a report can hold and any terminal can print."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
