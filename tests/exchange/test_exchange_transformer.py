"""Attention and Transformers to and from torch: the same in value and gradient."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.exchange import from_torch, to_torch
from course_lib.self_attention import PATHS, MultiHeadAttention
from course_lib.transformer import LayerNorm, Stack
from small_transformers import (
    NORMS,
    C,
    H,
    close,
    config,
    gradients,
    numbers,
    sentences,
    shaken,
    translator,
)

B, T, S = 4, 5, 6
REAL = torch.arange(S) < torch.tensor([6, 3, 1, 4])[:, None]
AHEAD = torch.ones(T, T).triu(1).bool()  # torch's masks are True where none may look
ACTIVATIONS = {"relu": F.relu, "gelu": nn.GELU()}
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")
by_path = pytest.mark.parametrize("path", PATHS)
by_norm = pytest.mark.parametrize("norm", NORMS)
by_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def torchs(kind, norm="post", activation="relu", **how):
    """A stack of torch's, or both, that has a last norm only where ours has one."""
    torch.manual_seed(0)
    more = {"dropout": 0.0, "batch_first": True, "norm_first": norm == "pre"} | how
    more["activation"] = ACTIVATIONS[activation]

    def stack(kind):
        last = nn.LayerNorm(C, eps=how.get("layer_norm_eps", 1e-5))
        last = last if norm == "pre" else None
        if kind == "encoder":
            layer = nn.TransformerEncoderLayer(C, H, 12, **more)
            return nn.TransformerEncoder(layer, 2, last, enable_nested_tensor=False)
        return nn.TransformerDecoder(
            nn.TransformerDecoderLayer(C, H, 12, **more), 3, last
        )

    if kind != "both":
        return shaken(stack(kind))
    both = nn.Transformer(
        C, H, custom_encoder=stack("encoder"), custom_decoder=stack("decoder"), **more
    )
    return shaken(both)


def encode(stack, x, mask=None, causal=False):
    if isinstance(stack, Stack):
        return stack(x, mask, causal)[0]
    mask = None if mask is None else ~mask
    return stack(x, AHEAD if causal else None, src_key_padding_mask=mask)


def decode(stack, x, memory, mask=None):
    if isinstance(stack, Stack):
        source = tuple(block.cross_attention.look_at(memory) for block in stack.blocks)
        return stack(x, causal=True, source=source, source_mask=mask)[0]
    mask = None if mask is None else ~mask
    return stack(x, memory, AHEAD, memory_key_padding_mask=mask)


def in_our_layout(theirs, output):
    """The gradients of ``theirs``, as the parameters of a network of ours."""
    found, twin = gradients(theirs, output), copy.deepcopy(theirs)
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.copy_(found[name])
    return dict(from_torch(twin).named_parameters())


def assert_same(ours, theirs, run, *inputs, rows=slice(None)):
    """In value, and in the gradient of each input and parameter."""
    inputs = [one.clone().requires_grad_() for one in inputs]
    out, wanted = run(ours, *inputs), run(theirs, *inputs)
    close(out[rows], wanted[rows], 1e-5)
    weight = numbers(*out.shape, seed=7)[rows]
    own, other = (
        torch.autograd.grad((one[rows] * weight).mean(), inputs, retain_graph=True)
        for one in (out, wanted)
    )
    for one, two in zip(own, other, strict=True):
        close(one[rows], two[rows], 1e-5)
    found, expected = gradients(ours, out[rows]), in_our_layout(theirs, wanted[rows])
    assert found.keys() == expected.keys()
    for name, one in found.items():
        close(one, expected[name], 1e-5)
        if not name.endswith("W_k.bias"):  # it adds the same to all scores of a query
            assert one.abs().max() > 1e-5, name


# -- the same values and gradients -----------------------------------------------------


@by_path
@by_activation
@by_norm
@pytest.mark.parametrize("mask", [None, REAL], ids=["all", "padding"])
def test_an_encoder(norm, activation, path, mask):
    theirs = torchs("encoder", norm, activation)
    x = numbers(B, S, C)
    assert_same(from_torch(theirs, path), theirs, partial(encode, mask=mask), x)


@by_path
@by_norm
def test_an_encoder_that_is_causal_is_gpts_stack(norm, path):
    theirs = torchs("encoder", norm)
    ours = from_torch(theirs, path)
    assert_same(ours, theirs, partial(encode, causal=True), numbers(B, T, C))


@by_path
@by_activation
@by_norm
@pytest.mark.parametrize("mask", [None, REAL], ids=["all", "padding"])
def test_a_decoder(norm, activation, path, mask):
    theirs = torchs("decoder", norm, activation)
    x, memory = numbers(B, T, C), numbers(B, S, C, seed=1)
    ours = from_torch(theirs, path)
    assert_same(ours, theirs, partial(decode, mask=mask), x, memory)


@by_path
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_where_all_is_padding_torch_gives_nan_and_ours_goes_on(kind, path):
    theirs, mask = torchs(kind), REAL.clone()
    mask[2] = False
    others = torch.tensor([0, 1, 3])
    inputs = [numbers(B, S, C)] if kind == "encoder" else [numbers(B, T, C)]
    run = encode if kind == "encoder" else decode
    if kind == "decoder":
        inputs.append(numbers(B, S, C, seed=1))
    ours = from_torch(theirs, path)
    out, wanted = run(ours, *inputs, mask=mask), run(theirs, *inputs, mask=mask)
    close(out[others], wanted[others], 1e-5)
    assert out.isfinite().all()
    assert all(one.isfinite().all() for one in gradients(ours, out).values())


@by_path
@by_norm
def test_a_transformer(norm, path):
    theirs = torchs("both", norm)
    encoder, decoder = from_torch(theirs, path)
    ours = nn.ModuleList([encoder, decoder])
    x, y = numbers(B, S, C), numbers(B, T, C, seed=1)
    out = decode(decoder, y, encode(encoder, x, REAL), REAL)
    wanted = theirs(
        x,
        y,
        tgt_mask=AHEAD,
        src_key_padding_mask=~REAL,
        memory_key_padding_mask=~REAL,
    )
    close(out, wanted, 1e-5)
    found, expected = gradients(ours, out), gradients(theirs, wanted)
    for own, other in (
        ("0.blocks.0.feed_forward.W_1.bias", "encoder.layers.0.linear1.bias"),
        ("0.blocks.1.after_attention.norm.gain", "encoder.layers.1.norm1.weight"),
        (
            "1.blocks.0.cross_attention.W_o.weight",
            "decoder.layers.0.multihead_attn.out_proj.weight",
        ),
    ):
        close(found[own], expected[other], 1e-5)
        assert found[own].abs().max() > 1e-4


@by_norm
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_our_whole_model_runs_on_torchs_stacks(norm, activation):
    model = translator(norm=norm, activation=activation)
    source, mask, previous = sentences(T=T)
    theirs = to_torch((model.encoder, model.decoder))
    assert isinstance(theirs, nn.Transformer)
    assert theirs.batch_first
    assert (theirs.d_model, theirs.nhead) == (C, H)
    x = theirs(
        model.source(source),
        model.target(previous),
        tgt_mask=AHEAD,
        src_key_padding_mask=~mask,
        memory_key_padding_mask=~mask,
    )
    close(model.output(x), model(source, mask, previous), 1e-5)


def test_torchs_own_transformer_of_norm_pre():
    theirs = shaken(nn.Transformer(C, H, 2, 3, 12, 0.0, norm_first=True))
    encoder, decoder = from_torch(theirs)
    x, y = numbers(B, S, C), numbers(B, T, C, seed=1)
    wanted = theirs(x.transpose(0, 1), y.transpose(0, 1), tgt_mask=AHEAD)  # time first
    out = decode(decoder, y, encode(encoder, x))
    close(out, wanted.transpose(0, 1), 1e-5)


@pytest.mark.parametrize(("cross", "run"), [(False, encode), (True, decode)])
def test_dropout_falls_on_the_same_numbers_in_torchs_stack(monkeypatch, cross, run):
    ours = shaken(Stack(config(dropout=0.3), cross))
    theirs = to_torch(ours)
    inputs = [numbers(B, T, C)] + [numbers(B, S, C, seed=1)] * cross
    attentions = [m for m in theirs.modules() if isinstance(m, nn.MultiheadAttention)]
    assert {one.dropout for one in attentions} == {0}

    def halve(self, x):  # drawn numbers would lie in another order in memory
        return x / 2 if self.training and self.p == 0.3 else x

    monkeypatch.setattr(nn.Dropout, "forward", halve)
    in_training = run(ours, *inputs)
    close(run(theirs, *inputs), in_training, 1e-5)
    assert not torch.allclose(run(ours.eval(), *inputs), in_training, atol=0.1)


def test_from_torch_keeps_the_dropout_of_what_is_added():
    theirs = torchs("decoder", dropout=0.25)
    ours = from_torch(theirs)
    assert ours.config.dropout == ours.blocks[0].after_feed_forward.dropout.p == 0.25
    x, memory = numbers(B, T, C), numbers(B, S, C, seed=1)
    close(decode(ours.eval(), x, memory), decode(theirs.eval(), x, memory), 1e-5)


def test_torchs_fast_path_in_evaluation():
    theirs, x = torchs("encoder", "pre").eval(), numbers(B, S, C)
    with torch.no_grad():
        out = encode(from_torch(theirs), x, REAL)
        close(out[REAL], encode(theirs, x, REAL)[REAL], 1e-5)


# -- there and back --------------------------------------------------------------------


@by_norm
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["encoder", "decoder", "both"])
def test_there_and_back_nothing_is_lost(kind, norm, dtype):
    theirs = torchs(kind, norm, layer_norm_eps=0.01).to(dtype)
    ours = from_torch(theirs)
    again = to_torch(ours)
    assert type(again) is type(theirs)
    assert again.state_dict().keys() == theirs.state_dict().keys()
    for name, one in theirs.state_dict().items():
        assert torch.equal(again.state_dict()[name], one), name
        assert again.state_dict()[name].dtype == dtype
    for stack in ours if kind == "both" else (ours,):
        norms = [one for one in stack.modules() if isinstance(one, LayerNorm)]
        assert {one.eps for one in norms} == {0.01}
        assert stack.config.positions == "none"
        assert (stack.config.inner, stack.config.heads) == (12, H)
    norms = [one for one in again.modules() if isinstance(one, nn.LayerNorm)]
    assert {one.eps for one in norms} == {0.01}


@by_path
def test_an_attention_there_and_back(path):
    torch.manual_seed(0)
    ours = shaken(MultiHeadAttention(C, H, path=path))
    again = from_torch(to_torch(ours), path)
    assert (again.path, again.heads) == (path, H)
    for name, one in ours.state_dict().items():
        assert torch.equal(again.state_dict()[name], one)
    assert to_torch(ours).in_proj_weight.data_ptr() != ours.W_q.weight.data_ptr()


# -- what the other side has not -------------------------------------------------------


def encoder(norm_first=False, last=None, **how):
    layer = nn.TransformerEncoderLayer(C, H, 12, norm_first=norm_first, **how)
    return nn.TransformerEncoder(layer, 1, last, enable_nested_tensor=False)


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: nn.Transformer(C, H, 1, 1, 12), "norm=LayerNorm.*norm_first=False"),
        (lambda: encoder(last=nn.LayerNorm(C)), "norm=LayerNorm.*norm_first=False"),
        (
            lambda: encoder(norm_first=True),
            "norm=None after layers with norm_first=Tru",
        ),
        (lambda: encoder(norm_first=True, last=nn.RMSNorm(C)), "norm=RMSNorm"),
        (lambda: encoder(bias=False), "layers without biases"),
        (lambda: encoder(activation=F.silu), "activation <function silu"),
        (lambda: encoder(activation=nn.GELU("tanh")), r"activation GELU\("),
        (lambda: nn.MultiheadAttention(C, H, bias=False), "without biases"),
        (lambda: nn.MultiheadAttention(C, H, kdim=4), "kdim, vdim or bias_k"),
        (lambda: nn.MultiheadAttention(C, H, vdim=4), "kdim, vdim or bias_k"),
        (lambda: nn.MultiheadAttention(C, H, add_bias_kv=True), "kdim, vdim or bias_k"),
        (lambda: nn.MultiheadAttention(C, H, add_zero_attn=True), "add_zero_attn"),
        (lambda: nn.RNN(C, C), "RNN, expected an nn.LSTM"),
        (lambda: nn.TransformerEncoderLayer(C, H), "TransformerEncoderLayer, expected"),
    ],
)
def test_what_ours_has_not_is_named(make, got):
    with pytest.raises(ValueError, match=f"module: got .*{got}"):
        from_torch(make())


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: Stack(config(positions="rotary")), "positions 'rotary'"),
        (lambda: MultiHeadAttention(C, H, rotary=True), "rotary or no biases"),
        (lambda: MultiHeadAttention(C, H, bias=False), "rotary or no biases"),
        (lambda: LayerNorm(C), "LayerNorm, expected a recurrent layer"),
        (translator, "Transformer, expected .* encoder and decoder as a tuple"),
    ],
)
def test_what_torch_has_not_is_named(make, got):
    with pytest.raises(ValueError, match=f"layer: got .*{got}"):
        to_torch(make())
