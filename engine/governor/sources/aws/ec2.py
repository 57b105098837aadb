"""Instances, groups of them, volumes and snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governor.model import Purchase, Resource
from governor.sources.aws.machines import Line, Types, cost
from governor.sources.aws.shards import Reader, Tags, pairs

_PURCHASES: dict[str, Purchase] = {"spot": "spot", "capacity-block": "capacity_block"}

INSTANCES_AT_ONCE = 1000
"""The most that AWS gives on a page."""

_GONE = ("terminated", "shutting-down")

_CONTROLLERS = (
    ("aws:autoscaling:groupName", "autoscaling group"),
    ("eks:nodegroup-name", "EKS node group"),
    ("karpenter.sh/nodepool", "Karpenter node pool"),
    ("aws:elasticmapreduce:job-flow-id", "EMR cluster"),
    ("aws:ec2:fleet-id", "EC2 fleet"),
    ("aws:ec2spot:fleet-request-id", "spot fleet"),
)
"""Tag → what it says that an instance belongs to. A node group has a group below it, which is what replaces."""


def instances(reader: Reader) -> Iterator[Resource]:
    types = Types(reader)
    for reservation in reader.list("ec2", "describe_instances", "Reservations", page_size=INSTANCES_AT_ONCE):
        running = [each for each in reservation["Instances"] if each["State"]["Name"] not in _GONE]
        types.learn(each["InstanceType"] for each in running)
        for each in running:
            yield _instance(reader, types, each)


def _instance(reader: Reader, types: Types, each: dict[str, Any]) -> Resource:
    tags, state = pairs(each.get("Tags")), each["State"]["Name"]
    purchase = _PURCHASES.get(each.get("InstanceLifecycle", ""), "on_demand")
    runs = state in ("pending", "running")
    costs = cost(types, reader.prices, reader.region, [Line(each["InstanceType"], 1)], purchase, runs=runs)
    attributes = {"instance_type": each["InstanceType"]}
    if "RootDeviceType" in each:
        attributes["root_device"] = each["RootDeviceType"]
    return reader.resource(
        "aws_instance",
        reader.arn("ec2", f"instance/{each['InstanceId']}"),
        Tags(tags),
        attributes=attributes,
        state=state,
        created_at=each["LaunchTime"].isoformat(),
        controller=next((f"{what} {tags[tag]}" for tag, what in _CONTROLLERS if tag in tags), None),
        unknown=costs.unknown,
        **costs.facts,
    )


def reservations(reader: Reader) -> Iterator[Resource]:
    types = Types(reader)
    for each in reader.list("ec2", "describe_capacity_reservations", "CapacityReservations"):
        if each["State"] in ("cancelled", "expired", "failed"):
            continue
        types.learn([each["InstanceType"]])
        block = each.get("ReservationType") == "capacity-block"
        line = Line(each["InstanceType"], each["TotalInstanceCount"])
        # Instances that run in it are listed themselves: what is left is paid for all the same.
        paid = Line(each["InstanceType"], each.get("AvailableInstanceCount", line.count))
        purchase: Purchase = "capacity_block" if block else "on_demand"
        costs = cost(types, reader.prices, reader.region, [paid], purchase)
        yield reader.resource(
            "aws_ec2_capacity_block_reservation" if block else "aws_ec2_capacity_reservation",
            reader.arn("ec2", f"capacity-reservation/{each['CapacityReservationId']}"),
            Tags(pairs(each.get("Tags"))),
            attributes={"instance_type": each["InstanceType"]},
            state=each["State"],
            created_at=each["CreateDate"].isoformat(),
            unknown=costs.unknown,
            **costs.facts | {"count": line.count, "max_count": line.count},
        )


def volumes(reader: Reader) -> Iterator[Resource]:
    for each in reader.list("ec2", "describe_volumes", "Volumes", page_size=500):
        yield reader.resource(
            "aws_ebs_volume",
            reader.arn("ec2", f"volume/{each['VolumeId']}"),
            Tags(pairs(each.get("Tags"))),
            attributes={"size_gib": each["Size"]},
            state=each["State"],
            created_at=each["CreateTime"].isoformat(),
            controller=next((f"instance {a['InstanceId']}" for a in each["Attachments"] if "InstanceId" in a), None),
        )


def snapshots(reader: Reader) -> Iterator[Resource]:
    for each in reader.list("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"], page_size=1000):
        yield reader.resource(
            "aws_ebs_snapshot",
            reader.arn("ec2", f"snapshot/{each['SnapshotId']}"),
            Tags(pairs(each.get("Tags"))),
            attributes={"size_gib": each["VolumeSize"]},
            state=each["State"],
            created_at=each["StartTime"].isoformat(),
        )


def groups(reader: Reader) -> Iterator[Resource]:
    """Auto Scaling groups, and the launch templates that they start instances from."""
    types, templates = Types(reader), Templates(reader)
    for each in reader.list("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", page_size=100):
        named, why = _types_of(each, templates)
        types.learn(named)
        desired = each["DesiredCapacity"]
        # Which of several types run is decided when instances start: one of them may compute.
        lines = [Line(type, 0) for type in named]
        lines[:1] = [Line(type, desired, each["MaxSize"]) for type in named[:1]]
        costs = cost(types, reader.prices, reader.region, lines, paid_by_others=True)
        told = {"instance_type": named[0]} if len(named) == 1 else {"instance_types": named} if named else {}
        unknown = dict(costs.unknown)
        if why:
            unknown["accelerator"] = unknown["attributes.instance_type"] = why
        yield reader.resource(
            "aws_autoscaling_group",
            each["AutoScalingGroupARN"],
            Tags(pairs(each.get("Tags"))),
            attributes=told,
            state=each.get("Status"),
            created_at=each["CreatedTime"].isoformat(),
            unknown=unknown,
            **costs.facts | {"count": desired, "max_count": each["MaxSize"]},
        )
    yield from templates.used()


def _types_of(group: dict[str, Any], templates: Templates) -> tuple[list[str], str]:
    """(types that a group starts, ""), or ([], why they are not known). The template is looked at in any case."""
    mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    template = group.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification")
    says, why = templates.type_of(template) if template else (None, "it has no launch template")
    over = [o["InstanceType"] for o in mixed.get("Overrides", ()) if "InstanceType" in o]
    runs = sorted({each["InstanceType"] for each in group.get("Instances", ()) if "InstanceType" in each})
    found = over or ([says] if says else runs)
    return found, "" if found else why or "its launch template names no instance type"


class Templates:
    """Launch templates that something starts instances from, each version asked for once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._versions: dict[tuple[str, str], tuple[dict[str, Any] | None, str]] = {}

    def type_of(self, named: dict[str, Any]) -> tuple[str | None, str]:
        key = (named["LaunchTemplateId"], named.get("Version", "$Default"))
        if key not in self._versions:
            self._versions[key] = self._reader.attempt(lambda: self._ask(*key), "launch template")
        found, why = self._versions[key]
        return (found or {}).get("InstanceType"), why

    def _ask(self, id: str, version: str) -> dict[str, Any]:
        versions = self._reader.list(
            "ec2", "describe_launch_template_versions", "LaunchTemplateVersions",
            LaunchTemplateId=id, Versions=[version],
        )  # fmt: skip
        return next((found["LaunchTemplateData"] for found in versions), {})

    def used(self) -> Iterator[Resource]:
        ids = sorted({id for id, _ in self._versions})
        if not ids:
            return
        for each in self._reader.list("ec2", "describe_launch_templates", "LaunchTemplates", LaunchTemplateIds=ids):
            id = each["LaunchTemplateId"]
            asked = [answer for (of, _), answer in self._versions.items() if of == id]
            versions = [found for found, _ in asked if found]
            why = next((why for _, why in asked if why), "")
            named = next((v["InstanceType"] for v in versions if "InstanceType" in v), None)
            yield self._reader.resource(
                "aws_launch_template",
                self._reader.arn("ec2", f"launch-template/{id}"),
                Tags(pairs(each.get("Tags"))),
                holds={"versions": [{"user_data": v["UserData"]} for v in versions if "UserData" in v]},
                attributes={"instance_type": named} if named else {},
                unknown={"attributes.ai_keys": why, "attributes.instance_type": why} if why else {},
                created_at=each["CreateTime"].isoformat(),
            )
