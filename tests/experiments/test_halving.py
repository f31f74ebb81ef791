from __future__ import annotations

import pytest
import torch

from course_lib.experiments.halving import both_precisions, halved
from course_lib.figures.weights import unpack
from course_lib.rnn import RNN


def test_the_copy_has_the_packed_weights_and_the_model_keeps_its_own():
    torch.manual_seed(0)
    model = RNN(3, 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    packed, half = halved(model)
    assert list(packed) == list(before)
    for name, value in half.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, torch.tensor(unpack(packed[name])))
        assert torch.equal(value, before[name].half().float())
        assert torch.equal(model.state_dict()[name], before[name])
    assert not torch.equal(half.W_h, model.W_h), "nothing was rounded"


def test_the_record_has_both_precisions_of_what_was_named():
    full, half = {"bleu": 0.5}, {"bleu": 0.1234567, "other": 1.0}
    assert both_precisions(full, half) == {
        "test_bleu_float32": 0.5,
        "test_bleu_float16": 0.123457,
    }
    with pytest.raises(KeyError):
        both_precisions({"missing": 1.0}, half)
