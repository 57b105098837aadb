"""Where the objects of buckets are copied to: what is not known is no promise that they stay."""

from __future__ import annotations

import fault_proxy
from fake_aws import ACCOUNT, COMPLETE, Cloud, refused_by_s3
from governor.model import Gap

from .test_scan import by_name, scan

ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


def replicate(cloud: Cloud, source: str, *destinations: str, status: str = "Enabled") -> None:
    s3 = cloud.client("s3")
    rules = [
        {"ID": name, "Priority": number, "Status": status, "Filter": {},
         "Destination": {"Bucket": f"arn:aws:s3:::{name}"}, "DeleteMarkerReplication": {"Status": "Disabled"}}
        for number, name in enumerate(destinations)
    ]  # fmt: skip
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": ROLE, "Rules": rules})


def versioned(cloud: Cloud, name: str, region: str = "us-east-1") -> str:
    arn = cloud.bucket(name, region)
    cloud.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return arn


def test_what_copies_is_told_with_the_regions_it_copies_to(cloud: Cloud) -> None:
    cloud.bucket("plain", **COMPLETE)
    cloud.bucket("source", "eu-west-1", **COMPLETE)
    versioned(cloud, "near", "eu-central-1")
    versioned(cloud, "far")
    replicate(cloud, "source", "near", "far")

    inventory = scan("replication")

    (found,) = inventory.resources
    assert (found.id, found.kind) == ("arn:aws:s3:::source?replication", "replication")
    assert (found.region, found.tags, found.unknown) == ("eu-west-1", COMPLETE, {})
    assert found.attributes == {"copies_to": ["eu-central-1", "us-east-1"]}
    assert inventory.gaps == ()


def test_rules_that_are_switched_off_copy_nothing(cloud: Cloud) -> None:
    cloud.bucket("source")
    versioned(cloud, "target", "eu-west-1")
    replicate(cloud, "source", "target", status="Disabled")

    (found,) = scan("replication").resources

    assert (found.attributes, found.unknown) == ({"copies_to": []}, {})


def test_only_the_answer_that_there_is_none_says_so(cloud: Cloud) -> None:
    cloud.bucket("closed", **COMPLETE)
    cloud.bucket("open")
    cloud.spoil(lambda request: request.startswith("GET /closed?replication"), refused_by_s3(403, "AccessDenied"))

    inventory = scan("replication")

    (found,) = inventory.resources
    assert (found.id, found.tags, found.attributes) == ("arn:aws:s3:::closed?replication", COMPLETE, {})
    assert found.unknown == {"attributes.copies_to": "GetBucketReplication: AccessDenied"}
    assert inventory.gaps == (
        Gap(f"{ACCOUNT}/every region/replication", "replication not read: GetBucketReplication: AccessDenied"),
    )


def test_a_bucket_of_others_tells_its_region_even_to_whom_it_refuses(cloud: Cloud) -> None:
    cloud.bucket("source")
    versioned(cloud, "of-others")
    replicate(cloud, "source", "of-others")
    told = fault_proxy.Reply(403, b"", headers={"x-amz-bucket-region": "ap-south-1"})
    cloud.spoil(lambda request: request.startswith("HEAD /of-others"), told)

    (found,) = scan("replication").resources

    assert (found.attributes, found.unknown) == ({"copies_to": ["ap-south-1"]}, {})


def test_a_destination_that_is_not_found_is_not_known_and_the_others_are(cloud: Cloud) -> None:
    cloud.bucket("source")
    versioned(cloud, "target", "eu-west-1")
    versioned(cloud, "hidden")
    replicate(cloud, "source", "target", "hidden")
    cloud.spoil(lambda request: request.startswith("HEAD /hidden"), fault_proxy.Reply(404, b""))

    inventory = scan("replication")

    (found,) = inventory.resources
    assert found.attributes == {"copies_to": ["eu-west-1"]}
    assert found.unknown == {"attributes.copies_to": "HeadBucket: 404"}
    assert [gap.reason for gap in inventory.gaps] == ["region of a destination not read: HeadBucket: 404"]


def test_where_aws_lists_regions_no_bucket_is_asked_for_its_own(cloud: Cloud) -> None:
    """moto lists none."""
    cloud.bucket("source", "eu-west-1")
    versioned(cloud, "target", "eu-central-1")
    replicate(cloud, "source", "target")
    listed = "".join(
        f"<Bucket><Name>{name}</Name><CreationDate>2026-08-01T00:00:00.000Z</CreationDate>"
        f"<BucketRegion>{region}</BucketRegion></Bucket>"
        for name, region in {"source": "eu-west-1", "target": "eu-central-1"}.items()
    )
    answer = f"<ListAllMyBucketsResult><Buckets>{listed}</Buckets></ListAllMyBucketsResult>"
    cloud.spoil(lambda request: request.startswith("GET /?"), fault_proxy.Reply(200, answer.encode()))

    inventory = scan("buckets", "replication")

    assert by_name(inventory)["source?replication"].attributes == {"copies_to": ["eu-central-1"]}
    assert {by_name(inventory)[name].region for name in ("source", "target")} == {"eu-west-1", "eu-central-1"}
    assert [request for request in cloud.proxy.requests if "location" in request or request.startswith("HEAD")] == []
    assert len([request for request in cloud.proxy.requests if request.startswith("GET /")]) == 2 + 2 * 2 + 1


def test_buckets_alone_are_not_asked_where_they_copy_to(cloud: Cloud) -> None:
    """Two requests a bucket, where AWS does not list regions: what 500 of them may take stays bounded."""
    for number in range(10):
        cloud.bucket(f"data-{number}")

    scan("buckets")

    assert len([request for request in cloud.proxy.requests if request.startswith("GET /")]) == 1 + 2 * 10
