"""A panel that runs any experiment in a notebook, on the CPU or on a GPU.

The run lives in a thread of its own, so that Stop is heard; it stops within one step
and Resume ends with the same numbers.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.experiments import Experiment, execute, find, run_to_end
from course_lib.experiments.claim import Progress
from course_lib.experiments.problems import explain
from course_lib.experiments.runner import interrupted, state_folder
from course_lib.panels.curves import Curves
from course_lib.panels.form import Form
from course_lib.results import Result, workplace
from course_lib.results.table import duration

# torch's random state is one for the whole process: two runs take turns.
_TURN = threading.Lock()


class _Stopped(Exception):
    """Stop was pressed."""


def panel(experiment: str | Experiment) -> Panel:
    """A panel to run ``experiment`` with settings of your own: ``panel("NAME")``.

    Raises ``ValueError`` that lists the names, if there is no such experiment.
    """
    return Panel(find(experiment) if isinstance(experiment, str) else experiment)


class Panel:
    """The form of one experiment, and the thread that runs it.

    ``result`` is the last finished :class:`Result`. ``folder`` is where an
    interrupted run is kept, the same as that of ``course run``.
    """

    def __init__(self, experiment: Experiment, folder: Path | None = None) -> None:
        self.experiment = experiment
        self.folder = folder or workplace() / "runs"
        self.result: Result | None = None
        self._running = False
        self._thread: threading.Thread | None = None
        self._refreshing = threading.RLock()
        self._stop = threading.Event()
        self._curves = Curves()
        self.form = Form(experiment)
        self._refresh()
        self.form.on_change(self._refresh)
        self.form.run.on_click(lambda _: self._start(fresh=True))
        self.form.resume.on_click(lambda _: self._start(fresh=False))
        self.form.stop.on_click(lambda _: self._ask_to_stop())

    @property
    def running(self) -> bool:
        """Whether the thread is at work, or waits for its turn."""
        return self._running

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the run has ended or stopped, at most ``timeout`` seconds."""
        if self._thread:
            self._thread.join(timeout)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        model = self.form.box.model_id
        view = {"version_major": 2, "version_minor": 0, "model_id": model}
        bundle = {
            "application/vnd.jupyter.widget-view+json": view,
            "text/plain": repr(self),
        }
        if "google.colab" not in sys.modules:  # there the view could lose against html
            bundle["text/html"] = self.form.without_a_kernel()
        return bundle

    def __repr__(self) -> str:
        return f"panel({self.experiment.name!r})"

    def _state(self) -> Path:
        form = self.form
        return state_folder(
            self.experiment,
            form.scale.value,
            form.device.value,
            form.precision.value,
            self.folder,
            **form.changes(),
        )

    def _refresh(self) -> None:
        """Enable what can be pressed now. The page's thread and the run's call it."""
        with self._refreshing:
            self.form.enable(busy=self._running, kept=self._kept())

    def _kept(self) -> bool:
        try:
            return interrupted(self._state())
        except ValueError:
            return False  # Run says what is wrong with the settings

    def _start(self, fresh: bool) -> None:
        if self.running:
            return
        form = self.form
        form.message.value = ""
        if fresh:
            self._curves = Curves()
            form.curves.value, form.bar.value = "", 0.0
        try:
            changes, state = form.changes(), self._state()
        except ValueError as error:
            form.fail(str(error))
            return
        form.bar.bar_style = ""
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._work, args=(changes, state, fresh), daemon=True
        )
        self._running = True
        self._refresh()
        self._thread.start()

    def _ask_to_stop(self) -> None:
        self._stop.set()
        self.form.stop.disabled = True
        self.form.say("stopping after this step …")

    def _work(self, changes: Mapping[str, Any], state: Path, fresh: bool) -> None:
        try:
            while not _TURN.acquire(timeout=0.1):
                self.form.say("waiting: another panel is running, and runs take turns")
                if self._stop.is_set():
                    self.form.say("stopped before it began")
                    return
            try:
                self._finish(self._measure(changes, fresh), state)
            except _Stopped:
                again = interrupted(state)
                kept = "Resume goes on from here" if again else "nothing kept"
                self.form.say(f"stopped at {self.form.bar.value:.0%}; {kept}")
            finally:
                _TURN.release()
        except Exception as error:  # whatever it was, the panel lives on
            scale = self.form.scale.value
            said = explain(error, lambda: self.experiment.config(scale, **changes))
            self.form.fail(said, error)
        finally:
            self._running = False
            self._refresh()

    def _measure(self, changes: Mapping[str, Any], fresh: bool) -> Result:
        steps = execute(
            self.experiment,
            self.form.scale.value,
            range(self.form.seeds.value),
            self.form.device.value,
            self.form.precision.value,
            self.folder,
            fresh,
            **changes,
        )
        begun, drawn = time.monotonic(), 0.0

        def show(progress: Progress) -> None:
            nonlocal drawn
            self._curves.add(progress)
            stopping, now = self._stop.is_set(), time.monotonic()
            if stopping or now - drawn > 0.5:  # each drawing is a message to the page
                drawn = now
                self._draw(progress, now - begun)
            if stopping:
                raise _Stopped

        return run_to_end(steps, show)

    def _draw(self, progress: Progress, seconds: float) -> None:
        share = progress.done / max(progress.total, 1)
        self.form.bar.value = share
        self.form.say(f"{share:.0%} · {duration(seconds)} · {progress.note}")
        self.form.curves.value = self._curves.svg()

    def _finish(self, result: Result, state: Path) -> None:
        form = self.form
        self.result = result
        form.bar.value, form.bar.bar_style = 1.0, "success" if result.holds else "info"
        form.curves.value = self._curves.svg()
        shutil.rmtree(state, ignore_errors=True)
        form.message.value = result._repr_html_()
        form.say("drawing the figure …")
        form.draw(self.experiment.figure(result))
        form.say("done")
