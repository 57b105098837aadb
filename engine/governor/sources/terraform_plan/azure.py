"""Facts of Microsoft's types (azurerm) that no plain path gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from governor.catalog import endpoints
from governor.catalog.accelerators import accelerator_of, facts
from governor.model import Accelerator
from governor.sources.terraform_plan.draft import AFTER_APPLY, Draft
from governor.sources.terraform_plan.reading import block, blocks, number, text
from governor.sources.terraform_plan.siblings import Target

_PARENTS = (
    "kubernetes_cluster_id", "cognitive_account_id", "machine_learning_workspace_id", "workspace_id",
    "ai_services_hub_id", "capacity_reservation_group_id", "container_app_environment_id", "storage_account_id",
)  # fmt: skip
"""What a type without a location of its own belongs to, and lies with."""


def place(draft: Draft) -> None:
    """What every type shares: the region of what it belongs to, and a priority."""
    if draft.region is None and not draft.why_unknown("location"):
        for path in _PARENTS:
            _follow_region(draft, path)
    if (text(draft.get("priority")) or "").lower() in ("spot", "low"):
        draft.purchase = "spot"


def aks_cluster(draft: Draft) -> None:
    """Its default pool is made with it."""
    _pool(draft, "default_node_pool.0.")


def aks_node_pool(draft: Draft) -> None:
    """Its tags reach the machines: AKS puts them on the scale set behind the pool."""
    _pool(draft, "")
    _deliver_own(draft)


def _deliver_own(draft: Draft) -> None:
    draft.delivered = dict(draft.tags)
    if whys := [why for path, why in draft.unknown.items() if path in ("tags", "tags.*")]:
        draft.unknown["attributes.delivered_tags"] = whys[0]


def _pool(draft: Draft, prefix: str) -> None:
    least = draft.counts(f"{prefix}min_count", 1)
    desired = draft.counts(f"{prefix}node_count", least)
    if not draft.launches(f"{prefix}vm_size", desired, draft.counts(f"{prefix}max_count", desired)):
        # Since azurerm 4.0 the size of a pool may be left to AKS.
        draft.type_unknown(f"{prefix}vm_size is not set: AKS chooses it")


def scale_set(draft: Draft) -> None:
    """The sizes of a mix stand in its profile: whichever is to be had, so that the dearest counts."""
    path = draft.shape.instance_type
    if draft.get(path) == "Mix":
        path = "sku_profile.0.vm_sizes"
    count, most = _scaled(draft, draft.counts(draft.shape.count))
    if not draft.launches(path, count, most) and path != draft.shape.instance_type:
        draft.type_unknown(f"{path} is not set")


_SCALER = "azurerm_monitor_autoscale_setting"


def _scaled(draft: Draft, count: int | None) -> tuple[int | None, int | None]:
    """How many there are and may be: what scales it has the last word on a count that the scale set leaves open."""
    most = count
    written = draft.get(draft.shape.count) is not None
    found = draft.plan.referring(_SCALER, "target_resource_id", draft.resource)
    for scaler in found or draft.named(_SCALER, "target_resource_id", draft.get("id")):
        capacities = [block(profile.get("capacity")) for profile in blocks(scaler.after.get("profile"))]
        maxima = [number(capacity.get("maximum")) for capacity in capacities]
        known = [maximum for maximum in maxima if maximum is not None]
        starts = [start for capacity in capacities if (start := number(capacity.get("default"))) is not None]
        if starts and not written:
            count = max(starts)
            for path in ("count", "hourly_usd"):
                draft.unknown.pop(path, None)
        if not known or len(known) < len(maxima):
            draft.unknown["count"] = draft.unknown["hourly_usd"] = (
                f"{scaler.resource.address} does not tell its maximum"
            )
        most = max([most or 0, *known])
    return count, most


def ml_compute_cluster(draft: Draft) -> None:
    """Scales from zero: what it costs at rest is its minimum, what it may cost its maximum."""
    if (text(draft.get("vm_priority")) or "").lower() in ("lowpriority", "low_priority"):
        draft.purchase = "spot"
    least = draft.counts("scale_settings.0.min_node_count", 0)
    draft.launches("vm_size", least, draft.counts("scale_settings.0.max_node_count", least))


def container_group(draft: Draft) -> None:
    """GPUs are asked for by container; those of a group have one SKU."""
    model, count = "", 0
    for position, container in enumerate(blocks(draft.get("container"))):
        path = f"container.{position}.gpu"
        for name in ("count", "sku"):
            if (why := draft.why_unknown(f"{path}.0.{name}")) and draft.written(path) is not False:
                draft.unknown["accelerator"] = draft.unknown["hourly_usd"] = f"{path}.0.{name} is {why}"
                return
        gpu = block(container.get("gpu"))
        if sku := text(gpu.get("sku")):
            model = model or sku.upper()
            count += number(gpu.get("count")) or 1
    if model:
        known = facts(model)
        draft.accelerator = Accelerator(model, count, known.memory_gib if known else None)
        draft.unknown["hourly_usd"] = "the price book has no prices of container groups"


def container_app(draft: Draft) -> None:
    """Profiles with GPUs are named by their type (NC24-A100) or lead to it in the environment of the app."""
    path = "workload_profile_name"
    if (why := draft.why_unknown(path)) and draft.written(path) is not False:
        draft.unknown["accelerator"] = draft.unknown["hourly_usd"] = f"{path} is {why}"
        return
    name = text(draft.get(path)) or ""
    kinds = [
        kind
        for environment in _environments(draft)
        for profile in blocks(environment.after.get("workload_profile"))
        if profile.get("name") == name and (kind := text(profile.get("workload_profile_type")))
    ]
    if found := _GPU_PROFILE.match(kinds[0] if kinds else name):
        vcpus, model = found["vcpus"], (found["model"] or "").upper()
        size = {"A100": f"Standard_NC{vcpus}ads_A100_v4", "T4": f"Standard_NC{vcpus}as_T4_v3"}.get(model, "")
        draft.accelerator = accelerator_of("azure", size) or Accelerator("unknown")
        draft.unknown["hourly_usd"] = "the price book has no prices of container apps"


_GPU_PROFILE = re.compile(r"(?:Consumption-GPU-)?NC(?P<vcpus>\d*)(?:as)?(?:-(?P<model>\w+))?", re.IGNORECASE)


def _environments(draft: Draft) -> list[Target]:
    path, type = "container_app_environment_id", "azurerm_container_app_environment"
    return [t for t in draft.leads_to(path) if t.resource.type == type] or draft.named(type, "id", draft.get(path))


def cognitive_account(draft: Draft) -> None:
    _local_auth(draft, "local_auth_enabled", "local_authentication_enabled")


def search_service(draft: Draft) -> None:
    _local_auth(draft, "local_authentication_enabled")


def ml_workspace(draft: Draft) -> None:
    """Workspaces authenticate by identity: there is no local key to leave on."""
    draft.attributes["local_auth"] = False


def storage_account(draft: Draft) -> None:
    """Keys to the data of AI; geo-redundant replication copies it to the paired region, in the same geography."""
    _local_auth(draft, "shared_access_key_enabled")


def storage_replication(draft: Draft) -> None:
    """A copy of what the source account holds: it has the source's tags and region."""
    sources, targets = _accounts(draft, "source_storage_account_id"), _accounts(draft, "destination_storage_account_id")
    if len(sources) == 1:
        draft.stands_for = sources[0].resource
    else:
        draft.stands_for_none = "its source account is not in this plan"
    found = {draft.plan.region_of(t.resource) for t in targets}
    if len(found) == 1 and None not in found:
        draft.attributes["copies_to"] = sorted(r for r in found if r)
    else:
        draft.unknown["attributes.copies_to"] = (
            f"the region of its destination is {AFTER_APPLY}, or lies outside this plan"
        )


def _accounts(draft: Draft, path: str) -> list[Target]:
    found = draft.leads_to(path) or draft.named("azurerm_storage_account", "id", draft.get(path))
    return [t for t in found if t.resource.type == "azurerm_storage_account"]


def _local_auth(draft: Draft, *names: str) -> None:
    """All of these default to true in the provider."""
    for name in names:
        if why := draft.why_unknown(name):
            draft.unknown["attributes.local_auth"] = why
            return
        value: Any = draft.get(name)
        if isinstance(value, bool):
            draft.attributes["local_auth"] = value
            return
    draft.attributes["local_auth"] = True


def cognitive_deployment(draft: Draft) -> None:
    """Where it processes follows from its SKU; it lies where its account lies."""
    model = block(draft.get("model"))
    if name := text(model.get("name")):
        version = text(model.get("version"))
        draft.attributes["model"] = f"{name}:{version}" if version else name
    for path in ("sku.0.name", "scale.0.type"):
        if why := draft.why_unknown(path):
            draft.unknown["attributes.processing"] = why
        elif sku := text(draft.get(path)):
            draft.attributes["processing"] = endpoints.processing_of_sku(sku)
            if "provisioned" in sku.lower():
                draft.unknown["hourly_usd"] = "the price book has no prices of provisioned throughput"
    if units := number(draft.get("sku.0.capacity")):
        draft.attributes["units"] = units


def _follow_region(draft: Draft, path: str) -> None:
    found = {draft.plan.region_of(target.resource) for target in draft.leads_to(path)}
    if not found and (id := text(draft.get(path))):
        found = {
            region
            for type in _OWNERS
            for t in draft.named(type, "id", id)
            if (region := draft.plan.region_of(t.resource))
        }
    if len(found) == 1 and (region := found.pop()):
        draft.region = region


_OWNERS = (
    "azurerm_kubernetes_cluster", "azurerm_cognitive_account", "azurerm_ai_services", "azurerm_storage_account",
    "azurerm_machine_learning_workspace", "azurerm_ai_foundry", "azurerm_capacity_reservation_group",
    "azurerm_container_app_environment",
)  # fmt: skip


READERS: dict[str, Callable[[Draft], None]] = {
    function.__name__: function
    for function in (
        aks_cluster, aks_node_pool, scale_set, ml_compute_cluster, container_group, container_app, cognitive_account,
        search_service, ml_workspace, storage_account, storage_replication, cognitive_deployment,
    )
}  # fmt: skip
