"""A panel that runs any experiment in a notebook, on the CPU or on a GPU.

Works with ipywidgets 7.7 (Colab) and 8. The run lives in a thread of its own, so that
Stop is heard; it stops within one step and Resume ends with the same numbers.
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import torch

from course_lib.experiments import Experiment, execute, find
from course_lib.experiments.claim import Progress
from course_lib.experiments.fields import fields_of, parse_changes
from course_lib.experiments.problems import explain
from course_lib.experiments.runner import state_folder
from course_lib.figures.palette import color
from course_lib.live_curves import Curves
from course_lib.result_table import duration
from course_lib.results import Result, workplace

# torch's random state is one for the whole process: two runs take turns.
_TURN = threading.Lock()

_SCALES = {
    "quick": "quick (seconds)",
    "cpu": "cpu (as in the book)",
    "real": "real (for a GPU)",
}

_STYLE = (
    f"<style>.course-panel{{--line:{color('state')};--bad:{color('gradient')}}}"
    '[data-jp-theme-light="false"] .course-panel,html[theme=dark] .course-panel,'
    f".vscode-dark .course-panel{{--line:{color('state', 'dark')};"
    f"--bad:{color('gradient', 'dark')}}}"
    f"{Path(__file__).with_name('panels.css').read_text(encoding='utf-8')}</style>"
)


def panel(experiment: str | Experiment) -> Panel:
    """A panel to run ``experiment`` with settings of your own: ``panel("NAME")``.

    Raises ``ValueError`` that lists the names, if there is no such experiment.
    """
    return Panel(find(experiment) if isinstance(experiment, str) else experiment)


class Panel:
    """The widgets of one experiment, and the thread that runs it.

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
        self._build()

    @property
    def running(self) -> bool:
        """Whether the thread is at work, or waits for its turn."""
        return self._running

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the run has ended or stopped, at most ``timeout`` seconds."""
        if self._thread:
            self._thread.join(timeout)

    # --- what is seen

    def _build(self) -> None:
        scales = [
            (said, s) for s, said in _SCALES.items() if s in self.experiment.scales
        ]
        devices = [("CPU", "cpu")] + [
            (torch.cuda.get_device_name(index), f"cuda:{index}")
            for index in range(torch.cuda.device_count())
        ]
        gpu = len(devices) > 1
        self.scale = _labelled(widgets.Dropdown, "Scale", options=scales)
        self.seeds = _labelled(widgets.BoundedIntText, "Seeds", value=1, min=1, max=20)
        self.device = _labelled(
            widgets.Dropdown, "Device", options=devices, value=devices[:2][-1][1]
        )
        self.precision = _labelled(
            widgets.Dropdown, "Precision", options=["float32", "bfloat16"]
        )
        self.settings: dict[str, widgets.Widget] = {}
        self._settings_box = widgets.GridBox(
            layout=widgets.Layout(
                grid_template_columns="repeat(auto-fill, minmax(240px, 1fr))",
                grid_gap="2px 16px",
            )
        )
        self.run = _button("Run", "play", "primary")
        self.stop = _button("Stop", "stop")
        self.resume = _button("Resume", "forward")
        self.bar = widgets.FloatProgress(
            min=0, max=1, layout=widgets.Layout(flex="1 1 160px", min_width="0")
        )
        self.note = widgets.HTML(layout=widgets.Layout(width="auto"))
        self.curves = widgets.HTML(layout=widgets.Layout(width="auto"))
        self.message = widgets.HTML(layout=widgets.Layout(width="auto"))
        row = widgets.Layout(flex_flow="row wrap", align_items="center", grid_gap="4px")
        about = f'{_STYLE}<p class="claim">{escape(self.experiment.claim)}</p>'
        where = [self.scale, self.seeds, self.device, *([self.precision] * gpu)]
        for widget in where:
            widget.layout = widgets.Layout(width="auto", margin="2px 16px 2px 2px")
        self.seeds.layout.width = "7rem"
        self.box = widgets.VBox(
            [
                widgets.HTML(about, layout=widgets.Layout(width="auto")),
                widgets.Box(where, layout=row),
                self._settings_box,
                widgets.Box([self.run, self.stop, self.resume, self.bar], layout=row),
                self.note,
                self.curves,
                self.message,
            ]
        )
        self.box.add_class("course-panel")
        self._fill_settings()
        self._refresh()
        self.scale.observe(lambda _: self._fill_settings(), "value")
        for widget in where:
            widget.observe(lambda _: self._refresh(), "value")
        self.run.on_click(lambda _: self._start(fresh=True))
        self.resume.on_click(lambda _: self._start(fresh=False))
        self.stop.on_click(lambda _: self._ask_to_stop())

    def _fill_settings(self) -> None:
        """Show the fields of the chosen scale, with its values."""
        self.settings, cells = {}, []
        for name, field in fields_of(self._config()).items():
            if field.type is bool:
                widget = _labelled(widgets.Checkbox, name, value=field.value)
            elif field.choices:
                widget = _labelled(
                    widgets.Dropdown, name, options=field.choices, value=field.value
                )
            else:
                widget = _labelled(
                    widgets.Text,
                    name,
                    value=field.write(field.value),
                    continuous_update=False,
                )
            widget.layout.width = "auto"
            widget.observe(lambda _: self._refresh(), "value")
            self.settings[name] = widget
            why = f'<p class="why">{escape(field.comment)}</p>'
            cells.append(widgets.VBox([widget, widgets.HTML(why)]))
        self._settings_box.children = cells
        self._refresh()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        bundle = {
            "application/vnd.jupyter.widget-view+json": view,
            "text/plain": repr(self),
        }
        if "google.colab" not in sys.modules:  # there the view could lose against html
            bundle["text/html"] = self._fallback()
        return bundle

    def _fallback(self) -> str:
        """What a page without a kernel shows; the same on every machine."""
        return (
            '<div class="course-panel-off" style="border:1px dashed;border-radius:8px;'
            'padding:.6em 1em;opacity:.85">'
            f"<strong>{escape(self.experiment.name)}.</strong> In the notebook, this "
            "panel trains the experiment with settings of your own, on the CPU or on a "
            "GPU. Open this chapter in Colab or JupyterLab to run it.</div>"
        )

    def __repr__(self) -> str:
        return f"panel({self.experiment.name!r})"

    # --- what happens

    def _config(self) -> Any:
        return self.experiment.scales[self.scale.value]

    def _changes(self) -> dict[str, Any]:
        """The settings that differ from the scale's. Raises ``ValueError``."""
        config, texts = self._config(), {}
        for name, widget in self.settings.items():
            texts[name] = str(widget.value)
        read = parse_changes(config, texts)
        return {n: value for n, value in read.items() if value != getattr(config, n)}

    def _state(self) -> Path:
        return state_folder(
            self.experiment,
            self.scale.value,
            self.device.value,
            self.precision.value,
            self.folder,
            **self._changes(),
        )

    def _refresh(self) -> None:
        """Enable what can be pressed now. The page's thread and the run's call it."""
        with self._refreshing:
            self._enable(busy=self._running, kept=self._kept())

    def _kept(self) -> bool:
        try:
            return self._state().exists()
        except ValueError:
            return False  # Run says what is wrong with the settings

    def _enable(self, busy: bool, kept: bool) -> None:
        self.stop.disabled = not busy
        self.run.disabled = busy
        self.resume.disabled = busy or not kept
        self.run.description = "Run afresh" if kept and not busy else "Run"
        for widget in (self.scale, self.seeds, self.device, self.precision):
            widget.disabled = busy
        for widget in self.settings.values():
            widget.disabled = busy

    def _start(self, fresh: bool) -> None:
        if self.running:
            return
        self.message.value = ""
        if fresh:
            self._curves = Curves()
            self.curves.value, self.bar.value = "", 0.0
        try:
            changes, state = self._changes(), self._state()
        except ValueError as error:
            self._fail(str(error))
            return
        if fresh:
            shutil.rmtree(state, ignore_errors=True)
        self.bar.bar_style = ""
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._work, args=(changes, state), daemon=True
        )
        self._running = True
        self._refresh()
        self._thread.start()

    def _ask_to_stop(self) -> None:
        self._stop.set()
        self.stop.disabled = True
        self._say("stopping after this step …")

    def _work(self, changes: Mapping[str, Any], state: Path) -> None:
        try:
            while not _TURN.acquire(timeout=0.1):
                self._say("waiting: another panel is running, and runs take turns")
                if self._stop.is_set():
                    self._say("stopped before it began")
                    return
            try:
                self._measure(changes, state)
            finally:
                _TURN.release()
        except Exception as error:  # whatever it was, the panel lives on
            self._fail(explain(error, self._config()), error)
        finally:
            self._running = False
            self._refresh()

    def _measure(self, changes: Mapping[str, Any], state: Path) -> None:
        steps = execute(
            self.experiment,
            self.scale.value,
            range(self.seeds.value),
            self.device.value,
            self.precision.value,
            self.folder,
            **changes,
        )
        begun, drawn = time.monotonic(), 0.0
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                self._finish(end.value, state)
                return
            self._curves.add(progress)
            stopping, now = self._stop.is_set(), time.monotonic()
            if stopping or now - drawn > 0.5:  # each drawing is a message to the page
                drawn = now
                self._draw(progress, now - begun)
            if stopping:
                steps.close()
                kept = "Resume goes on from here" if state.exists() else "nothing kept"
                self._say(f"stopped at {self.bar.value:.0%}; {kept}")
                return

    def _draw(self, progress: Progress, seconds: float) -> None:
        share = progress.done / max(progress.total, 1)
        self.bar.value = share
        self._say(f"{share:.0%} · {duration(seconds)} · {progress.note}")
        self.curves.value = self._curves.svg()

    def _finish(self, result: Result, state: Path) -> None:
        self.result = result
        self.bar.value, self.bar.bar_style = 1.0, "success" if result.holds else "info"
        self.curves.value = self._curves.svg()
        shutil.rmtree(state, ignore_errors=True)
        self.message.value = result._repr_html_()
        self._say("drawing the figure …")
        self.message.value += _image(self.experiment.figure(result), self.experiment)
        self._say("done")

    def _say(self, text: str) -> None:
        self.note.value = f'<div class="note" role="status">{escape(text)}</div>'

    def _fail(self, text: str | None, error: Exception | None = None) -> None:
        said = text or f"{type(error).__name__}: {error}"
        self.bar.bar_style = "danger"
        self._say("not finished")
        more = ""
        if text is None and error:
            lines = escape("".join(traceback.format_exception(error)))
            more = f"<details><summary>Traceback</summary><pre>{lines}</pre></details>"
        self.message.value = f'<p class="bad" role="alert">{escape(said)}</p>{more}'


def _labelled(kind: type[widgets.Widget], label: str, **traits: Any) -> widgets.Widget:
    widget = kind(description=label, **traits)
    widget.style = {"description_width": "initial"}
    return widget


def _button(label: str, icon: str, style: str = "") -> widgets.Button:
    layout = widgets.Layout(width="auto")
    return widgets.Button(
        description=label, icon=icon, button_style=style, layout=layout
    )


def _image(figure: Any, experiment: Experiment) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144, bbox_inches="tight")
    if "matplotlib.pyplot" in sys.modules:  # or the next cell would show it as well
        sys.modules["matplotlib.pyplot"].close(figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    alt = f"Figure of this run. The claim: {experiment.claim}"
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
