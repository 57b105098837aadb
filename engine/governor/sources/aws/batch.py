"""Compute environments of Batch. Their instances are those of EC2, which are listed themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governor.model import Purchase, Resource
from governor.sources.aws.machines import Line, Types, cost
from governor.sources.aws.shards import Reader, Tags

_NO_COUNT = "a batch environment scales in vCPUs, and not in instances"


def environments(reader: Reader) -> Iterator[Resource]:
    types = Types(reader)
    for each in reader.list("batch", "describe_compute_environments", "computeEnvironments"):
        yield _environment(reader, types, each)


def _environment(reader: Reader, types: Types, each: dict[str, Any]) -> Resource:
    """One that is unmanaged, or runs on Fargate, starts no instances."""
    resources = each.get("computeResources", {})
    named = resources.get("instanceTypes", [])
    whole = [name for name in named if "." in name]
    types.learn(whole)
    purchase: Purchase = "spot" if resources.get("type") == "SPOT" else "on_demand"
    # None is counted: which of the types run is decided when jobs come, and what runs is listed.
    costs = cost(types, reader.prices, reader.region, [Line(name, 0) for name in whole], purchase, paid_by_others=True)
    unknown = dict(costs.unknown)
    if costs.facts["accelerator"] is None:
        for family in (name for name in named if "." not in name):
            if why := types.accelerated(family):
                unknown["accelerator"] = why
    attributes: dict[str, Any] = {}
    if "minvCpus" in resources:
        attributes["min_vcpus"] = resources["minvCpus"]
    if "desiredvCpus" in resources:
        attributes["desired_vcpus"] = resources["desiredvCpus"]
    if named:
        attributes["instance_types"] = named
        unknown["count"] = _NO_COUNT
        if costs.facts["accelerator"] is not None or "accelerator" in unknown:
            unknown["max_hourly_usd"] = _NO_COUNT
    return reader.resource(
        "aws_batch_compute_environment",
        each["computeEnvironmentArn"],
        Tags(each.get("tags", {})),
        attributes=attributes,
        state=each.get("status"),
        unknown=unknown,
        **costs.facts | {"count": None, "max_count": None, "max_hourly_usd": None},
    )
