"""Notebooks that look for the answers, the tests, the seed or other students' work.

Each knows where everything lies: ``CHECKOUT`` and ``BATCH`` are the true paths.
"""

from hostile import hostile

# A thief answers with what he found, so that it would bring points.
MASTER = """
from pathlib import Path
here = {}
exec(Path(CHECKOUT, "exercises/01_rnn/master.py").read_text(), here)
rnn_step = here["rnn_step"]
"""
BESIDE_THE_PACKAGE = """
import course_lib, site, sys, sysconfig
from importlib import metadata, resources
from pathlib import Path

def places():
    yield Path(course_lib.__file__).parent / "_stored"
    yield from Path(course_lib.__file__).parents
    yield from Path.cwd().parents
    for entry in (*sys.path, *site.getsitepackages(), *sysconfig.get_paths().values()):
        yield from (Path(entry), Path(entry).parent)
        try: yield from map(Path, "".join(
            f.read_text() for f in Path(entry).glob("*.pth")).split("\\n"))
        except (OSError, ValueError): pass
    try: yield Path(str(resources.files("course_lib")))
    except Exception: pass
    try: yield from (Path(str(f.locate())) for f in metadata.files("course_lib"))
    except Exception: pass

def master():
    tried = set()
    for place in places():
        for above in ("", "..", "../.."):
            for exercises in ("exercises", "course_lib/_stored/exercises"):
                for stem in ("master", "mutants", "tests", "hidden"):
                    path = place / above / exercises / f"01_rnn/{stem}.py"
                    if path in tried: continue
                    tried.add(path)
                    try: return path.read_text()
                    except OSError: pass
    raise FileNotFoundError("nothing")
"""
FOUND_BESIDE = """
here = {}
exec(master(), here)
rnn_step = here.get("rnn_step") or here.get("_step")
"""
EVERYWHERE = """
import os, time

def search():
    ends = time.monotonic() + 2.5
    for top in ("/work", "/home", "/root", "/srv", "/opt", "/mnt", "/tmp", "/var", "/"):
        for folder, folders, files in os.walk(top):
            folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "lib")]
            if time.monotonic() > ends: return
            yield from (os.path.join(folder, f) for f in files)

def found():
    wanted = ("master.py", "hidden.py", "mutants.py", "tests.py", ".ipynb", ".csv")
    return [path for path in search() if path.endswith(wanted)]
def rnn_step(*a): raise RuntimeError(f"found {found()}")
"""
READ = """
import os
def read(*paths):
    found = []
    for path in paths:
        try:
            if os.path.isdir(path): os.listdir(path)
            else: open(path, "rb").read(100)
            found.append(path)
        except OSError: pass
    return found
"""
EXERCISES = """
from pathlib import Path
folder = Path(CHECKOUT, "exercises/01_rnn")
def rnn_step(*a):
    stems = ("tests.py", "hidden.py", "master.py", "mutants.py", "student.ipynb")
    raise RuntimeError(f"found {read(*(str(folder / stem) for stem in stems))}")
def run_rnn(*a):
    tests = [CHECKOUT + "/tests/grading", CHECKOUT + "/.git", CHECKOUT + "/exercises"]
    raise RuntimeError(f"found {read(*tests, CHECKOUT + '/.git/HEAD')}")
def bptt(*a):
    students = [BATCH + "/submissions", BATCH + "/submissions/0_honest.ipynb",
                BATCH + "/out", BATCH + "/out/students", BATCH + "/out/grades.csv"]
    raise RuntimeError(f"found {read(*students)}")
"""
THROUGH_THE_API = """
from course_lib.grading.exercises import exercise
here = {}
exec(exercise("01_rnn")._master(), here)
rnn_step = here["rnn_step"]
"""
TESTS_OWN_FUNCTION = """
from course_lib.grading.exercises import exercise
rnn_step = exercise("01_rnn").cases[0].test.__globals__["_step"]
"""
IMPORTED = "from course_lib.rnn import rnn_step"
UNHIDDEN = """
import importlib, sys
sys.modules.pop("course_lib.rnn", None)
importlib.invalidate_caches()
rnn_step = importlib.import_module("course_lib.rnn").rnn_step
"""
FROM_THE_FILE = """
import importlib.util
from pathlib import Path
for package in (Path(course_lib.__file__).parent, Path(CHECKOUT, "src/course_lib")):
    path = package / "rnn.py"
    if path.is_file():
        spec = importlib.util.spec_from_file_location("borrowed", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
rnn_step = module.rnn_step
"""
FROM_ITS_TEXT = """
import pkgutil, sys
here = {"__name__": "borrowed"}
exec(pkgutil.get_data("course_lib", "rnn.py"), here)
sys.modules["borrowed"] = here
rnn_step = here["rnn_step"]
"""
FROM_COMPILED = """
import marshal
from pathlib import Path
here = {"__name__": "borrowed"}
for package in (Path(course_lib.__file__).parent, Path(CHECKOUT, "src/course_lib")):
    for path in package.glob("__pycache__/rnn.*.pyc"):
        exec(marshal.loads(path.read_bytes()[16:]), here)
rnn_step = here["rnn_step"]
"""
BY_ANOTHER_NAME = """
import sys
sys.modules.pop("course_lib.rnn", None)
for name in ("experiments.rnn.vanishing_gradient", "experiments.rnn.memory_horizon",
             "experiments.next_character"):
    try: __import__("course_lib." + name)
    except ImportError: pass
rnn_step = next(vars(module)["rnn_step"] for name, module in list(sys.modules.items())
                if name != "__main__" and "rnn_step" in vars(module or sys))
"""
RESOLVED = """
import pydoc, runpy
rnn_step = (pydoc.locate("course_lib.rnn.rnn_step")
            or runpy.run_module("course_lib.rnn")["rnn_step"])
"""
SEED = """
import glob, os
def seed():
    found = [name for name, value in os.environ.items() if "seed" in name.lower()]
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try: said = open(path, "rb").read()
        except OSError: continue
        if b"--seed" in said or b"COURSE_HOSTILE" in said: found.append(path)
    return found
def rnn_step(*a): raise RuntimeError(f"found {seed()}")
"""
OTHER_PROCESSES = """
import ctypes, glob, os
def others():
    found, mine = [], str(os.getpid())
    for process in glob.glob("/proc/[0-9]*"):
        if process.split("/")[-1] in (mine, "1"): continue
        for what in ("mem", "maps", "fd", "cwd/.", "root/.", "environ"):
            try:
                path = f"{process}/{what}"
                os.listdir(path) if os.path.isdir(path) else open(path, "rb").close()
                found.append(path)
            except OSError: pass
    return found
def attached():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.ptrace(0x4206, os.getppid(), 0, 0) == 0  # PTRACE_SEIZE
def rnn_step(*a): raise RuntimeError(f"found {others()}")
def run_rnn(*a): raise RuntimeError(f"attached {attached()}")
"""
INHERITED = """
import os, stat
def inherited():
    found = []
    for number in range(256):
        try: kind = os.fstat(number).st_mode
        except OSError: continue
        if not (stat.S_ISFIFO(kind) or stat.S_ISCHR(kind)): found.append(number)
    return found
def rnn_step(*a): raise RuntimeError(f"found {inherited()} {sorted(os.listdir())}")
"""
TORCHS_OWN = """
def rnn_step(x_t, h, W_x, W_h, b):
    cell = torch.nn.RNNCell(*reversed(W_x.shape))
    cell.weight_ih.data, cell.weight_hh.data = W_x, W_h
    cell.bias_ih.data, cell.bias_hh.data = b, 0 * b
    return cell(x_t, h)
"""

# For the hidden modules and the folder of any exercise.
STOLEN = """
import importlib, sys
from pathlib import Path
import course_lib

def stolen(module, folder):
    sys.modules.pop(module, None)
    try: found = [importlib.import_module(module).__name__]
    except (ImportError, OSError): found = []
    place = Path(course_lib.__file__).parent.joinpath(*module.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py",
                 *place.parent.glob(f"__pycache__/{place.name}.*"),
                 *(Path(folder, f"{stem}.py") for stem in ("master", "tests"))):
        try: found.append(path.read_text(errors="replace")[:20])
        except OSError: pass
    return found
"""

ABOVE = "# answered above"
NOT_THERE = (
    "(FileNotFound|NotADirectory|Permission|Import|ModuleNotFound|Name|Key)Error"
)
CASES = [
    hostile(
        "master_by_its_path",
        "runs the master, from the checkout",
        q1=MASTER,
        errors=[NOT_THERE],
    ),
    hostile(
        "master_beside_the_package",
        "runs the master, the tests or the mutants, from wherever they may lie",
        first=BESIDE_THE_PACKAGE,
        q1=FOUND_BESIDE,
        errors=["FileNotFoundError: nothing"],
        flags="sys",
    ),
    hostile(
        "master_through_the_api",
        "asks the grader's own modules for the master",
        q1=THROUGH_THE_API,
        errors=["answer to q1|Error"],
    ),
    hostile(
        "tests_through_the_api",
        "takes the right answer out of the tests",
        q1=TESTS_OWN_FUNCTION,
        errors=["Error"],
    ),
    hostile(
        "search_everywhere",
        "looks for exercises and notebooks on the whole disk",
        q1=EVERYWHERE,
        says={"q1": r"found \[\]"},
        flags="os",
    ),
    hostile(
        "read_by_path",
        "reads tests, the repository, other submissions and their grades",
        first=READ,
        q1=EXERCISES,
        q2=ABOVE,
        q3=ABOVE,
        says={q: r"found \[\]" for q in ("q1", "q2", "q3")},
    ),
    hostile(
        "reference_imported",
        "imports the reference",
        q1=IMPORTED,
        errors=["Error"],
        flags="course_lib.rnn",
    ),
    hostile(
        "reference_unhidden",
        "imports the reference after undoing what hides it",
        q1=UNHIDDEN,
        errors=[NOT_THERE],
        flags="sys",
    ),
    hostile(
        "reference_from_its_file",
        "runs the reference's file under another name",
        first="import course_lib",
        q1=FROM_THE_FILE,
        errors=[NOT_THERE],
    ),
    hostile(
        "reference_from_its_text",
        "runs the reference's text as package data",
        q1=FROM_ITS_TEXT,
        errors=["Error"],
        flags="sys",
    ),
    hostile(
        "reference_compiled",
        "runs the reference's compiled file",
        first="import course_lib",
        q1=FROM_COMPILED,
        errors=[NOT_THERE],
    ),
    hostile(
        "reference_by_another_name",
        "finds the reference in a module that imports it",
        q1=BY_ANOTHER_NAME,
        errors=["StopIteration|Error"],
        flags="sys",
    ),
    hostile(
        "reference_resolved",
        "has the standard library find the reference",
        q1=RESOLVED,
        errors=["Error"],
    ),
    hostile(
        "seed",
        "looks for the seed in the environment and in command lines",
        q1=SEED,
        says={"q1": r"found \[\]"},
        flags="os",
    ),
    hostile(
        "other_processes",
        "reads the memory, files and folders of other processes",
        q1=OTHER_PROCESSES,
        q2=ABOVE,
        says={"q1": r"found \[\]", "q2": "attached False"},
        flags="ctypes os",
    ),
    hostile(
        "inherited_files",
        "uses what the grader left open, or in its folder",
        q1=INHERITED,
        says={"q1": r"found \[\] \[\]"},
        flags="os",
    ),
    hostile(
        "torchs_own",
        "has torch do the work: allowed, and shown to the teacher",
        q1=TORCHS_OWN,
        keeps="q1 q2 q3 q4 q5",
        flags="torch.nn.RNNCell",
    ),
]
