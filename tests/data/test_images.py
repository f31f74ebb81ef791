"""Pictures: shapes, ranges, counts, and splits that share nothing."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from itertools import combinations

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from course_lib.data import images as module
from course_lib.data.images import (
    CLOTHES,
    DIGITS,
    THINGS,
    cifar10,
    cifar10_source,
    digits,
    fashion_mnist,
    mnist,
)
from course_lib.data.parallel import SPLITS
from course_lib.data.registry import datasets

READERS = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10}


def assert_pictures(found, count, shape, names):
    assert found.images.shape == (count, *shape)
    assert found.labels.shape == (count,)
    assert (found.images.dtype, found.labels.dtype) == (torch.float32, torch.int64)
    assert (found.images.min(), found.images.max()) == (0, 1)
    assert found.names == names
    assert set(found.labels.tolist()) == set(range(len(names)))


# -- digits ----------------------------------------------------------------------------

DIGIT_COUNTS = {"train": 1257, "valid": 180, "test": 360}


@pytest.mark.parametrize("split", SPLITS)
def test_digits(split):
    found = digits(split)
    assert_pictures(found, DIGIT_COUNTS[split], (1, 8, 8), DIGITS)
    share = found.labels.bincount() / len(found.labels)
    assert share.min() > 0.07
    assert share.max() < 0.15
    assert torch.equal(found.images * 16, (found.images * 16).round())
    again = digits(split)
    assert torch.equal(again.images, found.images)


def test_all_digits_are_there_once_in_all_and_each_with_its_label():
    wanted, labels = load_digits(return_X_y=True)
    expected = sorted(
        (label, *pixels) for pixels, label in zip(wanted.tolist(), labels, strict=True)
    )
    parts = [digits(split) for split in SPLITS]
    found = sorted(
        (label, *pixels)
        for part in parts
        for pixels, label in zip(
            (16 * part.images).flatten(1).tolist(), part.labels.tolist(), strict=True
        )
    )
    assert found == expected
    assert len(set(found)) == len(found) == 1797  # so no picture is in two splits


def test_the_split_of_digits_is_the_same_everywhere():
    assert digits("train").labels[:12].tolist() == FIRST["train"]
    assert digits("test").labels[:12].tolist() == FIRST["test"]


FIRST = {
    "train": [9, 3, 6, 1, 5, 1, 8, 9, 8, 4, 1, 7],
    "test": [2, 8, 2, 6, 6, 7, 1, 9, 8, 5, 2, 8],
}


# -- files like the real ones ----------------------------------------------------------


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return gzip.compress(head + array.astype(np.uint8).tobytes())


@pytest.fixture
def few_valid(monkeypatch):
    monkeypatch.setattr(module, "_VALID", 3)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_four_files_like_the_real_ones(name, tmp_path, monkeypatch, few_valid):
    monkeypatch.setattr(module, "fetch", {name: tmp_path}.__getitem__)
    made = np.random.default_rng(0)
    truth = {}
    for part, count in (("train", 13), ("t10k", 10)):
        truth[part] = made.integers(0, 256, (count, 28, 28))
        labels = np.arange(count) % 10
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(truth[part]))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(labels))
    train, valid, test = (READERS[name](split) for split in SPLITS)
    for found, part, where in (
        (train, "train", slice(10)),
        (valid, "train", slice(10, 13)),
        (test, "t10k", slice(10)),
    ):
        wanted = torch.tensor(truth[part][where] / 255, dtype=torch.float32)
        torch.testing.assert_close(found.images[:, 0], wanted)
        assert found.labels.tolist() == [i % 10 for i in range(13)][where]


def colours(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), np.uint8)


def published(folder):
    """Like the published archive, with 4 pictures in each of the five files."""
    folder.mkdir()
    truth = {"train": colours(20), "test": colours(10, 1)}
    parts = {f"data_batch_{i + 1}": truth["train"][4 * i : 4 * i + 4] for i in range(5)}
    parts["test_batch"] = truth["test"]
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name, images in parts.items():
            rows = images.reshape(len(images), -1)
            labels = [int(row.sum()) % 10 for row in rows]
            data = pickle.dumps({b"data": rows, b"labels": labels})
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return truth


def as_jpeg(folder):
    """Two pictures of each class to train with, one for the test, each of one grey."""
    folder.mkdir()
    with tarfile.open(folder / "cifar10_jpg.tar.xz", "w:xz") as archive:
        for part, count in (("test", 1), ("train", 2)):
            for label, name in enumerate(THINGS):
                for number in range(count):
                    grey = 20 * label + 5 * number + (3 if part == "test" else 0)
                    data = io.BytesIO()
                    Image.new("RGB", (32, 32), (grey,) * 3).save(data, "jpeg")
                    member = tarfile.TarInfo(
                        f"cifar10_jpg/{part}/{name}/{number:04}.jpg"
                    )
                    member.size = data.tell()
                    archive.addfile(member, io.BytesIO(data.getvalue()))
        readme = tarfile.TarInfo("cifar10_jpg/README.md")
        archive.addfile(readme, io.BytesIO())


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Say which of the two are there; both can be fetched."""
    folders = {name: tmp_path / name for name in ("cifar10", "cifar10_jpg")}
    monkeypatch.setattr(module, "fetch", folders.__getitem__)

    def only(*names):
        monkeypatch.setattr(
            module, "cached", lambda name: folders[name] if name in names else None
        )
        return folders

    return only


def test_the_published_photographs(here, few_valid):
    truth = published(here("cifar10")["cifar10"])
    train, valid, test = (cifar10(split) for split in SPLITS)
    for found, wanted in (
        (train, truth["train"][:17]),
        (valid, truth["train"][17:]),
        (test, truth["test"]),
    ):
        assert torch.equal(found.images, torch.tensor(wanted) / 255)
        labels = [int(one.sum()) % 10 for one in wanted]
        assert found.labels.tolist() == labels
        assert found.names == THINGS


def test_the_same_as_jpeg_with_the_classes_mixed(here, few_valid):
    as_jpeg(here("cifar10_jpg")["cifar10_jpg"])
    train, valid, test = (cifar10(split) for split in SPLITS)
    assert train.labels.tolist() == [*range(10), *range(7)]
    assert valid.labels.tolist() == [7, 8, 9]
    assert test.labels.tolist() == list(range(10))
    for found, numbers, extra in ((train, 10 * [0] + 7 * [1], 0), (valid, 3 * [1], 0)):
        grey = 20 * found.labels + 5 * torch.tensor(numbers) + extra
        assert found.images.shape[1:] == (3, 32, 32)
        assert (255 * found.images.mean(dim=(1, 2, 3)) - grey).abs().max() < 1.5
    assert (255 * test.images[4].mean() - 83).abs() < 1.5


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("cifar10",), "cifar10"),
        (("cifar10_jpg",), "cifar10_jpg"),
        (("cifar10", "cifar10_jpg"), "cifar10"),
        ((), "cifar10"),
    ],
)
def test_jpegs_are_read_only_where_the_original_is_not(names, wanted, here):
    here(*names)
    assert cifar10_source() == wanted


def test_the_original_is_registered_as_it_was_published():
    (file,) = datasets()["cifar10"].files
    assert file.bytes == 170_498_071
    assert file.url.startswith("https://www.cs.toronto.edu/")
    (file,) = datasets()["cifar10_jpg"].files
    assert file.url is None


@pytest.mark.parametrize("read", [digits, *READERS.values()])
def test_an_unknown_split_is_named(read):
    with pytest.raises(ValueError, match="split: got 'dev', expected one of train, va"):
        read("dev")


# -- the real ones ---------------------------------------------------------------------

MNIST_TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
MNIST_ALL = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
KNOWN = {  # shape, names, training pictures with the validation's, test; by class
    "mnist": ((1, 28, 28), DIGITS, MNIST_ALL, MNIST_TEST),
    "fashion_mnist": ((1, 28, 28), CLOTHES, [6000] * 10, [1000] * 10),
    "cifar10": ((3, 32, 32), THINGS, [5000] * 10, [1000] * 10),
}


@pytest.mark.data
@pytest.mark.parametrize("name", READERS)
def test_all_pictures_are_there_and_none_is_in_two_splits(name):
    shape, names, learning, tests = KNOWN[name]
    keys, counts = [], []
    for split, count in zip(SPLITS, (45_000, 5_000, 10_000), strict=True):
        found = READERS[name](split)
        if split == "train" and name != "cifar10":
            count = 55_000
        assert_pictures(found, count, shape, names)
        counts.append(found.labels.bincount())
        bytes_ = (255 * found.images).round().to(torch.uint8).numpy()
        keys.append({one.tobytes() for one in bytes_})
    assert (counts[0] + counts[1]).tolist() == learning
    assert counts[2].tolist() == tests
    assert counts[1].min() > 400
    for one, other in combinations(keys, 2):
        assert not one & other
