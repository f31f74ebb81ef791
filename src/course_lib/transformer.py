"""The Transformer: nothing waits for the step before (Vaswani et al. 2017).

A block adds to each token what it heard from the others, and then what it makes of that
by itself. The models are stacks of such blocks, and differ in who may look where:

    encoder    every token at every token
    decoder    every token at itself and those before; then at the encoder's output
    GPT        every token at itself and those before

Shapes: B batch, T length, S source length, C width of a token, H heads, D = C / H, V
vocabulary. Masks are True where there is a token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.positions import Learned, Sinusoidal
from course_lib.rnn import LanguageModel
from course_lib.self_attention import PATHS, MultiHeadAttention, Seen


class LayerNorm(nn.Module):
    """Each token's C numbers to mean 0 and variance 1, then times gain, plus bias.

        y = gain ⊙ (x - μ) / √(σ² + ε) + bias                                    (5.3)

    μ and σ² are over one token's own numbers (Ba et al. 2016, eq. 4): neither batch nor
    length is in them, and training and evaluation are the same.
    """

    def __init__(self, size: int, eps: float = 1e-5, path: str = "fused") -> None:
        super().__init__()
        if path not in PATHS:
            raise ValueError(f"path: got {path!r}, expected one of {', '.join(PATHS)}")
        self.eps, self.path = eps, path
        self.gain = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        """``x (…, C)`` -> ``(…, C)``."""
        if self.path == "fused":
            return F.layer_norm(x, self.gain.shape, self.gain, self.bias, self.eps)
        return self.gain * self.normalised(x)[0] + self.bias

    def normalised(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``x (…, C)`` with mean 0 and variance 1, and √(σ² + ε) ``(…, 1)``."""
        centred = x - x.mean(dim=-1, keepdim=True)
        deviation = (centred.square().mean(dim=-1, keepdim=True) + self.eps).sqrt()
        return centred / deviation, deviation

    def backward(self, x: Tensor, d_y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of x, gain and bias by hand, from ``d_y (…, C)``.

        With ŷ the normalised x and g = gain ⊙ d_y, both of one token (5.4):

            d_x = (g - mean(g) - ŷ mean(g ⊙ ŷ)) / √(σ² + ε)
        """
        hat, deviation = self.normalised(x)
        g = self.gain * d_y
        along = (g * hat).mean(dim=-1, keepdim=True)
        d_x = (g - g.mean(dim=-1, keepdim=True) - hat * along) / deviation
        C = self.gain.shape
        return d_x, (d_y * hat).sum_to_size(C), d_y.sum_to_size(C)  # over all tokens


class FeedForward(nn.Module):
    """What a token makes of itself: W_2 act(W_1 x + b_1) + b_2, at each place alone."""

    def __init__(self, size: int, inner: int, activation: str = "relu") -> None:
        super().__init__()
        self.W_1, self.W_2 = nn.Linear(size, inner), nn.Linear(inner, size)
        self.activation = {"relu": F.relu, "gelu": F.gelu}[activation]

    def forward(self, x: Tensor) -> Tensor:
        """``x (B, T, C)`` -> ``(B, T, C)``."""
        return self.W_2(self.activation(self.W_1(x)))


@dataclass(frozen=True)
class TransformerConfig:
    """The sizes of a Transformer; the defaults are those of the paper's base model."""

    size: int = 512  # C, of a token's vector
    heads: int = 8  # H
    inner: int = 2048  # numbers inside the feed-forward network
    blocks: int = 6  # of each stack
    norm: str = "post"  # as in the paper, after each sum; "pre": before each part
    positions: str = "sinusoidal"  # or "learned", "rotary", "none"
    longest: int = 512  # places in the table of "learned"
    activation: str = "relu"  # or "gelu"
    dropout: float = 0.1  # of embeddings, and of all that is added to a token
    eps: float = 1e-5  # added to the variance in every norm
    tied: bool = True  # the words' vectors are also the weights of the output
    path: str = "fused"  # or "written_out"

    def __post_init__(self) -> None:
        for name, known in (
            ("norm", ("post", "pre")),
            ("positions", ("sinusoidal", "learned", "rotary", "none")),
            ("activation", ("relu", "gelu")),
            ("path", PATHS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}: got {getattr(self, name)!r}, expected one of "
                    + ", ".join(known)
                )


class Residual(nn.Module):
    """x + part(x), with a norm: after the sum, or before the part.

    Whatever a part does, x itself goes on; with norm "pre" nothing else touches it from
    the first block to the last (Xiong et al. 2020, figure 1).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm = LayerNorm(config.size, config.eps, config.path)
        self.norm_first = config.norm == "pre"
        self.dropout = nn.Dropout(config.dropout)

    def before(self, x: Tensor) -> Tensor:
        """What the part gets to see of ``x (B, T, C)``."""
        return self.norm(x) if self.norm_first else x

    def forward(self, x: Tensor, heard: Tensor) -> Tensor:
        """Add to ``x (B, T, C)`` what the part made of it."""
        x = x + self.dropout(heard)
        return x if self.norm_first else self.norm(x)


class Block(nn.Module):
    """Hear the others, if ``cross`` hear the source too, then think alone."""

    def __init__(self, config: TransformerConfig, cross: bool = False) -> None:
        super().__init__()
        C, H, rotary = config.size, config.heads, config.positions == "rotary"
        self.attention = MultiHeadAttention(C, H, rotary=rotary, path=config.path)
        self.after_attention = Residual(config)
        if cross:
            self.cross_attention = MultiHeadAttention(C, H, path=config.path)
            self.after_cross_attention = Residual(config)
        self.feed_forward = FeedForward(C, config.inner, config.activation)
        self.after_feed_forward = Residual(config)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        causal: bool = False,
        past: Seen | None = None,
        source: Seen | None = None,
        source_mask: Tensor | None = None,
    ) -> tuple[Tensor, Seen]:
        """``x (B, T, C)`` -> ``(B, T, C)``, and all tokens that were seen so far.

        ``past`` are tokens before ``x``, ``source`` what the encoder's output is to
        this block; ``mask (B, T)`` is of ``x``, where there is no past.
        """
        one = self.after_attention.before(x)
        first = 0 if past is None else past.keys.shape[2]
        seen = self.attention.look_at(one, first)
        if past is not None:
            seen = past.then(seen)
        x = self.after_attention(x, self.attention(one, seen, mask, causal))
        if source is not None:
            one = self.after_cross_attention.before(x)
            heard = self.cross_attention(one, source, source_mask)
            x = self.after_cross_attention(x, heard)
        one = self.after_feed_forward.before(x)
        return self.after_feed_forward(x, self.feed_forward(one)), seen


class Stack(nn.Module):
    """N blocks; after blocks with norm "pre" one last norm, or x would only grow."""

    def __init__(self, config: TransformerConfig, cross: bool = False) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config, cross) for _ in range(config.blocks))
        self.norm = (
            LayerNorm(config.size, config.eps, config.path)
            if config.norm == "pre"
            else nn.Identity()
        )
        for module in self.modules():  # as in the paper's own code
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        causal: bool = False,
        past: tuple[Seen, ...] | None = None,
        source: tuple[Seen, ...] | None = None,
        source_mask: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Seen, ...]]:
        """As a block; of ``past``, ``source`` and what was seen one for each block."""
        none = (None,) * len(self.blocks)
        seen = []
        for block, before, looked in zip(
            self.blocks, past or none, source or none, strict=True
        ):
            x, now = block(x, mask, causal, before, looked, source_mask)
            seen.append(now)
        return self.norm(x), tuple(seen)

    def nothing(self, x: Tensor) -> tuple[Seen, ...]:
        """What was seen before the first token, for a batch like ``x (B, …)``."""
        H, D = self.config.heads, self.config.size // self.config.heads
        empty = torch.zeros(
            len(x), H, 0, D, device=x.device, dtype=next(self.parameters()).dtype
        )
        return (Seen(empty, empty),) * len(self.blocks)


class Embedding(nn.Module):
    """Words to vectors, times √C, with their places (sections 3.4 and 3.5).

    A vector's numbers start with variance 1 / C, so that the same matrix can serve as
    the output's; times √C they are as large as the code of the place.
    """

    def __init__(self, config: TransformerConfig, vocabulary: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, config.size)
        nn.init.normal_(self.words.weight, std=config.size**-0.5)
        self.scale = math.sqrt(config.size)
        self.places = None  # turned inside the attention, or not told at all
        if config.positions == "sinusoidal":
            self.places = Sinusoidal()
        elif config.positions == "learned":
            self.places = Learned(config.longest, config.size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, first: int = 0) -> Tensor:
        """``tokens (B, T)``, the first of them at place ``first`` -> ``(B, T, C)``."""
        x = self.words(tokens) * self.scale
        return self.dropout(x if self.places is None else self.places(x, first))


def output_layer(embedding: Embedding, tied: bool) -> nn.Linear:
    """From C numbers to a logit for each word; ``tied`` to the words' own vectors.

    A word's logit is then its vector times x (Press & Wolf 2017).
    """
    vocabulary, size = embedding.words.weight.shape
    output = nn.Linear(size, vocabulary, bias=False)
    if tied:
        output.weight = embedding.words.weight
    return output


class DecoderState(NamedTuple):
    """What decoding carries from token to token; each part has B rows."""

    seen: tuple[Seen, ...]  # one of each block: the target so far
    source: tuple[Seen, ...]  # one of each block, the same at every step
    mask: Tensor  # (B, S) of the source


class Transformer(nn.Module):
    """Encoder and decoder: all of the source is read at once, the target in training.

    The two vocabularies are apart, so ``tied`` joins two of the paper's three matrices.
    """

    def __init__(
        self, config: TransformerConfig, source_vocabulary: int, target_vocabulary: int
    ) -> None:
        super().__init__()
        self.config = config
        self.source = Embedding(config, source_vocabulary)
        self.target = Embedding(config, target_vocabulary)
        self.encoder = Stack(config)
        self.decoder = Stack(config, cross=True)
        self.output = output_layer(self.target, config.tied)

    def start(self, source: Tensor, mask: Tensor) -> DecoderState:
        """Read ``source (B, S)``, and make its keys and values for every block."""
        x, _ = self.encoder(self.source(source), mask)
        looked = tuple(
            block.cross_attention.look_at(x) for block in self.decoder.blocks
        )
        return DecoderState(self.decoder.nothing(source), looked, mask)

    def decode(
        self, tokens: Tensor, state: DecoderState
    ) -> tuple[Tensor, DecoderState]:
        """``tokens (B, T)`` -> logits of each next token ``(B, T, V)``, last state.

        One token after another, or all of them at once: the logits are the same.
        """
        x = self.target(tokens, first=state.seen[0].keys.shape[2])
        x, seen = self.decoder(
            x,
            causal=True,
            past=state.seen,
            source=state.source,
            source_mask=state.mask,
        )
        return self.output(x), state._replace(seen=seen)

    def forward(self, source: Tensor, mask: Tensor, previous: Tensor) -> Tensor:
        """Teacher forcing, as :class:`~course_lib.seq2seq.Seq2Seq`: ``(B, T, V)``."""
        return self.decode(previous, self.start(source, mask))[0]

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One token of each sequence: ``(N,)`` -> logits ``(N, V)``, for decoding."""
        logits, state = self.decode(tokens[:, None], state)
        return logits[:, 0], state  # (N, 1, V) -> (N, V)


class GPT(nn.Module):
    """A decoder alone: a language model (Radford et al. 2018), on the same blocks."""

    def __init__(self, config: TransformerConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config, vocabulary)
        self.decoder = Stack(config)
        self.output = output_layer(self.embedding, config.tied)

    def forward(
        self, tokens: Tensor, state: tuple[Seen, ...] | None = None
    ) -> tuple[Tensor, tuple[Seen, ...]]:
        """``tokens (B, T)`` after those of ``state`` -> logits ``(B, T, V)``, state."""
        past = self.decoder.nothing(tokens) if state is None else state
        x = self.embedding(tokens, first=past[0].keys.shape[2])
        x, seen = self.decoder(x, causal=True, past=past)
        return self.output(x), seen

    def step(
        self, tokens: Tensor, state: tuple[Seen, ...]
    ) -> tuple[Tensor, tuple[Seen, ...]]:
        """One token of each sequence: ``(N,)`` -> logits ``(N, V)``, for decoding."""
        logits, state = self(tokens[:, None], state)
        return logits[:, 0], state  # (N, 1, V) -> (N, V)

    generate = LanguageModel.generate  # the same loop: only the state is another
