"""Chapter 6: a step of pre-training, with both tasks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.bench import gradients
from course_lib.bench.match import Contender, Match, Work, training_step
from course_lib.bench.sizes import Sizes, named, shape
from course_lib.bert import BASE, BertForPretraining, pretraining_loss
from course_lib.data.batching import generator
from course_lib.data.masking import Gapped, Masking, collate, pack
from course_lib.data.wordpiece import MASK, SPECIAL, Pieces
from course_lib.exchange import from_huggingface, to_d2l, to_huggingface
from course_lib.training import Setting
from course_lib.transformer import TransformerConfig

OF_THE_BOOK = named(64, 64, 20_256, 128, 2, 256, 2)  # D2L's, but for B
SIZES = {
    "quick": (named(3, 12, 24, 8, 2, 12, 2),),
    "cpu": ({**OF_THE_BOOK, "V": 2000}, OF_THE_BOOK),
    "cuda": (OF_THE_BOOK, named(64, 128, 30_522, 768, 12, 3072, 12)),
}
LIKE_OURS = (
    "with our norm after the embedding and our GELU; its loss without the slots that "
    "nobody uses, for which it computes logits as well"
)
EVERY_PLACE = "computes the logits of every place, chosen or not"


def matches(scale: str) -> Iterator[Match]:
    """With few words and with many: the output is the widest layer."""
    for sizes in SIZES[scale]:
        yield Match(
            "BERT",
            "bert",
            "training step",
            sizes,
            sizes["B"] * sizes["T"],
            (
                Contender("ours", "ours", partial(_ours, sizes, "fused")),
                Contender(
                    "ours, written out", "ours", partial(_ours, sizes, "written_out")
                ),
                Contender("d2l BERTModel", "peer", partial(_d2ls, sizes), LIKE_OURS),
                Contender(
                    "Hugging Face BertForPreTraining",
                    "peer",
                    partial(_huggingfaces, sizes),
                    EVERY_PLACE,
                ),
            ),
            counted="ours, written out",
        )


def ours(sizes: Sizes, path: str = "fused") -> BertForPretraining:
    """The chapter's model, without dropout: values are compared."""
    return BertForPretraining(
        TransformerConfig(
            **shape(sizes),
            positions="learned",
            longest=sizes["T"],
            activation="gelu",
            eps=BASE.eps,
            dropout=0.0,
            path=path,
        ),
        sizes["V"],
    )


def batch_of(sizes: Sizes, seed: int) -> Gapped:
    """Random pairs of texts; one pair has T tokens, the others fewer.

    Of each text 15 % of the tokens are gaps, rounded, as d2l has it: in the course it
    is 15 % of all, and a text may have more.
    """
    B, T, V = (sizes[letter] for letter in "BTV")
    drawn = generator(seed, B)
    words = T - 3  # [CLS], and a [SEP] after each text

    def pieces(length: int) -> Pieces:
        ids = torch.randint(len(SPECIAL), V, (length,), generator=drawn)
        return Pieces(ids, torch.arange(length))

    lengths = torch.randint(words // 2, words + 1, (B,), generator=drawn)
    lengths[0] = words
    texts = collate(
        [pack(pieces(n // 2), pieces(n - n // 2)) for n in lengths.tolist()]
    )
    order = torch.rand(texts.tokens.shape, generator=drawn)
    order = order.masked_fill(texts.words < 0, 2.0).argsort(dim=1).argsort(dim=1)
    gaps = (Masking().rate * texts.mask.sum(dim=1)).round().clamp(min=1)
    chosen = order < gaps[:, None]
    return Gapped(
        texts.tokens.masked_fill(chosen, MASK),
        texts.segments,
        texts.mask,
        chosen,
        texts.tokens,
        torch.randint(2, (B,), generator=drawn),
    )


class Slots(NamedTuple):
    """The same batch as d2l has it: as many slots for each text, some with weight 0."""

    tokens: Tensor  # (B, T)
    segments: Tensor  # (B, T)
    lengths: Tensor  # (B,)
    positions: Tensor  # (B, P), 0 in an unused slot
    weights: Tensor  # (B, P)
    truth: Tensor  # (B, P)
    follows: Tensor  # (B,)


def slots(batch: Gapped) -> Slots:
    """``batch`` with slots for its chosen places."""
    P = int(batch.chosen.sum(dim=1).max())
    # Those that were chosen come first, in their order.
    positions = (~batch.chosen).to(torch.int8).argsort(dim=1, stable=True)[:, :P]
    used = batch.chosen.gather(1, positions)
    positions = positions.masked_fill(~used, 0)
    return Slots(
        batch.tokens,
        batch.segments,
        batch.mask.sum(dim=1),
        positions,
        used.float(),
        batch.original.gather(1, positions),
        batch.follows,
    )


def _d2ls_loss(model: nn.Module, batch: Slots) -> Tensor:
    _, words, follows = model(*batch[:4])  # (B, T, C), (B, P, V), (B, 2)
    each = F.cross_entropy(words.flatten(0, 1), batch.truth.flatten(), reduction="none")
    of_words = (each * batch.weights.flatten()).sum() / batch.weights.sum()
    return of_words + F.cross_entropy(follows, batch.follows)


def _huggingfaces_loss(model: nn.Module, batch: Gapped) -> Tensor:
    return model(
        batch.tokens,
        attention_mask=batch.mask.long(),
        token_type_ids=batch.segments,
        labels=batch.original.masked_fill(~batch.chosen, -100),
        next_sentence_label=1 - batch.follows,  # theirs are "yes, no"
    ).loss


def _ours(sizes: Sizes, path: str, setting: Setting) -> Work:
    model, batch = ours(sizes, path), batch_of(sizes, setting.seed)
    return training_step(model, pretraining_loss, batch, gradients.own, setting)


def _d2ls(sizes: Sizes, setting: Setting) -> Work:
    mine = ours(sizes)
    return training_step(
        to_d2l(mine),
        _d2ls_loss,
        slots(batch_of(sizes, setting.seed)),
        lambda _: gradients.own(mine),  # which holds theirs too
        setting,
    )


def _huggingfaces(sizes: Sizes, setting: Setting) -> Work:
    return training_step(
        to_huggingface(ours(sizes)),
        _huggingfaces_loss,
        batch_of(sizes, setting.seed),
        partial(gradients.carried, back=from_huggingface),
        setting,
    )
