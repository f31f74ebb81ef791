"""Several processes with one job: torchrun starts them, torch.distributed joins them.

Without torchrun there is one process, and each of these functions does nothing at all.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import re
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, distributed

_T = TypeVar("_T")

LOST = 75  # exit code of a process whose run ends because another one is gone
_PATIENCE = datetime.timedelta(hours=2)  # the others wait while one downloads data


def size() -> int:
    """How many processes share this run."""
    joined = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if joined else 1


def rank() -> int:
    """The number of this one, from 0."""
    return distributed.get_rank() if size() > 1 else 0


def first() -> bool:
    """Whether this is the one that writes files and speaks."""
    return rank() == 0


def launched() -> bool:
    """Whether torchrun started this process as one of several."""
    return (
        distributed.is_available()
        and distributed.is_torchelastic_launched()
        and int(os.environ["WORLD_SIZE"]) > 1
    )


def check(devices: int, device: str) -> None:
    """Raise ``ValueError`` where ``devices`` processes cannot be had on ``device``."""
    if devices < 1:
        raise ValueError(f"devices: got {devices}, expected at least 1")
    if launched() and devices not in (1, int(os.environ["WORLD_SIZE"])):
        raise ValueError(
            f"devices: got {devices}, but torchrun started "
            f"{os.environ['WORLD_SIZE']} processes; leave --devices out"
        )
    if devices == 1 and not launched():
        return
    count = int(os.environ["WORLD_SIZE"]) if launched() else devices
    if not distributed.is_available():
        raise ValueError(f"devices: got {count}, but this torch has no distributed")
    if device.startswith("cuda:"):
        raise ValueError(
            f"device: got {device!r} for {count} devices, expected 'cuda': "
            "each process takes its own"
        )
    if device == "cuda" and count > torch.cuda.device_count():
        raise ValueError(
            f"devices: got {count}, but this torch sees {torch.cuda.device_count()} "
            "CUDA GPUs"
        )


@contextlib.contextmanager
def joined(device: str) -> Iterator[None]:
    """Be one of the processes that torchrun started, if it did; only the first speaks.

    On GPUs each process has its own, which ``"cuda"`` then means.
    """
    if not launched():
        yield
        return
    if device == "cuda":
        own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(own)
        distributed.init_process_group("nccl", timeout=_PATIENCE, device_id=own)
    else:
        distributed.init_process_group("gloo", timeout=_PATIENCE)
    with contextlib.ExitStack() as stack:
        if not first():
            silent = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(silent))
        yield
        wait()
    distributed.destroy_process_group()  # not after an error: others may be gone


def lost(error: BaseException) -> bool:
    """Whether ``error`` only says that another process is gone."""
    if size() == 1 or not isinstance(error, RuntimeError):
        return False
    broken = isinstance(error, distributed.DistError)
    return broken or re.search("gloo|NCCL|Connection", str(error)) is not None


def wait() -> None:
    """Until all processes are here."""
    if size() > 1:
        distributed.barrier()


def agreed(value: _T) -> _T:
    """The first process's ``value``, which can be pickled, for all of them."""
    if size() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def largest(number: int) -> int:
    """The largest ``number`` of all processes."""
    if size() == 1:
        return number
    found = torch.tensor(number, device=_device())
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return int(found)


def total(value: Tensor) -> Tensor:
    """The sum of all processes' ``value``; no gradient goes through it."""
    if size() == 1:
        return value
    value = value.detach().clone()
    distributed.all_reduce(value)
    return value


def _device() -> torch.device:
    on_gpu = distributed.get_backend() == "nccl"
    return torch.device("cuda", torch.cuda.current_device()) if on_gpu else "cpu"


def launch(arguments: Sequence[str], devices: int) -> int:
    """Run ``python ARGUMENTS`` in ``devices`` processes; return their exit code.

    It is what ``torchrun --standalone --nproc-per-node DEVICES`` does. What the first
    process says is seen; what another one says on its standard error is shown if that
    one failed. A signal to stop goes to all of them, and the exit code is then 128 +
    signal. If one is killed all end, with exit code 2 and one sentence.
    """
    from torch.distributed.elastic.multiprocessing import (
        DefaultLogsSpecs,
        SignalException,
        Std,
    )
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    with tempfile.TemporaryDirectory() as logs, _kept_settings(devices):
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=devices,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",  # a laptop's own name often has no address
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(
                logs, redirects=dict.fromkeys(range(1, devices), Std.ALL)
            ),
        )
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except SignalException as stop:
            return 128 + stop.sigval
        except ChildFailedError as failed:
            codes = {number: one.exitcode for number, one in failed.failures.items()}
            return _said(codes, devices, Path(logs))
    return 0


def _said(codes: dict[int, int], devices: int, logs: Path) -> int:
    """Tell why processes with these exit ``codes``, by rank, failed; the code of all.

    One failure makes others: a signal comes before a code of their own, and this
    before the loss of a neighbour.
    """
    number, code = min(codes.items(), key=lambda one: (one[1] >= 0, one[1] == LOST))
    if code < 0 or code == LOST:
        how = f"killed ({signal.Signals(-code).name})" if code < 0 else "lost"
        print(
            f"error: process {number + 1} of {devices} was {how}, so the others ended "
            "too; the same command continues from the last checkpoint, on one device "
            "or more",
            file=sys.stderr,
        )
        return 2
    if number > 0:  # the first one has spoken for itself
        for log in logs.glob(f"*/*/{number}/stderr.log"):
            print(log.read_text(encoding="utf-8", errors="replace"), file=sys.stderr)
    return code


@contextlib.contextmanager
def _kept_settings(devices: int) -> Iterator[None]:
    """What a launch changes in this process, put back afterwards."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")  # the last two not on Windows
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}
    environment = dict(os.environ)
    threads = max(1, torch.get_num_threads() // devices)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # DDP warns where it looks for unused parameters and there are none.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    log = logging.getLogger("torch.distributed")
    propagate, quiet = log.propagate, logging.NullHandler()
    log.propagate = False  # its report of a failure is long; ours is one sentence
    log.addHandler(quiet)
    try:
        yield
    finally:
        log.propagate = propagate
        log.removeHandler(quiet)
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
