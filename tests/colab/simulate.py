"""Run a chapter as a reader on Colab would, as far as that goes without Colab.

    python tests/colab/simulate.py chapters/01_rnn.ipynb

It makes a kernel with Colab's own versions of the Jupyter packages (the rest comes from
this environment, without course_lib and d2l), puts the notebook alone into an empty
folder, and runs it from its first cell on. What that cell asks GitHub for is answered
with the working tree. Then it compares the installed packages with those of before:
nothing that Colab brings may have changed.

It needs PyPI, and is no part of `make test`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import nbformat
import yaml
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[2]
# Colab's versions, and what they import that newer versions no longer do.
COLAB = [
    "ipywidgets==7.7.1",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "traitlets==5.7.1",
    "anywidget==0.9.21",
    "backcall==0.2.0",
    "decorator==4.4.2",
    "entrypoints==0.4",
    "ipython-genutils==0.2.0",
    "jupyter-client==7.4.9",
    "jupyterlab-widgets==3.0.16",
    "nbclassic==1.3.1",
    "nbclient==0.10.2",
    "nest-asyncio==1.6.0",
    "notebook==6.5.7",
    "pickleshare==0.7.5",
    "setuptools==80.9.0",
    "widgetsnbextension==3.6.10",
]
# A fresh Colab has none of these, or its own (above).
NOT_SHARED = {"course_lib", "d2l", "pip", "_course_lib", "torchvision"} | {
    name.partition("==")[0].replace("-", "_") for name in COLAB
}


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """The output of a command; where it fails, what it said ends the program."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def make_environment(folder: Path) -> Path:
    """A virtual environment with Colab's kernel; returns its Python."""
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin/python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", *COLAB)
    shared = folder / "shared"
    shared.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        name = entry.name.lower().partition("-")[0].removesuffix(".py")
        if name not in NOT_SHARED and entry.suffix != ".pth":
            (shared / entry.name).symlink_to(entry)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(f"{shared}\n")
    return python


def make_repository(folder: Path, branch: str) -> None:
    """The working tree, committed, in the place of the one on GitHub."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT)
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git = ["git", "-c", "user.name=simulation", "-c", "user.email=none@localhost"]
    run(*git, "init", "-q", "-b", branch, cwd=folder)
    run(*git, "add", "-A", cwd=folder)
    run(*git, "commit", "-q", "-m", "The working tree", cwd=folder)


def installed(python: Path) -> dict[str, str]:
    lines = run(python, "-m", "pip", "list", "--format=freeze").split()
    return dict(line.split("==") for line in lines)


def execute(path: Path, python: Path, redirect: dict[str, str]) -> float:
    """Run a notebook in its folder with the kernel of ``python``; returns seconds.

    A cell that fails ends the program, with what the set-up cell said.
    """

    class Colab(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            launch = [
                "-Xfrozen_modules=off",
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
            ]
            return KernelSpec(argv=[str(python), *launch], language="python")

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=Colab()),
        extra_arguments=["--Application.log_level=ERROR"],
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
    )
    ours = ("PYTHON", "VIRTUAL_ENV", "MPLBACKEND")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    begun = time.monotonic()
    try:
        client.execute(env=environment | redirect)
    except CellExecutionError as error:
        said = [output.get("text", "") for output in notebook.cells[0].outputs]
        sys.exit(f"{''.join(said)}\n{error}\n{path.name} does not run on Colab.")
    return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebook", type=Path)
    notebook = parser.parse_args().notebook
    repository = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]
    with tempfile.TemporaryDirectory(prefix="colab-") as name:
        folder = Path(name)
        print("Making an environment like Colab's …", flush=True)
        python = make_environment(folder / "environment")
        (folder / "repository").mkdir()
        make_repository(folder / "repository", repository["branch"])
        (folder / "content").mkdir()
        alone = Path(shutil.copy2(notebook, folder / "content"))
        before = installed(python)
        print(f"Running {notebook.name} …", flush=True)
        redirect = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{folder / 'repository'}.insteadOf",
            "GIT_CONFIG_VALUE_0": repository["url"],
        }
        seconds = execute(alone, python, redirect)
        after = installed(python)
    changed = {
        package: f"{version} -> {after.get(package)}"
        for package, version in before.items()
        if after.get(package) != version
    }
    if changed:
        sys.exit(f"The notebook changed what Colab brings: {changed}")
    added = sorted(f"{name}=={after[name]}" for name in after.keys() - before.keys())
    print(
        f"{notebook.name} ran in {seconds:.0f} s. It added {', '.join(added)} and "
        f"changed none of the {len(before)} packages that were there."
    )


if __name__ == "__main__":
    main()
