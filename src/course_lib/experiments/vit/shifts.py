"""Pictures that stand a little elsewhere each time that a network sees them."""

from __future__ import annotations

from collections.abc import Callable

from course_lib.data.augmentation import cropped
from course_lib.data.batching import generator
from course_lib.experiments.vit.training_pictures import Examples, picture_batches


def moved(
    examples: Examples, batch: int, shift: int, seed: int
) -> Callable[[int], Examples]:
    """``batch_at(step)`` of pictures, each moved by up to ``shift`` pixels."""
    batch_at = picture_batches(examples, batch, seed)
    black = examples.images.min()  # not 0, as pixels have mean 0

    def moved_at(step: int) -> Examples:
        still = batch_at(step)
        drawn = generator(seed, step)
        pixels = cropped(still.images - black, drawn, shift) + black
        return Examples(pixels, still.labels)

    return moved_at
