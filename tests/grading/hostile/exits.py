"""Notebooks that end processes, or leave by a door that nobody watches."""

from hostile import hostile

STRANGE_EXCEPTIONS = """
class Mine(BaseException): pass
raised = [KeyboardInterrupt, GeneratorExit, Mine]
def rnn_step(*a): raise raised.pop() if raised else SystemExit(0)
"""
STRANGE_TEXTS = """
class Markup(Exception):
    def __str__(self): return "<b id='hostile'>\\x1b[2J\\r\\n=1+1</b>"
class Raises(Exception):
    def __str__(self): raise KeyboardInterrupt
class NoText(Exception):
    def __str__(self): return 5
class Name(type):
    @property
    def __name__(cls): raise KeyboardInterrupt
class Nameless(Exception, metaclass=Name): pass
raised = [Raises, NoText, Nameless]
def rnn_step(*a): raise raised.pop()
def run_rnn(*a): raise Markup
"""
KILL_PARENT = """
import os, signal
def rnn_step(*a):
    os.kill(os.getppid(), signal.SIGKILL)
"""
KILL_GROUPS = """
import os, signal
def rnn_step(*a):
    for group in (os.getppid(), os.getpgid(os.getppid()), os.getsid(os.getppid())):
        try: os.killpg(group, signal.SIGKILL)
        except (OSError, OverflowError): pass
    os.killpg(0, signal.SIGKILL)
"""
# Signal 0 asks whether one could: a test must not end its developer's session.
KILL_EVERYBODY = """
import os
def reached():
    found = []
    for pid in {*range(1, 2**15), os.getppid(), -1} - {os.getpid()}:
        try: os.kill(pid, 0)
        except OSError: continue
        found.append(pid)
    return found
def rnn_step(*a): raise RuntimeError(f"reached {reached()}")
"""
# A pipe tells its owner that there is something to read, by any signal one likes.
KILL_BY_A_PIPE = """
import fcntl, os, signal
def rnn_step(*a):
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, os.getppid())
    fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
    os.write(writer, b"x")
"""
STOP = """
import os, signal
def rnn_step(*a): os.kill(os.getpid(), signal.SIGSTOP)
"""
CRASH = """
import ctypes
def rnn_step(*a): ctypes.string_at(0)
"""
AT_EXIT = """
import atexit, os, sys, threading, time
def late(*a):
    try: open(BATCH + "/loot/at_exit", "w").close()
    except OSError: pass
    time.sleep(60)
atexit.register(late)
threading._register_atexit(late)
sys.excepthook = sys.unraisablehook = threading.excepthook = late
class Last:
    def __del__(self): late()
last = Last()
"""
CLOSED = """
import os
def rnn_step(*a): os.closerange(0, 300)
"""
NOTHING_LEFT = """
def rnn_step(*a):
    import builtins
    import sys
    sys.modules.pop("__main__")
    globals().clear()
    for name in list(vars(builtins)): delattr(builtins, name)
"""
CASES = [
    hostile(
        "sys_exit",
        "leaves politely, from a cell and from an answer",
        first="import sys\nsys.exit(0)",
        q1="def rnn_step(*a): sys.exit(0)",
        errors=["SystemExit: 0"],
        says={"q1": "SystemExit: 0"},
    ),
    hostile(
        "strange_exceptions",
        "raises what no `except Exception` catches",
        first="raise KeyboardInterrupt",
        q1=STRANGE_EXCEPTIONS,
        says={"q1": "Mine"},
        errors=["KeyboardInterrupt"],
    ),
    hostile(
        "strange_texts",
        "raises errors whose names and texts bite",
        q1=STRANGE_TEXTS,
        q2="# answered above, with an error",
        says={"q2": "Markup"},
    ),
    hostile(
        "kill_parent",
        "kills the process that started it",
        q1=KILL_PARENT,
    ),
    hostile(
        "kill_groups",
        "kills its group, its parent's group and its session",
        q1=KILL_GROUPS,
    ),
    hostile(
        "kill_everybody",
        "looks for processes that it could kill",
        q1=KILL_EVERYBODY,
        says={"q1": r"reached \[\]"},
    ),
    hostile(
        "kill_by_a_pipe",
        "has the kernel kill the process that started it",
        q1=KILL_BY_A_PIPE,
    ),
    hostile(
        "stop_itself",
        "stops, so that it neither answers nor ends",
        q1=STOP,
        says={"q1": "took longer than 3 seconds|Error"},
    ),
    hostile(
        "crash",
        "reads address 0",
        q1=CRASH,
        says={"q1": "`rnn_step` was ended by signal 11"},
        flags="ctypes",
    ),
    hostile(
        "at_exit",
        "waits with its deeds until the process ends",
        first=AT_EXIT,
    ),
    hostile(
        "closed_pipes",
        "closes every file of its process",
        q1=CLOSED,
        says={"q1": "`rnn_step` (ended|closed|took)"},
    ),
    hostile(
        "no_builtins",
        "empties its own module and Python's builtins",
        q1=NOTHING_LEFT,
    ),
]
