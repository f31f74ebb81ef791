"""Notebooks that reach for the disk, the network and the processes around them."""

from hostile import hostile

WRITE = """
import os
def written(*paths):
    found = []
    for path in paths:
        try: open(path, "a").write("hostile")
        except OSError: continue
        found.append(path)
    return found
"""
GRADEBOOK = """
def rnn_step(*a):
    out = BATCH + "/out/"
    grades = ("grades.csv", "report.html", "students/0_honest.json",
              "students/gradebook.json", "students/new.json", "new")
    raise RuntimeError(f"wrote {written(*(out + name for name in grades))}")
"""
OTHERS = """
def rnn_step(*a):
    others = ("zz_honest", "0_honest", "0_new", "other_students")
    paths = [f"{BATCH}/submissions/{name}.ipynb" for name in others]
    moved = []
    for path in paths:
        for change in (lambda: os.rename(path, path + "x"), lambda: os.unlink(path),
                       lambda: os.symlink("/etc/passwd", path + "y"),
                       lambda: os.chmod(path, 0), lambda: os.truncate(path, 0),
                       lambda: os.mkdir(path + "z"), lambda: os.utime(path)):
            try: change()
            except OSError: continue
            moved.append(path)
    raise RuntimeError(f"wrote {written(*paths, BATCH + '/loot/others') + moved}")
"""
PACKAGES = """
import course_lib, site, sys
def rnn_step(*a):
    places = [torch.__path__[0], *course_lib.__path__, *site.getsitepackages(),
              CHECKOUT, CHECKOUT + "/src/course_lib", sys.prefix, sys.base_prefix,
              os.path.dirname(sys.executable), os.path.dirname(os.__file__)]
    names = ("hostile.pth", "sitecustomize.py", "usercustomize.py", "hostile.py")
    paths = [f"{place}/{name}" for place in places for name in names]
    found = written(*paths)
    for path in found: os.unlink(path)
    raise RuntimeError(f"wrote {found}")
"""
HOME = """
import os, site, sys
from pathlib import Path
said = f"open({BATCH + '/loot/planted'!r}, 'w')"
for home in {os.environ.get("HOME", "."), ".", "/tmp", BATCH, BATCH + "/home"}:
    for name in ("sitecustomize.py", "usercustomize.py", "x.pth", ".pythonrc.py",
                 "torch.py", "json.py", "matplotlibrc", ".bashrc", ".profile",
                 ".local/lib/python3.11/site-packages/usercustomize.py",
                 ".ipython/profile_default/startup/x.py"):
        try:
            Path(home, name).parent.mkdir(parents=True, exist_ok=True)
            Path(home, name).write_text(said)
        except OSError: pass
os.environ["PYTHONSTARTUP"] = os.environ["HOME"] + "/.pythonrc.py"
os.environ["PYTHONPATH"] = os.environ["HOME"]
"""
# Its folder must go away all the same.
BARRED = """
import os
os.makedirs("barred/inside")
open("barred/inside/file", "w").close()
os.chmod("barred/inside", 0)
os.chmod("barred", 0)
os.chmod(".", 0)
"""
DEEP_FOLDERS = """
import os
top = os.getcwd()
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
os.chdir(top)
"""
LINKS = """
import os
for target in (BATCH, BATCH + "/out", BATCH + "/submissions", "/"):
    os.symlink(target, "link" + str(len(target)))
    try: os.link(target + "/0_honest.ipynb", "hard" + str(len(target)))
    except OSError: pass
os.mkfifo("fifo")
"""
CONNECT = """
import socket
def sent(family, kind, address):
    try:
        with socket.socket(family, kind) as line:
            line.settimeout(1)
            line.connect(address)
            line.send(b"hostile")
    except OSError: return False
    return True
"""
TCP = """
def rnn_step(*a):
    said = [sent(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", TCP))]
    try: socket.create_connection(("localhost", TCP), 1).send(b"hostile")
    except OSError: said.append(False)
    raise RuntimeError(f"sent {said}")
"""
UDP = """
def rnn_step(*a):
    said = sent(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", UDP))
    raise RuntimeError(f"sent {said}")
"""
UNIX = """
def rnn_step(*a):
    said = [sent(socket.AF_UNIX, socket.SOCK_DGRAM, UNIX),
            sent(socket.AF_UNIX, socket.SOCK_DGRAM, "\\0" + ABSTRACT)]
    raise RuntimeError(f"sent {said}")
"""
LISTEN = """
import socket
def rnn_step(*a):
    try: line = socket.create_server(("127.0.0.1", 0))
    except OSError: line = None
    raise RuntimeError(f"listens {line}")
"""
DAEMON = """
import os, subprocess
try: subprocess.Popen(["sleep", "300"], start_new_session=True)
except OSError: pass
"""
DOUBLE_FORK = """
import os, time
def stay():
    try:
        if os.fork(): return
    except OSError: return
    os.setsid()
    if os.fork(): os._exit(0)
    os.closerange(0, 100)
    time.sleep(300)
    os._exit(0)
stay()
"""
SPAWNED = """
import ctypes, multiprocessing, os, threading
from concurrent.futures import ProcessPoolExecutor
def spawned():
    done = []
    for way in (lambda: os.posix_spawn("/bin/sleep", ["sleep", "300"], {}),
                lambda: ctypes.CDLL(None).vfork(),
                lambda: os.system("sleep 300 &") and 1 / 0,
                lambda: os.popen("sleep 300 &").close() and 1 / 0,
                lambda: os.forkpty()):
        try: done.append(way())
        except (OSError, ArithmeticError): pass
        if 0 in done: os._exit(0)
    return [pid for pid in done if isinstance(pid, int) and pid > 0]
def rnn_step(*a): raise RuntimeError(f"spawned {spawned()}")
"""
EXEC = """
import os
def rnn_step(*a): os.execv("/bin/sleep", ["sleep", "300"])
"""
PRIVILEGES = """
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
def gained():
    found = []
    for flags in (0x10000000, 0x00020000, 0x40000000, 0x20000000):
        if libc.unshare(flags) == 0: found.append(hex(flags))
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0: found.append("mount")
    for name in ("setuid", "setgid"):
        try: getattr(os, name)(0)
        except OSError: continue
        found.append(name)
    try: os.chroot("/")
    except OSError: pass
    else: found.append("chroot")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (hard * 2, hard * 2))
        found.append("more memory")
    except (OSError, ValueError, OverflowError): pass
    return found + ["root"] * (os.geteuid() == 0)
def rnn_step(*a): raise RuntimeError(f"gained {gained()}")
"""
TERMINAL = """
import os
def rnn_step(*a):
    found = []
    for path in ("/dev/tty", "/dev/console", "/dev/ptmx", "/dev/kmsg", "/dev/mem",
                 "/proc/sysrq-trigger", "/proc/self/oom_score_adj"):
        try: os.close(os.open(path, os.O_RDWR | os.O_NOCTTY))
        except OSError: continue
        found.append(path)
    raise RuntimeError(f"opened {[f for f in found if 'oom' not in f]}")
"""

CASES = [
    hostile(
        "gradebook",
        "writes into the grades",
        first=WRITE,
        q1=GRADEBOOK,
        says={"q1": r"wrote \[\]"},
        flags="os",
    ),
    hostile(
        "other_students",
        "changes, moves and removes other students' work",
        first=WRITE,
        q1=OTHERS,
        says={"q1": r"wrote \[\]"},
    ),
    hostile(
        "packages",
        "writes into course_lib, site-packages and Python's own folders",
        first=WRITE,
        q1=PACKAGES,
        says={"q1": r"wrote \[\]"},
    ),
    hostile(
        "planted_at_home",
        "plants files that a later Python would run",
        first=HOME,
        flags="os",
    ),
    hostile("barred_folder", "leaves a folder that nobody may enter", first=BARRED),
    hostile(
        "deep_folders",
        "leaves folders so deep that removing them overflows",
        first=DEEP_FOLDERS,
    ),
    hostile("links", "leaves links to other students' work", first=LINKS),
    hostile(
        "network_tcp",
        "sends over TCP",
        first=CONNECT,
        q1=TCP,
        says={"q1": r"sent \[False, False\]|Error"},
        flags="socket",
    ),
    hostile(
        "network_udp",
        "sends over UDP",
        first=CONNECT,
        q1=UDP,
        says={"q1": "sent False|Error"},
    ),
    hostile(
        "network_unix",
        "sends to a socket of this machine, by path and by name",
        first=CONNECT,
        q1=UNIX,
        says={"q1": r"sent \[False, False\]|Error"},
    ),
    hostile(
        "network_listener",
        "waits for others to call",
        q1=LISTEN,
        says={"q1": "listens None|Error"},
    ),
    hostile(
        "daemon",
        "leaves a process that outlives it",
        first=DAEMON,
        flags="subprocess os",
    ),
    hostile(
        "double_fork",
        "leaves a process of another session",
        first=DOUBLE_FORK,
    ),
    hostile(
        "spawn",
        "starts processes by every other way",
        q1=SPAWNED,
        says={"q1": r"spawned \[\]|ended"},
    ),
    hostile(
        "exec",
        "becomes another program",
        q1=EXEC,
    ),
    hostile(
        "privileges",
        "asks for more rights than it has",
        q1=PRIVILEGES,
        says={"q1": r"gained \[\]"},
    ),
    hostile(
        "devices",
        "writes to the terminal and to the kernel",
        q1=TERMINAL,
        says={"q1": r"opened \[[^]]*\]"},
    ),
]
