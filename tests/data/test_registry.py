"""Fetching data: from a mirror, a cache, a server that fails in every way."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from course_lib.data import registry
from course_lib.data.registry import DataError, Dataset, File, fetch

BODY = b"the right bytes, " * 40_000  # 680 kB: several chunks


class Server(ThreadingHTTPServer):
    """Serves ``BODY`` as ``behaviour`` says, counting requests."""

    daemon_threads = True
    behaviour = "good"
    requests = 0
    halfway = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests += 1
        if server.behaviour == "forbidden":
            self.send_error(403)
            return
        body = b"wrong" * 1000 if server.behaviour == "wrong" else BODY
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.behaviour == "truncated":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.close()
        elif server.behaviour == "stalled":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            server.halfway.set()
            time.sleep(60)
        else:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server(("127.0.0.1", 0), Handler)
    server.halfway = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def toy(port: int) -> Dataset:
    url = f"http://127.0.0.1:{port}/body.txt"
    sha256 = hashlib.sha256(BODY).hexdigest()
    file = File("body.txt", url, len(BODY), sha256)
    return Dataset("toy", "a text", "none", "nobody", (file,))


@pytest.fixture
def cache(server, tmp_path, monkeypatch):
    """An empty cache, no mirror, and a registry with one set, on the server."""
    dataset = toy(server.server_address[1])
    monkeypatch.setattr(registry, "datasets", lambda: {"toy": dataset})
    monkeypatch.setenv(registry.CACHE, str(tmp_path / "cache"))
    monkeypatch.delenv(registry.MIRROR, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def kept(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob("*") if path.is_file()]


def test_downloads_once_and_verified(server, cache, capsys):
    assert registry.cached("toy") is None
    folder = fetch("toy")
    assert folder == cache / "toy" == registry.cached("toy")
    assert (folder / "body.txt").read_bytes() == BODY
    assert "toy/body.txt" in capsys.readouterr().out  # the progress bar
    fetch("toy")
    assert server.requests == 1


def test_a_damaged_file_in_the_cache_is_fetched_again(server, cache):
    (fetch("toy") / "body.txt").write_bytes(b"bit rot")
    assert (fetch("toy") / "body.txt").read_bytes() == BODY
    assert server.requests == 2


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("truncated", "broke off"),
        ("forbidden", "answered 403"),
        ("wrong", hashlib.sha256(b"wrong" * 1000).hexdigest()),
        ("wrong", hashlib.sha256(BODY).hexdigest()),
    ],
)
def test_a_broken_download_is_named_and_not_kept(server, cache, behaviour, says):
    server.behaviour = behaviour
    with pytest.raises(DataError, match=says) as error:
        fetch("toy")
    assert "cannot be written" not in str(error.value)  # the disk is not to blame
    assert isinstance(error.value, OSError)  # what the command says without traceback
    assert kept(cache) == []
    server.behaviour = "good"
    assert (fetch("toy") / "body.txt").read_bytes() == BODY


def test_a_bad_download_does_not_replace_a_damaged_file_by_a_worse(server, cache):
    path = fetch("toy") / "body.txt"
    path.write_bytes(b"bit rot")
    server.behaviour = "truncated"
    with pytest.raises(DataError):
        fetch("toy")
    assert kept(cache) == ["body.txt"]
    assert path.read_bytes() == b"bit rot"  # and the next fetch sees that it is bad


def test_killed_in_the_middle(server, cache):
    server.behaviour = "stalled"
    port = server.server_address[1]
    code = (
        "from course_lib.data import registry\n"
        "from course_lib.data.registry import Dataset, File\n"
        f"dataset = {toy(port)!r}\n"
        "registry.datasets = lambda: {'toy': dataset}\n"
        "registry.fetch('toy')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    assert server.halfway.wait(120)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert "body.txt" not in kept(cache)  # only a temporary file, under another name
    for path in cache.rglob("tmp*"):
        os.utime(path, (0, 0))
    server.behaviour = "good"
    assert (fetch("toy") / "body.txt").read_bytes() == BODY
    assert kept(cache) == ["body.txt"]  # what the killed one left is swept away


def test_offline_with_nothing_cached_says_what_to_do(server, cache):
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError) as error:
        fetch("toy")
    said = str(error.value)
    assert "cannot be reached" in said
    assert "course data toy" in said
    assert registry.MIRROR in said
    assert str(cache) in said
    assert "body.txt is not in" in said
    assert kept(cache) == []


def test_offline_with_a_damaged_file_says_so(server, cache):
    (fetch("toy") / "body.txt").write_bytes(b"bit rot")
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match=r"body\.txt is damaged in .*toy and http"):
        fetch("toy")


def test_a_network_that_swallows_everything_is_soon_given_up(cache, monkeypatch):
    """Each of the eight addresses of a host is tried for the time of a connection."""
    waits = []

    def swallowed(url, *, timeout, **_):
        waits.append(timeout)
        raise requests.ConnectTimeout

    monkeypatch.setattr("requests.get", swallowed)
    with pytest.raises(DataError, match="cannot be reached"):
        fetch("toy")
    ((connect, _),) = waits
    assert 8 * connect < 60


def test_a_full_disk_is_said_and_leaves_nothing(cache, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("requests.Response.iter_content", full)
    with pytest.raises(DataError, match="No space left") as error:
        fetch("toy")
    assert registry.CACHE in str(error.value)
    assert kept(cache) == []


def test_a_cache_that_cannot_be_made_is_said(cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be written"):
        fetch("toy")


def test_the_mirror_comes_first_and_is_verified(server, cache, tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    monkeypatch.setenv(registry.MIRROR, str(mirror))
    with pytest.raises(DataError, match="not a folder"):
        fetch("toy")
    (mirror / "toy").mkdir(parents=True)
    assert fetch("toy") == cache / "toy"  # the mirror does not hold it
    (mirror / "toy" / "body.txt").write_bytes(BODY)
    assert fetch("toy") == mirror / "toy"
    (mirror / "toy" / "body.txt").write_bytes(b"other")
    with pytest.raises(DataError) as error:
        fetch("toy")
    assert hashlib.sha256(b"other").hexdigest() in str(error.value)
    assert hashlib.sha256(BODY).hexdigest() in str(error.value)
    assert server.requests == 1


def test_a_file_without_an_address_comes_from_a_mirror_only(
    cache, tmp_path, monkeypatch
):
    (file,) = registry.datasets()["toy"].files
    dataset = Dataset("toy", "a text", "none", "nobody", (replace(file, url=None),))
    monkeypatch.setattr(registry, "datasets", lambda: {"toy": dataset})
    with pytest.raises(DataError, match=f"at no address; set {registry.MIRROR} to"):
        fetch("toy")
    monkeypatch.setenv(registry.MIRROR, str(tmp_path / "mirror"))
    (tmp_path / "mirror" / "toy").mkdir(parents=True)
    (tmp_path / "mirror" / "toy" / "body.txt").write_bytes(BODY)
    assert fetch("toy") == tmp_path / "mirror" / "toy"


def test_unknown_name_lists_the_names():
    with pytest.raises(ValueError, match=r"got 'time'.*names.*time_machine"):
        fetch("time")


def test_every_entry_is_complete():
    assert {"time_machine", "names"} <= set(registry.datasets())
    for dataset in registry.datasets().values():
        assert dataset.says
        assert dataset.licence
        assert dataset.attribution
        for file in dataset.files:
            assert file.url is None or file.url.startswith("https://")
            assert len(file.sha256) == 64
            assert file.bytes > 0
            assert Path(file.name).name == file.name
