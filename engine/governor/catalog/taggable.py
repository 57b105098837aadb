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
    "google_compute_autoscaler": False,
    "google_compute_instance_group": False,
    "google_compute_region_autoscaler": False,
    "google_compute_reservation": False,
    "google_project_service": False,
    "google_service_account": False,
    "google_service_account_key": False,
    "google_storage_transfer_job": False,
    "google_vertex_ai_deployment_resource_pool": False,
    "google_vertex_ai_endpoint_with_model_garden_deployment": False,
    # They take no labels, but their machines have those of the template, where whoever is told can set them.
    "google_compute_instance_group_manager": True,
    "google_compute_region_instance_group_manager": True,
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
