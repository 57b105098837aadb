"""The trap plans hold the traps that tests/trap_plans/README.md names, and Terraform still lays them."""

import json
from typing import Any

import pytest

from real_terraform import COMMITTED, TRAP_PLANS, Terraform, essentials


def plan(name: str) -> dict[str, Any]:
    return json.loads((TRAP_PLANS / name / "plan.json").read_bytes())


def changes(name: str) -> dict[str, dict[str, Any]]:
    return {change["address"]: change for change in plan(name)["resource_changes"]}


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
@pytest.mark.parametrize("name", ["tags", "lifecycle"])
def test_terraform_still_lays_the_traps(terraform: Terraform, name: str) -> None:
    path = TRAP_PLANS / name / "plan.json"
    assert essentials(COMMITTED[path](terraform)) == essentials(path.read_bytes())


@pytest.mark.parametrize(
    ("resource", "tags", "tags_all_unknown"),
    [
        ("aws_ebs_volume.untagged", None, True),
        ("aws_bedrock_provisioned_model_throughput.untagged", None, {}),
        ("aws_instance.null_value", {"owner-team": "nlp"}, {}),
        ("aws_instance.empty_value", {"owner-team": "nlp", "project": ""}, True),
        ("aws_bedrock_provisioned_model_throughput.one_value_unknown", {"owner-team": "nlp"}, True),
    ],
)
def test_tags_are_less_than_they_look(resource: str, tags: Any, tags_all_unknown: Any) -> None:
    change = changes("tags")[resource]["change"]
    assert change["after"]["tags"] == tags
    assert change["after_unknown"]["tags_all"] == tags_all_unknown


def test_one_unknown_value_hides_the_whole_map() -> None:
    change = changes("tags")["aws_instance.one_value_unknown"]["change"]
    assert "tags" not in change["after"]
    assert change["after_unknown"]["tags"] is True


@pytest.mark.parametrize("resource", ["aws_instance.sensitive_value", "aws_instance.sensitive_map"])
def test_a_sensitive_tag_stands_in_clear_in_tags_all(resource: str) -> None:
    change = changes("tags")[resource]["change"]
    assert change["after_sensitive"]["tags_all"] == {}
    assert "nobody-may-print" in change["after"]["tags_all"]["cost-centre"]


def test_a_count_of_zero_is_in_the_configuration_only() -> None:
    document = plan("capacity")
    configured = {resource["address"] for resource in document["configuration"]["root_module"]["resources"]}
    assert "aws_instance.none" in configured
    assert "aws_instance.none" not in changes("capacity")


@pytest.mark.parametrize("resource", ["aws_ec2_capacity_block_reservation.reserved", "aws_instance.from_template"])
def test_an_instance_type_that_is_not_known(resource: str) -> None:
    change = changes("capacity")[resource]["change"]
    assert "instance_type" not in change["after"]
    assert change["after_unknown"]["instance_type"] is True


def test_regions_that_no_plan_states() -> None:
    configured = plan("providers")["configuration"]["provider_config"]
    assert "expressions" not in configured["aws"]
    assert configured["aws.recovery"]["expressions"]["region"] == {"references": ["local.recovery_region"]}


@pytest.mark.parametrize(
    ("resource", "actions", "reason"),
    [
        ("aws_instance.grows", ["update"], None),
        ("aws_instance.replaced", ["delete", "create"], "replace_because_cannot_update"),
        ("aws_ebs_volume.replaced_create_first", ["create", "delete"], "replace_because_cannot_update"),
        ("aws_ebs_volume.shrinking[0]", ["delete", "create"], "replace_by_request"),
        ("aws_ebs_volume.shrinking[1]", ["delete"], "delete_because_count_index"),
        ("aws_ebs_volume.removed", ["delete"], "delete_because_no_resource_config"),
        ("aws_ebs_volume.forgotten", ["forget"], "delete_because_no_resource_config"),
        ("aws_ebs_volume.new_name", ["no-op"], None),
        ("aws_ebs_volume.adopted", ["update"], None),
        ("aws_ebs_volume.new_with_trigger", ["create"], "replace_by_triggers"),
        ("aws_instance.gone", ["create"], None),
        ("data.aws_iam_policy_document.read_later", ["read"], "read_because_config_unknown"),
    ],
)
def test_actions(resource: str, actions: list[str], reason: str | None) -> None:
    change = changes("lifecycle")[resource]
    assert (change["change"]["actions"], change.get("action_reason")) == (actions, reason)


def test_what_was_terminated_by_hand_is_drift_as_well() -> None:
    drift = {change["address"]: change["change"]["actions"] for change in plan("lifecycle")["resource_drift"]}
    assert drift["aws_instance.gone"] == ["delete"]


def test_plans_without_the_usual_parts() -> None:
    assert "resource_changes" not in plan("refresh_only")
    assert {tuple(change["change"]["actions"]) for change in changes("destroy").values()} == {("delete",)}
    assert plan("errored")["errored"] is True
    assert list(changes("errored")) == ["aws_instance.planned"]
