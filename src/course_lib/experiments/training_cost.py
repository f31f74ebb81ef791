"""What one training step of each of several models costs, measured in turns."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from course_lib.data.translation import Batch, collate
from course_lib.experiments.machine import saved_mib, seconds
from course_lib.experiments.translation import teacher_forced_loss
from course_lib.training import Setting, Training, to_device, train


def random_pairs(
    source: int, target: int, batch: int, length: int, setting: Setting
) -> Batch:
    """``batch`` pairs of ``length`` words each, from vocabularies of these sizes."""
    drawn = torch.Generator().manual_seed(setting.seed)
    ids = [
        list(torch.randint(4, size, (batch, length), generator=drawn))
        for size in (source, target)
    ]
    return to_device(collate(*ids), setting.device)


def training_cost(
    models: Mapping[str, nn.Module], batch: Batch, times: int, setting: Setting
) -> dict[str, dict[str, float]]:
    """Of one step of each: ms, target tokens per second, and MiB that it keeps.

    They take turns, ``times`` times and once before, so that all share the machine's
    moods; the median counts.
    """
    for model in models.values():
        model.to(setting.device)
    kept = {
        name: saved_mib(lambda m=model: teacher_forced_loss(m, batch), model)
        for name, model in models.items()
    }
    alone = replace(setting, checkpoint=None)
    training = Training(times + 1, learning_rate=1e-3)
    steps = {
        name: train(model, teacher_forced_loss, lambda step: batch, training, alone)
        for name, model in models.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(training.steps):
        for name, step in steps.items():
            taken[name].append(seconds(lambda s=step: next(s), setting.device))
    tokens = batch.target_mask.sum().item()
    medians = {  # the first is not like the rest
        name: statistics.median(each[1:]) for name, each in taken.items()
    }
    return {
        name: {"ms": 1e3 * median, "tokens": tokens / median, "mib": kept[name]}
        for name, median in medians.items()
    }
