"""Positions: the clock's formula, distances only, and no last place but a table's."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.peers import import_d2l
from course_lib.positions import (
    Learned,
    Sinusoidal,
    angles,
    rotate,
    sinusoids,
)
from small_transformers import close, numbers

B, T, C = 2, 5, 8
places = st.integers(0, 5000)


def at(*numbers_: int) -> torch.Tensor:
    return torch.tensor(numbers_)


# -- the code of a place ---------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 7, 999, 10**6])
def test_each_number_is_its_formula_however_far_the_place(place):
    code = sinusoids(at(place), C)[0]
    for i in range(C // 2):
        angle = place / 10_000 ** (2 * i / C)
        assert code[2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
        assert code[2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_the_hands_slow_down_from_one_radian_a_place():
    step = angles(at(1), 512)[0]
    assert step[0] == 1
    assert (step.diff() < 0).all()
    assert step[-1].item() == pytest.approx(1 / 10_000 ** (510 / 512))
    assert angles(at(3), 4, base=100.0).tolist() == [pytest.approx([3, 0.3])]


@given(places, places, st.integers(0, 5000))
def test_a_product_of_codes_depends_on_the_distance_only(p, q, further):
    codes = sinusoids(at(p, q, p + further, q + further), C).double()
    product = codes[0] @ codes[1]
    close(codes[2] @ codes[3], product, 1e-5)
    close(product, angles(at(p - q), C)[0].cos().sum(), 1e-5)


@given(places, st.integers(0, 50))
def test_one_rotation_leads_from_a_code_to_the_one_that_is_k_places_on(p, k):
    # (cos, sin) is the hand's tip, and the code lists its sin first.
    tip, further = sinusoids(at(p, p + k), C).view(2, C // 2, 2).flip(-1).flatten(1)
    close(rotate(tip[None], at(k))[0], further, 1e-5)


def test_sinusoidal_adds_the_code_and_has_nothing_to_learn():
    x, layer = numbers(B, T, C), Sinusoidal()
    close(layer(x, first=3), x + sinusoids(torch.arange(3, 3 + T), C), 0)
    assert layer.state_dict() == {}
    assert layer(x.bfloat16()).dtype == torch.bfloat16
    assert layer(x.double()).dtype == torch.float64


def test_sinusoidal_is_d2ls_in_value_and_gradient():
    theirs = import_d2l().PositionalEncoding(C, dropout=0.0)
    x = numbers(3, 1000, C).requires_grad_()
    ours, wanted = Sinusoidal()(x), theirs(x)
    close(ours, wanted, 1e-4)  # theirs has its angles in float32
    for output in (ours, wanted):
        (gradient,) = torch.autograd.grad((output * x.detach()).sum(), x)
        close(gradient, x.detach())


def test_the_fifth_token_alone_is_told_its_place_by_ours_but_not_by_d2ls():
    # d2l decodes one token at a time, and its layer starts at place 0 in every call.
    x = numbers(1, T, C)
    theirs = import_d2l().PositionalEncoding(C, dropout=0.0)
    close(Sinusoidal()(x[:, 4:], first=4), Sinusoidal()(x)[:, 4:], 0)
    assert (theirs(x[:, 4:]) - theirs(x)[:, 4:]).abs().max() > 0.5


def test_there_is_no_last_place_but_in_d2l():
    x = numbers(1, 1001, C)
    assert Sinusoidal()(x).shape == x.shape
    with pytest.raises(RuntimeError):
        import_d2l().PositionalEncoding(C, dropout=0.0)(x)


# -- rotation --------------------------------------------------------------------------


def test_rotation_is_a_product_of_complex_numbers_in_value_and_gradient():
    x = numbers(B, T, C, dtype=torch.float64).requires_grad_()
    where = torch.tensor([0, 1, 5, 40, 10**6])
    turned = rotate(x, where)
    theta = 10_000 ** (-torch.arange(0, C, 2).double() / C)
    unit = torch.polar(torch.ones(T, C // 2).double(), where[:, None] * theta)
    complex_ = torch.view_as_complex(x.unflatten(-1, (-1, 2))) * unit
    wanted = torch.view_as_real(complex_).flatten(-2)
    close(turned, wanted, 1e-12)
    weight = numbers(B, T, C, seed=1, dtype=torch.float64)
    ours, theirs = (
        torch.autograd.grad((one * weight).sum(), x)[0] for one in (turned, wanted)
    )
    close(ours, theirs, 1e-12)


def test_the_first_place_turns_nothing_and_no_place_changes_a_norm():
    x = numbers(B, T, C)
    assert torch.equal(rotate(x, torch.zeros(T).long()), x)
    turned = rotate(x, torch.arange(T) * 37)
    assert not torch.allclose(turned[:, 1:], x[:, 1:], atol=0.1)
    close(turned.norm(dim=-1), x.norm(dim=-1), 1e-5)


@given(places, places, st.integers(0, 10**6), st.integers(0, 100))
def test_a_score_of_rotated_vectors_depends_on_the_distance_only(p, q, further, seed):
    query, key = numbers(2, 1, C, seed=seed, dtype=torch.float64)

    def score(p, q):
        return rotate(query, at(p)) @ rotate(key, at(q)).T

    close(score(p + further, q + further), score(p, q), 1e-8)
    close(rotate(query, at(p)) @ rotate(key, at(q)).T, query @ rotate(key, at(q - p)).T)


def test_rotation_is_as_exact_at_a_millionth_place_as_its_numbers_are():
    x, place = numbers(1, C), 10**6
    exact = rotate(x.double(), at(place))
    close(rotate(x, at(place)).double(), exact, 1e-6)  # float32 angles: wrong by 0.05
    assert rotate(x.bfloat16(), at(place)).dtype == torch.bfloat16
    close(rotate(x.bfloat16(), at(place)).double(), exact, 0.03)
    for i in range(C // 2):
        angle = place / 10_000 ** (2 * i / C)
        a, b = x[0, 2 * i : 2 * i + 2].tolist()
        wanted = a * math.cos(angle) - b * math.sin(angle)
        assert exact[0, 2 * i].item() == pytest.approx(wanted, abs=1e-9)


# -- a table ---------------------------------------------------------------------------


def test_learned_adds_its_rows_and_only_they_learn():
    torch.manual_seed(0)
    layer, x = Learned(6, C), numbers(B, 3, C)
    assert 0.01 < layer.table.weight.std() < 0.03
    y = layer(x, first=2)
    close(y, x + layer.table(torch.arange(2, 5)), 0)
    y.sum().backward()
    assert layer.table.weight.grad[:, 0].tolist() == [0, 0, B, B, B, 0]


@pytest.mark.parametrize(("first", "length"), [(0, 7), (6, 1), (4, 3)])
def test_learned_knows_no_place_beyond_its_table(first, length):
    layer = Learned(6, C)
    assert layer(numbers(B, length - 1, C), first).shape == (B, length - 1, C)
    with pytest.raises(ValueError, match="x: got 7 places, expected at most 6"):
        layer(numbers(B, length, C), first)


@pytest.mark.parametrize(
    "use",
    [
        lambda: sinusoids(at(1), 7),
        lambda: rotate(torch.zeros(1, 7), at(1)),
        lambda: Sinusoidal()(torch.zeros(1, 1, 7)),
    ],
)
def test_hands_come_in_pairs(use):
    with pytest.raises(ValueError, match="size: got 7, expected an even number"):
        use()


def test_a_place_moves_with_its_model_to_another_device():
    on_meta = torch.zeros(B, T, C, device="meta")
    assert Sinusoidal()(on_meta).device.type == "meta"
    where = torch.arange(T, device="meta")
    assert rotate(on_meta, where).shape == on_meta.shape
    assert Learned(6, C).to("meta")(on_meta).shape == on_meta.shape
