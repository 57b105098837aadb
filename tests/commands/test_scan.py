"""`governor scan` from the command line to reports and exit code, against a fake AWS."""

from __future__ import annotations

import json

import pytest

from fake_aws import ACCOUNT, COMPLETE, Cloud, refused, refused_by_s3

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
        ((), "nothing to scan: name accounts with --account, or take --organization"),
        (("--account", "prod"), "--account: 'prod' is no account of AWS: an id has 12 digits"),
        (("--account", ACCOUNT, "--organization"), "give no --account beside it"),
        (("--organization",), "name the role to assume in each with --role"),
        (("--account", ACCOUNT, "--service", "disks"), "--service: no service is called 'disks': there are instances,"),
    ],
)
def test_a_scope_that_says_too_little_is_refused(
    governor: Governor, arguments: tuple[str, ...], complaint: str
) -> None:
    run = governor("scan", *arguments)

    assert run.code == 2
    assert complaint in run.err
