"""The number of weights, and the sizes at which it is the same."""

from __future__ import annotations

import pytest

from course_lib.experiments.lstm_gru.layers import (
    LAYERS,
    hidden_size_for,
    weights_of,
)
from course_lib.rnn import LanguageModel
from course_lib.training import weight_count


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(("symbols", "hidden"), [(27, 32), (5, 1), (62, 96)])
def test_the_formula_counts_what_is_there(kind, symbols, hidden):
    model = LanguageModel(LAYERS[kind](symbols, hidden))
    assert weights_of(kind, symbols, hidden) == weight_count(model)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_size_is_the_largest_that_fits(kind):
    most = weights_of("lstm", 27, 32)
    size = hidden_size_for(kind, 27, most)
    assert weights_of(kind, 27, size) <= most < weights_of(kind, 27, size + 1)


def test_an_lstm_fits_itself():
    assert hidden_size_for("lstm", 62, weights_of("lstm", 62, 96)) == 96
