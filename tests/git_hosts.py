"""Git repositories for tests: made by git itself, and served over https as hosts serve them."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import trustme

from core.policy_folders import rego, write

IDENTITY = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com"} | {
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}
NAMES = {"policies/names/names.rego": rego(body='endswith(resource.id, "long")')}


class Origin:
    """A repository that somebody else owns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        """What git prints, without the end of its last line."""
        run = subprocess.run(
            ["git", *arguments], cwd=self.folder, env={**os.environ, **IDENTITY}, input=stdin, capture_output=True
        )
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout.decode().strip()

    def commit(self, files: Mapping[str, str] = NAMES, *options: str) -> str:
        """A commit with the files, and its 40 digits."""
        write(self.folder, files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=policies", *options)
        return self.git("rev-parse", "HEAD")

    def commit_tree(self, *entries: tuple[str, str, str]) -> str:
        """A commit that holds a tree of (mode, name, object) as no `git add` would make it."""
        body = b"".join(
            mode.encode() + b" " + name.encode() + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries
        )
        tree = self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=body)
        commit = self.git("commit-tree", tree, "-m", "odd")
        self.git("update-ref", "refs/heads/odd", commit)
        return commit

    def blob(self, text: str) -> str:
        return self.git("hash-object", "-w", "--stdin", stdin=text.encode())

    @property
    def url(self) -> str:
        return f"file://{self.folder}"


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Backend(_Quiet):
    """git's own CGI program for smart https, as hosts run it."""

    root: Path

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = subprocess.run(["git", "http-backend"], env=variables, input=body, capture_output=True).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        # Without its length, the end of an answer would be the end of the connection, which TLS calls an attack.
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815


class _Files(_Quiet, SimpleHTTPRequestHandler):
    """A repository as plain files, which is how git calls a dumb host."""


class _Closed(_Quiet):
    """A host that wants to know who asks."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="policies"')
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def served(root: Path, authority: trustme.CA, how: Literal["git", "files", "closed"] = "git") -> Iterator[str]:
    """The address of a host that serves the repositories in a folder, as `https://localhost:1234`."""
    handlers: dict[str, Any] = {
        "git": type("Backend", (_Backend,), {"root": root}),
        "files": partial(_Files, directory=str(root)),
        "closed": _Closed,
    }
    server = ThreadingHTTPServer(("localhost", 0), handlers[how])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
