"""An experiment that is killed (SIGKILL) and run again ends with the same bits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

CODE = """
import json, os, signal, sys, torch
from dataclasses import asdict
from pathlib import Path
from course_lib.experiments import execute, find, run_to_end
torch.set_num_threads(1)
name, folder, share, changes = sys.argv[1:]
changes = json.loads(changes)
changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
folder = Path(folder) if folder else None

def die(progress):
    if progress.done >= float(share) * progress.total:
        os.kill(os.getpid(), signal.SIGKILL)

steps = execute(find(name), "quick", seeds=(0,), folder=folder, **changes)
run = asdict(run_to_end(steps, die).runs[0])
print(json.dumps([run["metrics"], run["series"]]), flush=True)
"""

CASES = {
    "memory-horizon": ({"lags": [3, 5], "steps": 30, "runs": 2}, 0.6),
    "gradient-clipping": ({"runs": 2, "steps": 30}, 0.6),
    "word-language": ({"steps": 250, "measure_every": 50}, 0.7),
    "character-model": ({"epochs": 9, "measure_every": 30}, 0.8),
    "adding-problem": ({"steps": 80, "test_sequences": 50}, 0.6),
}


def run(name, folder, changes, until=2.0):
    """A run in a process of its own, which dies at the share ``until`` of the work."""
    words = [name, str(folder), str(until), json.dumps(changes)]
    command = [sys.executable, "-c", CODE, *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("name", CASES)
def test_kill_and_resume(name, tmp_path):
    changes, share = CASES[name]
    unbroken = run(name, "", changes)
    assert unbroken.returncode == 0
    assert run(name, tmp_path, changes, share).returncode == -signal.SIGKILL
    left = [path.name for path in tmp_path.rglob("*.*") if path.is_file()]
    assert left, "the killed run kept nothing"
    resumed = run(name, tmp_path, changes)
    assert json.loads(resumed.stdout) == json.loads(unbroken.stdout)
