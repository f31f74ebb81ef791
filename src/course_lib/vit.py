"""The Vision Transformer: an image is a sequence too (Dosovitskiy et al. 2021).

Cut an image into squares, lay each one flat and make a vector of it by one matrix. Then
the squares are what words were, and chapter 5's encoder reads them as it is:

    images -> patches -> vectors + positions -> encoder -> one vector -> logits

Nothing in it knows that two patches are neighbours, but for the positions.

Shapes: B batch, P side of a patch, T patches (and one more with a class token), C width
of a vector, H heads, K classes. A grid is the number of rows and columns of patches.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.cnn import ConvolutionalStem
from course_lib.positions import sinusoids
from course_lib.self_attention import weights_kept
from course_lib.transformer import Stack, TransformerConfig

BASE = TransformerConfig(  # the paper's smallest, ViT-Base: 86 million weights
    size=768,
    heads=12,
    inner=3072,
    blocks=12,
    norm="pre",
    positions="none",  # of the encoder, which is told them once, before it begins
    activation="gelu",
    dropout=0.0,
    eps=1e-6,
)

STEMS = ("patches", "convolutions")
SUMMARIES = ("class", "mean")
POSITIONS = ("learned", "sinusoidal_2d", "none")

Grid = tuple[int, int]


def grid_of(height: int, width: int, side: int) -> Grid:
    """Rows and columns of patches. Raises ``ValueError`` if some pixel is left over."""
    if side < 1 or height % side or width % side:
        raise ValueError(
            f"side: got {side}, expected a divisor of the height {height} and the "
            f"width {width}"
        )
    return height // side, width // side


def patches(images: Tensor, side: int) -> Tensor:
    """Cut ``images (B, channels, height, width)`` into squares, and lay each one flat.

    ``(B, T, channels · P · P)``: row by row as one reads, each square like a small
    image, channel after channel. :func:`assembled` is the way back.
    """
    if images.ndim != 4:
        raise ValueError(
            f"images: got shape {tuple(images.shape)}, "
            "expected (B, channels, height, width)"
        )
    rows, columns = grid_of(*images.shape[2:], side)
    x = images.unflatten(3, (columns, side)).unflatten(2, (rows, side))
    x = x.permute(0, 2, 4, 1, 3, 5)  # (B, ch, rows, P, cols, P) -> (B, rows, cols, ch…)
    return x.flatten(3).flatten(1, 2)  # (B, rows, cols, ch, P, P) -> (B, T, ch · P · P)


def assembled(
    patches: Tensor, side: int, channels: int, height: int, width: int
) -> Tensor:
    """The images whose patches these are: ``(B, channels, height, width)``."""
    rows, columns = grid_of(height, width, side)
    T, numbers = rows * columns, channels * side * side
    if patches.shape[1:] != (T, numbers):
        raise ValueError(
            f"patches: got shape {tuple(patches.shape)}, expected (B, {T}, {numbers})"
        )
    x = patches.unflatten(2, (channels, side, side)).unflatten(1, (rows, columns))
    x = x.permute(0, 3, 1, 4, 2, 5)  # (B, rows, cols, ch, P, P) -> (B, ch, rows, P, …)
    return x.flatten(4).flatten(2, 3)  # (B, ch, rows, P, cols, P) -> (B, ch, h, w)


class PatchEmbedding(nn.Module):
    """One matrix for every patch, wherever it is: the E of the paper's equation 1.

    The same as a convolution with kernel P and stride P, whose kernels are the rows.
    """

    def __init__(self, channels: int, side: int, size: int) -> None:
        super().__init__()
        self.side = side
        self.linear = nn.Linear(channels * side * side, size)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, images: Tensor) -> Tensor:
        """``images (B, channels, height, width)`` -> ``(B, T, C)``."""
        return self.linear(patches(images, self.side))


def sinusoids_2d(grid: Grid, size: int) -> Tensor:
    """The codes of all places of a ``grid``, ``(T, size)``: of its row, of its column.

    Each takes half of the numbers, and chapter 5's code. ``size`` divides by 4.
    """
    if size % 4:
        raise ValueError(f"size: got {size}, expected a multiple of 4")
    row, column = (sinusoids(torch.arange(n), size // 2) for n in grid)
    row, column = row.repeat_interleave(grid[1], dim=0), column.repeat(grid[0], 1)
    return torch.cat([row, column], dim=1)  # 2 x (T, C / 2) -> (T, C)


def interpolated(table: Tensor, old: Grid, new: Grid) -> Tensor:
    """Learned positions, for another grid: ``table (T_old, C)`` -> ``(T_new, C)``.

    The table is seen as a picture with C channels, and is scaled as one (bicubic; the
    paper's section 3.2). A row more than the old grid has places is the class token's:
    it stands nowhere, and stays as it is.
    """
    places = old[0] * old[1]
    extra = len(table) - places
    if extra not in (0, 1):
        raise ValueError(
            f"table: got {len(table)} rows, expected {places}, or {places + 1} with a "
            f"class token, for a grid of {old[0]} x {old[1]}"
        )
    picture = table[extra:].T.unflatten(1, old)  # (T_old, C) -> (C, rows, columns)
    picture = F.interpolate(picture[None], new, mode="bicubic", antialias=True)[0]
    return torch.cat([table[:extra], picture.flatten(1).T])


class VisionTransformer(nn.Module):
    """Patches in, logits out; between them an encoder that was made for words.

    ``image`` is (channels, height, width). The answer is read from a ``"class"`` token,
    which comes first and is no patch, or from the ``"mean"`` of all patches. With the
    stem ``"convolutions"`` a patch's vector is of what lies around it as well.
    """

    def __init__(
        self,
        config: TransformerConfig,
        image: tuple[int, int, int],
        side: int,
        classes: int,
        summary: str = "class",
        positions: str = "learned",
        stem: str = "patches",
    ) -> None:
        super().__init__()
        for name, got, known in (
            ("summary", summary, SUMMARIES),
            ("positions", positions, POSITIONS),
            ("stem", stem, STEMS),
        ):
            if got not in known:
                raise ValueError(
                    f"{name}: got {got!r}, expected one of {', '.join(known)}"
                )
        if config.positions == "rotary":
            raise ValueError("config: got positions 'rotary', expected 'none'")
        channels, height, width = image
        size, extra = config.size, int(summary == "class")
        self.config, self.image, self.side = config, tuple(image), side
        self.grid, self.positions = grid_of(height, width, side), positions
        kind = PatchEmbedding if stem == "patches" else ConvolutionalStem
        self.embedding = kind(channels, side, size)
        self.class_token = nn.Parameter(0.02 * torch.randn(size)) if extra else None
        if positions == "learned":
            T = self.grid[0] * self.grid[1] + extra
            self.places = nn.Parameter(0.02 * torch.randn(T, size))
        else:
            self.register_buffer("places", self._codes(), persistent=False)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = Stack(config)
        self.output = nn.Linear(size, classes)
        for parameter in self.output.parameters():
            nn.init.zeros_(parameter)  # at first every class is as likely

    def encode(self, images: Tensor) -> Tensor:
        """One vector for each patch, and first that of the class token: ``(B, T, C)``.

        Raises ``ValueError`` for ``images`` of another size: see :func:`at_resolution`.
        """
        if images.shape[1:] != self.image:
            got, expected = tuple(images.shape), ("B", *self.image)
            raise ValueError(f"images: got shape {got}, expected {expected}")
        x = self.embedding(images)  # (B, T, C)
        if self.class_token is not None:
            first = self.class_token.expand(len(x), 1, -1)
            x = torch.cat([first, x], dim=1)  # (B, T, C) -> (B, 1 + T, C)
        if self.places is not None:
            x = x + self.places
        return self.encoder(self.dropout(x))[0]

    def summary(self, x: Tensor) -> Tensor:
        """What is said of the whole image: ``x (B, T, C)`` -> ``(B, C)``."""
        return x.mean(dim=1) if self.class_token is None else x[:, 0]

    def forward(self, images: Tensor) -> Tensor:
        """``images (B, channels, height, width)`` -> logits ``(B, K)``."""
        return self.output(self.summary(self.encode(images)))

    def _codes(self) -> Tensor | None:
        """Positions that are not learned; the class token's are zeros."""
        if self.positions == "none":
            return None
        codes = sinusoids_2d(self.grid, self.config.size)
        return codes if self.class_token is None else F.pad(codes, (0, 0, 1, 0))


def at_resolution(
    model: VisionTransformer, height: int, width: int
) -> VisionTransformer:
    """A copy of ``model`` for images of another size, to be used or trained further.

    A patch stays as large as it was, so there are more of them, or fewer. No weights
    but the positions depend on how many; these are :func:`interpolated`.
    """
    other = copy.deepcopy(model)
    other.image = (model.image[0], height, width)
    other.grid = grid_of(height, width, model.side)
    if model.positions == "learned":
        table = interpolated(model.places.detach(), model.grid, other.grid)
        other.places = nn.Parameter(table)
    elif model.places is not None:
        other.places = other._codes().to(model.places)
    return other


@torch.no_grad()
def attention_maps(model: VisionTransformer, images: Tensor) -> Tensor:
    """Who looks at whom in every block and head: ``(blocks, B, H, T, T)``.

    Row t is what token t looks at, and sums to 1; a class token is token 0.
    """
    with weights_kept(model) as found:
        model.encode(images)
        return torch.stack([attention.weights for attention in found.values()])


def rollout(maps: Tensor) -> Tensor:
    """What each token has of each patch after all blocks: ``(B, T, T)``.

    ``maps`` are those of :func:`attention_maps`. Heads are averaged; half of a token is
    what it was before, by way of the residual (Abnar & Zuidema 2020, section 3). This
    counts the weights only, and not what the values and feed-forward networks do.
    """
    same = torch.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    flow = same.expand(maps.shape[1], -1, -1)
    for weights in maps.mean(dim=2):  # (B, T, T), block after block
        flow = (weights + same) / 2 @ flow
    return flow
