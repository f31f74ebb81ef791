"""``course`` with toys as its only claims, in processes that can be killed.

``python toy_course.py PLACE run …`` has PLACE as its checkout. HAPPENS holds words such
as "waits toy-1, dies toy-2": what a claim does after step ``AT`` of its second seed, or
where it is about time, and measures ``alone``, while the times of that seed are taken.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from course_lib.experiments import Progress
from course_lib.results import Result
from toy import TOY, Config

NAMES = [f"toy-{number}" for number in range(4)]
AT = 8  # steps; a checkpoint is made every fifth
PATIENCE = 120  # seconds until a test fails that waits


def toys(**configs):
    """Four claims; the second does not hold, and the first is about time."""
    claims = {
        name: replace(
            TOY,
            name=name,
            scales={"cpu": configs.get(name, Config(steps=20 + number))},
            bands={"cpu": TOY.bands["cpu" if number == 1 else "quick"]},
            export=None,
            artefact=None,
        )
        for number, name in enumerate(NAMES)
    }
    return claims | {NAMES[0]: about_time(claims[NAMES[0]])}


def about_time(claim):
    """``claim``, which takes times once it is trained."""

    def run(config, setting):
        outcome = yield from claim.run(config, setting)
        yield Progress(config.steps, config.steps, {}, "the clock", timing=True)
        return outcome

    return replace(claim, run=run, timed=True)


def start(place, *arguments, happens="", **popen):
    """The command in a process of its own; what it says can be read as it says it."""
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    ours = {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "120", "HAPPENS": happens}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(
        [sys.executable, __file__, str(place), *map(str, arguments)],
        env={**os.environ, **ours},
        **{**pipes, **popen},
    )


def until_they_wait(place, *names):
    """Come back when those that are to wait have come there."""
    until(lambda: all((place / name).exists() for name in names))


def until(reached):
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, "what is waited for does not come"
        time.sleep(0.01)


def measured(folder):
    """What the results in ``folder`` say, without the times."""
    found = {path.name: Result.load(path) for path in folder.glob("*.json")}
    return {
        name: [(run.seed, run.metrics, run.series) for run in result.runs]
        for name, result in found.items()
    }


def happening(claim, place, what):
    """``claim``, to which ``what`` happens on its way."""
    late = what in (alone, alone_in_its_turn)

    def run(config, setting):
        with closing(claim.run(config, setting)) as steps:
            while True:
                try:
                    progress = next(steps)
                except StopIteration as end:
                    return end.value
                if not late and (setting.seed, progress.done) == (1, AT):
                    (place / claim.name).touch()
                    what(claim.name, place)
                yield progress
                if late and setting.seed == 1 and progress.timing:
                    what(claim.name, place)

    return replace(claim, run=run)


def waits(name, place):
    """For a signal, which `course run` notes, or for the end of who started it."""
    parent = os.getppid()
    until(
        lambda: (
            signal.getsignal(signal.SIGINT) is signal.default_int_handler
            or os.getppid() != parent
        )
    )


def dies(name, place):
    os.kill(os.getpid(), signal.SIGKILL)


def fails(name, place):
    raise OSError(28, "No space left on device", "runs/model.pt")


def meets(name, place):
    """Those that run beside it."""
    until(lambda: all((place / other).exists() for other in NAMES[1:]))


def alone(name, place):
    others = {path.name for path in (place / "results").iterdir()}
    assert others == {f"{other}.cpu.json" for other in NAMES if other != name}


def alone_in_its_turn(name, place):
    (place / "clock").touch(exist_ok=False)
    time.sleep(0.5)  # another would come now
    (place / "clock").unlink()


def use(place):
    """Make ``course`` know the toys and write into ``place``."""
    import course_lib.experiments as e
    import course_lib.results as r
    from course_lib.cli import run
    from course_lib.experiments import runner

    known = {"toy": TOY} if "toy" in sys.argv else toys()
    for words in filter(None, os.environ["HAPPENS"].split(", ")):
        what, name = words.split()
        if what == "times":
            known[name] = about_time(known[name])
        else:
            known[name] = happening(known[name], place, globals()[what])
    e.experiments = lambda: known
    r.workplace = lambda: place
    runner._sources = lambda: "whatever is edited meanwhile"
    asked, command = run.Asked.arguments, [__file__, str(place)]
    run.Asked.arguments = lambda self, claim: command + asked(self, claim)[2:]


if __name__ == "__main__":
    use(Path(sys.argv.pop(1)))
    from course_lib.cli import app

    app()
