"""Weights to and from torch's attention, its two stacks, and both of them together.

torch keeps the matrices of queries, keys and values as one, on top of each other. With
dropout it also drops weights of the attention and numbers inside the feed-forward
network, which ours does not: what comes from torch is then the same in evaluation only.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.self_attention import MultiHeadAttention
from course_lib.transformer import Block, LayerNorm, Stack, TransformerConfig

KINDS = (MultiHeadAttention, Stack)
Stacks = tuple[Stack, Stack]  # encoder, decoder


def from_torch(
    module: nn.Module, path: str = "fused"
) -> MultiHeadAttention | Stack | Stacks:
    """Ours, with torch's weights; see :func:`course_lib.exchange.from_torch`."""
    if isinstance(module, nn.Transformer):
        return from_torch(module.encoder, path), from_torch(module.decoder, path)
    if isinstance(module, nn.MultiheadAttention):
        _check_attention(module)
        ours = MultiHeadAttention(module.embed_dim, module.num_heads, path=path)
    elif isinstance(module, (nn.TransformerEncoder, nn.TransformerDecoder)):
        cross = isinstance(module, nn.TransformerDecoder)
        ours = Stack(_config(module, path), cross)
    else:
        raise ValueError(
            f"module: got {type(module).__name__}, expected an nn.LSTM, nn.GRU, "
            "nn.MultiheadAttention or one of nn's Transformers"
        )
    ours.to(next(module.parameters()))
    with torch.no_grad():
        for own, theirs in _tensors(ours, module):
            own.copy_(theirs)
    for norm, theirs in _norms(ours, module):
        norm.eps = theirs.eps
    return ours


def to_torch(layer: MultiHeadAttention | Stack | Stacks) -> nn.Module:
    """torch's, with our weights; see :func:`course_lib.exchange.to_torch`."""
    if isinstance(layer, tuple):
        encoder, decoder = (to_torch(stack) for stack in layer)
        config = layer[0].config
        both = nn.Transformer(
            config.size,
            config.heads,
            custom_encoder=nn.Identity(),  # it would draw the weights of others anew
            custom_decoder=nn.Identity(),
            batch_first=True,
        )
        both.encoder, both.decoder = encoder, decoder
        return both
    if isinstance(layer, MultiHeadAttention):
        if layer.rotary or layer.W_q.bias is None:
            raise ValueError("layer: got rotary or no biases, expected neither")
        theirs = nn.MultiheadAttention(layer.size, layer.heads, batch_first=True)
    else:
        theirs = _empty_stack(layer)
    theirs.to(next(layer.parameters()))
    with torch.no_grad():
        for own, other in _tensors(layer, theirs):
            other.copy_(own)
    for norm, other in _norms(layer, theirs):
        other.eps = norm.eps
    return theirs


def _check_attention(module: nn.MultiheadAttention) -> None:
    if module.in_proj_bias is None or module.out_proj.bias is None:
        raise ValueError("module: got an attention without biases, expected biases")
    if module.in_proj_weight is None or module.bias_k is not None:
        raise ValueError(
            "module: got kdim, vdim or bias_k, expected queries, keys and values of "
            "one size and no key but the tokens'"
        )
    if module.add_zero_attn:
        raise ValueError("module: got add_zero_attn, expected no key but the tokens'")


def _config(
    module: nn.TransformerEncoder | nn.TransformerDecoder, path: str
) -> TransformerConfig:
    first = module.layers[0]
    if first.linear1.bias is None:
        raise ValueError("module: got layers without biases, expected biases")
    for attention in module.modules():
        if isinstance(attention, nn.MultiheadAttention):
            _check_attention(attention)
    norm = "pre" if first.norm_first else "post"
    if isinstance(module.norm, nn.LayerNorm) != first.norm_first:
        raise ValueError(
            f"module: got norm={module.norm} after layers with norm_first="
            f"{first.norm_first}, expected a last nn.LayerNorm if and only if "
            "norm_first is True"
        )
    return TransformerConfig(
        size=first.self_attn.embed_dim,
        heads=first.self_attn.num_heads,
        inner=first.linear1.out_features,
        blocks=len(module.layers),
        norm=norm,
        positions="none",
        activation=_activation(first.activation),
        dropout=first.dropout1.p,
        path=path,
    )


def _activation(function: object) -> str:
    if function is F.relu or isinstance(function, nn.ReLU):
        return "relu"
    exact = isinstance(function, nn.GELU) and function.approximate == "none"
    if function is F.gelu or exact:
        return "gelu"
    raise ValueError(f"module: got activation {function}, expected relu or gelu")


def _empty_stack(stack: Stack) -> nn.TransformerEncoder | nn.TransformerDecoder:
    config = stack.config
    if config.positions == "rotary":
        raise ValueError("layer: got positions 'rotary', which torch has not")
    cross = hasattr(stack.blocks[0], "cross_attention")
    layer = (nn.TransformerDecoderLayer if cross else nn.TransformerEncoderLayer)(
        config.size,
        config.heads,
        config.inner,
        config.dropout,
        config.activation,
        batch_first=True,
        norm_first=config.norm == "pre",
    )
    layer.dropout.p = layer.self_attn.dropout = 0.0  # ours drops what is added only
    if cross:
        layer.multihead_attn.dropout = 0.0
    norm = nn.LayerNorm(config.size) if config.norm == "pre" else None
    if cross:
        return nn.TransformerDecoder(layer, config.blocks, norm)
    return nn.TransformerEncoder(layer, config.blocks, norm, enable_nested_tensor=False)


def _pairs(ours: nn.Module, theirs: nn.Module) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Each of our linear layers, norms and attentions with torch's."""
    if isinstance(ours, Stack):
        for pair in zip(ours.blocks, theirs.layers, strict=True):
            yield from _pairs(*pair)
        if theirs.norm is not None:
            yield ours.norm, theirs.norm
    elif isinstance(ours, Block):
        yield ours.attention, theirs.self_attn
        yield ours.after_attention.norm, theirs.norm1
        last = theirs.norm2
        if hasattr(ours, "cross_attention"):
            yield ours.cross_attention, theirs.multihead_attn
            yield ours.after_cross_attention.norm, theirs.norm2
            last = theirs.norm3
        yield ours.feed_forward.W_1, theirs.linear1
        yield ours.feed_forward.W_2, theirs.linear2
        yield ours.after_feed_forward.norm, last
    else:
        yield ours, theirs


def _norms(ours: nn.Module, theirs: nn.Module) -> Iterator[tuple[LayerNorm, nn.Module]]:
    return (p for p in _pairs(ours, theirs) if isinstance(p[0], LayerNorm))


def _tensors(ours: nn.Module, theirs: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    for own, other in _pairs(ours, theirs):
        if isinstance(own, LayerNorm):
            yield own.gain, other.weight
            yield own.bias, other.bias
        elif isinstance(own, MultiHeadAttention):
            parts = zip(
                (own.W_q, own.W_k, own.W_v),
                other.in_proj_weight.chunk(3),  # (3 C, C) -> 3 x (C, C)
                other.in_proj_bias.chunk(3),
                strict=True,
            )
            for part, weight, bias in parts:
                yield part.weight, weight
                yield part.bias, bias
            yield own.W_o.weight, other.out_proj.weight
            yield own.W_o.bias, other.out_proj.bias
        else:
            yield own.weight, other.weight
            yield own.bias, other.bias
