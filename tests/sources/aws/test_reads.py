"""Nothing but reads leaves a scan."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from botocore import session

from fake_aws import Cloud
from governor.sources import aws
from governor.sources.aws.clients import Clients, NotARead
from governor.sources.aws.listers import LISTERS
from governor.sources.aws.reads import OF_SERVICE, READS, session_policy


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("ec2", "stop_instances", {"InstanceIds": ["i-1"]}),
        ("ec2", "terminate_instances", {"InstanceIds": ["i-1"], "DryRun": True}),
        ("ec2", "create_tags", {"Resources": ["i-1"], "Tags": [{"Key": "a", "Value": "b"}]}),
        ("s3", "delete_bucket", {"Bucket": "data"}),
        ("s3", "get_object", {"Bucket": "data", "Key": "a"}),
        ("lambda", "delete_function", {"FunctionName": "f"}),
        ("iam", "create_user", {"UserName": "u"}),
        ("sts", "get_session_token", {}),
    ],
)
def test_what_is_no_read_is_never_sent(cloud: Cloud, service: str, operation: str, asked: dict[str, object]) -> None:
    client = Clients().get(service, "us-east-1")

    with pytest.raises(NotARead, match="was not sent"):
        getattr(client, operation)(**asked)

    assert cloud.proxy.requests == []


def test_a_read_is_sent(cloud: Cloud) -> None:
    Clients().get("ec2", "us-east-1").describe_volumes()

    assert [request for request in cloud.proxy.requests if "Action=DescribeVolumes" in request]


def test_the_reads_are_operations_that_read() -> None:
    for service, operations in READS.items():
        assert set(operations) <= set(session.get_session().get_service_model(service).operation_names), service
        assert [o for o in operations if not re.match("Describe|Get|Head|List", o)] == (
            ["AssumeRole"] * (service == "sts")
        )


def test_the_policy_of_a_role_allows_these_reads_and_fits() -> None:
    policy = json.loads(session_policy())

    assert len(session_policy()) <= 2048
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Allow"
    assert "ec2:DescribeInstances" in statement["Action"]
    assert "s3:ListAllMyBuckets" in statement["Action"]
    assert not [action for action in statement["Action"] if not re.fullmatch(r"\w+:(Describe|Get|List)\w+", action)]
    assert not {"s3:GetObject", "s3:ListBucket", "sts:AssumeRole"} & {*statement["Action"]}


def test_every_service_says_what_it_asks() -> None:
    assert list(OF_SERVICE) == list(LISTERS)


def test_clients_are_made_in_one_place_only() -> None:
    makers = {
        file.name
        for file in Path(aws.__file__).parents[2].rglob("*.py")
        if re.search(r"^ *(import boto3|from botocore import session)", file.read_text("utf-8"), re.MULTILINE)
    }

    assert makers == {"clients.py"}


def test_a_role_is_assumed_with_its_external_id_and_the_policy(cloud: Cloud) -> None:
    clients = Clients().of_role("arn:aws:iam::210987654321:role/governor-scan", "agreed")

    assert clients.account() == ("210987654321", "aws")
    (assumed,) = (request for request in cloud.proxy.requests if "Action=AssumeRole" in request)
    assert "ExternalId=agreed" in assumed
    assert "Policy=%7B%22Version%22" in assumed
    with pytest.raises(NotARead):
        clients.get("ec2", "us-east-1").stop_instances(InstanceIds=["i-1"])


def test_an_account_keeps_to_itself(cloud: Cloud) -> None:
    cloud.bucket("of-the-caller")

    found = (
        Clients().of_role("arn:aws:iam::210987654321:role/governor-scan", None).get("s3", "us-east-1").list_buckets()
    )

    assert found["Buckets"] == []
