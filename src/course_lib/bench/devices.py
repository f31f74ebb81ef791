"""Tokens per second of one process against several, with the same batch for all.

The Transformer's training step, as ``course run --devices N`` makes it. On a GPU each
process has its own; on the CPU they divide the threads that the one has for itself.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from course_lib import processes
from course_lib.bench.match import Work, training_step
from course_lib.bench.report import timed
from course_lib.bench.seq2seq import pairs
from course_lib.bench.translator import SIZES, ours
from course_lib.experiments.machine import seconds
from course_lib.experiments.translation import teacher_forced_loss
from course_lib.results import storable
from course_lib.training import Setting

STEPS = 5  # of a turn


def one_against(count: int, scale: str, setting: Setting, rounds: int) -> Any:
    """Both speeds as they are stored, as a match's are: ``alone`` is ours.

    They take turns, so that both share the machine's moods. Where there are not
    ``count`` GPUs, ``missing`` says so, and there are no times. Raises ``ValueError``
    where the processes fail; why stands on the standard error.
    """
    device = setting.device.partition(":")[0]
    try:
        processes.check(count, device)
    except ValueError as error:
        return {"missing": str(error)}
    gc.collect()
    torch.cuda.empty_cache()  # the processes need what this one has kept
    sizes = SIZES[scale][-1]  # several devices are for what is too much for one
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "seconds.json")
        words = [out, scale, device, setting.precision, rounds, torch.get_num_threads()]
        module = ["-m", "course_lib.bench.devices"]
        if code := processes.launch([*module, *map(str, words)], count):
            raise ValueError(f"devices: {count} processes ended with exit code {code}")
        seen = json.loads(out.read_text(encoding="utf-8"))
    tokens = sizes["B"] * (sizes["T"] + 1)  # the end is a token too
    taken, threads = seen["seconds"], seen["threads"]
    speeds = {
        which: timed(taken[which], taken["alone"], tokens)
        | {"devices": number, "threads": threads[which]}
        for which, number in (("alone", 1), ("shared", count))
    }
    return storable(
        {
            "name": "Transformer",
            "chapter": "transformer",
            "task": "training step",
            "sizes": sizes,
            "tokens": tokens,
            **speeds,
        }
    )


def in_words(said: dict[str, Any]) -> str:
    """What :func:`one_against` found, in one line."""
    if "missing" in said:
        return f"Several devices: not measured: {said['missing']}"
    alone, shared = (
        f"{one['devices']} process{'es' * (one['devices'] > 1)} of "
        f"{one['threads']} thread{'s' * (one['threads'] > 1)} "
        f"{one['tokens_per_second']:,.0f} tokens/s".replace(",", " ")
        for one in (said["alone"], said["shared"])
    )
    return (
        f"{said['name']}, {said['task']}: {alone}, {shared} "
        f"({1 / said['shared']['speed_up']:.2f}× as fast)"
    )


def _step(scale: str, setting: Setting) -> Work:
    torch.manual_seed(setting.seed)
    sizes = SIZES[scale][-1]
    return training_step(
        ours(sizes), teacher_forced_loss, pairs(sizes, setting), lambda _: {}, setting
    )


def main(
    out: str, scale: str, device: str, precision: str, rounds: str, threads: str
) -> None:
    """Be one of the processes: the first one works alone, then all together."""
    setting = Setting(device=device, precision=precision, deterministic=False)
    had = {"alone": int(threads), "shared": torch.get_num_threads()}
    if device == "cuda":  # else all of them would be on the first GPU
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    one = _step(scale, setting)
    one.step()  # before the others are joined: so this training is never shared
    taken: dict[str, list[float]] = {"alone": [], "shared": []}
    with processes.joined(device):
        all_of_us = _step(scale, setting)
        all_of_us.step()
        for number in range(int(rounds) + 1):
            if processes.first():
                torch.set_num_threads(had["alone"])
                alone = seconds(lambda: _turn(one), device) / STEPS
                torch.set_num_threads(had["shared"])
            processes.wait()
            together = seconds(lambda: _turn(all_of_us), device) / STEPS
            if processes.first() and number:  # the first is to warm up
                taken["alone"].append(alone)
                taken["shared"].append(together)
        if processes.first():
            said = {"seconds": taken, "threads": had}
            Path(out).write_text(json.dumps(said), encoding="utf-8")


def _turn(work: Work) -> None:
    for _ in range(STEPS):
        work.step()


if __name__ == "__main__":
    main(*sys.argv[1:])
