"""The parts of the Transformer, and what a model is: sizes, ties, dtypes, devices."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.positions import sinusoids
from course_lib.self_attention import PATHS, MultiHeadAttention, weights_kept
from course_lib.seq2seq import sequence_loss
from course_lib.transformer import (
    GPT,
    Block,
    Embedding,
    FeedForward,
    LayerNorm,
    Residual,
    Stack,
    Transformer,
    TransformerConfig,
)
from small_transformers import (
    NORMS,
    POSITIONS,
    C,
    H,
    V,
    close,
    config,
    gpt,
    gradients,
    logits_of,
    numbers,
    sentences,
    shaken,
    translator,
)

by_positions = pytest.mark.parametrize("positions", POSITIONS)
by_norm = pytest.mark.parametrize("norm", NORMS)


# -- parts -----------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_feed_forward_is_its_formula_at_each_place_alone(activation):
    torch.manual_seed(0)
    layer, x = FeedForward(C, 12, activation), numbers(2, 3, C)
    inside = x @ layer.W_1.weight.T + layer.W_1.bias
    if activation == "relu":
        inside = inside.clamp(min=0)
    else:  # x Φ(x), with the exact Φ
        inside = inside * (1 + torch.erf(inside / math.sqrt(2))) / 2
    close(layer(x), inside @ layer.W_2.weight.T + layer.W_2.bias)
    close(layer(x[:, 1:2]), layer(x)[:, 1:2])


def test_the_norm_stands_after_the_sum_or_before_the_part():
    x, heard = numbers(2, 3, C), numbers(2, 3, C, seed=1)
    post, pre = (shaken(Residual(config(norm=norm))) for norm in ("post", "pre"))
    close(post.before(x), x, 0)
    close(post(x, heard), post.norm(x + heard), 0)
    close(pre.before(x), pre.norm(x), 0)
    close(pre(x, heard), x + heard, 0)


@by_norm
def test_a_block_hears_the_others_then_the_source_then_thinks(norm):
    torch.manual_seed(0)
    block = shaken(Block(config(norm=norm), cross=True))
    x, y = numbers(2, 3, C), numbers(2, 4, C, seed=1)
    source = block.cross_attention.look_at(y)
    out, seen = block(x, causal=True, source=source)

    def around(residual, part, x):
        if norm == "pre":
            return x + part(residual.norm(x))
        return residual.norm(x + part(x))

    def hear(x):
        return block.attention(x, block.attention.look_at(x), causal=True)

    one = around(block.after_attention, hear, x)
    two = around(
        block.after_cross_attention, lambda x: block.cross_attention(x, source), one
    )
    close(out, around(block.after_feed_forward, block.feed_forward, two))
    assert seen.keys.shape == seen.values.shape == (2, H, 3, C // H)


@by_positions
def test_an_embedding_is_root_c_times_the_word_and_its_place(positions):
    torch.manual_seed(0)
    layer = Embedding(config(positions=positions), V)
    tokens = torch.tensor([[4, 7, 4]])
    words = layer.words.weight[tokens] * math.sqrt(C)
    places = {
        "sinusoidal": lambda: sinusoids(torch.arange(5, 8), C),
        "learned": lambda: layer.places.table.weight[5:8],
    }.get(positions, lambda: 0.0)()
    close(layer(tokens, first=5), words + places)


def test_words_begin_as_large_as_places_and_weights_as_xavier_says():
    torch.manual_seed(0)
    wide = config(size=256, heads=4, inner=512)
    x = Embedding(wide, 1000)(torch.arange(1000)[None]) - sinusoids(
        torch.arange(1000), 256
    )
    assert x.std().item() == pytest.approx(1, abs=0.01)
    for name, parameter in Stack(wide, cross=True).named_parameters():
        if parameter.dim() == 2:
            bound = math.sqrt(6 / sum(parameter.shape))
            assert 0.99 * bound < parameter.abs().max() <= bound, name
        elif name.endswith("bias"):
            assert (parameter == 0).all(), name
        else:
            assert (parameter == 1).all(), name


@by_norm
def test_only_a_stack_of_norm_pre_ends_in_one_more_norm(norm):
    stack = Stack(config(norm=norm))
    assert isinstance(stack.norm, LayerNorm if norm == "pre" else nn.Identity)
    x, _ = shaken(stack)(numbers(2, 3, C))
    last = stack.norm if norm == "pre" else stack.blocks[-1].after_feed_forward.norm
    close(((x - last.bias) / last.gain).mean(-1), torch.zeros(2, 3))


def test_dropout_falls_on_embeddings_and_on_what_is_added_and_nowhere_else():
    torch.manual_seed(0)
    one = config(norm="pre", dropout=0.5)
    added, embed, tokens = Residual(one), Embedding(one, V), sentences()[2]
    x, heard = numbers(2, 3, C), numbers(2, 3, C, seed=1)
    for shares in (
        (added(x, heard) - x) / heard,
        embed(tokens) / embed.eval()(tokens),
    ):
        assert {round(share, 3) for share in shares.flatten().tolist()} == {0, 2}
    model = translator(dropout=0.5)
    parents = {
        type(parent)
        for parent in model.modules()
        for child in parent.children()
        if isinstance(child, nn.Dropout)
    }
    assert parents == {Residual, Embedding}
    data = sentences()
    torch.manual_seed(0)
    one, two = model(*data), model(*data)
    assert not torch.allclose(one, two, atol=0.1)
    model.eval()
    assert torch.equal(model(*data), model(*data))
    close(model(*data), translator(dropout=0.0)(*data), 0)


# -- order -----------------------------------------------------------------------------


@by_norm
@by_positions
def test_an_encoder_sees_the_order_only_if_it_is_told(positions, norm):
    model = translator(positions=positions, norm=norm)
    source, mask, _ = sentences((6, 6))
    order = torch.tensor([3, 0, 5, 1, 4, 2])

    def encode(tokens):
        return model.encoder(model.source(tokens), mask)[0]

    moved = (encode(source[:, order]) - encode(source)[:, order]).abs().max()
    assert moved < 1e-5 if positions == "none" else moved > 0.01


@by_positions
def test_the_last_token_of_a_gpt_sees_the_order_only_if_it_is_told(positions):
    # One block: with two, the mask itself tells how many tokens stand before.
    model = gpt(positions=positions, blocks=1)
    tokens = torch.tensor([[4, 5, 6, 7]])
    last, other = (model(tokens[:, o])[0][:, -1] for o in ([0, 1, 2, 3], [2, 0, 1, 3]))
    moved = (last - other).abs().max()
    assert moved < 1e-5 if positions == "none" else moved > 0.01


# -- the models ------------------------------------------------------------------------


def out_of(model):
    return logits_of(model, *sentences())


by_model = pytest.mark.parametrize("build", [translator, gpt])


@by_model
def test_a_tied_output_is_the_same_tensor_and_gets_both_gradients(build):
    tied, untied = build(tied=True), build(tied=False)
    words = "target.words.weight" if build is translator else "embedding.words.weight"
    table = tied.get_parameter(words)
    assert tied.output.weight is table
    assert untied.output.weight is not untied.get_parameter(words)
    assert tied.output.bias is untied.output.bias is None
    with torch.no_grad():
        for name, parameter in untied.named_parameters():
            parameter.copy_(
                table if name == "output.weight" else tied.state_dict()[name]
            )
    close(out_of(tied), out_of(untied), 0)
    together, apart = gradients(tied, out_of(tied)), gradients(untied, out_of(untied))
    both = (apart[words], apart["output.weight"])
    close(together[words], sum(both))
    assert min(one.abs().max() for one in both) > 1e-3
    assert len(list(tied.parameters())) == len(list(untied.parameters())) - 1


@by_model
@pytest.mark.parametrize("tied", [True, False])
def test_a_copy_and_a_loaded_model_say_the_same_and_keep_the_tie(build, tied):
    model = build(tied=tied)
    twin, loaded = copy.deepcopy(model), build(1, tied=tied)
    assert not torch.allclose(out_of(loaded), out_of(model), atol=0.1)
    loaded.load_state_dict(model.state_dict())
    for other in (twin, loaded):
        close(out_of(other), out_of(model), 0)
        embedding = other.target if build is translator else other.embedding
        assert (other.output.weight is embedding.words.weight) is tied
        with torch.no_grad():
            other.output.weight.add_(1)
        assert not torch.equal(other.output.weight, model.output.weight)


@by_model
@by_positions
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions(build, positions, dtype):
    for path in PATHS:
        model = build(positions=positions, path=path)
        wanted = out_of(model)
        out = out_of(model.to(dtype))
        assert out.dtype == dtype
        error = (out.float() - wanted).square().mean().sqrt() / wanted.std()
        assert error < {torch.float64: 1e-5, torch.bfloat16: 0.2}[dtype]
        out.sum().backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())


@by_model
@by_norm
@by_positions
def test_both_paths_are_one_model_in_value_and_gradient(build, positions, norm):
    fused, plain = (
        build(positions=positions, norm=norm, path=path).double() for path in PATHS
    )
    outputs = out_of(fused), out_of(plain)
    close(*outputs, 1e-9)
    own, other = gradients(fused, outputs[0]), gradients(plain, outputs[1])
    for name, one in own.items():
        close(one, other[name], 1e-9)


@by_model
@by_positions
def test_autocast_as_in_training_with_half_the_bits(build, positions):
    for path in PATHS:
        model = build(positions=positions, path=path)
        wanted = out_of(model)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = out_of(model)
        assert (out.float() - wanted).square().mean().sqrt() < 0.2 * wanted.std()
        out.float().sum().backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())


@by_model
@by_positions
def test_a_model_can_be_built_without_memory(build, positions):
    with torch.device("meta"):
        one = config(positions=positions, size=4096, heads=32, inner=16384, longest=32)
        model = Transformer(one, 9, V) if build is translator else GPT(one, V)
    assert {p.device.type for p in model.parameters()} == {"meta"}
    source, mask, previous = (part.to("meta") for part in sentences())
    if build is gpt:
        logits, state = model(previous)
        logits, _ = model.step(previous[:, 0], state)
        assert logits.shape == (3, V)
    else:
        assert model(source, mask, previous).shape == (3, 7, V)


def test_the_paper_counts_65_million_parameters():
    """Vaswani et al. (2017), table 3: base 65 and big 213 million, with one matrix."""
    with torch.device("meta"):
        for changes, millions in (
            ({}, 65),
            ({"size": 1024, "heads": 16, "inner": 4096}, 213),
        ):
            model = Transformer(TransformerConfig(**changes), 37_000, 37_000)
            count = sum(p.numel() for p in model.parameters())
            shared = model.source.words.weight.numel()  # the paper ties this one too
            assert (count - shared) / 1e6 == pytest.approx(millions, rel=0.05)


def test_weights_kept_of_a_whole_model():
    model = translator().eval()
    source, mask, previous = sentences()
    before = model(source, mask, previous)
    with weights_kept(model) as kept:
        close(model(source, mask, previous), before, 1e-5)
        shapes = {name: tuple(one.weights.shape) for name, one in kept.items()}
    S, T = source.shape[1], previous.shape[1]
    assert shapes == {
        f"{stack}.blocks.{block}.{name}": (3, H, queries, keys)
        for stack, name, queries, keys in (
            ("encoder", "attention", S, S),
            ("decoder", "attention", T, T),
            ("decoder", "cross_attention", T, S),
        )
        for block in (0, 1)
    }
    found = [m for m in model.modules() if isinstance(m, MultiHeadAttention)]
    assert all(one.weights is None for one in found)


@pytest.mark.parametrize(
    ("norm", "positions"), [("post", "sinusoidal"), ("pre", "rotary")]
)
def test_a_small_model_learns_to_copy(norm, positions):
    torch.manual_seed(0)
    model = Transformer(
        config(norm=norm, positions=positions, size=32, inner=64, heads=4), V, V
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(120):
        source, mask, _ = sentences((5,) * 32, seed=step)
        previous = torch.cat([torch.ones(32, 1).long(), source[:, :-1]], dim=1)
        loss = sequence_loss(model(source, mask, previous), source, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 1, f"chance is {math.log(V - 4):.2f}"


# -- bad input -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("norm", "both"),
        ("positions", "relative"),
        ("activation", "tanh"),
        ("path", "steps"),
    ],
)
def test_a_bad_choice_is_named(argument, value):
    with pytest.raises(ValueError, match=f"{argument}: got '{value}', expected one of"):
        TransformerConfig(**{argument: value})


def test_other_bad_input_is_named():
    with pytest.raises(ValueError, match="heads: got 3, expected a divisor of size 8"):
        GPT(config(heads=3), V)
    tokens = sentences()[2]
    with pytest.raises(ValueError, match="size: got 9, expected an even number"):
        GPT(config(size=9, heads=3), V)(tokens)
    with pytest.raises(ValueError, match="size: got 3, expected an even number"):
        GPT(config(size=6, heads=2, positions="rotary"), V)(tokens)
    with pytest.raises(ValueError, match="x: got 7 places, expected at most 6"):
        GPT(config(positions="learned", longest=6), V)(tokens)
    source, mask, previous = sentences()
    with pytest.raises(ValueError, match=r"mask: got torch\.int64 of shape \(3, 6\)"):
        translator()(source, mask.long(), previous)
    with pytest.raises(ValueError, match=r"expected torch\.bool of shape \(3, 6\)"):
        translator()(source, mask[:, :5], previous)


def test_the_loss_of_a_new_model_is_about_that_of_a_guess():
    torch.manual_seed(0)
    model, (source, mask, previous) = Transformer(config(), V, V), sentences()
    logits = model(source, mask, previous)
    loss = F.cross_entropy(logits.flatten(0, 1), previous.flatten())
    assert loss.item() == pytest.approx(math.log(V), abs=1)
