"""Where a resource lies: every way a plan may tell, in order, and what is said when none does."""

from __future__ import annotations

from typing import Any

import pytest

from sources.terraform_plan.plans import const, only, plan_of, rc, ref, resources


def aws(**expressions: Any) -> dict[str, Any]:
    return {"aws": {"name": "aws", "expressions": expressions}}


OF_ITSELF = {
    "its own region": ("aws_instance", {"region": "eu-west-3"}, "eu-west-3"),
    "its zone": ("aws_instance", {"availability_zone": "eu-west-3a"}, "eu-west-3"),
    "a local zone": ("aws_instance", {"availability_zone": "us-west-2-lax-1a"}, "us-west-2"),
    "its ARN": ("aws_eks_cluster", {"arn": "arn:aws:eks:eu-west-3:1:cluster/a"}, "eu-west-3"),
    "an ARN without a region": ("aws_s3_bucket", {"arn": "arn:aws:s3:::a"}, "us-east-1"),
    "a zone that is none": ("aws_instance", {"availability_zone": "nowhere"}, "us-east-1"),
    "its provider": ("aws_instance", {}, "us-east-1"),
    "a location": ("azurerm_managed_disk", {"location": "West Europe"}, "westeurope"),
    "a zone of Google": ("google_compute_disk", {"zone": "europe-west4-a"}, "europe-west4"),
    "a URL of a zone": ("google_compute_disk", {"zone": "https://x/zones/europe-west4-a"}, "europe-west4"),
    "a region of Google": ("google_compute_region_disk", {"region": "europe-west4"}, "europe-west4"),
    "a multi-region": ("google_storage_bucket", {"location": "EU"}, "eu"),
}


@pytest.mark.parametrize(("type", "after", "region"), OF_ITSELF.values(), ids=OF_ITSELF.keys())
def test_what_a_resource_tells_of_itself(type: str, after: dict[str, Any], region: str) -> None:
    assert only(plan_of(rc(f"{type}.a", after))).region == region


OF_ITS_PROVIDER: dict[str, tuple[dict[str, Any], dict[str, Any], str | None, str]] = {
    "a constant": (aws(region=const("eu-west-3")), {}, "eu-west-3", ""),
    "a region newer than the catalogue": (aws(region=const("xx-new-9")), {}, "xx-new-9", ""),
    "a variable": (aws(region=ref("var.r")), {"variables": {"r": {"value": "eu-west-3"}}}, "eu-west-3", ""),
    "a default": (aws(region=ref("var.r")), {"declared": {"r": {"default": "eu-west-3"}}}, "eu-west-3", ""),
    "part of a variable": (
        aws(region=ref("var.r.main", "var.r")),
        {"variables": {"r": {"value": {"main": "eu-west-3"}}}},
        "eu-west-3",
        "",
    ),
    "no region in the variable": (aws(region=ref("var.r")), {"variables": {"r": {"value": "eu"}}}, None, "var.r"),
    "one of two variables": (
        aws(region=ref("var.prod", "var.a", "var.b")),
        {"variables": {"a": {"value": "eu-west-3"}, "b": {"value": "us-east-1"}, "prod": {"value": True}}},
        None,
        "var.prod",
    ),
    "a condition on one variable": (
        aws(region=ref("var.other", "var.r")),
        {"variables": {"r": {"value": "eu-west-3"}, "other": {"value": True}}},
        None,
        "var.other",
    ),
    "a condition that starts with the region": (
        aws(region=ref("var.r", "var.other")),
        {"variables": {"r": {"value": "eu-west-3"}, "other": {"value": "us-east-1"}}},
        None,
        "var.r",
    ),
    "a local": (aws(region=ref("local.r")), {}, None, "local.r, which the plan does not tell"),
    "the environment": (aws(), {}, None, "AWS_REGION or a profile"),
    "no provider block": ({}, {}, None, "AWS_REGION or a profile"),
}


@pytest.mark.parametrize(("providers", "more", "region", "why"), OF_ITS_PROVIDER.values(), ids=OF_ITS_PROVIDER.keys())
def test_what_a_provider_tells(providers: dict[str, Any], more: dict[str, Any], region: str | None, why: str) -> None:
    instance = only(plan_of(rc("aws_instance.a", {"instance_type": "p5.48xlarge"}), providers=providers, **more))
    assert instance.region == region
    assert why in instance.unknown.get("region", "")
    assert ("region" in instance.unknown) == (region is None)
    if region is None:
        assert instance.unknown["hourly_usd"] == "its region is not known"


def test_a_sibling_tells_the_region_of_their_provider() -> None:
    sibling = rc("aws_subnet.s", {"availability_zone": "eu-west-3a"})
    assert only(plan_of(rc("aws_instance.a", {}), sibling, providers=aws())).region == "eu-west-3"


def test_siblings_that_differ_tell_nothing() -> None:
    siblings = [rc(f"aws_subnet.s{z}", {"availability_zone": z}) for z in ("eu-west-3a", "us-east-1a")]
    assert only(plan_of(rc("aws_instance.a", {}), *siblings, providers=aws())).region is None


def test_a_sibling_with_a_region_of_its_own_tells_nothing_of_the_provider() -> None:
    sibling = rc("aws_s3_bucket.s", {"region": "eu-west-3"}, expressions={"region": const("eu-west-3")})
    found = resources(plan_of(rc("aws_instance.a", {}), sibling, providers=aws()))
    assert (found["aws_s3_bucket.s"].region, found["aws_instance.a"].region) == ("eu-west-3", None)
    google = {"google": {"name": "google"}}
    disk = rc("google_compute_disk.d", {"zone": "europe-west4-a"}, expressions={"zone": const("europe-west4-a")})
    found = resources(plan_of(rc("google_storage_transfer_job.j", {}), disk, providers=google))
    assert found["google_storage_transfer_job.j"].region is None


@pytest.mark.parametrize("address", ["data.aws_region.r", 'data.aws_region.r["a.b"]'])
@pytest.mark.parametrize("values", [{"name": "eu-west-3"}, {"region": "eu-west-3", "name": "eu-west-3"}])
def test_a_data_source_tells_the_region(address: str, values: dict[str, str]) -> None:
    data = rc("aws_region.r", {}, actions=("no-op",))
    data["mode"] = data["_"]["mode"] = "data"
    data["_"]["address"] = "data.aws_region.r"
    state = {
        "values": {
            "root_module": {"resources": [{"address": address, "type": "aws_region", "mode": "data", "values": values}]}
        }
    }
    assert only(plan_of(rc("aws_instance.a", {}), data, providers=aws(), prior_state=state)).region == "eu-west-3"


@pytest.mark.parametrize(
    ("type", "after", "unknown", "written"),
    [
        ("aws_instance", {}, {"region": True}, {"region": ref("local.r")}),
        ("google_compute_disk", {}, {"zone": True}, {"zone": ref("data.google_compute_zones.z.names")}),
        ("azurerm_managed_disk", {}, {"location": True}, {"location": ref("random_shuffle.l.result")}),
    ],
)
def test_a_place_that_is_written_and_not_known_is_not_the_providers_nor_the_former(
    type: str, after: dict[str, Any], unknown: dict[str, Any], written: dict[str, Any]
) -> None:
    before = {"region": "eu-west-3", "zone": "europe-west4-a", "location": "westeurope"}
    providers = {
        **aws(region=const("us-east-1")),
        "google": {"name": "google", "expressions": {"region": const("us-east1")}},
    }
    for change in (
        rc(f"{type}.a", after, unknown=unknown, expressions=written),
        rc(f"{type}.a", after, unknown=unknown, expressions=written, before=before, actions=("delete", "create")),
    ):
        resource = only(plan_of(change, providers=providers))
        assert resource.region is None
        assert "known after apply" in resource.unknown["region"]


def test_what_the_provider_fills_in_stays_on_replacement() -> None:
    change = rc(
        "aws_instance.a",
        {},
        before={"arn": "arn:aws:ec2:eu-west-3:1:instance/i"},
        unknown={"arn": True},
        actions=("delete", "create"),
    )
    assert only(plan_of(change, providers=aws())).region == "eu-west-3"


@pytest.mark.parametrize(
    ("expressions", "region"),
    [
        ({"region": const("europe-west4")}, "europe-west4"),
        ({"zone": const("europe-west4-a")}, "europe-west4"),
        ({}, None),
    ],
)
def test_the_google_provider(expressions: dict[str, Any], region: str | None) -> None:
    providers = {"google": {"name": "google", "expressions": expressions}}
    resource = only(plan_of(rc("google_compute_instance.a", {}, unknown={"zone": True}), providers=providers))
    assert resource.region == region
    assert ("environment" in resource.unknown.get("region", "")) == (region is None)


@pytest.mark.parametrize(
    ("child", "field", "parent"),
    [
        ("azurerm_kubernetes_cluster_node_pool", "kubernetes_cluster_id", "azurerm_kubernetes_cluster"),
        ("azurerm_cognitive_deployment", "cognitive_account_id", "azurerm_cognitive_account"),
        ("azurerm_cognitive_deployment", "cognitive_account_id", "azurerm_ai_services"),
        (
            "azurerm_machine_learning_compute_instance",
            "machine_learning_workspace_id",
            "azurerm_machine_learning_workspace",
        ),
        ("azurerm_capacity_reservation", "capacity_reservation_group_id", "azurerm_capacity_reservation_group"),
        ("azurerm_container_app", "container_app_environment_id", "azurerm_container_app_environment"),
    ],
)
@pytest.mark.parametrize("by", ["reference", "id"])
def test_children_of_azure_lie_with_their_parents(child: str, field: str, parent: str, by: str) -> None:
    owner = rc(f"{parent}.p", {"location": "West Europe", "id": "/p"})
    written = {field: ref(f"{parent}.p.id", f"{parent}.p")} if by == "reference" else {}
    after = {} if by == "reference" else {field: "/p"}
    found = resources(plan_of(owner, rc(f"{child}.c", after, expressions=written)))
    assert found[f"{child}.c"].region == "westeurope"
    assert "region" not in found[f"{child}.c"].unknown


def test_a_child_of_azure_without_its_parent_is_unknown() -> None:
    child = only(plan_of(rc("azurerm_cognitive_deployment.c", {"cognitive_account_id": "/elsewhere"})))
    assert (child.region, child.unknown["region"]) == (None, "its type tells no location")


def test_without_a_configuration() -> None:
    instance = only(
        plan_of(rc("aws_instance.a", {"tags": {"a": "b"}}, unknown={"tags_all": True}), without_configuration=True)
    )
    assert instance.unknown["region"] == "the plan holds no configuration of it"
    assert "tags.*" in instance.unknown
