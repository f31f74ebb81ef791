"""Learn from a teacher's answers as well as from labels, and from changed pictures.

A label says what a picture shows. A trained network says more: what else it looks like
(Hinton, Vinyals & Dean 2015). And it can be asked about a picture that nobody labelled,
such as one that was moved, bent or mixed with another.

Two ways to listen are those of DeiT (Touvron et al. 2021, section 3, equations 2 and
3). Its third, a token of its own that listens to the teacher, is not here: the class
token hears both, as in the rows "usual distillation" and "hard distillation" of the
paper's table 3.

Shapes: B batch, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.augmentation import cropped, flipped, mixup, rand_augment
from course_lib.data.batching import Sampler, generator
from course_lib.experiments.vit.training_pictures import Examples, accuracy


class Lesson(NamedTuple):
    """B pictures, and how much of each class each one shows."""

    images: Tensor  # (B, channels, height, width)
    targets: Tensor  # (B, K), each row sums to 1


Loss = Callable[[nn.Module, Lesson], Tensor]
Listen = Callable[[Tensor, Tensor, Tensor], Tensor]  # student, teacher, targets


def soft_loss(
    student: Tensor, teacher: Tensor, targets: Tensor, temperature: float, weight: float
) -> Tensor:
    """(1 - λ) cross-entropy + λ τ² KL, of logits ``(B, K)`` (DeiT's equation 2).

    KL compares what both say at ``temperature`` τ, from the teacher's side. The higher
    τ is, the more the small shares count; τ² keeps the gradient as large. ``weight`` is
    λ. The mean over B, in nats. Raises ``ValueError`` for a τ that is not positive.
    """
    if temperature <= 0:
        raise ValueError(f"temperature: got {temperature}, expected more than 0")
    apart = F.kl_div(
        F.log_softmax(student / temperature, dim=1),
        F.log_softmax(teacher / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    own = F.cross_entropy(student, targets)
    return (1 - weight) * own + weight * temperature**2 * apart


def hard_loss(
    student: Tensor, teacher: Tensor, targets: Tensor, weight: float = 0.5
) -> Tensor:
    """(1 - λ) cross-entropy + λ that of the class the teacher names (equation 3).

    The paper's ``weight`` λ is 1/2. Logits are ``(B, K)``; the mean over B, in nats.
    Cross-entropy is linear in its targets, so both are one, of targets in between. A
    teacher that names what the targets say changes nothing, to the last bit.
    """
    named = F.one_hot(teacher.argmax(dim=1), student.shape[1]).to(targets)
    return F.cross_entropy(student, targets.lerp(named, weight))


def distilled(teacher: nn.Module, listen: Listen) -> Loss:
    """The loss of a student whose ``teacher`` looks at the very same pictures.

    The teacher answers as in a test, and learns nothing. It needs no labels for that.
    """
    teacher.eval()

    def loss(model: nn.Module, lesson: Lesson) -> Tensor:
        with torch.no_grad():
            answers = teacher(lesson.images)  # (B, K)
        return listen(model(lesson.images), answers, lesson.targets)

    return loss


@dataclass(frozen=True)
class Augmentation:
    """How pictures to train with are changed, in this order."""

    mirror: bool  # every second one; not digits: a mirrored 2 is no digit
    shift: int  # up to so many pixels, either way
    changes: int  # of rand_augment, for each picture
    strength: float  # of these, 0 to 1
    mixing: float  # of mixup, more than 0, at most 1

    def __call__(self, lesson: Lesson, chance: torch.Generator) -> Lesson:
        """``lesson`` with pixels in [0, 1], changed as ``chance`` has it."""
        images, (K, labels) = lesson.images, (lesson.targets.shape[1], lesson.targets)
        if self.mirror:
            images = flipped(images, chance)
        images = cropped(images, chance, self.shift)
        images = rand_augment(images, chance, self.changes, self.strength)
        return Lesson(*mixup(images, labels.argmax(1), K, chance, self.mixing))


def lessons(
    examples: Examples,
    classes: int,
    batch: int,
    seed: int,
    augmentation: Augmentation | None = None,
) -> Callable[[int], Lesson]:
    """``batch_at(step)``, as training wants it; all of ``examples`` in every epoch.

    An ``augmentation`` changes them anew in every step. It wants pixels from black, 0,
    to white, 1; in ``examples`` the least and the largest number are taken for these.
    """
    sampler = Sampler(len(examples.labels), batch, seed)
    black, white = examples.images.aminmax()

    def lesson_at(step: int) -> Lesson:
        images, labels = examples.of(sampler(step))
        lesson = Lesson(images, F.one_hot(labels, classes).to(images.dtype))
        if augmentation is None:
            return lesson
        pixels = (images - black) / (white - black)
        chance = generator(seed, -1 - step)  # the sampler's are those from 0
        changed, targets = augmentation(Lesson(pixels, lesson.targets), chance)
        return Lesson(black + changed * (white - black), targets)

    return lesson_at


def agreement(
    teacher: nn.Module, lesson_at: Callable[[int], Lesson], steps: int
) -> float:
    """Of so many steps' pictures, the share whose largest target ``teacher`` names.

    Where it names them all, a student learns nothing from its hard labels.
    """
    seen = [lesson_at(step) for step in range(steps)]
    images = torch.cat([lesson.images for lesson in seen])
    labels = torch.cat([lesson.targets for lesson in seen]).argmax(dim=1)
    return accuracy(teacher, Examples(images, labels))
