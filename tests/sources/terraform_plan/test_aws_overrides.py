"""Which instance types a group or a fleet may take: those of its overrides, and the template's where one names none."""

from __future__ import annotations

from typing import Any

import pytest

from sources.terraform_plan.plans import plan_of, rc, resources

SMALL, BIG = "t3.micro", "p5.48xlarge"
TEMPLATE = {"launch_template_specification": [{"launch_template_name": "big"}]}


def fleet(*configs: dict[str, Any], unknown: Any = None) -> Any:
    after = {"launch_template_config": list(configs), "target_capacity_specification": [{"total_target_capacity": 2}]}
    data = plan_of(
        rc("aws_launch_template.big", {"name": "big", "instance_type": BIG}),
        rc("aws_ec2_fleet.f", after, unknown=unknown),
    )
    return resources(data)["aws_ec2_fleet.f"]


@pytest.mark.parametrize(
    "configs",
    [
        [{**TEMPLATE, "override": [{"instance_type": SMALL}]}, TEMPLATE],
        [{**TEMPLATE, "override": [{"subnet_id": "a"}, {"instance_type": SMALL}]}],
    ],
    ids=["another config has no override", "another override names no type"],
)
def test_the_template_counts_beside_overrides(configs: list[dict[str, Any]]) -> None:
    found = fleet(*configs)
    assert found.accelerator is not None
    assert found.accelerator.model == "H100"
    assert found.attributes["instance_types"] == [SMALL, BIG]


def test_a_type_of_a_later_config_that_is_not_known_is_unknown() -> None:
    unknown = {"launch_template_config": [{}, {"override": [{"instance_type": True}]}]}
    found = fleet({**TEMPLATE, "override": [{"instance_type": SMALL}]}, {**TEMPLATE, "override": [{}]}, unknown=unknown)
    assert "launch_template_config.1.override.0.instance_type" in found.unknown["accelerator"]


def test_an_override_of_a_group_that_names_a_subnet_leaves_the_templates_type() -> None:
    policy = {"launch_template": [{**TEMPLATE, "override": [{"subnet_id": "a"}, {"instance_type": SMALL}]}]}
    data = plan_of(
        rc("aws_launch_template.big", {"name": "big", "instance_type": BIG}),
        rc("aws_autoscaling_group.g", {"min_size": 4, "max_size": 8, "mixed_instances_policy": [policy]}),
    )
    group = resources(data)["aws_autoscaling_group.g"]
    assert group.accelerator is not None
    assert (group.count, group.max_count) == (4, 8)
    assert group.price is not None
    assert group.price.instance_type == BIG


def test_model_units_have_no_price() -> None:
    after = {"model_arn": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2", "model_units": 30}
    bought = resources(plan_of(rc("aws_bedrock_provisioned_model_throughput.t", after)))
    assert "hourly_usd" in bought["aws_bedrock_provisioned_model_throughput.t"].unknown
