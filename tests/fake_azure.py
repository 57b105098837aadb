"""A fake Azure on loopback, over TLS: Resource Graph, and lists of Resource Manager.

What it is asked and what it answers of Resource Graph is held against the models of Azure's SDK: a word that Azure does
not have fails the test.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import trustme

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
TOKEN = "a-token-of-nobody"


class Reply(NamedTuple):
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = {}


class Credential:
    """What azure-identity would get from Azure."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        from azure.core.credentials import AccessToken

        assert scopes[0].endswith("/.default")
        return AccessToken(TOKEN, 4_000_000_000)


class Azure:
    """What lies in it, and what it was asked."""

    def __init__(self) -> None:
        self.base_url = ""
        self.tables: dict[str, list[dict[str, Any]]] = {
            "resources": [],
            "resourcecontainers": [],
            "policyresources": [],
        }
        self.lists: dict[str, list[dict[str, Any]]] = {}
        """Path of a list of Resource Manager, lower-case → what it lists."""
        self.page = 1000
        self.asked: list[tuple[str, str]] = []
        """(method, path) of every request."""
        self.queries: list[dict[str, Any]] = []
        self.spoil: Callable[[str, int], Reply | None] = lambda path, time: None
        """Path, and how often it was asked before → another answer than the right one."""
        self._lock = threading.Lock()

    def resources_asked(self) -> bool:
        """Whether the query under way, or the last one, is about resources."""
        return bool(self.queries) and self.queries[-1]["query"].startswith("resources ")

    def answer(self, method: str, target: str, body: bytes, token: str) -> Reply:
        url = urlsplit(target)
        with self._lock:
            before = self.asked.count((method, url.path))
            self.asked.append((method, url.path))
        assert token == f"Bearer {TOKEN}"
        if url.path == GRAPH and method == "POST":
            with self._lock:
                self.queries.append(json.loads(body))
        if spoilt := self.spoil(url.path, before):
            return spoilt
        if (method, url.path) == ("POST", GRAPH):
            return self._query(json.loads(body))
        if method == "GET" and (items := self.lists.get(url.path.lower())) is not None:
            assert "api-version" in parse_qs(url.query)
            start = int(parse_qs(url.query).get("from", ["0"])[0])
            more = start + self.page < len(items)
            following = f"{self.base_url}{target}&from={start + self.page}"
            return Reply(200, {"value": items[start : start + self.page], **({"nextLink": following} if more else {})})
        return Reply(404, {"error": {"code": "ResourceNotFound", "message": "not here"}})

    def _query(self, query: dict[str, Any]) -> Reply:
        from azure.mgmt.resourcegraph import models

        known(query, models.QueryRequest)
        known(query["options"], models.QueryRequestOptions)
        rows = self.tables[query["query"].partition(" ")[0]]
        start = int(query["options"].get("$skipToken") or 0)
        some = rows[start : start + self.page]
        more = {"$skipToken": str(start + self.page)} if start + self.page < len(rows) else {}
        answer = {
            "totalRecords": len(rows),
            "count": len(some),
            "resultTruncated": "false",
            "facets": [],
            "data": some,
            **more,
        }
        known(answer, models.QueryResponse)
        return Reply(200, answer)


def known(value: Mapping[str, Any], model: Any) -> None:
    """Hold what is written against a model of the SDK."""
    words = {entry["key"] for entry in model._attribute_map.values()}
    assert value.keys() <= words, value.keys() - words


@contextmanager
def running(folder: Path) -> Iterator[tuple[Azure, Path]]:
    """A fake Azure, and the file of the authority that its certificate is of."""
    azure, authority = Azure(), trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = azure.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    azure.base_url = f"https://127.0.0.1:{server.server_port}"
    try:
        yield azure, bundle
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
