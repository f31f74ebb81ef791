"""A submission that tries every wall of a sandbox, and says which ones gave way.

``python walls.py FOLDER LEVEL...`` prints a JSON: for each level its row in the report
and the misdeeds that succeeded; for the others what stopped them.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import course_lib
from course_lib.grading import exercise, sandbox
from course_lib.grading.exercises import Exercise, Limits, exercises_folder
from course_lib.grading.remote import Remote
from course_lib.grading.sandbox import Level

SPY = r'''
import ctypes, fcntl, importlib, os, resource, socket, subprocess, sys, threading

libc = ctypes.CDLL(None, use_errno=True)
SHMGET, PTRACE, UNSHARE, MOUNT, CLONE, BPF = {
    "x86_64": (29, 101, 272, 165, 56, 321), "aarch64": (194, 117, 97, 40, 220, 280)
}[os.uname().machine]

def system_call(number, *arguments):
    wide = [ctypes.c_long(argument) for argument in arguments]
    if libc.syscall(ctypes.c_long(number), *wide) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def read(path):
    with open(path, "rb") as file:
        assert file.read(8), "it is empty"

def write(path):
    with open(path, "wb") as file:
        file.write(b"changed")

def leave(path):
    write(path)
    os.unlink(path)

def find(names, top):
    """Read one of ``names``, ends of paths, wherever it is."""
    for folder, folders, files in os.walk(top):
        if folder == "/":
            folders[:] = set(folders) - {"proc", "sys", "dev"}
        for file in files:
            path = os.path.join(folder, file)
            if path.endswith(tuple(names)):
                try:
                    read(path)
                except OSError:
                    continue
                return
    raise FileNotFoundError

def import_again(module):
    sys.modules.pop(module)
    importlib.invalidate_caches()
    importlib.import_module(module)

def through_a_link(path, make):
    make(path, "link")
    try:
        read("link")
    finally:
        os.unlink("link")

def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

def send(family, kind, address):
    with socket.socket(family, kind) as one:
        one.settimeout(5)
        one.connect(address)
        one.send(b"secret")

def own_a_socket(owner):
    FIOSETOWN = 0x8901
    fcntl.ioctl(socket.socketpair()[0], FIOSETOWN, owner.to_bytes(4, "little"))

def close_a_folder():
    os.mkdir("closed")
    folder = os.open("closed", os.O_RDONLY)
    try:
        os.fchmod(folder, 0o500)
    finally:
        os.close(folder)
        os.rmdir("closed")

def fill_the_disk():
    for number in range(20):
        with open(f"part{number}", "wb") as file:
            file.write(bytes(2**20))

def start_threads(count, stack=0):
    libc.mallopt(-8, 1)  # one heap for all, or theirs would fill the memory first
    threading.stack_size(stack)
    go = threading.Event()
    threads = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=go.wait)
            thread.start()
            threads.append(thread)
    finally:
        go.set()
        for thread in threads:
            thread.join()
        threading.stack_size(0)

def write_a_large_file():
    with open("large", "wb") as file:
        file.truncate(2**30)

def lift_a_limit():
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most + 1, most + 1))

def misdeeds(at):
    """Each by its name, in an order in which none spoils what a later one needs."""
    other, grade, grader = at["other"], at["grade"], at["grader"]
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    return {
        "read the solutions": lambda: read(at["master"]),
        "read the hidden tests": lambda: read(at["tests"]),
        "read the repository": lambda: read(at["repository"]),
        "read a second copy": lambda: read(at["copy"]),
        "find the answers on the disk": lambda: find(at["names"], at["top"]),
        "read the hidden module": lambda: read(at["source"]),
        "read it compiled": lambda: read(at["compiled"]),
        "import it": lambda: importlib.import_module(at["module"]),
        "import it again": lambda: import_again(at["module"]),
        "read another submission": lambda: read(other),
        "read it by a link": lambda: through_a_link(other, os.symlink),
        "read it by a second name": lambda: through_a_link(other, os.link),
        "see its size": lambda: os.stat(other),
        "list the submissions": lambda: os.listdir(os.path.dirname(other)),
        "empty a grade": lambda: os.truncate(grade, 0),
        "write a grade": lambda: write(grade),
        "touch a grade": lambda: os.utime(grade, (1, 1)),
        "take a grade's rights": lambda: os.chmod(grade, 0),
        "close a folder": close_a_folder,
        "leave a file behind": lambda: leave(at["left"]),
        "write beside": lambda: leave("/tmp/left_by_a_submission"),
        "write to shared memory": lambda: leave("/dev/shm/left_by_a_submission"),
        "write into a new folder": lambda: os.makedirs("/new/folder"),
        "write into the course": lambda: leave(at["package"] + "/left.py"),
        "fill the disk": fill_the_disk,
        "write a large file": write_a_large_file,
        "lift a limit": lift_a_limit,
        "fill the memory": lambda: bytearray(2**31),
        "memory without a limit": lambda: os.memfd_create("a"),
        "shared memory without a limit": lambda: system_call(SHMGET, 0, 99, 0o1600),
        "fork": fork,
        "run a program": lambda: subprocess.run([sys.executable, "-V"], check=True),
        "spawn a program": lambda: os.posix_spawn("/usr/bin/env", ["env"], {}),
        "become a program": lambda: os.execv("/usr/bin/env", ["env"]),
        "start 1000 threads": lambda: start_threads(1000, 2**16),
        "tcp": lambda: send(socket.AF_INET, stream, ("127.0.0.1", at["tcp"])),
        "udp": lambda: send(socket.AF_INET, datagram, ("127.0.0.1", at["udp"])),
        "unix": lambda: send(socket.AF_UNIX, stream, at["unix"]),
        "abstract": lambda: send(socket.AF_UNIX, stream, "\0" + at["abstract"]),
        "signal the parent": lambda: os.kill(os.getppid(), 0),
        "signal the grader": lambda: os.kill(grader, 0),
        "signal everybody": lambda: os.kill(-1, 0),
        "signal by a handle": lambda: os.pidfd_open(grader),
        "signal by a pipe": lambda: fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, grader),
        "signal by a socket": lambda: own_a_socket(grader),
        "read the grader's environment": lambda: read(f"/proc/{grader}/environ"),
        "read the grader's command": lambda: read(f"/proc/{grader}/cmdline"),
        "limit the grader": lambda: resource.prlimit(grader, resource.RLIMIT_CORE),
        "slow the grader down": lambda: os.setpriority(os.PRIO_PROCESS, grader, 19),
        "trace the grader": lambda: system_call(PTRACE, 16, grader, 0, 0),
        "walls within walls": lambda: system_call(UNSHARE, 0x10000000),
        "mount": lambda: system_call(MOUNT, 0, 0, 0, 0, 0),
        "a new namespace by clone": lambda: system_call(CLONE, 0x10000000 | 17, 0),
        "a process by clone3": lambda: system_call(435, 0, 0),
        "io_uring": lambda: system_call(425, 1, 0),
        "bpf": lambda: system_call(BPF, 0, 0, 0),
    }

def walls(at):
    gave_way, held = [], {}
    for name, misdeed in misdeeds(at).items():
        try:
            misdeed()
        except BaseException as error:
            held[name] = f"{type(error).__name__}: {error}"[:100]
        else:
            gave_way.append(name)
    return {"gave way": gave_way, "held": held}

def honest():
    """What an answer may do, at every level."""
    import matplotlib.pyplot as plt, torch
    plt.plot([1, 2]); plt.savefig("figure.png")
    torch.set_num_threads(8)
    a = torch.ones(400, 400, requires_grad=True)
    (a @ a).sum().backward()
    torch.save(a, "a.pt"), torch.load("a.pt")
    start_threads(4)
    import asyncio
    asyncio.run(asyncio.sleep(0))
    import course_lib.data, course_lib.chapters
    os.kill(os.getpid(), 0)
    help, exit
    return sorted(os.listdir())

def second_set_of_numbers():
    system_call(0x40000000 + 41, 2, 1, 0)
'''


def main(folder: Path, names: list[str]) -> None:
    rnn = exercise("01_rnn")
    limits = Limits(memory_mb=1500, file_mb=4, disk_mb=16, cell_seconds=60)
    limits = dataclasses.replace(limits, call_seconds=120, total_seconds=300)
    spied = dataclasses.replace(rnn, limits=limits)
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        local = socket.AF_UNIX
        with socket.socket(local) as unix, socket.socket(local) as sky:
            unix.bind(str(folder / "socket"))
            sky.bind(f"\0{folder}")
            for server in (tcp, unix, sky):
                server.listen()
            at = whereabouts(spied, folder) | {
                "tcp": tcp.getsockname()[1],
                "udp": udp.getsockname()[1],
                "unix": str(folder / "socket"),
                "abstract": str(folder),
            }
            told = {}
            for level in sandbox.LEVELS:
                if level.name in names:
                    told[level.name] = try_walls(spied, level, at)
    print(json.dumps(told))


def whereabouts(rnn: Exercise, folder: Path) -> dict[str, Any]:
    """Where there is something to steal or to break."""
    for name in ("other.ipynb", "grade.json"):
        (folder / name).write_text("something to steal")
    package = Path(course_lib.__file__).parent
    source = package / "rnn.py"
    sites = [Path(entry) for entry in sys.path if entry.endswith("-packages")]
    copies = [site / "course_lib/_stored/exercises/01_rnn/master.py" for site in sites]
    return {
        "master": str(exercises_folder() / "01_rnn" / "master.py"),
        "tests": str(exercises_folder() / "01_rnn" / "hidden.py"),
        "repository": str(Path(__file__)),
        "copy": str(next((path for path in copies if path.is_file()), copies[0])),
        "names": ["01_rnn/master.py", "course_lib/rnn.py"],
        "top": "/",
        "source": str(source),
        "compiled": importlib.util.cache_from_source(source),
        "module": rnn.hide[0],
        "package": str(package),
        "other": str(folder / "other.ipynb"),
        "grade": str(folder / "grade.json"),
        "left": str(folder / "left"),
        "grader": os.getpid(),
    }


def try_walls(rnn: Exercise, level: Level, at: dict[str, Any]) -> dict[str, Any]:
    if why := sandbox.refusal(level):
        return {"refused": why}
    if level == sandbox.PROCESS:  # where it may go through the whole machine, for long
        at = at | {"top": str(exercises_folder())}
    with Remote(rnn, [SPY], level) as submission:
        answers = submission.answers
        told = {"honest": answers.honest()} | answers.walls(at)
        try:
            answers.second_set_of_numbers()
        except Exception as error:
            told["x32"] = str(error)
        return told | {"sandbox": submission.sandbox, "cells": submission.cell_errors}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
