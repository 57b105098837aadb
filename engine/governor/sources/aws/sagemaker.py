"""SageMaker: endpoints, notebook instances, and jobs that are under way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governor.model import Resource
from governor.sources.aws.machines import Line, Types, cost, hidden
from governor.sources.aws.shards import Reader, Tags

_JOBS = (
    ("training", "TrainingJob", "aws_sagemaker_training_job", ("ResourceConfig",)),
    ("processing", "ProcessingJob", "aws_sagemaker_processing_job", ("ProcessingResources", "ClusterConfig")),
    ("transform", "TransformJob", "aws_sagemaker_transform_job", ("TransformResources",)),
)
"""Operations, their words, the type, and where the answer holds instances."""


def sagemaker(reader: Reader) -> Iterator[Resource]:
    types = Types(reader)
    yield from _endpoints(reader, types)
    yield from _notebooks(reader, types)
    for job in _JOBS:
        yield from _jobs(reader, types, *job)


def _tags(reader: Reader, arn: str) -> Tags:
    return reader.tags(lambda: list(reader.list("sagemaker", "list_tags", "Tags", ResourceArn=arn)))


def _endpoints(reader: Reader, types: Types) -> Iterator[Resource]:
    client = reader.client("sagemaker")

    def described(listed: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        endpoint = client.describe_endpoint(EndpointName=listed["EndpointName"])
        return endpoint, client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])

    listed = reader.list("sagemaker", "list_endpoints", "Endpoints")
    for each, found, why in reader.details(described, listed, "endpoint"):
        lines = _variants(*found) if found else []
        yield _told(reader, types, "aws_sagemaker_endpoint", "model_endpoint", each["EndpointArn"], lines, why, {
            "state": each["EndpointStatus"], "created_at": each["CreationTime"].isoformat(),
        })  # fmt: skip


def _variants(endpoint: dict[str, Any], config: dict[str, Any]) -> list[Line]:
    """Every variant, the shadow ones too, runs its own instances; those without a type are serverless."""
    runs = {
        each["VariantName"]: each.get("CurrentInstanceCount")
        for name in ("ProductionVariants", "ShadowProductionVariants")
        for each in endpoint.get(name, ())
    }
    return [
        Line(each["InstanceType"], now if now is not None else each.get("InitialInstanceCount", 1),
             each.get("ManagedInstanceScaling", {}).get("MaxInstanceCount"))
        for name in ("ProductionVariants", "ShadowProductionVariants")
        for each in config.get(name, ())
        if "InstanceType" in each
        for now in [runs.get(each["VariantName"])]
    ]  # fmt: skip


def _notebooks(reader: Reader, types: Types) -> Iterator[Resource]:
    for each in reader.list("sagemaker", "list_notebook_instances", "NotebookInstances"):
        state = each["NotebookInstanceStatus"]
        yield _told(
            reader, types, "aws_sagemaker_notebook_instance", "notebook", each["NotebookInstanceArn"],
            [Line(each["InstanceType"], 1)], "",
            {"state": state, "created_at": each["CreationTime"].isoformat()},
            runs=state not in ("Stopped", "Failed"),
        )  # fmt: skip


def _jobs(reader: Reader, types: Types, word: str, name: str, type: str, path: tuple[str, ...]) -> Iterator[Resource]:
    describe = getattr(reader.client("sagemaker"), f"describe_{word}_job")
    listed = reader.list("sagemaker", f"list_{word}_jobs", f"{name}Summaries", StatusEquals="InProgress")
    jobs = reader.details(lambda each: describe(**{f"{name}Name": each[f"{name}Name"]}), listed, f"{word} job")
    for each, found, why in jobs:
        asked: dict[str, Any] = found or {}
        for step in path:
            asked = asked.get(step, {})
        groups = asked.get("InstanceGroups") or ([asked] if "InstanceType" in asked else [])
        lines = [Line(group["InstanceType"], group.get("InstanceCount", 1)) for group in groups]
        yield _told(reader, types, type, "training_job", each[f"{name}Arn"], lines, why, {
            "state": each[f"{name}Status"], "created_at": each["CreationTime"].isoformat(),
        })  # fmt: skip


def _told(
    reader: Reader, types: Types, type: str, kind: str, arn: str, lines: list[Line], why: str, facts: dict[str, Any],
    *, runs: bool = True,
) -> Resource:  # fmt: skip
    types.learn(line.type for line in lines)
    costs = cost(types, reader.prices, reader.region, lines, runs=runs)
    names = [line.type for line in lines]
    return reader.resource(
        type,
        arn,
        _tags(reader, arn),
        kind=kind,
        attributes={"instance_type": names[0]} if len(names) == 1 else {"instance_types": names} if names else {},
        unknown={**costs.unknown, **(hidden(why) if why else {})},
        **facts,
        **costs.facts,
    )
