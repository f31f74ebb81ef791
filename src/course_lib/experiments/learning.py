"""Learn with a history that survives a kill, and remember finished parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from typing import Any

from torch import Tensor, nn

from course_lib import processes
from course_lib.experiments.claim import Progress
from course_lib.files import write_whole
from course_lib.training import Setting, Training, train

REPORT_EVERY = 10  # optimiser steps: a few dozen ms, so that Stop is quick


class Memo:
    """Finished parts of one seed's work, kept in its checkpoint folder if it has one.

    A part that is short is not worth a checkpoint of its own: after a kill it is done
    again, and the parts before it are read from here.
    """

    def __init__(self, setting: Setting, name: str) -> None:
        self._path = setting.checkpoint / f"{name}.json" if setting.checkpoint else None
        stored = self._path is not None and self._path.exists()
        self.parts: dict[str, Any] = processes.agreed(
            json.loads(self._path.read_text("utf-8")) if stored else {}
        )

    def keep(self, part: str, value: Any) -> None:
        """Remember ``value``, made of numbers, strings, lists and dicts."""
        self.parts[part] = value
        if self._path is not None and processes.first():
            write_whole(self._path, json.dumps(self.parts))


def learn(
    model: nn.Module,
    *,
    loss: Callable[[nn.Module, Any], Tensor],
    batch_at: Callable[[int], Any],
    training: Training,
    setting: Setting,
    name: str,
    measure: Callable[[], Mapping[str, Any]],
    every: int,
    done: int,
    total: int,
    enough: Callable[[Mapping[str, Any]], bool] = lambda point: False,
) -> Generator[Progress, None, dict[str, list[Any]]]:
    """Train, measuring every ``every`` steps; return the curves, by name, and "step".

    Numbers are reported as curves; what else is measured must go into JSON.
    Training ends early after a measurement that is ``enough``; the steps left over
    count as done. ``done`` steps of ``total`` came before, from other models.

    The curves survive a kill as the model does. A measurement is taken before the next
    step is, so none that is older than a checkpoint can be missing.
    """
    history = Memo(setting, f"{name}-history")

    def measured(step: int) -> dict[str, Any]:
        if str(step) not in history.parts:  # a resumed run comes by once more
            # All must agree, to the last bit, on what is enough.
            history.keep(str(step), processes.agreed(dict(measure())))
        return history.parts[str(step)]

    model.to(setting.device)
    newest = measured(0)
    for step in train(model, loss, batch_at, training, setting, name):
        over = step.number == training.steps
        if over or step.number % every == 0:
            newest = measured(step.number)
            over = over or enough(newest)
        if step.number % REPORT_EVERY == 0 or over:
            curves = {
                f"{name} {key}": value
                for key, value in newest.items()
                if isinstance(value, (int, float))
            }
            curves[f"{name} loss"] = step.loss
            counted = training.steps if over else step.number
            yield Progress(done + counted, total, curves, name)
        if over:
            break
    points = {int(step): point for step, point in history.parts.items()}
    steps = sorted(points)
    return {"step": steps} | {
        key: [points[step][key] for step in steps] for key in points[steps[0]]
    }
