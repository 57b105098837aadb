"""Which types of which provider governor knows, what we call them, and where in them the common facts lie.

Attribute names of aws types are those of the schema of hashicorp/aws 5.100, which a test compares; those of azurerm and
google are those of their documentation (versions 4 and 6).
A type that is not here is *not covered*: reports count it, and nothing is said of it.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

KINDS: Final = (
    "compute_instance", "compute_group", "launch_template", "capacity_reservation", "cluster", "node_pool", "notebook",
    "model_endpoint", "training_job", "workload", "model_deployment", "provisioned_throughput", "ai_account", "api_key",
    "volume", "snapshot", "file_system", "bucket", "replication", "variable", "other",
    "azure_scope", "azure_assignment", "azure_exemption", "azure_record",
)  # fmt: skip


class Shape(Struct, frozen=True, gc=False):
    """Where the facts of one type lie. Paths are `a.0.b`; `` means the type has no such thing."""

    kind: str
    provider: str
    instance_type: str = ""
    count: str = ""
    """Path of the desired count; without one, a type with an instance type counts 1."""
    max_count: str = ""
    size_gib: str = ""
    reader: str = ""
    """Name of the special reader, when paths do not suffice."""
    tags: str = ""
    """Path of its tags, where they are not at the top."""


def _aws(
    kind: str, instance_type: str = "", count: str = "", max_count: str = "", size_gib: str = "", reader: str = ""
) -> Shape:
    return Shape(kind, "aws", instance_type, count, max_count, size_gib, reader)


def _azure(
    kind: str, instance_type: str = "", count: str = "", max_count: str = "", size_gib: str = "", reader: str = ""
) -> Shape:
    return Shape(kind, "azure", instance_type, count, max_count, size_gib, reader)


def _gcp(kind: str, size_gib: str = "", reader: str = "", tags: str = "") -> Shape:
    return Shape(kind, "gcp", size_gib=size_gib, reader=reader, tags=tags)


SHAPES: Final[dict[str, Shape]] = {
    # Amazon
    "aws_instance": _aws("compute_instance", reader="instance"),
    "aws_spot_instance_request": _aws("compute_instance", reader="spot_request"),
    "aws_autoscaling_group": _aws("compute_group", reader="autoscaling_group"),
    "aws_spot_fleet_request": _aws("compute_group", reader="spot_fleet"),
    "aws_ec2_fleet": _aws("compute_group", reader="fleet"),
    "aws_batch_compute_environment": _aws("compute_group", reader="batch_environment"),
    "aws_launch_template": _aws("launch_template", reader="launch_template"),
    "aws_launch_configuration": _aws("launch_template", reader="launch_configuration"),
    "aws_ec2_capacity_block_reservation": _aws("capacity_reservation", reader="capacity_block"),
    "aws_ec2_capacity_reservation": _aws("capacity_reservation", "instance_type", "instance_count"),
    "aws_eks_cluster": _aws("cluster"),
    "aws_eks_node_group": _aws("node_pool", reader="eks_node_group"),
    "aws_sagemaker_notebook_instance": _aws("notebook", "instance_type"),
    "aws_sagemaker_app": _aws("notebook", "resource_spec.0.instance_type"),
    "aws_sagemaker_space": _aws("notebook", reader="sagemaker_space"),
    "aws_sagemaker_endpoint_configuration": _aws("model_endpoint", reader="sagemaker_endpoint"),
    "aws_sagemaker_training_job": _aws(
        "training_job", "resource_config.0.instance_type", "resource_config.0.instance_count"
    ),
    "aws_sagemaker_cluster": _aws("cluster", reader="hyperpod"),
    "aws_batch_job_definition": _aws("training_job"),
    "aws_bedrock_custom_model": _aws("training_job", reader="bedrock_custom_model"),
    "aws_lambda_function": _aws("workload"),
    "aws_ecs_service": _aws("workload"),
    "aws_ecs_task_definition": _aws("workload"),
    "aws_bedrock_inference_profile": _aws("model_deployment", reader="bedrock_inference_profile"),
    "aws_bedrockagent_agent": _aws("model_deployment", reader="bedrock_agent"),
    "aws_bedrock_provisioned_model_throughput": _aws("provisioned_throughput", reader="bedrock_throughput"),
    "aws_iam_access_key": _aws("api_key", reader="iam_access_key"),
    "aws_iam_service_specific_credential": _aws("api_key", reader="iam_service_credential"),
    "aws_ebs_volume": _aws("volume", size_gib="size"),
    "aws_ebs_snapshot": _aws("snapshot", reader="snapshot"),
    "aws_ebs_snapshot_copy": _aws("snapshot"),
    "aws_ami_copy": _aws("snapshot"),
    "aws_fsx_lustre_file_system": _aws("file_system", size_gib="storage_capacity"),
    "aws_efs_file_system": _aws("file_system"),
    "aws_s3_bucket": _aws("bucket", reader="s3_bucket"),
    "aws_s3_directory_bucket": _aws("bucket"),
    "aws_s3_bucket_replication_configuration": _aws("replication", reader="s3_replication"),
    "aws_efs_replication_configuration": _aws("replication", reader="efs_replication"),
    "aws_backup_plan": _aws("replication", reader="backup_plan"),
    # Microsoft
    "azurerm_linux_virtual_machine": _azure("compute_instance", "size"),
    "azurerm_windows_virtual_machine": _azure("compute_instance", "size"),
    "azurerm_virtual_machine": _azure("compute_instance", "vm_size"),
    "azurerm_linux_virtual_machine_scale_set": _azure("compute_group", "sku", "instances", reader="scale_set"),
    "azurerm_windows_virtual_machine_scale_set": _azure("compute_group", "sku", "instances", reader="scale_set"),
    "azurerm_orchestrated_virtual_machine_scale_set": _azure(
        "compute_group", "sku_name", "instances", reader="scale_set"
    ),
    "azurerm_virtual_machine_scale_set": _azure(
        "compute_group", "sku.0.name", "sku.0.capacity", reader="scale_set"
    ),
    "azurerm_capacity_reservation": _azure("capacity_reservation", "sku.0.name", "sku.0.capacity"),
    "azurerm_kubernetes_cluster": _azure("cluster", reader="aks_cluster"),
    "azurerm_kubernetes_cluster_node_pool": _azure("node_pool", reader="aks_node_pool"),
    "azurerm_machine_learning_compute_instance": _azure("notebook", "virtual_machine_size"),
    "azurerm_machine_learning_compute_cluster": _azure("training_job", reader="ml_compute_cluster"),
    "azurerm_machine_learning_workspace": _azure("ai_account", reader="ml_workspace"),
    "azurerm_ai_foundry": _azure("ai_account", reader="ml_workspace"),
    "azurerm_ai_services": _azure("ai_account", reader="cognitive_account"),
    "azurerm_cognitive_account": _azure("ai_account", reader="cognitive_account"),
    "azurerm_search_service": _azure("ai_account", reader="search_service"),
    "azurerm_cognitive_deployment": _azure("model_deployment", reader="cognitive_deployment"),
    "azurerm_managed_disk": _azure("volume", size_gib="disk_size_gb"),
    "azurerm_snapshot": _azure("snapshot", size_gib="disk_size_gb"),
    "azurerm_storage_account": _azure("bucket", reader="storage_account"),
    "azurerm_storage_object_replication": _azure("replication", reader="storage_replication"),
    "azurerm_container_app": _azure("workload", reader="container_app"),
    "azurerm_linux_function_app": _azure("workload"),
    "azurerm_container_group": _azure("workload", reader="container_group"),
    # Google
    "google_compute_instance": _gcp("compute_instance", reader="compute_instance"),
    "google_compute_instance_from_template": _gcp("compute_instance", reader="compute_instance"),
    "google_tpu_node": _gcp("compute_instance", reader="tpu"),
    "google_tpu_v2_vm": _gcp("compute_instance", reader="tpu"),
    "google_compute_instance_template": _gcp("launch_template", reader="instance_template"),
    "google_compute_region_instance_template": _gcp("launch_template", reader="instance_template"),
    "google_compute_instance_group_manager": _gcp("compute_group", reader="instance_group"),
    "google_compute_region_instance_group_manager": _gcp("compute_group", reader="instance_group"),
    "google_compute_reservation": _gcp("capacity_reservation", reader="compute_reservation"),
    "google_container_cluster": _gcp("cluster", reader="gke_cluster"),
    "google_container_node_pool": _gcp("node_pool", reader="gke_node_pool", tags="node_config.0.resource_labels"),
    "google_workbench_instance": _gcp("notebook", reader="workbench"),
    "google_notebooks_instance": _gcp("notebook", reader="notebooks_instance"),
    "google_notebooks_runtime": _gcp("notebook", reader="notebooks_runtime"),
    "google_vertex_ai_endpoint": _gcp("model_deployment", reader="vertex_endpoint"),
    "google_vertex_ai_endpoint_with_model_garden_deployment": _gcp("model_endpoint", reader="model_garden"),
    "google_vertex_ai_deployment_resource_pool": _gcp("model_endpoint", reader="vertex_pool"),
    "google_vertex_ai_index_endpoint": _gcp("model_endpoint"),
    "google_cloud_run_v2_service": _gcp("workload", reader="cloud_run_service"),
    "google_cloud_run_v2_job": _gcp("training_job", reader="cloud_run_job"),
    "google_cloudfunctions2_function": _gcp("workload"),
    "google_compute_disk": _gcp("volume", size_gib="size"),
    "google_compute_region_disk": _gcp("volume", size_gib="size", reader="regional_disk"),
    "google_compute_snapshot": _gcp("snapshot", reader="disk_snapshot"),
    "google_filestore_instance": _gcp("file_system", size_gib="file_shares.0.capacity_gb"),
    "google_storage_bucket": _gcp("bucket", reader="storage_bucket"),
    "google_storage_transfer_job": _gcp("replication", reader="transfer_job"),
    "google_apikeys_key": _gcp("api_key", reader="google_api_key"),
    "google_service_account_key": _gcp("api_key", reader="google_service_account_key"),
    # Keys of model providers
    "openai_project_api_key": Shape("api_key", "openai", reader="model_provider_key"),
    "openai_admin_api_key": Shape("api_key", "openai", reader="model_provider_key"),
    "openai_project_service_account": Shape("api_key", "openai", reader="model_provider_key"),
    "anthropic_api_key": Shape("api_key", "anthropic", reader="model_provider_key"),
    "litellm_key": Shape("api_key", "litellm", reader="model_provider_key"),
    "openrouter_api_key": Shape("api_key", "openrouter", reader="model_provider_key"),
    "databricks_token": Shape("api_key", "databricks", reader="model_provider_key"),
    "databricks_obo_token": Shape("api_key", "databricks", reader="model_provider_key"),
    "groq_api_key": Shape("api_key", "groq", reader="model_provider_key"),
}  # fmt: skip
"""Terraform type → shape."""


NEWER_THAN_SCHEMA: Final = frozenset({"aws_sagemaker_training_job", "aws_sagemaker_cluster"})
"""Types of aws 6: their attribute names are those of the documentation."""


def provider_of(type: str) -> str:
    """Our name of the provider that a Terraform type belongs to: its prefix, in our words."""
    prefix = type.partition("_")[0]
    return {"azurerm": "azure", "azapi": "azure", "google": "gcp"}.get(prefix, prefix)
