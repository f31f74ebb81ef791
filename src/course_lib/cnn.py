"""A small residual network: the opponent of chapter 7 (He et al. 2016, section 4.2).

What a Vision Transformer must learn is built into it: a number depends on its
neighbours, and the same weights look at every place. An image that moves, moves its
features with it.

Shapes: B batch, w width of the first stage, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.training import weight_count

STRIDE = 4  # pixels that one step in the features is worth


class ResidualBlock(nn.Module):
    """x + what two 3 x 3 convolutions make of it.

    With ``stride`` 2 there are half as many rows and columns. The x that goes past is
    then every second pixel, and channels that it has not are zeros: no weights.
    """

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.more = stride, width - channels
        self.first = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """``x (B, channels, height, width)`` -> ``(B, w, height / s, width / s)``."""
        heard = self.first_norm(self.first(x)).relu()
        heard = self.second_norm(self.second(heard))
        past = x[:, :, :: self.stride, :: self.stride]
        return (F.pad(past, (0, 0, 0, 0, 0, self.more)) + heard).relu()


class ResNet(nn.Module):
    """One convolution, three stages of w, 2 w and 4 w channels, a mean, a classifier.

    A stage has ``blocks`` residual blocks; that makes 6 · blocks + 2 layers. With
    width 16 and 3, 5, 7, 9 or 18 blocks it is the paper's ResNet-20 to ResNet-110.
    """

    def __init__(
        self, channels: int, classes: int, width: int = 16, blocks: int = 1
    ) -> None:
        super().__init__()
        for name, got in (("width", width), ("blocks", blocks)):
            if got < 1:
                raise ValueError(f"{name}: got {got}, expected at least 1")
        self.channels = channels
        layers = [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        last = width
        for stage, wide in enumerate((width, 2 * width, 4 * width)):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(ResidualBlock(last, wide, stride))
                last = wide
        self.layers = nn.Sequential(*layers)
        self.output = nn.Linear(last, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def features(self, images: Tensor) -> Tensor:
        """``images (B, channels, h, w)`` -> ``(B, 4 width, h / 4, w / 4)``."""
        if images.ndim != 4 or images.shape[1] != self.channels:
            raise ValueError(
                f"images: got shape {tuple(images.shape)}, "
                f"expected (B, {self.channels}, height, width)"
            )
        return self.layers(images)

    def forward(self, images: Tensor) -> Tensor:
        """``images (B, channels, height, width)`` -> logits ``(B, K)``."""
        return self.output(self.features(images).mean(dim=(2, 3)))


class ConvolutionalStem(nn.Module):
    """The hybrid: a few convolutions in the place of a Vision Transformer's patches.

    One vector of C numbers for each square of P x P pixels, as there. But each layer
    halves the image once, and sees over the borders of the squares (Xiao et al. 2021,
    section 4). So P is a power of 2.
    """

    def __init__(self, channels: int, side: int, size: int) -> None:
        super().__init__()
        halvings = side.bit_length() - 1
        if side != 2**halvings or side < 2:
            raise ValueError(f"side: got {side}, expected 2, 4, 8 …, to be halved")
        layers: list[nn.Module] = []
        for left in reversed(range(halvings)):
            wide = max(1, size >> left)
            layers += [
                nn.Conv2d(channels, wide, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(wide),
                nn.ReLU(),
            ]
            channels = wide
        self.layers = nn.Sequential(*layers, nn.Conv2d(size, size, 1))

    def forward(self, images: Tensor) -> Tensor:
        """``images (B, channels, height, width)`` -> ``(B, T, C)``."""
        x = self.layers(images)  # (B, C, rows, columns)
        return x.flatten(2).transpose(1, 2)


def as_large(weights: int, channels: int, classes: int, blocks: int = 1) -> int:
    """The width of the largest :class:`ResNet` that has at most so many ``weights``."""

    def count(width: int) -> int:
        with torch.device("meta"):  # counted, but never made
            return weight_count(ResNet(channels, classes, width, blocks))

    if weights < count(1):
        raise ValueError(f"weights: got {weights}, expected at least {count(1)}")
    width = 1
    while count(width + 1) <= weights:
        width += 1
    return width
