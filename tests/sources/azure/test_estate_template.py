"""ARM templates in, the resources they ask for out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.azure_model import ArmResource, Estate, Unknown
from governor.model import Gap
from governor.sources.azure import estate

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
NOWHERE = "/subscriptions/(unknown)/resourceGroups/(unknown)/providers"
ACCOUNTS = "Microsoft.CognitiveServices/accounts"


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def of(document: dict[str, Any]) -> Estate:
    return estate.read(Path("-"), json.dumps(document).encode())


def value(expression: str, **more: Any) -> Any:
    """What an expression is, as a property."""
    resource = {"type": "Microsoft.Search/searchServices", "name": "s", "properties": {"x": expression}}
    return of(template(resource, **more)).resources[0].body["properties"].get("x")


def test_a_template_of_an_account_and_its_deployments() -> None:
    found = of(
        template(
            {
                "type": ACCOUNTS,
                "apiVersion": "2024-10-01",
                "name": "[variables('account')]",
                "location": "[parameters('location')]",
                "kind": "OpenAI",
                "sku": {"name": "S0"},
                "tags": "[union(variables('tags'), createObject('stage', parameters('stage')))]",
                "dependsOn": ["[resourceId('Microsoft.Network/virtualNetworks', 'v')]"],
                "properties": {
                    "disableLocalAuth": "[not(false())]",
                    "customSubDomainName": "[toLower(concat(variables('account'), uniqueString(resourceGroup().id)))]",
                    "restore": "[null()]",
                },
                "resources": [
                    {
                        "type": "deployments",
                        "apiVersion": "2024-10-01",
                        "name": "[format('gpt-{0}', copyIndex(1))]",
                        "copy": {"name": "models", "count": "[length(parameters('skus'))]"},
                        "sku": {"name": "[parameters('skus')[copyIndex()]]", "capacity": 10},
                        "properties": {"model": {"name": "gpt-4o", "format": "OpenAI"}},
                    }
                ],
            },
            parameters={
                "location": {"type": "string", "defaultValue": "West Europe"},
                "stage": {"type": "string"},
                "skus": {"type": "array", "defaultValue": ["GlobalStandard", "Standard"]},
            },
            variables={"account": "[concat('acc', '-', 'it''s')]", "tags": {"project": "vision"}},
        )
    )

    id = f"{NOWHERE}/{ACCOUNTS}/acc-it's"
    assert found.resources == (
        ArmResource(
            id=id,
            type=ACCOUNTS,
            api_version="2024-10-01",
            body={
                "type": ACCOUNTS,
                "name": "acc-it's",
                "location": "westeurope",
                "kind": "OpenAI",
                "sku": {"name": "S0"},
                "tags": Unknown("parameter stage has no default"),
                "properties": {
                    "disableLocalAuth": True,
                    "customSubDomainName": Unknown("resourceGroup() is known when the template is deployed"),
                },
            },
        ),
        *(
            ArmResource(
                id=f"{id}/deployments/{name}",
                type=f"{ACCOUNTS}/deployments",
                api_version="2024-10-01",
                body={
                    "type": f"{ACCOUNTS}/deployments",
                    "name": name,
                    "sku": {"name": sku, "capacity": 10},
                    "properties": {"model": {"name": "gpt-4o", "format": "OpenAI"}},
                },
            )
            for name, sku in [("gpt-1", "GlobalStandard"), ("gpt-2", "Standard")]
        ),
    )
    assert found.gaps == ()
    assert found.listed == frozenset()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[[literal]", "[literal]"),
        ("[parameters('n')]", 3),
        ("[PARAMETERS('N')]", 3),
        ("[variables('list')[1].a]", "b"),
        ("[if(equals(parameters('n'), 3), 'yes', reference('x').y)]", "yes"),
        ("[and(false(), equals(parameters('open'), 1))]", False),
        ("[join(split('a-b', '-'), '+')]", "a+b"),
        ("[padLeft(7, 3, '0')]", "007"),
        ("[string(createArray(1, 'x'))]", '[1,"x"]'),
        ("[format('{0}-{0:D3}', 1)]", "1-001"),
        ("[cidrSubnet('10.0.0.0/8', 24, 0)]", "10.0.0.0/24"),
        ("[contoso.named('x')]", Unknown("contoso.named() is not worked out by governor")),
        ("[listKeys('x', '2024-01-01').key1]", Unknown("listKeys() is known when the template is deployed")),
        ("[concat('a', parameters('open'))]", Unknown("parameter open has no default")),
        ("[parameters('nobody')]", Unknown("no parameter is called nobody")),
        ("[variables('circle')]", Unknown("variable circle is made of itself")),
        ("[concat('a'", "[concat('a'"),
        ("[concat('a']", Unknown("[concat('a']: this is no expression of a template: `)` is missing at character 12")),
        ("[int('x')]", Unknown("[int('x')]: int: 'x' is no number")),
        ("[resourceGroup().location]", Unknown("resourceGroup() is known when the template is deployed")),
    ],
)
def test_expressions(expression: str, expected: Any) -> None:
    found = value(
        expression,
        parameters={"n": {"type": "int", "defaultValue": 3}, "open": {"type": "string"}},
        variables={"list": [{}, {"a": "b"}], "circle": "[variables('circle')]"},
    )

    assert found == expected


@pytest.mark.parametrize("expression", ["[" + "not(" * 5000 + ")" * 5000 + "]", "[concat('" + "a" * 60_000 + "')]"])
def test_expressions_that_are_meant_to_break_things(expression: str) -> None:
    assert isinstance(value(expression), Unknown)


def doubled(first: Any, double: Any) -> dict[str, Any]:
    """Variables, each twice the one before."""
    return {"v0": first, **{f"v{number}": double(f"[variables('v{number - 1}')]") for number in range(1, 60)}}


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        (
            doubled("abcdefgh", lambda before: f"[concat({before[1:-1]}, {before[1:-1]})]"),
            "more than 131,072 characters",
        ),
        (doubled(["a"], lambda before: [before, before]), "more than Azure allows"),
        (doubled(["a"], lambda before: f"[createArray({before[1:-1]}, {before[1:-1]})]"), "more than Azure allows"),
        (doubled(["a"], lambda before: f"[concat({before[1:-1]}, {before[1:-1]})]"), "more than Azure allows"),
        ({f"v{number}": f"[variables('v{number + 1}')]" for number in range(59, 3000)}, "too deep"),
        ({"v59": "[padLeft('a', 2000000000)]"}, "not between 1 and 16"),
        ({"v59": "[range(0, 2000000000)]"}, "from 0 to 10,000 numbers"),
    ],
)
def test_values_that_grow_without_end_are_not_known(variables: dict[str, Any], reason: str) -> None:
    found = value("[variables('v59')]", variables=variables)

    assert isinstance(found, Unknown)
    assert reason in found.reason


def test_loops_within_loops_end() -> None:
    loop = {"name": "l", "count": 800}
    resource: dict[str, Any] = {"type": "d", "name": "[copyIndex()]", "copy": loop}
    for type in ("c", "b", "Microsoft.A/a"):
        resource = {"type": type, "name": "[string(copyIndex())]", "copy": loop, "resources": [resource]}
    turns: Any = "x"
    for _ in range(4):
        turns = {"copy": [{"name": "l", "count": 800, "input": turns}]}

    found = of(template(resource, {"type": "Microsoft.B/b", "name": "b", "properties": turns}))

    assert found.gaps[-1].reason == "the template asks for more than Azure allows: the rest was not read"


@given(st.text(alphabet="[]()'.,0 9azparemtsvconf", max_size=60))
def test_no_expression_ends_a_run(text: str) -> None:
    value(f"[{text}]")


def test_secrets_are_neither_told_nor_written() -> None:
    secret = {"type": "securestring", "defaultValue": "correct-horse"}
    found = of(
        template(
            {
                "type": "Microsoft.Sql/servers",
                "name": "s",
                "properties": {"administratorLoginPassword": "[parameters('p')]"},
            },
            parameters={"p": secret},
        )
    )

    assert found.resources[0].body["properties"]["administratorLoginPassword"] == Unknown("parameter p is secret")
    assert found.secrets == ("correct-horse",)


def test_how_often_a_loop_turns_may_not_be_known() -> None:
    found = of(
        template(
            {
                "type": "Microsoft.Compute/disks",
                "name": "[concat('d', copyIndex())]",
                "location": "westeurope",
                "copy": {"name": "disks", "count": "[parameters('count')]"},
            },
            parameters={"count": {"type": "int"}},
        )
    )

    (disk,) = found.resources
    assert disk.id == f"{NOWHERE}/Microsoft.Compute/disks/(unknown)"
    assert disk.body["name"] == Unknown("it is one of a number that is not known")
    assert disk.body["location"] == "westeurope"
    assert found.gaps == (
        Gap(
            "standard input Microsoft.Compute/disks (unknown)",
            "how many there are is not known (parameter count has no default): one was taken in",
        ),
    )


def test_loops_over_properties_and_variables() -> None:
    found = of(
        template(
            {
                "type": "Microsoft.Compute/virtualMachines",
                "name": "vm",
                "properties": {
                    "storageProfile": {
                        "copy": [
                            {"name": "dataDisks", "count": 2, "input": {"lun": "[copyIndex('dataDisks')]"}},
                            {"name": "others", "count": "[parameters('open')]", "input": {}},
                        ]
                    },
                    "names": "[variables('names')]",
                },
            },
            parameters={"open": {"type": "int"}},
            variables={"copy": [{"name": "names", "count": 2, "input": "[format('n{0}', copyIndex('names'))]"}]},
        )
    )

    assert found.resources[0].body["properties"] == {
        "storageProfile": {
            "dataDisks": [{"lun": 0}, {"lun": 1}],
            "others": Unknown("parameter open has no default"),
        },
        "names": ["n0", "n1"],
    }


def test_conditions() -> None:
    disk = {"type": "Microsoft.Compute/disks", "name": "d"}
    found = of(
        template(
            {**disk, "condition": "[equals('a', 'b')]"},
            {**disk, "name": "e", "condition": "[parameters('open')]"},
            parameters={"open": {"type": "bool"}},
        )
    )

    assert [resource.body["name"] for resource in found.resources] == ["e"]
    assert [gap.reason for gap in found.gaps] == ["whether it is deployed is not known: parameter open has no default"]


def test_deployments_within_a_template() -> None:
    """The inner template has its own parameters where it says so, else those of the outer one."""
    disk = {"type": "Microsoft.Compute/disks", "name": "[parameters('name')]"}
    inner = template(disk, parameters={"name": {"type": "string", "defaultValue": "default"}})
    deployment = {"type": "Microsoft.Resources/deployments", "name": "d", "resourceGroup": "ai"}
    found = of(
        template(
            {
                **deployment,
                "properties": {
                    "expressionEvaluationOptions": {"scope": "inner"},
                    "parameters": {"name": {"value": "[concat(parameters('name'), '-inner')]"}},
                    "template": inner,
                },
            },
            {**deployment, "subscriptionId": "s-2", "properties": {"template": inner}},
            {**deployment, "properties": {"templateLink": {"uri": "https://example.org/t.json"}}},
            parameters={"name": {"type": "string", "defaultValue": "outer"}},
        )
    )

    assert [resource.id for resource in found.resources] == [
        "/subscriptions/(unknown)/resourceGroups/ai/providers/Microsoft.Compute/disks/outer-inner",
        "/subscriptions/s-2/resourceGroups/ai/providers/Microsoft.Compute/disks/outer",
    ]
    assert [gap.reason for gap in found.gaps] == ["the template of this deployment lies elsewhere, and was not read"]


def test_what_bicep_makes_of_symbolic_names_scopes_and_groups() -> None:
    vault = "Microsoft.KeyVault/vaults"
    found = of(
        {
            "$schema": SCHEMA.replace("deployment", "subscriptionDeployment"),
            "languageVersion": "2.0",
            "contentVersion": "1.0.0.0",
            "resources": {
                "group": {"type": "Microsoft.Resources/resourceGroups", "name": "ai", "location": "West Europe"},
                "there": {"existing": True, "type": vault, "name": "v"},
                "settings": {
                    "type": "Microsoft.Insights/diagnosticSettings",
                    "name": "audit",
                    "scope": f"[format('{vault}/{{0}}', 'v')]",
                },
                "more": {
                    "type": "Microsoft.Insights/diagnosticSettings",
                    "name": "more",
                    "scope": f"[resourceId('{vault}', 'v')]",
                },
                "rule": {"type": "Microsoft.Authorization/policyAssignments", "name": "a"},
            },
        }
    )

    assert [(resource.id, resource.type) for resource in found.resources] == [
        ("/subscriptions/(unknown)/resourceGroups/ai", "Microsoft.Resources/subscriptions/resourceGroups"),
        (
            f"{NOWHERE}/{vault}/v/providers/Microsoft.Insights/diagnosticSettings/audit",
            "Microsoft.Insights/diagnosticSettings",
        ),
        (
            f"{NOWHERE}/{vault}/v/providers/Microsoft.Insights/diagnosticSettings/more",
            "Microsoft.Insights/diagnosticSettings",
        ),
    ]
