"""Which facts of `Resource.attributes` are produced, by the sources and from what Azure Policy says, on which kinds.

A test holds this against what the sources assign, and against what they make of real plans. Whoever adds a fact to a
source adds it here: `governor lint` tells people that a policy reads what nothing produces.
"""

from __future__ import annotations

from typing import Final

from governor.catalog.kinds import KINDS

_LAUNCHES = (
    "compute_instance", "compute_group", "launch_template", "capacity_reservation", "cluster", "node_pool", "notebook",
    "model_endpoint", "training_job", "workload",
)  # fmt: skip

_OF_POLICIES = ("azure_scope", "azure_assignment", "azure_exemption", "azure_record")
"""Kinds of what Azure Policy says, rather than of what it is about."""

ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "above": ("azure_scope",),
    "ai_keys": tuple(kind for kind in KINDS if kind not in _OF_POLICIES),
    "allowed_locations": ("azure_scope",),
    "assignment": ("azure_assignment", "azure_exemption"),
    "category": ("azure_assignment", "azure_exemption"),
    "copies_to": ("snapshot", "bucket", "replication"),
    "deadline_hours": ("training_job", "workload"),
    "decided_by": ("azure_assignment",),
    "delivered_tags": (
        "compute_instance", "compute_group", "launch_template", "cluster", "node_pool", "notebook", "model_endpoint",
        "training_job", "workload",
    ),
    "desired_vcpus": ("compute_group",),
    "display_name": ("azure_assignment", "azure_exemption"),
    "effect": ("azure_assignment",),
    "enforced": ("azure_assignment",),
    "exempted_by_us": ("azure_exemption",),
    "expired": ("azure_exemption",),
    "expires_on": ("azure_exemption",),
    "global_processing": ("azure_scope",),
    "gpu": ("azure_scope",),
    "instance_type": _LAUNCHES,
    "instance_types": tuple(kind for kind in _LAUNCHES if kind != "launch_template"),
    "key": ("api_key",),
    "level": ("azure_scope",),
    "local_auth": ("ai_account", "bucket", "azure_scope"),
    "locations": ("azure_scope",),
    "min_vcpus": ("compute_group",),
    "model": ("model_endpoint", "training_job", "model_deployment", "provisioned_throughput"),
    "not_scopes": ("azure_assignment",),
    "overridden": ("azure_assignment",),
    "processing": ("model_endpoint", "model_deployment", "provisioned_throughput"),
    "records": ("azure_record",),
    "reference": ("azure_assignment",),
    "references": ("azure_exemption",),
    "requires_tags": ("azure_scope",),
    "root_device": ("compute_instance",),
    "scope": ("azure_assignment", "azure_exemption"),
    "size_gib": ("volume", "snapshot", "file_system"),
    "units": ("model_deployment", "provisioned_throughput"),
}  # fmt: skip
"""Attribute → the kinds that may have it, in the order of `KINDS`."""
