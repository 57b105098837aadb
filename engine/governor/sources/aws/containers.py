"""EKS clusters and their node groups, and ECS services that hold accelerators or keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governor.model import Accelerator, Purchase, Resource
from governor.sources.aws.ec2 import Templates
from governor.sources.aws.machines import Line, Types, cost, hidden
from governor.sources.aws.shards import Reader, Tags, pairs
from governor.sources.terraform_plan.secrets import keys_in

_PURCHASES: dict[str, Purchase] = {"SPOT": "spot", "CAPACITY_BLOCK": "capacity_block"}

_SERVICES_AT_ONCE = 10
"""Services that DescribeServices is asked for at once."""


def eks(reader: Reader) -> Iterator[Resource]:
    client = reader.client("eks")
    types, templates = Types(reader), Templates(reader)
    names = reader.list("eks", "list_clusters", "clusters")
    clusters = reader.details(lambda name: client.describe_cluster(name=name)["cluster"], names, "cluster")
    for name, cluster, why in clusters:
        yield reader.resource(
            "aws_eks_cluster",
            reader.arn("eks", f"cluster/{name}"),
            Tags((cluster or {}).get("tags", {}), why),
            state=(cluster or {}).get("status"),
        )
        groups = reader.list("eks", "list_nodegroups", "nodegroups", clusterName=name)
        yield from _node_groups(reader, name, groups, types, templates)


def _node_groups(
    reader: Reader, cluster: str, names: Iterator[str], types: Types, templates: Templates
) -> Iterator[Resource]:
    client = reader.client("eks")

    def described(name: str) -> Any:
        return client.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]

    for name, group, why in reader.details(described, names, "node group"):
        if group is None:
            id = reader.arn("eks", f"nodegroup/{cluster}/{name}")
            yield reader.resource("aws_eks_node_group", id, Tags(why_unknown=why), unknown=hidden(why))
            continue
        said, scaling = group.get("instanceTypes") or [], group.get("scalingConfig", {})
        if not said and (template := group.get("launchTemplate")):
            found, why = templates.type_of({"LaunchTemplateId": template["id"], "Version": template["version"]})
            said = [found] if found else []
        types.learn(said)
        desired, most = scaling.get("desiredSize", 0), scaling.get("maxSize", 0)
        purchase = _PURCHASES.get(group.get("capacityType", ""), "on_demand")
        lines = [Line(said[0], desired, most)] if said else []
        costs = cost(types, reader.prices, reader.region, lines, purchase, paid_by_others=True)
        yield reader.resource(
            "aws_eks_node_group",
            group["nodegroupArn"],
            Tags(group.get("tags", {})),
            attributes={"instance_types": said},
            state=group.get("status"),
            unknown=costs.unknown if said else hidden(why or "it names no instance type"),
            **costs.facts | {"count": desired, "max_count": most},
        )


def ecs(reader: Reader) -> Iterator[Resource]:
    client = reader.client("ecs")
    definitions: dict[str, tuple[dict[str, Any] | None, str]] = {}

    def definition(name: str) -> tuple[dict[str, Any] | None, str]:
        if name not in definitions:
            definitions[name] = reader.attempt(
                lambda: client.describe_task_definition(taskDefinition=name)["taskDefinition"], "task definition"
            )
        return definitions[name]

    for cluster in reader.list("ecs", "list_clusters", "clusterArns"):
        names = list(reader.list("ecs", "list_services", "serviceArns", cluster=cluster))
        for start in range(0, len(names), _SERVICES_AT_ONCE):
            some = names[start : start + _SERVICES_AT_ONCE]
            for service in reader.list(
                "ecs", "describe_services", "services", cluster=cluster, services=some, include=["TAGS"]
            ):
                answers = [definition(name) for name in _definitions(service)]
                containers = [each for task, _ in answers for each in (task or {}).get("containerDefinitions", ())]
                if found := _service(reader, service, containers, next((why for _, why in answers if why), "")):
                    yield found


def _definitions(service: dict[str, Any]) -> list[str]:
    """Task definitions that a service may run; where something else than ECS deploys it, its task sets name them."""
    named = [each["taskDefinition"] for each in (service, *service.get("taskSets", ())) if "taskDefinition" in each]
    return list(dict.fromkeys(named))


def _service(reader: Reader, service: dict[str, Any], containers: list[dict[str, Any]], why: str) -> Resource | None:
    """A service that asks for accelerators, that holds a key, or of which neither is known."""
    holds = {"container_definitions": [{"environment": each.get("environment", [])} for each in containers]}
    count = sum(
        int(asked["value"]) if asked["type"] == "GPU" else 1
        for each in containers
        for asked in each.get("resourceRequirements", ())
    )
    if not count and not why and not any(True for _ in keys_in(holds)):
        return None
    created = service.get("createdAt")
    return reader.resource(
        "aws_ecs_service",
        service["serviceArn"],
        Tags(pairs(service.get("tags"))),
        holds=holds,
        accelerator=Accelerator("unknown", count) if count else None,
        count=service["desiredCount"],
        state=service.get("status"),
        created_at=created.isoformat() if created else None,
        unknown={**hidden(why), "attributes.ai_keys": why} if why else {},
    )
