"""The widgets of a panel: what a reader can choose and press, and what is shown.

They work with ipywidgets 7.7 (Colab) and 8. Nothing here runs an experiment.
"""

from __future__ import annotations

import base64
import io
import sys
import traceback
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import torch

from course_lib.experiments import Experiment
from course_lib.experiments.fields import fields_of, parse_changes
from course_lib.figures.palette import color

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
    f"{Path(__file__).with_name('form.css').read_text(encoding='utf-8')}</style>"
)


class Form:
    """The widgets of one experiment, with a text field for each of its settings.

    ``run``, ``stop`` and ``resume`` are the buttons.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._changed: Callable[[], object] = lambda: None
        self._choices()
        self.run = _button("Run", "play", "primary")
        self.stop = _button("Stop", "stop")
        self.resume = _button("Resume", "forward")
        self.bar = widgets.FloatProgress(
            min=0, max=1, layout=widgets.Layout(flex="1 1 160px", min_width="0")
        )
        self.note, self.curves, self.message = _html(), _html(), _html()
        self.box = self._layout()
        self._fill_settings()
        self.scale.observe(lambda _: self._fill_settings(), "value")
        for widget in self._where:
            widget.observe(lambda _: self._changed(), "value")

    def _choices(self) -> None:
        scales = [(_SCALES.get(s, s), s) for s in self.experiment.scales]
        devices = [("CPU", "cpu")] + [
            (torch.cuda.get_device_name(index), f"cuda:{index}")
            for index in range(torch.cuda.device_count())
        ]
        self.scale = _labelled(widgets.Dropdown, "Scale", options=scales)
        self.seeds = _labelled(widgets.BoundedIntText, "Seeds", value=1, min=1, max=20)
        self.device = _labelled(
            widgets.Dropdown, "Device", options=devices, value=devices[:2][-1][1]
        )
        self.precision = _labelled(
            widgets.Dropdown, "Precision", options=["float32", "bfloat16"]
        )
        gpu = len(devices) > 1
        self._where = [self.scale, self.seeds, self.device, *([self.precision] * gpu)]
        for widget in self._where:
            widget.layout = widgets.Layout(width="auto", margin="2px 16px 2px 2px")
        self.seeds.layout.width = "7rem"
        self.settings: dict[str, widgets.Widget] = {}
        self._settings_box = widgets.GridBox(
            layout=widgets.Layout(
                grid_template_columns="repeat(auto-fill, minmax(240px, 1fr))",
                grid_gap="2px 16px",
            )
        )

    def _layout(self) -> widgets.VBox:
        row = widgets.Layout(flex_flow="row wrap", align_items="center", grid_gap="4px")
        about = _html(f'{_STYLE}<p class="claim">{escape(self.experiment.claim)}</p>')
        box = widgets.VBox(
            [
                about,
                widgets.Box(self._where, layout=row),
                self._settings_box,
                widgets.Box([self.run, self.stop, self.resume, self.bar], layout=row),
                self.note,
                self.curves,
                self.message,
            ]
        )
        box.add_class("course-panel")
        return box

    def _fill_settings(self) -> None:
        """Show the fields of the chosen scale, with its values."""
        self.settings, cells = {}, []
        for name, field in fields_of(self.config()).items():
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
            widget.observe(lambda _: self._changed(), "value")
            self.settings[name] = widget
            why = f'<p class="why">{escape(field.comment)}</p>'
            cells.append(widgets.VBox([widget, widgets.HTML(why)]))
        self._settings_box.children = cells
        self._changed()

    # --- what was chosen

    def on_change(self, call: Callable[[], object]) -> None:
        """Have ``call`` called whenever another choice is made."""
        self._changed = call

    def config(self) -> Any:
        """The config of the chosen scale, as the course has it."""
        return self.experiment.scales[self.scale.value]

    def changes(self) -> dict[str, Any]:
        """The settings that differ from the scale's. Raises ``ValueError``."""
        config = self.config()
        texts = {name: str(widget.value) for name, widget in self.settings.items()}
        read = parse_changes(config, texts)
        return {n: value for n, value in read.items() if value != getattr(config, n)}

    # --- what is shown

    def enable(self, busy: bool, kept: bool) -> None:
        """Enable what can be pressed while a run is ``busy``, or its state ``kept``."""
        self.stop.disabled = not busy
        self.run.disabled = busy
        self.resume.disabled = busy or not kept
        self.run.description = "Run afresh" if kept and not busy else "Run"
        for widget in (self.scale, self.seeds, self.device, self.precision):
            widget.disabled = busy
        for widget in self.settings.values():
            widget.disabled = busy

    def say(self, text: str) -> None:
        """Show ``text`` as what is going on now."""
        self.note.value = f'<div class="note" role="status">{escape(text)}</div>'

    def fail(self, text: str | None, error: Exception | None = None) -> None:
        """Show what went wrong: ``text``, or a bug with its traceback."""
        said = text or f"{type(error).__name__}: {error}"
        self.bar.bar_style = "danger"
        self.say("not finished")
        more = ""
        if text is None and error:
            lines = escape("".join(traceback.format_exception(error)))
            more = f"<details><summary>Traceback</summary><pre>{lines}</pre></details>"
        self.message.value = f'<p class="bad" role="alert">{escape(said)}</p>{more}'

    def draw(self, figure: Any) -> None:
        """Show a matplotlib figure below what the message says."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=144, bbox_inches="tight")
        if "matplotlib.pyplot" in sys.modules:  # or the next cell would show it as well
            sys.modules["matplotlib.pyplot"].close(figure)
        data = base64.b64encode(buffer.getvalue()).decode()
        alt = f"Figure of this run. The claim: {self.experiment.claim}"
        image = f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
        self.message.value += image

    def without_a_kernel(self) -> str:
        """What a page shows in its place; the same on every machine."""
        return (
            '<div class="course-panel-off" style="border:1px dashed;border-radius:8px;'
            'padding:.6em 1em;opacity:.85">'
            f"<strong>{escape(self.experiment.name)}.</strong> In the notebook, this "
            "panel trains the experiment with settings of your own, on the CPU or on a "
            "GPU. Open this chapter in Colab or JupyterLab to run it.</div>"
        )


def _labelled(kind: type[widgets.Widget], label: str, **traits: Any) -> widgets.Widget:
    widget = kind(description=label, **traits)
    widget.style = {"description_width": "initial"}
    return widget


def _button(label: str, icon: str, style: str = "") -> widgets.Button:
    layout = widgets.Layout(width="auto")
    return widgets.Button(
        description=label, icon=icon, button_style=style, layout=layout
    )


def _html(text: str = "") -> widgets.HTML:
    return widgets.HTML(text, layout=widgets.Layout(width="auto"))
