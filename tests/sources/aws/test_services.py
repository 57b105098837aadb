"""What computes without being an instance of EC2, and where keys stand."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fault_proxy
import made_up_keys
from fake_aws import ACCOUNT, COMPLETE, Cloud, tag_list
from governor.model import Gap

from .test_scan import scan

ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
DAY = datetime(2026, 8, 1, tzinfo=UTC)


def test_node_groups_are_paid_by_their_instances(cloud: Cloud) -> None:
    client = cloud.client("eks")
    subnets = [subnet["SubnetId"] for subnet in cloud.client("ec2").describe_subnets()["Subnets"][:2]]
    client.create_cluster(name="ml", roleArn=ROLE, resourcesVpcConfig={"subnetIds": subnets}, tags=COMPLETE)
    client.create_nodegroup(
        clusterName="ml", nodegroupName="gpu", subnets=subnets, nodeRole=ROLE, capacityType="SPOT",
        instanceTypes=["p4d.24xlarge"], scalingConfig={"minSize": 1, "maxSize": 4, "desiredSize": 2},
    )  # fmt: skip

    inventory = scan("eks")

    cluster, group = inventory.resources
    assert (cluster.id, cluster.kind, cluster.tags) == (
        f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/ml",
        "cluster",
        COMPLETE,
    )
    assert (group.kind, group.tags, group.unknown, group.purchase) == ("node_pool", {}, {}, "spot")
    assert group.accelerator is not None
    assert (group.accelerator.model, group.count, group.max_count, group.hourly_usd) == ("A100", 2, 4, Decimal(0))


def test_services_that_ask_for_accelerators_or_hold_keys_are_told(cloud: Cloud) -> None:
    client = cloud.client("ecs")
    client.create_cluster(clusterName="serving")
    for name, extra in {
        "gpu": {"resourceRequirements": [{"type": "GPU", "value": "2"}]},
        "leaky": {"environment": [{"name": "OPENAI_API_KEY", "value": made_up_keys.openai()}]},
        "web": {},
    }.items():
        container = {"name": name, "image": "app", "memory": 100, **extra}
        client.register_task_definition(family=name, containerDefinitions=[container])
        client.create_service(
            cluster="serving", serviceName=name, taskDefinition=name, desiredCount=1,
            tags=[{"key": key, "value": value} for key, value in COMPLETE.items()],
        )  # fmt: skip

    inventory = scan("ecs")

    found = {resource.id.rpartition("/")[2]: resource for resource in inventory.resources}
    assert found.keys() == {"gpu", "leaky"}
    assert found["gpu"].accelerator is not None
    assert (found["gpu"].accelerator.count, found["gpu"].tags) == (2, COMPLETE)
    assert [key["provider"] for key in found["leaky"].attributes["ai_keys"]] == ["openai"]
    assert made_up_keys.openai() not in str(inventory)


def test_a_service_that_something_else_deploys_is_what_its_task_sets_run(cloud: Cloud) -> None:
    client = cloud.client("ecs")
    client.create_cluster(clusterName="serving")
    container = {"name": "gpu", "image": "app", "memory": 100, "resourceRequirements": [{"type": "GPU", "value": "2"}]}
    client.register_task_definition(family="gpu", containerDefinitions=[container])
    client.create_service(
        cluster="serving", serviceName="blue", desiredCount=1, deploymentController={"type": "EXTERNAL"}
    )
    client.create_task_set(cluster="serving", service="blue", taskDefinition="gpu")

    inventory = scan("ecs")

    assert inventory.gaps == ()
    (found,) = inventory.resources
    assert found.accelerator is not None
    assert (found.id.rpartition("/")[2], found.accelerator.count) == ("blue", 2)


def test_functions_with_a_key_tell_its_place_only(cloud: Cloud) -> None:
    cloud.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    for name, variables in {"leaky": {"OPENAI_API_KEY": made_up_keys.openai()}, "fine": {"STAGE": "prod"}}.items():
        cloud.client("lambda").create_function(
            FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="app.run", Code={"ZipFile": code.getvalue()},
            Environment={"Variables": variables}, Tags=COMPLETE,
        )  # fmt: skip

    inventory = scan("lambda")

    (leaky,) = inventory.resources
    assert (leaky.id.rpartition(":")[2], leaky.kind, leaky.tags) == ("leaky", "workload", COMPLETE)
    (key,) = leaky.attributes["ai_keys"]
    assert (key["place"], key["provider"]) == ("environment.OPENAI_API_KEY", "openai")
    assert made_up_keys.openai() not in str(inventory)


def test_endpoints_and_notebooks_run_instances(cloud: Cloud) -> None:
    client = cloud.client("sagemaker")
    client.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"})
    variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.p3.2xlarge", "InitialInstanceCount": 3}
    client.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    client.create_endpoint(EndpointName="serve", EndpointConfigName="c", Tags=tag_list(COMPLETE))
    client.create_notebook_instance(NotebookInstanceName="lab", InstanceType="ml.p3.2xlarge", RoleArn=ROLE)

    inventory = scan("sagemaker")

    endpoint, notebook = inventory.resources
    assert (endpoint.kind, endpoint.tags, endpoint.count, endpoint.accelerator) == (
        "model_endpoint", COMPLETE, 3, notebook.accelerator,
    )  # fmt: skip
    assert notebook.accelerator is not None
    assert (notebook.kind, notebook.tags, notebook.accelerator.model) == ("notebook", {}, "V100")
    assert "hourly_usd" in endpoint.unknown
    assert inventory.gaps == ()


def test_model_units_are_told(cloud: Cloud) -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:provisioned-model/abc123456789"
    model = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2"
    cloud.services.add("bedrock", "ListProvisionedModelThroughputs", {"provisionedModelSummaries": [{
        "provisionedModelName": "claude", "provisionedModelArn": arn, "modelArn": model, "desiredModelArn": model,
        "foundationModelArn": model, "modelUnits": 2, "desiredModelUnits": 2, "status": "InService",
        "creationTime": DAY, "lastModifiedTime": DAY,
    }]})  # fmt: skip
    cloud.services.add("bedrock", "ListTagsForResource", {"tags": [{"key": "project", "value": "atlas"}]})

    inventory = scan("bedrock")

    (units,) = inventory.resources
    assert (units.id, units.kind, units.tags) == (arn, "provisioned_throughput", {"project": "atlas"})
    assert (units.attributes["units"], units.attributes["model"]) == (2, model)
    assert (units.state, units.created_at) == ("InService", DAY.isoformat())
    assert inventory.gaps == ()


def test_profiles_say_what_they_route_to(cloud: Cloud) -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/abc"
    routed = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"

    def profiles(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["typeEquals"] == "APPLICATION"
        return {"inferenceProfileSummaries": [{
            "inferenceProfileName": "chat", "inferenceProfileArn": arn, "inferenceProfileId": "abc",
            "models": [{"modelArn": routed}], "status": "ACTIVE", "type": "APPLICATION",
        }]}  # fmt: skip

    cloud.services.add("bedrock", "ListInferenceProfiles", profiles)
    cloud.services.add("bedrock", "ListTagsForResource", {"tags": []})

    (profile,) = scan("bedrock").resources

    assert (profile.id, profile.kind, profile.tags, profile.unknown) == (arn, "model_deployment", {}, {})
    assert profile.attributes["model"] == routed
    assert profile.attributes["processing"]["leaves_region"] == "no"


def test_models_of_ones_own_are_told(cloud: Cloud) -> None:
    tags = [{"key": key, "value": value} for key, value in COMPLETE.items()]
    cloud.client("bedrock").create_model_customization_job(
        jobName="tune", customModelName="support", roleArn=ROLE, baseModelIdentifier="amazon.titan-text-express-v1",
        trainingDataConfig={"s3Uri": "s3://data/train"}, outputDataConfig={"s3Uri": "s3://data/out"},
        hyperParameters={"epochCount": "1"}, jobTags=tags, customModelTags=tags,
    )  # fmt: skip
    imported = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:imported-model/abc"
    summary = {"modelArn": imported, "modelName": "llama", "creationTime": DAY, "modelArchitecture": "llama3"}

    def tags_of(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"tags": [] if asked["resourceARN"] == imported else tags}

    cloud.services.add("bedrock", "ListImportedModels", {"modelSummaries": [summary]})
    cloud.services.add("bedrock", "ListTagsForResource", tags_of)

    inventory = scan("bedrock")

    job, custom, llama = inventory.resources
    assert (job.kind, job.state, job.tags) == ("training_job", "InProgress", COMPLETE)
    assert (custom.type, custom.kind, custom.tags) == ("aws_bedrock_custom_model", "training_job", COMPLETE)
    assert custom.id.startswith(f"arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/")
    assert custom.attributes["model"].endswith("foundation-model/amazon.titan-text-express-v1")
    assert (llama.id, llama.kind, llama.tags) == (imported, "model_deployment", {})
    assert llama.attributes["processing"]["leaves_jurisdiction"] == "no"
    assert inventory.gaps == ()


def test_an_operation_that_a_region_lacks_lists_nothing(cloud: Cloud) -> None:
    said = {"__type": "UnknownOperationException", "message": "The requested operation is not supported in this region"}
    cloud.start("m5.large")
    cloud.spoil(
        lambda request: request.startswith("GET /imported-models"), fault_proxy.Reply(400, json.dumps(said).encode())
    )

    inventory = scan("bedrock", "instances")

    assert [resource.kind for resource in inventory.resources] == ["compute_instance"]
    assert inventory.gaps == ()


def test_batch_environments_say_what_they_may_start(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    for name in ("any", "batch"):
        cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    profile = cloud.client("iam").create_instance_profile(InstanceProfileName="batch")["InstanceProfile"]["Arn"]
    for name, types, desired in (("gpu", ["p4d.24xlarge"], 96), ("family", ["p4d"], 0), ("web", ["optimal"], 0)):
        cloud.client("batch").create_compute_environment(
            computeEnvironmentName=name, type="MANAGED", state="ENABLED", serviceRole=ROLE, tags=COMPLETE,
            computeResources={
                "type": "EC2", "minvCpus": desired, "maxvCpus": 960, "desiredvCpus": desired, "instanceTypes": types,
                "subnets": [subnet], "securityGroupIds": [group], "instanceRole": profile,
            },
        )  # fmt: skip
    cloud.client("batch").create_compute_environment(
        computeEnvironmentName="own", type="UNMANAGED", state="ENABLED", serviceRole=ROLE
    )

    inventory = scan("batch", "instances")

    found = {r.id.rpartition("/")[2]: r for r in inventory.resources if r.kind == "compute_group"}
    gpu, family, web, own = (found[name] for name in ("gpu", "family", "web", "own"))
    assert gpu.accelerator is not None
    assert (gpu.tags, gpu.accelerator.model, gpu.hourly_usd) == (COMPLETE, "A100", Decimal(0))
    assert gpu.attributes == {"min_vcpus": 96, "desired_vcpus": 96, "instance_types": ["p4d.24xlarge"]}
    assert gpu.unknown.keys() == {"count", "max_hourly_usd"}
    assert family.unknown["accelerator"] == "any size of p4d may run"
    assert (web.accelerator, web.unknown.keys(), web.tags) == (None, {"count"}, COMPLETE)
    assert (own.accelerator, own.unknown, own.attributes) == (None, {}, {})
    (machine,) = (r for r in inventory.resources if r.kind == "compute_instance")
    assert machine.hourly_usd
    assert inventory.gaps == ()


def test_a_family_that_is_not_known_is_a_gap_of_its_environment(cloud: Cloud) -> None:
    cloud.services.add("batch", "DescribeComputeEnvironments", {"computeEnvironments": [{
        "computeEnvironmentName": "new",
        "computeEnvironmentArn": f"arn:aws:batch:us-east-1:{ACCOUNT}:compute-environment/new",
        "computeResources": {"type": "SPOT", "maxvCpus": 96, "instanceTypes": ["q1", "m5"], "subnets": []},
    }]})  # fmt: skip

    inventory = scan("batch")

    (environment,) = inventory.resources
    assert (environment.purchase, environment.unknown["accelerator"]) == (
        "spot", "the catalogue does not know the family q1",
    )  # fmt: skip
    assert inventory.gaps == (Gap(f"{ACCOUNT}/us-east-1/batch", "the catalogue does not know the family q1"),)


def test_what_nobody_uses_of_a_reservation_is_paid(cloud: Cloud) -> None:
    def reserved(id: str, **more: Any) -> dict[str, Any]:
        return {
            "CapacityReservationId": id, "InstanceType": "p4d.24xlarge", "TotalInstanceCount": 4, "CreateDate": DAY,
            "AvailableInstanceCount": 1, "State": "active", "ReservationType": "default", **more,
        }  # fmt: skip

    cloud.services.add("ec2", "DescribeCapacityReservations", {"CapacityReservations": [
        reserved("cr-1", Tags=tag_list(COMPLETE)),
        reserved("cr-2", ReservationType="capacity-block"),
        reserved("cr-3", State="expired"),
    ]})  # fmt: skip

    inventory = scan("reservations")

    own, block = inventory.resources
    assert (own.id, own.kind) == (f"arn:aws:ec2:us-east-1:{ACCOUNT}:capacity-reservation/cr-1", "capacity_reservation")
    assert (own.tags, own.count) == (COMPLETE, 4)
    assert own.price is not None
    assert own.hourly_usd == own.price.usd_per_hour > 0
    assert (block.type, block.purchase) == ("aws_ec2_capacity_block_reservation", "capacity_block")
    assert inventory.gaps == ()


def test_json_that_breaks_off_is_no_empty_list(cloud: Cloud) -> None:
    cloud.client("ecs").create_cluster(clusterName="serving")
    cloud.start("m5.large")
    cloud.spoil(lambda request: "ListClusters" in request, fault_proxy.Reply(200, b'{"clusterArns": ["arn'))

    inventory = scan("ecs", "instances")

    assert inventory.gaps == (Gap(f"{ACCOUNT}/us-east-1/ecs", "not read: list_clusters: the answer breaks off"),)
