"""Small BERTs, and texts for them, which the tests of chapter 6 share."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.bert import BertForPretraining
from course_lib.data.masking import Gapped, Masking, Texts, collate, pack, with_gaps
from course_lib.data.wordpiece import SPECIAL, Pieces
from course_lib.transformer import TransformerConfig
from small_transformers import config, shaken

V = 23
LENGTHS = ((4, 3), (2, 6), (5, 0), (1, 1))  # of the first and of the second text


def bert_config(**changes) -> TransformerConfig:
    kind = {"positions": "learned", "activation": "gelu", "longest": 24}
    return config(**kind | changes)


def pretraining(seed: int = 2, **changes) -> BertForPretraining:
    torch.manual_seed(seed)
    return shaken(BertForPretraining(bert_config(**changes), V), seed)


def pieces(length: int, seed: int) -> Pieces:
    made = torch.Generator().manual_seed(seed)
    ids = torch.randint(len(SPECIAL), V, (length,), generator=made)
    return Pieces(ids, torch.arange(length))


def texts(lengths: tuple[tuple[int, int], ...] = LENGTHS, seed: int = 0) -> Texts:
    """One text, or two, in each row; a second text of 0 words is none."""
    return collate(
        [
            pack(pieces(a, seed + 2 * i), pieces(b, seed + 2 * i + 1) if b else None)
            for i, (a, b) in enumerate(lengths)
        ]
    )


def gapped(
    batch: Texts | None = None, seed: int = 0, follows: Tensor | None = None
) -> Gapped:
    """About half of the words are gaps."""
    batch = texts() if batch is None else batch
    made = torch.Generator().manual_seed(seed)
    return with_gaps(batch, Masking(rate=0.5), V, made)._replace(follows=follows)
