"""Our GPT as the GPT-2 of Hugging Face; transformers is imported where it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from course_lib.peers import import_transformers
from course_lib.transformer import GPT

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel


def to_huggingface(model: GPT) -> GPT2LMHeadModel:
    """Theirs, with our weights; see :func:`course_lib.exchange.to_huggingface`.

    Ours multiplies the words' vectors by √C as it reads, theirs does not: so theirs
    holds the products, and what ours may tie to them apart.
    """
    transformers = import_transformers()
    config = model.config
    for name, expected in (("norm", "pre"), ("positions", "learned")):
        if (got := getattr(config, name)) != expected:
            raise ValueError(f"model: got {name} {got!r}, expected {expected!r}")
    theirs = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=model.embedding.words.num_embeddings,
            n_positions=config.longest,
            n_embd=config.size,
            n_layer=config.blocks,
            n_head=config.heads,
            n_inner=config.inner,
            activation_function=config.activation,
            resid_pdrop=config.dropout,
            embd_pdrop=config.dropout,
            attn_pdrop=0.0,  # ours drops what is added only
            layer_norm_epsilon=config.eps,
            bos_token_id=None,
            eos_token_id=None,  # it writes as long as it is asked to
            pad_token_id=None,
            tie_word_embeddings=False,
        )
    ).to(next(model.parameters()))
    with torch.no_grad():
        for own, other in _pairs(model, theirs):
            other.copy_(own)
    return theirs.train(model.training)


def _pairs(ours: GPT, theirs: GPT2LMHeadModel) -> Iterator[tuple[Tensor, Tensor]]:
    inside, embedding = theirs.transformer, ours.embedding
    yield embedding.words.weight * embedding.scale, inside.wte.weight
    yield embedding.places.table.weight, inside.wpe.weight
    yield ours.output.weight, theirs.lm_head.weight
    norms = [(ours.decoder.norm, inside.ln_f)]
    linears = []
    for own, other in zip(ours.decoder.blocks, inside.h, strict=True):
        norms.append((own.after_attention.norm, other.ln_1))
        norms.append((own.after_feed_forward.norm, other.ln_2))
        attention, think = own.attention, own.feed_forward
        linears.append(((attention.W_o,), other.attn.c_proj))
        linears.append(((think.W_1,), other.mlp.c_fc))
        linears.append(((think.W_2,), other.mlp.c_proj))
        three = attention.W_q, attention.W_k, attention.W_v  # side by side in theirs
        linears.append((three, other.attn.c_attn))
    for own, other in norms:
        yield own.gain, other.weight
        yield own.bias, other.bias
    for own, other in linears:
        yield torch.cat([one.weight for one in own]).T, other.weight  # it computes x W
        yield torch.cat([one.bias for one in own]), other.bias
