"""Attention in many heads: its formula, its two paths, who may look, what is kept."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib.attention import masked_softmax
from course_lib.exchange import to_d2l, to_torch
from course_lib.peers import import_d2l
from course_lib.self_attention import (
    PATHS,
    MultiHeadAttention,
    Seen,
    attention,
    may_look,
    weights_kept,
)
from small_transformers import close, gradients, numbers, shaken

B, T, S, C, H = 3, 4, 6, 8, 2
D = C // H
MASKS = {
    "none": (False, False),
    "padding": (True, False),
    "causal": (False, True),
    "both": (True, True),
}
by_path = pytest.mark.parametrize("path", PATHS)
by_mask = pytest.mark.parametrize(("padded", "causal"), MASKS.values(), ids=MASKS)


def real(lengths=(6, 3, 1)):
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def build(seed=0, **how) -> MultiHeadAttention:
    torch.manual_seed(seed)
    return shaken(MultiHeadAttention(C, H, **how), seed)


def hear(model, x, y, **how):
    return model(x, model.look_at(y), **how)


# -- the formula -----------------------------------------------------------------------


def test_attention_is_its_formula():
    q, k, v = numbers(B, T, D), numbers(B, S, D, seed=1), numbers(B, S, D, seed=2)
    out, weights = attention(q, k, v)
    for b in range(B):
        for t in range(T):
            e = [math.exp(float(q[b, t] @ k[b, s]) / math.sqrt(D)) for s in range(S)]
            alpha = torch.tensor(e) / sum(e)
            close(weights[b, t], alpha)
            close(out[b, t], alpha @ v[b])


@by_path
def test_each_head_attends_by_itself_on_its_own_numbers(path):
    model, x, y = build(path=path), numbers(B, T, C), numbers(B, S, C, seed=1)
    heads = []
    for h in range(H):
        own = slice(h * D, (h + 1) * D)
        q, k, v = (
            one @ W.weight[own].T + W.bias[own]
            for one, W in ((x, model.W_q), (y, model.W_k), (y, model.W_v))
        )
        heads.append((q @ k.transpose(1, 2) / math.sqrt(D)).softmax(-1) @ v)
    close(hear(model, x, y), model.W_o(torch.cat(heads, dim=-1)))


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("earlier", [0, 3])
@by_mask
def test_both_paths_agree_in_value_and_gradient(padded, causal, earlier, rotary):
    x = numbers(B, 6, C, dtype=torch.float64).requires_grad_()
    mask = real() if padded else None
    found = []
    for path in PATHS:
        model = build(path=path, rotary=rotary).double()
        seen = model.look_at(x[:, :earlier]).then(
            model.look_at(x[:, earlier:], earlier)
        )
        out = model(x[:, earlier:], seen, mask, causal)
        (of_x,) = torch.autograd.grad(out.square().sum(), x, retain_graph=True)
        found.append((out, of_x, gradients(model, out)))
    (fused, fused_x, fused_all), (plain, plain_x, plain_all) = found
    close(fused, plain, 1e-12)
    close(fused_x, plain_x, 1e-11)
    for name, one in plain_all.items():
        close(fused_all[name], one, 1e-12)
    assert plain_all["W_v.weight"].abs().max() > 1e-3


@by_path
@by_mask
def test_is_torchs_in_value_gradient_and_weights(padded, causal, path):
    ours, x, y = build(path=path), numbers(B, S, C), numbers(B, S, C, seed=1)
    theirs = to_torch(ours)
    mask = real() if padded else None
    with weights_kept(ours):
        hear(ours, x, y, mask=mask, causal=causal)
        weights = ours.weights
    out = hear(ours, x, y, mask=mask, causal=causal)
    wanted, their_weights = theirs(
        x,
        y,
        y,
        key_padding_mask=None if mask is None else ~mask,  # torch's is True for padding
        attn_mask=~torch.ones(S, S).tril().bool() if causal else None,
        average_attn_weights=False,
    )
    close(out, wanted)
    close(weights, their_weights)
    own, other = gradients(ours, out), gradients(theirs, wanted)
    for kind in ("weight", "bias"):
        stacked = torch.cat([own[f"W_{n}.{kind}"] for n in "qkv"])
        close(stacked, other[f"in_proj_{kind}"])
        close(own[f"W_o.{kind}"], other[f"out_proj.{kind}"])


@pytest.mark.parametrize("lengths", [None, "padding", "causal"])
@by_path
def test_is_d2ls_in_value_gradient_and_weights(path, lengths):
    x = numbers(B, S, C)
    how, valid = {
        None: ({}, None),
        "padding": ({"mask": real()}, torch.tensor([6, 3, 1])),
        "causal": ({"causal": True}, torch.arange(1, S + 1).repeat(B, 1)),
    }[lengths]
    ours = build(path=path, bias=False)
    theirs = to_d2l(ours)
    out, wanted = hear(ours, x, x, **how), theirs(x, x, x, valid)
    close(out, wanted)
    own, other = gradients(ours, out), gradients(theirs, wanted)
    assert own.keys() == other.keys()
    for name, one in own.items():
        close(one, other[name])


# -- who may look ----------------------------------------------------------------------


def allowed(T, S, mask=None, causal=False):
    B = 1 if mask is None else len(mask)
    may = may_look(torch.zeros(B, H, T, D), torch.zeros(B, H, S, D), mask, causal)
    return None if may is None else may.expand(B, 1, T, S)[:, 0].int().tolist()


def test_who_may_look_where():
    assert allowed(2, 3) is None
    assert allowed(1, 3, causal=True) is None, "the last one has nothing after it"
    assert allowed(2, 2, causal=True) == [[[1, 0], [1, 1]]]
    assert allowed(2, 4, causal=True) == [[[1, 1, 1, 0], [1, 1, 1, 1]]]
    mask = torch.tensor([[True, True, False], [False, True, True]])
    assert allowed(2, 3, mask) == [[[1, 1, 0]] * 2, [[0, 1, 1]] * 2]
    assert allowed(3, 3, mask, causal=True) == [
        [[1, 0, 0], [1, 1, 0], [1, 1, 0]],
        [[0, 0, 0], [0, 1, 0], [0, 1, 1]],
    ]


@by_path
@pytest.mark.parametrize(
    "mask", [torch.ones(B, S), torch.ones(B, S - 1).bool(), torch.ones(S).bool()]
)
def test_a_wrong_mask_is_named(path, mask):
    got = rf"mask: got {mask.dtype} of shape \({mask.shape[0]},"
    with pytest.raises(ValueError, match=got + r".*expected torch\.bool of shape \(3,"):
        hear(build(path=path), numbers(B, T, C), numbers(B, S, C), mask=mask)


def test_other_bad_arguments_are_named():
    for heads in (3, 0, -2):
        with pytest.raises(ValueError, match=f"heads: got {heads}, expected a divisor"):
            MultiHeadAttention(8, heads)
    with pytest.raises(ValueError, match="path: got 'fast', expected one of fused"):
        MultiHeadAttention(8, 2, path="fast")
    with pytest.raises(ValueError, match="size: got 3, expected an even number"):
        MultiHeadAttention(6, 2, rotary=True).look_at(numbers(B, S, 6))


@by_path
def test_who_may_look_nowhere_hears_nothing_and_spoils_no_gradient(path):
    model, x = build(path=path), numbers(B, S, C).requires_grad_()
    mask = real()
    mask[1] = False
    out = hear(model, x, x, mask=mask)
    close(out[1], model.W_o.bias.expand(S, C))
    (gradient,) = torch.autograd.grad(out.square().sum(), x)
    assert (gradient[1] == 0).all()
    assert gradient.isfinite().all()
    others = torch.tensor([0, 2])
    wanted, _ = to_torch(model)(x, x, x, key_padding_mask=~mask)
    close(out[others], wanted[others])
    assert wanted[1].isnan().all(), "torch's module gives NaN, if weights are asked for"


def test_a_row_of_padding_weighs_nothing_in_ours_and_is_uniform_in_d2ls():
    scores, none = numbers(1, 1, 4), torch.tensor([0])
    assert (masked_softmax(scores, torch.zeros(1, 1, 4).bool()) == 0).all()
    before = scores.clone()
    close(import_d2l().masked_softmax(scores, none), torch.full((1, 1, 4), 0.25))
    assert not torch.equal(scores, before), "and it overwrites what it was given"


@given(st.integers(0, 2**18 - 1), st.integers(0, 50))
def test_padding_is_not_there(bits, seed):
    """What one hears is what one hears from the real tokens alone, in both paths."""
    mask = torch.tensor([bool(bits >> i & 1) for i in range(B * S)]).view(B, S)
    x, y = numbers(B, T, C, seed=seed), numbers(B, S, C, seed=seed + 1)
    for path in PATHS:
        model = build(path=path)
        out = hear(model, x, y, mask=mask)
        other = torch.where(mask[..., None], y, 7 * y + 1)
        assert torch.equal(hear(model, x, other, mask=mask), out)
        for b in range(B):
            if mask[b].any():
                alone = hear(model, x[b : b + 1], y[b : b + 1, mask[b]])
                close(out[b : b + 1], alone, 1e-5)


def test_the_order_of_the_tokens_is_not_seen_unless_it_is_told():
    x, order = numbers(B, S, C), torch.tensor([3, 0, 5, 1, 4, 2])
    plain, rotary = build(), build(rotary=True)
    close(hear(plain, x[:, order], x[:, order]), hear(plain, x, x)[:, order])
    assert not torch.allclose(
        hear(rotary, x[:, order], x[:, order]), hear(rotary, x, x)[:, order], atol=1e-2
    )


def test_rotary_sees_how_far_not_where():
    model, x = build(rotary=True), numbers(B, S, C)
    near = hear(model, x, x, causal=True)
    # The same tokens at places 50 and on. What stands before them is only padding.
    padding = model.look_at(numbers(B, 50, C, seed=1))
    seen = padding.then(model.look_at(x, first=50))
    mask = torch.ones(B, 50 + S).bool()
    mask[:, :50] = False
    close(model(x, seen, mask, causal=True), near, 1e-5)


# -- what is kept ----------------------------------------------------------------------


def test_seen_then_more():
    x, model = numbers(B, S, C), build()
    whole, first, second = map(model.look_at, (x, x[:, :2], x[:, 2:]))
    both = first.then(second)
    close(both.keys, whole.keys)
    close(both.values, whole.values)
    empty = Seen(torch.zeros(B, H, 0, D), torch.zeros(B, H, 0, D))
    assert empty.then(second) is second


@by_path
@by_mask
def test_weights_are_kept_on_request_detached_and_only_as_long(padded, causal, path):
    model = nn.ModuleDict({"one": build(path=path), "two": build(1, path=path)})
    x, y = numbers(B, T, C), numbers(B, S, C, seed=1)
    how = {"mask": real() if padded else None, "causal": causal}
    before = hear(model["one"], x, y, **how)
    assert model["one"].weights is None
    with weights_kept(model) as kept:
        assert list(kept) == ["one", "two"]
        during = hear(model["one"], x, y, **how)
        weights = kept["one"].weights
        assert kept["two"].weights is None, "it was not called"
    close(during, before)
    assert during.requires_grad
    assert weights.shape == (B, H, T, S)
    assert not weights.requires_grad
    close(weights.sum(-1), torch.ones(B, H, T))
    assert (weights >= 0).all()
    if padded:
        assert (weights.permute(0, 3, 1, 2)[~real()] == 0).all()
    if causal:
        assert (weights.triu(S - T + 1) == 0).all()
    assert model["one"].weights is None
    hear(model["one"], x, y, **how)
    assert model["one"].weights is None


def test_weights_are_gone_even_after_an_exception():
    model, x, kept = build(), numbers(B, T, C), []

    def fail():
        with weights_kept(model):
            hear(model, x, x)
            kept.append(model.weights)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert kept[0].shape == (B, H, T, T)
    assert model.weights is None
    assert not model.keep_weights


def test_kept_weights_hold_no_graph_but_d2ls_do():
    x = numbers(B, S, C)
    theirs = import_d2l().MultiHeadAttention(C, H, dropout=0.0)
    theirs(x, x, x, None)
    assert theirs.attention.attention_weights.grad_fn is not None
    ours = build()
    with weights_kept(ours):
        hear(ours, x, x)
        assert ours.weights.grad_fn is None


def largest_kept_for_the_way_back(path, T=128):
    sizes, model, x = [], build(path=path), numbers(1, T, C)

    def note(tensor):
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        hear(model, x, x, causal=True)
    return max(sizes)


def test_the_fused_path_never_makes_the_weights_of_all_pairs():
    assert largest_kept_for_the_way_back("written_out") >= H * 128 * 128
    assert largest_kept_for_the_way_back("fused") <= 3 * 128 * C


@by_path
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@by_mask
def test_other_precisions(dtype, padded, causal, path):
    x = numbers(B, S, C).to(dtype)
    how = {"mask": real() if padded else None, "causal": causal}
    out = hear(build(path=path, rotary=True).to(dtype), x, x, **how)
    assert out.dtype == dtype
    wanted = hear(build(path=path, rotary=True), x.float(), x.float(), **how)
    close(out.float(), wanted, {torch.float64: 1e-5, torch.bfloat16: 0.1}[dtype])
