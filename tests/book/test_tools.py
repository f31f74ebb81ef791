"""`make`'s helpers: the installer's sentences, the summary, the server, the browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the installer and nothing to install."""
    tools = tmp_path / "a checkout" / "book" / "tools"
    tools.mkdir(parents=True)
    shutil.copy(ROOT / "book" / "tools" / "install.sh", tools)
    home = tools.parents[1]
    (home / "benchmarks").mkdir()
    for name in (
        "book/requirements.txt",
        "requirements.txt",
        "benchmarks/requirements-peers.txt",
        "pyproject.toml",
    ):
        (home / name).write_text("# nothing\n")
    return home


def install(checkout: Path, what: str = "book", **environment: str):
    return subprocess.run(
        ["sh", "book/tools/install.sh", what],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
    )


def fake_venv(checkout: Path, pip: str) -> Path:
    """A virtual environment whose pip runs the shell lines ``pip``."""
    python = checkout / ".venv" / "bin" / "python"
    script(
        python,
        "#!/bin/sh\n"
        'case "$*" in\n'
        f'*"-m pip install"*) echo run >>{str(checkout / "calls")!r}; {pip} ;;\n'
        '*--version*) echo "Python 3.12.9" ;;\n'
        "esac\n",
    )
    return checkout / "calls"


def test_no_python_is_said(checkout: Path) -> None:
    done = install(checkout, PYTHON="no-such-python")
    assert done.returncode != 0
    assert "Install Python 3.11 or newer" in done.stderr


def test_an_old_python_is_said_with_its_version(checkout: Path) -> None:
    old = checkout / "old"
    script(
        old,
        '#!/bin/sh\ncase "$*" in --version) echo "Python 3.9.2";; *) exit 1;; esac\n',
    )
    done = install(checkout, PYTHON="./old")
    assert done.returncode != 0
    assert "what was found is Python 3.9.2" in done.stderr


def test_a_python_without_venv_is_said(checkout: Path) -> None:
    bare = checkout / "bare"
    script(bare, '#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\n')
    done = install(checkout, PYTHON="./bare")
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        (
            "WARNING: Retrying ... ProxyError('Cannot connect to proxy.'",
            "The proxy did",
        ),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE", "global.cert"),
        ("NewConnectionError: Failed to establish a new connection", "not be reached"),
        ("[Errno -3] Temporary failure in name resolution", "not be reached"),
        ("ERROR: No matching distribution found for x==9", "for x==9"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "may not write"),
        ("ERROR: something never seen", "pip could not install what the book needs"),
    ],
)
def test_a_failure_of_pip_is_said_in_a_sentence(
    checkout: Path, line: str, said: str
) -> None:
    fake_venv(checkout, f'echo "{line}"; exit 1')
    done = install(checkout)
    assert done.returncode != 0
    assert said in done.stderr
    assert "The whole log is in .venv/install.log" in done.stderr
    assert line in (checkout / ".venv" / "install.log").read_text()
    assert not (checkout / ".venv" / "book.stamp").exists()


def test_it_installs_once_and_again_when_a_requirement_changes(checkout: Path) -> None:
    calls = fake_venv(checkout, 'echo "Collecting jupyter-book"')
    first, second = install(checkout), install(checkout)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "Installed in" in first.stdout
    assert second.stdout == ""
    assert calls.read_text().count("run") == 1
    (checkout / "book" / "requirements.txt").write_text("# another\n")
    assert install(checkout).returncode == 0
    assert calls.read_text().count("run") == 2


def test_the_course_contains_the_book(checkout: Path) -> None:
    calls = fake_venv(checkout, "true")
    assert install(checkout, "course").returncode == 0
    before = calls.read_text()
    assert before.count("run") == 3  # the requirements, the peers, course_lib
    assert install(checkout, "book").returncode == 0
    assert calls.read_text() == before


def test_a_moved_checkout_is_installed_again(checkout: Path) -> None:
    fake_venv(checkout, "true")
    assert install(checkout).returncode == 0
    moved = checkout.rename(checkout.with_name("moved"))
    assert "Installed in" in install(moved).stdout


def test_the_summary_counts_what_pytest_says(tmp_path: Path) -> None:
    from check import Step, run

    test = tmp_path / "test_it.py"
    test.write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): assert 0\n"
        "@pytest.mark.skip\ndef test_c(): pass\n"
    )
    pytest_here = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    counts = run(Step("x", [*pytest_here, str(test)], counts=True))
    assert dict(counts) == {"failed": 1, "passed": 1, "skipped": 1}
    # A pytest that finds no test has not shown anything.
    nothing = run(Step("x", [*pytest_here, "-k", "none", str(test)], counts=True))
    assert nothing["error"] == 1
    assert run(Step("x", ["false"]))["failed"] == 1
    assert run(Step("x", ["true"]))["passed"] == 1


# In one process, so that the tests are imported once.
COLLECT = """
import json, pytest, sys
from check import BROWSER, NBVAL, PYTEST, STEPS

class Seen:
    def pytest_collection_finish(self, session):
        self.tests = [item.nodeid for item in session.items]

found = []
steps = [step.command for step in (*STEPS, BROWSER) if step.counts]
for command in (*steps, [*PYTEST, *NBVAL, "tests"]):
    seen = Seen()
    assert pytest.main([*command[3:], "--collect-only"], [seen]) == 0
    found.append(seen.tests)
json.dump(found, sys.stderr)
"""


def test_the_steps_together_run_every_test_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "book" / "tools")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *steps, everything = json.loads(done.stderr.splitlines()[-1])
    run = Counter(test.partition("[")[0] for step in steps for test in step)
    assert run == Counter(test.partition("[")[0] for test in everything)
    files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("chapters/*.ipynb")]
    assert {test.partition("::")[0] for test in everything} == {
        str(file.relative_to(ROOT)) for file in files
    }


def test_a_removed_page_leaves_the_book(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("html/old.html", "html/book/old.html"):
        script(tmp_path / "_build" / name, "")
    build = "mkdir -p _build/html && touch _build/html/new.html"
    make = ["make", "html", f"BUILD={build}"]
    assert subprocess.run(make, cwd=tmp_path, capture_output=True).returncode == 0
    left = [path.name for path in (tmp_path / "_build").rglob("*.html")]
    assert left == ["new.html"]


def test_a_busy_port_is_left_for_a_free_one(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("the book")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        code = f"from serve import serve; serve({str(tmp_path)!r}, {port})"
        server = subprocess.Popen(
            [sys.executable, "-u", "-c", code],
            cwd=ROOT / "book" / "tools",
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert f"Port {port} is busy" in server.stdout.readline()
            said = server.stdout.readline()
            other = int(re.search(r"127\.0\.0\.1:(\d+)/", said).group(1))
            assert other != port
            with socket.create_connection(("127.0.0.1", other), timeout=10) as line:
                line.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
                assert b"200 OK" in line.recv(1000)
        finally:
            server.kill()
            server.wait()


def test_the_browser_that_is_named_is_taken(tmp_path: Path, monkeypatch) -> None:
    from browser import find_browser

    chrome = tmp_path / "chrome"
    script(chrome, "#!/bin/sh\n")
    monkeypatch.setenv("CHROMIUM", str(chrome))
    assert find_browser() == str(chrome)
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    assert find_browser() is None


@pytest.mark.parametrize("code", [0, 3])
def test_ci_installs_a_browser_and_hands_on_the_verdict(
    tmp_path: Path, code: int
) -> None:
    checkout = tmp_path / "course"
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", checkout / ".ci")
    (tmp_path / "shared" / "data").mkdir(parents=True)
    tools = tmp_path / "tools"
    script(tools / "id", "#!/bin/sh\necho 0\n")
    script(tools / "fc-list", "#!/bin/sh\n")
    script(tools / "apt-get", '#!/bin/sh\necho "apt-get $*" >&2\n')
    script(
        tools / "make",
        '#!/bin/sh\necho "make $* $COURSE_REQUIRE_BROWSER $COURSE_DATA_MIRROR"\n'
        f"exit {code}\n",
    )
    done = subprocess.run(
        [str(checkout / ".ci" / "run")],
        env={"PATH": f"{tools}:/usr/bin:/bin", "CHROMIUM": "no-such-browser"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert done.stdout.strip() == f"make test 1 {tmp_path / 'shared' / 'data'}"
    update, installed = done.stderr.splitlines()
    assert update.startswith("apt-get update")
    assert "chromium" in installed
    assert "fonts-noto-cjk" in installed


def test_every_target_is_explained() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True)
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"\.PHONY: (.*)", makefile).group(1).split()
    for target in set(targets) - {"html"}:
        assert f"make {target} " in done.stdout
    assert os.linesep.join(done.stdout.splitlines()[-1:]).startswith("Begin with")
