from __future__ import annotations

import pytest
import torch

from course_lib.experiments.machine import check_device, saved_mib


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said():
    with pytest.raises(ValueError, match="got 'cuda', but this torch sees no CUDA GPU"):
        check_device("cuda")


def test_what_a_forward_pass_keeps_is_counted_once_and_without_parameters():
    model = torch.nn.Linear(256, 256)
    x = torch.randn(1024, 256)  # 1 MiB
    assert saved_mib(lambda: model(x), model) == pytest.approx(1.0)
    twice = saved_mib(lambda: model(x) + (model(x)).tanh(), model)
    assert twice == pytest.approx(2.0)  # x only once, and the tanh
