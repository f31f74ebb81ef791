"""A Transformer for a corpus, as the experiments of this chapter build it."""

from __future__ import annotations

import torch

from course_lib.experiments.translation import Corpus
from course_lib.transformer import Transformer, TransformerConfig


def build(config: TransformerConfig, corpus: Corpus, seed: int) -> Transformer:
    """Untrained; the same seed gives models of one config the same parameters."""
    torch.manual_seed(seed)
    return Transformer(config, len(corpus.source), len(corpus.target))
