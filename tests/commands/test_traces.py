"""Traces, as a receiver of OTLP on loopback takes them; and nothing at all where nobody receives any."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from commands.conftest import EXAMPLE, Governor
from core.policy_folders import write
from fake_aws import ACCOUNT, Cloud

TOKEN = "a-token-of-the-receiver"


class Receiver:
    """What came in, decoded."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.status = 200
        self.url = ""

    @property
    def spans(self) -> list[Any]:
        """The spans of the only request."""
        (request,) = self.requests
        return [span for r in request.resource_spans for scope in r.scope_spans for span in scope.spans]

    @property
    def service(self) -> dict[str, str]:
        return {a.key: a.value.string_value for a in self.requests[0].resource_spans[0].resource.attributes}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            assert self.headers["Authorization"] == TOKEN
            received.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"Authorization={TOKEN}")
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_a_check_is_a_trace(governor: Governor, receiver: Receiver) -> None:
    run = governor("check", EXAMPLE, "-f", "json")

    assert (run.code, run.err) == (1, "")
    found = json.loads(run.out)["summary"]["open"]
    spans = {span.name: span for span in receiver.spans}
    assert spans.keys() == {"run", "collect", "judge", "settle", "report"}
    top = spans.pop("run")
    assert not top.parent_span_id
    assert {span.parent_span_id for span in spans.values()} == {top.span_id}
    assert len({span.trace_id for span in receiver.spans}) == 1
    assert attributes(spans["collect"]) == {"governor.resources": 25, "governor.gaps": 0}
    assert attributes(spans["report"]) == {"governor.exit_code": 1, "governor.open": found, "governor.gaps": 0}
    assert all(0 < span.start_time_unix_nano <= span.end_time_unix_nano for span in receiver.spans)
    assert receiver.service["service.name"] == "governor"


def test_every_shard_of_a_scan_is_a_span_in_what_collects(
    governor: Governor, receiver: Receiver, cloud: Cloud, tmp_path: Path
) -> None:
    write(tmp_path, {"governor.yaml": 'levels: [{policies: "*", level: "off"}, {policies: TAG001, level: deny}]\n'})
    cloud.bucket("bare", dataset="a-value-of-a-tag")

    governor("scan", "--account", ACCOUNT, "--region", "us-east-1", "--service", "volumes", "--service", "buckets")

    (collect,) = (span for span in receiver.spans if span.name == "collect")
    shards = [span for span in receiver.spans if span.name == "shard"]
    assert {span.parent_span_id for span in shards} == {collect.span_id}
    assert [attributes(span) for span in sorted(shards, key=lambda span: attributes(span)["governor.service"])] == [
        {
            "governor.account": ACCOUNT, "governor.region": region, "governor.service": service,
            "governor.resources": number, "governor.gaps": 0,
        }
        for service, region, number in (("buckets", "every region", 1), ("volumes", "us-east-1", 0))
    ]  # fmt: skip
    assert b"a-value-of-a-tag" not in receiver.requests[0].SerializeToString()


def test_a_run_that_is_refused_is_a_trace_without_its_words(governor: Governor, receiver: Receiver) -> None:
    run = governor("check", "nowhere.json")

    (top,) = receiver.spans
    assert (run.code, top.status.code, top.status.message) == (2, 2, "Refusal")
    assert b"nowhere" not in receiver.requests[0].SerializeToString()


def test_a_trace_that_nobody_takes_is_a_warning_without_the_address(governor: Governor, receiver: Receiver) -> None:
    receiver.status = 400

    run = governor("check", EXAMPLE, "-q")

    assert run.code == 1
    assert run.err == (
        "governor: warning: the trace was not delivered: nobody took it at the OTLP endpoint of the environment\n"
    )


def test_nothing_is_imported_where_nobody_receives(tmp_path: Path) -> None:
    script = (
        "import sys; from governor.cli import main\n"
        f"sys.argv = ['governor', 'check', {str(EXAMPLE)!r}, '-q']\n"
        "try: main()\nfinally: print(*sorted({'opentelemetry', 'prometheus_client', 'apprise'} & sys.modules.keys()))"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert run.returncode == 1, run.stderr
    assert run.stdout.splitlines()[1:] == [""]
