"""BERT: a Transformer's encoder, taught by filling gaps (Devlin et al. 2019).

The encoder is that of chapter 5. New are what it is taught by, and the small heads that
are put on it, one for each task:

    pre-training     which word was here? does the second text follow the first?
    fine-tuning      SentenceClassifier, TokenTagger, SpanFinder

Shapes: B batch, T length, M chosen places of a batch, C width, V vocabulary, K classes.
Masks are True where there is a token.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.masking import Gapped, Texts
from course_lib.positions import Learned
from course_lib.sharing import mean_over_all
from course_lib.transformer import LayerNorm, Stack, TransformerConfig

BASE = TransformerConfig(
    size=768,
    heads=12,
    inner=3072,
    blocks=12,
    positions="learned",
    longest=512,
    activation="gelu",
    eps=1e-12,
)


class BertEmbedding(nn.Module):
    """What a token is, plus where it stands, plus which text it is of; then a norm."""

    def __init__(self, config: TransformerConfig, vocabulary: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, config.size)
        self.segments = nn.Embedding(2, config.size)
        self.places = Learned(config.longest, config.size)
        self.norm = LayerNorm(config.size, config.eps, config.path)
        self.dropout = nn.Dropout(config.dropout)
        for table in (self.words, self.segments):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, tokens: Tensor, segments: Tensor) -> Tensor:
        """``tokens (B, T)`` and their ``segments (B, T)`` -> ``(B, T, C)``."""
        x = self.places(self.words(tokens) + self.segments(segments))
        return self.dropout(self.norm(x))


class Bert(nn.Module):
    """Every token looks both ways; [CLS], the first, is asked about the whole."""

    def __init__(self, config: TransformerConfig, vocabulary: int) -> None:
        super().__init__()
        if config.positions != "learned":
            raise ValueError(
                f"positions: got {config.positions!r}, expected 'learned', as BERT's"
            )
        self.config = config
        self.embedding = BertEmbedding(config, vocabulary)
        self.encoder = Stack(config)
        self.pool = nn.Linear(config.size, config.size)

    def forward(
        self,
        tokens: Tensor,
        segments: Tensor | None = None,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """``tokens (B, T)`` -> one vector for each, ``(B, T, C)``.

        Without ``segments`` all is one text; ``mask (B, T)`` tells it from padding.
        With ``causal`` no token sees a later one: that alone parts GPT from BERT.
        """
        if segments is None:
            segments = torch.zeros_like(tokens)
        x = self.embedding(tokens, segments)
        return self.encoder(x, mask, causal)[0]

    def summary(self, x: Tensor) -> Tensor:
        """The vector of [CLS], ready for a question: ``x (B, T, C)`` -> ``(B, C)``."""
        return torch.tanh(self.pool(x[:, 0]))


class MaskedWords(nn.Module):
    """From a token's vector to a logit for each word that could stand there.

    The words' own vectors are the weights of the output, as in chapter 5.
    """

    def __init__(self, embedding: BertEmbedding, config: TransformerConfig) -> None:
        super().__init__()
        vocabulary, size = embedding.words.weight.shape
        self.dense = nn.Linear(size, size)
        self.norm = LayerNorm(size, config.eps, config.path)
        self.output = nn.Linear(size, vocabulary)
        self.output.weight = embedding.words.weight
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``x (…, C)`` -> ``(…, V)``."""
        return self.output(self.norm(F.gelu(self.dense(x))))


class BertForPretraining(nn.Module):
    """BERT with its two tasks: which words were here, and does B follow A?"""

    def __init__(self, config: TransformerConfig, vocabulary: int) -> None:
        super().__init__()
        self.bert = Bert(config, vocabulary)
        self.words = MaskedWords(self.bert.embedding, config)
        self.follows = nn.Linear(config.size, 2)

    def forward(self, batch: Gapped) -> tuple[Tensor, Tensor]:
        """Logits of the chosen words ``(M, V)``, and of "follows: no, yes" ``(B, 2)``.

        Only the chosen places reach the vocabulary: V is by far the widest layer, and
        nothing is asked of the others.
        """
        x = self.bert(batch.tokens, batch.segments, batch.mask)
        return self.words(x[batch.chosen]), self.follows(self.bert.summary(x))


def pretraining_loss(model: BertForPretraining, batch: Gapped) -> Tensor:
    """Cross-entropy of the chosen words, plus that of "follows" where it is known.

    The first is a mean over the M chosen places and over nothing else; no place chosen
    is a loss of 0.
    """
    words, follows = model(batch)
    truth = batch.original[batch.chosen]  # (M,)
    loss = F.cross_entropy(words, truth, reduction="sum")
    loss = mean_over_all(loss, len(truth))
    if batch.follows is not None:
        loss = loss + F.cross_entropy(follows, batch.follows)
    return loss


def next_word_loss(model: BertForPretraining, texts: Texts) -> Tensor:
    """The same network as a language model, which sees nothing after a token.

    Each token tells the next one; a mean over all places that have a next one.
    """
    x = model.bert(texts.tokens, texts.segments, texts.mask, causal=True)
    known = texts.mask[:, 1:]  # (B, T - 1): is there a next token?
    logits = model.words(x[:, :-1][known])  # (B, T - 1, C) -> (M, V)
    loss = F.cross_entropy(logits, texts.tokens[:, 1:][known], reduction="sum")
    return mean_over_all(loss, len(logits))


class SentenceClassifier(nn.Module):
    """One answer for a text or a pair of texts, read from [CLS]."""

    def __init__(self, bert: Bert, classes: int) -> None:
        super().__init__()
        self.bert = bert
        self.dropout = nn.Dropout(bert.config.dropout)
        self.output = nn.Linear(bert.config.size, classes)

    def forward(self, texts: Texts, causal: bool = False) -> Tensor:
        """Logits ``(B, K)``. With ``causal`` the last token is asked, who saw all."""
        x = self.bert(texts.tokens, texts.segments, texts.mask, causal)
        if causal:
            last = texts.mask.sum(dim=1) - 1
            x = x[torch.arange(len(x), device=x.device), last][:, None]  # (B, 1, C)
        return self.output(self.dropout(self.bert.summary(x)))


class TokenTagger(nn.Module):
    """One answer for every token."""

    def __init__(self, bert: Bert, classes: int) -> None:
        super().__init__()
        self.bert = bert
        self.dropout = nn.Dropout(bert.config.dropout)
        self.output = nn.Linear(bert.config.size, classes)

    def forward(self, texts: Texts) -> Tensor:
        """Logits ``(B, T, K)``; those of padding mean nothing."""
        x = self.bert(texts.tokens, texts.segments, texts.mask)
        return self.output(self.dropout(x))


class SpanFinder(nn.Module):
    """Where in the second text does the answer begin, and where does it end?"""

    def __init__(self, bert: Bert) -> None:
        super().__init__()
        self.bert = bert
        self.output = nn.Linear(bert.config.size, 2)

    def forward(self, texts: Texts) -> tuple[Tensor, Tensor]:
        """Logits of the first and of the last token of the answer, ``(B, T)`` each.

        Outside the second text, and on its [SEP], they are -∞.
        """
        x = self.bert(texts.tokens, texts.segments, texts.mask)
        possible = (texts.segments == 1) & (texts.words >= 0)
        logits = self.output(x).masked_fill(~possible[..., None], float("-inf"))
        first, last = logits.unbind(dim=-1)  # (B, T, 2) -> 2 x (B, T)
        return first, last


def best_span(first: Tensor, last: Tensor, longest: int = 30) -> Tensor:
    """The span of at most ``longest`` tokens with the largest sum of two logits.

    ``first, last (B, T)`` -> ``(B, 2)``, both ends inclusive. It never ends before it
    begins, which two separate maxima may (Devlin et al. 2019, section 4.2).
    """
    if longest < 1:
        raise ValueError(f"longest: got {longest}, expected at least 1")
    T = first.shape[1]
    pairs = first[:, :, None] + last[:, None, :]  # (B, T, T)
    allowed = torch.ones(T, T, dtype=torch.bool, device=first.device)
    allowed = allowed.triu() & ~allowed.triu(longest)
    best = pairs.masked_fill(~allowed, float("-inf")).flatten(1).argmax(dim=1)
    return torch.stack([best // T, best % T], dim=1)


def freeze(bert: Bert, blocks: int | None = None) -> None:
    """Keep the embedding and the first ``blocks`` as they are; without: all of BERT.

    Raises ``ValueError`` for more blocks than there are.
    """
    there = len(bert.encoder.blocks)
    if blocks is None:
        bert.requires_grad_(False)
        return
    if not 0 <= blocks <= there:
        raise ValueError(f"blocks: got {blocks}, expected 0 to {there}")
    bert.embedding.requires_grad_(False)
    for block in bert.encoder.blocks[:blocks]:
        block.requires_grad_(False)


def layer_rates(model: nn.Module, decay: float) -> Iterator[tuple[nn.Parameter, float]]:
    """Each parameter of a model with a ``bert``, and the factor of its learning rate.

    The head and BERT's pool learn at the full rate, the last block at ``decay`` of it,
    the one below at ``decay``², and so on, the embedding least: what lies deeper is
    more general (Howard & Ruder 2018, section 3.2).
    """
    if not 0 < decay <= 1:
        raise ValueError(f"decay: got {decay}, expected more than 0, at most 1")
    blocks = len(model.bert.encoder.blocks)
    for name, parameter in model.named_parameters():
        depth = 0
        if name.startswith("bert.embedding."):
            depth = blocks + 1
        elif name.startswith("bert.encoder.blocks."):
            depth = blocks - int(name.split(".")[3])
        yield parameter, decay**depth
