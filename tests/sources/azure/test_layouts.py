"""Each layout from its files to a whole export, and many layouts at once."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from governor.azure_model import Export, PolicyState, Summary, Written
from governor.sources import PIPED
from governor.sources.azure import ids
from governor.sources.azure.exports import read, write
from sources.azure.exported import BUILT_IN, GROUP, MACHINE, SUBSCRIPTION, definition, everything, held

RULE = {"if": {"field": "location", "notIn": ["westeurope"]}, "then": {"effect": "deny"}}


def files(folder: Path, **contents: Any) -> Path:
    """Files by name, `__` for `/` and `_` for `.`: text as it is, anything else as JSON."""
    for name, content in contents.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), "utf-8")
    return folder


@pytest.fixture
def samples(shared: Path) -> Path:
    return shared / "samples" / "azure" / "exports"


def test_what_az_prints(samples: Path) -> None:
    (found,) = read([samples / "az-cli" / "policy_definition_list.docs.json"]).definitions

    assert (found.id, found.name, found.display_name) == (BUILT_IN, ids.name_of(BUILT_IN), "Allowed locations")
    assert (found.policy_type, found.mode) == ("BuiltIn", "Indexed")
    assert found.rule["then"] == {"effect": "Deny"}
    assert found.written
    assert (found.written.line, found.written.pointer) == (4, ("value", 0))


def test_states_of_az_and_of_rest(samples: Path) -> None:
    by_az = read([samples / "az-cli" / "policy_state_list.docs.json"])
    by_rest = read([samples / "az-cli" / "policyStates_queryResults.docs.json"])

    assert [replace(state, written=None) for state in (*by_az.states, *by_rest.states)] == [
        PolicyState(
            resource="/subscriptions/{subscriptionId}/resourceGroups/RG-Tags/providers/Microsoft.Network"
            "/virtualNetworks/RG-Tags-vnet",
            resource_type="Microsoft.Network/virtualNetworks",
            assignment="/subscriptions/{subscriptionId}/providers/microsoft.authorization/policyassignments"
            "/e0704696df5e4c3c81c873e8",
            definition="/subscriptions/{subscriptionId}/providers/microsoft.authorization/policydefinitions"
            "/2e3197b6-1f5b-4b01-920c-b2f0a7e9b18a",
            state="NonCompliant",
            effect="audit",
            at="2020-07-15T08:37:07.901911+00:00",
            ancestors=("{managementgroupid}",),
        ),
        PolicyState(
            resource="/subscriptions/{subscriptionId}/resourceGroups/rg-tags/providers/Microsoft.Compute"
            "/virtualMachines/linux",
            resource_type="Microsoft.Compute/virtualMachines",
            assignment="/subscriptions/{subscriptionId}/resourceGroups/rg-tags/providers/Microsoft.Authorization"
            "/policyAssignments/37ce239ae4304622914f0c77",
            definition="/providers/Microsoft.Authorization/policyDefinitions/1e30110a-5ceb-460c-a204-c1c3969c6d62",
            state="NonCompliant",
            effect="deny",
            at="2018-05-19T04:41:09Z",
        ),
    ]
    assert by_az.ancestors == {"/subscriptions/{subscriptionid}": ("{managementgroupid}",)}


def test_the_built_in_ones_have_no_type_and_are_known_by_their_rule(samples: Path) -> None:
    export = read([samples / "builtin"])

    assert len(export.definitions) == 9
    assert {one.policy_type for one in export.definitions} == {"BuiltIn"}
    assert export.gaps == ()
    inherit = next(
        one for one in export.definitions if one.display_name.startswith("Inherit a tag from the resource g")
    )
    assert inherit.version == "1.0.0"
    assert inherit.written
    assert (inherit.written.line, inherit.written.pointer) == (2, ("properties",))


def test_all_built_in_ones_in_one_list(shared: Path, tmp_path: Path) -> None:
    with gzip.open(shared / "samples" / "azure" / "builtin_definitions.jsonl.gz", "rt", encoding="utf-8") as lines:
        written = [json.loads(line) for line in lines]
    files(tmp_path, all_json=written)

    export = read([tmp_path / "all.json"])

    assert {one.id.lower() for one in export.definitions} == {one["id"].lower() for one in written}
    # Two clouds have some of them in other versions: each stands, the newest first.
    assert len(export.definitions) == 2882
    versions = [one.version for one in export.definitions if one.id.endswith("/0a15ec92-a229-4763-bb14-0ea34a568f8d")]
    assert versions == sorted(versions, reverse=True)
    # And some in the same version with another rule.
    assert len(export.gaps) == 33
    assert all("differs from the one of the same id at" in gap.reason for gap in export.gaps)


def test_answers_with_wrappers_of_their_own(samples: Path) -> None:
    export = read([samples / "c7n"])

    assert [one.name for one in export.assignments] == [
        "cctestpolicy",
        "DataProtectionSecurityCenter",
        "SecurityCenterBuiltIn",
    ]
    assert {one.scope for one in export.assignments} == {"/subscriptions/ea42f556-5106-4743-99b0-c129bfa71a47"}
    assert export.assignments[2].parameters["diagnosticsLogsInServiceFabricMonitoringEffect"] == "AuditIfNotExists"
    assert export.gaps == ()


def test_all_samples_at_once(samples: Path) -> None:
    export = read([samples])

    counts = [len(part) for part in (export.definitions, export.initiatives, export.assignments, export.exemptions)]
    assert counts == [25, 7, 22, 1]
    assert len(export.states) == 2


@pytest.mark.parametrize(
    ("wrapper", "key"),
    [
        pytest.param({"nextLink": "https://management.azure.com/…&$skiptoken=x"}, "nextLink", id="REST"),
        pytest.param({"count": 1, "total_records": 7, "skip_token": "x"}, "skip_token", id="az graph"),
        pytest.param({"resultTruncated": "true"}, "resultTruncated", id="Resource Graph"),
    ],
)
def test_a_first_page_is_read_and_the_rest_is_a_gap(wrapper: dict[str, Any], key: str, tmp_path: Path) -> None:
    page = {**json.loads(write(Export(definitions=(definition(),)), "rest")["policyDefinitions.json"]), **wrapper}
    files(tmp_path, page_json=page)

    export = read([tmp_path])

    line = next(n for n, text in enumerate((tmp_path / "page.json").read_text().splitlines(), 1) if f'"{key}"' in text)
    assert [one.name for one in export.definitions] == ["require-project"]
    assert [(gap.place, gap.reason) for gap in export.gaps] == [
        (f"{tmp_path}/page.json:{line}:3", "this is only the first page of a list: fetch the others too")
    ]


def test_a_last_page_is_whole(tmp_path: Path) -> None:
    page = json.loads(write(Export(definitions=(definition(),)), "rest")["policyDefinitions.json"])
    files(tmp_path, page_json={**page, "nextLink": None, "skip_token": "", "resultTruncated": "false"})

    assert read([tmp_path]).gaps == ()


def test_a_summary_counts_resources(tmp_path: Path) -> None:
    assignment, initiative = ids.made(SUBSCRIPTION, ids.ASSIGNMENTS, "a"), ids.made(GROUP, ids.INITIATIVES, "i")
    details = [{"complianceState": "compliant", "count": 5}, {"complianceState": "noncompliant", "count": 2}]
    files(
        tmp_path,
        summary_json={
            "odataid": "https://management.azure.com/…/summarize",
            "results": {"nonCompliantResources": 2, "resourceDetails": details},
            "policyAssignments": [
                {
                    "policyAssignmentId": assignment,
                    "policySetDefinitionId": initiative,
                    "results": {"nonCompliantResources": 2, "resourceDetails": details},
                    "policyDefinitions": [
                        {
                            "policyDefinitionId": BUILT_IN,
                            "policyDefinitionReferenceId": "locations",
                            "effect": "deny",
                            "results": {"nonCompliantResources": 2},
                        }
                    ],
                }
            ],
        },
    )

    export = read([tmp_path])

    assert [replace(one, written=None) for one in export.summaries] == [
        Summary(assignment=assignment, initiative=initiative, resources={"Compliant": 5, "NonCompliant": 2}),
        Summary(
            assignment=assignment,
            initiative=initiative,
            definition=BUILT_IN,
            reference="locations",
            effect="deny",
            resources={"NonCompliant": 2},
        ),
    ]


def test_of_two_records_of_one_resource_the_later_counts(tmp_path: Path) -> None:
    (earlier,) = everything().states
    later = replace(earlier, state="Compliant", resource=MACHINE.upper(), at="2026-11-24T02:30:00.5000000Z")
    rows = [json.loads(text)[0] for one in (later, earlier) for text in write(Export(states=(one,)), "cli").values()]
    files(tmp_path, states_json=rows)

    assert [state.state for state in read([tmp_path]).states] == ["Compliant"]


def test_resource_graph_tells_the_groups_above_a_subscription(tmp_path: Path) -> None:
    chain = [{"displayName": "AI", "name": "AI"}, {"displayName": "Tenant", "name": "Root"}]
    row = {
        "id": SUBSCRIPTION.upper(),
        "type": "microsoft.resources/subscriptions",
        "properties": {"managementGroupAncestorsChain": chain},
    }
    files(tmp_path, rows_json={"data": [row]})

    assert read([tmp_path / "rows.json"]).ancestors == {SUBSCRIPTION: ("ai", "root")}


def test_keys_are_read_in_any_case_and_empty_values_are_absent(tmp_path: Path) -> None:
    files(
        tmp_path,
        assign_json={
            "Id": ids.made(GROUP, ids.ASSIGNMENTS, "a"),
            "Properties": {
                "PolicyDefinitionId": BUILT_IN,
                "Scope": GROUP,
                "Parameters": {"effect": {"Value": "Deny"}},
                "notScopes": "",
                "metadata": None,
                "identity": "",
                "EnforcementMode": "donotenforce",
            },
        },
    )

    export = read([tmp_path])

    (found,) = export.assignments
    assert (found.name, found.target, found.parameters, found.enforced) == ("a", BUILT_IN, {"effect": "Deny"}, False)
    assert export.gaps == ()


def test_the_tree_that_the_portal_exports(tmp_path: Path) -> None:
    tree = write(everything(), "portal")

    assert sorted(tree) == [
        "exemptions/Goes_in_May_old.json",
        "initiatives/Tags_tags/assign.Tags_everywhere_tags.json",
        "initiatives/Tags_tags/policyset.json",
        "policies/Require_the_tag_project_require-project/assign.Trial_trial.json",
        "policies/Require_the_tag_project_require-project/policy.json",
    ]
    folder = tmp_path / "policies" / "Storage_deploy_TLS" / "HTTPS_Deploy-Storage"
    folder.mkdir(parents=True)
    (folder / "policy.json").write_text(tree["policies/Require_the_tag_project_require-project/policy.json"])
    (folder / "assign.Root_7751b553398f41febd64890bjson").write_text(
        tree["policies/Require_the_tag_project_require-project/assign.Trial_trial.json"]
    )

    export = read([tmp_path])

    assert [one.name for one in export.definitions] == ["require-project"]
    assert [(one.name, one.enforced) for one in export.assignments] == [("trial", False)]


def test_rules_parameters_and_members_in_files_of_their_own(tmp_path: Path) -> None:
    head = {"id": ids.made(GROUP, ids.DEFINITIONS, "where"), "type": "Microsoft.Authorization/policyDefinitions"}
    initiative = {"id": ids.made(GROUP, ids.INITIATIVES, "set"), "type": "Microsoft.Authorization/policySetDefinitions"}
    member = {"policyDefinitionId": head["id"], "policyDefinitionReferenceId": "where"}
    files(
        tmp_path,
        policies__where__policy_json={**head, "properties": {"displayName": "Where", "mode": "All"}},
        policies__where__policy_rules_json={"policyRule": RULE},
        policies__where__policy_parameters_json={"parameters": {"effect": {"type": "String"}}},
        policies__bare__azurepolicy_json={**head, "id": ids.made(GROUP, ids.DEFINITIONS, "bare"), "properties": {}},
        policies__bare__azurepolicy_rules_json=RULE,
        policies__whole__policy_json={
            **head, "id": ids.made(GROUP, ids.DEFINITIONS, "whole"), "properties": {"policyRule": RULE}
        },
        policies__whole__policy_rules_json={"policyRule": {"if": {}, "then": {}}},
        initiatives__set__policyset_json={**initiative, "properties": {"displayName": "Set"}},
        initiatives__set__policyset_definitions_json={"policyDefinitions": [member]},
        initiatives__lost__policyset_json={**initiative, "id": ids.made(GROUP, ids.INITIATIVES, "lost")},
    )  # fmt: skip

    export = read([tmp_path])

    found = {one.name: one for one in export.definitions}
    assert {name: one.rule for name, one in found.items()} == {"where": RULE, "bare": RULE, "whole": RULE}
    assert (found["where"].mode, found["where"].parameters) == ("All", {"effect": {"type": "String"}})
    assert found["where"].written == Written(f"{tmp_path}/policies/where/policy.rules.json", 1, ())
    assert [(one.name, [m.reference for m in one.members]) for one in export.initiatives] == [("set", ["where"])]
    assert [(gap.place, gap.reason) for gap in export.gaps] == [
        (
            f"{tmp_path}/initiatives/lost/policyset.json:1:1",
            "this has no policyDefinitions, and no file beside it has the one that is missing",
        )
    ]


def test_what_has_no_name_is_called_after_its_file(tmp_path: Path) -> None:
    files(
        tmp_path,
        require__region__policy_json={"mode": "All", "policyRule": RULE, "parameters": {}},
        inherit_json={"properties": {"displayName": "Inherit", "policyRule": RULE}},
    )

    export = read([tmp_path])

    nowhere = "/providers/Microsoft.Management/managementGroups/(unknown)/providers/Microsoft.Authorization"
    assert {one.id for one in export.definitions} == {
        f"{nowhere}/policyDefinitions/region",
        f"{nowhere}/policyDefinitions/inherit",
    }
    assert len(export.notes) == 2


def test_one_object_in_many_layouts_is_one(tmp_path: Path) -> None:
    whole = everything()
    for layout in ("cli", "rest", "graph", "portal", "arm"):
        for path, text in write(whole, layout).items():
            files(tmp_path / layout, **{path.replace("/", "__").replace(".", "_"): text})

    export = read([tmp_path])

    assert held(export, "cli") == held(whole, "cli")


def test_one_object_that_differs_stands_as_it_was_read_first(tmp_path: Path) -> None:
    first, second = definition(), definition(id=definition().id.upper(), rule=RULE, description="Another")
    for name, one in (("a_json", first), ("b_json", second)):
        files(tmp_path, **{name: write(Export(definitions=(one,)), "cli")["policyDefinitions.json"]})

    export = read([tmp_path])

    assert [one.rule for one in export.definitions] == [first.rule]
    assert [(gap.place, gap.reason) for gap in export.gaps] == [
        (
            f"{tmp_path}/b.json:2:3",
            f"this definition differs from the one of the same id at {tmp_path}/a.json:2, which is read",
        )
    ]


def test_names_and_descriptions_make_no_difference(tmp_path: Path) -> None:
    for name, one in (("a_json", definition()), ("b_json", definition(display_name="x", metadata={"createdBy": "y"}))):
        files(tmp_path, **{name: write(Export(definitions=(one,)), "cli")["policyDefinitions.json"]})

    assert read([tmp_path]).gaps == ()


def test_standard_input_beside_files(tmp_path: Path) -> None:
    piped = write(Export(definitions=(definition(),)), "cli")["policyDefinitions.json"].encode()
    files(tmp_path, more_json=write(Export(assignments=everything().assignments), "cli")["policyAssignments.json"])

    export = read([PIPED, tmp_path / "more.json"], piped)

    assert (len(export.definitions), len(export.assignments)) == (1, 2)
    assert export.definitions[0].written == Written("standard input", 2, (0,))


def test_versions_of_a_definition_stand_beside_one_another(tmp_path: Path) -> None:
    def version(number: str, effect: str) -> dict[str, Any]:
        kind = "Microsoft.Authorization/policyDefinitions/versions"
        rule = {**RULE, "then": {"effect": effect}}
        return {
            "id": f"{BUILT_IN}/versions/{number}",
            "name": number,
            "type": kind,
            "properties": {"policyRule": rule, "version": number},
        }

    files(tmp_path, versions_json=[version("1.9.0", "audit"), version("1.10.0", "deny")])

    export = read([tmp_path])

    assert [(one.id, one.name, one.version) for one in export.definitions] == [
        (BUILT_IN, ids.name_of(BUILT_IN), "1.10.0"),
        (BUILT_IN, ids.name_of(BUILT_IN), "1.9.0"),
    ]
    assert export.gaps == ()


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    files(tmp_path, policy_json=write(Export(definitions=(definition(),)), "cli")["policyDefinitions.json"])

    export = read([tmp_path])

    assert len(export.definitions) == 1
    assert [(gap.place, gap.reason) for gap in export.gaps] == [
        (f"{tmp_path}/gone.json", "cannot be read: No such file or directory")
    ]
