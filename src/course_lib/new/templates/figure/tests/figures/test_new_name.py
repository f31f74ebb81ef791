"""The figure computes what torch does, and says it."""

from __future__ import annotations

import pytest
import torch
from javascript import run
from pages import reveal, shown, slider
from torch.nn import functional as F

from course_lib.figures.a_chapter import NewName

SCRIPT = """const { POINTS, error, best } = await load("a_chapter/new_name.js");
  return { points: POINTS, errors: slopes.map(error), best: best() };"""
SLOPES = [-2.0, 0.0, 0.4, 2.0]


def test_the_error_and_the_best_slope_are_those_of_torch() -> None:
    got = run(SCRIPT, slopes=SLOPES)
    x, y = torch.tensor(got["points"], dtype=torch.float64).T
    for slope, error in zip(SLOPES, got["errors"], strict=True):
        assert error == pytest.approx(F.mse_loss(slope * x, y).item())
    solved = torch.linalg.lstsq(x[:, None], y[:, None]).solution
    assert got["best"] == pytest.approx(solved.item())


def test_a_slope_that_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match="slope: got 9, expected a number from -2 to"):
        NewName(slope=9)


@pytest.mark.browser
def test_it_is_guessed_then_seen_by_keys(show) -> None:
    page = show(NewName())
    picture = page.get_by_role("img", name="Five points and a line")
    assert "hidden until you answer" in picture.get_attribute("aria-label")
    reveal(page)
    assert "With 0.49" in page.get_by_label("Predict").inner_text()
    slider(page, "slope").press("ArrowLeft")
    assert shown(page, "slope") == "1.4"
    error = run(SCRIPT, slopes=[1.4])["errors"][0]
    assert f"slope 1.4: error {error:.2f}" in picture.get_attribute("aria-label")
