"""Whole experiments in several processes, with three optimiser steps of each training.

Run as ``python shared_experiments.py FOLDER NAME…``; the process number R writes its
metrics, or the error, and how many steps were shared into ``FOLDER/R.json``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from course_lib import processes, training
from course_lib.experiments import experiments, run_to_end
from course_lib.training import Setting

REAL, SHARED = training.train, []


def short(model, loss, batch_at, how, *rest, **more):
    """A training that stands still after three steps."""
    few = replace(how, steps=min(3, how.steps), warmup=0)
    for step in REAL(model, loss, batch_at, few, *rest, **more):
        SHARED.append(step)
        yield step
    for number in range(step.number + 1, how.steps + 1):
        yield replace(step, number=number)


def seen(name):
    experiment = experiments()[name]
    SHARED.clear()
    try:
        done = run_to_end(experiment.run(experiment.config("quick"), Setting()))
        found = {"metrics": dict(done.metrics)}
    except ValueError as error:
        found = {"error": str(error)}
    return found | {"steps": len(SHARED)}


def main(folder, *names):
    experiments()
    for module in [*sys.modules.values()]:
        if getattr(module, "train", None) is REAL:
            module.train = short
    with processes.joined("cpu"):
        found = {name: seen(name) for name in names}
        Path(folder, f"{processes.rank()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
