from __future__ import annotations

import pytest

from claims import failed, outcome
from course_lib.experiments import find


def test_an_untrained_character_model_fails_its_band():
    experiment = find("character-model")
    metrics = outcome(experiment, epochs=1, learning_rate=1e-6).metrics
    assert "over_bigram" in failed(experiment, metrics)


def test_a_bad_text_is_named():
    with pytest.raises(ValueError, match="text: got 'x'"):
        outcome(find("character-model"), text="x")


@pytest.mark.data
def test_the_real_text_runs():
    experiment = find("character-model")
    found = outcome(experiment, text="time-machine", epochs=1).series
    assert found["characters"] == 173_428
