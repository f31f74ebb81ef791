"""Notebooks that take all there is: time, memory, processes, disk, output."""

from hostile import hostile

DEAF = """
import signal
for number in range(1, signal.NSIG):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
def rnn_step(*a):
    while True:
        try:
            while True: pass
        except BaseException: pass
"""
MEMORY = """
heap = []
while True: heap.append(bytearray(b"x") * 10**8)
"""
LARGE_FILE = """
file = open("big", "wb", 0)
file.seek(5 * 10**9)
file.write(b"x")
"""
MEMORY_IN_FUNCTION = """
heap = []
def rnn_step(*a):
    while True: heap.append(bytearray(b"x") * 10**8)
"""
# At most 100 children, and none of them lives long: where no wall stands, this test
# must not stop the machine.
FORKS = """
import os, time
made = 0
def bomb():
    global made
    while made < 100:
        child = os.fork()
        if child == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
"""
FORKS_IN_FUNCTION = """
def rnn_step(*a):
    try: bomb()
    except OSError: pass
    raise RuntimeError(f"{made} children")
"""
THREADS = """
import threading, time
def spin():
    while True: time.sleep(0.001)
for _ in range(20): threading.Thread(target=spin).start()
"""
RECURSION = """
import sys
sys.setrecursionlimit(2**30)
class Deep:
    def __getattr__(self, name): return getattr(self, name + "x")
def rnn_step(*a): return Deep().x
"""
MANY_FILES = """
for number in range(2000):
    try: open(f"file{number}", "wb").write(b"x" * 10_000)
    except OSError: break
"""
SHARED_MEMORY = """
import os
def fill():
    made = []
    for folder in ("/dev/shm", "/dev", "/run", "/var/tmp", "/"):
        for number in range(150):
            path = f"{folder}/course-hostile-{number}"
            try:
                with open(path, "wb") as file: file.write(b"x" * 2_000_000)
            except OSError: break
            made.append(path)
    for path in made: os.unlink(path)
    return len(made)
def rnn_step(*a): raise RuntimeError(f"{fill()} files")
"""
OUTPUT = """
import os, sys
for stream in (sys.stdout, sys.stderr, sys.__stdout__):
    for _ in range(20): print("x" * 2_000_000, file=stream)
for descriptor in (1, 2):
    for _ in range(20): os.write(descriptor, b"x" * 2_000_000)
"""
LONG_ERROR = "def rnn_step(*a): raise ValueError('x' * 5_000_000)"

CASES = [
    hostile(
        "misfires_in_cells",
        "never ends, ends the process, fills the memory and the disk, in four cells",
        q1="while True: pass",
        q2="import os\nos._exit(0)",
        q3=MEMORY,
        q4=LARGE_FILE,
        errors=[
            "The cell took longer than 4 seconds",
            r"The cell ended the process \(exit status 0\)",
            "The cell ran out of memory",
            "File too large",
        ],
        says={"q1": "no function `rnn_step`", "q3": "no function `bptt`"},
        flags="os",
    ),
    hostile(
        "misfires_in_functions",
        "never ends, leaves, and ends the process, in three answers",
        q1="def rnn_step(*a):\n    while True: pass",
        q3="import sys\ndef bptt(*a): sys.exit(0)",
        q4="import os\ndef clip_by_global_norm(*a): os._exit(0)",
        says={
            "q1": "^`rnn_step` was not called again",
            "q3": "SystemExit: 0",
            "q4": r"`clip_by_global_norm` ended the process \(exit status 0\)",
        },
    ),
    hostile(
        "loop_that_is_deaf",
        "ignores every signal and swallows every exception",
        q1=DEAF,
        says={"q1": "`rnn_step` took longer than 3 seconds"},
    ),
    hostile(
        "one_long_instruction",
        "holds the interpreter's lock for hours",
        q1="def rnn_step(*a): return 9**9**9",
        says={"q1": "`rnn_step` took longer than 3 seconds"},
    ),
    hostile(
        "memory_in_function",
        "fills the memory from the answer, and keeps it",
        q1=MEMORY_IN_FUNCTION,
        says={"q1": "MemoryError|memory"},
    ),
    hostile(
        "forks_in_cell",
        "starts processes until there are no more",
        first=FORKS,
        q1="bomb()",
        errors=["code cell|Error"],
        flags="os",
    ),
    hostile(
        "forks_in_function",
        "starts processes from the answer",
        first=FORKS,
        q1=FORKS_IN_FUNCTION,
        says={"q1": r" \d children|ended"},
    ),
    hostile(
        "threads_that_stay",
        "leaves threads that never end",
        first=THREADS,
    ),
    hostile(
        "recursion",
        "overflows the stack below Python's own guard",
        q1=RECURSION,
        says={"q1": "signal|Recursion|Memory|longer"},
    ),
    hostile("many_files", "writes 2,000 files", first=MANY_FILES),
    hostile(
        "shared_memory",
        "fills file systems that live in memory",
        q1=SHARED_MEMORY,
        says={"q1": r" \d\d? files"},
    ),
    hostile("output", "prints 200 MB", first=OUTPUT),
    hostile(
        "long_error",
        "raises an error with a text of 5 MB",
        q1=LONG_ERROR,
        says={"q1": "^.{400,600}$"},
    ),
]
