"""The traps of real plans, each from the bytes of a plan that Terraform made to the facts that policies see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governor.model import Resource
from governor.sources.terraform_plan.draft import AFTER_APPLY, NOT_YET
from sources.terraform_plan.plans import PROJECT, collect, of_plan, only, plan_of, rc, ref

DEFAULTS = {"environment": "test", "managed-by": "terraform", "org": "example"}


def at(plan: str, address: str) -> Resource:
    [found] = [resource for resource in of_plan(plan).resources if resource.id == address]
    return found


def test_1_a_wholly_untagged_resource_is_untagged_not_unknown() -> None:
    volume = at("tags", "aws_ebs_volume.untagged")
    assert (volume.tags, volume.taggable) == ({}, True)
    assert not [path for path in volume.unknown if path.startswith("tags")]


def test_1_the_newer_framework_says_it_with_an_empty_map() -> None:
    throughput = at("tags", "aws_bedrock_provisioned_model_throughput.untagged")
    assert throughput.tags == {}
    assert not [path for path in throughput.unknown if path.startswith("tags")]


def test_1_default_tags_are_tags() -> None:
    assert at("tags", "aws_ebs_volume.untagged_with_defaults").tags == DEFAULTS


def test_2_one_unknown_value_hides_the_map_but_not_the_default_tags() -> None:
    instance = at("tags", "aws_instance.one_value_unknown")
    assert instance.tags.keys() == DEFAULTS.keys()
    assert instance.unknown["tags.*"] == AFTER_APPLY
    assert instance.unknown["tags.environment"] == AFTER_APPLY


def test_2_the_newer_framework_tells_the_rest() -> None:
    throughput = at("tags", "aws_bedrock_provisioned_model_throughput.one_value_unknown")
    assert throughput.tags["owner-team"] == "nlp"
    unknown = {key for key, value in throughput.tags.items() if value == NOT_YET}
    assert unknown
    assert {f"tags.{key}" for key in unknown} <= throughput.unknown.keys()


@pytest.mark.parametrize("address", ["aws_instance.null_value", "aws_instance.null_value_without_defaults"])
def test_3_a_null_value_is_no_tag(address: str) -> None:
    instance = at("tags", address)
    assert "project" not in instance.tags
    assert instance.tags["owner-team"] == "nlp"
    assert not [path for path in instance.unknown if path.startswith("tags")]


@pytest.mark.parametrize("address", ["aws_instance.empty_value", "aws_instance.empty_value_without_defaults"])
def test_3_an_empty_value_is_a_tag_and_hides_nothing(address: str) -> None:
    instance = at("tags", address)
    assert instance.tags["project"] == ""
    assert instance.tags["owner-team"] == "nlp"
    assert not [path for path in instance.unknown if path.startswith("tags")]


@pytest.mark.parametrize("address", ["aws_instance.sensitive_value", "aws_instance.sensitive_map"])
def test_4_a_sensitive_tag_is_withheld_from_both_maps(address: str) -> None:
    instance = at("tags", address)
    assert instance.tags["cost-centre"] == "(sensitive)"
    assert instance.unknown["tags.cost-centre"] == "sensitive"
    assert "tags.cost-centre" in instance.sensitive
    assert "nobody-may-print" not in repr(instance)


def test_4_default_tags_of_a_sensitive_map_stay_readable() -> None:
    assert at("tags", "aws_instance.sensitive_map").tags.items() >= DEFAULTS.items()


def test_5_secrets_of_variables_and_outputs_are_gathered() -> None:
    document = json.loads((PROJECT / "tests/trap_plans/tags/plan.json").read_bytes())
    secrets = of_plan("tags").secrets
    assert document["variables"]["parameter"]["value"] in secrets
    assert document["output_changes"]["secret"]["after"] in secrets


@pytest.mark.parametrize("unknown", [True, {}, False, None, {"tags": True}])
@pytest.mark.parametrize("sensitive", [True, {}, False, None])
@pytest.mark.parametrize("tags", [{"a": "b"}, None, {}])
def test_6_marks_and_maps_may_be_anything(unknown: object, sensitive: object, tags: object) -> None:
    change = rc("aws_instance.a", {"instance_type": "p5.48xlarge", "tags": tags}, unknown=unknown, sensitive=sensitive)
    instance = only(plan_of(change))
    if unknown is True or sensitive is True:
        assert "tags" in instance.unknown or "tags.*" in instance.unknown
        assert instance.hourly_usd is None


def test_6_a_change_without_an_after_is_a_gap_and_wholly_unknown() -> None:
    data = plan_of(rc("aws_instance.a", None, unknown={}))
    inventory = collect(data)
    assert [gap.place for gap in inventory.gaps] == ["aws_instance.a"]
    [instance] = inventory.resources
    assert {"tags.*", "accelerator", "hourly_usd"} <= instance.unknown.keys()


def test_7_tags_of_an_autoscaling_group_are_a_list_without_default_tags() -> None:
    group = at("capacity", "aws_autoscaling_group.mixed")
    document = json.loads((PROJECT / "tests/trap_plans/capacity/plan.json").read_bytes())
    [written] = [c for c in document["resource_changes"] if c["address"] == group.id]
    tags = written["change"]["after"]["tag"]
    assert group.tags == {tag["key"]: tag["value"] for tag in tags}
    delivered = group.attributes["delivered_tags"]
    assert {tag["key"] for tag in tags if tag["propagate_at_launch"]} <= delivered.keys()


def test_7_what_is_not_propagated_does_not_reach_the_instances() -> None:
    group = at("capacity", "aws_autoscaling_group.template_by_name")
    assert group.tags == {"project": "stays-on-the-group"}
    assert group.attributes["delivered_tags"] == {"project": "of-the-instances"}


def test_8_a_launch_template_delivers_its_tag_specifications_not_its_tags() -> None:
    template = at("capacity", "aws_launch_template.gpu")
    assert template.attributes["delivered_tags"] != template.tags
    assert template.attributes["delivered_tags"]


def test_9_a_spot_request_keeps_its_tags() -> None:
    request = at("capacity", "aws_spot_instance_request.tagged_request")
    assert request.tags
    assert request.attributes["delivered_tags"] == {}
    assert request.purchase == "spot"


@pytest.mark.parametrize(
    ("address", "types", "dearest", "model"),
    [
        ("aws_eks_node_group.gpu", ["g5.12xlarge", "g6.12xlarge"], "g5.12xlarge", "A10G"),
        ("aws_autoscaling_group.mixed", ["p5.48xlarge", "g5.12xlarge"], "p5.48xlarge", "H100"),
        ("aws_autoscaling_group.template_by_id", ["p4d.24xlarge"], "p4d.24xlarge", "A100"),
        ("aws_autoscaling_group.template_by_name", ["p4d.24xlarge"], "p4d.24xlarge", "A100"),
        ("aws_instance.from_template", ["p4d.24xlarge"], "p4d.24xlarge", "A100"),
    ],
)
def test_10_instance_types_hide(address: str, types: list[str], dearest: str, model: str) -> None:
    resource = at("capacity", address)
    assert set(resource.attributes.get("instance_types", types)) == set(types)
    assert resource.attributes["instance_type"] == dearest
    assert resource.accelerator is not None
    assert resource.accelerator.model == model
    assert resource.price is not None
    assert resource.price.instance_type == dearest


def test_10_every_variant_of_an_endpoint_counts() -> None:
    endpoint = at("capacity", "aws_sagemaker_endpoint_configuration.two_variants")
    assert endpoint.count is not None
    assert endpoint.count >= 2
    assert endpoint.accelerator is not None


def test_10_model_units_have_no_type() -> None:
    throughput = at("capacity", "aws_bedrock_provisioned_model_throughput.units")
    assert throughput.attributes["units"] >= 1
    assert "instance_type" not in throughput.attributes


def test_10_a_capacity_block_tells_nothing_until_it_is_bought() -> None:
    block = at("capacity", "aws_ec2_capacity_block_reservation.reserved")
    assert block.purchase == "capacity_block"
    assert {"accelerator", "hourly_usd", "count", "attributes.instance_type"} <= block.unknown.keys()
    assert block.hourly_usd is None


def test_11_replacement_is_told_by_actions_not_by_reasons() -> None:
    assert at("lifecycle", "aws_ebs_volume.new_with_trigger").change == "create"
    assert at("lifecycle", "aws_instance.replaced").change == "replace"
    assert at("lifecycle", "aws_ebs_volume.replaced_create_first").change == "replace"


def test_12_imported_moved_and_drifted_away() -> None:
    assert at("lifecycle", "aws_ebs_volume.adopted").change == "import"
    moved = at("lifecycle", "aws_ebs_volume.new_name")
    assert moved.change == "none"
    assert moved.previous_id == "aws_ebs_volume.old_name"
    assert at("lifecycle", "aws_instance.gone").change == "create"
    assert at("lifecycle", "aws_instance.gone").previous_hourly_usd is None


def test_12_what_goes_is_removed_and_not_judged() -> None:
    inventory = of_plan("lifecycle")
    assert {(r.id, r.change) for r in inventory.removed} == {
        ("aws_ebs_volume.forgotten", "forget"),
        ("aws_ebs_volume.removed", "delete"),
        ("aws_ebs_volume.shrinking[1]", "delete"),
    }
    assert not {r.id for r in inventory.removed} & {r.id for r in inventory.resources}


def test_12_another_type_shows_in_the_former_cost() -> None:
    instance = at("lifecycle", "aws_instance.grows")
    assert instance.change == "update"
    if instance.hourly_usd is not None:
        assert instance.previous_hourly_usd != instance.hourly_usd


def test_13_a_refresh_changes_nothing_and_says_so() -> None:
    inventory = of_plan("refresh_only")
    assert inventory.resources == ()
    assert "nothing to judge" in inventory.notes[0]
    assert inventory.gaps == ()


def test_13_a_destroy_plan_removes_everything() -> None:
    inventory = of_plan("destroy")
    assert inventory.resources == ()
    assert inventory.removed
    assert {r.change for r in inventory.removed} == {"delete"}


def test_14_blocks_without_arguments_have_no_expressions() -> None:
    document = json.loads((PROJECT / "tests/trap_plans/providers/plan.json").read_bytes())
    block = next(b for b in document["configuration"]["root_module"]["resources"] if b["type"] == "aws_region")
    assert "expressions" not in block
    assert of_plan("providers").resources


def test_15_keys_hold_dots_and_brackets() -> None:
    instance = at("providers", 'module.cluster["vis.1"].module.nodes.aws_instance.node["b.c"]')
    assert instance.region == "us-west-2"
    assert instance.attributes["instance_type"]


@pytest.mark.parametrize("key", ["a.b", 'q"uote', "[0]", "]", 'module.x["y"]', "a\\\\", "ü", ""])
def test_15_any_key_leads_to_its_block(key: str) -> None:
    quoted = json.dumps(key, ensure_ascii=False)
    address = f"module.m[{quoted}].aws_instance.n[{quoted}]"
    change = {
        "address": address, "module_address": f"module.m[{quoted}]", "type": "aws_instance", "name": "n",
        "mode": "managed", "index": key,
        "change": {"actions": ["create"], "after": {"instance_type": "p5.48xlarge"}, "after_unknown": {}},
    }  # fmt: skip
    block = {"mode": "managed", "type": "aws_instance", "name": "n", "provider_config_key": "aws"}
    data = plan_of(change, modules={"m": {"module": {"resources": [block]}}})
    assert only(data).region == "us-east-1"


def test_16_a_write_only_value_is_null_and_no_trouble() -> None:
    assert of_plan("tags").not_covered["aws_ssm_parameter"] >= 1


def test_17_default_tags_out_of_a_local_are_learnt_from_what_shows_them() -> None:
    provider = json.loads((PROJECT / "tests/trap_plans/tags/plan.json").read_bytes())["configuration"][
        "provider_config"
    ]
    assert "constant_value" not in provider["aws"]["expressions"]["default_tags"][0]["tags"]
    assert at("tags", "aws_instance.empty_value").tags.items() >= DEFAULTS.items()


def test_17_default_tags_that_nothing_shows_stay_unknown() -> None:
    provider = {"name": "aws", "expressions": {"default_tags": [{"tags": ref("local.tags")}]}}
    change = rc("aws_instance.a", {"tags": {"a": "b"}}, unknown={"tags_all": True})
    instance = only(plan_of(change, providers={"aws": provider}))
    assert instance.tags == {"a": "b"}
    assert (
        instance.unknown["tags.*"]
        == "the default_tags of provider aws come from local.tags, which the plan does not tell"
    )


def test_17_a_region_out_of_a_local_is_learnt_from_a_data_source() -> None:
    assert at("providers", "aws_instance.region_of_a_local").region == "eu-central-1"


def test_17_a_region_out_of_the_environment_is_learnt_from_a_zone() -> None:
    assert at("providers", "aws_ebs_volume.region_of_the_environment").region == "us-east-1"
    assert at("providers", "aws_instance.region_of_the_environment").region == "us-east-1"


def test_18_one_block_stands_for_all_its_instances() -> None:
    nodes = {r.id: r.region for r in of_plan("providers").resources if ".aws_instance.node[" in r.id}
    assert len(nodes) >= 4
    assert {region for id, region in nodes.items() if ".module.nodes." in id} == {"us-west-2"}
    assert {region for id, region in nodes.items() if ".module.backup_nodes." in id} == {"eu-central-1"}


def test_a_count_of_zero_is_nothing() -> None:
    assert "aws_instance.none" not in {r.id for r in of_plan("capacity").resources}


def test_a_plan_that_ended_in_an_error_is_refused(run) -> None:
    code, out, err = run("check", str(PROJECT / "tests/trap_plans/errored/plan.json"))
    assert (code, out) == (3, "")
    assert "ended in an error" in err


def test_missing_and_unknown_tags_part_in_the_report(run) -> None:
    code, out, _ = run("check", str(PROJECT / "tests/trap_plans/tags/plan.json"), "-f", "json", "--today", "2026-01-01")
    report = json.loads(out)
    states = {(f["resource"], f["attribute"]): f["state"] for f in report["findings"] if f["policy"] == "TAG001"}
    assert states["aws_ebs_volume.untagged", "tags.project"] == "open"
    assert states["aws_instance.null_value", "tags.project"] == "open"
    assert states["aws_instance.empty_value", "tags.project"] == "open"
    assert states["aws_instance.one_value_unknown", "tags.project"] == "undetermined"
    assert states["aws_instance.whole_map_unknown", "tags.project"] == "undetermined"
    assert ("aws_instance.sensitive_value", "tags.cost-centre") not in states
    assert code == 1


def test_the_shared_platform_is_accounted_for(shared: Path) -> None:
    data = (shared / "plans/platform_v2/plan.json").read_bytes()
    changes = [c for c in json.loads(data)["resource_changes"] if c["mode"] == "managed"]
    staying = [c for c in changes if c["change"]["actions"] not in (["delete"], ["forget"])]
    inventory = collect(data)
    judged = [r for r in inventory.resources if r.kind not in ("variable", "other")]
    assert len(judged) + sum(inventory.not_covered.values()) == len(staying)
    assert not inventory.gaps
    assert len({r.id for r in inventory.resources}) == len(inventory.resources)
    assert {r.id: r.region for r in judged if r.id.startswith("module.cluster")}.keys()
    assert all(r.region for r in judged if r.kind != "api_key" and "region" not in r.unknown)
