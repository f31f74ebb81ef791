"""Real data sets: where they are, what they must contain, and how they get here.

``registry.json`` says for every file its URL, size and SHA-256. Nothing is downloaded
before :func:`fetch` is called, and nothing unverified is ever returned.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pooch
import requests
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

MIRROR = "COURSE_DATA_MIRROR"  # a folder with NAME/FILE, looked in first
CACHE = "COURSE_DATA_CACHE"  # where downloads are kept; default: the user's cache

_STALE = 3600  # seconds after which what a killed download left behind is removed
# Seconds for a connection and for each answer. A name has several addresses, and where
# a network swallows everything each of them is tried for the whole of the first.
_PATIENCE = (5, 30)


class DataError(OSError):
    """A data set could not be had; the message says why and what to do."""


@dataclass(frozen=True)
class File:
    """One file of a data set: its size in bytes and the SHA-256 of those bytes.

    Without ``url`` it comes from a mirror only.
    """

    name: str
    url: str | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """A data set, its licence as stated by its source, and its files."""

    name: str
    says: str
    licence: str
    attribution: str
    files: tuple[File, ...]


@cache
def datasets() -> dict[str, Dataset]:
    """Every registered data set, by name."""
    path = Path(__file__).with_name("registry.json")
    said = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Dataset(name, **{**entry, "files": tuple(File(**f) for f in files)})
        for name, entry in said.items()
        for files in [entry["files"]]
    }


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get(CACHE) or pooch.os_cache("course_lib"))


def cached(name: str) -> Path | None:
    """The folder of ``name`` if every file lies in the mirror or cache, unverified."""
    for folder in _folders(_dataset(name)):
        if all((folder / file.name).is_file() for file in _dataset(name).files):
            return folder
    return None


def fetch(name: str) -> Path:
    """The folder that holds the files of data set ``name``, each verified.

    Looks in the folder that the environment variable ``COURSE_DATA_MIRROR`` names,
    then in the cache (``COURSE_DATA_CACHE``), then downloads into the cache.

    Raises ``ValueError`` for an unknown name and :class:`DataError` where the bytes
    cannot be had or are not the registered ones.
    """
    dataset = _dataset(name)
    *mirror, folder = _folders(dataset)
    for local in mirror:
        if all((local / file.name).is_file() for file in dataset.files):
            for file in dataset.files:
                _verify(local / file.name, file)
            return local
    missing = [file for file in dataset.files if not _good(folder / file.name, file)]
    if missing:
        _make(folder)
        _sweep(folder, dataset)
    for file in missing:
        _download(dataset, file, folder)
    return folder


def _dataset(name: str) -> Dataset:
    if name not in datasets():
        raise ValueError(
            f"name: got {name!r}, expected one of {', '.join(sorted(datasets()))}"
        )
    return datasets()[name]


def _folders(dataset: Dataset) -> list[Path]:
    mirror = os.environ.get(MIRROR)
    if mirror and not Path(mirror).is_dir():
        raise DataError(f"{MIRROR} names {mirror}, which is not a folder")
    roots = [Path(mirror)] if mirror else []
    return [root / dataset.name for root in [*roots, cache_folder()]]


def _good(path: Path, file: File) -> bool:
    return path.is_file() and pooch.file_hash(str(path)) == file.sha256


def _verify(path: Path, file: File) -> None:
    if not _good(path, file):
        got = pooch.file_hash(str(path))
        raise DataError(
            f"{path}: its sha256 is {got}, expected {file.sha256}; "
            f"put the right file there or unset {MIRROR}"
        )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _sweep(folder: Path, dataset: Dataset) -> None:
    """Remove what a killed download left: it never has a registered file's name."""
    known = {file.name for file in dataset.files}
    for path in folder.iterdir():
        if path.name not in known and time.time() - path.stat().st_mtime > _STALE:
            path.unlink(missing_ok=True)


def _download(dataset: Dataset, file: File, folder: Path) -> None:
    """Into a temporary file beside it, verified, then renamed: whole or not at all."""
    if file.url is None:
        raise DataError(
            f"{dataset.name}: {file.name} is at no address; {_otherwise(dataset, file)}"
        )
    pooch.get_logger().setLevel("WARNING")
    bar = _Bar(f"{dataset.name}/{file.name}", file.bytes)
    try:
        pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.sha256}",
            fname=file.name,
            path=folder,
            downloader=_Verified(file, bar),
        )
    except requests.HTTPError as error:
        status = error.response.status_code
        raise DataError(
            f"{dataset.name}: {file.url} answered {status} {error.response.reason}; "
            f"{_otherwise(dataset, file)}"
        ) from error
    except requests.ConnectionError as error:
        found = "is damaged" if (folder / file.name).exists() else "is not"
        raise DataError(
            f"{dataset.name}: {file.name} {found} in {folder} and "
            f"{file.url} cannot be reached. Connect to the network and run "
            f"`course data {dataset.name}` once, or {_otherwise(dataset, file)}"
        ) from error
    except requests.RequestException as error:
        raise DataError(
            f"{dataset.name}: the download of {file.url} broke off ({error}); "
            f"nothing of it was kept. Try again, or {_otherwise(dataset, file)}"
        ) from error
    except DataError:  # an OSError too, but one that says what to do
        raise
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        bar.close()


class _Verified(pooch.HTTPDownloader):
    """Compares the sum before pooch does, to name the size and both sums."""

    def __init__(self, file: File, bar: _Bar) -> None:
        super().__init__(progressbar=bar, chunk_size=2**16, timeout=_PATIENCE)
        self.file = file

    def __call__(self, url, output_file, *args, **kwargs):
        super().__call__(url, output_file, *args, **kwargs)
        got = pooch.file_hash(str(output_file))
        if got != self.file.sha256:
            size = Path(output_file).stat().st_size
            raise DataError(
                f"{url}: the sha256 of what came ({size} of {self.file.bytes} bytes) "
                f"is {got}, expected {self.file.sha256}; nothing of it was kept"
            )


def _otherwise(dataset: Dataset, file: File) -> str:
    return f"set {MIRROR} to a folder that holds {dataset.name}/{file.name}"


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"{folder}: cannot be written ({error.strerror or error}); "
        f"make room there, or set {CACHE} to another folder"
    )


class _Bar:
    """What pooch asks of a progress bar, drawn by rich, which we have anyway."""

    def __init__(self, what: str, total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn()
        )
        self._task = self._progress.add_task(what, total=total)
        self.total = total
        self._progress.start()

    def update(self, count: int) -> None:
        self._progress.update(self._task, advance=count)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop()
