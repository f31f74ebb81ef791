from __future__ import annotations

import pytest
import torch

from course_lib.experiments.machine import check_device


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said():
    with pytest.raises(ValueError, match="got 'cuda', but this torch sees no CUDA GPU"):
        check_device("cuda")
