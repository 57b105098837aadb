"""What computes without being an instance of EC2, and where keys stand."""

from __future__ import annotations

import io
import json
import zipfile
from decimal import Decimal
from typing import Any

from botocore import session
from botocore.validate import validate_parameters

import fault_proxy
import made_up_keys
from fake_aws import ACCOUNT, COMPLETE, Cloud, tag_list
from governor.model import Gap

from .test_scan import scan

ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


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
    """moto has none, so the answers are ours, held against what botocore knows of the service."""
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:provisioned-model/abc"
    model_arn = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2"
    summary = {
        "provisionedModelName": "claude", "provisionedModelArn": arn, "modelArn": model_arn,
        "desiredModelArn": model_arn,
        "foundationModelArn": model_arn, "modelUnits": 2, "desiredModelUnits": 2, "status": "InService",
        "creationTime": "2026-08-01T00:00:00Z", "lastModifiedTime": "2026-08-01T00:00:00Z",
    }  # fmt: skip
    answers: dict[str, tuple[str, dict[str, Any]]] = {
        "GET /provisioned-model-throughputs": (
            "ListProvisionedModelThroughputs", {"provisionedModelSummaries": [summary]}
        ),
        "GET /inference-profiles": ("ListInferenceProfiles", {"inferenceProfileSummaries": []}),
        "GET /model-customization-jobs": ("ListModelCustomizationJobs", {"modelCustomizationJobSummaries": []}),
        "POST /listTagsForResource": ("ListTagsForResource", {"tags": [{"key": "project", "value": "atlas"}]}),
    }  # fmt: skip
    model = session.get_session().get_service_model("bedrock")
    for operation, answer in answers.values():
        validate_parameters(answer, model.operation_model(operation).output_shape)

    def reply(request: str, forward: Any) -> fault_proxy.Reply:
        path = request.partition("?")[0]
        return fault_proxy.Reply(200, json.dumps(answers[path][1]).encode()) if path in answers else forward()

    cloud.proxy.spoil = reply

    inventory = scan("bedrock")

    (units,) = inventory.resources
    assert (units.id, units.kind, units.tags) == (arn, "provisioned_throughput", {"project": "atlas"})
    assert (units.attributes["units"], units.attributes["model"]) == (2, model_arn)
    assert inventory.gaps == ()


def test_json_that_breaks_off_is_no_empty_list(cloud: Cloud) -> None:
    cloud.client("ecs").create_cluster(clusterName="serving")
    cloud.start("m5.large")
    cloud.spoil(lambda request: "ListClusters" in request, fault_proxy.Reply(200, b'{"clusterArns": ["arn'))

    inventory = scan("ecs", "instances")

    assert inventory.gaps == (Gap(f"{ACCOUNT}/us-east-1/ecs", "not read: list_clusters: the answer breaks off"),)
