"""Buckets: one list for all regions, then place and tags of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governor.model import Resource
from governor.sources.aws.clients import HOME_REGION
from governor.sources.aws.shards import Reader

_LEGACY = {"EU": "eu-west-1", None: HOME_REGION, "": HOME_REGION}
"""Regions that GetBucketLocation has its own words for."""

_ALL = 10_000
"""Buckets that AWS lists at once; only a list that names a number of them tells their regions."""


def buckets(reader: Reader) -> Iterator[Resource]:
    listed = reader.list("s3", "list_buckets", "Buckets", region=HOME_REGION, page_size=_ALL)
    yield from reader.each(lambda bucket: _bucket(reader, bucket), listed)


def _bucket(reader: Reader, bucket: dict[str, Any]) -> Resource:
    name, region, why = bucket["Name"], bucket.get("BucketRegion"), ""
    if region is None:
        located = reader.client("s3", HOME_REGION).get_bucket_location
        answer, why = reader.attempt(lambda: located(Bucket=name), "region of a bucket")
        written = (answer or {}).get("LocationConstraint")
        region = None if why else _LEGACY.get(written, written)
    tags = reader.tags(lambda: _tags(reader.client("s3", region or HOME_REGION), name))
    return reader.resource(
        "aws_s3_bucket",
        f"arn:{reader.partition}:s3:::{name}",
        tags,
        region=region,
        created_at=bucket["CreationDate"].isoformat(),
        unknown={"region": why} if why else {},
    )


def _tags(client: Any, name: str) -> list[dict[str, str]]:
    """Only the answer that a bucket has no tag set means that it has no tags."""
    from botocore.exceptions import ClientError

    try:
        found: list[dict[str, str]] = client.get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchTagSet":
            return []
        raise
    return found
