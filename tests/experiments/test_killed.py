"""An experiment that is killed (SIGKILL) and run again ends with the same bits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

CODE = """
import json, sys, torch
from dataclasses import asdict
from pathlib import Path
from course_lib.experiments import execute, find
torch.set_num_threads(1)
name, folder, changes = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
folder = Path(folder) if folder else None
steps = execute(find(name), "quick", seeds=(0,), folder=folder, **changes)
while True:
    try:
        progress = next(steps)
        print(json.dumps(["at", progress.done, progress.total]), flush=True)
    except StopIteration as end:
        run = asdict(end.value.runs[0])
        print(json.dumps(["end", run["metrics"], run["series"]]), flush=True)
        break
"""

CASES = {
    "memory-horizon": ({"lags": [3, 5], "steps": 30, "runs": 2}, 0.6),
    "gradient-clipping": ({"runs": 2, "steps": 30}, 0.6),
    "word-language": ({"steps": 250, "measure_every": 50}, 0.7),
    "character-model": ({"epochs": 9, "measure_every": 30}, 0.8),
}


def start(name, folder, changes):
    command = [sys.executable, "-c", CODE, name, str(folder), json.dumps(changes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(child):
    *before, last = [json.loads(line) for line in child.stdout]
    assert child.wait() == 0
    assert last[0] == "end"
    return before, last


@pytest.mark.parametrize("name", CASES)
def test_kill_and_resume(name, tmp_path):
    changes, share = CASES[name]
    everything, unbroken = finish(start(name, "", changes))
    child = start(name, tmp_path, changes)
    for line in child.stdout:
        _, done, total = json.loads(line)
        if done >= share * total:
            child.send_signal(signal.SIGKILL)
            break
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    left = [path.name for path in tmp_path.rglob("*.*") if path.is_file()]
    assert left, "the killed run kept nothing"
    _, resumed = finish(start(name, tmp_path, changes))
    assert resumed == unbroken
    assert everything
