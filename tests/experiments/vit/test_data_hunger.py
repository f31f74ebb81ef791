"""Three arms of equal weight, and more and more of the same pictures."""

from __future__ import annotations

import pytest

from claims import failed, outcome
from course_lib.cnn import ResNet
from course_lib.experiments.labels import Learned
from course_lib.experiments.vit import data_hunger as claim
from course_lib.experiments.vit.data_hunger import ARMS, EXPERIMENT, measures
from course_lib.vit import VisionTransformer

SEED = 3
TINY = {"counts": (10, 30, 5000), "valid": 20, "test": 40, "size": 8, "inner": 8}
TINY |= {"least": 2, "epochs": 0, "rates": (1e-3, 1e-2)}
CURVES = {"vit": [0.3, 0.5, 0.8, 0.95], "cnn": [0.6, 0.8, 0.9, 0.97]}
COARSE = [0.4, 0.7, 0.9, 0.98]


class Made:
    """A tiny run, and what each training was given."""

    def __init__(self) -> None:
        self.given = []

    def taught(self, *given):
        self.given.append(given)
        return (yield from self.true_taught(*given))

    def run(self):
        with pytest.MonkeyPatch.context() as patch:
            self.true_taught = claim.taught
            patch.setattr(claim, "taught", self.taught)
            self.outcome = outcome(EXPERIMENT, SEED, **TINY)
        return self


@pytest.fixture(scope="module")
def made():
    return Made().run()


def test_each_number_of_pictures_is_tried_with_all_arms_in_the_same_way(made):
    grids = {"vit": (4, 4), "coarse": (2, 2)}
    expected = [(arm, n) for n in (10, 30, 1257) for arm in ARMS]  # all there are
    for (arm, n), given in zip(expected, made.given, strict=True):
        make, task, count, recipe, setting, name, *_ = given
        assert isinstance(make(), ResNet if arm == "cnn" else VisionTransformer)
        assert arm == "cnn" or make().grid == grids[arm]
        assert (count, name) == (n, f"{arm} {n}")
        assert (task, recipe) == (made.given[0][1], made.given[0][3])
        assert setting.seed == SEED
    assert made.outcome.series["counts"] == [10, 30, 1257]


def test_progress_ends_where_it_should(made):
    assert [given[6] for given in made.given] == [*range(0, 36, 4)]
    assert {given[7] for given in made.given} == {36}
    assert made.outcome.tokens == 36 * 32 * 16  # steps, pictures, patches


def test_the_arms_weigh_the_same_and_that_is_said(made):
    metrics = outcome(
        EXPERIMENT, **TINY | {"size": 48, "inner": 96, "blocks": 3}
    ).metrics
    assert 0.9 < metrics["weights_cnn"] / metrics["weights_vit"] <= 1
    assert metrics["weights_coarse"] == metrics["weights_vit"]  # as it happens
    for name in ("weights", "mflop"):
        assert metrics[f"{name}_vit"] > made.outcome.metrics[f"{name}_vit"] > 0


def test_the_numbers_are_those_of_the_curves(made):
    series, metrics = made.outcome.series, made.outcome.metrics
    for arm in ARMS:
        curve = series["accuracy"][arm]
        assert metrics[f"few_{arm}"] == curve[1]
        assert metrics[f"all_{arm}"] == curve[-1]
        assert set(series["chosen"][arm]) <= set(TINY["rates"])
    assert set(series["gap"]) == {"vit", "coarse"}
    for arm, found in series["gap"].items():
        both = zip(series["accuracy"]["cnn"], series["accuracy"][arm], strict=True)
        assert found == [cnn - one for cnn, one in both]


def measured(vit, coarse=COARSE):
    curves = CURVES | {"vit": vit, "coarse": coarse}
    return measures({"accuracy": curves, "gap": claim.gaps(curves)})


def broken(metrics):
    """The bands of the page that do not hold."""
    bands = EXPERIMENT.bands["cpu"]
    return {band.metric for band in bands if not band.holds(metrics[band.metric])}


def test_a_gap_that_shrinks_and_stays_open_holds():
    found = measured(CURVES["vit"])
    assert found["gap_few_vit"] == pytest.approx(0.3)
    assert found["gap_all_vit"] == found["gap_least_vit"] == pytest.approx(0.02)
    assert found["beyond_half_vit"] == pytest.approx(0.13)
    assert found["gap_few_coarse"] == pytest.approx(0.1)
    assert found["gap_all_coarse"] == pytest.approx(-0.01)
    assert not broken(found)


@pytest.mark.parametrize(
    ("vit", "fails"),
    [
        ([0.3, 0.75, 0.88, 0.95], {"gap_few_vit"}),  # no gap to begin with
        ([0.3, 0.5, 0.6, 0.7], {"beyond_half_vit"}),  # it stays
        ([0.3, 0.5, 0.8, 0.98], {"gap_least_vit"}),  # they cross
        ([0.3, 0.5, 0.91, 0.95], {"gap_least_vit"}),  # they cross and cross back
    ],
)
def test_each_band_of_the_page_can_fail(vit, fails):
    assert broken(measured(vit)) == fails


def test_larger_patches_can_fail_as_well():
    assert broken(measured(CURVES["vit"], [0.4, 0.5, 0.9, 0.9])) == {
        "gap_few_coarse",
        "gap_all_coarse",
    }


def test_arms_that_learn_nothing_fail_their_bands(monkeypatch):
    def nothing(*_):
        return Learned(0.1, 1e-3), None
        yield

    monkeypatch.setattr(claim, "taught", nothing)
    found = outcome(EXPERIMENT, **TINY).metrics
    assert failed(EXPERIMENT, found) == {"all_cnn", "all_vit"}


@pytest.mark.data
def test_it_runs_on_clothes_as_well():
    tiny = TINY | {
        "corpus": "fashion_mnist",
        "side": 7,
        "coarse": 14,
        "counts": (10, 30),
    }
    assert outcome(EXPERIMENT, **tiny).series["counts"] == [10, 30]
