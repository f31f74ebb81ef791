"""Models of d2l's book which its package has not, of the package's parts.

They compute what the book's cells compute, and hold our very parameters: a gradient of
theirs lands in ours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.exchange.d2l import shared_norm, to_d2l
from course_lib.peers import import_d2l
from course_lib.transformer import Block, Transformer
from course_lib.vit import VisionTransformer


class BookDecoderBlock(nn.Module):
    """A block of the decoder of section 11.7."""

    def __init__(self, ours: Block) -> None:
        super().__init__()
        self.attention1 = to_d2l(ours.attention)
        self.addnorm1 = to_d2l(ours.after_attention)
        self.attention2 = to_d2l(ours.cross_attention)
        self.addnorm2 = to_d2l(ours.after_cross_attention)
        self.ffn = to_d2l(ours.feed_forward)
        self.addnorm3 = to_d2l(ours.after_feed_forward)

    def forward(
        self, x: Tensor, so_far: Tensor, memory: Tensor, lengths: Tensor
    ) -> Tensor:
        """``x (B, T, C)``, the tokens ``so_far`` with these last -> ``(B, T, C)``."""
        B, T, _ = x.shape
        # As published: there is a causal mask in training alone.
        may = torch.arange(1, T + 1, device=x.device).repeat(B, 1)
        may = may if self.training else None
        y = self.addnorm1(x, self.attention1(x, so_far, so_far, may))
        z = self.addnorm2(y, self.attention2(y, memory, memory, lengths))
        return self.addnorm3(z, self.ffn(z))


class BookTransformer(nn.Module):
    """Encoder and decoder of section 11.7, with the parameters of ``ours``.

    While decoding, what is kept are the inputs of each block; all of them are projected
    again for every token, and the encoder's output too.
    """

    def __init__(self, ours: Transformer) -> None:
        super().__init__()
        self.encoder = to_d2l((ours.source, ours.encoder))
        self.embedding, self.output = ours.target.words, ours.output
        size = ours.config.size
        self.places = import_d2l().PositionalEncoding(size, ours.target.dropout.p)
        self.blocks = nn.ModuleList(map(BookDecoderBlock, ours.decoder.blocks))
        self.scale = math.sqrt(size)

    def decode(
        self,
        tokens: Tensor,
        memory: Tensor,
        lengths: Tensor,
        past: dict[int, Tensor],
        first: int = 0,
    ) -> Tensor:
        """``tokens (B, T)`` -> logits ``(B, T, V)``; ``past`` is added to.

        ``first`` is the place of the first of them. In the book it is always 0.
        """
        x = F.pad(self.embedding(tokens) * self.scale, (0, 0, first, 0))
        x = self.places(x)[:, first:]
        for i, block in enumerate(self.blocks):
            past[i] = torch.cat([past[i], x], dim=1) if i in past else x
            x = block(x, past[i], memory, lengths)
        return self.output(x)

    def forward(self, source: Tensor, mask: Tensor, previous: Tensor) -> Tensor:
        """As ours: ``(B, S)``, ``(B, S)``, ``(B, T)`` -> logits ``(B, T, V)``."""
        lengths = mask.sum(dim=1)
        return self.decode(previous, self.encoder(source, lengths), lengths, {})


class BookVit(nn.Module):
    """The Vision Transformer of section 11.8, with the parameters of ``ours``."""

    def __init__(self, ours: VisionTransformer) -> None:
        super().__init__()
        self.patches, self.side = ours.embedding.linear, ours.side
        self.token, self.places = ours.class_token, ours.places
        self.blocks = nn.ModuleList()
        for block in ours.encoder.blocks:
            think = block.feed_forward
            parts = (
                shared_norm(block.after_attention.norm),
                to_d2l(block.attention),
                shared_norm(block.after_feed_forward.norm),
                nn.Sequential(think.W_1, nn.GELU(), think.W_2),
            )
            self.blocks.append(nn.ModuleList(parts))
        self.head = nn.Sequential(shared_norm(ours.encoder.norm), ours.output)

    def forward(self, images: Tensor) -> Tensor:
        """``images (B, channels, height, width)`` -> logits ``(B, K)``."""
        # The book's Conv2d: its kernels are the rows of our matrix.
        kernels = self.patches.weight.unflatten(
            1, (images.shape[1], self.side, self.side)
        )
        x = F.conv2d(images, kernels, self.patches.bias, stride=self.side)
        x = x.flatten(2).transpose(1, 2)  # (B, C, rows, cols) -> (B, T, C)
        x = torch.cat([self.token.expand(len(x), 1, -1), x], dim=1) + self.places
        for first, attention, second, think in self.blocks:
            one = first(x)
            x = x + attention(one, one, one, None)
            x = x + think(second(x))
        return self.head(x[:, 0])
