"""`governor scan` from the command line to reports and exit code, against a fake AWS."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fake_aws import ACCOUNT, COMPLETE, Cloud, refused, refused_by_s3
from governor.sources import aws

from .conftest import Governor

SCAN = ("scan", "--account", ACCOUNT, "--region", "us-east-1", "--service", "volumes", "--service", "buckets")
SETTINGS = """\
levels:
  - {policies: "*", level: "off"}
  - {policies: TAG001, level: deny}
"""


@pytest.fixture
def tagging(governor: Governor) -> Governor:
    """Where only tags are judged."""
    with open("governor.yaml", "w", encoding="utf-8") as file:
        file.write(SETTINGS)
    return governor


def test_what_runs_is_judged_by_the_policies_that_judge_plans(tagging: Governor, cloud: Cloud) -> None:
    bare, whole = cloud.bucket("bare"), cloud.bucket("whole", **COMPLETE, dataset="tickets")

    run = tagging(*SCAN, "-f", "json")

    report = json.loads(run.out)
    assert run.code == 1
    assert {(finding["resource"], finding["attribute"]) for finding in report["findings"]} == {
        (bare, "tags.project"), (bare, "tags.owner-team"), (bare, "tags.dataset"),
    }  # fmt: skip
    assert whole not in run.out
    assert "governor: 2 of 2 shards read" in run.err


def test_where_all_is_well_a_scan_passes(tagging: Governor, cloud: Cloud) -> None:
    cloud.bucket("whole", **COMPLETE, dataset="tickets")

    run = tagging(*SCAN)

    assert run.code == 0
    assert "0 open, 0 exempt, 0 undetermined – 1 resource, 1 policy, 0 gaps" in run.out


def test_tags_that_may_not_be_read_are_undetermined_and_strict_fails(tagging: Governor, cloud: Cloud) -> None:
    cloud.bucket("closed", **COMPLETE, dataset="tickets")
    cloud.spoil(lambda request: request.startswith("GET /closed?tagging"), refused_by_s3(403, "AccessDenied"))

    told, strict = tagging(*SCAN), tagging(*SCAN, "--strict")

    assert (told.code, strict.code) == (0, 3)
    assert "0 open, 0 exempt, 3 undetermined – 1 resource, 1 policy, 1 gap" in told.out
    assert "GetBucketTagging: AccessDenied" in told.out


def test_what_is_named_twice_is_read_once_and_the_order_of_names_makes_no_other_history(
    tagging: Governor, cloud: Cloud
) -> None:
    cloud.bucket("bare")
    options = ("--history", "history.db", "-f", "json")
    again = ("--account", ACCOUNT, "--region", "us-east-1", "--service", "buckets", "--service", "volumes")

    runs = [tagging(*SCAN, *again[:4], *options), tagging("scan", *again, *options)]

    assert [run.code for run in runs] == [1, 1]
    first, second = (json.loads(run.out) for run in runs)
    assert [shard["place"] for shard in first["shards"]] == [
        f"{ACCOUNT}/every region/buckets", f"{ACCOUNT}/us-east-1/volumes",
    ]  # fmt: skip
    assert second["run"]["source"] == first["run"]["source"]


@pytest.mark.parametrize("last", [1, 2])
def test_long_lists_of_accounts_are_told_apart_in_a_history(last: int) -> None:
    """Compared with one another, what is in one alone would be new in it, and gone in the other."""
    accounts = [f"{number:012}" for number in range(6)]

    one, other = (aws._named(aws.Scope(accounts=[*accounts[:-last], *some]), "") for some in (["7"], ["8"]))

    assert one != other
    assert one.startswith("AWS, account 000000000000, 000000000001, 000000000002, 000000000003 and ")


def test_a_copy_of_data_outside_its_jurisdiction_is_found_where_it_runs(governor: Governor, cloud: Cloud) -> None:
    os.makedirs("policies/residency")
    with open("policies/residency/data.yaml", "w", encoding="utf-8") as file:
        file.write("datasets: {tickets: personal-eu}\n")
    with open("governor.yaml", "w", encoding="utf-8") as file:
        file.write("policies: [builtin, policies]\n")
    s3 = cloud.client("s3")
    for name, region in {"source": "eu-west-1", "far": "us-east-1", "closed": "eu-west-1"}.items():
        cloud.bucket(name, region, **({} if name == "far" else {"dataset": "tickets"}))
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule = {"Status": "Enabled", "ID": "a", "Priority": 1, "Filter": {}, "Destination": {"Bucket": "arn:aws:s3:::far"}}
    s3.put_bucket_replication(Bucket="source", ReplicationConfiguration={"Role": "r", "Rules": [rule]})
    cloud.spoil(lambda request: request.startswith("GET /closed?replication"), refused_by_s3(403, "AccessDenied"))

    run = governor("scan", "--account", ACCOUNT, "--service", "replication", "-f", "json")

    findings = {each["resource"]: each for each in json.loads(run.out)["findings"] if each["policy"] == "RES002"}
    assert {resource: each["state"] for resource, each in findings.items()} == {
        "arn:aws:s3:::source?replication": "open", "arn:aws:s3:::closed?replication": "undetermined",
    }  # fmt: skip
    assert "copies to us-east-1 (US)" in findings["arn:aws:s3:::source?replication"]["msg"]


def test_where_aws_is_not_reached_nothing_is_judged(tagging: Governor, cloud: Cloud) -> None:
    cloud.spoil(lambda request: True, refused(403, "InvalidClientTokenId"))

    run = tagging(*SCAN)

    assert (run.code, run.out) == (3, "")
    assert (
        run.err == "governor: AWS does not say whose credentials these are: GetCallerIdentity: InvalidClientTokenId\n"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "nothing to scan: name accounts with --account, take --organization"),
        (("--account", "prod"), "--account: 'prod' is no account of AWS: an id has 12 digits"),
        (("--account", ACCOUNT, "--organization"), "give no --account beside it"),
        (("--organization",), "name the role to assume in each with --role"),
        (("--account", ACCOUNT, "--role", "arn:aws:iam::1:role/r"), "--role: 'arn:aws:iam::1:role/r' is an ARN, which"),
        (("--account", ACCOUNT, "--service", "disks"), "--service: no service is called 'disks': there are instances,"),
    ],
)
def test_a_scope_that_says_too_little_is_refused(
    governor: Governor, arguments: tuple[str, ...], complaint: str
) -> None:
    run = governor("scan", *arguments)

    assert run.code == 2
    assert complaint in run.err


ORGANISATION = """\
scan:
  organization: true
  exclude: ["999999999999"]
  role: governor-scan
  external_id_env: SCAN_EXTERNAL_ID
  regions: [eu-west-1]
  services: [volumes]
"""


def test_the_settings_say_what_is_read(tagging: Governor, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    organizations = cloud.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    left_out = organizations.create_account(AccountName="a", Email="a@example.com")["CreateAccountStatus"]["AccountId"]
    organizations.create_account(AccountName="b", Email="b@example.com")
    with open("governor.yaml", "a", encoding="utf-8") as file:
        file.write(ORGANISATION.replace("999999999999", left_out))
    monkeypatch.setenv("SCAN_EXTERNAL_ID", "agreed")

    run = tagging("scan", "-f", "json")

    report = json.loads(run.out)
    assert run.code == 0
    assert report["run"]["source"] == f"AWS, the organisation of {ACCOUNT} (eu-west-1; volumes)"
    accounts = {shard["place"].partition("/")[0] for shard in report["shards"]}
    assert len(accounts) == 2
    assert left_out not in accounts
    assumed = [request for request in cloud.proxy.requests if "Action=AssumeRole" in request]
    assert [("ExternalId=agreed" in request, "governor-scan" in request) for request in assumed] == [(True, True)] * 2


def test_the_command_line_takes_the_place_of_the_settings(
    tagging: Governor, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open("governor.yaml", "a", encoding="utf-8") as file:
        file.write(ORGANISATION)
    monkeypatch.setenv("SCAN_EXTERNAL_ID", "agreed")

    run = tagging(*SCAN, "-f", "json", "--role", "other", "--external-id", "ours")

    places = {shard["place"] for shard in json.loads(run.out)["shards"]}
    assert places == {f"{ACCOUNT}/every region/buckets", f"{ACCOUNT}/us-east-1/volumes"}
    (assumed,) = (request for request in cloud.proxy.requests if "Action=AssumeRole" in request)
    assert "ExternalId=ours" in assumed
    assert "role%2Fother" in assumed


@pytest.mark.parametrize(
    ("settings", "arguments", "complaint"),
    [
        ("accounts: [prod]", (), "governor.yaml:5: 'prod' is no account of AWS: an id has 12 digits"),
        ("services: [disks]", ("--account", ACCOUNT), "governor.yaml:5: no service is called 'disks'"),
        (f'exclude: ["{ACCOUNT}"]', ("--account", ACCOUNT), f"--account: account {ACCOUNT} is excluded: see `scan.ex"),
        ("exclude: [prod]", ("--account", ACCOUNT), "governor.yaml:5: 'prod' is no account of AWS"),
        ("organization: true", (), "governor.yaml:5: --organization reads several accounts: name the role"),
        ("external_id_env: UNSET", ("--account", ACCOUNT), "UNSET is not set: `scan.external_id_env` says that it"),
        ("accounts: [123456789012]", (), "governor.yaml:5: scan.accounts.0: takes text: put quotes around it"),
        ("quarantine: {tags_lost: 2}", (), "governor.yaml:5: scan.quarantine.tags_lost: input should be less than"),
    ],
)
def test_settings_that_cannot_be_scanned_by_are_refused_with_their_line(
    tagging: Governor, settings: str, arguments: tuple[str, ...], complaint: str
) -> None:
    with open("governor.yaml", "a", encoding="utf-8") as file:
        file.write(f"scan:\n  {settings}\n")

    run = tagging("scan", *arguments, "--history", "history.db")

    assert (run.code, run.out) == (2, "")
    assert complaint in run.err
    assert not Path("history.db").exists()
