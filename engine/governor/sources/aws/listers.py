"""What a scan reads: name of a service → what lists it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from governor.model import Resource
from governor.sources.aws import batch, containers, ec2, s3, sagemaker, serverless
from governor.sources.aws.shards import Reader

Lister = Callable[[Reader], Iterator[Resource]]

LISTERS: dict[str, Lister] = {
    "instances": ec2.instances,
    "reservations": ec2.reservations,
    "groups": ec2.groups,
    "volumes": ec2.volumes,
    "snapshots": ec2.snapshots,
    "buckets": s3.buckets,
    "replication": s3.replication,
    "eks": containers.eks,
    "ecs": containers.ecs,
    "batch": batch.environments,
    "sagemaker": sagemaker.sagemaker,
    "lambda": serverless.functions,
    "bedrock": serverless.bedrock,
}

OF_ALL_REGIONS = frozenset({"buckets", "replication"})
"""Those that list what lies in every region at once."""
