"""Training with a history: when it ends, and that a run that was stopped goes on."""

from __future__ import annotations

import itertools
from functools import partial

import pytest
import torch
from torch import nn

from course_lib.experiments import Setting, run_to_end
from course_lib.experiments.learning import learn
from course_lib.training import Training

STEPS, EVERY = 40, 8
ALONE = Setting()


def fit(setting=ALONE, limit=None, fails_at=None):
    """Fit a line; enough is a distance below ``limit``. The model, and the run."""
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    calls = itertools.count()

    def distance():
        if next(calls) == fails_at:
            raise OSError("killed")
        return {"distance": abs(model.weight.item() - 3)}

    steps = learn(
        model,
        loss=lambda model, x: (model(x) - 3 * x).square().mean(),
        batch_at=lambda step: torch.full((1, 1), 1.0 + step % 2),
        training=Training(STEPS, 0.1, "sgd", None, checkpoint_every=EVERY),
        setting=setting,
        name="line",
        measure=distance,
        every=EVERY,
        done=100,
        total=200,
        **({"enough": lambda point: point["distance"] < limit} if limit else {}),
    )
    return model, steps


def test_the_curve_has_the_first_and_the_last_step():
    _, steps = fit()
    curve = run_to_end(steps)
    assert curve["step"] == [0, 8, 16, 24, 32, 40]
    assert curve["distance"] == sorted(curve["distance"], reverse=True)


def test_it_ends_with_the_first_measurement_that_is_enough():
    model, steps = fit()
    whole = run_to_end(steps)
    limit = whole["distance"][3] * 1.01
    model, steps = fit(limit=limit)
    seen = []
    curve = run_to_end(steps, seen.append)
    assert curve == {key: values[:4] for key, values in whole.items()}
    # The model is the one that was measured, not one of a step later.
    assert abs(model.weight.item() - 3) == curve["distance"][-1]
    assert [p.done for p in seen] == [110, 120, 100 + STEPS]
    assert seen[-1].curves["line distance"] == curve["distance"][-1]


@pytest.mark.parametrize("reports", [1, 2, 3])
@pytest.mark.parametrize("limit", [None, 0.5])
def test_a_run_that_was_stopped_ends_with_the_same_curve(tmp_path, limit, reports):
    _, steps = fit(limit=limit)
    whole = run_to_end(steps)
    resume = partial(fit, Setting(checkpoint=tmp_path), limit)
    _, steps = resume()
    list(itertools.islice(steps, reports))
    steps.close()
    model, steps = resume()
    assert run_to_end(steps) == whole
    assert abs(model.weight.item() - 3) == whole["distance"][-1]
    # And once more, of what is finished.
    assert run_to_end(resume()[1]) == whole


def test_a_kill_between_the_checkpoint_and_the_measurement_loses_no_point(tmp_path):
    whole = run_to_end(fit()[1])
    setting = Setting(checkpoint=tmp_path)
    with pytest.raises(OSError, match="killed"):
        run_to_end(fit(setting, fails_at=2)[1])
    assert (tmp_path / "line.pt").exists()
    assert run_to_end(fit(setting)[1]) == whole
