"""Several processes with one job: torchrun starts them, torch.distributed joins them.

Without torchrun there is one process, and each of these functions does nothing at all.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import re
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import torch
from torch import Tensor, distributed

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing import ProcessFailure

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


def threads_of_each(count: int) -> int:
    """How many of this process's threads each of ``count`` others gets."""
    return max(1, torch.get_num_threads() // count)


def launch(arguments: Sequence[str], devices: int) -> int:
    """Run ``python ARGUMENTS`` in ``devices`` processes; return their exit code.

    It is what ``torchrun --standalone --nproc-per-node DEVICES`` does. The first
    process is seen and heard; of the others one that fails, on the standard error. They
    divide the threads that torch has in this one. A signal to stop goes to all, and the
    exit code is then 128 + signal. If one is killed all end, with exit code 2 and one
    sentence.
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
            return _explained(failed.failures, devices, Path(logs))
    return 0


def leave(code: int, said: str = "") -> NoReturn:
    """End this one of several processes at once; ``said``, if anything, is why.

    It goes without a farewell: the others may be gone, or wait for it, and torch's
    threads abort where they are torn down in the middle of something. What is ``said``
    is kept for the one that started it. All may fail alike; one of them is then heard.
    """
    if said:
        reply = {"message": said, "extraInfo": {"timestamp": str(int(time.time()))}}
        path = Path(os.environ["TORCHELASTIC_ERROR_FILE"])
        path.write_text(json.dumps({"message": reply}), encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _explained(failures: Mapping[int, ProcessFailure], devices: int, logs: Path) -> int:
    """Say why the processes failed, of which one may have been the cause of all others.

    Returns their exit code.
    """

    def effect(numbered: tuple[int, ProcessFailure]) -> tuple[bool | int, ...]:
        """The least is the cause. Those left over get a SIGTERM, or miss the dead."""
        number, one = numbered
        killed = one.exitcode < 0 and one.exitcode != -signal.SIGTERM
        lonely = one.exitcode == LOST
        return not killed, lonely, _told(one) is None, one.exitcode < 0, number

    number, cause = min(failures.items(), key=effect)
    told = _told(cause)
    if cause.exitcode == LOST or (cause.exitcode < 0 and not told):
        how = f"lost the others ({told})" if told else "lost the others"
        if cause.exitcode < 0:
            how = f"was killed ({cause.signal_name()})"
        said = (
            f"error: process {number + 1} of {devices} {how}, so all have ended; the "
            "same command continues from the last checkpoint, on one device or more"
        )
    elif told:
        said = f"error: {told}"
    elif number > 0:  # the first one has been heard
        logged = logs.glob(f"*/*/{number}/stderr.log")
        said = "".join(log.read_text("utf-8", errors="replace") for log in logged)
    else:
        said = ""
    if said:
        print(said, file=sys.stderr)
    return 2 if cause.exitcode < 0 or cause.exitcode == LOST else cause.exitcode


def _told(failure: ProcessFailure) -> str | None:
    """What the process left with :func:`leave`, if it did."""
    reply = failure.error_file_data.get("message")
    return reply["message"] if isinstance(reply, dict) else None


@contextlib.contextmanager
def _kept_settings(devices: int) -> Iterator[None]:
    """What a launch changes in this process, put back afterwards."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")  # the last two not on Windows
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}
    environment = dict(os.environ)
    # One that is set is for this process.
    os.environ["OMP_NUM_THREADS"] = str(threads_of_each(devices))
    # DDP warns where it looks for unused parameters and there are none.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    logging_off = logging.root.manager.disable
    logging.disable()  # its report of a failure is long; ours is one sentence
    try:
        yield
    finally:
        logging.disable(logging_off)
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
