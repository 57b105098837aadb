"""A proxy on a free loopback port, in front of a server, that spoils what it is told to spoil."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit


class Reply(NamedTuple):
    """What the client is sent."""

    status: int
    body: bytes
    length: int | None = None
    """What the header says of the body's length; None: the truth. A body that is shorter is one that broke off."""
    date: datetime | None = None
    """What the header says of the time; None: the truth."""
    pause: float = 0
    """Seconds before each byte of the body."""
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    """What the server is sent."""

    method: str
    path: str
    """With its query."""
    headers: Mapping[str, str]
    body: bytes


class Proxy:
    """A running proxy. A request passes, unless `spoil` is set and answers for it or raises."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[str] = []
        """`POST /v1/data/…` of every request, in order; then the fields of a form, or what AWS calls the operation;
        last, of a form for AWS, the region and service that it is signed for: `us-east-1/ec2`."""
        self.sizes: list[tuple[str, int]] = []
        """Request and bytes of its body, in order."""
        self.spoil: Callable[[str, Callable[[], Reply]], Reply] | None = None
        """Called with a request as `requests` lists it, and what forwards it."""
        self.stand_in: Callable[[Request], Reply | None] | None = None
        """Asked before the server is: answers in its place, or says None."""
        self.stopped = threading.Event()
        """Set when the proxy ends, or by a test: whoever stalls waits for it."""


@contextmanager
def before(upstream: str) -> Iterator[Proxy]:
    """A proxy in front of a server."""
    target = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            form = "x-www-form-urlencoded" in self.headers.get("Content-Type", "")
            said = body.decode() if form else self.headers.get("X-Amz-Target", "")
            signed = re.search(r"Credential=[^/]+/\d+/([^/]+/[^/]+)/", self.headers.get("Authorization", ""))
            request = " ".join(filter(None, (self.command, self.path, said, form and signed and signed[1])))
            proxy.requests.append(request)
            proxy.sizes.append((request, len(body)))

            def forward() -> Reply:
                asked = Request(self.command, self.path, dict(self.headers), body)
                if proxy.stand_in and (answer := proxy.stand_in(asked)):
                    return answer
                connection = http.client.HTTPConnection(target, timeout=60)
                # Whoever spoils an answer wants it as text.
                headers = {name: value for name, value in self.headers.items() if name != "Accept-Encoding"}
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                said = {name: value for name, value in response.headers.items() if name.startswith("x-amz-bucket-")}
                return Reply(response.status, response.read(), headers=said)

            try:
                reply = proxy.spoil(request, forward) if proxy.spoil else forward()
                self.send_response_only(reply.status)
                self.send_header("Date", format_datetime(reply.date or datetime.now(UTC), usegmt=True))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
                self.end_headers()
                self.close_connection |= reply.length is not None
                if not reply.pause:
                    self.wfile.write(reply.body)
                    return
                for byte in reply.body:
                    proxy.stopped.wait(reply.pause)
                    self.wfile.write(bytes([byte]))
            except OSError:
                self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.stopped.set()
        server.shutdown()
        server.server_close()
