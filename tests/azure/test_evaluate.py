"""`governor azure evaluate`: exports and resources in files, what Azure would say out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from azure.tenant import (
    ACCOUNT,
    SUB,
    VM,
    assignment,
    definition,
    exemption,
    exists,
    initiative,
    outside,
    row,
    save,
    vm,
)
from commands.conftest import Governor
from core.policy_folders import write

ID = SUB.rpartition("/")[2]
SCHEMA = Path(__file__).parents[2] / "engine/governor/reports/azure_evaluation.schema.json"


def tenant(folder: Path, policies: list[Any], resources: list[Any]) -> None:
    save(folder, "export/policies.json", policies)
    save(folder, "inventory.json", resources)


def evaluate(governor: Governor, *more: object) -> Any:
    return governor("azure", "evaluate", "export", "--on", "inventory.json", "--today", "2026-11-24", *more)


def document(governor: Governor, *more: object) -> dict[str, Any]:
    run = evaluate(governor, "-f", "json", *more)
    found: dict[str, Any] = json.loads(run.out)
    jsonschema.validate(found, json.loads(SCHEMA.read_bytes()))
    assert run.code == found.get("summary", found).get("exit_code", run.code)
    return found


EU = definition("eu-only", outside("westeurope", "northeurope"))
TAGGED = definition("need-project", exists("project"), "audit")


def test_the_whole_table(governor: Governor, tmp_path: Path) -> None:
    said = {"nonComplianceMessages": [{"message": "Stay in the EU."}]}
    unknown = definition(
        "logged", {"field": "type", "equals": VM}, "auditIfNotExists",
        details={"type": "Microsoft.Insights/diagnosticSettings"},
    )  # fmt: skip
    fails = definition("odd", {"value": "[substring(field('name'), 0, 30)]", "equals": "x"})
    tenant(
        tmp_path,
        [EU, TAGGED, unknown, fails,
         assignment("eu-only", **said), assignment("need-project"), assignment("logged"),
         assignment("odd", notScopes=[f"{SUB}/resourceGroups/rg-ml"]),
         exemption("a-eu-only", f"{SUB}/resourceGroups/rg-lab", "2027-03-01T00:00:00Z")],
        [vm("gpu", location="eastus"), vm("cpu", {"project": "atlas"}), vm("lab", location="eastus", group="rg-lab")],
    )  # fmt: skip

    run = evaluate(governor)

    assert run.err == ""
    assert run.code == 3, "a policy that fails beats everything"
    assert (
        run.out
        == """\
policies of export on resources of Azure inventory.json, as of 2026-11-24

DENIED  1 on 1 resource: Azure would refuse the request
deny  Eu only  a-eu-only on subscription 5f0c0f5e-0000-4000-8000-000000000001
  Stay in the EU.
  rg-ml/virtualMachines/gpu
    location is "eastus"; it must be one of ["westeurope", "northeurope"]

FAILS  1 on 1 resource: the policy cannot be evaluated, which Azure takes for a denial
deny  Odd  a-odd on subscription 5f0c0f5e-0000-4000-8000-000000000001
  rg-lab/virtualMachines/lab
    substring: a text of 3 characters has no characters 0 to 30

NOT COMPLIANT  2 on 2 resources: Azure would record it
audit  Need project  a-need-project on subscription 5f0c0f5e-0000-4000-8000-000000000001
  rg-ml/virtualMachines/gpu
    tags['project'] is missing; it must be there
  rg-lab/virtualMachines/lab
    tags['project'] is missing; it must be there

UNKNOWN  3 on 3 resources: cannot be told from what is here
×3  the resources do not list Microsoft.Insights/diagnosticSettings

EXEMPT  1 on 1 resource: an exemption of Azure holds
deny  Eu only  a-eu-only on subscription 5f0c0f5e-0000-4000-8000-000000000001
  rg-lab/virtualMachines/lab
    location is "eastus"; it must be one of ["westeurope", "northeurope"]
    waiver until 2027-03-01: a-eu-only waived on resourceGroups/rg-lab

1 denied, 1 failing, 2 not compliant, 3 unknown, 1 exempt, 2 compliant – 3 resources, 4 policies of 4 assignments, \
0 not evaluated, 0 gaps
"""
    )


@pytest.mark.parametrize(
    ("resources", "more", "code"),
    [
        ([vm(tags={"project": "x"})], [], 0),
        ([vm()], [], 0),
        ([vm()], ["--fail-on", "noncompliant"], 1),
        ([vm(location="eastus")], [], 1),
        ([vm(tags={"project": "x"})], ["--strict"], 0),
        ([], [], 0),
    ],
)
def test_what_exits_with_what(
    governor: Governor, tmp_path: Path, resources: list[Any], more: list[str], code: int
) -> None:
    tenant(tmp_path, [EU, TAGGED, assignment("eu-only"), assignment("need-project")], resources)

    assert document(governor, *more)["summary"]["exit_code"] == code


def test_what_cannot_be_told_is_no_pass_when_strict(governor: Governor, tmp_path: Path) -> None:
    asks = definition("asks", {"value": "[requestContext().identity.idtyp]", "equals": "app"})
    tenant(tmp_path, [asks, assignment("asks")], [vm()])

    assert document(governor)["summary"]["unknown"] == 1
    assert evaluate(governor).code == 0
    assert evaluate(governor, "--strict").code == 3


@pytest.mark.parametrize(
    ("broken", "reason", "line"),
    [
        (definition("broken", {"field": "location", "isIn": ["westeurope"]}), "isIn", 11),
        (definition("broken", exists("x"), "[parameters('effect')]"), "effect", 14),
    ],
)
def test_a_policy_that_cannot_be_read_is_told_with_its_line(
    governor: Governor, tmp_path: Path, broken: Any, reason: str, line: int
) -> None:
    tenant(tmp_path, [broken, assignment("broken")], [vm()])

    run = evaluate(governor)

    assert run.code == 3
    assert f"NOT EVALUATED  1 policy of the assignments\na-broken  export/policies.json:{line}\n" in run.out
    assert reason in run.out
    assert document(governor)["problems"][0]["place"] == f"export/policies.json:{line}"


def test_what_an_initiative_lacks_hides_a_verdict(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, initiative("ai", eu="eu-only", gone="gone"), assignment("ai", initiative=True)], [vm()])

    run = evaluate(governor)

    assert run.code == 3
    assert "a-ai (gone)" in run.out
    assert "gone: the export does not hold this member of the initiative" in run.out
    assert "note: the export lacks policies that are assigned: add what `az policy definition list`" in run.out


def test_a_long_list_of_what_could_not_be_evaluated_ends(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [assignment(f"gone-{number:02}") for number in range(23)], [vm()])

    short, long = evaluate(governor), evaluate(governor, "-v")

    assert (short.out.count("\na-gone-"), "\n… and 3 more (-v lists them)\n" in short.out) == (20, True)
    assert (long.out.count("\na-gone-"), "(-v lists them)" in long.out) == (23, False)


def test_what_is_assigned_elsewhere_hides_nothing(governor: Governor, tmp_path: Path) -> None:
    broken = definition("broken", {"field": "location", "isIn": []})
    elsewhere = assignment("broken", scope=f"{SUB}/resourceGroups/elsewhere")
    tenant(tmp_path, [broken, elsewhere, EU, assignment("eu-only")], [vm()])

    run = evaluate(governor)

    assert run.code == 0
    assert "a-broken  export/policies.json:11\n" in run.out


def test_policies_of_services_hide_nothing(governor: Governor, tmp_path: Path) -> None:
    pods = definition("pods", {"field": "type", "equals": "x"}, "audit", mode="Microsoft.Kubernetes.Data")
    tenant(tmp_path, [EU, pods, assignment("eu-only"), assignment("pods")], [vm()])

    run = evaluate(governor)

    assert run.code == 0
    assert "policies of mode Microsoft.Kubernetes.Data are evaluated within the service" in run.out


def test_a_file_that_cannot_be_read_may_hold_a_denial(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, assignment("eu-only")], [vm()])
    write(tmp_path, {"export/more.json": '[{"policyRule": '})

    run = evaluate(governor)

    assert run.code == 3
    assert "GAPS  not read, so not evaluated\nexport/more.json" in run.out


def test_by_resource(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, TAGGED, assignment("eu-only"), assignment("need-project")], [vm("gpu", location="eastus")])

    out = evaluate(governor, "--by", "resource").out

    assert (
        """
DENIED  1 on 1 resource: Azure would refuse the request
rg-ml/virtualMachines/gpu
  deny  Eu only  a-eu-only on subscription 5f0c0f5e-0000-4000-8000-000000000001
    location is "eastus"; it must be one of ["westeurope", "northeurope"]
"""
        in out
    )


@pytest.mark.parametrize("name", ["gpu", "virtualMachines/GPU", f"{SUB}/resourceGroups/rg-ml/providers/{VM}/gpu"])
def test_a_trace_shows_every_condition(governor: Governor, tmp_path: Path, name: str) -> None:
    both = definition("both", {"allOf": [{"not": outside("westeurope")}, exists("project")]})
    tenant(tmp_path, [both, assignment("both")], [vm("gpu", location="eastus"), vm("cpu")])

    run = evaluate(governor, "--trace", name)

    assert run.code == 0
    assert (
        run.out
        == f"""\
rg-ml/virtualMachines/gpu
microsoft.compute/virtualmachines
  {SUB}/resourceGroups/rg-ml/providers/{VM}/
  gpu

compliant  deny  Both  a-both on subscription 5f0c0f5e-0000-4000-8000-000000000001
  ✗ all of
    ✗ not
      ✓ location notIn ["westeurope"]  is "eastus"
    ✓ tags['project'] exists "false"  is (missing)
"""
    )
    trace = document(governor, "--trace", name)["results"][0]["trace"]
    assert [step["held"] for step in trace] == [False, False, True, True]


def test_a_trace_tells_what_could_not_be_evaluated(governor: Governor, tmp_path: Path) -> None:
    tenant(
        tmp_path,
        [EU, assignment("eu-only"), assignment("gone"),
         assignment("far", scope=f"{SUB}/resourceGroups/elsewhere")],
        [vm("gpu")],
    )  # fmt: skip

    run = evaluate(governor, "--trace", "gpu")

    assert run.code == 3, "what it would have said is hidden"
    assert "\nNOT EVALUATED  1 policy of the assignments\na-gone  export/policies.json:" in run.out
    (problem,) = document(governor, "--trace", "gpu")["problems"]
    assert problem["assignment"].endswith("/a-gone")


def test_what_a_trace_is_about_must_be_one_resource(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, assignment("eu-only")], [vm("a-gpu"), vm("b-gpu")])

    several, none = evaluate(governor, "--trace", "gpu"), evaluate(governor, "--trace", "tpu")

    assert (several.code, none.code) == (2, 2)
    assert "gpu is the end of 2 resources: " in several.err
    assert "no resource has an id or an address that ends with tpu" in none.err


def test_after_shows_what_modify_sets_and_evaluates_it(governor: Governor, tmp_path: Path) -> None:
    inherit = definition(
        "inherit", exists("project"), "modify",
        details={
            "roleDefinitionIds": ["/providers/Microsoft.Authorization/roleDefinitions/4a9ae827"],
            "operations": [{"operation": "add", "field": "tags['project']", "value": "atlas"}],
        },
    )  # fmt: skip
    tenant(tmp_path, [inherit, TAGGED, assignment("inherit"), assignment("need-project")], [vm("gpu")])

    before, after = document(governor), document(governor, "--after")
    run = evaluate(governor, "--after", "--fail-on", "noncompliant")

    assert [r["state"] for r in before["results"]] == ["NonCompliant", "NonCompliant"]
    assert [r["state"] for r in after["results"]] == ["Compliant", "Compliant"]
    assert "  rg-ml/virtualMachines/gpu\n    tags['project']  (missing) → \"atlas\"  a-inherit\n" in run.out
    assert run.code == 0


def test_a_group_that_nothing_manages_says_so(governor: Governor, tmp_path: Path) -> None:
    """Built-in policies ask for `resourceGroup().managedBy` of every group."""
    managed = definition("managed", {"value": "[resourceGroup().managedBy]", "exists": "true"})
    group = {"id": f"{SUB}/resourceGroups/rg-ml", "name": "rg-ml", "type": "x", "location": "westeurope",
             "subscriptionId": ID, "resourceGroup": "rg-ml", "tags": {}}  # fmt: skip
    tenant(tmp_path, [managed, assignment("managed")], [group, vm()])

    assert [result["state"] for result in document(governor)["results"]] == ["Compliant"]


def plan(*resources: dict[str, Any], **sensitive: Any) -> str:
    return json.dumps(
        {
            "format_version": "1.2",
            "terraform_version": "1.11.4",
            "resource_changes": [
                {
                    "address": f"azurerm_linux_virtual_machine.{number}",
                    "mode": "managed",
                    "type": "azurerm_linux_virtual_machine",
                    "name": f"{number}",
                    "provider_name": "registry.terraform.io/hashicorp/azurerm",
                    "change": {
                        "actions": ["create"], "before": None,
                        "after": {"name": f"vm{number}", "resource_group_name": "rg-ml", "location": "westeurope",
                                  "size": "Standard_D2s_v3", **after},
                        "after_unknown": {"id": True, "location": after.get("location", 1) is None},
                        "before_sensitive": False, "after_sensitive": sensitive,
                    },
                }
                for number, after in enumerate(resources)
            ],
        }
    )  # fmt: skip


def test_a_plan_is_told_by_address_and_line(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, TAGGED, assignment("eu-only"), assignment("need-project")], [])
    code = 'resource "azurerm_linux_virtual_machine" "0" {}\n\nresource "azurerm_linux_virtual_machine" "1" {}\n'
    write(tmp_path, {"plan.json": plan({}, {"location": "eastus"}, {"location": None}), "code/main.tf": code})

    run = governor(
        "azure", "evaluate", "export", "--on", "plan.json", "--source", "code", "--by", "resource", "--subscription", ID
    )

    assert run.code == 1
    assert "\nazurerm_linux_virtual_machine.1  code/main.tf:3\n  deny  Eu only" in run.out
    assert "×1  known after apply" in run.out


def test_a_plan_that_does_not_tell_its_subscription_is_no_pass(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, assignment("eu-only")], [])
    write(tmp_path, {"plan.json": plan({"location": "eastus"})})

    run = governor("azure", "evaluate", "export", "--on", "plan.json", "--strict")

    assert run.code == 3
    assert "×1  which subscription it lies in is not told" in run.out
    assert "note: give --subscription, where the resources will lie\n" in run.out
    assert governor("azure", "evaluate", "export", "--on", "plan.json", "--subscription", ID).code == 1
    elsewhere = governor("azure", "evaluate", "export", "--on", "plan.json", "--subscription", ID[:-1] + "2")
    assert elsewhere.code == 4
    assert (
        "\nNOTHING JUDGED  the resources lie in subscription 5f0c0f5e-0000-4000-8000-000000000002, and what is assigned"
        " holds on\nsubscription 5f0c0f5e-0000-4000-8000-000000000001; export the assignments of where they lie\n"
    ) in elsewhere.out


def test_resources_where_nothing_is_assigned_are_no_pass(governor: Governor, tmp_path: Path) -> None:
    lab = f"{SUB}/resourceGroups/rg-lab"
    tenant(tmp_path, [EU, assignment("eu-only", scope=lab)], [vm("a", location="eastus"), vm("b")])

    said = (
        f"the resources lie in subscription {ID}, and what is assigned holds on resourceGroups/rg-lab; export the"
        " assignments of where they lie"
    )
    assert evaluate(governor, "--strict").code == 4
    found = document(governor)
    assert (found["summary"]["exit_code"], found["notes"]) == (4, [f"nothing judged: {said}"])
    trace = evaluate(governor, "--trace", "virtualMachines/a")
    assert (trace.code, "\nNOTHING JUDGED  the resources lie in" in trace.out) == (4, True)
    assert evaluate(governor, "--after").code == 4


def test_resources_of_types_that_no_policy_is_about_are_a_pass(governor: Governor, tmp_path: Path) -> None:
    about = definition("vms", {"allOf": [{"field": "type", "equals": VM}, outside("westeurope")]})
    tenant(tmp_path, [about, assignment("vms")], [row(ACCOUNT, "assist")])

    run = evaluate(governor)

    assert (run.code, "NOTHING JUDGED" in run.out) == (0, False)
    assert "note: no policy says anything of these resources: they are of other types, or left out\n" in run.out


def test_a_plan_below_management_groups_needs_who_lies_in_which(governor: Governor, tmp_path: Path) -> None:
    above = "/providers/Microsoft.Management/managementGroups/ai"
    tenant(tmp_path, [EU, assignment("eu-only", scope=above)], [])
    write(tmp_path, {"plan.json": plan({"location": "eastus"})})
    arguments = ("azure", "evaluate", "export", "--on", "plan.json", "--subscription", ID)

    untold = governor(*arguments)

    assert (untold.code, "0 denied, 0 failing, 0 not compliant, 1 unknown" in untold.out) == (0, True)
    assert "note: add what `az graph query -q resourcecontainers` prints to the exports" in untold.out
    chain = {"managementGroupAncestorsChain": [{"displayName": "AI", "name": "ai"}]}
    container = {"id": SUB, "name": "s", "type": "microsoft.resources/subscriptions", "properties": chain}
    save(tmp_path, "export/containers.json", [container])
    assert governor(*arguments).code == 1


def test_no_secret_of_a_plan_is_told(governor: Governor, tmp_path: Path) -> None:
    secret = "correct-horse-battery"
    named = definition("named", {"value": "[concat('x-', field('tags[''note'']'))]", "notEquals": "y"}, "audit")
    tagged = definition("tagged", {"field": "tags['note']", "notEquals": "y"})
    tenant(tmp_path, [named, tagged, assignment("named"), assignment("tagged")], [])
    write(tmp_path, {"plan.json": plan({"tags": {"note": secret}, "custom_data": secret}, tags={"note": True})})

    for more in (
        [],
        ["-f", "json"],
        ["--trace", "machine.0"],
        ["--after"],
        ["-v"],
        ["--trace", "machine.0", "-f", "json"],
    ):
        run = governor("azure", "evaluate", "export", "--on", "plan.json", "--subscription", ID, *more)

        assert run.code in (0, 1)
        assert secret not in run.out + run.err
        assert "sensitive" in run.out


@pytest.mark.parametrize(
    ("files", "arguments", "code", "said"),
    [
        ({}, ["nowhere", "--on", "x.json"], 3, "nowhere"),
        ({"export/p.json": json.dumps([EU])}, ["export", "--on", "x.json"], 3, "nothing is assigned in it"),
        ({}, ["-", "--on", "-"], 2, "standard input holds one thing"),
        ({}, ["export", "--on", "x.json", "--states", "s.json", "--trace", "x"], 2, "leave --trace out"),
        ({}, ["export", "--on", "x.json", "--states", "s.json", "--after"], 2, "leave --after out"),
        ({}, ["export"], 2, "--on"),
        (
            {"export/p.json": json.dumps([EU, assignment("eu-only")]), "main.tf": ""},
            ["export", "--on", ".", "--source", "."],
            2,
            "--source is for a plan: leave it out",
        ),
        ({}, ["export", "--on", "x.json", "--subscription", SUB], 2, f"{SUB}: no id of a subscription: give what"),
        (
            {"export/p.json": json.dumps([EU, assignment("eu-only")])},
            ["export", "exprot", "--on", "x.json"],
            3,
            "exprot: cannot be read: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    governor: Governor, tmp_path: Path, files: dict[str, str], arguments: list[str], code: int, said: str
) -> None:
    write(tmp_path, files)

    run = governor("azure", "evaluate", *arguments)

    assert (run.code, run.out) == (code, "")
    assert said in run.err


@pytest.mark.parametrize("on", ["export", "export/policies.json"])
def test_an_export_is_no_inventory(governor: Governor, tmp_path: Path, on: str) -> None:
    tenant(tmp_path, [EU, assignment("eu-only")], [vm(location="eastus")])

    run = governor("azure", "evaluate", "export", "--on", on)

    assert (run.code, run.out) == (3, "")
    assert f"{on}: no resources of Azure are in it: give what `az graph query`" in run.err
    assert governor("azure", "evaluate", "export", "--on", ".").code == 1, "with an inventory among them"


def test_exports_are_piped(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [], [vm(location="eastus")])
    data = json.dumps([EU, assignment("eu-only")]).encode()

    run = governor("azure", "evaluate", "-", "--on", "inventory.json", stdin=data)

    assert run.code == 1
    assert "1 denied" in run.out


def test_the_aliases_of_a_dump_lie_over_ours(governor: Governor, tmp_path: Path) -> None:
    custom = definition("custom", {"field": "Contoso.Ai/models/size", "equals": "large"})
    tenant(tmp_path, [custom, assignment("custom")], [row("Contoso.Ai/models", "m", properties={"size": "large"})])
    dump = [{"namespace": "Contoso.Ai", "resourceTypes": [
        {"resourceType": "models", "capabilities": "SupportsTags, SupportsLocation",
         "aliases": [{"name": "Contoso.Ai/models/size", "defaultPath": "properties.size"}]}]}]  # fmt: skip
    write(tmp_path, {"aliases.json": json.dumps(dump)})

    assert document(governor)["summary"]["unknown"] == 1
    assert document(governor, "--aliases", "aliases.json")["summary"]["denied"] == 1


def test_regorus_is_followed_where_it_is_asked_for(governor: Governor, tmp_path: Path) -> None:
    like = definition("named", {"field": "name", "like": "gp?"})
    tenant(tmp_path, [like, assignment("named")], [vm("gpu")])

    assert document(governor)["summary"]["denied"] == 0
    assert document(governor, "--semantics", "regorus")["summary"]["denied"] == 1


def test_what_is_listed_ends_unless_all_is_asked_for(governor: Governor, tmp_path: Path) -> None:
    tenant(tmp_path, [EU, assignment("eu-only")], [vm(f"gpu-{n:03}", location="eastus") for n in range(30)])

    assert "  … and 10 more (-v lists them)\n" in evaluate(governor).out
    assert "… and 10 more resources (-v lists them)\n" in evaluate(governor, "--by", "resource").out
    assert all(f"gpu-{n:03}" in evaluate(governor, "-v").out for n in (0, 29))


def test_lines_fit_a_narrow_terminal(governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant(tmp_path, [EU, TAGGED, assignment("eu-only"), assignment("need-project")],
           [row(ACCOUNT, "a", location="eastus")])  # fmt: skip
    monkeypatch.setenv("COLUMNS", "40")

    *lines, _footer = evaluate(governor).out.splitlines()

    assert max(map(len, lines)) <= 40


def test_colour_is_for_those_who_want_it(governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant(tmp_path, [EU, assignment("eu-only")], [vm(location="eastus")])
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert "\x1b[1;31mDENIED\x1b[0m" in evaluate(governor).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in evaluate(governor).out


def test_what_is_written_in_a_tenant_does_not_drive_the_terminal(governor: Governor, tmp_path: Path) -> None:
    eu = {**EU, "displayName": "EU\x1b[2J only"}
    tenant(tmp_path, [eu, assignment("eu-only")], [vm("gpu\x1b[31m", location="east\x1bus")])

    assert "\x1b" not in evaluate(governor).out
