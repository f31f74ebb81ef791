"""Pictures with a label: digits that need no download, MNIST, clothes and CIFAR-10.

All are float32 from 0 (black) to 1. The splits are fixed, and no picture is in two.
"""

from __future__ import annotations

import gzip
import lzma
import pickle
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.data.parallel import SPLITS
from course_lib.data.registry import cached, fetch

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
THINGS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

_VALID = 5_000  # of the training pictures, the last ones
_DIGITS = {"test": slice(360), "valid": slice(360, 540), "train": slice(540, None)}


class Pictures(NamedTuple):
    """Pictures, what each one shows, and how that is called."""

    images: Tensor  # (N, channels, height, width), float32 in [0, 1]
    labels: Tensor  # (N,), int64 in 0 … K - 1
    names: tuple[str, ...]  # of the K classes


def digits(split: str) -> Pictures:
    """Handwritten digits of 8 x 8 pixels, one channel (UCI; scikit-learn has them).

    1,257 for training, 180 for validation, 360 for the test, of 10 classes. All were
    written by the same 13 people. Nothing is downloaded.

    Raises ``ValueError`` for an unknown split.
    """
    _known(split)
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)  # (1797, 64), from 0 to 16
    order = np.random.RandomState(0).permutation(len(labels))[_DIGITS[split]]
    scaled = torch.tensor(images[order] / 16, dtype=torch.float32)
    return Pictures(
        scaled.unflatten(1, (1, 8, 8)),  # (N, 64) -> (N, 1, 8, 8)
        torch.tensor(labels[order], dtype=torch.int64),
        DIGITS,
    )


def mnist(split: str) -> Pictures:
    """Handwritten digits of 28 x 28 pixels, one channel (LeCun et al. 1998).

    55,000, 5,000 and 10,000; the test is the official one, and the validation has the
    last of the training pictures.

    Raises ``ValueError`` for an unknown split.
    """
    return _four_files("mnist", split, DIGITS)


def fashion_mnist(split: str) -> Pictures:
    """Clothes, 28 x 28 pixels, one channel (Xiao et al. 2017); split as MNIST is.

    Raises ``ValueError`` for an unknown split.
    """
    return _four_files("fashion_mnist", split, CLOTHES)


def cifar10(split: str) -> Pictures:
    """Photographs of 32 x 32 pixels, red, green and blue (Krizhevsky 2009).

    45,000, 5,000 and 10,000; the test is the official one, and the validation has the
    last of the training pictures.

    Where a mirror or the cache holds only ``cifar10_jpg``, that is read instead: the
    same photographs, but saved once more as JPEG, and in another order. **Those are
    not the original pixels**, and the split between training and validation is another
    one, so say so with every number. :func:`cifar10_source` says which it is.

    Raises ``ValueError`` for an unknown split.
    """
    _known(split)
    source = cifar10_source()
    read = _photographs if source == "cifar10" else _jpegs
    return read(fetch(source), split)


def cifar10_source() -> str:
    """The data set that :func:`cifar10` reads: ``cifar10``, or ``cifar10_jpg``."""
    only_jpegs = cached("cifar10") is None and cached("cifar10_jpg") is not None
    return "cifar10_jpg" if only_jpegs else "cifar10"


def _four_files(name: str, split: str, names: tuple[str, ...]) -> Pictures:
    _known(split)
    folder, part = fetch(name), "t10k" if split == "test" else "train"
    images = _idx(folder / f"{part}-images-idx3-ubyte.gz")[:, None]  # (N, 1, 28, 28)
    labels = _idx(folder / f"{part}-labels-idx1-ubyte.gz")
    return _pictures(images, labels, split, names)


def _idx(path: Path) -> np.ndarray:
    """The file format of MNIST: 2 zeros, a type, the rank; each length; the bytes."""
    data = gzip.decompress(path.read_bytes())
    lengths = np.frombuffer(data, ">i4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(lengths)


def _photographs(folder: Path, split: str) -> Pictures:
    """The published archive: five files to train with, and one for the test."""
    parts = ("test_batch",)
    if split != "test":
        parts = tuple(f"data_batch_{i}" for i in range(1, 6))
    with tarfile.open(folder / "cifar-10-python.tar.gz") as archive:
        found = [
            pickle.load(
                archive.extractfile(f"cifar-10-batches-py/{p}"), encoding="bytes"
            )
            for p in parts
        ]
    images = np.concatenate([one[b"data"] for one in found]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([one[b"labels"] for one in found])
    return _pictures(images, labels, split, THINGS)


def _jpegs(folder: Path, split: str) -> Pictures:
    """An archive of ``SPLIT/CLASS/NUMBER.jpg``, in the order of these numbers."""
    from PIL import Image  # comes with matplotlib

    part, found = "test" if split == "test" else "train", {}
    packed = lzma.decompress((folder / "cifar10_jpg.tar.xz").read_bytes())
    with tarfile.open(fileobj=BytesIO(packed)) as archive:  # in memory: twice as fast
        for member in archive:
            path = Path(member.name)
            if path.suffix == ".jpg" and path.parts[-3] == part:
                label = THINGS.index(path.parts[-2])
                picture = Image.open(BytesIO(archive.extractfile(member).read()))
                found[int(path.stem), label] = np.asarray(picture)  # (32, 32, 3)
    order = sorted(found)  # so that the classes are mixed
    images = np.stack([found[key] for key in order]).transpose(0, 3, 1, 2)
    return _pictures(images, [label for _, label in order], split, THINGS)


def _pictures(
    images: np.ndarray, labels: Sequence[int], split: str, names: tuple[str, ...]
) -> Pictures:
    part = {"train": slice(-_VALID), "valid": slice(-_VALID, None)}.get(
        split, slice(None)
    )
    return Pictures(
        torch.tensor(images[part], dtype=torch.float32).div_(255),
        torch.tensor(np.asarray(labels)[part], dtype=torch.int64),
        names,
    )


def _known(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"split: got {split!r}, expected one of {', '.join(SPLITS)}")
