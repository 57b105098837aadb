"""What a scan sends where there is some of everything: just what the list of reads says, service by service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

import made_up_keys
from fake_aws import ACCOUNT, COMPLETE, Cloud, tag_list
from governor.catalog.prices import PriceBook
from governor.sources import aws
from governor.sources.aws import clients
from governor.sources.aws.listers import LISTERS
from governor.sources.aws.reads import OF_EVERY_SCAN, OF_SERVICE, OF_THE_CALLER, Operations

ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
DAY = datetime(2026, 8, 1, tzinfo=UTC)
HERE = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
Sent = list[tuple[str, str]]


def some_of_everything(cloud: Cloud) -> None:
    containers(cloud)
    machines(cloud)
    learning(cloud)
    for name, region in {"source": "us-east-1", "target": "eu-west-1"}.items():
        cloud.bucket(name, region, **COMPLETE)
        cloud.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "a",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {},
        "DeleteMarkerReplication": {"Status": "Disabled"},
    }
    cloud.client("s3").put_bucket_replication(
        Bucket="source",
        ReplicationConfiguration={"Role": ROLE, "Rules": [{**rule, "Destination": {"Bucket": "arn:aws:s3:::target"}}]},
    )


def machines(cloud: Cloud) -> None:
    """A type that is asked for, a group with a launch template, and Batch."""
    ec2 = cloud.client("ec2")
    cloud.start("f2.6xlarge")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    template = ec2.create_launch_template(
        LaunchTemplateName="train", LaunchTemplateData={"ImageId": image, "InstanceType": "f2.6xlarge"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="trainers", LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        MinSize=0, MaxSize=1, DesiredCapacity=0, AvailabilityZones=["us-east-1a"],
    )  # fmt: skip
    reservation = {
        "CapacityReservationId": "cr-1", "InstanceType": "f2.6xlarge", "TotalInstanceCount": 1, "State": "active",
        "CreateDate": DAY,
    }  # fmt: skip
    cloud.services.add("ec2", "DescribeCapacityReservations", {"CapacityReservations": [reservation]})
    cloud.services.add("batch", "DescribeComputeEnvironments", {"computeEnvironments": [{
        "computeEnvironmentName": "b",
        "computeEnvironmentArn": f"arn:aws:batch:us-east-1:{ACCOUNT}:compute-environment/b",
        "computeResources": {"type": "EC2", "maxvCpus": 96, "instanceTypes": ["f2.6xlarge"], "subnets": []},
    }]})  # fmt: skip
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
    eks = cloud.client("eks")
    eks.create_cluster(name="ml", roleArn=ROLE, resourcesVpcConfig={"subnetIds": subnets})
    eks.create_nodegroup(clusterName="ml", nodegroupName="gpu", subnets=subnets, nodeRole=ROLE)
    # moto adds a type of its own to those with a template.
    cloud.services.add("eks", "DescribeNodegroup", {"nodegroup": {
        "nodegroupArn": f"arn:aws:eks:us-east-1:{ACCOUNT}:nodegroup/ml/gpu/1",
        "launchTemplate": {"id": template, "version": "1"},
    }})  # fmt: skip


def containers(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="serving")
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "app", "memory": 100}])
    ecs.create_service(cluster="serving", serviceName="web", taskDefinition="web", desiredCount=1)
    leaky = {
        "FunctionName": "leaky", "FunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:leaky",
        "Environment": {"Variables": {"OPENAI_API_KEY": made_up_keys.openai()}},
    }  # fmt: skip
    cloud.services.add("lambda", "ListFunctions", {"Functions": [leaky]})
    cloud.services.add("lambda", "ListTags", {"Tags": {}})


def learning(cloud: Cloud) -> None:
    """SageMaker and Bedrock, one of each."""
    described: dict[str, Any] = {"CreationTime": DAY, "LastModifiedTime": DAY}
    space = {"DomainId": "d-1", "SpaceName": "s", "Status": "InService", "CreationTime": DAY}
    cluster = {"ClusterArn": f"{HERE}:cluster/c", "ClusterStatus": "InService"}
    endpoint = {"EndpointName": "e", "EndpointArn": f"{HERE}:endpoint/e", "EndpointStatus": "InService", **described}
    answers: dict[str, dict[str, Mapping[str, Any]]] = {
        "sagemaker": {
            "ListApps": {"Apps": [{**space, "AppType": "JupyterLab", "AppName": "a"}]},
            "DescribeApp": {
                "AppArn": f"{HERE}:app/d-1/s/jupyterlab/a", "ResourceSpec": {"InstanceType": "ml.f2.6xlarge"},
            },
            "ListSpaces": {"Spaces": [space]},
            "DescribeSpace": {"SpaceArn": f"{HERE}:space/d-1/s"},
            "ListClusters": {"ClusterSummaries": [{"ClusterName": "c", "CreationTime": DAY, **cluster}]},
            "DescribeCluster": {"InstanceGroups": [], **cluster},
            "ListEndpoints": {"Endpoints": [endpoint]},
            "DescribeEndpoint": {"EndpointConfigName": "c", **endpoint},
            "DescribeEndpointConfig": {
                "EndpointConfigName": "c", "EndpointConfigArn": f"{HERE}:endpoint-config/c", "CreationTime": DAY,
                "ProductionVariants": [{"VariantName": "a"}],
            },
            "ListTags": {"Tags": tag_list(COMPLETE)},
            **{
                f"List{word}Jobs": {f"{word}JobSummaries": [{
                    f"{word}JobName": "j", f"{word}JobArn": f"{HERE}:{word.lower()}-job/j", "CreationTime": DAY,
                    f"{word}JobStatus": "InProgress",
                }]}
                for word in ("Training", "Processing", "Transform")
            },
        },
        "bedrock": {
            "ListImportedModels": {"modelSummaries": [{
                "modelArn": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:imported-model/a", "modelName": "a",
                "creationTime": DAY,
            }]},
            "ListTagsForResource": {"tags": []},
        },
    }  # fmt: skip
    for service, operations in answers.items():
        for operation, answer in operations.items():
            cloud.services.add(service, operation, answer)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """(service, operation) of every request that AWS was to see."""
    found: Sent = []
    asked = clients.is_read

    def note(service: str, operation: str) -> bool:
        found.append((service, operation))
        return asked(service, operation)

    monkeypatch.setattr(clients, "is_read", note)
    return found


@pytest.mark.parametrize("name", LISTERS)
def test_a_service_asks_just_what_it_says_it_asks(cloud: Cloud, sent: Sent, name: str) -> None:
    some_of_everything(cloud)
    sent.clear()

    aws.scan(aws.Scope(accounts=[ACCOUNT], regions=["us-east-1"], services=[name]), PriceBook.shipped())

    assert {*sent} == pairs(OF_SERVICE[name]) | {("sts", "GetCallerIdentity")}


def test_an_organisation_is_asked_for_its_accounts_and_each_for_its_regions(cloud: Cloud, sent: Sent) -> None:
    cloud.client("organizations").create_organization(FeatureSet="ALL")

    aws.scan(aws.Scope(organization=True, services=["volumes"], role="any"), PriceBook.shipped())

    assert {*sent} == pairs(OF_SERVICE["volumes"]) | pairs(OF_EVERY_SCAN) | pairs(OF_THE_CALLER)


def pairs(operations: Operations) -> set[tuple[str, str]]:
    return {(service, operation) for service, some in operations.items() for operation in some}
