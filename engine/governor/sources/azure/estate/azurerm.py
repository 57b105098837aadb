"""Terraform types of azurerm and where in a resource of Azure their arguments end up. Data only.

ARM paths are those of the aliases of Azure Policy; names of arguments those of azurerm's documentation, versions 3 and
4. An argument that one version only knows stands beside its successor. What no argument says is not known: see
`terraform.from_plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from governor.azure_model import Unknown

Change = Callable[[Any], Any]
"""What an argument's value is in ARM's words; never asked about what is not known."""


class To(Struct, frozen=True):
    """Where one argument goes."""

    path: str
    change: Change | None = None


class Part(Struct, frozen=True):
    """Where a nested block goes: an object, or several, in a list."""

    path: str
    arguments: Mapping[str, str | To | Part]
    constants: Mapping[str, Any] = {}
    many: bool = False


Arguments = Mapping[str, str | To | Part]


class Mapped(Struct, frozen=True, kw_only=True):
    """One azurerm type."""

    type: str
    """Of Azure."""
    arguments: Arguments = {}
    constants: Mapping[str, Any] = {}
    parent: str = ""
    """The argument with the id, or the name, of the resource it is a child of."""
    extends: str = ""
    """The argument with the id of the resource, group or subscription it is about."""
    location: Literal["own", "parent", "none"] = "own"
    tags: str = "tags"
    absent: tuple[str, ...] = ()
    """ARM paths at which the type never puts anything."""
    joined: Mapping[str, tuple[str, ...]] = {}
    """ARM path → arguments whose values, with `_` between them, it is made of."""


def _not(value: Any) -> Any:
    return not value if isinstance(value, bool) else value


def _enabled(value: Any) -> Any:
    return ("Enabled" if value else "Disabled") if isinstance(value, bool) else value


def _ids(value: Any) -> Any:
    return [{"id": item} for item in value] if isinstance(value, list) else value


def _values(value: Any) -> Any:
    return [{"value": item} for item in value] if isinstance(value, list) else value


def _one(value: Any) -> Any:
    return [value]


def _keys(value: Any) -> Any:
    return _unknown_of(value) or {str(item): {} for item in value} if isinstance(value, list) else value


def _comma(value: Any) -> Any:
    return _unknown_of(value) or ", ".join(map(str, value)) if isinstance(value, list) else value


def _unknown_of(value: list[Any]) -> Unknown | None:
    """What is made of all members is not known when one of them is not."""
    return next((item for item in value if isinstance(item, Unknown)), None)


_KIND = {"kind": Unknown("no argument of azurerm tells it")}


def _linux(value: Any) -> Any:
    return str(value).lower() == "linux"


BACK: Mapping[Change, Change] = {_not: _not, _enabled: lambda value: str(value).lower() == "enabled"}
"""What undoes a change, where that can be done."""

IDENTITY = Part("identity", {"type": "type", "identity_ids": To("userAssignedIdentities", _keys)})
COMMON: Arguments = {
    "identity": IDENTITY,
    "zones": "zones",
    "zone": To("zones", _one),
    "plan": Part("plan", {"name": "name", "product": "product", "publisher": "publisher"}),
    "edge_zone": "extendedLocation.name",
}
"""Arguments that mean the same in every type that has them."""

_IMAGE = {"publisher": "publisher", "offer": "offer", "sku": "sku", "version": "version"}
_OS_DISK = {
    "name": "name",
    "caching": "caching",
    "storage_account_type": "managedDisk.storageAccountType",
    "disk_encryption_set_id": "managedDisk.diskEncryptionSet.id",
    "disk_size_gb": "diskSizeGB",
    "write_accelerator_enabled": "writeAcceleratorEnabled",
}


def _machine(system: str, at: str) -> dict[str, str | To | Part]:
    """What virtual machines and scale sets share; `at` is where their profile lies."""
    return {
        "source_image_reference": Part(f"{at}.storageProfile.imageReference", _IMAGE),
        "source_image_id": f"{at}.storageProfile.imageReference.id",
        "os_disk": Part(f"{at}.storageProfile.osDisk", _OS_DISK, {"osType": system} if system else {}),
        "admin_username": f"{at}.osProfile.adminUsername",
        "disable_password_authentication": f"{at}.osProfile.linuxConfiguration.disablePasswordAuthentication",
        "provision_vm_agent": f"{at}.osProfile.{system.lower() or 'linux'}Configuration.provisionVMAgent",
        "allow_extension_operations": f"{at}.osProfile.allowExtensionOperations",
        "encryption_at_host_enabled": f"{at}.securityProfile.encryptionAtHost",
        "secure_boot_enabled": f"{at}.securityProfile.uefiSettings.secureBootEnabled",
        "vtpm_enabled": f"{at}.securityProfile.uefiSettings.vTpmEnabled",
        "priority": f"{at}.priority",
        "eviction_policy": f"{at}.evictionPolicy",
        "max_bid_price": f"{at}.billingProfile.maxPrice",
        "license_type": f"{at}.licenseType",
        "user_data": f"{at}.userData",
        "boot_diagnostics": Part(
            f"{at}.diagnosticsProfile.bootDiagnostics", {"storage_account_uri": "storageUri"}, {"enabled": True}
        ),
        "proximity_placement_group_id": "properties.proximityPlacementGroup.id",
        "additional_capabilities": Part(
            "properties.additionalCapabilities",
            {"ultra_ssd_enabled": "ultraSSDEnabled", "hibernation_enabled": "hibernationEnabled"},
        ),
    }


_OTHER = {"Linux": "windows", "Windows": "linux"}


def _virtual_machine(system: str) -> Mapped:
    settings = f"properties.osProfile.{system.lower()}Configuration.patchSettings"
    return Mapped(
        type="Microsoft.Compute/virtualMachines",
        arguments={
            **_machine(system, "properties"),
            "size": "properties.hardwareProfile.vmSize",
            "computer_name": "properties.osProfile.computerName",
            "network_interface_ids": To("properties.networkProfile.networkInterfaces", _ids),
            "availability_set_id": "properties.availabilitySet.id",
            "virtual_machine_scale_set_id": "properties.virtualMachineScaleSet.id",
            "capacity_reservation_group_id": "properties.capacityReservation.capacityReservationGroup.id",
            "dedicated_host_id": "properties.host.id",
            "dedicated_host_group_id": "properties.hostGroup.id",
            **({"hotpatching_enabled": f"{settings}.enableHotpatching"} if system == "Windows" else {}),
            "bypass_platform_safety_checks_on_user_schedule_enabled": (
                f"{settings}.automaticByPlatformSettings.bypassPlatformSafetyChecksOnUserSchedule"
            ),
            "patch_mode": f"{settings}.patchMode",
            "patch_assessment_mode": f"{settings}.assessmentMode",
        },
        absent=(f"properties.osProfile.{_OTHER[system]}Configuration", "properties.storageProfile.osDisk.vhd"),
    )


_PROFILE = "properties.virtualMachineProfile"
_OF_SCALE_SETS: Arguments = {
    "single_placement_group": "properties.singlePlacementGroup",
    "platform_fault_domain_count": "properties.platformFaultDomainCount",
    "zone_balance": "properties.zoneBalance",
    "data_disk": Part(
        f"{_PROFILE}.storageProfile.dataDisks",
        {
            "lun": "lun",
            "caching": "caching",
            "create_option": "createOption",
            "disk_size_gb": "diskSizeGB",
            "storage_account_type": "managedDisk.storageAccountType",
            "disk_encryption_set_id": "managedDisk.diskEncryptionSet.id",
        },
        many=True,
    ),
    "extension": Part(
        f"{_PROFILE}.extensionProfile.extensions",
        {"name": "name", "publisher": "properties.publisher", "type": "properties.type"},
        many=True,
    ),
    "automatic_os_upgrade_policy": Part(
        "properties.upgradePolicy.automaticOSUpgradePolicy",
        {
            "enable_automatic_os_upgrade": "enableAutomaticOSUpgrade",
            "automatic_os_upgrade_enabled": "enableAutomaticOSUpgrade",
        },
    ),
}
_NO_BLOBS = (f"{_PROFILE}.storageProfile.osDisk.vhdContainers", f"{_PROFILE}.storageProfile.osDisk.image")
"""azurerm makes managed disks for them."""


def _scale_set(system: str) -> Mapped:
    return Mapped(
        type="Microsoft.Compute/virtualMachineScaleSets",
        arguments={
            **_machine(system, _PROFILE),
            **_OF_SCALE_SETS,
            "sku": "sku.name",
            "instances": "sku.capacity",
            "computer_name_prefix": f"{_PROFILE}.osProfile.computerNamePrefix",
            "upgrade_mode": "properties.upgradePolicy.mode",
            "overprovision": "properties.overProvision",
        },
        constants={"properties.orchestrationMode": "Uniform"},
        absent=(f"{_PROFILE}.osProfile.{_OTHER[system]}Configuration", *_NO_BLOBS),
    )


_POOL: Arguments = {
    "name": "name",
    "vm_size": "vmSize",
    "node_count": "count",
    "min_count": "minCount",
    "max_count": "maxCount",
    "auto_scaling_enabled": "enableAutoScaling",
    "enable_auto_scaling": "enableAutoScaling",
    "host_encryption_enabled": "enableEncryptionAtHost",
    "enable_host_encryption": "enableEncryptionAtHost",
    "node_public_ip_enabled": "enableNodePublicIP",
    "enable_node_public_ip": "enableNodePublicIP",
    "fips_enabled": "enableFIPS",
    "ultra_ssd_enabled": "enableUltraSSD",
    "os_disk_type": "osDiskType",
    "os_disk_size_gb": "osDiskSizeGB",
    "os_type": "osType",
    "os_sku": "osSKU",
    "mode": "mode",
    "type": "type",
    "max_pods": "maxPods",
    "kubelet_disk_type": "kubeletDiskType",
    "vnet_subnet_id": "vnetSubnetID",
    "pod_subnet_id": "podSubnetID",
    "zones": "availabilityZones",
    "priority": "scaleSetPriority",
    "eviction_policy": "scaleSetEvictionPolicy",
    "spot_max_price": "spotMaxPrice",
    "node_labels": "nodeLabels",
    "node_taints": "nodeTaints",
    "orchestrator_version": "orchestratorVersion",
    "gpu_instance": "gpuInstanceProfile",
    "workload_runtime": "workloadRuntime",
    "scale_down_mode": "scaleDownMode",
    "capacity_reservation_group_id": "capacityReservationGroupID",
    "proximity_placement_group_id": "proximityPlacementGroupID",
    "host_group_id": "hostGroupID",
    "tags": "tags",
}
_POOL_OF_CLUSTER = {name: to for name, to in _POOL.items() if name not in ("os_type", "mode")}


def _below(at: str, arguments: Arguments) -> dict[str, str | To | Part]:
    return {name: f"{at}.{to}" for name, to in arguments.items() if isinstance(to, str)}


_ACLS: Arguments = {
    "default_action": "defaultAction",
    "bypass": To("bypass", _comma),
    "ip_rules": To("ipRules", _values),
    "virtual_network_subnet_ids": To("virtualNetworkRules", _ids),
}
_PUBLIC = To("properties.publicNetworkAccess", _enabled)
_LOCAL_AUTH = To("properties.disableLocalAuth", _not)

_COGNITIVE: Arguments = {
    "sku_name": "sku.name",
    "local_auth_enabled": _LOCAL_AUTH,
    "local_authentication_enabled": _LOCAL_AUTH,
    "public_network_access_enabled": _PUBLIC,
    "public_network_access": "properties.publicNetworkAccess",
    "custom_subdomain_name": "properties.customSubDomainName",
    "outbound_network_access_restricted": "properties.restrictOutboundNetworkAccess",
    "fqdns": "properties.allowedFqdnList",
    "dynamic_throttling_enabled": "properties.dynamicThrottlingEnabled",
    "project_management_enabled": "properties.allowProjectManagement",
    "network_acls": Part(
        "properties.networkAcls",
        {
            "default_action": "defaultAction",
            "bypass": "bypass",
            "ip_rules": To("ipRules", _values),
            "virtual_network_rules": Part(
                "virtualNetworkRules",
                {"subnet_id": "id", "ignore_missing_vnet_service_endpoint": "ignoreMissingVnetServiceEndpoint"},
                many=True,
            ),
        },
    ),
    "customer_managed_key": Part(
        "properties.encryption",
        {"identity_client_id": "keyVaultProperties.identityClientId"},
        {"keySource": "Microsoft.KeyVault"},
    ),
    "storage": Part(
        "properties.userOwnedStorage",
        {"storage_account_id": "resourceId", "identity_client_id": "identityClientId"},
        many=True,
    ),
}

_ML_WORKSPACE: Arguments = {
    "sku_name": "sku.name",
    "public_network_access_enabled": _PUBLIC,
    "public_network_access": "properties.publicNetworkAccess",
    "storage_account_id": "properties.storageAccount",
    "key_vault_id": "properties.keyVault",
    "application_insights_id": "properties.applicationInsights",
    "container_registry_id": "properties.containerRegistry",
    "high_business_impact": "properties.hbiWorkspace",
    "high_business_impact_enabled": "properties.hbiWorkspace",
    "image_build_compute_name": "properties.imageBuildCompute",
    "v1_legacy_mode_enabled": "properties.v1LegacyMode",
    "primary_user_assigned_identity": "properties.primaryUserAssignedIdentity",
    "friendly_name": "properties.friendlyName",
    "description": "properties.description",
    "managed_network": Part("properties.managedNetwork", {"isolation_mode": "isolationMode"}),
    "encryption": Part(
        "properties.encryption",
        {
            "key_vault_id": "keyVaultProperties.keyVaultArmId",
            "key_id": "keyVaultProperties.keyIdentifier",
            "user_assigned_identity_id": "identity.userAssignedIdentity",
        },
        {"status": "Enabled"},
    ),
    "ai_services_hub_id": "properties.hubResourceId",
}

_ML_COMPUTE: Arguments = {
    "description": "properties.description",
    "local_auth_enabled": _LOCAL_AUTH,
    "node_public_ip_enabled": "properties.properties.enableNodePublicIp",
    "subnet_resource_id": "properties.properties.subnet.id",
}

_NSG_RULE: Arguments = {
    "description": "properties.description",
    "protocol": "properties.protocol",
    "source_port_range": "properties.sourcePortRange",
    "source_port_ranges": "properties.sourcePortRanges",
    "destination_port_range": "properties.destinationPortRange",
    "destination_port_ranges": "properties.destinationPortRanges",
    "source_address_prefix": "properties.sourceAddressPrefix",
    "source_address_prefixes": "properties.sourceAddressPrefixes",
    "destination_address_prefix": "properties.destinationAddressPrefix",
    "destination_address_prefixes": "properties.destinationAddressPrefixes",
    "source_application_security_group_ids": To("properties.sourceApplicationSecurityGroups", _ids),
    "destination_application_security_group_ids": To("properties.destinationApplicationSecurityGroups", _ids),
    "access": "properties.access",
    "priority": "properties.priority",
    "direction": "properties.direction",
}


def _site(kind: str) -> Mapped:
    return Mapped(
        type="Microsoft.Web/sites",
        constants={"kind": kind},
        arguments={
            "https_only": "properties.httpsOnly",
            "public_network_access_enabled": _PUBLIC,
            "client_certificate_enabled": "properties.clientCertEnabled",
            "client_certificate_mode": "properties.clientCertMode",
            "enabled": "properties.enabled",
            "service_plan_id": "properties.serverFarmId",
            "virtual_network_subnet_id": "properties.virtualNetworkSubnetId",
        },
    )


def _namespace(type: str) -> Mapped:
    return Mapped(
        type=type,
        arguments={
            "sku": "sku.name",
            "capacity": "sku.capacity",
            "local_authentication_enabled": _LOCAL_AUTH,
            "local_auth_enabled": _LOCAL_AUTH,
            "public_network_access_enabled": _PUBLIC,
            "minimum_tls_version": "properties.minimumTlsVersion",
        },
    )


TYPES: Mapping[str, Mapped] = {
    "azurerm_resource_group": Mapped(
        type="Microsoft.Resources/subscriptions/resourceGroups", arguments={"managed_by": "managedBy"}
    ),
    # Machines
    "azurerm_linux_virtual_machine": _virtual_machine("Linux"),
    "azurerm_windows_virtual_machine": _virtual_machine("Windows"),
    "azurerm_virtual_machine": Mapped(
        type="Microsoft.Compute/virtualMachines",
        arguments={
            "vm_size": "properties.hardwareProfile.vmSize",
            "license_type": "properties.licenseType",
            "availability_set_id": "properties.availabilitySet.id",
            "proximity_placement_group_id": "properties.proximityPlacementGroup.id",
            "network_interface_ids": To("properties.networkProfile.networkInterfaces", _ids),
            "storage_image_reference": Part("properties.storageProfile.imageReference", {**_IMAGE, "id": "id"}),
            "storage_os_disk": Part(
                "properties.storageProfile.osDisk",
                {
                    "name": "name",
                    "caching": "caching",
                    "create_option": "createOption",
                    "os_type": "osType",
                    "disk_size_gb": "diskSizeGB",
                    "managed_disk_type": "managedDisk.storageAccountType",
                    "vhd_uri": "vhd.uri",
                },
            ),
        },
    ),
    "azurerm_linux_virtual_machine_scale_set": _scale_set("Linux"),
    "azurerm_windows_virtual_machine_scale_set": _scale_set("Windows"),
    "azurerm_orchestrated_virtual_machine_scale_set": Mapped(
        type="Microsoft.Compute/virtualMachineScaleSets",
        arguments={
            **_machine("", _PROFILE),
            **_OF_SCALE_SETS,
            "sku_name": "sku.name",
            "instances": "sku.capacity",
        },
        constants={"properties.orchestrationMode": "Flexible"},
        absent=_NO_BLOBS,
    ),
    "azurerm_virtual_machine_scale_set": Mapped(
        type="Microsoft.Compute/virtualMachineScaleSets",
        arguments={
            "sku": Part("sku", {"name": "name", "tier": "tier", "capacity": "capacity"}),
            "upgrade_policy_mode": "properties.upgradePolicy.mode",
            "overprovision": "properties.overProvision",
            "single_placement_group": "properties.singlePlacementGroup",
            "license_type": f"{_PROFILE}.licenseType",
            "priority": f"{_PROFILE}.priority",
            "eviction_policy": f"{_PROFILE}.evictionPolicy",
            "storage_profile_image_reference": Part(
                f"{_PROFILE}.storageProfile.imageReference", {**_IMAGE, "id": "id"}
            ),
        },
    ),
    "azurerm_availability_set": Mapped(
        type="Microsoft.Compute/availabilitySets",
        arguments={
            "platform_fault_domain_count": "properties.platformFaultDomainCount",
            "platform_update_domain_count": "properties.platformUpdateDomainCount",
        },
    ),
    "azurerm_capacity_reservation_group": Mapped(type="Microsoft.Compute/capacityReservationGroups"),
    "azurerm_capacity_reservation": Mapped(
        type="Microsoft.Compute/capacityReservationGroups/capacityReservations",
        parent="capacity_reservation_group_id",
        location="parent",
        arguments={"sku": Part("sku", {"name": "name", "capacity": "capacity"})},
    ),
    "azurerm_managed_disk": Mapped(
        type="Microsoft.Compute/disks",
        arguments={
            "storage_account_type": "sku.name",
            "disk_size_gb": "properties.diskSizeGB",
            "create_option": "properties.creationData.createOption",
            "source_resource_id": "properties.creationData.sourceResourceId",
            "source_uri": "properties.creationData.sourceUri",
            "os_type": "properties.osType",
            "tier": "properties.tier",
            "disk_iops_read_write": "properties.diskIOPSReadWrite",
            "disk_mbps_read_write": "properties.diskMBpsReadWrite",
            "max_shares": "properties.maxShares",
            "hyper_v_generation": "properties.hyperVGeneration",
            "disk_encryption_set_id": "properties.encryption.diskEncryptionSetId",
            "disk_access_id": "properties.diskAccessId",
            "network_access_policy": "properties.networkAccessPolicy",
            "public_network_access_enabled": _PUBLIC,
        },
    ),
    "azurerm_snapshot": Mapped(
        type="Microsoft.Compute/snapshots",
        arguments={
            "disk_size_gb": "properties.diskSizeGB",
            "create_option": "properties.creationData.createOption",
            "source_resource_id": "properties.creationData.sourceResourceId",
            "source_uri": "properties.creationData.sourceUri",
            "incremental_enabled": "properties.incremental",
            "disk_access_id": "properties.diskAccessId",
            "network_access_policy": "properties.networkAccessPolicy",
            "public_network_access_enabled": _PUBLIC,
        },
    ),
    "azurerm_image": Mapped(
        type="Microsoft.Compute/images",
        arguments={
            "source_virtual_machine_id": "properties.sourceVirtualMachine.id",
            "hyper_v_generation": "properties.hyperVGeneration",
        },
    ),
    "azurerm_shared_image_gallery": Mapped(
        type="Microsoft.Compute/galleries", arguments={"description": "properties.description"}
    ),
    # Kubernetes and containers
    "azurerm_kubernetes_cluster": Mapped(
        type="Microsoft.ContainerService/managedClusters",
        arguments={
            "sku_tier": "sku.tier",
            "kubernetes_version": "properties.kubernetesVersion",
            "dns_prefix": "properties.dnsPrefix",
            "node_resource_group": "properties.nodeResourceGroup",
            "local_account_disabled": "properties.disableLocalAccounts",
            "role_based_access_control_enabled": "properties.enableRBAC",
            "disk_encryption_set_id": "properties.diskEncryptionSetID",
            "private_cluster_enabled": "properties.apiServerAccessProfile.enablePrivateCluster",
            "private_cluster_public_fqdn_enabled": "properties.apiServerAccessProfile.enablePrivateClusterPublicFQDN",
            "run_command_enabled": To("properties.apiServerAccessProfile.disableRunCommand", _not),
            "api_server_access_profile": Part(
                "properties.apiServerAccessProfile", {"authorized_ip_ranges": "authorizedIPRanges"}
            ),
            "image_cleaner_enabled": "properties.securityProfile.imageCleaner.enabled",
            "service_principal": Part("properties.servicePrincipalProfile", {"client_id": "clientId"}),
            "microsoft_defender": Part(
                "properties.securityProfile.defender",
                {"log_analytics_workspace_id": "logAnalyticsWorkspaceResourceId"},
                {"securityMonitoring.enabled": True},
            ),
            "key_management_service": Part(
                "properties.securityProfile.azureKeyVaultKms", {"key_vault_key_id": "keyId"}, {"enabled": True}
            ),
            "storage_profile": Part(
                "properties.storageProfile",
                {
                    "blob_driver_enabled": "blobCSIDriver.enabled",
                    "disk_driver_enabled": "diskCSIDriver.enabled",
                    "file_driver_enabled": "fileCSIDriver.enabled",
                    "snapshot_controller_enabled": "snapshotController.enabled",
                },
            ),
            "azure_policy_enabled": "properties.addonProfiles.azurePolicy.enabled",
            "http_application_routing_enabled": "properties.addonProfiles.httpApplicationRouting.enabled",
            "oidc_issuer_enabled": "properties.oidcIssuerProfile.enabled",
            "workload_identity_enabled": "properties.securityProfile.workloadIdentity.enabled",
            "automatic_upgrade_channel": "properties.autoUpgradeProfile.upgradeChannel",
            "automatic_channel_upgrade": "properties.autoUpgradeProfile.upgradeChannel",
            "node_os_upgrade_channel": "properties.autoUpgradeProfile.nodeOSUpgradeChannel",
            "default_node_pool": Part(
                "properties.agentPoolProfiles", _POOL_OF_CLUSTER, {"mode": "System", "osType": "Linux"}, many=True
            ),
            "network_profile": Part(
                "properties.networkProfile",
                {
                    "network_plugin": "networkPlugin",
                    "network_plugin_mode": "networkPluginMode",
                    "network_policy": "networkPolicy",
                    "network_data_plane": "networkDataplane",
                    "network_mode": "networkMode",
                    "load_balancer_sku": "loadBalancerSku",
                    "outbound_type": "outboundType",
                    "service_cidr": "serviceCidr",
                    "pod_cidr": "podCidr",
                    "dns_service_ip": "dnsServiceIP",
                },
            ),
            "azure_active_directory_role_based_access_control": Part(
                "properties.aadProfile",
                {
                    "azure_rbac_enabled": "enableAzureRBAC",
                    "admin_group_object_ids": "adminGroupObjectIDs",
                    "tenant_id": "tenantID",
                },
                {"managed": True},
            ),
        },
    ),
    "azurerm_kubernetes_cluster_node_pool": Mapped(
        type="Microsoft.ContainerService/managedClusters/agentPools",
        parent="kubernetes_cluster_id",
        location="none",
        tags="",
        arguments=_below("properties", {name: to for name, to in _POOL.items() if name != "name"}),
    ),
    "azurerm_container_registry": Mapped(
        type="Microsoft.ContainerRegistry/registries",
        arguments={
            "sku": "sku.name",
            "admin_enabled": "properties.adminUserEnabled",
            "anonymous_pull_enabled": "properties.anonymousPullEnabled",
            "data_endpoint_enabled": "properties.dataEndpointEnabled",
            "network_rule_bypass_option": "properties.networkRuleBypassOptions",
            "public_network_access_enabled": _PUBLIC,
            "zone_redundancy_enabled": To("properties.zoneRedundancy", _enabled),
            "network_rule_set": Part(
                "properties.networkRuleSet",
                {
                    "default_action": "defaultAction",
                    "ip_rule": Part("ipRules", {"action": "action", "ip_range": "value"}, many=True),
                },
            ),
            "encryption": Part(
                "properties.encryption",
                {"key_vault_key_id": "keyVaultProperties.keyIdentifier"},
                {"status": "enabled"},
            ),
            "export_policy_enabled": To("properties.policies.exportPolicy.status", _enabled),
        },
    ),
    "azurerm_container_group": Mapped(
        type="Microsoft.ContainerInstance/containerGroups",
        arguments={
            "os_type": "properties.osType",
            "restart_policy": "properties.restartPolicy",
            "sku": "properties.sku",
            "priority": "properties.priority",
            "ip_address_type": "properties.ipAddress.type",
            "dns_name_label": "properties.ipAddress.dnsNameLabel",
            "subnet_ids": To("properties.subnetIds", _ids),
            "diagnostics": Part(
                "properties.diagnostics",
                {
                    "log_analytics": Part(
                        "logAnalytics", {"workspace_id": "workspaceId", "workspace_key": "workspaceKey"}
                    )
                },
            ),
            "container": Part(
                "properties.containers",
                {
                    "name": "name",
                    "image": "properties.image",
                    "cpu": "properties.resources.requests.cpu",
                    "memory": "properties.resources.requests.memoryInGB",
                    "gpu": Part("properties.resources.requests.gpu", {"count": "count", "sku": "sku"}),
                },
                many=True,
            ),
        },
    ),
    "azurerm_container_app_environment": Mapped(
        type="Microsoft.App/managedEnvironments",
        arguments={
            "infrastructure_subnet_id": "properties.vnetConfiguration.infrastructureSubnetId",
            "internal_load_balancer_enabled": "properties.vnetConfiguration.internal",
            "zone_redundancy_enabled": "properties.zoneRedundant",
        },
    ),
    "azurerm_container_app": Mapped(
        type="Microsoft.App/containerApps",
        location="none",
        constants=_KIND,
        arguments={
            "container_app_environment_id": "properties.managedEnvironmentId",
            "workload_profile_name": "properties.workloadProfileName",
            "revision_mode": "properties.configuration.activeRevisionsMode",
            "ingress": Part(
                "properties.configuration.ingress",
                {
                    "external_enabled": "external",
                    "target_port": "targetPort",
                    "transport": "transport",
                    "allow_insecure_connections": "allowInsecure",
                },
            ),
        },
    ),
    # AI
    "azurerm_cognitive_account": Mapped(
        type="Microsoft.CognitiveServices/accounts", arguments={**_COGNITIVE, "kind": "kind"}
    ),
    "azurerm_ai_services": Mapped(
        type="Microsoft.CognitiveServices/accounts", arguments=_COGNITIVE, constants={"kind": "AIServices"}
    ),
    "azurerm_cognitive_deployment": Mapped(
        type="Microsoft.CognitiveServices/accounts/deployments",
        parent="cognitive_account_id",
        location="none",
        tags="",
        arguments={
            "model": Part("properties.model", {"format": "format", "name": "name", "version": "version"}),
            "sku": Part(
                "sku", {"name": "name", "tier": "tier", "size": "size", "family": "family", "capacity": "capacity"}
            ),
            "scale": Part(
                "sku", {"type": "name", "tier": "tier", "size": "size", "family": "family", "capacity": "capacity"}
            ),
            "rai_policy_name": "properties.raiPolicyName",
            "version_upgrade_option": "properties.versionUpgradeOption",
            "dynamic_throttling_enabled": "properties.dynamicThrottlingEnabled",
        },
    ),
    "azurerm_machine_learning_workspace": Mapped(
        type="Microsoft.MachineLearningServices/workspaces", arguments={**_ML_WORKSPACE, "kind": "kind"}
    ),
    "azurerm_ai_foundry": Mapped(
        type="Microsoft.MachineLearningServices/workspaces", arguments=_ML_WORKSPACE, constants={"kind": "Hub"}
    ),
    "azurerm_ai_foundry_project": Mapped(
        type="Microsoft.MachineLearningServices/workspaces", arguments=_ML_WORKSPACE, constants={"kind": "Project"}
    ),
    "azurerm_machine_learning_compute_cluster": Mapped(
        type="Microsoft.MachineLearningServices/workspaces/computes",
        parent="machine_learning_workspace_id",
        arguments={
            **_ML_COMPUTE,
            "vm_size": "properties.properties.vmSize",
            "vm_priority": "properties.properties.vmPriority",
            "ssh_public_access_enabled": To("properties.properties.remoteLoginPortPublicAccess", _enabled),
            "scale_settings": Part(
                "properties.properties.scaleSettings",
                {
                    "min_node_count": "minNodeCount",
                    "max_node_count": "maxNodeCount",
                    "scale_down_nodes_after_idle_duration": "nodeIdleTimeBeforeScaleDown",
                },
            ),
        },
        constants={"properties.computeType": "AmlCompute"},
    ),
    "azurerm_machine_learning_compute_instance": Mapped(
        type="Microsoft.MachineLearningServices/workspaces/computes",
        parent="machine_learning_workspace_id",
        location="parent",
        arguments={
            **_ML_COMPUTE,
            "virtual_machine_size": "properties.properties.vmSize",
            "authorization_type": "properties.properties.computeInstanceAuthorizationType",
        },
        constants={"properties.computeType": "ComputeInstance"},
    ),
    "azurerm_search_service": Mapped(
        type="Microsoft.Search/searchServices",
        arguments={
            "sku": "sku.name",
            "replica_count": "properties.replicaCount",
            "partition_count": "properties.partitionCount",
            "hosting_mode": "properties.hostingMode",
            "semantic_search_sku": "properties.semanticSearch",
            "local_authentication_enabled": _LOCAL_AUTH,
            "public_network_access_enabled": _PUBLIC,
            "allowed_ips": To("properties.networkRuleSet.ipRules", _values),
            "customer_managed_key_enforcement_enabled": To("properties.encryptionWithCmk.enforcement", _enabled),
        },
    ),
    "azurerm_databricks_workspace": Mapped(
        type="Microsoft.Databricks/workspaces",
        arguments={
            "sku": "sku.name",
            "public_network_access_enabled": _PUBLIC,
            "network_security_group_rules_required": "properties.requiredNsgRules",
            "infrastructure_encryption_enabled": "properties.parameters.requireInfrastructureEncryption.value",
            "custom_parameters": Part(
                "properties.parameters",
                {
                    "no_public_ip": "enableNoPublicIp.value",
                    "virtual_network_id": "customVirtualNetworkId.value",
                    "public_subnet_name": "customPublicSubnetName.value",
                    "private_subnet_name": "customPrivateSubnetName.value",
                },
            ),
        },
    ),
    "azurerm_batch_account": Mapped(
        type="Microsoft.Batch/batchAccounts",
        arguments={
            "pool_allocation_mode": "properties.poolAllocationMode",
            "public_network_access_enabled": _PUBLIC,
            "allowed_authentication_modes": "properties.allowedAuthenticationModes",
        },
    ),
    "azurerm_batch_pool": Mapped(
        type="Microsoft.Batch/batchAccounts/pools",
        parent="account_name",
        location="none",
        tags="",
        arguments={
            "vm_size": "properties.vmSize",
            "display_name": "properties.displayName",
            "fixed_scale": Part(
                "properties.scaleSettings.fixedScale",
                {
                    "target_dedicated_nodes": "targetDedicatedNodes",
                    "target_low_priority_nodes": "targetLowPriorityNodes",
                },
            ),
            "auto_scale": Part("properties.scaleSettings.autoScale", {"formula": "formula"}),
        },
    ),
    # Data
    "azurerm_storage_account": Mapped(
        type="Microsoft.Storage/storageAccounts",
        joined={"sku.name": ("account_tier", "account_replication_type")},
        arguments={
            "account_tier": "sku.tier",
            "account_kind": "kind",
            "access_tier": "properties.accessTier",
            "https_traffic_only_enabled": "properties.supportsHttpsTrafficOnly",
            "enable_https_traffic_only": "properties.supportsHttpsTrafficOnly",
            "min_tls_version": "properties.minimumTlsVersion",
            "shared_access_key_enabled": "properties.allowSharedKeyAccess",
            "public_network_access_enabled": _PUBLIC,
            "allow_nested_items_to_be_public": "properties.allowBlobPublicAccess",
            "cross_tenant_replication_enabled": "properties.allowCrossTenantReplication",
            "default_to_oauth_authentication": "properties.defaultToOAuthAuthentication",
            "infrastructure_encryption_enabled": "properties.encryption.requireInfrastructureEncryption",
            "is_hns_enabled": "properties.isHnsEnabled",
            "nfsv3_enabled": "properties.isNfsV3Enabled",
            "sftp_enabled": "properties.isSftpEnabled",
            "local_user_enabled": "properties.isLocalUserEnabled",
            "allowed_copy_scope": "properties.allowedCopyScope",
            "queue_encryption_key_type": "properties.encryption.services.queue.keyType",
            "table_encryption_key_type": "properties.encryption.services.table.keyType",
            "sas_policy": Part(
                "properties.sasPolicy",
                {"expiration_period": "sasExpirationPeriod", "expiration_action": "expirationAction"},
            ),
            "network_rules": Part(
                "properties.networkAcls",
                {
                    **_ACLS,
                    "private_link_access": Part(
                        "resourceAccessRules",
                        {"endpoint_resource_id": "resourceId", "endpoint_tenant_id": "tenantId"},
                        many=True,
                    ),
                },
            ),
        },
    ),
    "azurerm_key_vault": Mapped(
        type="Microsoft.KeyVault/vaults",
        arguments={
            "sku_name": "properties.sku.name",
            "tenant_id": "properties.tenantId",
            "enable_rbac_authorization": "properties.enableRbacAuthorization",
            "rbac_authorization_enabled": "properties.enableRbacAuthorization",
            "purge_protection_enabled": "properties.enablePurgeProtection",
            "soft_delete_retention_days": "properties.softDeleteRetentionInDays",
            "public_network_access_enabled": _PUBLIC,
            "enabled_for_deployment": "properties.enabledForDeployment",
            "enabled_for_disk_encryption": "properties.enabledForDiskEncryption",
            "enabled_for_template_deployment": "properties.enabledForTemplateDeployment",
            "network_acls": Part("properties.networkAcls", _ACLS),
        },
        constants={"properties.enableSoftDelete": True},
    ),
    "azurerm_cosmosdb_account": Mapped(
        type="Microsoft.DocumentDB/databaseAccounts",
        arguments={
            "kind": "kind",
            "offer_type": "properties.databaseAccountOfferType",
            "local_authentication_disabled": "properties.disableLocalAuth",
            "local_authentication_enabled": _LOCAL_AUTH,
            "public_network_access_enabled": _PUBLIC,
            "is_virtual_network_filter_enabled": "properties.isVirtualNetworkFilterEnabled",
            "free_tier_enabled": "properties.enableFreeTier",
            "access_key_metadata_writes_enabled": To("properties.disableKeyBasedMetadataWriteAccess", _not),
            "multiple_write_locations_enabled": "properties.enableMultipleWriteLocations",
            "enable_multiple_write_locations": "properties.enableMultipleWriteLocations",
            "key_vault_key_id": "properties.keyVaultKeyUri",
            "capabilities": Part("properties.capabilities", {"name": "name"}, many=True),
            "virtual_network_rule": Part("properties.virtualNetworkRules", {"id": "id"}, many=True),
            "minimal_tls_version": "properties.minimalTlsVersion",
            "consistency_policy": Part(
                "properties.consistencyPolicy", {"consistency_level": "defaultConsistencyLevel"}
            ),
            "geo_location": Part(
                "properties.locations",
                {
                    "location": "locationName",
                    "failover_priority": "failoverPriority",
                    "zone_redundant": "isZoneRedundant",
                },
                many=True,
            ),
        },
    ),
    "azurerm_mssql_server": Mapped(
        type="Microsoft.Sql/servers",
        constants=_KIND,
        arguments={
            "version": "properties.version",
            "administrator_login": "properties.administratorLogin",
            "azuread_administrator": Part(
                "properties.administrators",
                {
                    "azuread_authentication_only": "azureADOnlyAuthentication",
                    "login_username": "login",
                    "object_id": "sid",
                    "tenant_id": "tenantId",
                },
            ),
            "transparent_data_encryption_key_vault_key_id": "properties.keyId",
            "minimum_tls_version": "properties.minimalTlsVersion",
            "public_network_access_enabled": _PUBLIC,
            "outbound_network_restriction_enabled": To("properties.restrictOutboundNetworkAccess", _enabled),
        },
    ),
    "azurerm_mssql_database": Mapped(
        type="Microsoft.Sql/servers/databases",
        constants=_KIND,
        parent="server_id",
        location="parent",
        arguments={
            "sku_name": "sku.name",
            "collation": "properties.collation",
            "zone_redundant": "properties.zoneRedundant",
            "license_type": "properties.licenseType",
            "ledger_enabled": "properties.isLedgerOn",
            "elastic_pool_id": "properties.elasticPoolId",
            "storage_account_type": "properties.requestedBackupStorageRedundancy",
        },
    ),
    "azurerm_eventhub_namespace": _namespace("Microsoft.EventHub/namespaces"),
    "azurerm_servicebus_namespace": _namespace("Microsoft.ServiceBus/namespaces"),
    # Network
    "azurerm_network_security_group": Mapped(
        type="Microsoft.Network/networkSecurityGroups",
        arguments={"security_rule": Part("properties.securityRules", {**_NSG_RULE, "name": "name"}, many=True)},
    ),
    "azurerm_network_security_rule": Mapped(
        type="Microsoft.Network/networkSecurityGroups/securityRules",
        parent="network_security_group_name",
        location="none",
        tags="",
        arguments=_NSG_RULE,
    ),
    "azurerm_virtual_network": Mapped(
        type="Microsoft.Network/virtualNetworks",
        arguments={
            "address_space": "properties.addressSpace.addressPrefixes",
            "dns_servers": "properties.dhcpOptions.dnsServers",
        },
    ),
    "azurerm_subnet": Mapped(
        type="Microsoft.Network/virtualNetworks/subnets",
        parent="virtual_network_name",
        location="none",
        tags="",
        arguments={
            "address_prefixes": "properties.addressPrefixes",
            "private_endpoint_network_policies": "properties.privateEndpointNetworkPolicies",
            "default_outbound_access_enabled": "properties.defaultOutboundAccess",
        },
    ),
    "azurerm_network_interface": Mapped(
        type="Microsoft.Network/networkInterfaces",
        arguments={
            "ip_forwarding_enabled": "properties.enableIPForwarding",
            "enable_ip_forwarding": "properties.enableIPForwarding",
            "accelerated_networking_enabled": "properties.enableAcceleratedNetworking",
            "enable_accelerated_networking": "properties.enableAcceleratedNetworking",
            "ip_configuration": Part(
                "properties.ipConfigurations",
                {
                    "name": "name",
                    "primary": "properties.primary",
                    "subnet_id": "properties.subnet.id",
                    "public_ip_address_id": "properties.publicIpAddress.id",
                    "private_ip_address_allocation": "properties.privateIPAllocationMethod",
                },
                many=True,
            ),
        },
    ),
    "azurerm_public_ip": Mapped(
        type="Microsoft.Network/publicIPAddresses",
        arguments={
            "sku": "sku.name",
            "sku_tier": "sku.tier",
            "allocation_method": "properties.publicIPAllocationMethod",
            "ip_version": "properties.publicIPAddressVersion",
            "domain_name_label": "properties.dnsSettings.domainNameLabel",
        },
    ),
    "azurerm_private_endpoint": Mapped(
        type="Microsoft.Network/privateEndpoints",
        arguments={
            "subnet_id": "properties.subnet.id",
            "custom_network_interface_name": "properties.customNetworkInterfaceName",
        },
    ),
    # What the rest runs on
    "azurerm_user_assigned_identity": Mapped(type="Microsoft.ManagedIdentity/userAssignedIdentities"),
    "azurerm_role_assignment": Mapped(
        type="Microsoft.Authorization/roleAssignments",
        extends="scope",
        location="none",
        tags="",
        arguments={
            "principal_id": "properties.principalId",
            "principal_type": "properties.principalType",
            "role_definition_id": "properties.roleDefinitionId",
            "condition": "properties.condition",
        },
    ),
    "azurerm_monitor_diagnostic_setting": Mapped(
        type="Microsoft.Insights/diagnosticSettings",
        extends="target_resource_id",
        location="none",
        tags="",
        arguments={
            "log_analytics_workspace_id": "properties.workspaceId",
            "log_analytics_destination_type": "properties.logAnalyticsDestinationType",
            "storage_account_id": "properties.storageAccountId",
            "eventhub_authorization_rule_id": "properties.eventHubAuthorizationRuleId",
            "eventhub_name": "properties.eventHubName",
            "enabled_log": Part(
                "properties.logs",
                {"category": "category", "category_group": "categoryGroup"},
                {"enabled": True},
                many=True,
            ),
            "log": Part(
                "properties.logs",
                {"category": "category", "category_group": "categoryGroup", "enabled": "enabled"},
                many=True,
            ),
            "enabled_metric": Part("properties.metrics", {"category": "category"}, {"enabled": True}, many=True),
            "metric": Part("properties.metrics", {"category": "category", "enabled": "enabled"}, many=True),
        },
    ),
    "azurerm_log_analytics_workspace": Mapped(
        type="Microsoft.OperationalInsights/workspaces",
        arguments={
            "sku": "properties.sku.name",
            "retention_in_days": "properties.retentionInDays",
            "daily_quota_gb": "properties.workspaceCapping.dailyQuotaGb",
            "local_authentication_enabled": To("properties.features.disableLocalAuth", _not),
            "local_authentication_disabled": "properties.features.disableLocalAuth",
            "cmk_for_query_forced": "properties.forceCmkForQuery",
            "internet_ingestion_enabled": To("properties.publicNetworkAccessForIngestion", _enabled),
            "internet_query_enabled": To("properties.publicNetworkAccessForQuery", _enabled),
        },
    ),
    "azurerm_application_insights": Mapped(
        type="Microsoft.Insights/components",
        joined={"kind": ("application_type",)},
        arguments={
            "application_type": "properties.Application_Type",
            "workspace_id": "properties.WorkspaceResourceId",
            "retention_in_days": "properties.RetentionInDays",
            "local_authentication_disabled": "properties.DisableLocalAuth",
            "internet_ingestion_enabled": To("properties.publicNetworkAccessForIngestion", _enabled),
            "internet_query_enabled": To("properties.publicNetworkAccessForQuery", _enabled),
        },
    ),
    "azurerm_service_plan": Mapped(
        type="Microsoft.Web/serverfarms",
        constants=_KIND,
        arguments={
            "sku_name": "sku.name",
            "worker_count": "sku.capacity",
            "os_type": To("properties.reserved", _linux),
            "zone_balancing_enabled": "properties.zoneRedundant",
        },
    ),
    "azurerm_linux_web_app": _site("app,linux"),
    "azurerm_windows_web_app": _site("app"),
    "azurerm_linux_function_app": _site("functionapp,linux"),
    "azurerm_windows_function_app": _site("functionapp"),
}  # fmt: skip
"""azurerm type → where its arguments go."""
