"""What Python gives the patch bench and the attention rollout, and what it refuses."""

from __future__ import annotations

import pytest
from vits import KINDS, TINY, bench, rolled, stored

from course_lib.figures.vit import AttentionRollout, PatchBench
from course_lib.figures.vit.models import SHARED, STORED

PICTURE = [n % 17 for n in range(64)]
is_stored = pytest.mark.skipif(not STORED.exists(), reason="no models are stored")


def test_what_the_bench_starts_with() -> None:
    figure = PatchBench(weights=TINY)
    assert (figure.digit, figure.points, figure.side) == (8, None, 2)
    assert (figure.positions, figure.shuffle, figure.at) == ("learned", 1, None)
    sent = figure.state()["weights"]
    assert set(sent) == {*SHARED, "models"}
    assert list(sent["models"]) == ["1", "2", "4", "2 without positions"]
    assert repr(figure) == "PatchBench()"
    own = PatchBench(3, tuple(PICTURE), 2, "none", 5, at=16, weights=TINY)
    assert own.points == PICTURE
    assert repr(own) == (
        f"PatchBench(digit=3, points={PICTURE}, positions='none', shuffle=5, at=16)"
    )


def test_what_the_rollout_starts_with() -> None:
    figure = AttentionRollout(weights=TINY)
    assert (figure.digit, figure.side, figure.block, figure.head) == (18, 2, 1, 1)
    assert figure.covered == 0
    # no network that it does not run
    assert list(figure.state()["weights"]["models"]) == ["1", "2"]
    assert repr(AttentionRollout(2, side=1, covered=64, weights=TINY)) == (
        "AttentionRollout(digit=2, side=1, covered=64)"
    )


@pytest.mark.parametrize("figure", [PatchBench, AttentionRollout])
def test_the_answer_is_not_in_the_caption(figure) -> None:
    caption = figure(weights=TINY).state()["caption"]
    for word in ("no shuffle", "cannot be told apart", "explanation", "needs"):
        assert word not in caption


def without(*parts: str) -> dict:
    return {k: v for k, v in TINY.items() if k not in parts}


def changed(name: str, key: str, packed: dict | None) -> dict:
    """A model with another parameter, or without it."""
    model = TINY["models"][name]
    parameters = {k: v for k, v in model["parameters"].items() if k != key}
    if packed is not None:
        parameters[key] = packed
    one = {name: model | {"parameters": parameters}}
    return TINY | {"models": TINY["models"] | one}


BIAS = TINY["models"]["2"]["parameters"]["output.bias"]
WRONG_WEIGHTS = [
    (without("mean"), "weights: mean missing or empty"),
    (TINY | {"digits": []}, "weights: digits missing or empty"),
    (TINY | {"image": [3, 8, 8]}, r"weights: image is \[3, 8, 8\], expected \[1, 8, 8"),
    (
        TINY | {"digits": [{"label": 0, "points": [17] * 64}]},
        "weights: points of digit 1 are not 64 counts",
    ),
    (TINY | {"models": {}}, "weights: models 1, 2.* missing or empty"),
    (changed("2", "places", None), r"places has shape None, expected \[17, 16\]"),
    (changed("1", "places", BIAS), r"places has shape \[10\], expected \[65, 16\]"),
    (changed("2", "more", BIAS), "weights: more is no parameter"),
    (TINY | {"heads": 3}, "weights: heads is 3, expected a divisor of 16"),
]


@pytest.mark.parametrize(("weights", "says"), WRONG_WEIGHTS)
@pytest.mark.parametrize("figure", [PatchBench, AttentionRollout])
def test_wrong_weights_are_named(figure, weights, says) -> None:
    with pytest.raises(ValueError, match=says):
        figure(weights=weights)


def test_positions_of_a_model_without_them_are_refused() -> None:
    places = TINY["models"]["2"]["parameters"]["places"]
    with pytest.raises(ValueError, match="places is no parameter"):
        PatchBench(weights=changed("2 without positions", "places", places))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"digit": 0}, "digit: got 0"),
        ({"digit": 21}, "digit: got 21, expected 1 to 20"),
        (
            {"points": [1] * 63},
            "points: got .*, expected 64 whole numbers from 0 to 16",
        ),
        ({"points": [17] * 64}, "points: got"),
        ({"points": [True] * 64}, "points: got"),
        ({"points": "1" * 64}, "points: got"),
        ({"side": 3}, "side: got 3, expected 1, 2 or 4"),
        ({"side": 4, "positions": "none"}, "side: got 4, expected 2: the network with"),
        ({"positions": "sinusoidal"}, "positions: got 'sinusoidal'"),
        ({"at": 17}, "at: got 17, expected 1 to 16"),
        ({"side": 4, "at": 5}, "at: got 5, expected 1 to 4"),
        ({"shuffle": 0}, "shuffle: got 0"),
    ],
)
def test_a_wrong_argument_of_the_bench_is_named(arguments, says) -> None:
    with pytest.raises(ValueError, match=says):
        PatchBench(**{"weights": TINY} | arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"digit": 21}, "digit: got 21, expected 1 to 20"),
        ({"side": 4}, "side: got 4"),
        ({"block": 3}, "block: got 3, expected 1 to 2"),
        ({"head": 3}, "head: got 3, expected 1 to 2"),
        ({"covered": 17}, "covered: got 17, expected 0 to 16"),
        ({"side": 1, "covered": 65}, "covered: got 65"),
    ],
)
def test_a_wrong_argument_of_the_rollout_is_named(arguments, says) -> None:
    with pytest.raises(ValueError, match=says):
        AttentionRollout(**{"weights": TINY} | arguments)


def test_without_a_stored_file_it_says_how_to_make_one(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("course_lib.figures.vit.models.STORED", tmp_path / "x.json")
    with pytest.raises(ValueError, match="course run position-table --export writes"):
        PatchBench()


@is_stored
def test_they_are_small_enough_for_a_page() -> None:
    assert len(PatchBench().to_html()) < 400_000
    assert len(AttentionRollout().to_html()) < 300_000


@is_stored
def test_the_stored_file_has_two_pictures_of_each_class() -> None:
    weights = stored()
    assert sorted(weights["models"]) == sorted(KINDS)
    labels = [str(one["label"]) for one in weights["digits"]]
    assert sorted(labels) == sorted(2 * weights["classes"])
    for figure in (bench(), rolled()):
        assert figure.weights["digits"] == weights["digits"]
