"""Facts of Microsoft's types, each from a small plan."""

from __future__ import annotations

from typing import Any

import pytest

from sources.terraform_plan.plans import only, plan_of, rc, ref, resources

WEST = {"location": "westeurope"}
T4 = "Standard_NC4as_T4_v3"


@pytest.mark.parametrize(
    ("type", "after", "count", "most", "purchase"),
    [
        ("azurerm_linux_virtual_machine", {"size": T4}, 1, None, "on_demand"),
        ("azurerm_windows_virtual_machine", {"size": T4, "priority": "Spot"}, 1, None, "spot"),
        ("azurerm_virtual_machine", {"vm_size": T4}, 1, None, "on_demand"),
        ("azurerm_linux_virtual_machine_scale_set", {"sku": T4, "instances": 3, "priority": "Spot"}, 3, None, "spot"),
        ("azurerm_orchestrated_virtual_machine_scale_set", {"sku_name": T4, "instances": 2}, 2, None, "on_demand"),
        (
            "azurerm_virtual_machine_scale_set",
            {"sku": [{"name": T4, "capacity": 2}], "priority": "Low"},
            2,
            None,
            "spot",
        ),
        ("azurerm_capacity_reservation", {"sku": [{"name": T4, "capacity": 2}]}, 2, None, "on_demand"),
        ("azurerm_kubernetes_cluster", {"default_node_pool": [{"vm_size": T4, "node_count": 2}]}, 2, None, "on_demand"),
        (
            "azurerm_kubernetes_cluster_node_pool",
            {"vm_size": T4, "min_count": 0, "max_count": 4, "priority": "Spot"},
            0,
            4,
            "spot",
        ),
        ("azurerm_machine_learning_compute_instance", {"virtual_machine_size": T4}, 1, None, "on_demand"),
        (
            "azurerm_machine_learning_compute_cluster",
            {
                "vm_size": T4,
                "vm_priority": "LowPriority",
                "scale_settings": [{"min_node_count": 0, "max_node_count": 4}],
            },
            0,
            4,
            "spot",
        ),
    ],
)
def test_machines_of_azure(type: str, after: dict[str, Any], count: int, most: int | None, purchase: str) -> None:
    unknown = {"node_count": True} if "min_count" in after else {}
    machine = only(plan_of(rc(f"{type}.a", {**WEST, **after}, unknown=unknown)))
    assert (machine.attributes["instance_type"], machine.count, machine.max_count) == (T4, count, most)
    assert machine.purchase == purchase
    assert machine.accelerator is not None
    assert machine.accelerator.model == "T4"
    assert machine.price is not None
    assert machine.hourly_usd == machine.price.usd_per_hour * count


@pytest.mark.parametrize("sku", ["V100", "K80", "P100", "T4"])
def test_container_groups_with_gpus(sku: str) -> None:
    containers = [{"gpu": []}, {"gpu": [{"count": 2, "sku": sku}]}]
    group = only(plan_of(rc("azurerm_container_group.g", {**WEST, "container": containers})))
    assert group.accelerator is not None
    assert (group.accelerator.model, group.accelerator.count) == (sku, 2)
    assert group.accelerator.memory_gib
    assert group.unknown["hourly_usd"] == "the price book has no prices of container groups"


def test_container_groups_with_gpus_that_are_not_known_or_none() -> None:
    after = {**WEST, "container": [{"gpu": [{"sku": "T4"}]}]}
    unknown = {"container": [{"gpu": [{"count": True}]}]}
    assert "accelerator" in only(plan_of(rc("azurerm_container_group.g", after, unknown=unknown))).unknown
    without = only(plan_of(rc("azurerm_container_group.g", {**WEST, "container": [{"cpu": 1}]})))
    assert (without.accelerator, without.unknown) == (None, {})


@pytest.mark.parametrize(
    ("profile", "model", "count"),
    [
        ("NC24-A100", "A100-80GB", 1),
        ("NC96-A100", "A100-80GB", 4),
        ("Consumption-GPU-NC8as-T4", "T4", 1),
        ("NCmine", "unknown", 1),
        ("gpu", "A100-80GB", 2),
    ],
)
def test_container_apps_with_gpus(profile: str, model: str, count: int) -> None:
    environment = {"workload_profile": [{"name": "gpu", "workload_profile_type": "NC48-A100"}]}
    changes = [
        rc("azurerm_container_app_environment.e", {**WEST, **environment}),
        rc(
            "azurerm_container_app.a",
            {"workload_profile_name": profile},
            expressions={"container_app_environment_id": ref("azurerm_container_app_environment.e.id")},
        ),
    ]
    app = resources(plan_of(*changes))["azurerm_container_app.a"]
    assert app.accelerator is not None
    assert (app.accelerator.model, app.accelerator.count) == (model, count)
    assert "container apps" in app.unknown["hourly_usd"]


def test_container_apps_without_gpus() -> None:
    app = only(plan_of(rc("azurerm_container_app.a", {"workload_profile_name": "D4"})))
    assert app.accelerator is None
    assert "hourly_usd" not in app.unknown


def scaled(after: dict[str, Any], capacity: dict[str, Any], capacity_unknown: Any = None, **more: Any) -> Any:
    profiles = [{"capacity": [{"minimum": 1, "maximum": 2, "default": 1}]}, {"capacity": [capacity]}]
    address = "azurerm_linux_virtual_machine_scale_set.s"
    scale_set = rc(address, {**WEST, "sku": T4, **after}, **more)
    target = {"target_resource_id": ref(f"{address}.id", address)}
    scaler = rc(
        "azurerm_monitor_autoscale_setting.a", {"profile": profiles}, unknown=capacity_unknown, expressions=target
    )
    return resources(plan_of(scale_set, scaler))[address]


def test_what_scales_a_scale_set_tells_how_far() -> None:
    found = scaled({"instances": 2}, {"minimum": 1, "maximum": 40, "default": 3})
    assert (found.count, found.max_count) == (2, 40)
    assert found.max_hourly_usd == found.price.usd_per_hour * 40


def test_what_scales_a_scale_set_tells_how_many_where_that_is_left_open() -> None:
    written = {"instances": ref("var.instances")}
    found = scaled({}, {"maximum": 9, "default": 3}, None, unknown={"instances": True}, expressions=written)
    assert (found.count, found.max_count) == (3, 9)
    assert "count" not in found.unknown


def test_how_far_a_scale_set_scales_is_not_known() -> None:
    found = scaled({"instances": 2}, {}, {"profile": [{}, {"capacity": [{"maximum": True}]}]})
    assert {"count", "hourly_usd"} <= found.unknown.keys()


A100 = "Standard_NC24ads_A100_v4"
MIX = {**WEST, "sku_name": "Mix", "instances": 2}


def test_scale_sets_of_mixed_sizes() -> None:
    after = {**MIX, "sku_profile": [{"vm_sizes": [T4, A100]}]}
    mix = only(plan_of(rc("azurerm_orchestrated_virtual_machine_scale_set.m", after)))
    assert (mix.attributes["instance_type"], mix.attributes["instance_types"]) == (A100, [T4, A100])
    assert mix.accelerator is not None
    assert mix.accelerator.model == "A100-80GB"
    assert mix.price is not None
    assert mix.hourly_usd == mix.price.usd_per_hour * 2


@pytest.mark.parametrize("unknown", [{}, {"sku_profile": [{"vm_sizes": True}]}])
def test_mixed_sizes_that_are_not_known(unknown: dict[str, Any]) -> None:
    mix = only(plan_of(rc("azurerm_orchestrated_virtual_machine_scale_set.m", MIX, unknown=unknown)))
    assert {"accelerator", "hourly_usd"} <= mix.unknown.keys()


@pytest.mark.parametrize(
    ("type", "after", "expected"),
    [
        ("azurerm_cognitive_account", {}, True),
        ("azurerm_cognitive_account", {"local_auth_enabled": False}, False),
        ("azurerm_ai_services", {"local_authentication_enabled": False}, False),
        ("azurerm_search_service", {"local_authentication_enabled": True}, True),
        ("azurerm_storage_account", {"shared_access_key_enabled": False}, False),
        ("azurerm_machine_learning_workspace", {}, False),
        ("azurerm_ai_foundry", {}, False),
    ],
)
def test_local_authentication(type: str, after: dict[str, Any], expected: bool) -> None:
    assert only(plan_of(rc(f"{type}.a", {**WEST, **after}))).attributes["local_auth"] is expected


def test_local_authentication_that_is_not_known() -> None:
    account = only(plan_of(rc("azurerm_cognitive_account.a", WEST, unknown={"local_auth_enabled": True})))
    assert account.unknown["attributes.local_auth"] == "known after apply"
    assert "local_auth" not in account.attributes


@pytest.mark.parametrize(
    ("after", "leaves"),
    [
        ({"sku": [{"name": "GlobalStandard", "capacity": 10}]}, "yes"),
        ({"sku": [{"name": "Standard"}]}, "no"),
        ({"scale": [{"type": "Standard"}]}, "no"),
    ],
)
def test_deployments_of_models(after: dict[str, Any], leaves: str) -> None:
    deployment = only(
        plan_of(rc("azurerm_cognitive_deployment.d", {"model": [{"name": "gpt-4o", "version": "1"}], **after}))
    )
    assert deployment.attributes["model"] == "gpt-4o:1"
    assert deployment.attributes["processing"]["leaves_jurisdiction"] == leaves
    assert deployment.attributes.get("units") == (10 if "capacity" in str(after) else None)
    assert not deployment.taggable


@pytest.mark.parametrize("sku", ["ProvisionedManaged", "GlobalProvisionedManaged", "DataZoneProvisionedManaged"])
def test_provisioned_throughput_has_no_price(sku: str) -> None:
    deployment = only(plan_of(rc("azurerm_cognitive_deployment.d", {"sku": [{"name": sku, "capacity": 100}]})))
    assert deployment.unknown["hourly_usd"] == "the price book has no prices of provisioned throughput"
    standard = only(plan_of(rc("azurerm_cognitive_deployment.d", {"sku": [{"name": "GlobalStandard"}]})))
    assert "hourly_usd" not in standard.unknown


def test_tags_of_a_pool_reach_its_machines() -> None:
    pool = only(plan_of(rc("azurerm_kubernetes_cluster_node_pool.p", {"vm_size": T4, "tags": {"a": "b"}})))
    assert pool.attributes["delivered_tags"] == {"a": "b"}


def test_replication_between_storage_accounts() -> None:
    accounts = [
        rc(f"azurerm_storage_account.{name}", {"location": name, "tags": {"of": name}})
        for name in ("westeurope", "eastus")
    ]
    written = {
        "source_storage_account_id": ref("azurerm_storage_account.westeurope.id"),
        "destination_storage_account_id": ref("azurerm_storage_account.eastus.id"),
    }
    found = resources(plan_of(*accounts, rc("azurerm_storage_object_replication.r", {}, expressions=written)))
    rule = found["azurerm_storage_object_replication.r"]
    assert (rule.region, rule.tags, rule.attributes["copies_to"]) == ("westeurope", {"of": "westeurope"}, ["eastus"])
    alone = only(plan_of(rc("azurerm_storage_object_replication.r", {"source_storage_account_id": "/x"})))
    assert {"tags", "attributes.copies_to"} <= alone.unknown.keys()
