"""GitHub and GitLab on a free loopback port, as far as comments go: addresses, pages, answers and refusals.

After https://docs.github.com/rest/issues/comments and https://docs.gitlab.com/api/notes/.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

TOKEN = "tok-5f2c9e"
PROGRAM = "github-actions[bot]"


@dataclass
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    """The connection ends without an answer."""


@dataclass
class Platform:
    """A running server with one pull request, number 7 of `acme/platform`, or of project 42."""

    kind: Literal["github", "gitlab"]
    url: str = ""
    me: str | None = None
    """Who the token speaks for; None: for a workflow, which GitHub tells nobody."""
    comments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """`GET /user`, in order."""
    spoil: Callable[[str, Callable[[], Answer]], Answer] | None = None
    """Called with a request as `requests` lists it, and what answers it."""

    @property
    def written(self) -> list[str]:
        return [request for request in self.requests if not request.startswith("GET")]

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.comments]

    @property
    def environment(self) -> dict[str, str]:
        """What a run of CI for the pull request says."""
        if self.kind == "github":
            return {
                "GITHUB_API_URL": self.url,
                "GITHUB_REPOSITORY": "acme/platform",
                "GITHUB_REF": "refs/pull/7/merge",
                "GITHUB_TOKEN": TOKEN,
            }
        return {
            "CI_API_V4_URL": self.url,
            "CI_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_IID": "7",
            "GITLAB_TOKEN": TOKEN,
        }

    def add(self, body: str, author: str = "") -> None:
        """A comment, by default one of our own."""
        name = author or self.me or PROGRAM
        user = {"login": name, "username": name, "type": "Bot" if name == PROGRAM else "User"}
        self.comments.append({"id": 1000 + len(self.comments), "body": body, "user": user, "author": user})

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, token: str) -> Answer:
        if token != f"Bearer {TOKEN}":
            return Answer(401, {"message": "Bad credentials" if self.kind == "github" else "401 Unauthorized"})
        if path == "/user":
            if self.me is None:
                return Answer(403, {"message": "Resource not accessible by integration"})
            return Answer(200, {"login": self.me, "username": self.me, "type": "User"})
        thread, edit, change = {
            "github": ("/repos/acme/platform/issues/7/comments", "/repos/acme/platform/issues/comments", "PATCH"),
            "gitlab": ("/projects/42/merge_requests/7/notes", "/projects/42/merge_requests/7/notes", "PUT"),
        }[self.kind]
        if method == "GET" and path == thread:
            size, page = int(query["per_page"][0]), int(query["page"][0])
            shown = self.comments[(page - 1) * size : page * size]
            more = page * size < len(self.comments)
            link = f'<{self.url}{thread}?page={page + 1}>; rel="next", <{self.url}{thread}?page=9>; rel="last"'
            return Answer(200, shown, {"Link": link} if more else {})
        if method == "POST" and path == thread:
            self.add(body["body"])
            return Answer(201, self.comments[-1])
        if method == change and path.startswith(f"{edit}/"):
            for comment in self.comments:
                if comment["id"] == int(path.rpartition("/")[2]):
                    comment["body"] = body["body"]
                    return Answer(200, comment)
        return Answer(404, {"message": "Not Found" if self.kind == "github" else "404 Not Found"})


@contextmanager
def serve(kind: Literal["github", "gitlab"], **state: Any) -> Iterator[Platform]:
    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            address = urlsplit(self.path)
            request = f"{self.command} {self.path}"
            platform.requests.append(request)

            def usual() -> Answer:
                path = address.path.removeprefix("/api")
                given = json.loads(raw) if raw else None
                token = self.headers.get("Authorization", "")
                return platform.answer(self.command, path, parse_qs(address.query), given, token)

            answer = platform.spoil(request, usual) if platform.spoil else usual()
            if answer.lost:
                self.close_connection = True
                return
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = handle_request  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.setdefault("me", None if kind == "github" else "project_42_bot")
    platform = Platform(kind, url=f"http://127.0.0.1:{server.server_port}/api", **state)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
