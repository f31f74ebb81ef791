"""``course grade --export``: the files with which other machines grade an exercise.

``gradescope`` makes ``autograder.zip``: Gradescope builds its image with ``setup.sh``
and grades each submission with ``run_autograder``. ``k8s`` makes a ``Dockerfile`` and
an indexed job, which grades a class in parts. The ``README.md`` beside them says what
to do. Both install the course as it runs here, and refuse to grade with tests that are
not those of here.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

import torch

from course_lib.files import write_whole
from course_lib.grading.exercises import Exercise, files_of
from course_lib.grading.requirement import requirement

KINDS = ("gradescope", "k8s")
_EXECUTABLE = ("setup.sh", "run_autograder")


def export(kind: str, exercise: Exercise, folder: Path, seed: int) -> list[Path]:
    """Write the files of ``kind`` into ``folder``, its overlay among them.

    Returns their paths. They hold ``seed``: no student may see them. Raises
    ``ValueError`` for an unknown kind, and where the course runs from a checkout with
    changes that are not committed, which no other machine could install.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; expected one of {list(KINDS)}")
    files = _overlay(exercise) | _files(kind, exercise, seed)
    if kind == "gradescope":
        files["autograder.zip"] = _zipped(files)
    for name, data in files.items():
        write_whole(folder / name, data)
        if name in _EXECUTABLE:
            (folder / name).chmod(0o755)
    return [folder / name for name in sorted(files)]


def _overlay(exercise: Exercise) -> dict[str, bytes]:
    if exercise.overlay is None:
        return {}
    return {
        f"tests/overlay/{path.relative_to(exercise.overlay.parent).as_posix()}": (
            path.read_bytes()
        )
        for path in files_of(exercise.overlay)
    }


def _files(kind: str, exercise: Exercise, seed: int) -> dict[str, bytes]:
    """The files beside this one for ``kind``, the placeholders of templates filled."""
    values = {
        "exercise": exercise.name,
        "name": exercise.name.replace("_", "-"),  # as Kubernetes allows it
        "version": exercise.version,
        "seed": seed,
        "course": requirement(),
        "torch": f"torch=={torch.__version__.partition('+')[0]}",
        "overlay_option": " --overlay /tests/overlay" if exercise.overlay else "",
        "slurm_overlay": " --overlay tests/overlay" if exercise.overlay else "",
    }
    files = {}
    for folder, place in ((kind, ""), ("shared", "tests/")):
        for file in resources.files(__package__).joinpath(folder).iterdir():
            text = file.read_text(encoding="utf-8")
            if file.name.endswith(".template"):
                text = Template(text).substitute(values)
            files[place + file.name.removesuffix(".template")] = text.encode()
    return files


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """What Gradescope unpacks into ``/autograder/source``; always the same bytes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name in _EXECUTABLE else 0o644) << 16
            archive.writestr(entry, files[name])
    return data.getvalue()
