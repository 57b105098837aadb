"""`governor check` on an OPA server: the same reports as without one, and never a pass when the server fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import trustme

import fault_proxy
import real_opa
from commands.conftest import EXAMPLE, ROOT, Governor, Run, plan_of
from core.policy_folders import rego, write
from fault_proxy import Reply
from governor.languages import opa_server as client

CLEAN = 'resource.id == "nobody"'
"""The body of a policy that finds nothing: whatever is not 3 would be a pass."""


@pytest.fixture
def proxy(opa_server: real_opa.Server) -> Iterator[fault_proxy.Proxy]:
    with fault_proxy.before(opa_server.url) as proxy:
        yield proxy


@pytest.fixture
def clean(tmp_path: Path) -> Callable[..., Path]:
    """Settings with an OPA server, a plan, and a policy that finds nothing in it."""

    def settings(url: str, *more: str) -> Path:
        opa = "".join(f"  {line}\n" for line in (f"url: {url}", *more))
        return write(
            tmp_path,
            {
                "plan.json": json.dumps(plan_of(long={}, short={})),
                "governor.yaml": f"policies: [policies]\nengine: opa\nopa:\n{opa}",
                "policies/names/names.rego": rego(body=CLEAN),
            },
        )

    return settings


def told(run: Run) -> str:
    """The one line of a run that could not judge."""
    assert (run.code, run.out) == (3, "")
    (line,) = run.err.splitlines()
    return line


@pytest.mark.parametrize("plan", [EXAMPLE, ROOT / "tests" / "trap_plans" / "tags" / "plan.json"])
@pytest.mark.parametrize("format", ["table", "json", "sarif", "markdown"])
def test_reports_are_those_of_the_embedded_engine(
    governor: Governor, opa_server: real_opa.Server, plan: Path, format: str
) -> None:
    arguments = ("check", plan, "-f", format, "--today", "2026-08-01", "--source", plan.parent)

    embedded = governor(*arguments)
    on_server = governor(*arguments, "--opa-url", opa_server.url)

    assert on_server == embedded
    assert embedded.code == 1


INVENTORIES = "/v1/data/governor/inventories"
SMALL = "request_mb: 0.0002"
"""Less than two resources of the plan take."""


def test_a_large_inventory_travels_in_parts_and_is_judged_whole(
    governor: Governor, proxy: fault_proxy.Proxy, tmp_path: Path
) -> None:
    limit = 2_000
    write(tmp_path, {"governor.yaml": f"engine: opa\nopa: {{url: {proxy.url}, request_mb: {limit / 1e6}}}\n"})
    arguments = ("check", EXAMPLE, "-f", "json", "--today", "2026-08-01")

    in_parts = governor(*arguments)

    assert in_parts == governor(*arguments, "--engine", "embedded")
    assert in_parts.code == 1
    parts = [size for request, size in proxy.sizes if request.startswith(f"PUT {INVENTORIES}/")]
    assert len(parts) > 5
    assert max(parts) <= limit
    asked = [size for request, size in proxy.sizes if "/ask/answer" in request]
    assert max(asked) <= limit
    assert requests.get(f"{proxy.url}{INVENTORIES}", timeout=9).json().get("result", {}) == {}


def test_an_inventory_that_is_not_there_in_full_is_not_judged(
    governor: Governor, proxy: fault_proxy.Proxy, clean: Callable[..., Path]
) -> None:
    clean(proxy.url, SMALL)
    assert governor("check", "plan.json").code == 0

    def lose(request: str, forward: Callable[[], Reply]) -> Reply:
        return Reply(204, b"") if request.startswith(f"PUT {INVENTORIES}/") and "/000001" in request else forward()

    proxy.spoil = lose
    assert "was put on the OPA server, and is not there" in told(governor("check", "plan.json"))


def test_a_server_that_dies_between_two_parts(
    governor: Governor, opa: str, tmp_path: Path, clean: Callable[..., Path]
) -> None:
    with real_opa.serve(opa, tmp_path) as server, fault_proxy.before(server.url) as proxy:
        clean(proxy.url, SMALL, "timeout: 2")
        assert governor("check", "plan.json").code == 0

        def die(request: str, forward: Callable[[], Reply]) -> Reply:
            reply = forward()
            server.kill()
            return reply

        proxy.spoil = die
        assert told(governor("check", "plan.json")).startswith(f"governor: {proxy.url}: the OPA server ")


def test_what_a_killed_run_left_there_is_taken_away_after_a_day(
    governor: Governor, opa_server: real_opa.Server, clean: Callable[..., Path]
) -> None:
    clean(opa_server.url, SMALL)
    left = f"{opa_server.url}{INVENTORIES}"
    for name in ("20260101T120000-old", "29990101T120000-of-another-run"):
        assert requests.put(f"{left}/{name}/000000", json={"list": "resources", "items": []}, timeout=9).ok

    assert governor("check", "plan.json").code == 0

    assert set(requests.get(left, timeout=9).json()["result"]) == {"29990101T120000-of-another-run"}
    assert requests.delete(f"{left}/29990101T120000-of-another-run", timeout=9).ok


def test_policies_are_put_on_the_server_once(
    governor: Governor, opa: str, tmp_path: Path, clean: Callable[..., Path]
) -> None:
    with real_opa.serve(opa, tmp_path) as server, fault_proxy.before(server.url) as proxy:
        clean(proxy.url)
        assert governor("check", "plan.json").code == 0
        asked, *puts = [request.partition("?")[0] for request in proxy.requests]
        answer = asked.removeprefix("POST /v1/data/governor/").removesuffix("/ask/answer")
        assert asked == f"POST /v1/data/governor/{answer}/ask/answer"
        assert puts == [
            f"PUT /v1/data/governor/{answer}",
            f"PUT /v1/policies/governor/{answer}/library/names/names.rego",
            f"PUT /v1/policies/governor/{answer}/ask.rego",
            f"PUT /v1/data/governor/revisions/{answer}",
            "GET /v1/data/governor/revisions",
            asked,
        ]
        proxy.requests.clear()
        assert governor("check", "plan.json").code == 0
        assert [request.partition("?")[0] for request in proxy.requests] == [asked]


def test_what_is_off_is_not_asked(governor: Governor, opa_server: real_opa.Server, clean: Callable[..., Path]) -> None:
    folder = clean(opa_server.url)
    write(folder, {"policies/names/names.rego": rego(body="lower(5)")})
    settings = (folder / "governor.yaml").read_text()

    assert governor("check", "plan.json").code == 3
    write(folder, {"governor.yaml": f"{settings}levels: [{{policies: NAM001, level: off}}]\n"})
    assert governor("check", "plan.json").code == 4


def test_the_command_line_wins_over_the_settings(governor: Governor, clean: Callable[..., Path]) -> None:
    clean("http://127.0.0.1:1", "timeout: 1")

    assert governor("check", "plan.json", "--engine", "embedded").code == 0
    both = governor("check", "plan.json", "--engine", "embedded", "--opa-url", "http://127.0.0.1:1")
    assert (both.code, both.err) == (
        2,
        "governor: --opa-url asks a server and --engine embedded none: leave one out\n",
    )


# What may be wrong with a server


def test_a_server_that_is_down(governor: Governor, clean: Callable[..., Path]) -> None:
    clean("http://127.0.0.1:1", "timeout: 2")

    assert told(governor("check", "plan.json")) == (
        "governor: http://127.0.0.1:1: the OPA server cannot be reached: Connection refused"
    )


def test_a_server_that_dies_while_it_judges(
    governor: Governor, opa: str, tmp_path: Path, clean: Callable[..., Path]
) -> None:
    with real_opa.serve(opa, tmp_path) as server, fault_proxy.before(server.url) as proxy:
        clean(proxy.url, "timeout: 2")
        assert governor("check", "plan.json").code == 0

        def die(_: str, forward: Callable[[], Reply]) -> Reply:
            server.kill()
            return forward()

        proxy.spoil = die
        assert told(governor("check", "plan.json")).startswith(f"governor: {proxy.url}: the OPA server cannot be ")


def test_a_server_that_stalls(governor: Governor, proxy: fault_proxy.Proxy, clean: Callable[..., Path]) -> None:
    clean(proxy.url, "timeout: 0.5")

    def stall(_: str, forward: Callable[[], Reply]) -> Reply:
        proxy.stopped.wait(30)
        return forward()

    proxy.spoil = stall
    assert told(governor("check", "plan.json")) == (
        f"governor: {proxy.url}: the OPA server has not answered within 0.5 s: see opa.timeout"
    )


@pytest.mark.parametrize("status", [200, 500])
def test_a_server_that_trickles(
    governor: Governor, proxy: fault_proxy.Proxy, clean: Callable[..., Path], status: int
) -> None:
    clean(proxy.url, "timeout: 0.5")
    proxy.spoil = lambda request, forward: Reply(status, b" " * 200 + b"{}", pause=0.1)

    assert told(governor("check", "plan.json")) == (
        f"governor: {proxy.url}: the OPA server has not answered within 0.5 s: see opa.timeout"
    )


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (Reply(200, b'{"result": {"revi'), "answers something that is no JSON"),
        (Reply(200, b'{"result": {"revi', length=4000), "broke off in the middle of its answer"),
        (Reply(200, b"<html>Welcome</html>"), "answers something that is no JSON"),
        (Reply(200, b""), "answers something that is no JSON"),
        (Reply(200, b"[]"), "answers something that is no decision"),
        (Reply(200, b'{"result": true}'), "answers something that is no decision: Expected `object`, got `bool`"),
        (
            Reply(200, b'{"result": {"violations": {"NAM001": []}}}'),
            "answers something that is no decision: Object missing required field `revision`",
        ),
        (Reply(302, b""), "answers 302 Found: is opa.url the address of an OPA server?"),
        (
            Reply(401, b'{"code": "unauthorized", "message": "request rejected by administrative policy"}'),
            "turns the request away (401 request rejected by administrative policy): see opa.token_env, opa.token_file",
        ),
        (Reply(404, b"no"), "answers 404 Not Found: is opa.url the address of an OPA server?"),
        (
            Reply(413, b"<html>"),
            "takes no request of this size (413 Request Entity Too Large): raise its limit, see docs/opa.md",
        ),
        (Reply(429, b""), "answers 429 Too Many Requests"),
        (Reply(500, b"oops"), "answers 500 Internal Server Error"),
        (Reply(500, b'{"code": "internal_error", "message": "disk\\nfull"}'), "answers 500 disk full"),
        (Reply(503, b"<html>"), "answers 503 Service Unavailable"),
    ],
)
def test_an_answer_that_is_none(
    governor: Governor, proxy: fault_proxy.Proxy, clean: Callable[..., Path], reply: Reply, complaint: str
) -> None:
    clean(proxy.url, "timeout: 2")
    proxy.spoil = lambda request, forward: reply

    assert told(governor("check", "plan.json")) == f"governor: {proxy.url}: the OPA server {complaint}"


def test_a_server_that_is_busy_for_a_moment(
    governor: Governor, proxy: fault_proxy.Proxy, clean: Callable[..., Path]
) -> None:
    clean(proxy.url, "timeout: 5")
    proxy.spoil = lambda request, forward: Reply(503, b"") if len(proxy.requests) in (1, 2, 4) else forward()

    assert governor("check", "plan.json").code == 0


def test_a_decision_that_stays_undefined(
    governor: Governor, proxy: fault_proxy.Proxy, clean: Callable[..., Path]
) -> None:
    clean(proxy.url, "timeout: 2")
    proxy.spoil = lambda request, forward: Reply(200, b"{}") if request.startswith("POST") else forward()

    line = told(governor("check", "plan.json"))
    assert line.startswith(f"governor: {proxy.url}: the policies (revision ")
    assert line.endswith("it does not know them: when several servers share the address, serve them a bundle")


def test_a_policy_that_is_left_out_of_the_answer(
    governor: Governor, proxy: fault_proxy.Proxy, clean: Callable[..., Path]
) -> None:
    clean(proxy.url, "timeout: 2")

    def lose(request: str, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        return Reply(reply.status, reply.body.replace(b'"NAM001"', b'"NAM002"'))

    proxy.spoil = lose
    assert told(governor("check", "plan.json")) == (
        f"governor: {proxy.url}: the OPA server does not answer NAM001: its copy of the policies is not whole"
    )


def test_another_revision_in_the_answer(
    governor: Governor, proxy: fault_proxy.Proxy, clean: Callable[..., Path]
) -> None:
    clean(proxy.url, "timeout: 2")
    assert governor("check", "plan.json").code == 0

    def another(request: str, forward: Callable[[], Reply]) -> Reply:
        answer = json.loads(forward().body)
        answer["result"]["revision"] = "0" * 64
        return Reply(200, json.dumps(answer).encode())

    proxy.spoil = another
    assert f"judges by the revision {'0' * 64}, and the policies here are " in told(governor("check", "plan.json"))


@pytest.mark.parametrize("limit", ["max_length", "gzip.max_length"])
def test_a_plan_that_is_too_large_for_the_server(
    governor: Governor, opa: str, tmp_path: Path, clean: Callable[..., Path], limit: str
) -> None:
    with real_opa.serve(opa, tmp_path, f"--set=server.decoding.{limit}=200") as server:
        clean(server.url)
        line = told(governor("check", "plan.json"))

    assert line.startswith(f"governor: {server.url}: the OPA server takes no request of this size (400 ")
    assert line.endswith("too large): raise its limit, see docs/opa.md")


def test_without_the_extra_it_says_what_to_install(
    governor: Governor, clean: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean("http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opa_client", None)
    monkeypatch.delitem(sys.modules, "governor.languages.opa_server", raising=False)

    run = governor("check", "plan.json")

    assert (run.code, run.out, run.err) == (
        2,
        "",
        "governor: opa_client is not installed: pip install 'gpu-governor[opa]'\n",
    )


# Who may ask, and whom


AUTHORIZATION = """\
package system.authz

default allow := false

allow if input.identity == "open-sesame"
"""


@pytest.fixture(scope="module")
def guarded(opa: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[real_opa.Server]:
    """OPA behind TLS and a token, its authority in ca.pem beside its log."""
    folder = tmp_path_factory.mktemp("guarded")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server = authority.issue_cert("127.0.0.1")
    server.private_key_pem.write_to_path(folder / "key.pem")
    server.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    write(folder, {"authz.rego": AUTHORIZATION})
    options = ("--authentication=token", "--authorization=basic", "--tls-cert-file=cert.pem")
    with real_opa.serve(
        opa, folder, *options, "--tls-private-key-file=key.pem", "authz.rego", scheme="https"
    ) as running:
        yield running


def test_a_token_and_a_private_authority(
    governor: Governor,
    guarded: real_opa.Server,
    clean: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ca = f"ca: {guarded.folder / 'ca.pem'}"
    # None of these may take the place of what the settings say.
    netrc = write(guarded.folder, {"netrc": "machine 127.0.0.1 login eve password eve\n"}) / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(netrc))
    monkeypatch.setattr(client, "is_here", lambda url: False)
    monkeypatch.setenv("OPA_TOKEN", "open-sesame\n")

    clean(guarded.url, "token_env: OPA_TOKEN", ca)
    assert governor("check", "plan.json") == governor("check", "plan.json", "--engine", "embedded")
    folder = clean(guarded.url, "token_file: token", ca)
    write(folder, {"token": "open-sesame\n"})
    assert governor("check", "plan.json").code == 0


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_what_stays_on_this_machine_goes_through_no_proxy(
    governor: Governor,
    opa_server: real_opa.Server,
    clean: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    clean(opa_server.url, "timeout: 5")

    assert governor("check", "plan.json").code == 0


def test_without_the_authority_no_token_is_sent(
    governor: Governor, guarded: real_opa.Server, clean: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPA_TOKEN", "open-sesame")
    clean(guarded.url, "token_env: OPA_TOKEN", "timeout: 5")

    assert told(governor("check", "plan.json")) == (
        f"governor: {guarded.url}: the OPA server has no certificate that is trusted here (unable to get local issuer"
        " certificate): see opa.ca"
    )


def test_a_token_that_is_wrong_is_not_repeated(
    governor: Governor, guarded: real_opa.Server, clean: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPA_TOKEN", "hunter2")
    clean(guarded.url, "token_env: OPA_TOKEN", f"ca: {guarded.folder / 'ca.pem'}")

    assert told(governor("check", "plan.json")) == (
        f"governor: {guarded.url}: the OPA server turns the request away (401 request rejected by administrative"
        " policy): see opa.token_env, opa.token_file"
    )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (["url: opa.example.com"], "opa.url is no address of a server: write https://opa.example.com:8181"),
        (["url: 'http://opa:x'"], "opa.url is no address of a server: write https://opa.example.com:8181"),
        (
            ["url: 'https://u:hunter2@opa'"],
            "opa.url holds more than an address: name a token with opa.token_env or opa.token_file",
        ),
        (
            ["url: 'https://opa?token=hunter2'"],
            "opa.url holds more than an address: name a token with opa.token_env or opa.token_file",
        ),
        (
            ["url: http://opa.example.com", "token_env: OPA_TOKEN"],
            "the token would travel to http://opa.example.com in clear: give opa.url a server that speaks https",
        ),
        (
            ["url: https://opa", "token_env: OPA_NONE"],
            "the environment variable OPA_NONE holds no bearer token: one word of ASCII, without blanks",
        ),
        (
            ["url: https://opa", "token_file: token"],
            "token holds no bearer token: one word of ASCII, without blanks",
        ),
        (
            ["url: https://opa", "token_file: token", "token_env: OPA_TOKEN"],
            "opa.token_env and opa.token_file both name a token: keep one of them",
        ),
        (["url: https://opa", "ca: no.pem"], "no.pem: opa.ca names no file: give it the PEM of the authority"),
    ],
)
def test_settings_that_cannot_be_meant(
    governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: list[str], complaint: str
) -> None:
    monkeypatch.setenv("OPA_TOKEN", "hunter2")
    body = "".join(f"  {line}\n" for line in settings)
    write(tmp_path, {"governor.yaml": f"engine: opa\nopa:\n{body}", "token": "two words\n"})

    run = governor("check", EXAMPLE)

    assert (run.code, run.out) == (2, "")
    assert run.err.replace(f"{tmp_path}/", "") == f"governor: {complaint}\n"


def test_an_engine_without_a_server(governor: Governor) -> None:
    run = governor("check", EXAMPLE, "--engine", "opa")

    assert (run.code, run.err) == (
        2,
        "governor: engine: opa wants a server: set opa.url in governor.yaml, or give --opa-url\n",
    )
