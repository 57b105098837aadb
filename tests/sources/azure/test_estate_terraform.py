"""Terraform plans and code in, resources in the shape of Resource Manager out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.azure_model import ArmResource, Estate, Unknown
from governor.catalog import azure_aliases
from governor.errors import Refusal
from governor.sources.azure import estate
from governor.sources.azure.estate.azurerm import COMMON, TYPES, Arguments, Part
from governor.sources.azure.estate.terraform import from_plan
from sources.terraform_plan.plans import plan_of, rc, ref

SUBSCRIPTION = {"azurerm": {"name": "azurerm", "expressions": {"subscription_id": {"constant_value": "s-1"}}}}
GROUP = "/subscriptions/s-1/resourceGroups/ai"
WEST = {"location": "West Europe", "resource_group_name": "ai"}
LATER = Unknown("known after apply")
ACCOUNT = "azurerm_cognitive_account.openai"


def of(*changes: dict[str, Any], **more: Any) -> Estate:
    return from_plan(plan_of(*changes, providers=SUBSCRIPTION, **more), place="plan.json")


def only(*changes: dict[str, Any], **more: Any) -> ArmResource:
    (resource,) = of(*changes, **more).resources
    return resource


def told(value: Any) -> Any:
    """A body without what no argument tells, and without objects in which nothing else stands."""
    if isinstance(value, dict):
        found = {name: inner for name, item in value.items() if (inner := told(item)) is not None}
        return found or (None if value else value)
    if isinstance(value, list):
        return [told(item) for item in value]
    return None if isinstance(value, Unknown) and value.reason.startswith("no argument") else value


def test_a_plan_of_an_ai_platform() -> None:
    found = of(
        rc("azurerm_resource_group.ai", {"name": "ai", "location": "West Europe", "tags": {"project": "vision"}}),
        rc(
            ACCOUNT,
            {
                **WEST,
                "name": "acc",
                "kind": "OpenAI",
                "sku_name": "S0",
                "local_auth_enabled": False,
                "public_network_access_enabled": True,
                "network_acls": [{"default_action": "Deny", "ip_rules": ["192.0.2.1"], "virtual_network_rules": []}],
                "identity": [{"type": "SystemAssigned", "identity_ids": []}],
                "tags": {"project": "vision", "owner-team": None},
            },
            unknown={"id": True, "custom_subdomain_name": True, "tags": {"cost-center": True}},
        ),
        rc(
            "azurerm_cognitive_deployment.gpt",
            {
                "name": "gpt",
                "sku": [{"name": "GlobalStandard", "capacity": 10}],
                "model": [{"format": "OpenAI", "name": "gpt-4o"}],
            },
            unknown={"cognitive_account_id": True, "model": [{"version": True}]},
            expressions={"cognitive_account_id": ref(f"{ACCOUNT}.id", ACCOUNT)},
        ),
        rc("azurerm_kubernetes_cluster.gone", {**WEST, "name": "old"}, actions=("delete",), before=WEST),
        rc("azurerm_firewall.f"),
        rc("azurerm_firewall.g"),
    )

    assert [(r.id, r.type, r.address, told(r.body)) for r in found.resources] == [
        (
            GROUP,
            "Microsoft.Resources/subscriptions/resourceGroups",
            "azurerm_resource_group.ai",
            {
                "type": "Microsoft.Resources/subscriptions/resourceGroups",
                "name": "ai",
                "location": "westeurope",
                "tags": {"project": "vision"},
            },
        ),
        (
            f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/acc",
            "Microsoft.CognitiveServices/accounts",
            ACCOUNT,
            {
                "type": "Microsoft.CognitiveServices/accounts",
                "name": "acc",
                "kind": "OpenAI",
                "location": "westeurope",
                "sku": {"name": "S0"},
                "identity": {"type": "SystemAssigned", "userAssignedIdentities": {}},
                "tags": {"project": "vision", "cost-center": LATER},
                "properties": {
                    "disableLocalAuth": True,
                    "publicNetworkAccess": "Enabled",
                    "customSubDomainName": LATER,
                    "networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "192.0.2.1"}]},
                },
            },
        ),
        (
            f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/acc/deployments/gpt",
            "Microsoft.CognitiveServices/accounts/deployments",
            "azurerm_cognitive_deployment.gpt",
            {
                "type": "Microsoft.CognitiveServices/accounts/deployments",
                "name": "gpt",
                "sku": {"name": "GlobalStandard", "capacity": 10},
                "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": LATER}},
            },
        ),
    ]
    assert found.listed == frozenset(), "what is not in a plan may exist"
    assert found.notes == ("not mapped: azurerm_firewall (2)",)
    assert found.source == "terraform plan plan.json (Terraform 1.11.4)"


@pytest.mark.parametrize(
    ("type", "after", "body"),
    [
        (
            "azurerm_linux_virtual_machine",
            {
                "size": "Standard_NC4as_T4_v3",
                "zone": "1",
                "source_image_reference": [{"publisher": "Canonical", "offer": "o", "sku": "s", "version": "latest"}],
                "os_disk": [{"storage_account_type": "Premium_LRS"}],
            },
            {
                "zones": ["1"],
                "properties": {
                    "hardwareProfile": {"vmSize": "Standard_NC4as_T4_v3"},
                    "storageProfile": {
                        "imageReference": {
                            "publisher": "Canonical", "offer": "o", "sku": "s", "version": "latest"
                        },
                        "osDisk": {"osType": "Linux", "managedDisk": {"storageAccountType": "Premium_LRS"}},
                    },
                },
            },
        ),
        (
            "azurerm_windows_virtual_machine_scale_set",
            {"sku": "Standard_NC4as_T4_v3", "instances": 3},
            {
                "sku": {"name": "Standard_NC4as_T4_v3", "capacity": 3},
                "properties": {"orchestrationMode": "Uniform"},
            },
        ),
        (
            "azurerm_virtual_machine_scale_set",
            {"sku": [{"name": "Standard_NC4as_T4_v3", "tier": "Standard", "capacity": 3}]},
            {"sku": {"name": "Standard_NC4as_T4_v3", "tier": "Standard", "capacity": 3}},
        ),
        (
            "azurerm_kubernetes_cluster",
            {"sku_tier": "Free", "default_node_pool": [{"name": "p", "vm_size": "D4", "node_count": 2}]},
            {
                "sku": {"tier": "Free"},
                "properties": {
                    "agentPoolProfiles": [
                        {"name": "p", "vmSize": "D4", "count": 2, "mode": "System", "osType": "Linux"}
                    ]
                },
            },
        ),
        (
            "azurerm_storage_account",
            {
                "account_tier": "Standard",
                "account_replication_type": "GRS",
                "account_kind": "StorageV2",
                "network_rules": [{"default_action": "Deny", "bypass": ["Logging", "Metrics"], "ip_rules": []}],
            },
            {
                "kind": "StorageV2",
                "sku": {"name": "Standard_GRS", "tier": "Standard"},
                "properties": {
                    "networkAcls": {"defaultAction": "Deny", "bypass": "Logging, Metrics", "ipRules": []}
                },
            },
        ),
        (
            "azurerm_machine_learning_compute_cluster",
            {"vm_size": "D4", "vm_priority": "LowPriority", "scale_settings": [{"max_node_count": 4}]},
            {
                "properties": {
                    "computeType": "AmlCompute",
                    "properties": {"vmSize": "D4", "vmPriority": "LowPriority", "scaleSettings": {"maxNodeCount": 4}},
                }
            },
        ),
        (
            "azurerm_network_security_group",
            {"security_rule": [{"name": "ssh", "destination_port_range": "22", "access": "Allow"}]},
            {
                "properties": {
                    "securityRules": [
                        {"name": "ssh", "properties": {"destinationPortRange": "22", "access": "Allow"}}
                    ]
                }
            },
        ),
        (
            "azurerm_application_insights",
            {"application_type": "web"},
            {"kind": "web", "properties": {"Application_Type": "web"}},
        ),
        (
            "azurerm_service_plan",
            {"os_type": "Linux", "sku_name": "B1"},
            {"sku": {"name": "B1"}, "properties": {"reserved": True}},
        ),
        (
            "azurerm_ai_foundry",
            {"public_network_access": "Disabled"},
            {"kind": "Hub", "properties": {"publicNetworkAccess": "Disabled"}},
        ),
    ],
)  # fmt: skip
def test_where_arguments_go(type: str, after: dict[str, Any], body: dict[str, Any]) -> None:
    found = told(only(rc(f"{type}.a", {**WEST, "name": "a", **after})).body)

    assert found == {"type": TYPES[type].type, "name": "a", "location": "westeurope", **body}


def test_a_block_that_is_not_written_is_absent_and_what_no_argument_tells_is_not_known() -> None:
    properties = only(rc(ACCOUNT, {**WEST, "name": "a", "network_acls": [], "fqdns": None})).body["properties"]

    assert "networkAcls" not in properties
    assert "allowedFqdnList" not in properties
    assert properties["callRateLimit"] == Unknown("no argument of azurerm_cognitive_account tells it")


def test_what_a_type_never_has_is_absent() -> None:
    """So that a policy about unmanaged disks, or about Windows, has an answer before anything is applied."""
    vm = {**WEST, "name": "vm", "size": "D4", "os_disk": [{"caching": "None"}]}

    properties = only(rc("azurerm_linux_virtual_machine.vm", vm)).body["properties"]

    assert "vhd" not in properties["storageProfile"]["osDisk"]
    assert "windowsConfiguration" not in properties["osProfile"]
    assert isinstance(properties["storageProfile"]["dataDisks"], Unknown), "disks are attached by another resource"


def test_an_object_that_several_arguments_lead_into() -> None:
    cluster = {**WEST, "name": "k", "private_cluster_enabled": True, "api_server_access_profile": []}

    profile = only(rc("azurerm_kubernetes_cluster.k", cluster)).body["properties"]["apiServerAccessProfile"]

    assert profile["enablePrivateCluster"] is True
    assert "authorizedIPRanges" not in profile
    assert isinstance(profile["subnetId"], Unknown)


POOL = "Microsoft.ContainerService/managedClusters"


@pytest.mark.parametrize(
    ("after", "unknown", "expressions", "id"),
    [
        ({"kubernetes_cluster_id": f"{GROUP}/providers/{POOL}/k"}, {}, {}, f"{GROUP}/providers/{POOL}/k/agentPools/p"),
        (
            {},
            {"kubernetes_cluster_id": True},
            {"kubernetes_cluster_id": ref("azurerm_kubernetes_cluster.k.id", "azurerm_kubernetes_cluster.k")},
            f"{GROUP}/providers/{POOL}/k/agentPools/p",
        ),
        (
            {},
            {"kubernetes_cluster_id": True},
            {},
            f"/subscriptions/s-1/resourceGroups/(unknown)/providers/{POOL}/(unknown)/agentPools/p",
        ),
        ({"id": f"{GROUP}/providers/{POOL}/o/agentPools/q"}, {}, {}, f"{GROUP}/providers/{POOL}/o/agentPools/q"),
    ],
)
def test_ids_of_children(after: dict[str, Any], unknown: Any, expressions: dict[str, Any], id: str) -> None:
    found = of(
        rc("azurerm_kubernetes_cluster.k", {**WEST, "name": "k"}),
        rc(
            "azurerm_kubernetes_cluster_node_pool.p",
            {"name": "p", "tags": {"project": "x"}, **after},
            unknown=unknown,
            expressions=expressions,
        ),
    )

    pool = found.resources[1]
    assert pool.id == id
    assert pool.body["properties"]["tags"] == {"project": "x"}
    assert "tags" not in pool.body
    assert "location" not in pool.body


def test_a_setting_is_about_another_resource() -> None:
    found = of(
        rc(ACCOUNT, {**WEST, "name": "acc"}),
        rc(
            "azurerm_monitor_diagnostic_setting.audit",
            {"name": "audit", "enabled_log": [{"category_group": "audit"}], "metric": []},
            unknown={"target_resource_id": True, "log_analytics_workspace_id": True},
            expressions={"target_resource_id": ref(f"{ACCOUNT}.id", ACCOUNT)},
        ),
        rc("azurerm_monitor_diagnostic_setting.lost", {"name": "lost"}, unknown={"target_resource_id": True}),
    )

    setting, lost = found.resources[1:]
    assert setting.id == f"{found.resources[0].id}/providers/Microsoft.Insights/diagnosticSettings/audit"
    assert told(setting.body["properties"]["logs"]) == [{"enabled": True, "categoryGroup": "audit"}]
    assert setting.body["properties"]["workspaceId"] == LATER
    assert lost.id == "/subscriptions/s-1/(unknown)/providers/Microsoft.Insights/diagnosticSettings/lost"


def test_ids_where_the_plan_tells_little() -> None:
    found = from_plan(
        plan_of(
            rc("azurerm_resource_group.g", {"name": "g", "location": "westeurope"}),
            rc(
                "azurerm_managed_disk.d",
                {"location": "westeurope", "name": "d"},
                unknown={"resource_group_name": True},
                expressions={"resource_group_name": ref("azurerm_resource_group.g.name", "azurerm_resource_group.g")},
            ),
            rc("azurerm_managed_disk.e", {"location": "westeurope"}, unknown={"name": True}),
        ),
        place="plan.json",
    )

    assert [resource.id for resource in found.resources] == [
        "/subscriptions/(unknown)/resourceGroups/g",
        "/subscriptions/(unknown)/resourceGroups/g/providers/Microsoft.Compute/disks/d",
        "/subscriptions/(unknown)/resourceGroups/(unknown)/providers/Microsoft.Compute/disks/(unknown)",
    ]
    assert found.resources[2].body["name"] == LATER


@pytest.mark.parametrize(
    "body",
    [
        {"properties": {"authMode": "Key"}, "kind": "Managed"},
        json.dumps({"properties": {"authMode": "Key"}, "kind": "Managed"}),
    ],
)
def test_azapi_speaks_the_language_of_resource_manager(body: Any) -> None:
    type = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
    endpoint = {"type": f"{type}@2024-04-01", "name": "ep", "location": "West Europe", "tags": {"a": "b"}, "body": body}

    found = only(rc("azapi_resource.ep", endpoint, unknown={"parent_id": True}))

    assert found == ArmResource(
        id=(
            "/subscriptions/(unknown)/resourceGroups/(unknown)/providers"
            "/Microsoft.MachineLearningServices/workspaces/(unknown)/onlineEndpoints/ep"
        ),
        type=type,
        api_version="2024-04-01",
        address="azapi_resource.ep",
        body={
            "type": type,
            "name": "ep",
            "location": "westeurope",
            "tags": {"a": "b"},
            "kind": "Managed",
            "properties": {"authMode": "Key"},
        },
    )


def test_a_body_of_azapi_that_is_not_known() -> None:
    after = {"type": "Microsoft.Search/searchServices@2024-06-01-preview", "name": "s", "parent_id": GROUP}

    found = only(rc("azapi_resource.s", after, unknown={"body": True}))

    assert found.id == f"{GROUP}/providers/Microsoft.Search/searchServices/s"
    assert found.body["properties"] == LATER
    assert found.body["sku"] == LATER


def test_sensitive_values_go_no_further() -> None:
    secret = "correct-horse-battery-staple"
    found = of(
        rc(
            "azurerm_linux_virtual_machine.vm",
            {**WEST, "name": "vm", "size": "D4", "admin_username": secret, "computer_name": f"x-{secret}"},
            sensitive={"admin_username": True, "size": True},
        )
    )

    properties = found.resources[0].body["properties"]
    assert properties["osProfile"]["adminUsername"] == Unknown("sensitive")
    assert properties["osProfile"]["computerName"] == Unknown("sensitive"), "the provider copied it, unmarked"
    assert properties["hardwareProfile"]["vmSize"] == Unknown("sensitive")
    assert secret in found.secrets
    assert secret not in repr(found.resources)


def places() -> Iterator[tuple[str, str, str]]:
    """(azurerm type, argument, ARM path) of every argument that leads somewhere."""
    for type, mapped in TYPES.items():
        for argument, path in _leaves({**COMMON, **mapped.arguments}, "", ""):
            yield type, argument, path
        for path, names in mapped.joined.items():
            yield from ((type, name, path) for name in names)
        yield from [(type, "tags", "tags")] if mapped.tags else []
        yield from [(type, "location", "location")] if mapped.location == "own" else []
        yield type, "name", "name"


def _leaves(arguments: Arguments, before: str, at: str) -> Iterator[tuple[str, str]]:
    for name, goes in arguments.items():
        path = f"{at}{goes if isinstance(goes, str) else goes.path}"
        yield f"{before}{name}", path
        if isinstance(goes, Part):
            yield from _leaves(goes.arguments, f"{before}{name}.", f"{path}{'.0' if goes.many else ''}.")


def marks(argument: str) -> Any:
    """`after_unknown` of an argument: `a.b` lies in the first block `a`."""
    name, _, rest = argument.partition(".")
    return {name: [marks(rest)] if rest else True}


@given(st.sampled_from(sorted(places())), st.booleans())
def test_what_terraform_does_not_know_yet_is_never_absent(place: tuple[str, str, str], written: bool) -> None:
    """Whatever argument of whatever type: with or without a value beside it, where it goes stands an `Unknown`."""
    type, argument, path = place
    after: dict[str, Any] = {**WEST, "name": "a"} if written else {}
    after.pop(argument, None)
    if "." in argument:
        after[argument.partition(".")[0]] = [{}]

    body = only(rc(f"{type}.a", after, unknown=marks(argument))).body

    assert isinstance(at(body, path), Unknown)


@given(st.sampled_from(sorted(places())))
def test_what_is_sensitive_is_neither_told_nor_absent(place: tuple[str, str, str]) -> None:
    type, argument, path = place
    secret: Any = "correct-horse-battery-staple"
    for step in reversed(argument.split(".")[1:]):
        secret = [{step: secret}]
    after = {**WEST, "name": "a", argument.partition(".")[0]: secret}

    found = only(rc(f"{type}.a", after, sensitive=marks(argument)))

    assert isinstance(at(found.body, path), Unknown)
    assert "correct-horse" not in repr(found)


def at(found: Any, path: str) -> Any:
    """What stands at a path, or the `Unknown` that stands on the way."""
    for step in path.split("."):
        if not isinstance(found, Unknown):
            found = found[int(step)] if isinstance(found, list) else found.get(step)
    return found


def test_every_path_is_one_that_policies_can_ask_for() -> None:
    """Paths are those of aliases: one that is misspelt would be asked for by nobody."""
    unheard = set()
    for mapped in TYPES.values():
        kind = azure_aliases.shipped().type(mapped.type)
        assert kind, mapped.type
        known = {alias.path.replace("[*]", "") for alias in kind.aliases.values()}
        for _, path in _leaves(mapped.arguments, "", ""):
            plain = path.replace(".0.", ".")
            if plain not in FIELDS and not any(p == plain or p.startswith(f"{plain}.") for p in known):
                unheard.add(plain)

    assert unheard == WITHOUT_ALIAS


FIELDS = {"kind", "managedBy"}
"""What policies ask for without an alias."""

WITHOUT_ALIAS = {
    "properties.Application_Type",
    "properties.addonProfiles.httpApplicationRouting.enabled",
    "properties.allowProjectManagement",
    "properties.dynamicThrottlingEnabled",
    "properties.hubResourceId",
    "properties.networkAcls.bypass",
    "properties.priority",
}
"""Properties of Azure's API that the shipped table has no alias for: somebody's own may."""


def test_code_is_read_as_a_plan_and_what_it_leaves_to_the_provider_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'provider "azurerm" {\n  subscription_id = "s-1"\n  features {}\n}\n'
        'resource "azurerm_cognitive_account" "a" {\n'
        '  name = "acc"\n  kind = "OpenAI"\n  sku_name = "S0"\n  location = "westeurope"\n'
        '  resource_group_name = "ai"\n}\n'
    )

    (account,) = estate.read(tmp_path).resources

    assert account.id == f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/acc"
    assert account.body["kind"] == "OpenAI"
    assert account.body["properties"]["disableLocalAuth"].reason.startswith("the code does not set it")
    assert "tags" not in account.body
    assert account.origin is not None
    assert (Path(account.origin.file).name, account.origin.line) == ("main.tf", 5)


def test_plans_that_other_projects_made(shared: Path) -> None:
    found = estate.read(shared / "samples/plans/azurerm_firewall.json")

    assert [resource.address for resource in found.resources] == [
        "azurerm_public_ip.example",
        "azurerm_resource_group.example",
        "azurerm_subnet.example",
        "azurerm_virtual_network.example",
    ]
    assert found.notes == ("not mapped: azurerm_firewall (5), azurerm_virtual_hub (1), azurerm_virtual_wan (1)",)


def test_a_plan_of_another_cloud() -> None:
    found = of(rc("aws_instance.a", {"instance_type": "p5.48xlarge"}))

    assert (found.resources, found.notes) == ((), ("it holds no resource of Azure",))


def test_what_is_no_plan_is_refused() -> None:
    with pytest.raises(Refusal, match="this file is cut short"):
        estate.read(Path("-"), plan_of(rc(ACCOUNT, WEST))[:-20])
