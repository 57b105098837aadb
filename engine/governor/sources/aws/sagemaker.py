"""SageMaker: endpoints, notebook instances, Studio, HyperPod, and jobs that are under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from governor.model import Purchase, Resource
from governor.sources.aws.machines import Line, Types, cost, hidden
from governor.sources.aws.shards import Reader, Tags

_JOBS = (
    ("training", "TrainingJob", "aws_sagemaker_training_job", ("ResourceConfig",)),
    ("processing", "ProcessingJob", "aws_sagemaker_processing_job", ("ProcessingResources", "ClusterConfig")),
    ("transform", "TransformJob", "aws_sagemaker_transform_job", ("TransformResources",)),
)
"""Operations, their words, the type, and where the answer holds instances."""

_STOPPED = frozenset({"Stopped", "Failed"})
_GONE = frozenset({"Deleted", "Deleting"})
"""Apps stay listed for a day after they are deleted."""

_SYSTEM = "system"
"""The type of an app that runs on no instance of ours:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceSpec.html."""


class _Runs(Struct, frozen=True):
    """What AWS says in detail of something that is listed."""

    arn: str
    lines: list[Line]
    purchase: Purchase = "on_demand"
    runs: bool = True
    """Whether these instances run, rather than start when somebody starts them."""


def sagemaker(reader: Reader) -> Iterator[Resource]:
    types = Types(reader)
    yield from _endpoints(reader, types)
    yield from _notebooks(reader, types)
    yield from _apps(reader, types)
    yield from _spaces(reader, types)
    yield from _hyperpod(reader, types)
    for job in _JOBS:
        yield from _jobs(reader, types, *job)


def _endpoints(reader: Reader, types: Types) -> Iterator[Resource]:
    client = reader.client("sagemaker")

    def runs(listed: dict[str, Any]) -> _Runs:
        endpoint = client.describe_endpoint(EndpointName=listed["EndpointName"])
        config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        return _Runs(listed["EndpointArn"], _variants(endpoint, config))

    yield from _told(
        reader, types, "aws_sagemaker_endpoint", "model_endpoint", "endpoint",
        reader.list("sagemaker", "list_endpoints", "Endpoints"), runs,
        lambda listed: listed["EndpointArn"], "EndpointStatus",
    )  # fmt: skip


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
        for each in (*config["ProductionVariants"], *config.get("ShadowProductionVariants", ()))
        if "InstanceType" in each
        for now in [runs.get(each["VariantName"])]
    ]  # fmt: skip


def _notebooks(reader: Reader, types: Types) -> Iterator[Resource]:
    def runs(listed: dict[str, Any]) -> _Runs:
        started = listed["NotebookInstanceStatus"] not in _STOPPED
        return _Runs(listed["NotebookInstanceArn"], [Line(listed["InstanceType"], 1)], runs=started)

    yield from _told(
        reader, types, "aws_sagemaker_notebook_instance", "notebook", "notebook instance",
        reader.list("sagemaker", "list_notebook_instances", "NotebookInstances"), runs,
        lambda listed: listed["NotebookInstanceArn"], "NotebookInstanceStatus",
    )  # fmt: skip


def _apps(reader: Reader, types: Types) -> Iterator[Resource]:
    """Each runs an instance of its own, in a space or for a user."""
    client = reader.client("sagemaker")

    def arn(app: dict[str, Any]) -> str:
        holder = app.get("SpaceName") or app.get("UserProfileName")
        return reader.arn("sagemaker", f"app/{app['DomainId']}/{holder}/{app['AppType'].lower()}/{app['AppName']}")

    def runs(app: dict[str, Any]) -> _Runs:
        named = ("DomainId", "UserProfileName", "SpaceName", "AppType", "AppName")
        found = client.describe_app(**{name: app[name] for name in named if name in app})
        return _Runs(found["AppArn"], _lines(found.get("ResourceSpec", {}), 1), runs=app["Status"] not in _STOPPED)

    listed = (app for app in reader.list("sagemaker", "list_apps", "Apps") if app["Status"] not in _GONE)
    yield from _told(reader, types, "aws_sagemaker_app", "notebook", "app", listed, runs, arn, "Status")


def _spaces(reader: Reader, types: Types) -> Iterator[Resource]:
    """A space names the type that its apps start on by default. What runs is its apps, which are listed themselves."""
    client = reader.client("sagemaker")

    def runs(space: dict[str, Any]) -> _Runs:
        found = client.describe_space(DomainId=space["DomainId"], SpaceName=space["SpaceName"])
        settings = [s for name, s in found.get("SpaceSettings", {}).items() if name.endswith("AppSettings")]
        specs = [each.get("DefaultResourceSpec", {}) for each in settings]
        return _Runs(found["SpaceArn"], [line for spec in specs for line in _lines(spec, 0)])

    yield from _told(
        reader, types, "aws_sagemaker_space", "notebook", "space",
        reader.list("sagemaker", "list_spaces", "Spaces"), runs,
        lambda space: reader.arn("sagemaker", f"space/{space['DomainId']}/{space['SpaceName']}"), "Status",
        paid_by_others=True,
    )  # fmt: skip


def _lines(spec: dict[str, Any], count: int) -> list[Line]:
    type = spec.get("InstanceType", _SYSTEM)
    return [] if type == _SYSTEM else [Line(type, count)]


def _hyperpod(reader: Reader, types: Types) -> Iterator[Resource]:
    """Nodes are listed nowhere else: they run in an account of SageMaker's."""
    client = reader.client("sagemaker")

    def runs(listed: dict[str, Any]) -> _Runs:
        found = client.describe_cluster(ClusterName=listed["ClusterName"])
        groups = [*found["InstanceGroups"], *found.get("RestrictedInstanceGroups", ())]
        spot = bool(groups) and all("Spot" in group.get("CapacityRequirements", {}) for group in groups)
        lines = [line for group in groups for line in _nodes(group)]
        return _Runs(listed["ClusterArn"], lines, "spot" if spot else "on_demand")

    yield from _told(
        reader, types, "aws_sagemaker_cluster", "cluster", "cluster",
        reader.list("sagemaker", "list_clusters", "ClusterSummaries"), runs,
        lambda listed: listed["ClusterArn"], "ClusterStatus",
    )  # fmt: skip


def _nodes(group: dict[str, Any]) -> list[Line]:
    """The nodes of a group; of one that takes several types, those that run, and the types that may."""
    if "InstanceType" in group:
        return [Line(group["InstanceType"], group["CurrentCount"], group.get("TargetCount"))]
    running = {each["InstanceType"]: each["CurrentCount"] for each in group.get("InstanceTypeDetails", ())}
    wanted = group.get("InstanceRequirements", {}).get("DesiredInstanceTypes", ())
    return [Line(type, running.get(type, 0)) for type in sorted({*running, *wanted})]


def _jobs(reader: Reader, types: Types, word: str, name: str, type: str, path: tuple[str, ...]) -> Iterator[Resource]:
    describe = getattr(reader.client("sagemaker"), f"describe_{word}_job")

    def runs(listed: dict[str, Any]) -> _Runs:
        asked = describe(**{f"{name}Name": listed[f"{name}Name"]})
        arn = asked[f"{name}Arn"]  # an answer that broke off lacks it, a serverless job only the instances
        for step in path:
            asked = asked.get(step, {})
        groups = asked.get("InstanceGroups") or ([asked] if "InstanceType" in asked else [])
        lines = [Line(group["InstanceType"], group.get("InstanceCount", 1)) for group in groups]
        return _Runs(arn, lines)

    yield from _told(
        reader, types, type, "training_job", f"{word} job",
        reader.list("sagemaker", f"list_{word}_jobs", f"{name}Summaries", StatusEquals="InProgress"), runs,
        lambda listed: listed[f"{name}Arn"], f"{name}Status",
    )  # fmt: skip


def _told(
    reader: Reader,
    types: Types,
    type: str,
    kind: str,
    what: str,
    listed: Iterable[dict[str, Any]],
    runs: Callable[[dict[str, Any]], _Runs],
    arn: Callable[[dict[str, Any]], str],
    status: str,
    *,
    paid_by_others: bool = False,
) -> Iterator[Resource]:
    """What is listed, each with what runs and its tags. `arn` names what could not be described."""

    def asked(each: dict[str, Any]) -> tuple[dict[str, Any], _Runs, str, Tags]:
        found, why = reader.attempt(lambda: runs(each), what)
        found = found or _Runs(arn(each), [])
        return each, found, why, _tags(reader, found.arn)

    for each, found, why, tags in reader.each(asked, listed):
        types.learn(line.type for line in found.lines)
        costs = cost(
            types, reader.prices, reader.region, found.lines, found.purchase,
            runs=found.runs, paid_by_others=paid_by_others,
        )  # fmt: skip
        names = list(dict.fromkeys(line.type for line in found.lines))
        yield reader.resource(
            type,
            found.arn,
            tags,
            kind=kind,
            attributes={"instance_type": names[0]} if len(names) == 1 else {"instance_types": names} if names else {},
            unknown={**costs.unknown, **(hidden(why) if why else {})},
            state=each[status],
            created_at=each["CreationTime"].isoformat(),
            **costs.facts,
        )


def _tags(reader: Reader, arn: str) -> Tags:
    return reader.tags(lambda: list(reader.list("sagemaker", "list_tags", "Tags", ResourceArn=arn)))
