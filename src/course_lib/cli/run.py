"""What ``course run`` does with one claim: run, stop well, store, say the verdict."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.cli.terminal import bar, say

if TYPE_CHECKING:
    from course_lib.experiments import Experiment
    from course_lib.results import Result

_PARENT = os.getppid()


@dataclass(frozen=True)
class Asked:
    """What the command line asks of every claim that it names."""

    scale: str
    seeds: int  # how many, from 0
    device: str
    devices: int  # so many of them share the work
    jobs: int  # so many claims at a time
    precision: str
    texts: dict[str, str]  # settings that are changed, as they were typed
    folder: Path | None  # for the results; None: they are not stored
    export: bool  # seed 0's model is stored, for the live figure
    fresh: bool  # what is there already is measured again, from the start
    row: Path | None = None  # where the row of the one claim is saved, if anywhere
    prepare: bool = False  # all but the times that it measures: others run beside it

    def changes(self, experiment: Experiment) -> dict[str, Any]:
        """The changed settings. Raises ``ValueError``."""
        from course_lib.experiments.fields import parse_changes

        return parse_changes(experiment.config(self.scale), self.texts)

    def config(self, experiment: Experiment) -> Any:
        """What is run, with the changed settings. Raises ``ValueError``."""
        return experiment.config(self.scale, **self.changes(experiment))

    def state(self, experiment: Experiment) -> Path:
        """The folder of its state. Raises ``ValueError``."""
        from course_lib.experiments.runner import state_folder

        return state_folder(
            experiment,
            self.scale,
            self.device,
            self.precision,
            _runs(),
            **self.changes(experiment),
        )

    def arguments(self, experiment: Experiment) -> list[str]:
        """Those of ``python`` that ask the same of one claim."""
        asked = {
            "--scale": self.scale,
            "--seeds": self.seeds,
            "--device": self.device,
            "--devices": self.devices,
            "--jobs": self.jobs,
            "--precision": self.precision,
            "--out": self.folder,
            "--row": self.row,
        }
        words = ["-m", "course_lib.cli", "run", experiment.name]
        for option, value in asked.items():
            words += [] if value is None else [option, str(value)]
        for field, text in self.texts.items():
            words += ["--set", f"{field}={text}"]
        flags = {
            "--export": self.export,
            "--fresh": self.fresh,
            "--prepare": self.prepare,
        }
        return words + [flag for flag, wanted in flags.items() if wanted]


def there_already(experiment: Experiment, asked: Asked) -> Result | None:
    """What would only be measured again. A model to export is not kept with it.

    None where it was begun anew since: that is continued.
    """
    from course_lib.experiments.runner import interrupted, measured_already

    if asked.fresh or asked.export or not asked.folder:
        return None
    if interrupted(asked.state(experiment)):
        return None
    return measured_already(
        experiment,
        asked.scale,
        range(asked.seeds),
        asked.device,
        asked.precision,
        asked.folder,
        **asked.changes(experiment),
    )


def measure(
    experiment: Experiment, asked: Asked, about: str, stop: list[int]
) -> Result | None:
    """Run or continue ``experiment``; its result, None where it was only prepared.

    ``about`` stands beside the bar. Raises ``KeyboardInterrupt`` after the step under
    way, once ``stop`` holds a signal; what was done is kept.
    """
    from course_lib import processes
    from course_lib.experiments.runner import execute, interrupted, run_to_end

    if processes.agreed(not asked.fresh and interrupted(asked.state(experiment))):
        say(f"{experiment.name}: continuing what was begun (--fresh forgets it)")
    steps = execute(
        experiment,
        asked.scale,
        range(asked.seeds),
        asked.device,
        asked.precision,
        _runs(),
        asked.fresh,
        asked.prepare,
        **asked.changes(experiment),
    )
    with bar(about) as show:

        def show_or_stop(progress: Any) -> None:
            show(progress)
            if stopping(stop):
                raise KeyboardInterrupt

        return run_to_end(steps, show_or_stop)


def stopping(stop: list[int]) -> bool:
    """Whether any process got a signal to stop; then it is in all their ``stop``.

    One of several jobs stops too when the process that started it is gone.
    """
    from course_lib import processes
    from course_lib.experiments.runner import JOBS

    if not stop and JOBS in os.environ and os.getppid() != _PARENT:
        stop.append(signal.SIGTERM)
    if (number := processes.largest(stop[0] if stop else 0)) and not stop:
        stop.append(number)
    return bool(stop)


def store(experiment: Experiment, result: Result, asked: Asked) -> None:
    """Print the result, write it and its artefact, then drop the state of the run."""
    from course_lib.files import write_whole

    state = asked.state(experiment)
    say(str(result))
    if asked.folder:
        say(f"  Written to {_short(result.save(asked.folder))}")
    else:
        quick = result.scale == "quick"
        why = "a quick run is a test" if quick else "settings were changed"
        say(f"  Not stored, because {why}; --out DIR stores it.")
    if asked.export:
        text = (state / "artefact.json").read_text(encoding="utf-8")
        write_whole(experiment.artefact, text)
        say(f"  Exported to {_short(experiment.artefact)}")
    shutil.rmtree(state, ignore_errors=True)
    said = "the claim holds" if result.holds else "the claim does not hold"
    say(f"{experiment.name}: {said}.", style="green" if result.holds else "red")


def assignments(changes: list[str]) -> dict[str, str]:
    """``["field=text", …]`` as a dict. Raises ``ValueError``."""
    texts = dict(change.partition("=")[::2] for change in changes)
    for change in changes:
        if "=" not in change:
            raise ValueError(f"--set: got {change!r}, expected FIELD=VALUE")
    return texts


def out_folder(out: Path | None, scale: str, changed: bool) -> Path | None:
    """Where the result is written; None for a test and no ``--out``.

    A test is a quick run, and one with changed settings. Raises ``ValueError`` where
    one would come among the stored results, which the book and a wheel take up.
    """
    from course_lib.results import RESULTS, workplace

    default = workplace() / "results"
    if not changed and scale != "quick":
        return out or default
    if out and out.resolve() in (default.resolve(), RESULTS.resolve()):
        why = "with --set" if changed else "at scale quick"
        raise ValueError(f"--out: {why} it must be another folder than results/")
    return out


def _runs() -> Path:
    """Where runs keep their state."""
    from course_lib.results import workplace

    return workplace() / "runs"


def _short(path: Path) -> Path:
    """``path`` as seen from here, where it lies below."""
    path, here = path.resolve(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
