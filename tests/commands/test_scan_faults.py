"""What goes wrong between a scan and AWS, each as a story from the command line to report and exit code.

Unknown is never absent: no fault makes a finding that is not so, none is a pass under --strict.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import fault_proxy
from fake_aws import ACCOUNT, COMPLETE, Cloud, refused, refused_by_s3
from governor.sources import aws
from governor.sources.aws import clients, ec2
from governor.sources.aws.listers import LISTERS
from governor.sources.aws.shards import Reader

from .conftest import Governor, Run

WHOLE = {**COMPLETE, "dataset": "tickets"}
PLACE = f"{ACCOUNT}/us-east-1/instances"
SETTINGS = f"""\
policies: [builtin, policies]
levels:
  - {{policies: "*", level: "off"}}
  - {{policies: TAG001, level: deny}}
scan:
  accounts: ["{ACCOUNT}"]
  regions: [us-east-1]
  services: [instances]
"""
TAXONOMY = "mandatory: {compute: null, data: null}\n"
Forward = Callable[[], fault_proxy.Reply]


@pytest.fixture
def scan(governor: Governor, monkeypatch: pytest.MonkeyPatch) -> Governor:
    """`governor scan` of instances, where a project and a team are all that is asked of them. It gives up early."""
    monkeypatch.setattr(clients, "TRIES", 2)
    Path("governor.yaml").write_text(SETTINGS, "utf-8")
    Path("policies/tagging").mkdir(parents=True)
    Path("policies/tagging/data.yaml").write_text(TAXONOMY, "utf-8")
    return lambda *arguments, **more: governor("scan", *arguments, **more)


def report(run: Run) -> Any:
    return json.loads(run.out)


def found(run: Run) -> set[tuple[str, str]]:
    """(last part of the id, attribute) of all that is open."""
    return {
        (finding["resource"].rpartition("/")[2].rpartition(":")[2], finding["attribute"])
        for finding in report(run)["findings"]
        if finding["state"] == "open"
    }


def standings(run: Run) -> dict[str, str]:
    return {shard["place"]: shard["standing"] for shard in report(run)["shards"]}


def is_page_two(pages: list[str]) -> Callable[[str], bool]:
    """The second page of instances, however often it is asked for."""

    def hit(request: str) -> bool:
        if "Action=DescribeInstances&" in request and "NextToken" in request:
            pages.append(request)
        return bool(pages) and request == pages[0]

    return hit


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(500, "InternalError"), "DescribeInstances: InternalError"),
        (fault_proxy.Reply(200, b"<DescribeInstancesResponse><reserv", length=9000), "the answer cannot be read ("),
        (fault_proxy.Reply(200, b"<DescribeInstancesResponse><reserv"), "the answer cannot be read ("),
    ],
    ids=["500 for ever", "the connection ends early", "a body that was cut"],
)
def test_page_two_of_three_is_broken(
    scan: Governor, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, reply: fault_proxy.Reply, reason: str
) -> None:
    monkeypatch.setattr(ec2, "INSTANCES_AT_ONCE", 5)
    for _ in range(12):
        cloud.start("m5.large", project="atlas")
    cloud.spoil(is_page_two([]), reply)

    told, strict, table = scan("-f", "json"), scan("--strict", "-f", "json"), scan()

    assert (told.code, strict.code) == (1, 3)
    assert {attribute for _, attribute in found(told)} == {"tags.owner-team"}
    assert len(found(told)) == 5
    assert {f["standing"] for f in report(told)["findings"]} == {"incomplete"}
    assert standings(told) == {PLACE: "incomplete"}
    ((gap,),) = (report(told)["gaps"],)
    assert gap["place"] == PLACE
    assert gap["reason"].startswith(f"incomplete after 5 resources: {reason}")
    assert table.out.count("(incomplete shard)") == 5


def without_tags(request: str, forward: Forward) -> fault_proxy.Reply:
    """All instances come back with empty tags, once: https://github.com/getmoto/moto/issues/4949."""
    reply = forward()
    if "Action=DescribeInstances&" not in request:
        return reply
    return fault_proxy.Reply(reply.status, re.sub(rb"<tagSet>.*?</tagSet>", b"<tagSet/>", reply.body, flags=re.DOTALL))


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the clock to two o'clock on a day of November."""

    def set_to(day: int) -> None:
        monkeypatch.setattr(aws, "_now", lambda: datetime(2026, 11, day, 2, tzinfo=UTC))

    return set_to


def test_all_tags_are_suddenly_empty(
    scan: Governor, governor: Governor, cloud: Cloud, night: Callable[[int], None]
) -> None:
    cloud.start("m5.large", 19, **COMPLETE)
    (bare,) = cloud.start("m5.large")
    kept = ("--strict", "--history", "history.db")
    night(1)
    first = scan(*kept, "-f", "json")
    assert (first.code, found(first)) == (1, {(bare, "tags.project"), (bare, "tags.owner-team")})
    assert standings(first) == {PLACE: "whole"}

    cloud.proxy.spoil = without_tags
    night(2)
    second = scan(*kept, "-f", "json", "--snapshot", "second.snapshot")
    night(3)
    third, table = scan(*kept, "-f", "json"), scan("--history", "history.db")

    # A night later it is not forgotten: a quarantined night is nothing that another is held beside.
    for run in (second, third):
        assert run.code == 3
        assert report(run)["gaps"] == [
            {
                "place": PLACE,
                "reason": "quarantined: 20 of 20 untagged, 1 of 20 on 2026-11-01;"
                f" if that is right, scan with --accept {PLACE}",
            }
        ]
        assert standings(run) == {PLACE: "quarantined"}
        assert len(found(run)) == 40
        assert {f["standing"] for f in report(run)["findings"]} == {"quarantined"}
    assert table.code == 1
    assert table.out.count("(quarantined") == 20
    assert "GAPS  not read, or not believed" in table.out
    again = governor("check", "second.snapshot", "-f", "json")
    assert (standings(again), found(again)) == ({PLACE: "quarantined"}, found(second))

    cloud.proxy.spoil = None
    night(4)
    fourth = scan(*kept, "-f", "json")
    assert (fourth.code, standings(fourth), found(fourth)) == (1, {PLACE: "whole"}, found(first))


def test_a_change_that_is_right_is_accepted_once(scan: Governor, cloud: Cloud, night: Callable[[int], None]) -> None:
    cloud.start("m5.large", 20, **COMPLETE)
    kept = ("--strict", "--history", "history.db")
    night(1)
    assert scan(*kept).code == 0
    cloud.client("ec2").terminate_instances(InstanceIds=instances(cloud))

    night(2)
    fallen = scan(*kept)
    night(3)
    unknown = scan(*kept, "--accept", "*/volumes")
    accepted = scan(*kept, "--accept", f"{ACCOUNT}/*/instances")
    night(4)
    after = scan(*kept)

    assert fallen.code == 3
    assert "quarantined: 0 resources, 20 on 2026-11-01; if that is right, scan with" in " ".join(fallen.out.split())
    assert (unknown.code, unknown.out) == (2, "")
    assert "--accept: no shard in the history is called */volumes: write ACCOUNT/REGION/SERVICE" in unknown.err
    assert accepted.code == 0
    assert f"{PLACE}: accepted that 0 resources, 20 on 2026-11-01" in " ".join(accepted.out.split())
    assert after.code == 0


def instances(cloud: Cloud) -> list[str]:
    pages = cloud.client("ec2").describe_instances()["Reservations"]
    return [each["InstanceId"] for page in pages for each in page["Instances"]]


def test_without_a_history_there_is_nothing_to_compare_with(scan: Governor, cloud: Cloud) -> None:
    cloud.start("m5.large", 20, **COMPLETE)
    scan("-q")
    cloud.proxy.spoil = without_tags

    assert scan("--strict", "-q").code == 1
    assert "--accept is about the run before: give --history STORE" in scan("--accept", "*").err


def test_throttled_requests_come_through_once(scan: Governor, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "TRIES", 8)
    for number in range(12):
        cloud.bucket(f"data-{number}", **WHOLE)
    sent: list[datetime] = []
    lock = threading.Lock()

    def three_of_ten(request: str, forward: Forward) -> fault_proxy.Reply:
        with lock:
            sent.append(datetime.now(UTC))
            throttled = "tagging" in request and len(sent) % 10 < 3
        return refused_by_s3(503, "SlowDown") if throttled else forward()

    cloud.proxy.spoil = three_of_ten

    run = scan("--service", "buckets", "--strict", "-f", "json")

    assert (run.code, report(run)["gaps"], report(run)["summary"]["resources"]) == (0, [], 12)
    asked = [request for request in cloud.proxy.requests if "tagging" in request]
    assert len(asked) > 12
    assert {re.sub(r"\?.*", "", request) for request in asked} == {f"GET /data-{number}" for number in range(12)}


def test_throttled_for_ever_is_a_gap(scan: Governor, cloud: Cloud) -> None:
    cloud.start("m5.large", **COMPLETE)
    cloud.bucket("data", **WHOLE)
    cloud.spoil(lambda request: "DescribeInstances&" in request, refused(503, "RequestLimitExceeded"))
    asked = ("--service", "instances", "--service", "buckets", "-f", "json")

    told, strict = scan(*asked), scan(*asked, "--strict")

    assert (told.code, strict.code) == (0, 3)
    assert standings(told)[PLACE] == "incomplete"
    assert report(told)["gaps"] == [{"place": PLACE, "reason": "not read: DescribeInstances: RequestLimitExceeded"}]


def test_an_answer_that_does_not_come_is_a_gap(scan: Governor, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "TIMEOUT", 0.2)
    cloud.start("m5.large", **COMPLETE)
    cloud.bucket("data", **WHOLE)

    def silent(request: str, forward: Forward) -> fault_proxy.Reply:
        if "DescribeInstances&" in request:
            cloud.proxy.stopped.wait(20)
        return forward()

    cloud.proxy.spoil = silent
    asked = ("--service", "instances", "--service", "buckets", "-f", "json")

    told, strict = scan(*asked), scan(*asked, "--strict")

    cloud.proxy.stopped.set()
    assert (told.code, strict.code) == (0, 3)
    assert report(told)["gaps"] == [
        {"place": PLACE, "reason": "not read: the answer cannot be read (ReadTimeoutError)"}
    ]


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(20, "the clock of this machine is 20 minutes behind AWS': set it"), (-90, "90 minutes ahead of AWS'")],
)
def test_a_clock_that_is_wrong_is_named(scan: Governor, cloud: Cloud, minutes: int, said: str) -> None:
    theirs = datetime.now(UTC) + timedelta(minutes=minutes)
    reply = refused(403, "SignatureDoesNotMatch")._replace(date=theirs)
    cloud.spoil(lambda request: True, reply)

    run = scan()

    assert (run.code, run.out) == (3, "")
    assert "AWS does not say whose credentials these are: GetCallerIdentity: SignatureDoesNotMatch (" in run.err
    assert said in run.err


def test_a_role_that_leads_into_another_account_ends_the_run(scan: Governor, cloud: Cloud) -> None:
    other = b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::999999999999:role/a</Arn>"
    other += b"<Account>999999999999</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    asked: list[str] = []

    def of_the_role(request: str) -> bool:
        asked.extend([request] * ("GetCallerIdentity" in request))
        return "GetCallerIdentity" in request and len(asked) > 1

    cloud.spoil(of_the_role, fault_proxy.Reply(200, other))

    run = scan("--account", "210987654321", "--role", "governor-scan")

    assert (run.code, run.out) == (3, "")
    assert "210987654321: the role governor-scan led into account 999999999999: nothing was read" in run.err
    assert not [request for request in cloud.proxy.requests if "Action=Describe" in request]


def test_a_lister_that_stops_instances_ends_the_run_and_stops_none(
    scan: Governor, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = cloud.start("m5.large")

    def stops(reader: Reader) -> Any:
        reader.client("ec2").stop_instances(InstanceIds=ids)
        yield from ()

    monkeypatch.setitem(LISTERS, "volumes", stops)

    run = scan("--service", "volumes")

    assert run.code == 3
    assert not [request for request in cloud.proxy.requests if "StopInstances" in request]
    assert cloud.client("ec2").describe_instances()["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"


def test_what_is_new_and_gone_since_the_last_run_and_since_a_snapshot(
    scan: Governor, cloud: Cloud, night: Callable[[int], None]
) -> None:
    (mended,) = cloud.start("m5.large", project="atlas")
    night(1)
    first = scan("--history", "history.db", "--snapshot", "first.snapshot", "--diff", "last")
    cloud.client("ec2").create_tags(Resources=[mended], Tags=[{"Key": "owner-team", "Value": "nlp"}])
    (new,) = cloud.start("m5.large", owner="x", **{"owner-team": "nlp"})
    night(2)

    since_last = scan("--history", "history.db", "--diff", "last")
    since_snapshot = scan("--diff", "first.snapshot", "-f", "json")

    assert "the first run: all is new" in first.out
    for told in (since_last.out, since_snapshot.err):
        there = told[told.index("AWS, account 123456789012 (us-east-1; instances), stage live: 2026-11-02") :]
        assert there.index("new: 1 finding") < there.index(new) < there.index("gone: 1 finding") < there.index(mended)
    assert json.loads(since_snapshot.out)["summary"]["open"] == 1


@pytest.mark.parametrize(
    ("diff", "code", "complaint"),
    [
        ("last", 2, "--diff last is about the run before: give --history STORE"),
        ("yesterday", 3, "yesterday: cannot be read: No such file or directory"),
        ("governor.yaml", 3, "governor.yaml: this snapshot is damaged (it is not as it was written)"),
    ],
)
def test_what_nothing_can_be_held_beside_is_refused_before_anything_is_read(
    scan: Governor, cloud: Cloud, diff: str, code: int, complaint: str
) -> None:
    run = scan("--diff", diff)

    assert (run.code, run.out, cloud.proxy.requests) == (code, "", [])
    assert complaint in run.err
