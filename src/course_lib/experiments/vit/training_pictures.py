"""What the claims on pictures share: a task, two networks, and how each is trained.

The validation pictures have labels too: they help all arms alike.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_lib.cnn import ResNet, as_large
from course_lib.data import images
from course_lib.data.augmentation import cropped
from course_lib.data.batching import Sampler, generator
from course_lib.decoding import evaluating
from course_lib.experiments.claim import Progress
from course_lib.experiments.labels import Learned, Recipe, best_rate, in_turns, reported
from course_lib.training import Setting
from course_lib.transformer import TransformerConfig
from course_lib.vit import BASE, VisionTransformer

Corpus = Literal["digits", "mnist", "fashion_mnist", "cifar10"]


class Examples(NamedTuple):
    """N pictures, and what each one shows."""

    images: Tensor  # (N, channels, height, width)
    labels: Tensor  # (N,)

    def of(self, indices: Tensor | slice) -> Examples:
        """Only those of ``indices``."""
        return Examples(self.images[indices], self.labels[indices])


class Task(NamedTuple):
    """What is to be learned from some of ``train``; ``valid`` chooses how."""

    train: Examples  # in an order of which the first n are a fair draw
    valid: Examples
    test: Examples
    classes: int  # K

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return tuple(self.test.images.shape[1:])


def read(corpus: Corpus, valid: int, test: int, seed: int, frame: int = 0) -> Task:
    """Pictures of ``corpus``, of ``valid`` and ``test`` so many, or all there are.

    The ``seed`` decides which come first of those to train with. In a black ``frame``
    of so many pixels on each side a picture stands anywhere, but always at one place.
    Pixels are scaled to mean 0 and variance 1 by two numbers, those of all pixels to
    train with.
    """
    parts = {split: getattr(images, corpus)(split) for split in images.SPLITS}
    pixels = {
        split: cropped(F.pad(part.images, (frame,) * 4), generator(seed, i), frame)
        for i, (split, part) in enumerate(parts.items())
    }
    deviation, mean = torch.std_mean(pixels["train"])
    known = {
        split: Examples((pixels[split] - mean) / deviation, part.labels)
        for split, part in parts.items()
    }
    order = torch.tensor(in_turns(known["train"].labels.tolist(), seed))
    return Task(
        known["train"].of(order),
        known["valid"].of(slice(valid)),
        known["test"].of(slice(test)),
        len(parts["train"].names),
    )


def small_vit(
    sizes: TransformerConfig,
    task: Task,
    side: int,
    seed: int,
    positions: str = "learned",
) -> VisionTransformer:
    """A Vision Transformer with a class token, for the pictures of ``task``."""
    torch.manual_seed(seed)
    return VisionTransformer(sizes, task.image, side, task.classes, positions=positions)


def sizes_of(size: int, heads: int, inner: int, blocks: int) -> TransformerConfig:
    """ViT-Base, but smaller."""
    return replace(BASE, size=size, heads=heads, inner=inner, blocks=blocks)


def small_cnn(weights: int, task: Task, seed: int) -> ResNet:
    """The largest residual network for ``task`` with at most so many ``weights``."""
    torch.manual_seed(seed)
    channels = task.image[0]
    return ResNet(channels, task.classes, as_large(weights, channels, task.classes))


def count_flop(make: Callable[[], nn.Module], image: tuple[int, int, int]) -> int:
    """FLOP of one ``image``, forward, counted while the model runs without numbers."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        make().eval()(torch.empty(1, *image))
    return counter.get_total_flops()


def label_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross-entropy, in nats, of labels ``(B,)`` or shares of classes ``(B, K)``."""
    images, labels = batch
    return F.cross_entropy(model(images), labels)


def logits(model: nn.Module, images: Tensor, batch: int = 500) -> Tensor:
    """Of ``images (N, …)``, without dropout and on the CPU: ``(N, K)``."""
    device = next(model.parameters()).device
    with evaluating(model):
        return torch.cat([model(some.to(device)).cpu() for some in images.split(batch)])


def accuracy(model: nn.Module, examples: Examples) -> float:
    """The share of ``examples`` whose label has the largest logit."""
    right = logits(model, examples.images).argmax(dim=1) == examples.labels
    return right.double().mean().item()


def picture_batches(
    examples: Examples, batch: int, seed: int
) -> Callable[[int], Examples]:
    """``batch_at(step)``, as training wants it; all of ``examples`` in every epoch."""
    sampler = Sampler(len(examples.labels), batch, seed)
    return lambda step: examples.of(sampler(step))


def chosen(
    make: Callable[[], nn.Module],
    task: Task,
    loss: Callable[[nn.Module, Any], Tensor],
    batch_at: Callable[[int], Any],
    steps: int,
    rates: tuple[float, ...],
    setting: Setting,
    name: str,
    done: int,
    total: int,
) -> Generator[Progress, None, tuple[Learned, nn.Module]]:
    """Train what ``make`` makes with each rate, and keep the best for ``task.valid``.

    Returns how good the model is that was best, and the model. Of rates that are
    equally good the first is kept. The live curve is called by the first word of
    ``name``; ``done`` steps of ``total`` came before. Where ``setting`` names a folder,
    a killed run goes on from a checkpoint of each rate.
    """
    rate, model = yield from reported(
        best_rate(
            make,
            loss,
            batch_at,
            steps,
            rates,
            setting,
            lambda model: accuracy(model, task.valid),
            name,
        ),
        name,
        name.split()[0],
        done,
        total,
    )
    return Learned(accuracy(model, task.test), rate), model


def taught(
    make: Callable[[], nn.Module],
    task: Task,
    n: int,
    recipe: Recipe,
    setting: Setting,
    name: str,
    done: int,
    total: int,
) -> Generator[Progress, None, tuple[Learned, nn.Module]]:
    """The one :func:`chosen` by the labels of the first ``n`` pictures alone."""
    return (
        yield from chosen(
            make,
            task,
            label_loss,
            picture_batches(task.train.of(slice(n)), recipe.batch, setting.seed),
            recipe.steps(n),
            recipe.rates,
            replace(setting, checkpoint=None),  # too short for one of its own
            name,
            done,
            total,
        )
    )
