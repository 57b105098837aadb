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
