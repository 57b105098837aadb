"""`governor azure evaluate --states`: our evaluation beside the records of Azure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from azure.tenant import assignment, definition, exemption, exists, initiative, outside, record, save, vm
from azure.test_evaluate import SCHEMA
from commands.conftest import Governor

EU = definition("eu-only", outside("westeurope"))
TAGGED = definition("need-project", exists("project"), "audit")
GPU, CPU = vm("gpu", location="eastus"), vm("cpu", {"project": "atlas"})


def compare(
    governor: Governor, folder: Path, records: list[Any], *policies: Any, resources: list[Any] | None = None
) -> Any:
    save(folder, "export.json", policies or [EU, TAGGED, assignment("eu-only"), assignment("need-project")])
    save(folder, "inventory.json", [GPU, CPU] if resources is None else resources)
    save(folder, "states.json", records)
    return lambda *more: governor(
        "azure", "evaluate", "export.json", "--on", "inventory.json", "--states", "states.json",
        "--today", "2026-11-24", *more,
    )  # fmt: skip


def document(run: Any, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("-f", "json", *more).out)
    jsonschema.validate(found, json.loads(SCHEMA.read_bytes()))
    return found


def test_the_whole_table(governor: Governor, tmp_path: Path) -> None:
    run = compare(
        governor,
        tmp_path,
        [
            record(GPU, "a-eu-only", "NonCompliant"),
            record(CPU, "a-eu-only", "NonCompliant", at="2026-11-01T06:00:00Z"),
            record(GPU, "a-need-project", "Compliant"),
            record(CPU, "a-need-project", "NotStarted"),
            record(vm("gone"), "a-eu-only", "Compliant"),
            record(GPU, "elsewhere", "Compliant"),
        ],
    )()

    assert run.code == 1
    assert (
        run.out
        == """\
policies of export.json, states.json on resources of Azure inventory.json, as of 2026-11-24
records of 2026-11-01 to 2026-11-20

DIFFER  Azure recorded one verdict, and we come to another
rg-ml/virtualMachines/gpu  a-need-project
  Azure: Compliant, 3 days ago
  we: NonCompliant, as tags['project'] is missing; it must be there
rg-ml/virtualMachines/cpu  a-eu-only
  Azure: NonCompliant, 22 days ago
  we: Compliant, as location is "westeurope", which complies

CANNOT BE TOLD  one of the two does not know
×1  Azure: NotStarted

ONLY THERE  Azure recorded something that nothing here answers
×1  the resources here do not hold it
×1  the export does not hold its assignment

1 agree, 2 differ, 1 cannot be told, 2 only there, 0 only here
"""
    )


def test_what_agrees_ends_with_0(governor: Governor, tmp_path: Path) -> None:
    run = compare(governor, tmp_path, [record(GPU, "a-eu-only", "NonCompliant"), record(CPU, "a-eu-only", "Compliant")])

    assert run().code == 0
    found = document(run)
    assert found["agree"] == {"NonCompliant": 1, "Compliant": 1}
    assert found["only_here"] == {"NonCompliant": 1, "Compliant": 1}


def test_the_last_record_counts(governor: Governor, tmp_path: Path) -> None:
    old, new = "2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z"
    run = compare(
        governor,
        tmp_path,
        [record(GPU, "a-eu-only", "NonCompliant", at=new), record(GPU, "a-eu-only", "Compliant", at=old)],
    )

    assert document(run)["agree"] == {"NonCompliant": 1}


def test_members_of_initiatives_are_told_apart(governor: Governor, tmp_path: Path) -> None:
    policies = [EU, TAGGED, initiative("ai", EU="eu-only", Tags="need-project"), assignment("ai", initiative=True)]
    run = compare(
        governor, tmp_path,
        [record(GPU, "a-ai", "NonCompliant", "eu"), record(GPU, "a-ai", "Compliant", "tags"),
         record(GPU, "a-ai", "Compliant", "gone")],
        *policies,
    )  # fmt: skip
    found = document(run)

    assert found["agree"] == {"NonCompliant": 1}
    assert [(each["reference"], each["azure"], each["ours"]) for each in found["differ"]] == [
        ("Tags", "Compliant", "NonCompliant")
    ]
    assert [each["reason"] for each in found["only_there"]] == ["its assignment has no such member in the export"]


def test_exemptions_agree(governor: Governor, tmp_path: Path) -> None:
    exempt = exemption("a-eu-only", GPU["id"], "2026-12-01T00:00:00Z")
    run = compare(governor, tmp_path, [record(GPU, "a-eu-only", "Exempt")], EU, assignment("eu-only"), exempt)

    assert document(run)["agree"] == {"Exempt": 1}


def test_what_is_not_evaluated_here_says_why(governor: Governor, tmp_path: Path) -> None:
    windows = definition("windows", {"field": "type", "equals": "Microsoft.Sql/servers"})
    broken = definition("broken", {"field": "location", "isIn": []})
    run = compare(
        governor, tmp_path,
        [record(GPU, "a-windows", "Compliant"), record(GPU, "a-broken", "Compliant")],
        windows, broken, assignment("windows"), assignment("broken"),
    )  # fmt: skip

    assert {each["reason"] for each in document(run)["only_there"]} == {
        "the policy says nothing of it here: it is about other types",
        "its policy cannot be evaluated here: no condition has a `isIn`",
    }


def test_what_we_cannot_tell_is_no_difference_but_no_pass_when_strict(governor: Governor, tmp_path: Path) -> None:
    logged = definition("logged", {"field": "type", "like": "*Machines"}, "auditIfNotExists",
                        details={"type": "Microsoft.Insights/diagnosticSettings"})  # fmt: skip
    run = compare(governor, tmp_path, [record(GPU, "a-logged", "Compliant")], logged, assignment("logged"))

    assert run().code == 0
    assert run("--strict").code == 3
    assert document(run)["untold"] == [
        {"reason": "we: the resources do not list Microsoft.Insights/diagnosticSettings", "count": 1}
    ]


@pytest.mark.parametrize("state", ["NonCompliant", "Compliant", "Exempt"])
def test_a_policy_that_fails_is_held_against_any_record(governor: Governor, tmp_path: Path, state: str) -> None:
    odd = definition("odd", {"value": "[substring(field('name'), 0, 30)]", "equals": "x"})
    run = compare(governor, tmp_path, [record(GPU, "a-odd", state)], odd, assignment("odd"))

    assert run().code == 1
    assert [each["ours"] for each in document(run)["differ"]] == ["Error"]


def test_records_of_another_tenant_are_no_agreement(governor: Governor, tmp_path: Path) -> None:
    run = compare(governor, tmp_path, [record(GPU, "elsewhere", "Compliant")])

    table = run()
    assert (table.code, document(run)["exit_code"]) == (4, 4)
    assert "\nNOTHING JUDGED  no record is of anything that is evaluated here: give the records" in table.out


@pytest.mark.parametrize(
    ("states", "said"),
    [(None, "states.json: cannot be read: No such file or directory"), ("[{", "states.json:1:3: this JSON breaks off")],
)
def test_records_that_cannot_be_read_say_why(governor: Governor, tmp_path: Path, states: str | None, said: str) -> None:
    run = compare(governor, tmp_path, [])
    (tmp_path / "states.json").unlink()
    if states:
        (tmp_path / "states.json").write_text(states)

    told = run()

    assert (told.code, told.out) == (3, "")
    assert said in told.err


def test_a_file_without_records_is_refused(governor: Governor, tmp_path: Path) -> None:
    run = compare(governor, tmp_path, [TAGGED])()

    assert (run.code, run.out) == (3, "")
    assert "--states: it holds no compliance records" in run.err
