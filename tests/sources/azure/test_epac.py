"""Enterprise Policy as Code: its trees, lists and tables, and what they would make in Azure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from governor.azure_model import Export, Message, Override, Selector
from governor.errors import Refusal
from governor.sources.azure import ids
from governor.sources.azure.exports import read, write
from sources.azure.exported import BUILT_IN, GROUP, MACHINE, RESOURCE_GROUP, SUBSCRIPTION, definition, everything

DEVELOPMENT = "/providers/Microsoft.Management/managementGroups/epac-dev"
SETTINGS = {
    "pacOwnerId": "11111111-2222-3333-4444-555555555555",
    "pacEnvironments": [
        {"pacSelector": "EPAC-DEV", "cloud": "AzureCloud", "deploymentRootScope": DEVELOPMENT},
        {
            "pacSelector": "tenant",
            "cloud": "AzureCloud",
            "deploymentRootScope": GROUP,
            "globalNotScopes": [RESOURCE_GROUP],
            "managedIdentityLocation": "westeurope",
        },
    ],
}
RULE = {"if": {"field": "location", "equals": "x"}, "then": {"effect": "[parameters('effect')]"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Definitions of EPAC with two environments, a definition and an initiative of it."""
    put(tmp_path, "global-settings.jsonc", SETTINGS)
    parameters = {"effect": {"type": "String"}, "tagName": {"type": "String"}}
    body = {"displayName": "Tag", "mode": "Indexed", "parameters": parameters, "policyRule": RULE}
    put(tmp_path, "policyDefinitions/Tags/tag.jsonc", {"name": "tag", "properties": body})
    members = [
        {"policyDefinitionReferenceId": "one", "policyDefinitionName": "tag"},
        {"policyDefinitionReferenceId": "where", "policyDefinitionId": BUILT_IN},
    ]
    body = {"displayName": "Tags", "parameters": parameters, "policyDefinitions": members}
    put(tmp_path, "policySetDefinitions/tags.jsonc", {"name": "tags", "properties": body})
    return tmp_path


def put(folder: Path, name: str, content: Any) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), "utf-8")
    return file


@pytest.mark.parametrize("kind", ["definition", "set-definition", "assignment", "exemption"])
def test_what_is_written_meets_the_schemas_of_epac(kind: str, shared: Path) -> None:
    schemas = shared / "samples" / "azure" / "exports" / "epac"
    # `^*$` is no pattern in Python.
    schema = json.loads((schemas / f"policy-{kind}-schema.json").read_text("utf-8").replace('"^*$"', '"^.*$"'))
    tree = {path: json.loads(text) for path, text in write(everything(), "epac").items()}
    files = [value for value in tree.values() if value["$schema"].endswith(f"/policy-{kind}-schema.json")]

    assert len(files) == {"assignment": 2}.get(kind, 1)
    assert [error.message for file in files for error in Draft202012Validator(schema).iter_errors(file)] == []


def test_the_samples_of_the_starter_kit(shared: Path) -> None:
    export = read([shared / "samples" / "azure" / "exports" / "epac"])

    names = [one.id.removeprefix("/providers/Microsoft.Management/managementGroups/") for one in export.assignments]
    assert [name.replace("/providers/Microsoft.Authorization/policyAssignments", "") for name in names] == [
        "mg-epac-dev/allowed-locations",
        "mg-enterprise/allowed-locations",
        "mg-epac-dev/rgtag-Example",
        "mg-enterprise/rgtag-Example",
        "mg-epac-dev/taginh-Example",
        "mg-enterprise/taginh-Example",
        "mg-epac-dev/rgtag-Environment",
        "mg-enterprise/rgtag-Environment",
        "mg-epac-dev/taginh-Environment",
        "mg-enterprise/taginh-Environment",
        "mg-epac-dev-prod/prod-env-tag",
        "mg-prod/prod-env-tag",
        "mg-epac-dev-nonprod/prod-env-tag",
        "mg-nonprod/prod-env-tag",
    ]
    assert export.assignments[2].display_name == "Require Tag on Resource Group - Example"
    assert export.assignments[2].parameters["tagName"] == "Example"
    assert "managed*" in export.assignments[2].parameters["excludedRG"]
    (gap,) = export.gaps
    assert "nothing here assigns" in gap.reason


def test_definitions_lie_at_the_root_of_each_environment(folder: Path) -> None:
    export = read([folder])

    assert [one.id for one in export.definitions] == [
        ids.made(DEVELOPMENT, ids.DEFINITIONS, "tag"),
        ids.made(GROUP, ids.DEFINITIONS, "tag"),
    ]
    assert [[member.definition for member in one.members] for one in export.initiatives] == [
        [ids.made(DEVELOPMENT, ids.DEFINITIONS, "tag"), BUILT_IN],
        [ids.made(GROUP, ids.DEFINITIONS, "tag"), BUILT_IN],
    ]
    assert export.gaps == ()


def test_a_tree_of_assignments(folder: Path) -> None:
    tree = """{
      "nodeName": "/Tags/", // the comments and commas of JSONC
      "assignment": {"name": "t-", "displayName": "Tag "},
      "definitionEntryList": [
        {"policySetName": "tags",
         "assignment": {"append": true, "name": "set", "displayName": "set"},
         "nonComplianceMessages": [{"message": "Tag it."}]},
        {"policyName": "tag", "assignment": {"name": "one-", "displayName": "One "}},
      ],
      "parameters": {"effect": "Audit", "unheardOf": 1},
      "overrides": [
        {"policySetName": "tags", "kind": "policyEffect", "value": "Disabled",
         "selectors": [{"kind": "policyDefinitionReferenceId", "in": ["where"]}]},
        {"policyName": "tag", "effect": "Deny"},
      ],
      "enforcementMode": "DoNotEnforce",
      "scope": {"tenant": ["GROUP/"], "epac-dev": ["DEVELOPMENT"]},
      "notScopes": {"*": ["/subscriptions/a"], "epac-dev": ["/subscriptions/b"]},
      "children": [
        {"nodeName": "Prod", "assignment": {"name": "prod", "displayName": "Prod"}, "enforcementMode": "Default",
         "parameters": {"tagName": "project"}, "managedIdentityLocations": {"tenant": "northeurope"}},
      ],
    }"""
    file = put(folder, "policyAssignments/tags.jsonc", tree.replace("GROUP", GROUP).replace("DEVELOPMENT", DEVELOPMENT))

    export = read([folder])

    assert export.gaps == ()
    by_id = {one.id: one for one in export.assignments}
    assert list(by_id) == [
        ids.made(DEVELOPMENT, ids.ASSIGNMENTS, "t-prodset"),
        ids.made(GROUP, ids.ASSIGNMENTS, "t-prodset"),
        ids.made(DEVELOPMENT, ids.ASSIGNMENTS, "one-t-prod"),
        ids.made(GROUP, ids.ASSIGNMENTS, "one-t-prod"),
    ]
    initiative, one = by_id[ids.made(GROUP, ids.ASSIGNMENTS, "t-prodset")], export.assignments[2]
    assert initiative.display_name == "Tag Prodset"
    assert initiative.target == ids.made(GROUP, ids.INITIATIVES, "tags")
    assert initiative.parameters == {"effect": "Audit", "tagName": "project"}
    assert initiative.messages == (Message("Tag it."),)
    where = Selector(kind="policyDefinitionReferenceId", within=("where",))
    assert initiative.overrides == (Override(kind="policyEffect", value="Disabled", selectors=(where,)),)
    assert initiative.not_scopes == (RESOURCE_GROUP, "/subscriptions/a")
    assert (initiative.identity, initiative.location) == ("SystemAssigned", "northeurope")
    assert initiative.enforced
    assert one.target == ids.made(DEVELOPMENT, ids.DEFINITIONS, "tag")
    assert one.overrides == (Override(kind="policyEffect", value="Deny"),)
    assert one.not_scopes == ("/subscriptions/a", "/subscriptions/b")
    assert (one.identity, one.location) == ("", "")
    assert one.written
    assert (one.written.file, one.written.line) == (str(file), 20)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"definitionEntry": {"policyName": "gone"}}, "there is no definition named 'gone'"),
        ({"definitionEntry": {"displayName": "x"}}, "this entry names no policy and no policy set"),
        ({"definitionEntry": None}, "no node on the way to '/Tags/' has a definitionEntry"),
        ({"scope": None}, "no node on the way to '/Tags/' has a scope"),
        ({"scope": {"production": [GROUP]}}, "the pacSelector 'production' is not in global-settings"),
        ({"scope": {"tenant": [7]}}, "this scope is not text"),
        ({"assignment": {"displayName": "x"}}, "'/Tags/': no node on the way has an assignment name"),
        ({"assignment": {"name": "a/b", "displayName": "x"}}, "'/Tags/': a name in Azure has no '/': 'a/b'"),
        (
            {"parameterFile": "effects.csv"},
            "parameters from a CSV file are not read: effects and parameters may differ",
        ),
        ({"notScopes": {"*": ["/subscriptions/a/resourceGroups/x*"]}}, "EPAC asks Azure which groups"),
        ({"enforcementMode": "Enroll"}, "the enforcementMode 'enroll' is not read: it counts as not enforced"),
        ({"children": [7]}, "this item of children is not an object"),
    ],
)
def test_what_a_tree_lacks_is_a_gap(node: dict[str, Any], reason: str, folder: Path) -> None:
    whole = {
        "nodeName": "/Tags/",
        "assignment": {"name": "a", "displayName": "A"},
        "definitionEntry": {"policyName": "tag"},
        "scope": {"tenant": [GROUP]},
    }
    put(folder, "policyAssignments/tags.jsonc", {**whole, **node})

    export = read([folder])

    (gap,) = export.gaps
    assert gap.reason.startswith(reason)
    assert gap.place.startswith(f"{folder}/policyAssignments/tags.jsonc:")


def assigned(folder: Path) -> None:
    """Two assignments: of the initiative at the management group, of the definition at a subscription."""
    for name, entry, scope in (("all", {"policySetName": "tags"}, GROUP), ("one", {"policyName": "tag"}, SUBSCRIPTION)):
        tree = {
            "nodeName": name,
            "assignment": {"name": name, "displayName": name},
            "definitionEntry": entry,
            "scope": {"tenant": [scope]},
        }
        put(folder, f"policyAssignments/{name}.json", tree)


def test_exemptions_of_a_policy_are_one_for_each_assignment_of_it(folder: Path) -> None:
    assigned(folder)
    entry = {
        "name": "old",
        "displayName": "Old",
        "description": "Goes in May",
        "exemptionCategory": "waiver",
        "expiresOn": "2027-05-31",
        "scopes": [f"lab:{RESOURCE_GROUP}", "/subscriptions/other"],
        "policyDefinitionName": "tag",
    }
    put(folder, "policyExemptions/tenant/old.jsonc", {"exemptions": [entry]})

    export = read([folder])

    found = {(one.scope, one.name): one for one in export.exemptions}
    assert {key: (one.assignment, one.references) for key, one in found.items()} == {
        (RESOURCE_GROUP, "old-all"): (ids.made(GROUP, ids.ASSIGNMENTS, "all"), ("one",)),
        (RESOURCE_GROUP, "old-one"): (ids.made(SUBSCRIPTION, ids.ASSIGNMENTS, "one"), ()),
        ("/subscriptions/other", "old-all"): (ids.made(GROUP, ids.ASSIGNMENTS, "all"), ("one",)),
    }
    lab = found[RESOURCE_GROUP, "old-one"]
    assert lab.id == ids.made(RESOURCE_GROUP, ids.EXEMPTIONS, "old-one")
    assert (lab.display_name, lab.description) == ("Old - lab - one", "Goes in May - lab - one")
    assert (lab.category, lab.expires_on) == ("Waiver", "2027-05-31")
    assert export.gaps == ()


def test_exemptions_as_a_table(folder: Path) -> None:
    assigned(folder)
    table = (
        "\ufeffname,displayName,description,exemptionCategory,expiresOn,scopes,assignmentReferenceId,"
        "policyDefinitionReferenceIds,metadata\r\n"
        f'a,"Two\r\nlines, and a ""word""",,Mitigated,2027-01-31,{SUBSCRIPTION} & :{RESOURCE_GROUP},'
        f'{ids.made(GROUP, ids.ASSIGNMENTS, "all")},policyDefinitions/tag&where,"{{""ticket"": 7}}"\r\n'
        ",,,,,,,,\r\n"
        f"b,B,,Waiver,,{RESOURCE_GROUP},policySetDefinitions/tags,\r\n"
        f"c,C,,Waiver,,{RESOURCE_GROUP},policyDefinitions/gone,,\r\n"
        "d,D,,Waiver,,,policyDefinitions/tag,,\r\n"
    )
    file = put(folder, "policyExemptions/tenant/table.csv", table)

    export = read([folder])

    assert [(one.name, one.scope, one.assignment.rpartition("/")[2], one.references) for one in export.exemptions] == [
        ("a", SUBSCRIPTION, "all", ("one", "where")),
        ("a", RESOURCE_GROUP, "all", ("one", "where")),
        ("b-all", RESOURCE_GROUP, "all", ()),
    ]
    first = export.exemptions[0]
    assert first.display_name == f'Two\r\nlines, and a "word" - {ids.name_of(SUBSCRIPTION)}'
    assert export.exemptions[1].display_name == 'Two\r\nlines, and a "word"'
    assert (first.category, first.expires_on, first.metadata) == ("Mitigated", "2027-01-31", {"ticket": 7})
    assert first.written
    assert (first.written.file, first.written.line) == (str(file), 2)
    assert [(gap.place, gap.reason) for gap in export.gaps] == [
        (f"{file}:6", "nothing here assigns 'gone': what this exempts is not known"),
        (f"{file}:7", "this exemption has no name or no scope"),
    ]


@pytest.mark.parametrize(
    ("row", "line", "reason"),
    [
        ('a,A,Waiver,/s,x,"never closed\nb,B,Waiver,/s,x,', 2, "this is no CSV: unexpected end of data"),
        ("a,A,Waiver,/s,x," + "y" * 200_000, 2, "this is no CSV: field larger than field limit"),
        ('a,A,Waiver,/s,x,{"a"', 2, "in a cell: this JSON breaks off"),
    ],
)
def test_a_broken_table_is_refused_at_its_row(row: str, line: int, reason: str, tmp_path: Path) -> None:
    header = "name;displayName;exemptionCategory;scope;policyAssignmentId;metadata\n"
    file = put(tmp_path, "table.csv", header + row.replace(",", ";"))

    with pytest.raises(Refusal) as refused:
        read([file])

    assert refused.value.place == f"{file}:{line}"
    assert refused.value.message.startswith(reason)


def test_definitions_at_several_scopes_are_more_than_epac_can_say() -> None:
    elsewhere = definition(id=ids.made(SUBSCRIPTION, ids.DEFINITIONS, "x"), name="x")

    with pytest.raises(Refusal, match="EPAC puts all definitions of an environment at one scope"):
        write(Export(definitions=(definition(), elsewhere)), "epac")


def test_an_exemption_of_an_assignment_that_is_elsewhere_stands(tmp_path: Path) -> None:
    assignment = ids.made(GROUP, ids.ASSIGNMENTS, "elsewhere")
    entry = {"name": "x", "displayName": "X", "exemptionCategory": "Waiver", "scope": MACHINE}
    put(tmp_path, "exemptions.json", {"exemptions": [{**entry, "policyAssignmentId": assignment}]})

    (found,) = read([tmp_path / "exemptions.json"]).exemptions

    assert (found.id, found.assignment) == (ids.made(MACHINE, ids.EXEMPTIONS, "x"), assignment)
