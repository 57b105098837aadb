"""Every attribute that is read of Amazon's types is in the provider's schema: a renamed one would pass in silence."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import real_terraform
from governor.catalog.kinds import NEWER_THAN_SCHEMA, SHAPES
from governor.sources.terraform_plan import aws, aws_copies, aws_groups, aws_templates

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("terraform")]

READ_BY: dict[str, tuple[str, ...]] = {
    "instance": ("aws_instance",),
    "spot_request": ("aws_spot_instance_request",),
    "autoscaling_group": ("aws_autoscaling_group",),
    "group_tags": ("aws_autoscaling_group",),
    "spot_fleet": ("aws_spot_fleet_request",),
    "fleet": ("aws_ec2_fleet",),
    "batch_environment": ("aws_batch_compute_environment",),
    "launch_template": ("aws_launch_template",),
    "launch_configuration": ("aws_launch_configuration",),
    "capacity_block": ("aws_ec2_capacity_block_reservation",),
    "eks_node_group": ("aws_eks_node_group",),
    "sagemaker_endpoint": ("aws_sagemaker_endpoint_configuration",),
    "bedrock_custom_model": ("aws_bedrock_custom_model",),
    "bedrock_inference_profile": ("aws_bedrock_inference_profile",),
    "bedrock_agent": ("aws_bedrockagent_agent",),
    "bedrock_throughput": ("aws_bedrock_provisioned_model_throughput",),
    "s3_bucket": ("aws_s3_bucket",),
    "s3_replication": ("aws_s3_bucket_replication_configuration",),
    "efs_replication": ("aws_efs_replication_configuration",),
    "backup_plan": ("aws_backup_plan",),
    "snapshot": ("aws_ebs_snapshot",),
}
"""Reader → the types whose paths its literals are."""

GONE = {("aws_autoscaling_group", "tags")}
"""Attributes of older providers that are read on purpose."""

NESTED = {
    "aws_autoscaling_group": [
        "tag.key", "tag.value", "tag.propagate_at_launch", "launch_template.id", "launch_template.name",
        "mixed_instances_policy.launch_template.launch_template_specification.launch_template_id",
        "mixed_instances_policy.launch_template.launch_template_specification.launch_template_name",
        "mixed_instances_policy.launch_template.override.instance_type",
        "mixed_instances_policy.launch_template.override.weighted_capacity",
        "mixed_instances_policy.launch_template.override.instance_requirements",
        "mixed_instances_policy.instances_distribution.on_demand_base_capacity",
        "mixed_instances_policy.instances_distribution.on_demand_percentage_above_base_capacity",
    ],
    "aws_spot_fleet_request": [
        "launch_specification.instance_type", "launch_specification.tags", "launch_specification.weighted_capacity",
        "launch_template_config.overrides.instance_type", "launch_template_config.overrides.weighted_capacity",
        "launch_template_config.launch_template_specification.id", "target_capacity_unit_type",
        "launch_template_config.launch_template_specification.name", "on_demand_target_capacity",
    ],
    "aws_ec2_fleet": [
        "launch_template_config.override.instance_type", "launch_template_config.override.weighted_capacity",
        "launch_template_config.launch_template_specification.launch_template_id",
        "launch_template_config.launch_template_specification.launch_template_name",
        "target_capacity_specification.default_target_capacity_type",
        "target_capacity_specification.on_demand_target_capacity",
        "target_capacity_specification.target_capacity_unit_type",
    ],
    "aws_instance": [
        "instance_market_options.market_type", "launch_template.id", "launch_template.name",
        "capacity_reservation_specification.capacity_reservation_target.capacity_reservation_id",
    ],
    "aws_launch_template": [
        "instance_market_options.market_type", "tag_specifications.resource_type", "tag_specifications.tags",
        "instance_requirements", "name",
        "capacity_reservation_specification.capacity_reservation_target.capacity_reservation_id",
    ],
    "aws_launch_configuration": ["instance_type", "spot_price", "name"],
    "aws_eks_node_group": ["capacity_type", "instance_types", "launch_template.id", "launch_template.name"],
    "aws_batch_compute_environment": [
        "compute_resources.type", "compute_resources.instance_type", "compute_resources.min_vcpus",
        "compute_resources.desired_vcpus",
    ],
    "aws_sagemaker_endpoint_configuration": [
        f"{variants}.{attribute}"
        for variants in ("production_variants", "shadow_production_variants")
        for attribute in (
            "instance_type", "initial_instance_count", "serverless_config",
            "managed_instance_scaling.max_instance_count",
        )
    ],
    "aws_sagemaker_space": [
        f"space_settings.{app}_app_settings.default_resource_spec.instance_type"
        for app in ("code_editor", "jupyter_lab", "jupyter_server", "kernel_gateway")
    ],
    "aws_iam_access_key": ["user"],
    "aws_iam_service_specific_credential": ["service_name", "user_name"],
    "aws_s3_bucket": ["replication_configuration.rules.destination.bucket", "replication_configuration.rules.status"],
    "aws_s3_bucket_replication_configuration": ["rule.destination.bucket", "rule.status", "bucket"],
    "aws_efs_replication_configuration": [
        "destination.region", "destination.availability_zone_name", "destination.file_system_id",
    ],
    "aws_backup_plan": ["rule.copy_action.destination_vault_arn"],
}  # fmt: skip
"""What readers look up in a nested block, a step at a time."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Type → block of the schema, from the provider on this machine."""
    try:
        executable, mirror = real_terraform.find_terraform(), real_terraform.find_mirror()
    except real_terraform.MissingToolError as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("schema")
    (folder / "main.tf").write_text(
        'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
    )
    config = folder / "terraform.rc"
    config.write_text(
        f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n}}\n"
    )
    environment = {"PATH": str(Path(executable).parent), "HOME": str(folder), "TF_CLI_CONFIG_FILE": str(config),
                   "CHECKPOINT_DISABLE": "1"}  # fmt: skip

    def terraform(*arguments: str) -> bytes:
        return subprocess.run(
            [executable, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            check=True, timeout=real_terraform.SECONDS_PER_COMMAND,
        ).stdout  # fmt: skip

    terraform("init", "-input=false", "-backend=false")
    document = json.loads(terraform("providers", "schema", "-json"))
    shutil.rmtree(folder / ".terraform", ignore_errors=True)
    [provider] = document["provider_schemas"].values()
    return {type: resource["block"] for type, resource in provider["resource_schemas"].items()}


def holds(block: Any, path: str) -> bool:
    """Whether a path lies in a block: attributes, nested blocks, and objects inside attributes."""
    for step in path.split("."):
        if step.isdigit():
            continue
        if step in block.get("attributes", {}):
            attribute = block["attributes"][step]
            block = attribute.get("nested_type") or _object(attribute.get("type"))
        elif step in block.get("block_types", {}):
            block = block["block_types"][step]["block"]
        else:
            return False
    return True


def _object(type: Any) -> dict[str, Any]:
    while isinstance(type, list) and type[0] in ("list", "set"):
        type = type[1]
    if isinstance(type, list) and type[0] == "object":
        return {"attributes": {name: {"type": inner} for name, inner in type[1].items()}}
    return {}


def literal_paths(reader: str) -> Iterator[str]:
    """The paths that a reader's source passes to the draft as literals."""
    for module in (aws, aws_groups, aws_copies, aws_templates):
        assert module.__file__
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == reader:
                for call in ast.walk(node):
                    if (
                        isinstance(call, ast.Call)
                        and isinstance(call.func, ast.Attribute)
                        and call.func.attr in ("get", "counts", "launches", "why_unknown", "leads_to", "written")
                        and isinstance(call.func.value, ast.Name)
                        and call.func.value.id == "draft"
                        and isinstance(call.args[0], ast.Constant)
                    ):
                        yield str(call.args[0].value)


def test_every_type_is_in_the_schema_or_newer(schema: dict[str, Any]) -> None:
    known = {type for type in SHAPES if type.startswith("aws_")}
    assert known - schema.keys() == NEWER_THAN_SCHEMA


def test_every_path_of_a_shape_is_in_the_schema(schema: dict[str, Any]) -> None:
    wrong = [
        (type, path)
        for type, shape in SHAPES.items()
        if type in schema
        for path in (shape.instance_type, shape.count, shape.max_count, shape.size_gib)
        if path and not holds(schema[type], path)
    ]
    assert wrong == []


def test_every_path_of_a_reader_is_in_the_schema(schema: dict[str, Any]) -> None:
    checked = [(type, path) for reader, types in READ_BY.items() for type in types for path in literal_paths(reader)]
    assert len(checked) > 30
    assert [item for item in checked if item not in GONE and not holds(schema[item[0]], item[1])] == []


@pytest.mark.parametrize("type", NESTED)
def test_every_nested_attribute_is_in_the_schema(type: str, schema: dict[str, Any]) -> None:
    assert [path for path in NESTED[type] if not holds(schema[type], path)] == []


def test_tags_stand_where_they_are_read(schema: dict[str, Any]) -> None:
    tagged = {type for type in SHAPES if type in schema and holds(schema[type], "tags")}
    assert {type for type in tagged if not holds(schema[type], "tags_all")} == set()
    assert "aws_autoscaling_group" not in tagged


def test_a_path_that_is_not_there_would_be_noticed(schema: dict[str, Any]) -> None:
    assert not holds(schema["aws_instance"], "instance_size")
    assert not holds(schema["aws_instance"], "launch_template.0.nothing")
    assert re.fullmatch(r"aws_\w+", next(iter(schema)))
