"""What is said of a memory that is full, in words of the settings that were run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.experiments.problems import explain
from toy import Config

MANY = 10**14  # numbers: more than any machine has


@pytest.mark.parametrize("make", [torch.empty, np.empty])
def test_the_machines_own_memory_names_the_settings_to_lower(make):
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        make(MANY)
    said = explain(caught.value, lambda: Config(widths=(9, 8)))
    assert said == "out of memory; lower widths (now (9, 8))"


def test_without_settings_the_batch_is_named():
    full = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    said = explain(full)
    assert said == "out of GPU memory; lower the batch size, or choose the CPU"


def test_another_error_of_torch_is_a_bug():
    with pytest.raises(RuntimeError) as caught:
        torch.ones(2) @ torch.ones(3)
    assert explain(caught.value, Config) is None
