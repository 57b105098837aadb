"""Buckets: one list for all regions, then what is asked of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from governor.model import Resource
from governor.sources.aws.clients import HOME_REGION
from governor.sources.aws.shards import Broken, Reader

_LEGACY = {"EU": "eu-west-1", None: HOME_REGION, "": HOME_REGION}
"""Regions that GetBucketLocation has its own words for."""

_ALL = 10_000
"""Buckets that AWS lists at once; only a list that names a number of them tells their regions."""


def buckets(reader: Reader) -> Iterator[Resource]:
    yield from reader.each(lambda bucket: _bucket(reader, bucket), _listed(reader))


def replication(reader: Reader) -> Iterator[Resource]:
    """What copies the objects of a bucket elsewhere; of the bucket's tags and region, as in a plan.

    A bucket without a configuration makes nothing; one whose configuration cannot be read, something that copies to
    nobody knows where.
    """
    listed = list(_listed(reader))
    here = {bucket["Name"]: bucket["BucketRegion"] for bucket in listed if "BucketRegion" in bucket}
    for found in reader.each(lambda bucket: _replication(reader, bucket, here), listed):
        if found is not None:
            yield found


def _listed(reader: Reader) -> Iterator[dict[str, Any]]:
    return reader.list("s3", "list_buckets", "Buckets", region=HOME_REGION, page_size=_ALL)


def _bucket(reader: Reader, bucket: dict[str, Any]) -> Resource:
    name = bucket["Name"]
    region, why = _region(reader, bucket)
    return reader.resource(
        "aws_s3_bucket",
        _arn(reader, name),
        reader.tags(lambda: _tags(reader.client("s3", region or HOME_REGION), name)),
        region=region,
        created_at=bucket["CreationDate"].isoformat(),
        unknown={"region": why} if why else {},
    )


def _replication(reader: Reader, bucket: dict[str, Any], here: dict[str, str]) -> Resource | None:
    name = bucket["Name"]
    region, why_no_region = _region(reader, bucket)
    client = reader.client("s3", region or HOME_REGION)
    rules, why = reader.attempt(lambda: _rules(client, name), "replication")
    if not rules and not why:
        return None
    copied = {rule["Destination"]["Bucket"].rpartition(":")[2] for rule in rules or () if rule["Status"] != "Disabled"}
    regions = set()
    for destination in sorted(copied):
        region_of, why_not = _region_of_another(reader, destination, here)
        regions.add(region_of)
        why = why or why_not
    told = sorted(region_of for region_of in regions if region_of)
    return reader.resource(
        "aws_s3_bucket_replication_configuration",
        f"{_arn(reader, name)}?replication",
        reader.tags(lambda: _tags(client, name)),
        region=region,
        attributes={"copies_to": told} if told or not why else {},
        unknown={
            **({"region": why_no_region} if why_no_region else {}),
            **({"attributes.copies_to": why} if why else {}),
        },
    )


def _arn(reader: Reader, name: str) -> str:
    return f"arn:{reader.partition}:s3:::{name}"


def _region(reader: Reader, bucket: dict[str, Any]) -> tuple[str | None, str]:
    """(region of a bucket of this account, ""), or (None, why that is not known). AWS lists it, others may not."""
    if "BucketRegion" in bucket:
        return bucket["BucketRegion"], ""
    located = reader.client("s3", HOME_REGION).get_bucket_location
    answer, why = reader.attempt(lambda: located(Bucket=bucket["Name"]), "region of a bucket")
    written = (answer or {}).get("LocationConstraint")
    return (None, why) if why else (_LEGACY.get(written, written), "")


def _region_of_another(reader: Reader, name: str, here: dict[str, str]) -> tuple[str | None, str]:
    """The same of a bucket of any account: S3 names the region in its answers, those that refuse included."""
    if name in here:
        return here[name], ""
    return reader.attempt(lambda: _headed(reader.client("s3", HOME_REGION), name), "region of a destination")


def _headed(client: Any, name: str) -> str:
    from botocore.exceptions import ClientError

    try:
        answer = client.head_bucket(Bucket=name)
    except ClientError as error:
        answer = error.response
        if "x-amz-bucket-region" not in answer["ResponseMetadata"]["HTTPHeaders"]:
            raise
    found: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    if not found:
        raise Broken("HeadBucket: the answer names no region")
    return found


def _rules(client: Any, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _or_none(
        lambda: client.get_bucket_replication(Bucket=name)["ReplicationConfiguration"]["Rules"],
        "ReplicationConfigurationNotFoundError",
    )
    return found


def _tags(client: Any, name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = _or_none(lambda: client.get_bucket_tagging(Bucket=name)["TagSet"], "NoSuchTagSet")
    return found


def _or_none(question: Callable[[], list[Any]], none: str) -> list[Any]:
    """An answer, or an empty list where AWS says by this error code that there is nothing. No other error says that."""
    from botocore.exceptions import ClientError

    try:
        return question()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == none:
            return []
        raise
