"""Which facts of `Resource.attributes` the sources produce, and on which kinds.

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

ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "ai_keys": KINDS,
    "copies_to": ("snapshot", "bucket", "replication"),
    "deadline_hours": ("training_job", "workload"),
    "delivered_tags": (
        "compute_instance", "compute_group", "launch_template", "cluster", "node_pool", "notebook", "model_endpoint",
        "training_job", "workload",
    ),
    "desired_vcpus": ("compute_group",),
    "instance_type": _LAUNCHES,
    "instance_types": tuple(kind for kind in _LAUNCHES if kind != "launch_template"),
    "key": ("api_key",),
    "local_auth": ("ai_account", "bucket"),
    "min_vcpus": ("compute_group",),
    "model": ("model_endpoint", "training_job", "model_deployment", "provisioned_throughput"),
    "processing": ("model_endpoint", "model_deployment", "provisioned_throughput"),
    "root_device": ("compute_instance",),
    "size_gib": ("volume", "snapshot", "file_system"),
    "units": ("model_deployment", "provisioned_throughput"),
}  # fmt: skip
"""Attribute → the kinds that may have it, in the order of `KINDS`."""
