"""The estate in, governor's own inventory out: what runs is judged as what is planned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.azure_model import ArmResource, Estate, Unknown
from governor.catalog.prices import PriceBook
from governor.model import Gap, Inventory, Resource, Shard
from governor.sources.azure.estate.azurerm import TYPES
from governor.sources.azure.estate.ours import inventory
from governor.sources.azure.estate.terraform import from_plan
from sources.azure.test_estate_rows import GROUP, of, row
from sources.terraform_plan.plans import collect, plan_of, rc

T4 = "Standard_NC4as_T4_v3"
WEST = {"location": "West Europe", "resource_group_name": "ai", "name": "x", "tags": {"project": "vision"}}
KUBERNETES = "Microsoft.ContainerService/managedClusters"
LEARNING = "Microsoft.MachineLearningServices/workspaces"


def ours(*rows: dict[str, Any]) -> Inventory:
    return inventory(of(list(rows)), PriceBook.shipped())


def only(*rows: dict[str, Any]) -> Resource:
    (resource,) = ours(*rows).resources
    return resource


PLANNED = [
    ("azurerm_linux_virtual_machine", {"size": T4, "priority": "Spot"}),
    ("azurerm_windows_virtual_machine", {"size": T4, "os_disk": [{"caching": "None"}]}),
    ("azurerm_linux_virtual_machine_scale_set", {"sku": T4, "instances": 3, "priority": "Spot"}),
    ("azurerm_kubernetes_cluster", {"default_node_pool": [{"name": "p", "vm_size": T4, "node_count": 2}]}),
    (
        "azurerm_kubernetes_cluster_node_pool",
        {"vm_size": T4, "node_count": 1, "min_count": 0, "max_count": 4, "priority": "Spot"},
    ),
    ("azurerm_machine_learning_compute_instance", {"virtual_machine_size": T4}),
    (
        "azurerm_machine_learning_compute_cluster",
        {
            "vm_size": T4,
            "vm_priority": "LowPriority",
            "scale_settings": [{"min_node_count": 1, "max_node_count": 4}],
        },
    ),
    ("azurerm_machine_learning_workspace", {}),
    ("azurerm_cognitive_account", {"kind": "OpenAI", "sku_name": "S0", "local_auth_enabled": False}),
    (
        "azurerm_cognitive_deployment",
        {"sku": [{"name": "GlobalStandard", "capacity": 10}], "model": [{"name": "gpt-4o", "version": "1"}]},
    ),
    ("azurerm_search_service", {"sku": "basic", "local_authentication_enabled": False}),
    ("azurerm_storage_account", {"account_tier": "Standard", "shared_access_key_enabled": False}),
    ("azurerm_managed_disk", {"disk_size_gb": 127}),
    ("azurerm_snapshot", {"disk_size_gb": 64}),
    ("azurerm_capacity_reservation", {"sku": [{"name": T4, "capacity": 2}]}),
    ("azurerm_container_group", {"container": [{"name": "c", "gpu": [{"count": 2, "sku": "V100"}]}]}),
]

FACTS = (
    "kind", "type", "provider", "region", "tags", "taggable", "accelerator", "purchase", "count", "max_count", "price",
    "hourly_usd", "max_hourly_usd", "attributes", "unknown",
)  # fmt: skip


@pytest.mark.parametrize(("type", "after"), PLANNED)
def test_what_runs_has_the_facts_that_its_plan_has(type: str, after: dict[str, Any]) -> None:
    """A plan, to Azure and back: the same facts as the plan read by itself."""
    child = type in ("azurerm_kubernetes_cluster_node_pool", "azurerm_cognitive_deployment")
    plan = plan_of(rc(f"{type}.x", {**({"name": "x"} if child else WEST), **after}))
    (planned,) = collect(plan).resources

    (found,) = inventory(from_plan(plan, place="plan.json"), PriceBook.shipped()).resources

    assert {name: getattr(found, name) for name in FACTS} == {name: getattr(planned, name) for name in FACTS}


def test_a_machine_that_is_deallocated_costs_nothing() -> None:
    power = {"instanceView": {"powerState": {"code": "PowerState/deallocated"}}}
    vm = row(
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm",
        tags={"project": "vision"},
        properties={"hardwareProfile": {"vmSize": T4}, "extended": power, "timeCreated": "2026-01-01T00:00:00Z"},
    )

    found = only(vm)

    assert found.id == vm["id"]
    assert (found.account, found.region) == ("11111111-1111-1111-1111-111111111111", "westeurope")
    assert (found.state, found.hourly_usd, found.created_at) == ("deallocated", Decimal(0), "2026-01-01T00:00:00Z")
    assert found.accelerator is not None
    running = only(row(vm["id"], properties={"hardwareProfile": {"vmSize": T4}}))
    assert running.hourly_usd
    assert running.hourly_usd > 0


def test_pools_of_a_cluster_and_the_scale_sets_behind_them_are_paid_once() -> None:
    cluster = f"{GROUP}/providers/{KUBERNETES}/k"
    pools = [
        {"name": "system", "mode": "System", "vmSize": "Standard_D4s_v5", "count": 1, "minCount": None},
        {"name": "gpu", "mode": "User", "vmSize": T4, "count": 2, "maxCount": 5, "tags": {"project": "vision"}},
    ]
    behind = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/MC_ai/providers/Microsoft.Compute"
    found = ours(
        row(cluster, properties={"agentPoolProfiles": pools, "nodeResourceGroup": "mc_ai"}),
        row(f"{behind}/virtualMachineScaleSets/aks-gpu", sku={"name": T4, "capacity": 2}),
    )

    by_kind = {resource.kind: resource for resource in found.resources}
    assert set(by_kind) == {"cluster", "compute_group", "node_pool"}
    pool, machines = by_kind["node_pool"], by_kind["compute_group"]
    assert (pool.id, pool.region, pool.count, pool.max_count) == (f"{cluster}/agentPools/gpu", "westeurope", 2, 5)
    assert pool.attributes["delivered_tags"] == pool.tags == {"project": "vision"}
    assert pool.hourly_usd == pool.price.usd_per_hour * 2 if pool.price else False
    assert (machines.controller, machines.hourly_usd) == (cluster, Decimal(0))
    assert by_kind["cluster"].attributes["instance_type"] == "Standard_D4s_v5"


def test_endpoints_of_machine_learning() -> None:
    endpoint = f"{GROUP}/providers/{LEARNING}/ws/onlineEndpoints/ep"
    found = ours(
        row(endpoint, tags={"project": "vision"}),
        row(f"{endpoint}/deployments/blue", sku={"capacity": 3}, properties={"instanceType": T4}),
    ).resources

    assert [resource.kind for resource in found] == ["model_endpoint", "model_endpoint"]
    assert (found[1].count, found[1].attributes["instance_type"]) == (3, T4)
    assert found[1].hourly_usd == found[1].price.usd_per_hour * 3 if found[1].price else False


def test_computes_that_stop_or_are_only_attached() -> None:
    computes = f"{GROUP}/providers/{LEARNING}/ws/computes"
    stopped = {"computeType": "ComputeInstance", "properties": {"vmSize": T4, "state": "Stopped"}}
    found = ours(
        row(f"{computes}/ci", properties=stopped),
        row(f"{computes}/attached", properties={"computeType": "Kubernetes", "properties": {}}),
    )

    (instance,) = found.resources
    assert (instance.kind, instance.state, instance.hourly_usd) == ("notebook", "Stopped", Decimal(0))
    assert found.not_covered == {f"{LEARNING}/computes".lower(): 1}


def test_what_the_export_does_not_tell_is_not_known() -> None:
    vm = row(f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm", properties=None)
    account = row(f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/a", properties=None)

    machine, openai = ours(vm, account).resources

    assert "the export does not tell its properties" in machine.unknown["hourly_usd"]
    assert "the export does not tell its properties" in openai.unknown["attributes.local_auth"]
    assert "local_auth" not in openai.attributes


def test_a_tag_that_is_not_known() -> None:
    disk = ArmResource(
        id=f"{GROUP}/providers/Microsoft.Compute/disks/d",
        type="Microsoft.Compute/disks",
        body={"name": "d", "tags": {"a": "b", "c": Unknown("known after apply")}, "location": Unknown("later")},
    )

    (found,) = inventory(Estate(resources=(disk,)), PriceBook.shipped()).resources

    assert found.tags["a"] == "b"
    assert found.unknown["tags.c"] == "known after apply"
    assert "later" in found.unknown["region"]


def test_shards_tell_what_was_read_whole() -> None:
    disk = f"{GROUP}/providers/Microsoft.Compute/disks/d"
    gap = Gap("x", "y")
    whole = of(
        [
            row(disk, tags={"project": "x"}),
            row(f"{disk}2"),
            row(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/s"),
        ]
    )
    part = Estate(resources=whole.resources, listed=whole.listed - {"microsoft.compute/disks"}, gaps=(gap,))

    found = inventory(part, PriceBook.shipped())

    place = "11111111-1111-1111-1111-111111111111/westeurope"
    assert found.shards == (
        Shard(place=f"{place}/microsoft.compute", standing="incomplete", resources=2, tagged=1, untagged=1),
        Shard(place=f"{place}/microsoft.storage", resources=1, tagged=0, untagged=1),
    )
    assert {resource.shard for resource in found.resources} == {shard.place for shard in found.shards}
    assert found.gaps == (gap,)
    assert found.stage == "live"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.text("ab/", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "id", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.sampled_from(sorted(TYPES)), st.data())
def test_values_of_any_shape_end_no_run(type: str, data: st.DataObject) -> None:
    """What other programs write in place of an argument: a wrong shape reads as absent, or as it is."""
    names = [*TYPES[type].arguments, "name", "location", "tags", "id", "resource_group_name", TYPES[type].parent or "x"]
    values = st.dictionaries(st.sampled_from(names), ANYTHING, max_size=4)
    marks = st.dictionaries(st.sampled_from(names), st.just(True) | ANYTHING, max_size=2)
    plan = plan_of(rc(f"{type}.x", data.draw(values), unknown=data.draw(marks)))

    found = from_plan(plan, place="plan.json")
    inventory(found, PriceBook.shipped())

    assert len(found.resources) == 1


@given(st.dictionaries(st.sampled_from(["properties", "tags", "sku", "kind", "location", "type", "name"]), ANYTHING))
def test_rows_of_any_shape_end_no_run(row: dict[str, Any]) -> None:
    vm = {"id": f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm", **row}

    found = of([vm])

    assert len(found.resources) == 1
    inventory(found, PriceBook.shipped())
