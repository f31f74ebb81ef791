"""Where the process for a student's code begins: it builds its own walls, then works.

``python confine.py SETUP``, with what ``sandbox.worker_argv`` says in ``SETUP``.
Nothing but the standard library is imported before the walls stand, all but the limit
on memory, and none of them can be taken down again. A wall that the level promises and
that cannot be built ends the process.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def main() -> None:
    """Confine this process as ``SETUP`` says and serve as a worker from then on."""
    setup = json.loads(sys.argv[1])
    sys.argv[1:] = []
    memory = setup["limits"].pop("RLIMIT_AS")
    not_set = set_limits(setup["limits"])
    size = _own_size()
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if setup["level"] == "landlock":
        restrict_files(setup["read"], setup["list"], setup["home"])
    try:
        filter_calls()
    except OSError:
        if setup["level"] != "process":
            raise
        not_set.append("seccomp")
    sys.path += setup["path"]
    from course_lib.grading import worker

    # The last, and beyond what is there: torch takes 1 GB of addresses when it is
    # imported, and over 5 where it was made for a GPU.
    not_set += set_limits({"RLIMIT_AS": size() + memory})
    worker.main(setup["hide"], not_set)


def _own_size() -> Callable[[], int]:
    """Tells, once, how many bytes of addresses this process has; behind walls too."""
    try:
        told = open("/proc/self/statm", encoding="ascii")  # noqa: SIM115  for later
    except OSError:  # macOS, which knows no limit on them either
        return lambda: 0

    def size() -> int:
        with told:
            return int(told.read().split()[0]) * resource.getpagesize()

    return size


def set_limits(limits: dict[str, int]) -> list[str]:
    """Set limits such as ``{"RLIMIT_AS": 2**32}``; return the names that failed."""
    not_set = []
    for name, value in limits.items():
        limit = getattr(resource, name)
        _, most = resource.getrlimit(limit)  # a stricter one is kept
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        try:
            resource.setrlimit(limit, (value, value))
        except (OSError, ValueError):  # macOS knows no limit on the address space
            not_set.append(name)
    return not_set


# --- landlock: which files this process may open, whoever it is --------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every architecture
_VERSION = 1  # a flag: only say which version of landlock there is
_BENEATH = 1  # a rule on a file, or on a folder and all below it
_WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
_REMOVE_AND_MAKE = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 12  # folders, files, links
_HOME = _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _REMOVE_AND_MAKE
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def restrict_files(read: list[str], listed: list[str], home: str) -> None:
    """Leave of all files ``read`` to read, names in ``listed``, and ``home`` to write.

    Also refuses TCP and signals to processes outside, where landlock is new enough.
    Raises ``OSError`` where landlock is missing or cannot keep a file from being
    emptied (before Linux 6.2).
    """
    if sys.platform != "linux":
        raise OSError("only Linux has landlock")
    try:
        version = _call(_CREATE_RULESET, None, 0, _VERSION)
    except OSError as error:
        raise OSError("landlock is missing or switched off") from error
    if version < 3:
        raise OSError(f"landlock is version {version} here; expected 3 or newer")
    files = (1 << (16 if version >= 5 else 15)) - 1  # all rights there are
    net = 0b11 if version >= 4 else 0  # bind and connect
    scoped = 0b11 if version >= 6 else 0  # abstract sockets and signals
    # Of an older version the later fields are unknown, and refused unless zero.
    attributes = struct.pack("QQQ", files, net, scoped)
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    for path in read:
        _allow(ruleset, path, _READ_FILE | _READ_DIR)
    for path in listed:
        _allow(ruleset, path, _READ_DIR)
    for path in _DEVICES:
        _allow(ruleset, path, _READ_FILE | _WRITE_FILE)
    _allow(ruleset, home, _HOME)
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= ~_READ_DIR
    _call(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, place), 0)
    os.close(place)


# --- seccomp: which calls of the kernel this process may make ----------------------

# Name: number on x86_64, on aarch64 (None where it has no such call).
_REFUSED = {
    # another program, or another process
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221),
    "execveat": (322, 281),
    # a way out, to the network or to a server on this machine
    "socket": (41, 198), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # other processes
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "perf_event_open": (298, 241),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    # what landlock lets through: the modes, owners and dates of other files. A folder
    # of one's own too: out of one that may not be written, Python before 3.11.8 and
    # 3.12.1 removes a link only after changing the mode of the file it points to.
    "fchmod": (91, 52), "fsetxattr": (190, 7),
    "chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "setxattrat": (463, 463),
    "removexattrat": (466, 466), "file_setattr": (469, 469),
    "inotify_add_watch": (254, 27), "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # memory that no limit counts
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    # other walls than these, and the kernel's rarely used corners
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467), "bpf": (321, 280), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
}  # fmt: skip
_CLONE, _CLONE3, _KILL, _TGKILL = (56, 220), (435, 435), (62, 129), (234, 131)
_PRLIMIT, _SECCOMP = (302, 261), (317, 277)
_FCNTL, _IOCTL = (72, 25), (16, 29)
# A file tells its owner what happens to it, by any signal one likes: SIGKILL too.
_SET_OWNER, _SET_SIGNAL, _SET_OWNER_OR_GROUP = 8, 10, 15  # for fcntl
_SET_OWNER_OF_SOCKET = 0x8901, 0x8902  # for ioctl
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE_THREAD = 0x10000
_X32 = 0x40000000  # x86_64 has a second set of numbers from here on

# The filter's own instructions and answers, of <linux/bpf_common.h>, <linux/seccomp.h>.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL_PROCESS, _ALLOWED, _ERROR = 0x80000000, 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
# Places in what the filter sees.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24


def filter_calls() -> None:
    """Refuse this process, for good, the calls of the kernel that no answer needs.

    Threads may be started and this process may signal itself. Raises ``OSError`` where
    there is no seccomp, or the processor is neither x86_64 nor aarch64.
    """
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        raise OSError(f"no filter for {sys.platform} on {machine}")
    column, architecture = _ARCHITECTURES[machine]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if column == 0:
        program += [(_IF_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL_PROCESS)]
    for numbers in _REFUSED.values():
        if numbers[column] is not None:
            program += _refuse(numbers[column], _EPERM)
    # Its flags lie in memory that a filter cannot read; the C library then uses clone.
    program += _refuse(_CLONE3[column], _ENOSYS)
    program += _refuse_unless(_CLONE[column], _IF_BITS, _CLONE_THREAD)
    program += _refuse_unless(_KILL[column], _IF_EQUAL, os.getpid())
    program += _refuse_unless(_TGKILL[column], _IF_EQUAL, os.getpid())
    program += _refuse_unless(_PRLIMIT[column], _IF_EQUAL, 0)  # 0: this process
    owners = _SET_OWNER, _SET_SIGNAL, _SET_OWNER_OR_GROUP
    program += _refuse_to(_FCNTL[column], owners)
    program += _refuse_to(_IOCTL[column], _SET_OWNER_OF_SOCKET)
    program += [(_RETURN, 0, 0, _ALLOWED)]
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    kept = ctypes.create_string_buffer(packed, len(packed))
    whole = struct.pack("HxxxxxxP", len(program), ctypes.addressof(kept))
    set_filter, all_threads = 1, 1
    _call(_SECCOMP[column], set_filter, all_threads, whole)


def _refuse(number: int, error: int) -> list[tuple[int, int, int, int]]:
    return [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | error)]


def _refuse_unless(
    number: int, test: int, value: int
) -> list[tuple[int, int, int, int]]:
    """Refuse the call ``number`` unless its first argument passes ``test``."""
    return [
        (_IF_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (test, 1, 0, value),
        (_RETURN, 0, 0, _ERROR | _EPERM),
        (_RETURN, 0, 0, _ALLOWED),
    ]


def _refuse_to(number: int, values: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Refuse the call ``number`` where its second argument is one of ``values``."""
    asked = [(_LOAD, 0, 0, _SECOND_ARGUMENT)]
    for value in values:
        asked += _refuse(value, _EPERM)  # what is loaded is compared, as numbers are
    asked += [(_RETURN, 0, 0, _ALLOWED)]
    return [(_IF_EQUAL, 0, len(asked), number), *asked]


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main()
