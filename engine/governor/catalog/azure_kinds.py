"""Types of Azure Resource Manager in, our kinds out, and what policies of Azure can see of each.

Types, aliases and what lies behind them: https://learn.microsoft.com/azure/templates. Several rows share a type where
a field tells their kinds apart.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

GPU_SIZES: Final = "Standard_N*"
"""Sizes of virtual machines with an accelerator: the N families, and no other."""


class AzureKind(Struct, frozen=True, gc=False, kw_only=True):
    """One resource type, and the kind of its resources."""

    type: str
    kind: str
    only: tuple[tuple[str, str, str], ...] = ()
    """Field, operator and value of what tells it from other resources of the type."""
    tracked: bool = True
    """Whether its tags and its location lie at the top, where policies read them."""
    indexed: bool = True
    """Whether policies of mode Indexed look at it. Source: Microsoft's documentation "Tag support for resources"."""
    size: str = ""
    """Alias of the size of its virtual machines."""
    own: tuple[str, str] | None = None
    """Alias and value of the one member of an array that the size is read of."""
    gpu: str = ""
    """Alias of the GPU that its containers ask for."""
    tags_elsewhere: str = ""
    """Why policies do not see the tags that it has."""
    accelerator_elsewhere: str = ""
    """Why a policy cannot tell of each of them whether it has an accelerator."""


_POOLS = "Microsoft.ContainerService/managedClusters/agentPoolProfiles[*]"
_COMPUTE = "Microsoft.MachineLearningServices/workspaces/computes"

AZURE_KINDS: Final = (
    AzureKind(
        type="Microsoft.Compute/virtualMachines",
        kind="compute_instance",
        size="Microsoft.Compute/virtualMachines/sku.name",
    ),
    AzureKind(
        type="Microsoft.Compute/virtualMachineScaleSets",
        kind="compute_group",
        size="Microsoft.Compute/virtualMachineScaleSets/sku.name",
        accelerator_elsewhere="the sizes of a scale set that mixes them stand in its profile, which has no alias",
    ),
    AzureKind(
        type="Microsoft.Compute/capacityReservationGroups/capacityReservations",
        kind="capacity_reservation",
        size="Microsoft.Compute/capacityReservationGroups/capacityReservations/sku.name",
    ),
    AzureKind(
        type="Microsoft.ContainerService/managedClusters",
        kind="cluster",
        size=f"{_POOLS}.vmSize",
        own=(f"{_POOLS}.mode", "System"),
        accelerator_elsewhere="of several system pools the first is the cluster's own, and conditions cannot tell it",
    ),
    AzureKind(
        type="Microsoft.ContainerService/managedClusters/agentPools",
        kind="node_pool",
        tracked=False,
        size="Microsoft.ContainerService/managedClusters/agentPools/vmSize",
        tags_elsewhere="its tags lie in properties.tags, and conditions on `tags` read those at the top",
    ),
    AzureKind(
        type=_COMPUTE,
        kind="notebook",
        only=((f"{_COMPUTE}/computeType", "equals", "ComputeInstance"),),
        indexed=False,
        size=f"{_COMPUTE}/vmSize",
    ),
    AzureKind(
        type=_COMPUTE,
        kind="training_job",
        only=((f"{_COMPUTE}/computeType", "equals", "AmlCompute"),),
        indexed=False,
        size=f"{_COMPUTE}/vmSize",
    ),
    AzureKind(type="Microsoft.MachineLearningServices/workspaces", kind="ai_account"),
    AzureKind(type="Microsoft.MachineLearningServices/workspaces/onlineEndpoints", kind="model_endpoint"),
    AzureKind(
        type="Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
        kind="model_endpoint",
        size="Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/instanceType",
    ),
    AzureKind(type="Microsoft.CognitiveServices/accounts", kind="ai_account"),
    AzureKind(type="Microsoft.CognitiveServices/accounts/deployments", kind="model_deployment", tracked=False),
    AzureKind(type="Microsoft.Search/searchServices", kind="ai_account"),
    AzureKind(type="Microsoft.Compute/disks", kind="volume"),
    AzureKind(type="Microsoft.Compute/snapshots", kind="snapshot"),
    AzureKind(type="Microsoft.Storage/storageAccounts", kind="bucket"),
    AzureKind(type="Microsoft.Storage/storageAccounts/objectReplicationPolicies", kind="replication", tracked=False),
    AzureKind(
        type="Microsoft.App/containerApps",
        kind="workload",
        accelerator_elsewhere="whether the profile of a container app has GPUs stands in its environment",
    ),
    AzureKind(
        type="Microsoft.ContainerInstance/containerGroups",
        kind="workload",
        gpu="Microsoft.ContainerInstance/containerGroups/containers[*].resources.requests.gpu.sku",
    ),
    AzureKind(
        type="Microsoft.Web/sites",
        kind="workload",
        only=(("kind", "contains", "functionapp"), ("kind", "contains", "linux")),
    ),
)
