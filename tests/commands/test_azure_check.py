"""`governor azure check` from exports to reports and exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Governor

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
PROVIDER = "providers/Microsoft.Authorization"
MACHINE = f"{SUB}/resourceGroups/ml/providers/Microsoft.Compute/virtualMachines/trainer"
DEFINITION = {
    "id": f"{SUB}/{PROVIDER}/policyDefinitions/tags",
    "name": "tags",
    "displayName": "Resources carry a project",
    "mode": "Indexed",
    "policyRule": {"if": {"field": "tags['project']", "exists": "false"}, "then": {"effect": "deny"}},
}
ASSIGNMENT = {
    "id": f"{SUB}/{PROVIDER}/policyAssignments/tags",
    "name": "tags",
    "displayName": "Tags",
    "scope": SUB,
    "policyDefinitionId": DEFINITION["id"],
    "enforcementMode": "DoNotEnforce",
}
STATE = {
    "resourceId": MACHINE.lower(),
    "resourceType": "Microsoft.Compute/virtualMachines",
    "policyAssignmentId": ASSIGNMENT["id"],
    "policyDefinitionId": DEFINITION["id"],
    "policyDefinitionAction": "deny",
    "complianceState": "NonCompliant",
    "timestamp": "2026-08-01T04:00:00Z",
}
ROW = {
    "id": MACHINE,
    "name": "trainer",
    "type": "microsoft.compute/virtualmachines",
    "location": "westeurope",
    "subscriptionId": SUB.rpartition("/")[2],
    "resourceGroup": "ml",
    "tags": {"owner-team": "vision"},
    "properties": {"hardwareProfile": {"vmSize": "Standard_NC24ads_A100_v4"}},
}
ONLY_TAGS = """\
levels:
  - {policies: "AZP*", level: "off"}
  - {policies: AZP001, level: deny}
  - {policies: AZP003, level: warn}
  - {policies: AZP008, level: warn}
"""
DATA = "tags: [project]\n"


@pytest.fixture
def azure(governor: Governor, tmp_path: Path) -> Governor:
    """Where an export lies in `export`, and the tag `project` is what matters."""
    written(tmp_path, {"export/definitions.json": [DEFINITION], "export/assignments.json": [ASSIGNMENT]})
    (tmp_path / "governor.yaml").write_text(f"policies: [builtin, policies]\n{ONLY_TAGS}", "utf-8")
    (tmp_path / "policies" / "azure").mkdir(parents=True)
    (tmp_path / "policies" / "azure" / "data.yaml").write_text(DATA, "utf-8")
    return governor


def written(folder: Path, files: dict[str, Any]) -> None:
    for name, value in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value, indent=1), "utf-8")


def test_what_is_not_enforced_fails_and_says_where_it_stands(azure: Governor) -> None:
    run = azure("azure", "check", "export", "--today", "2026-08-01")

    assert run.code == 1
    assert "the policy that asks for the tag" in " ".join(run.out.split())
    assert "export/assignments.json:2" in run.out
    assert run.out.splitlines()[-1].startswith("2 open, 0 exempt, 0 undetermined – 2 resources, 3 policies, 0 gaps")


def test_enforced_it_passes(azure: Governor, tmp_path: Path) -> None:
    written(tmp_path, {"export/assignments.json": [{**ASSIGNMENT, "enforcementMode": "Default"}]})

    run = azure("azure", "check", "export")

    assert (run.code, run.out.splitlines()[-1]) == (
        0,
        "0 open, 0 exempt, 0 undetermined – 2 resources, 3 policies, 0 gaps",
    )


def test_what_is_missing_is_a_gap_and_strict_says_that_it_could_not_judge(azure: Governor, tmp_path: Path) -> None:
    (tmp_path / "export" / "definitions.json").unlink()

    told, strict = azure("azure", "check", "export"), azure("azure", "check", "export", "--strict")

    assert (told.code, strict.code) == (0, 3)
    assert told.out.splitlines()[-1] == "1 open, 0 exempt, 2 undetermined – 2 resources, 3 policies, 1 gap"


def test_records_have_an_owner_and_a_price_when_the_resources_are_told(azure: Governor, tmp_path: Path) -> None:
    written(tmp_path, {"states.json": [STATE], "resources.json": {"data": [ROW], "count": 1, "total_records": 1}})

    run = azure("azure", "check", "export", "states.json", "--on", "resources.json", "-f", "json")

    (record,) = [found for found in json.loads(run.out)["findings"] if found["policy"] == "AZP008"]
    assert record["resource"] == MACHINE
    assert record["owner"] == "vision"
    assert float(record["hourly_usd"]) > 1
    assert record["attribute"] == "attributes.records.tags"


def test_what_does_not_comply_is_no_budget_of_a_project(azure: Governor, tmp_path: Path) -> None:
    tagged = {**ROW, "tags": {"project": "atlas"}}
    written(tmp_path, {"states.json": [STATE], "resources.json": {"data": [tagged], "count": 1, "total_records": 1}})

    azure("azure", "check", "states.json", "--on", "resources.json", "-f", "html=report.html")

    assert "Expected cost a month" not in (tmp_path / "report.html").read_text("utf-8")


def test_a_snapshot_tells_of_resources_too(azure: Governor, tmp_path: Path) -> None:
    written(tmp_path, {"states.json": [STATE], "resources.json": {"data": [ROW], "count": 1, "total_records": 1}})
    azure("azure", "check", "states.json", "--on", "resources.json", "--snapshot", "azure.snapshot")

    run = azure("azure", "check", "states.json", "--on", "azure.snapshot", "-f", "json")
    again = azure("check", "azure.snapshot", "-f", "json")

    for report in (json.loads(run.out), json.loads(again.out)):
        (record,) = [found for found in report["findings"] if found["policy"] == "AZP008"]
        assert (record["owner"], float(record["hourly_usd"]) > 1) == ("vision", True)


def test_exemptions_of_governor_hold_for_scopes(azure: Governor, tmp_path: Path) -> None:
    (tmp_path / "exemptions.yaml").write_text(
        f"exemptions:\n- {{policy: 'AZP00[13]', resource: x, category: waiver, reason: r, owner: o, approved_by: a,"
        f" expires: 2026-12-31}}\n- {{policy: AZP001, resource: '{SUB}', category: waiver, reason: r, owner: o,"
        " approved_by: a, expires: 2026-12-31}\n",
        "utf-8",
    )
    settings = (tmp_path / "governor.yaml").read_text("utf-8")
    (tmp_path / "governor.yaml").write_text(f"{settings}exemptions: exemptions.yaml\n", "utf-8")

    run = azure("azure", "check", "export", "--today", "2026-08-01")

    assert run.code == 0
    assert "1 open, 1 exempt" in run.out


def test_what_assigns_nothing_is_refused(azure: Governor, tmp_path: Path) -> None:
    run = azure("azure", "check", "export/definitions.json")

    assert run.code == 3
    assert "nothing is assigned in it" in run.err


def test_standard_input_holds_one_thing(azure: Governor) -> None:
    run = azure("azure", "check", "-", "--on", "-")

    assert run.code == 2
    assert "standard input holds one thing" in run.err


def test_an_export_may_be_piped_and_what_is_found_kept(azure: Governor) -> None:
    pipe = json.dumps([DEFINITION, ASSIGNMENT]).encode()

    first = azure("azure", "check", "-", "--history", "history.db", stdin=pipe)
    runs = azure("history", "history.db")

    assert first.code == 1
    assert "azure" in runs.out
