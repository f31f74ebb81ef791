"""Serve the built book on this machine only: port 8000, or a free one if it is busy."""

from __future__ import annotations

import functools
import http.server
import sys


class Pages(http.server.SimpleHTTPRequestHandler):
    """Serves files and keeps quiet about it."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve(folder: str, port: int = 8000) -> None:
    """Serve ``folder`` until Ctrl-C, on ``port`` or, if it is taken, a free one."""
    handler = functools.partial(Pages, directory=folder)
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError:
        print(f"Port {port} is busy, so the book takes another one.")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    print(f"The book is at {address} (Ctrl-C ends this).", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("\nThe book is closed.")


if __name__ == "__main__":
    serve(sys.argv[1])
