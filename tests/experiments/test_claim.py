from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.experiments import Band
from toy import TOY, Config


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"chapter": "rnnn"},
            "toy: chapter: got 'rnnn', expected one of rnn, lstm_gru",
        ),
        ({"scales": {"huge": Config()}}, r"toy: scales: got \['huge'\]"),
        ({"scales": {"reel-sst2": Config()}}, r"toy: scales: got \['reel-sst2'\]"),
        ({"scales": {"quick": Config()}}, r"bands: got some for \['cpu', 'quick'\]"),
        ({"bands": {"quick": TOY.bands["quick"], "cpu": ()}}, r"some for \['quick'\]"),
        ({"artefact": None}, "toy: got export alone, expected both"),
        ({"export": None}, "toy: got artefact alone, expected both"),
    ],
)
def test_a_malformed_claim_is_refused_where_it_is_made(changes, says):
    with pytest.raises(ValueError, match=says):
        replace(TOY, **changes)


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (float("nan"), 1.0)])
def test_a_band_without_an_inside_is_refused(low, high):
    with pytest.raises(ValueError, match=r"band of loss: got .*, expected low <= high"):
        Band("loss", "impossible", low, high)
