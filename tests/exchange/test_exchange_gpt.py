"""Our GPT as Hugging Face's GPT-2: the same logits, and the same continuation."""

from __future__ import annotations

import pytest
import torch
import transformers

from course_lib.exchange import to_huggingface
from small_transformers import V, close, gpt, numbers

GPT2 = {"norm": "pre", "positions": "learned"}


@pytest.mark.parametrize("changes", [{"activation": "gelu"}, {"tied": False}])
def test_logits_and_gradients_are_theirs(changes):
    ours = gpt(**GPT2 | changes)
    theirs = to_huggingface(ours)
    assert type(theirs) is transformers.GPT2LMHeadModel
    tokens = torch.randint(V, (3, 7), generator=torch.Generator().manual_seed(0))
    out, wanted = ours(tokens)[0], theirs(tokens).logits
    close(out, wanted, 5e-5)
    weight = numbers(*out.shape)
    (own,) = torch.autograd.grad(
        (out * weight).mean(), ours.decoder.blocks[0].attention.W_k.weight
    )
    packed = theirs.transformer.h[0].attn.c_attn.weight
    (other,) = torch.autograd.grad((wanted * weight).mean(), packed)
    close(own, other.chunk(3, dim=1)[1].T, 1e-5)
    assert own.abs().max() > 1e-3


def test_they_write_the_same():
    ours = gpt(**GPT2, tied=False).eval()
    first = torch.randint(V, (3, 4), generator=torch.Generator().manual_seed(0))
    wrote = to_huggingface(ours).generate(
        first,
        attention_mask=torch.ones_like(first),
        max_new_tokens=12,
        do_sample=False,
    )
    assert torch.equal(ours.generate(first, 12, temperature=0), wrote[:, 4:])
    assert len(wrote[:, 4:].unique()) > 2


def test_dropout_is_theirs_but_for_the_attention():
    theirs = to_huggingface(gpt(**GPT2, dropout=0.25))
    config = theirs.config
    assert (config.resid_pdrop, config.embd_pdrop, config.attn_pdrop) == (0.25, 0.25, 0)
    assert theirs.training


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"norm": "post"}, "norm 'post'"),
        ({"positions": "rotary"}, "positions 'rotary'"),
    ],
)
def test_what_gpt2_has_not_is_named(changes, got):
    with pytest.raises(ValueError, match=f"model: got {got}, expected"):
        to_huggingface(gpt(**GPT2 | changes))
