"""Studio, HyperPod and jobs under way. moto lacks them, so the answers are ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

import fault_proxy
from fake_aws import ACCOUNT, COMPLETE, Cloud, tag_list
from governor.model import Gap

from .test_scan import scan

DAY = datetime(2026, 8, 1, tzinfo=UTC)
HERE = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
TRAINING = f"{HERE}:training-job/llm"


def tagged(cloud: Cloud, *arns: str) -> None:
    """Let these resources carry tags, and others none."""

    def tags(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"Tags": tag_list(COMPLETE) if asked["ResourceArn"] in arns else []}

    cloud.services.add("sagemaker", "ListTags", tags)


def app(name: str, status: str = "InService", **more: str) -> dict[str, Any]:
    return {"DomainId": "d-1", "AppType": "JupyterLab", "AppName": name, "Status": status, "CreationTime": DAY, **more}


def test_apps_of_studio_run_instances_and_spaces_name_them(cloud: Cloud) -> None:
    types = {"lab": "ml.p3.2xlarge", "broken": "ml.p3.2xlarge", "default": "system"}

    def described(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        name = asked["AppName"]
        holder = asked.get("SpaceName") or asked["UserProfileName"]
        arn = f"{HERE}:app/d-1/{holder}/jupyterlab/{name}"
        return {"AppArn": arn, "AppName": name, "ResourceSpec": {"InstanceType": types[name]}}

    cloud.services.add("sagemaker", "ListApps", {"Apps": [
        app("lab", SpaceName="team"), app("broken", "Failed", SpaceName="team"), app("default", UserProfileName="ann"),
        app("old", "Deleted", UserProfileName="ann"),
    ]})  # fmt: skip
    cloud.services.add("sagemaker", "DescribeApp", described)
    space = {"DomainId": "d-1", "SpaceName": "team", "Status": "InService", "CreationTime": DAY}
    cloud.services.add("sagemaker", "ListSpaces", {"Spaces": [space]})
    cloud.services.add("sagemaker", "DescribeSpace", {
        "SpaceArn": f"{HERE}:space/d-1/team", "SpaceSettings": {
            "AppType": "JupyterLab",
            "JupyterLabAppSettings": {"DefaultResourceSpec": {"InstanceType": "ml.p3.2xlarge"}},
        },
    })  # fmt: skip
    tagged(cloud, f"{HERE}:app/d-1/team/jupyterlab/lab")

    inventory = scan("sagemaker")

    found = {resource.id.rpartition("/")[2]: resource for resource in inventory.resources}
    assert found.keys() == {"lab", "broken", "default", "team"}
    lab, broken, default, team = (found[name] for name in ("lab", "broken", "default", "team"))
    assert {resource.kind for resource in inventory.resources} == {"notebook"}
    assert lab.accelerator is not None
    assert (lab.type, lab.accelerator.model, lab.count, lab.tags) == ("aws_sagemaker_app", "V100", 1, COMPLETE)
    assert (lab.hourly_usd, lab.unknown.keys()) == (None, {"hourly_usd"})
    assert (broken.hourly_usd, broken.tags) == (Decimal(0), {})
    assert (default.accelerator, default.attributes, default.unknown) == (None, {}, {})
    assert (team.type, team.accelerator, team.hourly_usd) == ("aws_sagemaker_space", lab.accelerator, Decimal(0))
    assert team.attributes == {"instance_type": "ml.p3.2xlarge"}
    assert inventory.gaps == ()


def test_an_app_that_cannot_be_described_is_not_without_an_accelerator(cloud: Cloud) -> None:
    cloud.services.add("sagemaker", "ListApps", {"Apps": [app("lab", SpaceName="team")]})
    tagged(cloud)
    cloud.spoil(
        lambda request: "DescribeApp" in request, fault_proxy.Reply(400, b'{"__type": "AccessDeniedException"}')
    )

    inventory = scan("sagemaker")

    (lab,) = inventory.resources
    assert lab.id == f"{HERE}:app/d-1/team/jupyterlab/lab"
    assert lab.unknown["accelerator"] == "DescribeApp: AccessDeniedException"
    assert inventory.gaps == (
        Gap(f"{ACCOUNT}/us-east-1/sagemaker", "app not read: DescribeApp: AccessDeniedException"),
    )


@pytest.mark.parametrize(
    ("listing", "listed", "asked", "what"),
    [
        (
            "ListTrainingJobs",
            {"TrainingJobSummaries": [{"TrainingJobName": "llm", "TrainingJobArn": TRAINING, "CreationTime": DAY,
                                       "TrainingJobStatus": "InProgress"}]},
            "DescribeTrainingJob", "training job",
        ),
        (
            "ListEndpoints",
            {"Endpoints": [{"EndpointName": "llm", "EndpointArn": f"{HERE}:endpoint/llm", "CreationTime": DAY,
                            "LastModifiedTime": DAY, "EndpointStatus": "InService"}]},
            "DescribeEndpointConfig", "endpoint",
        ),
    ],
)  # fmt: skip
def test_an_answer_that_breaks_off_is_none_that_names_no_accelerator(
    cloud: Cloud, listing: str, listed: Mapping[str, Any], asked: str, what: str
) -> None:
    cloud.services.add("sagemaker", listing, listed)
    cloud.services.add("sagemaker", "DescribeEndpoint", {
        "EndpointName": "llm", "EndpointArn": f"{HERE}:endpoint/llm", "EndpointConfigName": "llm",
        "EndpointStatus": "InService", "CreationTime": DAY, "LastModifiedTime": DAY,
    })  # fmt: skip
    tagged(cloud)
    cloud.spoil(lambda request: asked in request, fault_proxy.Reply(200, b'{"TrainingJobName": "llm", "Resou'))

    inventory = scan("sagemaker")

    (found,) = inventory.resources
    assert found.unknown.keys() == {"accelerator", "hourly_usd", "attributes.instance_type"}
    (gap,) = inventory.gaps
    assert gap.reason.startswith(f"{what} not read: an answer lacks ")


def test_hyperpod_runs_the_nodes_of_its_groups(cloud: Cloud) -> None:
    arn = f"{HERE}:cluster/abc"
    listed = {"ClusterArn": arn, "ClusterName": "pod", "CreationTime": DAY, "ClusterStatus": "InService"}
    cloud.services.add("sagemaker", "ListClusters", {"ClusterSummaries": [listed]})
    cloud.services.add("sagemaker", "DescribeCluster", {
        "ClusterArn": arn, "ClusterStatus": "InService",
        "InstanceGroups": [
            {"InstanceGroupName": "head", "InstanceType": "ml.m5.xlarge", "CurrentCount": 1, "TargetCount": 1},
            {"InstanceGroupName": "gpu", "InstanceType": "ml.p5.48xlarge", "CurrentCount": 2, "TargetCount": 4},
            {
                "InstanceGroupName": "mixed", "CurrentCount": 1,
                "InstanceRequirements": {"DesiredInstanceTypes": ["ml.g5.xlarge", "ml.g6.xlarge"]},
                "InstanceTypeDetails": [{"InstanceType": "ml.g5.xlarge", "CurrentCount": 1}],
            },
        ],
        "RestrictedInstanceGroups": [
            {"InstanceGroupName": "closed", "InstanceType": "ml.p5.48xlarge", "CurrentCount": 3, "TargetCount": 3},
        ],
    })  # fmt: skip
    tagged(cloud, arn)

    inventory = scan("sagemaker")

    (cluster,) = inventory.resources
    assert cluster.accelerator is not None
    assert (cluster.id, cluster.kind, cluster.tags) == (arn, "cluster", COMPLETE)
    assert (cluster.accelerator.model, cluster.count, cluster.max_count) == ("H100", 7, 9)
    assert cluster.attributes["instance_types"] == ["ml.m5.xlarge", "ml.p5.48xlarge", "ml.g5.xlarge", "ml.g6.xlarge"]
    assert cluster.unknown.keys() == {"hourly_usd"}
    assert inventory.gaps == ()


def test_jobs_under_way_are_told_with_their_instances(cloud: Cloud) -> None:
    def listed(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["StatusEquals"] == "InProgress"
        summary = {"TrainingJobName": "llm", "TrainingJobArn": TRAINING, "TrainingJobStatus": "InProgress"}
        return {"TrainingJobSummaries": [{**summary, "CreationTime": DAY}]}

    cloud.services.add("sagemaker", "ListTrainingJobs", listed)
    cloud.services.add("sagemaker", "DescribeTrainingJob", {
        "TrainingJobName": "llm", "TrainingJobArn": TRAINING, "ModelArtifacts": {"S3ModelArtifacts": "s3://data/out"},
        "TrainingJobStatus": "InProgress", "SecondaryStatus": "Training", "CreationTime": DAY,
        "AlgorithmSpecification": {"TrainingInputMode": "File"}, "StoppingCondition": {},
        "ResourceConfig": {"VolumeSizeInGB": 100, "InstanceGroups": [
            {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 8, "InstanceGroupName": "gpu"},
            {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "InstanceGroupName": "head"},
        ]},
    })  # fmt: skip
    tagged(cloud, TRAINING)

    inventory = scan("sagemaker")

    (job,) = inventory.resources
    assert job.accelerator is not None
    assert (job.id, job.kind, job.tags, job.count) == (TRAINING, "training_job", COMPLETE, 9)
    assert (job.accelerator.model, job.state) == ("H100", "InProgress")
    assert inventory.gaps == ()


def test_a_type_that_only_ec2_knows_is_asked_for_by_its_name_there(cloud: Cloud) -> None:
    cloud.services.add("sagemaker", "ListApps", {"Apps": [app("lab", SpaceName="team")]})
    arn = f"{HERE}:app/d-1/team/jupyterlab/lab"
    cloud.services.add("sagemaker", "DescribeApp", {"AppArn": arn, "ResourceSpec": {"InstanceType": "ml.f2.6xlarge"}})
    tagged(cloud)

    def types(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["InstanceTypes"] == ["f2.6xlarge"]
        return {"InstanceTypes": [{"InstanceType": "f2.6xlarge", "GpuInfo": {"Gpus": [{"Name": "H100", "Count": 2}]}}]}

    cloud.services.add("ec2", "DescribeInstanceTypes", types)

    (lab,) = scan("sagemaker").resources

    assert lab.accelerator is not None
    assert (lab.accelerator.model, lab.accelerator.count) == ("H100", 2)
