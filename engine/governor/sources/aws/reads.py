"""Every operation that a scan may send, and the IAM policy that allows just these. No other is ever sent."""

from __future__ import annotations

import json
from typing import Final

READS: Final[dict[str, tuple[str, ...]]] = {
    "autoscaling": ("DescribeAutoScalingGroups",),
    "bedrock": (
        "ListInferenceProfiles", "ListModelCustomizationJobs", "ListProvisionedModelThroughputs",
        "ListTagsForResource",
    ),
    "ec2": (
        "DescribeCapacityReservations", "DescribeInstanceTypes", "DescribeInstances", "DescribeLaunchTemplateVersions",
        "DescribeLaunchTemplates", "DescribeRegions", "DescribeSnapshots", "DescribeVolumes",
    ),
    "ecs": ("DescribeServices", "DescribeTaskDefinition", "ListClusters", "ListServices"),
    "eks": ("DescribeCluster", "DescribeNodegroup", "ListClusters", "ListNodegroups"),
    "lambda": ("ListFunctions", "ListTags"),
    "organizations": ("ListAccounts",),
    "s3": ("GetBucketLocation", "GetBucketTagging", "ListBuckets"),
    "sagemaker": (
        "DescribeEndpoint", "DescribeEndpointConfig", "DescribeNotebookInstance", "DescribeProcessingJob",
        "DescribeTrainingJob", "DescribeTransformJob", "ListEndpoints", "ListNotebookInstances", "ListProcessingJobs",
        "ListTags", "ListTrainingJobs", "ListTransformJobs",
    ),
    "sts": ("AssumeRole", "GetCallerIdentity"),
}  # fmt: skip
"""Service → operations, as botocore names both."""

ACTIONS: Final = {("s3", "ListBuckets"): "s3:ListAllMyBuckets"}
"""Operations that IAM has another word for:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html."""

_OF_THE_CALLER: Final = frozenset({"organizations", "sts"})
"""Services asked with the caller's own credentials, never with those of a role in an account."""


def is_read(service: str, operation: str) -> bool:
    """Whether a scan may send an operation."""
    return operation in READS.get(service, ())


def session_policy() -> str:
    """The IAM policy (JSON) that a role is narrowed to for a scan. IAM takes 2,048 characters."""
    actions = [
        ACTIONS.get((service, operation), f"{service}:{operation}")
        for service, operations in READS.items()
        if service not in _OF_THE_CALLER
        for operation in operations
    ]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
