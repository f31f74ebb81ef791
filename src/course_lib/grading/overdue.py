"""A limit on a test's own time, where the tests run.

What an answer costs is limited in its own process. But a test may go on for ever with
what an answer gave it, and that must cost one test and not the whole class.
"""

from __future__ import annotations

import dataclasses
import functools
import signal
import threading
from collections.abc import Callable
from typing import Any

import torch

from course_lib.grading.question import Case, Failed


class _Overdue(BaseException):
    """Not an ``Exception``: a test must not take it for one that an answer raised."""


def stopped_in_time(case: Case, seconds: float, stop: Callable[[], None]) -> Case:
    """``case``, failed where it takes more than ``seconds`` of processor time.

    Processor time, so that neither a busy machine nor a wait for the answer counts.
    ``stop`` ends who answers, since it may have been amid a reply. In a thread other
    than the main one, which hears no signal, there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        return case

    @functools.wraps(case.test)
    def test(answers: Any, rng: torch.Generator) -> None:
        before = signal.signal(signal.SIGPROF, _ring)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            try:
                case.test(answers, rng)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        except _Overdue:
            stop()
            says = f"The test took longer than {seconds:g} seconds with this answer."
            raise Failed(says) from None
        finally:
            signal.signal(signal.SIGPROF, before)

    return dataclasses.replace(case, test=test)


def _ring(*_: Any) -> None:
    raise _Overdue
