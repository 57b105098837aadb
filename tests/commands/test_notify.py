"""`--notify`: what owners receive, over a Slack webhook and by e-mail, on real servers; and what they never do."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from apprise.plugins.slack import NotifySlack
from hypothesis import given
from hypothesis import strategies as st

from commands.conftest import Governor, plan_of
from core.policy_folders import rego, write
from governor.config import Notify, Route
from governor.judge import NOT_KNOWN
from governor.model import Finding, Policy, Verdict
from governor.notices import SHOWN, notices, text

TOKENS = "T0SECRET1/B0SECRET2/SECRETSECRETSECRETSECRET"
WEBHOOK = f"https://hooks.slack.com/services/{TOKENS}"
SETTINGS = """\
policies: [policies]
notify:
  routes:
    - {owner: "ml-*", to: env:SLACK_ML}
    - {owner: vision, to: file:mail.address}
  default: env:SLACK_FINOPS
"""
NIGHT = datetime(2026, 11, 24, 2, tzinfo=UTC)


class Slack:
    """The server behind an incoming webhook."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200

    @property
    def texts(self) -> list[str]:
        """Title and text of each message."""
        return [
            "\n".join(f"{one.get('title', '')}\n{one['text']}" for one in request["attachments"])
            for request in self.requests
        ]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    received = Slack()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if received.status == 200:
                received.paths.append(self.path)
                received.requests.append(json.loads(body))
            self.send_response(received.status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    # apprise knows one address of Slack's; the rest of the way is the real one.
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{server.server_port}/services")
    monkeypatch.setenv("SLACK_ML", WEBHOOK)
    monkeypatch.setenv("SLACK_FINOPS", f"{WEBHOOK}?footer=no")
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[list[EmailMessage]]:
    received: list[EmailMessage] = []

    class Handler:
        async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            received.append(mail)
            return "250 taken"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    (tmp_path / "mail.address").write_text(
        f"mailto://127.0.0.1:{port}?from=governor@example.com&to=vision@example.com&pass=SECRET\n"
    )
    try:
        yield received
    finally:
        controller.stop()


def team(name: str) -> dict[str, str]:
    return {"owner-team": name}


@pytest.fixture
def owned(mine: Path, slack: Slack, mailbox: list[EmailMessage]) -> Path:
    """Findings of two teams that have a route, of one that has none, and of nobody."""
    plan = plan_of(
        a_long=team("ml-platform"), b_long=team("ml-platform"), c_long=team("vision"), d_long=team("audio"), e_long={}
    )
    write(
        mine,
        {
            "governor.yaml": SETTINGS,
            "plan.json": json.dumps(plan),
            "policies/names/names.rego": rego(body='endswith(resource.id, "long")').replace(
                "# custom:\n", "# custom:\n#   remediation: Take a shorter one.\n"
            ),
        },
    )
    return mine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time that owners are told at: the last one."""
    times = [NIGHT]
    monkeypatch.setattr("governor.commands.notify._now", lambda: times[-1])
    return times


def test_each_owner_is_told_of_what_is_theirs(
    governor: Governor, owned: Path, slack: Slack, mailbox: list[EmailMessage]
) -> None:
    run = governor("check", "plan.json", "--environment", "prod", "--notify", "-q")

    assert run.code == 1
    assert slack.paths == [f"/services/{TOKENS}"] * 2
    finops, ml = sorted(slack.texts, key=lambda told: "aws_instance.a_long" in told)
    assert ml.startswith("governor: 2 open findings for ml-platform in prod\n")
    assert [name in ml for name in ("a_long", "b_long", "c_long", "d_long", "e_long")] == [True, True, *[False] * 3]
    assert "How to fix: Take a shorter one." in ml
    fingerprint = re.findall(r"a_long .* \[([0-9a-f]+)\]", ml)[0]
    assert governor("explain", fingerprint, "--on", "plan.json").code == 0
    assert finops.startswith("governor: 2 open findings in prod that no route takes\n")
    assert "aws_instance.d_long" in finops
    assert "owner audio" in finops
    (mail,) = mailbox
    assert (mail["To"], mail["Subject"]) == (
        "vision@example.com", "governor: 1 open finding for vision in prod",
    )  # fmt: skip
    assert "aws_instance.c_long" in str(mail)
    assert "a_long" not in str(mail)
    assert "governor: ml-platform was told of 2 findings: env:SLACK_ML\n" in run.err
    assert "governor: vision was told of 1 finding: file:mail.address\n" in run.err
    assert "SECRET" not in run.err + run.out


def test_slack_gets_the_json_that_it_takes_and_nobody_is_called(governor: Governor, owned: Path, slack: Slack) -> None:
    """What a tag holds must not, either: https://docs.slack.dev/messaging/formatting-message-text."""
    evil = "<!channel> @here <@U123> <https://evil.example|click> &"
    plan = plan_of(a_long=team("ml-platform"))
    plan["resource_changes"][0]["address"] = f'aws_instance.x["{evil}"].long'
    write(owned, {"plan.json": json.dumps(plan)})

    governor("check", "plan.json", "--notify", "-q")

    (request,) = slack.requests
    said = json.dumps(request)
    assert request["attachments"][0]["text"]
    assert "&lt;!channel&gt;" in said
    assert not {"<!", "<@", "<http", "link_names"} & {
        part for part in ("<!", "<@", "<http", "link_names") if part in said
    }


def test_html_in_a_tag_is_no_html_in_a_mail(governor: Governor, owned: Path, mailbox: list[EmailMessage]) -> None:
    plan = plan_of(a_long=team("vision"))
    plan["resource_changes"][0]["address"] = 'aws_instance.x["<img src=//evil.example>"].long'
    address = (owned / "mail.address").read_text().strip()
    write(owned, {"plan.json": json.dumps(plan), "mail.address": f"{address}&format=html"})

    governor("check", "plan.json", "--notify", "-q")

    (mail,) = mailbox
    html = mail.get_body(("html",))
    assert html is not None
    assert "<img" not in html.get_content()
    assert "&lt;img" in html.get_content()


def test_nothing_is_told_twice_and_nobody_too_often(
    governor: Governor, owned: Path, slack: Slack, mailbox: list[EmailMessage], clock: list[datetime]
) -> None:
    def night(after: timedelta, *names: str) -> str:
        clock.append(NIGHT + after)
        write(owned, {"plan.json": json.dumps(plan_of(**{name: team("ml-platform") for name in names}))})
        slack.requests.clear()
        governor("check", "plan.json", "--history", "h.db", "--environment", "prod", "--notify", "-q")
        return "\n".join(slack.texts)

    first = night(timedelta(0), "a_long")
    same = night(timedelta(hours=24), "a_long")
    more = night(timedelta(hours=48), "a_long", "b_long")
    soon = night(timedelta(hours=50), "a_long", "b_long", "c_long")
    later = night(timedelta(hours=72), "a_long", "b_long", "c_long")
    gone = night(timedelta(hours=96), "b_long")
    back = night(timedelta(hours=120), "a_long", "b_long")

    assert "1 new finding for ml-platform" in first
    assert (same, soon, gone) == ("", "", "")
    assert "aws_instance.b_long" in more
    assert "a_long" not in more
    assert "aws_instance.c_long" in later, "what waited is told when its time has come"
    assert "b_long" not in later
    assert "aws_instance.a_long" in back, "what was gone is new when it is back"
    assert "b_long" not in back


def test_all_that_is_open_is_told_where_that_is_wanted(
    governor: Governor, owned: Path, slack: Slack, clock: list[datetime]
) -> None:
    write(owned, {"governor.yaml": f"{SETTINGS}  tell: open\n"})
    for hours in (0, 2, 24):
        clock.append(NIGHT + timedelta(hours=hours))
        governor("check", "plan.json", "--history", "h.db", "--notify", "-q")

    assert sum("2 open findings for ml-platform" in told for told in slack.texts) == 2


def test_what_is_not_delivered_is_a_warning_and_sent_by_the_next_run(
    governor: Governor, owned: Path, slack: Slack, clock: list[datetime]
) -> None:
    write(owned, {"governor.yaml": SETTINGS.replace("file:mail.address", "env:SLACK_ML")})
    slack.status = 404
    command = ("check", "plan.json", "--history", "h.db", "--notify", "-q")

    failed = governor(*command)
    slack.status = 200
    clock.append(NIGHT + timedelta(minutes=5))
    sent, silent = governor(*command), governor(*command)

    assert (failed.code, sent.code, silent.code) == (1, 1, 1)
    assert (
        "governor: warning: ml-platform was not told of 2 findings, the exit code stands: env:SLACK_ML took no message"
        " (status 404). The next run tries again\n"
    ) in failed.err
    assert len(slack.requests) == 3
    assert "SECRET" not in failed.err + failed.out
    assert silent.err == ""


def test_a_server_that_is_not_there_is_a_warning_without_its_address(
    governor: Governor, owned: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_ML", "json://user:SECRET@127.0.0.1:9/SECRET")

    run = governor("check", "plan.json", "--notify", "-q")

    assert run.code == 1
    assert "ml-platform was not told of 2 findings" in run.err
    assert "it was not reached, or refused" in run.err
    assert "SECRET" not in run.err
    assert "127.0.0.1" not in run.err
    assert len(slack.requests) == 1, "the others are told"


def test_a_dry_run_shows_what_would_be_sent_and_sends_and_keeps_nothing(
    governor: Governor, owned: Path, slack: Slack, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLACK_ML")
    dry = governor("check", "plan.json", "--history", "h.db", "--notify-dry-run", "-f", "json")
    monkeypatch.setenv("SLACK_ML", WEBHOOK)

    assert json.loads(dry.out)["summary"]["open"] == 5
    assert (slack.requests, mailbox) == ([], [])
    assert "would be sent to env:SLACK_ML:\n\ngovernor: 2 new findings for ml-platform" in dry.err
    assert "would be sent to file:mail.address:\n\ngovernor: 1 new finding for vision" in dry.err
    governor("check", "plan.json", "--history", "h.db", "--notify", "-q")
    assert (len(slack.requests), len(mailbox)) == (2, 1)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("policies: [policies]\n", "--notify knows nobody to tell: name them under `notify` in governor.yaml"),
        (SETTINGS.replace("SLACK_ML", "SLACK_NONE"), "SLACK_NONE: this variable of the environment is not set"),
        (SETTINGS.replace("mail.address", "nowhere"), "nowhere: the address in this file cannot be read"),
        (SETTINGS.replace("mail.address", "plan.json"), "file:plan.json: what stands there is no address"),
        (
            SETTINGS.replace("env:SLACK_ML", WEBHOOK),
            "governor.yaml:4: notify.routes.0.to: takes env:NAME or file:PATH, which hold the address: it is a secret",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_before_anything_is_judged(
    governor: Governor, owned: Path, slack: Slack, settings: str, complaint: str
) -> None:
    write(owned, {"governor.yaml": settings})

    run = governor("check", "plan.json", "--notify")

    assert (run.code, run.out, slack.requests) == (2, "", [])
    assert complaint in run.err
    assert "SECRET" not in run.err


def test_without_a_default_what_no_route_takes_is_counted(governor: Governor, owned: Path, slack: Slack) -> None:
    write(owned, {"governor.yaml": SETTINGS.replace("  default: env:SLACK_FINOPS\n", "")})

    run = governor("check", "plan.json", "--notify", "-q")

    assert len(slack.requests) == 1
    assert "nobody is told of 2 findings: no route takes them, and there is no default" in run.err


OWNERS = st.sampled_from(["", NOT_KNOWN, "(sensitive)", "ml-a", "ml-b", "vision", "audio", "VISION"])
GLOBS = st.sampled_from(["*", "ml-*", "ml-a", "vision", "a*"])
TARGETS = st.sampled_from(["env:A", "env:B", "file:c"])


@given(
    owners=st.lists(OWNERS, max_size=60),
    routes=st.lists(st.builds(Route, owner=GLOBS, to=TARGETS), max_size=4),
    default=st.none() | TARGETS,
)
def test_no_finding_is_told_to_another_owner_and_none_is_lost(
    owners: list[str], routes: list[Route], default: str | None
) -> None:
    findings = [
        Finding(policy="P", resource=f"<{number}:{owner}>", kind="k", attribute="a", msg="m", owner=owner)
        for number, owner in enumerate(owners)
    ]
    verdict = Verdict(
        policies={"P": Policy(id="P", title="t")}, levels={"P": "deny"}, today=NIGHT.date(), stage="live", open=findings
    )

    told, nobodys = notices(verdict, Notify(routes=tuple(routes), default=default))

    for notice in told:
        title, body = text(notice, verdict, "prod", new=True)
        if notice.owner:
            assert {finding.owner for finding in notice.findings} == {notice.owner}
        others = [finding for finding in findings if finding not in notice.findings]
        assert not any(finding.resource in body + title for finding in others)
        assert sum(finding.resource in body for finding in notice.findings) == min(SHOWN, len(notice.findings))
        assert (f"and {len(notice.findings) - SHOWN} more" in body) == (len(notice.findings) > SHOWN)
    assert sum(len(notice.findings) for notice in told) + nobodys == len(findings)
    assert (nobodys == 0) or default is None
    assert len({notice.owner for notice in told}) == len(told), "one message for each owner"


def test_what_a_scan_does_not_believe_is_told_as_such() -> None:
    doubted = Finding(policy="P", resource="a", kind="k", attribute="x", msg="a lacks x", standing="quarantined")
    verdict = Verdict(
        policies={"P": Policy(id="P", title="t")}, levels={"P": "deny"}, today=NIGHT.date(), stage="live",
        open=[doubted],
    )  # fmt: skip

    ((notice,), _) = notices(verdict, Notify(default="env:A"))

    assert f"- a lacks x (quarantined shard) [{doubted.fingerprint[:12]}]" in text(notice, verdict, "", new=True)[1]
