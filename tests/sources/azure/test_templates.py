"""ARM templates: what deploying one would make, as far as the template tells."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from governor.azure_model import Export, Unknown
from governor.errors import Refusal
from governor.sources.azure import ids
from governor.sources.azure.exports import read, write
from sources.azure.exported import BUILT_IN, GROUP, MACHINE, RESOURCE_GROUP, SUBSCRIPTION, everything

SCOPE_UNTOLD = (
    "the scope of this assignment is not told: write it into the template as `metadata.deploymentScope`, or give what"
    " `az policy assignment list` prints"
)
SCHEMAS = "https://schema.management.azure.com/schemas"
NOWHERE = "/providers/Microsoft.Management/managementGroups/(unknown)"
HASHED = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""The namespace of guid()."""
DEFINITIONS = "'Microsoft.Authorization/policyDefinitions'"
RULE = {"if": {"field": "location", "in": "[[parameters('locations')]"}, "then": {"effect": "audit"}}


def template(*resources: dict[str, Any], to: str = "managementGroup", **parts: Any) -> dict[str, Any]:
    version = "2018-05-01/subscription" if to == "subscription" else "2019-08-01/managementGroup"
    return {
        "$schema": f"{SCHEMAS}/{version}DeploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        **parts,
        "resources": list(resources),
    }


def resource(kind: str, name: str, properties: Any, **more: Any) -> dict[str, Any]:
    return {"type": f"Microsoft.Authorization/{kind}", "apiVersion": "2023-04-01", "name": name, **more} | {
        "properties": properties
    }


def read_back(folder: Path, value: Any, **others: Any) -> Export:
    for name, content in {"main": value, **others}.items():
        (folder / f"{name.replace('_', '.')}.json").write_text(json.dumps(content, indent=1), "utf-8")
    return read([folder])


def test_a_template_of_bicep_with_all_that_it_deploys(shared: Path) -> None:
    export = read([shared / "samples" / "azure" / "exports" / "globalbao" / "mg_main.json"])

    assert [len(part) for part in (export.definitions, export.initiatives, export.assignments)] == [10, 5, 5]
    assert {ids.scope_of(one.id) for one in export.definitions} == {NOWHERE}
    known = {one.id for one in export.definitions}
    first = export.initiatives[0].members[0]
    assert first.definition in known
    assert first.reference == "tagName1-Add mandatory tag to resource group"
    assert first.parameters["tagName"] == "[parameters('tagName1')]"
    assert {one.target for one in export.assignments} == {one.id for one in export.initiatives}
    assert all(member.definition in known or not ids.scope_of(member.definition)
               for one in export.initiatives for member in one.members)  # fmt: skip
    add = next(one for one in export.definitions if one.name == "add_tag_to_rg")
    assert add.rule["if"]["allOf"][1]["field"] == "[concat('tags[', parameters('tagName'), ']')]"
    # Tag names have no default, and nobody tells the management group.
    assert {gap.reason for gap in export.gaps} >= {
        "[parameters('tagNames')[0]]: there is no element 0 among 0",
        SCOPE_UNTOLD,
    }


def test_what_is_written_is_a_template_for_each_scope() -> None:
    templates = {path: json.loads(text) for path, text in write(everything(), "arm").items()}

    assert {path: value["$schema"].removeprefix(SCHEMAS) for path, value in templates.items()} == {
        "managementGroup-contoso.json": "/2019-08-01/managementGroupDeploymentTemplate.json#",
        f"subscription-{ids.name_of(SUBSCRIPTION)}.json": "/2018-05-01/subscriptionDeploymentTemplate.json#",
        f"resourceGroup-{ids.name_of(SUBSCRIPTION)}-rg-ai.json": "/2019-04-01/deploymentTemplate.json#",
    }
    definition, initiative, assignment = templates["managementGroup-contoso.json"]["resources"]
    assert definition["properties"]["policyRule"]["then"]["effect"] == "[[parameters('effect')]"
    of_definition = (
        "[extensionResourceId(managementGroup().id, 'Microsoft.Authorization/policyDefinitions', 'require-project')]"
    )
    assert [one["policyDefinitionId"] for one in initiative["properties"]["policyDefinitions"]] == [
        of_definition,
        BUILT_IN,
    ]
    assert initiative["dependsOn"] == [of_definition]
    assert initiative["properties"]["policyDefinitions"][0]["parameters"]["effect"] == {
        "value": "[[parameters('effect')]"
    }
    assert assignment["identity"] == {"type": "SystemAssigned"}
    (exemption,) = templates[f"resourceGroup-{ids.name_of(SUBSCRIPTION)}-rg-ai.json"]["resources"]
    assert exemption["scope"] == "Microsoft.Compute/virtualMachines/vm-1"


def test_parameters_come_from_defaults_and_from_a_parameters_file(tmp_path: Path) -> None:
    whole = template(
        resource(
            "policyAssignments",
            "[parameters('name')]",
            {
                "policyDefinitionId": BUILT_IN,
                "displayName": "[format('{0} in {{{1}}}', parameters('name'), variables('where').name)]",
                "parameters": {
                    "locations": {"value": "[parameters('Locations')]"},
                    "literal": {"value": "[[not an expression]"},
                    "open": {"value": "[parameters('untold')]"},
                },
            },
        ),
        to="subscription",
        parameters={
            "name": {"type": "string"},
            "locations": {"type": "array", "defaultValue": ["[toLower('WestEurope')]"]},
            "untold": {"type": "string"},
        },
        variables={"where": {"name": "here"}},
    )
    given = {"$schema": f"{SCHEMAS}/2019-04-01/deploymentParameters.json#", "parameters": {"name": {"value": "where"}}}

    export = read_back(tmp_path, whole, main_parameters=given)

    (found,) = export.assignments
    assert found.id == ids.made("/subscriptions/(unknown)", ids.ASSIGNMENTS, "where")
    assert found.display_name == "where in {here}"
    reason = "parameter untold has no default"
    assert found.parameters == {
        "locations": ["westeurope"],
        "literal": "[not an expression]",
        "open": Unknown(reason),
    }
    assert [gap.reason for gap in export.gaps] == [SCOPE_UNTOLD, reason]
    with pytest.raises(Refusal, match=r"a value is not known and cannot be written: parameter untold"):
        write(export, "cli")


def test_loops_conditions_and_children_of_other_scopes(tmp_path: Path) -> None:
    def definition(name: str, **more: Any) -> dict[str, Any]:
        return resource("policyDefinitions", name, {"policyRule": RULE}, **more)

    inner = template(
        definition("inner"),
        resource("policyAssignments", "of-inner", {"policyDefinitionId": "[parameters('target')]"}),
        to="subscription",
        parameters={"target": {"type": "string"}},
        outputs={"id": {"type": "string", "value": f"[subscriptionResourceId({DEFINITIONS}, 'inner')]"}},
    )
    target = f"[managementGroupResourceId({DEFINITIONS}, 'turn-1')]"
    whole = template(
        definition("[format('turn-{0}', copyIndex())]", copy={"name": "turns", "count": "[length(variables('v'))]"}),
        definition("never", condition="[equals(1, 2)]"),
        {
            "type": "Microsoft.Resources/deployments",
            "apiVersion": "2022-09-01",
            "name": "nested",
            "subscriptionId": ids.name_of(SUBSCRIPTION),
            "properties": {
                "mode": "Incremental",
                "expressionEvaluationOptions": {"scope": "inner"},
                "parameters": {"target": {"value": target}},
                "template": inner,
            },
        },
        resource(
            "policyAssignments",
            "outer",
            {
                "policyDefinitionId": (
                    f"[reference(subscriptionResourceId('{ids.name_of(SUBSCRIPTION)}', "
                    "'Microsoft.Resources/deployments', 'nested')).outputs.id.value]"
                )
            },
        ),
        resource("policyExemptions", "machine", {"policyAssignmentId": "x"}, scope=MACHINE),
        variables={"v": [1, 2]},
        metadata={"deploymentScope": GROUP},
    )

    export = read_back(tmp_path, whole)

    assert export.gaps == ()
    assert [one.id for one in export.definitions] == [
        ids.made(GROUP, ids.DEFINITIONS, "turn-0"),
        ids.made(GROUP, ids.DEFINITIONS, "turn-1"),
        ids.made(SUBSCRIPTION, ids.DEFINITIONS, "inner"),
    ]
    assert export.definitions[0].rule["if"]["in"] == "[parameters('locations')]"
    assert [(one.scope, one.target) for one in export.assignments] == [
        (SUBSCRIPTION, ids.made(GROUP, ids.DEFINITIONS, "turn-1")),
        (GROUP, ids.made(SUBSCRIPTION, ids.DEFINITIONS, "inner")),
    ]
    assert [one.scope for one in export.exemptions] == [MACHINE]


def test_resources_with_symbolic_names(tmp_path: Path) -> None:
    whole = template(metadata={"deploymentScope": GROUP}, languageVersion="2.0")
    whole["resources"] = {
        "rule": resource("policyDefinitions", "rule", {"displayName": "Rule", "policyRule": RULE}),
        "there": resource("policyDefinitions", "there", {"policyRule": RULE}, existing=True),
        "assigned": resource(
            "policyAssignments",
            "assigned",
            {
                "policyDefinitionId": "[resourceInfo('rule').id]",
                "displayName": "[concat('Assigned: ', reference('rule').displayName)]",
            },
        ),
    }

    export = read_back(tmp_path, whole)

    assert [one.name for one in export.definitions] == ["rule"]
    assert [(one.target, one.display_name) for one in export.assignments] == [
        (ids.made(GROUP, ids.DEFINITIONS, "rule"), "Assigned: Rule")
    ]


@pytest.mark.parametrize(
    ("properties", "name", "kept", "reason"),
    [
        pytest.param({"policyRule": "[variables('gone')]"}, "x", 0, "no variable is called gone", id="rule"),
        pytest.param({"policyRule": RULE, "parameters": "[utcNow()]"}, "x", 0, "is known when", id="parameters"),
        pytest.param({"policyRule": RULE}, "[newGuid()]", 1, "newGuid() is known when", id="name"),
        pytest.param("[json('{')]", "x", 0, "json: '{' is no JSON", id="all of it"),
    ],
)  # fmt: skip
def test_what_a_template_leaves_open(properties: Any, name: str, kept: int, reason: str, tmp_path: Path) -> None:
    whole = template(
        resource("policyDefinitions", name, properties),
        resource("policyDefinitions", "plain", {"policyRule": RULE}),
        metadata={"deploymentScope": GROUP},
    )

    export = read_back(tmp_path, whole)

    names = [one.name for one in export.definitions if one.rule]
    assert names == ["(unknown)", "plain"][1 - kept :]
    assert any(reason in gap.reason for gap in export.gaps)
    assert all(gap.place.startswith(f"{tmp_path}/main.json:") for gap in export.gaps)


def test_ids_within_a_template(tmp_path: Path) -> None:
    expressions = {
        "group": "[resourceGroup().id]",
        "mine": "[resourceId('Microsoft.Compute/disks', 'd')]",
        "theirs": "[resourceId('s', 'g', 'Microsoft.Sql/servers/databases', 'a', 'b')]",
        "subscription": "[subscription().subscriptionId]",
        "tenant": "[tenantResourceId('Microsoft.Authorization/policyDefinitions', 'p')]",
        "extension": "[extensionResourceId(resourceGroup().id, 'Microsoft.Authorization/locks', 'l')]",
    }
    parameters = {name: {"value": expression} for name, expression in expressions.items()}
    assigned = resource("policyAssignments", "a", {"policyDefinitionId": BUILT_IN, "parameters": parameters})

    export = read_back(tmp_path, template(assigned, metadata={"deploymentScope": RESOURCE_GROUP}))

    assert export.assignments[0].parameters == {
        "group": RESOURCE_GROUP,
        "mine": f"{RESOURCE_GROUP}/providers/Microsoft.Compute/disks/d",
        "theirs": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/a/databases/b",
        "subscription": ids.name_of(SUBSCRIPTION),
        "tenant": "/providers/Microsoft.Authorization/policyDefinitions/p",
        "extension": f"{RESOURCE_GROUP}/providers/Microsoft.Authorization/locks/l",
    }


def test_names_that_are_hashed_of_ids(tmp_path: Path) -> None:
    """Of an id that nobody tells no name can be made: it would be another one than Azure's."""
    assigned = resource("policyAssignments", "[guid(resourceGroup().id, 'a')]", {"policyDefinitionId": BUILT_IN})
    there = template(assigned, metadata={"deploymentScope": RESOURCE_GROUP})

    told, untold = (read_back(tmp_path, whole) for whole in (there, template(assigned, to="subscription")))

    assert [one.name for one in told.assignments] == [str(uuid.uuid5(HASHED, f"{RESOURCE_GROUP}-a"))]
    assert [one.name for one in untold.assignments] == [ids.UNKNOWN]
    assert any(gap.reason.endswith("where this is deployed to is not told") for gap in untold.gaps)


def test_what_may_be_deployed_is_taken_in_and_told(tmp_path: Path) -> None:
    def definition(name: str, **more: Any) -> dict[str, Any]:
        return resource("policyDefinitions", name, {"policyRule": RULE}, **more)

    machines = {"type": "Microsoft.Compute/virtualMachines", "name": "[newGuid()]", "condition": "[parameters('open')]"}
    assigned = {
        "type": "providers/policyAssignments",
        "name": "Microsoft.Authorization/a",
        "properties": {"policyDefinitionId": BUILT_IN},
    }
    whole = template(
        definition("here", condition="[equals(subscription().subscriptionId, 'there')]"),
        definition("[format('turn-{0}', copyIndex())]", copy={"name": "turns", "count": "[parameters('open')]"}),
        {**machines, "resources": [assigned]},
        to="subscription",
        parameters={"open": {"type": "int"}},
    )

    export = read_back(tmp_path, whole)

    assert [one.name for one in export.definitions] == ["here", "(unknown)"]
    assert [one.scope for one in export.assignments] == [
        "/subscriptions/(unknown)/providers/Microsoft.Compute/virtualMachines/(unknown)"
    ]
    assert {gap.reason for gap in export.gaps} == {
        "whether it is deployed is not known: where this is deployed to is not told",
        "how many there are is not known (parameter open has no default): one was taken in",
        "it is one of a number that is not known",
        SCOPE_UNTOLD,
    }
