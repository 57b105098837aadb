"""Facts of Amazon's types, each from a small plan."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from governor.catalog.prices import PriceBook
from sources.terraform_plan.plans import collect, only, plan_of, rc, ref, resources

P5, G5 = "p5.48xlarge", "g5.xlarge"
FOUR = {"instance_type": "ml.p5.48xlarge", "instance_count": 4}


def usd(type: str, spot: bool = False) -> Decimal:
    price = PriceBook.shipped().price("aws", "us-east-1", type, "spot" if spot else "on_demand")
    assert price is not None
    return price.usd_per_hour


def template(name: str = "t", **after: Any) -> dict[str, Any]:
    return rc(f"aws_launch_template.{name}", {"instance_type": P5, **after}, unknown={"id": True})


def group(after: dict[str, Any], **more: Any) -> dict[str, Any]:
    more.setdefault(
        "expressions", {"launch_template": [{"id": ref("aws_launch_template.t.id", "aws_launch_template.t")}]}
    )
    more.setdefault("unknown", {"launch_template": [{"id": True}]})
    return rc("aws_autoscaling_group.g", {"launch_template": [{}], **after}, **more)


@pytest.mark.parametrize(
    ("options", "written", "purchase"),
    [
        ([], None, "on_demand"),
        ([{"market_type": "spot"}], None, "spot"),
        ([{"market_type": "capacity-block"}], None, "capacity_block"),
        ([{"market_type": None, "spot_options": [{"max_price": "1"}]}], None, "spot"),
        ([{}], [{}], "spot"),
    ],
)
def test_how_an_instance_is_bought(options: Any, written: Any, purchase: str) -> None:
    expressions = {} if written is None else {"instance_market_options": written}
    change = rc("aws_instance.a", {"instance_type": P5, "instance_market_options": options}, expressions=expressions)
    assert only(plan_of(change)).purchase == purchase


def test_a_market_that_is_not_known_is_said_and_counted_at_the_ceiling() -> None:
    change = rc(
        "aws_instance.a",
        {"instance_type": P5, "instance_market_options": [{}]},
        unknown={"instance_market_options": [{"market_type": True}]},
        expressions={"instance_market_options": [{"market_type": ref("local.market")}]},
    )
    instance = only(plan_of(change))
    assert "purchase" in instance.unknown
    assert instance.hourly_usd == usd(P5)


@pytest.mark.parametrize(
    ("after", "unknown", "count", "most"),
    [
        ({"desired_capacity": 2, "min_size": 1, "max_size": 4}, {}, 2, 4),
        ({"min_size": 1, "max_size": 4}, {"desired_capacity": True}, 1, 4),
        ({"min_size": "3", "max_size": "3"}, {}, 3, None),
    ],
)
def test_counts_of_a_group(after: dict[str, Any], unknown: dict[str, Any], count: int, most: int | None) -> None:
    found = resources(plan_of(template(), group(after, unknown={"launch_template": [{"id": True}], **unknown})))
    asg = found["aws_autoscaling_group.g"]
    assert (asg.count, asg.max_count) == (count, most)
    assert asg.hourly_usd == usd(P5) * count
    assert asg.max_hourly_usd == (usd(P5) * most if most else None)


def test_a_written_count_that_is_not_known_makes_the_price_unknown() -> None:
    expressions = {
        "launch_template": [{"id": ref("aws_launch_template.t")}],
        "desired_capacity": ref("random_integer.n.result"),
    }
    asg = resources(
        plan_of(template(), group({"max_size": 4}, unknown={"desired_capacity": True}, expressions=expressions))
    )["aws_autoscaling_group.g"]
    assert asg.unknown["count"] == "desired_capacity is known after apply"
    assert asg.hourly_usd is None


@pytest.mark.parametrize("by", ["reference", "id", "name"])
def test_a_group_finds_its_template(by: str) -> None:
    t = rc("aws_launch_template.t", {"instance_type": P5, "id": "lt-1", "name": "gpu"}, actions=("no-op",))
    block = {"reference": {}, "id": {"id": "lt-1"}, "name": {"name": "gpu"}}[by]
    expressions = {"launch_template": [{"id": ref("aws_launch_template.t")}]} if by == "reference" else {}
    asg = rc("aws_autoscaling_group.g", {"max_size": 1, "launch_template": [block]}, expressions=expressions)
    assert resources(plan_of(t, asg))["aws_autoscaling_group.g"].attributes["instance_type"] == P5


def test_a_template_outside_the_plan_is_unknown() -> None:
    asg = only(plan_of(rc("aws_autoscaling_group.g", {"max_size": 1, "launch_template": [{"id": "lt-9"}]})))
    assert {"accelerator", "hourly_usd", "attributes.instance_type"} <= asg.unknown.keys()
    assert "attributes.delivered_tags" in asg.unknown


def test_the_count_index_chooses_the_template() -> None:
    templates = [
        rc(f"aws_launch_template.t[{n}]", {"instance_type": t}, unknown={"id": True}) for n, t in enumerate((P5, G5))
    ]
    expressions = {"launch_template": [{"id": ref("aws_launch_template.t", "count.index")}]}
    groups = [rc(f"aws_autoscaling_group.g[{n}]", {"max_size": 1}, expressions=expressions) for n in (0, 1)]
    found = resources(plan_of(*templates, *groups))
    assert [found[f"aws_autoscaling_group.g[{n}]"].attributes["instance_type"] for n in (0, 1)] == [P5, G5]


def test_a_written_index_chooses_the_template() -> None:
    templates = [rc(f"aws_launch_template.t[{n}]", {"instance_type": t}) for n, t in enumerate((P5, G5))]
    names = ("aws_launch_template.t[1].id", "aws_launch_template.t[1]", "aws_launch_template.t")
    asg = rc("aws_autoscaling_group.g", {"max_size": 1}, expressions={"launch_template": [{"id": ref(*names)}]})
    assert resources(plan_of(*templates, asg))["aws_autoscaling_group.g"].attributes["instance_type"] == G5


def test_a_template_that_may_be_either_is_neither() -> None:
    templates = [rc(f"aws_launch_template.t[{n}]", {"instance_type": t}) for n, t in enumerate((P5, G5))]
    expressions = {"launch_template": [{"id": ref("aws_launch_template.t", "local.which")}]}
    asg = resources(plan_of(*templates, rc("aws_autoscaling_group.g", {"max_size": 1}, expressions=expressions)))
    assert "which of 2 launch templates" in asg["aws_autoscaling_group.g"].unknown["attributes.instance_type"]
    assert asg["aws_autoscaling_group.g"].price is None


def test_a_template_that_goes_is_not_meant() -> None:
    gone = rc("aws_launch_template.t[1]", None, before={"instance_type": G5}, actions=("delete",))
    stays = rc("aws_launch_template.t[0]", {"instance_type": P5})
    expressions = {"launch_template": [{"id": ref("aws_launch_template.t", "local.which")}]}
    asg = rc("aws_autoscaling_group.g", {"max_size": 1}, expressions=expressions)
    assert resources(plan_of(gone, stays, asg))["aws_autoscaling_group.g"].attributes["instance_type"] == P5


def test_a_template_is_found_through_outputs_variables_and_module_keys() -> None:
    block = {"mode": "managed", "type": "aws_launch_template", "name": "t", "provider_config_key": "aws"}
    user = {
        "mode": "managed", "type": "aws_autoscaling_group", "name": "g", "provider_config_key": "aws",
        "expressions": {"launch_template": [{"id": ref("var.template")}]},
    }  # fmt: skip
    inner = {"resources": [user], "variables": {"template": {}}}
    outer = {
        "outputs": {"id": {"expression": ref("aws_launch_template.t.id", "aws_launch_template.t")}},
        "resources": [block],
        "module_calls": {"b": {"expressions": {"template": ref("aws_launch_template.t.id")}, "module": inner}},
    }
    calls = {
        "a": {"module": outer},
        "c": {"expressions": {"template": ref('module.a["x.1"].id', "module.a")}, "module": inner},
    }
    changes = [
        rc('module.a["x.1"].aws_launch_template.t', {"instance_type": P5}),
        rc('module.a["y"].aws_launch_template.t', {"instance_type": G5}),
        rc('module.a["x.1"].module.b.aws_autoscaling_group.g', {"max_size": 1}),
        rc('module.a["y"].module.b.aws_autoscaling_group.g', {"max_size": 1}),
        rc("module.c.aws_autoscaling_group.g", {"max_size": 1}),
    ]
    found = resources(plan_of(*changes, modules=calls))
    assert found['module.a["x.1"].module.b.aws_autoscaling_group.g'].attributes["instance_type"] == P5
    assert found['module.a["y"].module.b.aws_autoscaling_group.g'].attributes["instance_type"] == G5
    # Which instance of a module an output is taken from is not in the references that can be told apart.
    assert "attributes.instance_type" in found["module.c.aws_autoscaling_group.g"].unknown


MIXED = "mixed_instances_policy"


@pytest.mark.parametrize(
    ("distribution", "purchase"),
    [
        ({}, "on_demand"),
        ({"on_demand_percentage_above_base_capacity": 0}, "spot"),
        ({"on_demand_percentage_above_base_capacity": 0, "on_demand_base_capacity": 1}, "on_demand"),
        ({"on_demand_percentage_above_base_capacity": 50}, "on_demand"),
    ],
)
def test_a_mixed_group(distribution: dict[str, Any], purchase: str) -> None:
    policy = [
        {
            "instances_distribution": [distribution],
            "launch_template": [{"override": [{"instance_type": G5}, {"instance_type": P5}]}],
        }
    ]
    asg = only(plan_of(rc("aws_autoscaling_group.g", {"min_size": 1, "max_size": 2, MIXED: policy})))
    assert asg.purchase == purchase
    assert asg.attributes["instance_types"] == [G5, P5]
    assert asg.hourly_usd == usd(P5, spot=purchase == "spot")


@pytest.mark.parametrize(
    "override",
    [
        {"instance_type": P5, "weighted_capacity": "8"},
        {"instance_requirements": [{"accelerator_count": [{"min": 1}]}]},
    ],
)
def test_a_mixed_group_without_a_number_of_instances_has_no_price(override: dict[str, Any]) -> None:
    policy = [{"launch_template": [{"override": [override]}]}]
    asg = only(plan_of(rc("aws_autoscaling_group.g", {"max_size": 16, MIXED: policy})))
    assert "hourly_usd" in asg.unknown
    assert asg.hourly_usd is None


def test_a_launch_configuration_tells_type_and_spot() -> None:
    changes = [
        rc("aws_launch_configuration.c", {"name": "lc", "instance_type": P5, "spot_price": "20"}),
        rc("aws_autoscaling_group.g", {"max_size": 1, "launch_configuration": "lc"}),
    ]
    asg = resources(plan_of(*changes))["aws_autoscaling_group.g"]
    assert (asg.purchase, asg.attributes["instance_type"]) == ("spot", P5)


def test_delivered_tags_of_a_group_and_its_template() -> None:
    specifications = [
        {"resource_type": "instance", "tags": {"a": "template", "b": "template"}},
        {"resource_type": "volume", "tags": {"v": "volume"}},
    ]
    tags = [
        {"key": "a", "value": "group", "propagate_at_launch": True},
        {"key": "c", "value": "stays", "propagate_at_launch": False},
    ]
    asg = resources(plan_of(template(tag_specifications=specifications), group({"max_size": 1, "tag": tags})))
    assert asg["aws_autoscaling_group.g"].tags == {"a": "group", "c": "stays"}
    assert asg["aws_autoscaling_group.g"].attributes["delivered_tags"] == {"a": "group", "b": "template"}
    assert asg["aws_launch_template.t"].attributes["delivered_tags"] == {"a": "template", "b": "template"}


@pytest.mark.parametrize(
    ("unknown", "path"),
    [({"tag": True}, "tags"), ({"tag": [{"key": True}]}, "tags.*"), ({"tag": [{"value": True}]}, "tags.a")],
)
def test_unknown_tags_of_a_group(unknown: dict[str, Any], path: str) -> None:
    tag = [{"key": "a", "propagate_at_launch": True}] if path == "tags.a" else [{"value": "x"}]
    after = {} if path == "tags" else {"tag": tag}
    asg = resources(plan_of(template(), group({"max_size": 1, **after}, unknown=unknown)))["aws_autoscaling_group.g"]
    assert path in asg.unknown


@pytest.mark.parametrize(
    ("after", "written", "types", "purchase"),
    [
        ({"instance_types": [P5]}, {}, [P5], "on_demand"),
        ({"instance_types": [P5, G5], "capacity_type": "SPOT"}, {}, [P5, G5], "spot"),
        ({"instance_types": [P5], "capacity_type": "CAPACITY_BLOCK"}, {}, [P5], "capacity_block"),
        ({}, {}, ["t3.medium"], "on_demand"),
    ],
)
def test_node_groups(after: dict[str, Any], written: dict[str, Any], types: list[str], purchase: str) -> None:
    scaling = [{"desired_size": 2, "max_size": 5, "min_size": 0}]
    unknown = {} if "instance_types" in after else {"instance_types": True}
    change = rc("aws_eks_node_group.n", {"scaling_config": scaling, **after}, unknown=unknown, expressions=written)
    pool = only(plan_of(change))
    assert pool.attributes["instance_type"] in types
    assert (pool.count, pool.max_count, pool.purchase) == (2, 5, purchase)
    assert pool.attributes["delivered_tags"] == {}
    assert (pool.accelerator is None) == (types == ["t3.medium"])


def test_a_node_group_whose_types_come_from_elsewhere_is_unknown() -> None:
    change = rc(
        "aws_eks_node_group.n", {}, unknown={"instance_types": True},
        expressions={"instance_types": ref("data.aws_ec2_instance_types.x.instance_types")},
    )  # fmt: skip
    assert "attributes.instance_type" in only(plan_of(change)).unknown


def test_a_node_group_with_a_launch_template() -> None:
    change = rc(
        "aws_eks_node_group.n", {"launch_template": [{}], "scaling_config": [{"desired_size": 1, "max_size": 1}]},
        unknown={"instance_types": True},
        expressions={"launch_template": [{"id": ref("aws_launch_template.t")}]},
    )  # fmt: skip
    specified = template(tag_specifications=[{"resource_type": "instance", "tags": {"a": "b"}}])
    pool = resources(plan_of(specified, change))["aws_eks_node_group.n"]
    assert (pool.attributes["instance_type"], pool.attributes["delivered_tags"]) == (P5, {"a": "b"})


def test_instances_of_a_reservation_are_paid_with_it() -> None:
    reservation = rc("aws_ec2_capacity_reservation.r", {"instance_type": P5, "instance_count": 2}, unknown={"id": True})
    target = [{"capacity_reservation_target": [{"capacity_reservation_id": ref("aws_ec2_capacity_reservation.r.id")}]}]
    instance = rc("aws_instance.a", {"instance_type": P5}, expressions={"capacity_reservation_specification": target})
    found = resources(plan_of(reservation, instance))
    assert found["aws_ec2_capacity_reservation.r"].hourly_usd == usd(P5) * 2
    assert (found["aws_instance.a"].purchase, found["aws_instance.a"].hourly_usd) == ("reserved", 0)
    assert found["aws_instance.a"].price is not None
    assert "paid by aws_ec2_capacity_reservation.r" in found["aws_instance.a"].price.note


def test_fleets() -> None:
    spot = rc(
        "aws_spot_fleet_request.s",
        {"target_capacity": 3, "launch_template_config": [{"overrides": [{"instance_type": P5}]}]},
    )
    specified = rc(
        "aws_spot_fleet_request.l",
        {"target_capacity": 2, "launch_specification": [{"instance_type": G5, "tags": {"a": "b"}}], "tags": {"c": "d"}},
    )
    fleet = rc(
        "aws_ec2_fleet.f",
        {
            "target_capacity_specification": [{"default_target_capacity_type": "spot", "total_target_capacity": 2}],
            "launch_template_config": [{"override": [{"instance_type": P5}]}],
        },
    )
    found = resources(plan_of(spot, specified, fleet))
    facts = {id: (r.purchase, r.count, r.attributes["instance_type"]) for id, r in found.items()}
    assert facts == {
        "aws_spot_fleet_request.s": ("spot", 3, P5),
        "aws_spot_fleet_request.l": ("spot", 2, G5),
        "aws_ec2_fleet.f": ("spot", 2, P5),
    }
    assert found["aws_spot_fleet_request.l"].attributes["delivered_tags"] == {"a": "b"}


def test_batch_is_counted_in_vcpus() -> None:
    after = {"compute_resources": [{"type": "SPOT", "instance_type": [P5], "min_vcpus": 0, "desired_vcpus": 192}]}
    families = {"compute_resources": [{"type": "EC2", "instance_type": ["p4d"]}]}
    fargate = {"compute_resources": [{"type": "FARGATE"}]}
    changes = [rc(f"aws_batch_compute_environment.{n}", a) for n, a in (("a", after), ("b", families), ("c", fargate))]
    a, b, c = resources(plan_of(*changes)).values()
    assert (a.purchase, a.hourly_usd, a.accelerator is not None, "hourly_usd" in a.unknown) == (
        "spot",
        None,
        True,
        True,
    )
    assert a.attributes == {"min_vcpus": 0, "desired_vcpus": 192, "instance_type": P5, "instance_types": [P5]}
    assert "any size of p4d" in b.unknown["attributes.instance_type"]
    assert (c.unknown, c.attributes) == ({}, {})


@pytest.mark.parametrize(
    ("type", "after", "expected"),
    [
        ("aws_sagemaker_notebook_instance", {"instance_type": "ml.g5.xlarge"}, "ml.g5.xlarge"),
        ("aws_sagemaker_app", {"resource_spec": [{"instance_type": "ml.g5.xlarge"}]}, "ml.g5.xlarge"),
        (
            "aws_sagemaker_space",
            {"space_settings": [{"jupyter_lab_app_settings": [
                {"default_resource_spec": [{"instance_type": "ml.g5.xlarge"}]}]}]},
            "ml.g5.xlarge",
        ),
        ("aws_sagemaker_training_job", {"resource_config": [FOUR]}, "ml.p5.48xlarge"),
        ("aws_sagemaker_cluster", {"instance_group": [FOUR]}, "ml.p5.48xlarge"),
    ],
)  # fmt: skip
def test_sagemaker(type: str, after: dict[str, Any], expected: str) -> None:
    resource = only(plan_of(rc(f"{type}.a", after)))
    assert resource.attributes["instance_type"] == expected
    assert resource.accelerator is not None
    assert "SageMaker" in resource.unknown["hourly_usd"]
    assert resource.count == (4 if "p5" in expected else 1)


def test_a_serverless_variant_runs_no_instances() -> None:
    variants = [
        {"instance_type": "ml.g5.xlarge", "initial_instance_count": 2,
         "managed_instance_scaling": [{"max_instance_count": 6}]},
        {"serverless_config": [{"max_concurrency": 5}]},
    ]  # fmt: skip
    endpoint = only(plan_of(rc("aws_sagemaker_endpoint_configuration.e", {"production_variants": variants})))
    assert (endpoint.count, endpoint.max_count) == (2, 6)


@pytest.mark.parametrize(
    ("type", "after", "leaves"),
    [
        ("aws_bedrock_inference_profile", {"model_source": [
            {"copy_from": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"}]}, "no"),
        ("aws_bedrockagent_agent", {"foundation_model": "eu.anthropic.claude-3-7-sonnet-20250219-v1:0"}, "yes"),
        ("aws_bedrock_provisioned_model_throughput", {"model_arn": "amazon.titan-text-lite-v1"}, "no"),
    ],
)  # fmt: skip
def test_models_of_bedrock(type: str, after: dict[str, Any], leaves: str) -> None:
    resource = only(plan_of(rc(f"{type}.a", after)))
    assert resource.attributes["model"]
    assert resource.attributes["processing"]["leaves_region"] == leaves


def test_keys() -> None:
    changes = [
        rc("aws_iam_access_key.a", {"user": "bot"}),
        rc("aws_iam_access_key.b", {}, unknown={"user": True}),
        rc("aws_iam_service_specific_credential.c", {"service_name": "bedrock.amazonaws.com", "user_name": "bot"}),
    ]
    a, b, c = resources(plan_of(*changes)).values()
    assert a.attributes["key"] == {"provider": "aws", "owner": "bot"}
    assert b.unknown["attributes.key.owner"] == "known after apply"
    assert c.attributes["key"] == {"provider": "aws-bedrock", "owner": "bot"}


def test_sizes() -> None:
    volume = rc("aws_ebs_volume.v", {"size": 100})
    snapshot = rc(
        "aws_ebs_snapshot.s", {}, unknown={"volume_size": True}, expressions={"volume_id": ref("aws_ebs_volume.v")}
    )
    lustre = rc("aws_fsx_lustre_file_system.l", {"storage_capacity": "1200"})
    assert [r.attributes["size_gib"] for r in resources(plan_of(volume, snapshot, lustre)).values()] == [100, 100, 1200]


@pytest.mark.parametrize(
    ("actions", "change", "now", "then"),
    [
        (("create",), "create", usd(P5), None),
        (("no-op",), "none", usd(P5), usd(P5)),
        (("update",), "update", usd(P5), usd(G5)),
        (("delete", "create"), "replace", usd(P5), usd(G5)),
        (("create", "delete"), "replace", usd(P5), usd(G5)),
    ],
)
def test_cost_before_and_after(actions: tuple[str, ...], change: str, now: Decimal, then: Decimal | None) -> None:
    before = None if change == "create" else {"instance_type": P5 if change == "none" else G5}
    instance = only(plan_of(rc("aws_instance.a", {"instance_type": P5}, before=before, actions=actions)))
    assert (instance.change, instance.hourly_usd, instance.previous_hourly_usd) == (change, now, then)


@pytest.mark.parametrize("action", ["delete", "forget"])
def test_cost_of_what_goes(action: str) -> None:
    before = {"instance_type": P5, "arn": "arn:aws:ec2:us-east-1:1:instance/i"}
    [gone] = collect(plan_of(rc("aws_instance.a", None, before=before, actions=(action,)))).removed
    assert (gone.change, gone.region, gone.previous_hourly_usd) == (action, "us-east-1", usd(P5))


def test_the_former_cost_of_a_group_is_that_of_its_former_template() -> None:
    t = rc(
        "aws_launch_template.t", {"id": "lt-1", "instance_type": P5}, before={"id": "lt-1", "instance_type": G5},
        actions=("update",),
    )  # fmt: skip
    both = {"desired_capacity": 2, "max_size": 2, "launch_template": [{"id": "lt-1"}]}
    asg = rc(
        "aws_autoscaling_group.g", both, before=both, actions=("update",),
        expressions={"launch_template": [{"id": ref("aws_launch_template.t")}]},
    )  # fmt: skip
    found = resources(plan_of(t, asg))["aws_autoscaling_group.g"]
    assert (found.hourly_usd, found.previous_hourly_usd) == (usd(P5) * 2, usd(G5) * 2)


def test_moved_and_imported() -> None:
    moved = rc("aws_instance.new", {"instance_type": P5}, before={"instance_type": P5}, actions=("no-op",))
    moved["previous_address"] = "aws_instance.old"
    imported = rc("aws_instance.i", {"instance_type": P5}, before={"instance_type": P5}, actions=("no-op",))
    imported["change"]["importing"] = {"id": "i-1"}
    found = resources(plan_of(moved, imported))
    assert (found["aws_instance.new"].previous_id, found["aws_instance.new"].change) == ("aws_instance.old", "none")
    assert (found["aws_instance.i"].change, found["aws_instance.i"].previous_hourly_usd) == ("import", usd(P5))
