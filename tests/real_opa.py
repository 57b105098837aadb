"""A real OPA for tests: the program found, a server started on a free loopback port, stopped by its process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import real_terraform

SECONDS_TO_START = 20


def find() -> str | None:
    """The path of OPA, beside the project or on PATH."""
    beside = real_terraform.PROJECT.parent / "shared" / "tools" / "opa"
    return str(beside) if beside.is_file() and os.access(beside, os.X_OK) else shutil.which("opa")


def run(opa: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command of OPA to its end."""
    return subprocess.run([opa, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


class ServerError(Exception):
    """OPA did not start; its own words."""


class Server:
    """A running `opa run --server`."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        """Where it runs."""
        self._process = process

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self._process.kill()
        self._process.wait()


@contextmanager
def serve(opa: str, folder: Path, *arguments: object, scheme: str = "http") -> Iterator[Server]:
    """A server on a free port that runs in the folder, and writes its log there."""
    server = _start(opa, folder, arguments, scheme)
    try:
        yield server
    finally:
        server.kill()


def _start(opa: str, folder: Path, arguments: Sequence[object], scheme: str) -> Server:
    log = folder / "opa.log"
    port = _free_port()
    command = [opa, "run", "--server", f"--addr=127.0.0.1:{port}", "--log-level=error", *map(str, arguments)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return Server(process, f"{scheme}://127.0.0.1:{port}", folder)
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise ServerError(log.read_text("utf-8"))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
