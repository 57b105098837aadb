"""Facts of Microsoft's types (azurerm) that no plain path gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from governor.catalog import endpoints
from governor.sources.terraform_plan.draft import AFTER_APPLY, Draft
from governor.sources.terraform_plan.reading import block, number, text


def place(draft: Draft) -> None:
    """What every type shares: a location written as `West Europe` or `westeurope`, and a priority."""
    if (text(draft.get("priority")) or "").lower() == "spot":
        draft.purchase = "spot"


def aks_cluster(draft: Draft) -> None:
    """Its default pool is made with it."""
    _pool(draft, "default_node_pool.0.")


def aks_node_pool(draft: Draft) -> None:
    """Lies where its cluster lies. Its `tags` reach the machines."""
    _pool(draft, "")
    _follow_region(draft, "kubernetes_cluster_id")


def _pool(draft: Draft, prefix: str) -> None:
    if not prefix and (text(draft.get("priority")) or "").lower() == "spot":
        draft.purchase = "spot"
    least = draft.counts(f"{prefix}min_count", 1)
    desired = draft.counts(f"{prefix}node_count", least)
    draft.launches(f"{prefix}vm_size", desired, draft.counts(f"{prefix}max_count", desired))


def ml_compute_cluster(draft: Draft) -> None:
    """Scales from zero: what it costs at rest is its minimum, what it may cost its maximum."""
    if (text(draft.get("vm_priority")) or "").lower() in ("lowpriority", "low_priority"):
        draft.purchase = "spot"
    least = draft.counts("scale_settings.0.min_node_count", 0)
    draft.launches("vm_size", least, draft.counts("scale_settings.0.max_node_count", least))


def cognitive_account(draft: Draft) -> None:
    _local_auth(draft, "local_auth_enabled", "local_authentication_enabled")


def search_service(draft: Draft) -> None:
    _local_auth(draft, "local_authentication_enabled")


def ml_workspace(draft: Draft) -> None:
    """Workspaces authenticate by identity: there is no local key to leave on."""


def storage_account(draft: Draft) -> None:
    """Keys to the data of AI; geo-redundant replication copies it to the paired region, in the same geography."""
    _local_auth(draft, "shared_access_key_enabled")


def storage_replication(draft: Draft) -> None:
    sources, targets = draft.leads_to("source_storage_account_id"), draft.leads_to("destination_storage_account_id")
    draft.stands_for = sources[0].resource if len(sources) == 1 else None
    found = sorted({region for t in targets if (region := draft.plan.region_of(t.resource))})
    if found:
        draft.attributes["copies_to"] = found
    else:
        draft.unknown["attributes.copies_to"] = (
            f"the region of its destination is {AFTER_APPLY}, or lies outside this plan"
        )


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
    if units := number(draft.get("sku.0.capacity")):
        draft.attributes["units"] = units
    _follow_region(draft, "cognitive_account_id")


def _follow_region(draft: Draft, path: str) -> None:
    regions = {draft.plan.region_of(target.resource) for target in draft.leads_to(path)} - {None}
    if len(regions) == 1:
        draft.region = regions.pop()


READERS: dict[str, Callable[[Draft], None]] = {
    function.__name__: function
    for function in (
        aks_cluster, aks_node_pool, ml_compute_cluster, cognitive_account, search_service, ml_workspace,
        storage_account, storage_replication, cognitive_deployment,
    )
}  # fmt: skip
