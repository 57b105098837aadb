"""Every operation that a scan may send, and the IAM policy that allows just these. No other is ever sent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

Operations = Mapping[str, tuple[str, ...]]
"""Service → operations, as botocore names both."""

_TYPES: Final = ("DescribeInstanceTypes",)

OF_SERVICE: Final[dict[str, Operations]] = {
    "instances": {"ec2": ("DescribeInstances", *_TYPES)},
    "reservations": {"ec2": ("DescribeCapacityReservations", *_TYPES)},
    "groups": {
        "autoscaling": ("DescribeAutoScalingGroups",),
        "ec2": ("DescribeLaunchTemplateVersions", "DescribeLaunchTemplates", *_TYPES),
    },
    "volumes": {"ec2": ("DescribeVolumes",)},
    "snapshots": {"ec2": ("DescribeSnapshots",)},
    "buckets": {"s3": ("GetBucketLocation", "GetBucketTagging", "ListBuckets")},
    "replication": {
        "s3": ("GetBucketLocation", "GetBucketReplication", "GetBucketTagging", "HeadBucket", "ListBuckets")
    },
    "eks": {
        "ec2": ("DescribeLaunchTemplateVersions", *_TYPES),
        "eks": ("DescribeCluster", "DescribeNodegroup", "ListClusters", "ListNodegroups"),
    },
    "ecs": {"ecs": ("DescribeServices", "DescribeTaskDefinition", "ListClusters", "ListServices")},
    "batch": {"batch": ("DescribeComputeEnvironments",), "ec2": _TYPES},
    "sagemaker": {
        "ec2": _TYPES,
        "sagemaker": (
            "DescribeApp", "DescribeCluster", "DescribeEndpoint", "DescribeEndpointConfig", "DescribeProcessingJob",
            "DescribeSpace", "DescribeTrainingJob", "DescribeTransformJob", "ListApps", "ListClusters",
            "ListEndpoints", "ListNotebookInstances", "ListProcessingJobs", "ListSpaces", "ListTags",
            "ListTrainingJobs", "ListTransformJobs",
        ),
    },
    "lambda": {"lambda": ("ListFunctions", "ListTags")},
    "bedrock": {
        "bedrock": (
            "ListCustomModels", "ListImportedModels", "ListInferenceProfiles", "ListModelCustomizationJobs",
            "ListProvisionedModelThroughputs", "ListTagsForResource",
        )
    },
}  # fmt: skip
"""Name of `listers.LISTERS` → what it asks."""

OF_EVERY_SCAN: Final[Operations] = {"ec2": ("DescribeRegions",), "sts": ("GetCallerIdentity",)}

OF_THE_CALLER: Final[Operations] = {"organizations": ("ListAccounts",), "sts": ("AssumeRole",)}
"""What is asked with the caller's own credentials, never with those of a role in an account."""

_OTHER_ACTIONS: Final = {
    ("s3", "GetBucketReplication"): "s3:GetReplicationConfiguration",
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
}
"""Operations that IAM has another word for:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html."""

_WITHOUT_ACTION: Final = frozenset({("s3", "HeadBucket"), ("sts", "GetCallerIdentity")})
"""Operations that need no permission. A HeadBucket that is refused tells the bucket's region, too, and what permits one
permits to list objects."""


def _together(*all_operations: Operations) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for each in all_operations:
        for service, operations in each.items():
            found[service].update(operations)
    return {service: tuple(sorted(found[service])) for service in sorted(found)}


READS: Final = _together(*OF_SERVICE.values(), OF_EVERY_SCAN, OF_THE_CALLER)
"""Service → every operation that may be sent."""


def is_read(service: str, operation: str) -> bool:
    """Whether a scan may send an operation."""
    return operation in READS.get(service, ())


def actions(*operations: Operations) -> list[str]:
    """What IAM calls the permissions for operations, sorted."""
    named = {
        _OTHER_ACTIONS.get((service, operation), f"{service}:{operation}")
        for service, some in _together(*operations).items()
        for operation in some
        if (service, operation) not in _WITHOUT_ACTION
    }
    return sorted(named)


def session_policy() -> str:
    """The IAM policy (JSON) that a role is narrowed to for a scan. IAM takes 2,048 characters."""
    statement = {"Effect": "Allow", "Action": actions(*OF_SERVICE.values(), OF_EVERY_SCAN), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
