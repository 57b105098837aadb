"""Lists of resources, as az and the APIs of Azure write them, in; the estate out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from governor.azure_model import ArmResource, Estate, Unknown
from governor.errors import Refusal
from governor.model import Gap
from governor.sources.azure import estate

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/ai"
DISK = f"{GROUP}/providers/Microsoft.Compute/disks/d1"


def row(id: str = DISK, **more: Any) -> dict[str, Any]:
    """A row of Resource Graph: absent values are empty."""
    provider, *steps = id.rpartition("/providers/")[2].split("/")
    return {
        "id": id, "name": id.rpartition("/")[2], "type": "/".join([provider, *steps[::2]]).lower(), "kind": "",
        "tenantId": "t", "location": "westeurope", "resourceGroup": "ai", "subscriptionId": "1", "managedBy": "",
        "sku": None, "plan": {}, "properties": {}, "tags": None, "identity": None, "zones": None, **more,
    }  # fmt: skip


def container(id: str, type: str, **more: Any) -> dict[str, Any]:
    return row(id, **{"type": type, "location": "", **more})


def of(document: Any) -> Estate:
    return estate.read(Path("-"), json.dumps(document).encode())


def test_resources_and_containers_of_resource_graph(tmp_path: Path) -> None:
    vm = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
    resources = {
        "count": 2,
        "data": [
            row(sku={"name": "Premium_LRS"}, tags={"project": "vision"}, properties={"diskSizeGB": 127}),
            row(vm, location="West Europe", identity={"type": "SystemAssigned"}, zones=["1"]),
        ],
        "skip_token": None,
        "total_records": 2,
    }
    chain = [{"name": "mg-AI", "displayName": "AI"}, {"name": "tenant", "displayName": "Root"}]
    containers = {
        "totalRecords": 3,
        "count": 3,
        "resultTruncated": "false",
        "facets": [],
        "data": [
            container(
                SUBSCRIPTION,
                "microsoft.resources/subscriptions",
                properties={"state": "Enabled", "managementGroupAncestorsChain": chain},
            ),
            container(GROUP, "microsoft.resources/subscriptions/resourcegroups", tags={"owner-team": "ml"}),
            container(
                "/providers/Microsoft.Management/managementGroups/mg-AI", "microsoft.management/managementgroups"
            ),
        ],
    }
    (tmp_path / "resources.json").write_text(json.dumps(resources))
    (tmp_path / "containers.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(containers).encode())
    (tmp_path / "notes.json").write_text('{"what": "else"}')

    found = estate.read(tmp_path)

    assert sorted(found.resources, key=lambda resource: resource.id) == [
        ArmResource(
            id=SUBSCRIPTION,
            type="Microsoft.Resources/subscriptions",
            body={
                "name": "11111111-1111-1111-1111-111111111111",
                "type": "Microsoft.Resources/subscriptions",
                "properties": {"state": "Enabled", "managementGroupAncestorsChain": chain},
            },
        ),
        ArmResource(
            id=GROUP,
            type="Microsoft.Resources/subscriptions/resourceGroups",
            body={
                "name": "ai",
                "type": "Microsoft.Resources/subscriptions/resourceGroups",
                "tags": {"owner-team": "ml"},
                "properties": {},
            },
        ),
        ArmResource(
            id=DISK,
            type="microsoft.compute/disks",
            body={
                "name": "d1",
                "type": "microsoft.compute/disks",
                "location": "westeurope",
                "sku": {"name": "Premium_LRS"},
                "tags": {"project": "vision"},
                "properties": {"diskSizeGB": 127},
            },
        ),
        ArmResource(
            id=vm,
            type="microsoft.compute/virtualmachines",
            body={
                "name": "vm",
                "type": "microsoft.compute/virtualmachines",
                "location": "westeurope",
                "identity": {"type": "SystemAssigned"},
                "zones": ["1"],
                "properties": {},
            },
        ),
    ]
    assert found.ancestors == {SUBSCRIPTION: ("mg-ai", "tenant")}
    assert found.listed == {
        "microsoft.compute/disks",
        "microsoft.compute/virtualmachines",
        "microsoft.resources/subscriptions",
        "microsoft.resources/subscriptions/resourcegroups",
    }
    (gap,) = found.gaps
    assert (gap.place, gap.reason[:33]) == (str(tmp_path / "notes.json"), "no resources of Azure are in it: ")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"total_records": 2500, "skip_token": "x"}, "it holds 1 of 2,500 resources"),
        ({"totalRecords": 1, "resultTruncated": "true"}, "Azure cut the answer short"),
        ({"$skipToken": "x"}, "it is one page of several"),
    ],
)
def test_a_list_that_is_not_whole_lists_nothing(more: dict[str, Any], reason: str) -> None:
    found = of({"count": 1, "data": [row()], **more})

    assert len(found.resources) == 1
    assert found.listed == frozenset()
    assert [gap.reason[: len(reason)] for gap in found.gaps] == [reason]


def test_the_format_of_tables() -> None:
    names = sorted(row())
    found = of({"data": {"columns": [{"name": name} for name in names], "rows": [[row()[name] for name in names]]}})

    assert found.resources == of([row()]).resources


@pytest.mark.parametrize("wrapped", [False, True])
def test_columns_that_nobody_asked_for_are_not_known(wrapped: bool) -> None:
    rows = [{"id": DISK, "name": "d1", "type": "microsoft.compute/disks"}]

    body = of({"data": rows} if wrapped else rows).resources[0].body
    assert body["tags"] == Unknown("the export has no column tags")
    assert body["properties"] == Unknown("the export does not tell its properties")


def test_az_resource_list_tells_no_properties() -> None:
    listed = row(
        type="Microsoft.Compute/disks", properties=None, createdTime="2026-01-01", provisioningState="Succeeded"
    )

    (disk,) = of([listed]).resources

    assert disk.body == {
        "name": "d1",
        "type": "Microsoft.Compute/disks",
        "location": "westeurope",
        "properties": Unknown("the export does not tell its properties"),
    }


def test_an_answer_of_the_rest_api_leaves_out_what_is_absent() -> None:
    disk = {
        "id": DISK,
        "name": "d1",
        "type": "Microsoft.Compute/disks",
        "location": "West US 2",
        "properties": {"a": 1},
    }
    page = {"value": [disk], "nextLink": "https://management.azure.com/next"}

    found = of(page)

    assert found.resources[0].body == {
        "name": "d1",
        "type": "Microsoft.Compute/disks",
        "location": "westus2",
        "properties": {"a": 1},
    }
    assert [gap.reason for gap in found.gaps] == ["it is one page of several: more follow its skip token"]


def test_children_that_azure_tells_of_within_a_resource() -> None:
    cluster = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/k"
    pools = [{"name": "gpu", "count": 2, "vmSize": "Standard_NC4as_T4_v3"}]

    found = of([row(cluster, properties={"agentPoolProfiles": pools})])

    assert found.resources[1] == ArmResource(
        id=f"{cluster}/agentPools/gpu",
        type="microsoft.containerservice/managedclusters/agentPools",
        body={
            "type": "microsoft.containerservice/managedclusters/agentPools",
            "name": "gpu",
            "properties": {"count": 2, "vmSize": "Standard_NC4as_T4_v3"},
        },
    )
    assert "microsoft.containerservice/managedclusters/agentpools" in found.listed


def test_objects_of_policy_are_no_resources_to_judge_and_a_row_without_a_type_is_a_gap() -> None:
    assignment = f"{GROUP}/providers/Microsoft.Authorization/policyAssignments/a"

    found = of([row(assignment), {"id": "/what/is/this"}, row()])

    assert [resource.id for resource in found.resources] == [DISK]
    assert found.gaps == (Gap("standard input", "a row tells no type, so that it was not taken in: /what/is/this"),)


def test_a_row_of_the_documentation(shared: Path) -> None:
    rows = json.loads((shared / "samples/azure/exports/az-cli/graph_resources_row.docs.json").read_text())["rows"]

    (disk,) = of(rows).resources

    assert set(disk.body) == {"name", "type", "location", "tags", "sku", "properties", "identity"}
    assert disk.body["sku"] == {"name": "Premium_LRS", "tier": "Premium"}
    assert disk.body["identity"] == Unknown("the export has no column identity")


@pytest.mark.parametrize("document", [{"count": 1, "data": [{"project": "x"}]}, ["a"], {"a": 1}, 3])
def test_what_holds_no_resources_is_refused(document: Any) -> None:
    with pytest.raises(Refusal, match="no resources of Azure are in it") as refused:
        of(document)

    assert refused.value.place == "standard input"
    assert refused.value.code == 3


def test_files_as_shells_write_them(tmp_path: Path) -> None:
    """PowerShell redirects in UTF-16."""
    (tmp_path / "a.json").write_bytes(json.dumps([row()]).encode("utf-16"))

    assert [resource.id for resource in estate.read(tmp_path / "a.json").resources] == [DISK]


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b'[{"id":\n"/a",\n oops}]', "standard input:3", "this is not JSON"),
        (b'[{"id": "/a"', "standard input", "this is not JSON"),
        (b"[" * 100_000, "standard input", "nested too deeply"),
        (
            b'[{"id": "/a", "type": "b/c", "properties": %b}]' % (b"[" * 600 + b"]" * 600),
            "standard input",
            "nested too",
        ),
        (b"", "standard input", "it is empty"),
    ],
)
def test_what_is_damaged_is_refused(data: bytes, place: str, message: str) -> None:
    with pytest.raises(Refusal, match=message) as refused:
        estate.read(Path("-"), data)

    assert refused.value.place == place


def test_folders_without_anything_to_read(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no JSON file and no Terraform code"):
        estate.read(tmp_path)
    with pytest.raises(Refusal, match="No such file"):
        estate.read(tmp_path / "none.json")
