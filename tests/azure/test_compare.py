"""`governor azure compare`: our verdict beside Azure's, and a story for each reason why they disagree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure.tenant import (
    ACCOUNT,
    AUTHORIZATION,
    SUB,
    VM,
    VNET,
    assignment,
    definition,
    exemption,
    exists,
    outside,
    row,
    save,
    vm,
)
from azure.test_evaluate import ID, plan
from commands.conftest import Governor
from core.policy_folders import write
from governor.azure.compare import KEYS, LOCATION, SKU, Point, of_field, of_finding
from governor.model import Finding

SCHEMA = Path(__file__).parents[2] / "engine/governor/reports/azure_comparison.schema.json"
GPU = "Standard_NC24ads_A100_v4"
DUE = {"project": "atlas", "owner-team": "vision", "stage": "inference", "cost-budget-limit": "9000-USD-month"}


def compare(governor: Governor, *more: object) -> Any:
    return governor("azure", "compare", "export", "--on", "inventory.json", "--today", "2026-11-24", *more)


def rows(governor: Governor, field: str, *more: object) -> list[tuple[str, str]]:
    """Status and reason of what is said of a field."""
    found = json.loads(compare(governor, "-f", "json", *more).out)
    jsonschema.validate(found, json.loads(SCHEMA.read_bytes()))
    return [(each["status"], each["reason"]) for each in found["rows"] if each["field"] == field]


def tenant(folder: Path, policies: list[Any], resources: list[Any], residency: str = "") -> None:
    save(folder, "export/policies.json", policies)
    save(folder, "inventory.json", resources)
    if residency:
        write(folder, {"governor.yaml": "policies: [builtin, own]\n", "own/residency/data.yaml": residency})


def without(tag: str) -> dict[str, str]:
    return {key: value for key, value in DUE.items() if key != tag}


EU = definition("eu-only", outside("westeurope", "northeurope"))
TAGGED = definition("need-project", exists("project"))
STAGES = definition("stages", {"allOf": [{"field": "tags.stage", "exists": True},
                                         {"field": "tags.stage", "notIn": ["inference", "evaluation"]}]})  # fmt: skip
KEYLESS = definition("keyless", {"allOf": [{"field": "type", "equals": ACCOUNT},
                                           {"field": f"{ACCOUNT}/disableLocalAuth", "notEquals": True}]})  # fmt: skip
SIZES = definition("sizes", {"field": f"{VM}/sku.name", "notIn": ["Standard_D4s_v5"]})
RESTRICTED = "default_class: personal-eu\n"


def test_the_whole_table(governor: Governor, tmp_path: Path) -> None:
    tenant(
        tmp_path,
        [EU, TAGGED, STAGES, assignment("eu-only"), assignment("need-project", enforcementMode="DoNotEnforce"),
         assignment("stages")],
        [vm("ok", DUE), vm("far", without("project") | {"stage": "Inference"}, location="eastus"), row(VNET, "net")],
        RESTRICTED,
    )  # fmt: skip

    run = compare(governor)

    assert run.err == ""
    assert run.code == 1
    assert (
        run.out
        == """\
our policies beside policies of export on resources of Azure inventory.json, as of 2026-11-24

         both object  neither  only we  only Azure  cannot be told
tags               0        3        2           1               0
regions            1        2        0           0               0

ONLY WE OBJECT  2: Azure lets it pass
tags['project']  TAG001, a-need-project
  a-need-project is in DoNotEnforce: Azure records it, and acts on nothing
    rg-ml/virtualMachines/far
tags['stage']  TAG002
  Azure compares values without case: for a-stages, "Inference" is "inference"
    rg-ml/virtualMachines/far

ONLY AZURE OBJECTS  1: our policies let it pass
tags['project']  a-need-project
  no policy of ours judges the type microsoft.network/virtualnetworks; a-need-project is in DoNotEnforce, and acts on
    nothing
    rg-ml/virtualNetworks/net

6 agree, 2 only we, 1 only Azure, 0 cannot be told – 3 resources, 1 objection of both, 1 of which Azure would refuse
"""
    )


PASSES = "a-need-project looks at tags['project'], and passes this by: "
ELSEWHERE = f"{SUB}/resourceGroups/elsewhere"

ONLY_WE: list[tuple[str, list[Any], Any, str, str, str]] = [
    ("nothing looks at it", [EU, assignment("eu-only")], vm(tags=without("project")), "tags['project']",
     "ours", "Azure has no assignment in scope that looks at tags['project']"),
    ("another scope", [TAGGED, assignment("need-project", scope=ELSEWHERE)], vm(tags=without("project")),
     "tags['project']", "ours", "Azure has no assignment in scope that looks at tags['project']"),
    ("left out", [TAGGED, assignment("need-project", notScopes=[f"{SUB}/resourceGroups/rg-ml"])],
     vm(tags=without("project")), "tags['project']", "ours",
     PASSES + f"its assignment leaves out {SUB}/resourceGroups/rg-ml"),
    ("disabled", [definition("off", exists("project"), "disabled"), assignment("off")], vm(tags=without("project")),
     "tags['project']", "ours", "a-off looks at tags['project'], and passes this by: its effect is disabled"),
    ("overridden away", [TAGGED, assignment("need-project", overrides=[{"kind": "policyEffect", "value": "Disabled"}])],
     vm(tags=without("project")), "tags['project']", "ours",
     PASSES + "its effect is disabled"),
    ("not selected", [TAGGED, assignment("need-project", resourceSelectors=[
        {"name": "x", "selectors": [{"kind": "resourceLocation", "in": ["eastus"]}]}])],
     vm(tags=without("project")), "tags['project']", "ours",
     PASSES + "the resource selectors of its assignment pass by it"),
    ("another type", [definition("nets", {"allOf": [{"field": "type", "equals": VNET}, exists("project")]}),
                      assignment("nets")], vm(tags=without("project")), "tags['project']", "ours",
     "a-nets looks at tags['project'], and passes this by: it is about other types"),
    ("DoNotEnforce", [TAGGED, assignment("need-project", enforcementMode="DoNotEnforce")], vm(tags=without("project")),
     "tags['project']", "ours", "a-need-project is in DoNotEnforce: Azure records it, and acts on nothing"),
    ("exempt in Azure", [TAGGED, assignment("need-project"), exemption("a-need-project", SUB, "2027-01-31T00:00:00Z")],
     vm(tags=without("project")), "tags['project']", "ours",
     f"exempt in Azure, waiver until 2027-01-31: a-need-project waived on subscription {ID}"),
    ("case of a value", [STAGES, assignment("stages")], vm(tags=DUE | {"stage": "INFERENCE"}), "tags['stage']",
     "ours", 'Azure compares values without case: for a-stages, "INFERENCE" is "inference"'),
    ("case of a name", [TAGGED, assignment("need-project")], vm(tags=without("project") | {"Project": "atlas"}),
     "tags['project']", "ours", "Azure takes names of tags without case: for a-need-project, Project is project"),
    ("presence is enough", [TAGGED, assignment("need-project")], vm(tags=DUE | {"project": " "}), "tags['project']",
     "ours", 'a-need-project asks only whether it is there, and takes " "'),
    ("Azure allows more", [definition("stages", {"field": "tags.stage", "notIn": ["inference", "play"]}),
                           assignment("stages")], vm(tags=DUE | {"stage": "play"}), "tags['stage']",
     "ours", 'a-stages allows "play"'),
    ("looks at it and asks for more",
     [definition("both", {"allOf": [exists("project"), {"field": "tags.stage", "equals": "evaluation"}]}),
      assignment("both")], vm(tags=without("project")), "tags['project']",
     "ours", "a-both looks at it, and asks for something else"),
    ("not evaluated", [definition("odd", {"field": "tags.project", "isIn": []}), assignment("odd")],
     vm(tags=without("project")), "tags['project']", "untold",
     "Azure: a-odd, which may look at it, cannot be evaluated: no condition has a `isIn`"),
    ("not in the export", [assignment("gone")], vm(tags=without("project")), "tags['project']", "untold",
     "Azure: a-gone, which may look at it, cannot be evaluated: the export does not hold what it assigns"),
    ("about something else and not evaluated", [definition("odd", {"field": "kind", "isIn": []}), assignment("odd")],
     vm(tags=without("project")), "tags['project']", "ours",
     "Azure has no assignment in scope that looks at tags['project']"),
    ("fails", [definition("odd", {"allOf": [exists("project"), {"value": "[substring('abc', 0, 9)]", "equals": "x"}]}),
               assignment("odd")], vm(tags=without("project")), "tags['project']", "untold",
     "Azure: a-odd: substring: a text of 3 characters has no characters 0 to 9"),
    ("keys", [KEYLESS, assignment("keyless")],
     row("Microsoft.Storage/storageAccounts", "data", DUE, properties={"allowSharedKeyAccess": True}), "keys", "ours",
     "a-keyless looks at its keys, and passes this by: it is about other types"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "resource", "field", "status", "reason"),
    [case[1:] for case in ONLY_WE],
    ids=[case[0] for case in ONLY_WE],
)
def test_why_azure_does_not_object(
    governor: Governor, tmp_path: Path, policies: list[Any], resource: Any, field: str, status: str, reason: str
) -> None:
    tenant(tmp_path, policies, [resource])

    assert rows(governor, field) == [(status, reason)]


def test_mode_indexed_passes_by_what_has_no_tags(governor: Governor, tmp_path: Path) -> None:
    local = definition("standard", {"field": f"{ACCOUNT}/deployments/sku.name", "like": "Global*"})
    kind = f"{ACCOUNT}/deployments".lower()
    deployment = row(
        kind, "x", sku={"name": "GlobalStandard", "capacity": 1},
        properties={"model": {"name": "gpt-4o", "format": "OpenAI", "version": "2024-08-06"}},
        id=f"{SUB}/resourceGroups/rg-ml/providers/{ACCOUNT}/ai/deployments/x",
    )  # fmt: skip
    account = row(ACCOUNT, "ai", DUE, kind="OpenAI", properties={"disableLocalAuth": True})
    tenant(tmp_path, [local, assignment("standard")], [account, deployment])

    (reason,) = [reason for status, reason in rows(governor, "SKU") if status == "ours"]
    assert reason == f"a-standard looks at its SKU, and passes this by: it is of mode Indexed, and passes by {kind}"


ONLY_AZURE: list[tuple[str, list[Any], Any, str, str]] = [
    ("a type that we do not know", [TAGGED, assignment("need-project")], row(VNET, "net"), "tags['project']",
     "no policy of ours judges the type microsoft.network/virtualnetworks"),
    ("no tag of ours", [definition("cost", exists("CostCentre")), assignment("cost")], vm(tags=DUE),
     "tags['CostCentre']", "the taxonomy has no tag CostCentre"),
    ("only accelerated", [definition("model", exists("model")), assignment("model")], vm(tags=DUE), "tags['model']",
     "the taxonomy asks model of compute_instance only where it has an accelerator"),
    ("not of this kind", [definition("model", exists("model")), assignment("model")],
     row("Microsoft.Storage/storageAccounts", "data", DUE), "tags['model']",
     "the taxonomy does not ask model of bucket"),
    ("excused by its stage", [definition("dataset", exists("dataset")), assignment("dataset")],
     vm(tags=DUE | {"model": "m"}, size=GPU), "tags['dataset']",
     "the taxonomy does not ask dataset where the stage is inference"),
    ("a value that we allow", [definition("projects", {"field": "tags.project", "notIn": ["borealis"]}),
                               assignment("projects")], vm(tags=DUE), "tags['project']", 'the taxonomy allows "atlas"'),
    ("an unrestricted place", [EU, assignment("eu-only")], vm(tags=DUE, location="eastus"), "location",
     "our residency data allows every place: default_class is unrestricted"),
    ("SKUs", [SIZES, assignment("sizes")], vm(tags=DUE), "SKU", "no policy of ours looks at it"),
    ("anything else", [definition("names", {"field": "name", "notLike": "prod-*"}), assignment("names")], vm(tags=DUE),
     "name", "no policy of ours looks at it"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "resource", "field", "reason"), [case[1:] for case in ONLY_AZURE], ids=[case[0] for case in ONLY_AZURE]
)
def test_why_we_do_not_object(
    governor: Governor, tmp_path: Path, policies: list[Any], resource: Any, field: str, reason: str
) -> None:
    tenant(tmp_path, policies, [resource])

    assert rows(governor, field) == [("azure", reason)]


def test_a_place_that_our_data_allows(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, assignment("eu-only")], [vm(tags=DUE, location="francecentral")], RESTRICTED)

    assert rows(governor, "location") == [("azure", "our residency data allows francecentral")]


def test_what_is_exempt_here(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [TAGGED, assignment("need-project")], [vm(tags=without("project"))])
    write(
        tmp_path,
        {
            "governor.yaml": "policies: [builtin]\nexemptions: exemptions.yaml\n",
            "exemptions.yaml": 'exemptions:\n  - policy: TAG001\n    resource: "*"\n    category: waiver\n'
            "    reason: moved next week\n    owner: ada\n    approved_by: bo\n    expires: 2026-12-01\n",
        },
    )

    assert rows(governor, "tags['project']") == [("azure", "exempt here, waiver until 2026-12-01: moved next week")]


def test_what_is_off_here(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [TAGGED, assignment("need-project")], [vm(tags=without("project"))])
    write(tmp_path, {"governor.yaml": "policies: [builtin]\nlevels:\n  - policies: TAG*\n    level: off\n"})

    assert rows(governor, "tags['project']") == [("azure", "TAG001 is not asked: see `levels`")]


def test_what_a_plan_does_not_tell_yet(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, assignment("eu-only")], [], RESTRICTED)
    write(tmp_path, {"plan.json": plan({"location": None, "tags": DUE})})

    run = governor("azure", "compare", "export", "--on", "plan.json", "--subscription", ID)

    assert run.code == 0
    assert "location  RES004\n  here: location is known after apply\n    azurerm_linux_virtual_machine.0\n" in run.out
    assert governor("azure", "compare", "export", "--on", "plan.json", "--subscription", ID, "--strict").code == 3


def test_who_agrees_ends_with_0(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [TAGGED, assignment("need-project")], [vm(tags=DUE)])

    run = compare(governor)

    assert run.code == 0
    assert "tags            0        1        0           0               0" in run.out


def test_a_plan_is_piped(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [TAGGED, assignment("need-project")], [])
    arguments = ("azure", "compare", "export", "--subscription", ID, "-f", "json", "--on")
    write(tmp_path, {"plan.json": plan({"tags": without("project")})})

    piped = governor(*arguments, "-", stdin=(tmp_path / "plan.json").read_bytes())

    read = governor(*arguments, "plan.json")
    assert read.code == piped.code
    assert json.loads(piped.out)["rows"] == json.loads(read.out)["rows"] != []


def test_where_nothing_is_assigned_nobody_agrees(governor: Governor, tmp_path: Path) -> None:
    elsewhere = assignment("need-project", scope="/subscriptions/5f0c0f5e-0000-4000-8000-000000000002")
    tenant(tmp_path, [TAGGED, elsewhere], [vm(tags=DUE)])

    run = compare(governor)

    assert run.code == 4
    assert f"\nNOTHING JUDGED  the resources lie in subscription {ID}, and what is assigned" in run.out


def test_nothing_to_compare(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [TAGGED, assignment("need-project")], [])

    run = compare(governor)

    assert run.code == 0
    assert "neither side says anything of these resources" in run.out


def test_what_lies_elsewhere_is_counted(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [TAGGED, assignment("need-project")], [])
    document = json.loads(plan({}))
    document["resource_changes"][0] |= {"address": "aws_instance.a", "type": "aws_instance", "name": "a",
                                        "provider_name": "registry.terraform.io/hashicorp/aws"}  # fmt: skip
    both = json.loads(plan({"tags": DUE}))
    both["resource_changes"] += document["resource_changes"]
    write(tmp_path, {"plan.json": json.dumps(both)})

    run = governor("azure", "compare", "export", "--on", "plan.json", "--subscription", ID)

    assert "of ours about what is no resource of Azure: `governor check` tells them" in run.out


def test_no_secret_of_a_plan_is_told(governor: Governor, tmp_path: Path) -> None:
    secret = "correct-horse-battery"
    tenant(tmp_path, [STAGES, TAGGED, assignment("stages"), assignment("need-project")], [])
    write(tmp_path, {"plan.json": plan({"tags": DUE | {"stage": secret}}, tags={"stage": True})})

    for more in ([], ["-v"], ["-f", "json"]):
        run = governor("azure", "compare", "export", "--on", "plan.json", "--subscription", ID, *more)

        assert run.code in (0, 1)
        assert secret not in run.out + run.err
        assert "sensitive" in run.out


def test_lines_fit_a_narrow_terminal(governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant(tmp_path, [EU, STAGES, assignment("eu-only"), assignment("stages")], [vm(location="eastus")])
    monkeypatch.setenv("COLUMNS", "40")

    *lines, _footer = compare(governor).out.splitlines()

    assert max(map(len, lines)) <= 40
    assert any(line.startswith("tags: 0 both object, ") for line in lines)


def test_initiatives_are_found_by_id_in_any_case(governor: Governor, tmp_path: Path) -> None:
    upper = assignment(f"{AUTHORIZATION}/policyDefinitions/need-project".upper(), "upper")
    tenant(tmp_path, [TAGGED, upper], [vm(tags=without("project"))])

    assert [status for status, _ in rows(governor, "tags['project']")] == ["both"]


def test_what_both_object_to_is_listed_where_everything_is(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [TAGGED, assignment("need-project")], [vm(tags=without("project"))])
    shown = "BOTH OBJECT  1: they agree\ntags['project']  TAG001, a-need-project\n    rg-ml/virtualMachines/train\n"

    assert shown in compare(governor, "-v").out
    assert "BOTH" not in compare(governor).out


@pytest.mark.parametrize(
    ("field", "point"),
    [
        ("location", LOCATION),
        ("Microsoft.Compute/virtualMachines/sku.name", SKU),
        ("Microsoft.Compute/virtualMachineScaleSets/sku.name", SKU),
        ("Microsoft.ContainerService/managedClusters/agentPoolProfiles[*].vmSize", SKU),
        ("Microsoft.MachineLearningServices/workspaces/computes/vmSize", SKU),
        ("Microsoft.CognitiveServices/accounts/disableLocalAuth", KEYS),
        ("Microsoft.Storage/storageAccounts/allowSharedKeyAccess", KEYS),
        ("Microsoft.Compute/imageSku", None),
        ("Microsoft.Network/locations", None),
        ("kind", None),
    ],
)
def test_what_fields_are_about(field: str, point: Point | None) -> None:
    assert of_field(field) == point


_NAMES = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="[]"), min_size=1)


@given(_NAMES)
def test_a_tag_is_the_same_however_it_is_written(name: str) -> None:
    quoted = name.replace("'", "''")
    finding = Finding(policy="TAG001", resource="x", kind="bucket", attribute=f"tags.{name}", msg="")

    assert {of_field(f"tags['{quoted}']")} == of_finding(finding)
    if "'" not in name:
        assert {of_field(f"tags.{name}"), of_field(f"tags[{name}]")} == of_finding(finding)
