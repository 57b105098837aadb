"""Terraform resource types in, whether they take tags (labels on Google Cloud) out."""

from __future__ import annotations

from functools import cache

from governor.catalog import tables

_OTHERS: dict[str, bool] = {
    # The provider's documentation of each lists no `tags` or `labels` argument.
    "azurerm_cognitive_account_customer_managed_key": False,
    "azurerm_cognitive_account_rai_blocklist": False,
    "azurerm_cognitive_deployment": False,
    "azurerm_key_vault_access_policy": False,
    "azurerm_role_assignment": False,
    "azurerm_storage_container": False,
    "azurerm_storage_object_replication": False,
    "google_apikeys_key": False,
    "google_project_service": False,
    "google_service_account": False,
    "google_service_account_key": False,
    # A node pool looks like a part of its cluster, but has tags of its own.
    "azurerm_kubernetes_cluster_node_pool": True,
}


@cache
def taggable(resource_type: str) -> bool | None:
    """Whether resources of a Terraform type take tags; None when the catalogue does not know.

    For aws types this is the schema of provider 5.100.0; a type newer than that is not known.
    """
    if resource_type.startswith("aws_"):
        if resource_type in tables.words("taggable_aws.txt"):
            return True
        return False if resource_type in tables.words("untaggable_aws.txt") else None
    return _OTHERS.get(resource_type)
