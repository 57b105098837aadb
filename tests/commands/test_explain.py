"""`governor explain`: what led to a verdict, and what would change it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from commands.conftest import EXAMPLE, ROOT, Governor, plan_of
from core.policy_folders import rego, write
from governor.catalog.prices import PriceBook
from governor.sources import terraform_plan
from sources.terraform_plan import test_secrets

REGO = """\
package stages

# METADATA
# title: Stages are those of the list
# custom:
#   id: STG001
#   severity: high
#   remediation: Use a stage of the list.
deny_stage contains {"resource": resource.id, "attribute": "tags.stage", "msg": msg} if {
	some resource in input.resources
	not _allowed(resource)
	msg := sprintf("%s has no stage of the list", [resource.id])
}

deny_stage contains {"resource": resource.id, "attribute": "tags.stage", "msg": "blank"} if {
	some resource in input.resources
	resource.tags.stage == ""
}

_allowed(resource) if resource.tags.stage in data.config.stages.stages
"""
PYTHON = """\
from governor.policy import Violation, policy


@policy(id="OWN001", title="Owners are named", severity="medium", stages=["plan"])
def lacks_an_owner(inventory):
    for resource in inventory.resources:
        if resource.tags.get("owner"):
            continue
        yield Violation(resource.id, f"{resource.id} has no owner", "tags.owner")
"""
DAY = ("--today", "2026-08-01")
RULE = """\
RULE  + ran, - did not, for this resource; -v adds 2 parts
  policies/stages/stages.rego
   9 + deny_stage contains {"resource": resource.id, "attribute": "tags.stage", "msg": msg} if {
  10 +     some resource in input.resources
  11 +     not _allowed(resource)
  12 +     msg := sprintf("%s has no stage of the list", [resource.id])
  13   }
"""


def plan() -> dict[str, Any]:
    document = plan_of(
        train={"stage": "play", "team": "ml"}, serve={"stage": "inference"}, later={}, old={"stage": "x"}
    )
    changes = {change["name"]: change["change"] for change in document["resource_changes"]}
    changes["train"]["after"]["tags_all"] = {"stage": "play", "team": "ml", "owner": "ada"}
    changes["later"]["after_unknown"] = {"tags": {"stage": True}, "tags_all": True}
    document["resource_changes"] += [
        {**document["resource_changes"][0], "address": "aws_vpc.main", "type": "aws_vpc", "name": "main"},
        {
            **document["resource_changes"][0],
            "address": "aws_instance.gone",
            "name": "gone",
            "change": {"actions": ["delete"], "before": {}, "after": None},
        },
    ]
    return document


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A repository with four instances, a policy in each language, and an exemption."""
    return write(
        tmp_path,
        {
            "plan.json": json.dumps(plan()),
            "governor.yaml": "policies: [policies]\nexemptions: exemptions.yaml\n"
            "levels:\n  - policies: STG*\n    level: warn\n",
            "policies/stages/stages.rego": REGO,
            "policies/stages/data.yaml": "stages: [fine-tuning, inference]\n",
            "policies/owners/owners.py": PYTHON,
            "exemptions.yaml": "exemptions:\n  - {policy: STG001, resource: aws_instance.old, category: waiver,"
            " reason: retired,\n     owner: ml, approved_by: finops, expires: 2027-01-01}\n",
        },
    )


def entry(policy: str, address: str) -> str:
    return f"""\
EXEMPTION  to answer for it instead: fill in, and add to the file of exemptions
  - policy: {policy}
    resource: '{address}'
    category: waiver        # or mitigated: it is met otherwise
    reason:                 # why it is accepted
    owner:                  # who answers for it
    approved_by:
    expires:                # the last day on which it holds: YYYY-MM-DD
"""


def test_a_rego_finding_and_the_others_of_its_policy(governor: Governor, mine: Path) -> None:
    run = governor("explain", "STG001", "--on", "plan.json", *DAY)

    assert (run.code, run.err) == (0, "")
    assert (
        run.out
        == f"""\
STG001  Stages are those of the list  high
aws_instance.train  compute_instance

OPEN  1 finding
  level warn, by the rule for STG* in governor.yaml:4
  850ced6e  has no stage of the list

FACTS  what the policy reads of it; -v adds 10 facts
  tags.stage = "play"  ← tags of the resource

{RULE}
TO PASS  each change was tried by judging again
  Use a stage of the list.
  tried: with tags.stage = "inference" or "fine-tuning" this finding is gone

{entry("STG001", "aws_instance.train")}
OTHERS  2 findings of STG001 on other resources, dearest first
  091d61e5  aws_instance.later  tags.stage
  88ec1f2f  aws_instance.old  tags.stage
"""
    )


def test_a_python_finding_by_the_beginning_of_its_fingerprint(governor: Governor, mine: Path) -> None:
    governor("check", "plan.json", *DAY, "-f", "json=report.json")
    findings = json.loads((mine / "report.json").read_text("utf-8"))["findings"]
    (whole,) = [f["fingerprint"] for f in findings if (f["policy"], f["resource"]) == ("OWN001", "aws_instance.serve")]

    run = governor("explain", whole[:6].upper(), "--on", "plan.json", *DAY)

    assert (run.code, run.err) == (0, "")
    assert (
        run.out
        == f"""\
OWN001  Owners are named  medium
aws_instance.serve  compute_instance

OPEN  1 finding
  level warn, as its severity is medium
  {whole[:8]}  has no owner

FACTS  what the policy reads of it; -v adds 9 facts
  tags.owner is not there

RULE  + ran, - did not, for this resource
  policies/owners/owners.py
  5   def lacks_an_owner(inventory):
  6 +     for resource in inventory.resources:
  7 +         if resource.tags.get("owner"):
  8 -             continue
  9 +         yield Violation(resource.id, f"{{resource.id}} has no owner", "tags.owner")

TO PASS  each change was tried by judging again
  tried: with tags.owner = "ada" this finding is gone; so it is with "example"

{entry("OWN001", "aws_instance.serve")}"""
    )


def test_an_undetermined_finding(governor: Governor, mine: Path) -> None:
    run = governor("explain", "STG001", "--on", "plan.json", "--resource", "aws_instance.later", *DAY)

    assert (
        run.out
        == f"""\
STG001  Stages are those of the list  high
aws_instance.later  compute_instance

UNDETERMINED  1 finding
  level warn, by the rule for STG* in governor.yaml:4
  091d61e5  has no stage of the list
            tags.stage is unknown: known after apply

FACTS  what the policy reads of it; -v adds 9 facts
  tags.stage is unknown: known after apply  ← tags of the resource

{RULE}
TO PASS  each change was tried by judging again
  Use a stage of the list.
  tried: with tags.stage = "inference" or "fine-tuning" this finding is gone

{entry("STG001", "aws_instance.later")}"""
    )


def test_an_exempted_finding_and_the_terms(governor: Governor, mine: Path) -> None:
    run = governor("explain", "STG001", "--on", "plan.json", "--resource", "aws_instance.old", *DAY)

    assert (
        run.out
        == f"""\
STG001  Stages are those of the list  high
aws_instance.old  compute_instance

EXEMPT  1 finding
  level warn, by the rule for STG* in governor.yaml:4
  88ec1f2f  has no stage of the list
            waiver until 2027-01-01: retired (owner ml, approved by finops)
            (exemptions.yaml:2)

FACTS  what the policy reads of it; -v adds 8 facts
  tags.stage = "x"  ← tags of the resource

{RULE}
TO PASS  each change was tried by judging again
  Use a stage of the list.
  tried: with tags.stage = "inference" or "fine-tuning" this finding is gone
"""
    )


def test_a_resource_that_passes_shows_how_far_each_body_came(governor: Governor, mine: Path) -> None:
    run = governor("explain", "stg001", "--on", "plan.json", "--resource", "aws_instance.serve", *DAY, "-v")

    assert (
        run.out
        == """\
STG001  Stages are those of the list  high
aws_instance.serve  compute_instance

PASSES  the policy finds nothing on it
  level warn, by the rule for STG* in governor.yaml:4

FACTS  what the policy reads of it
  tags.stage = "inference"  ← tags of the resource
  kind = "compute_instance"  ← the catalogue, for aws_instance
  provider = "aws"  ← the catalogue, for aws_instance
  attributes.instance_type = "t3.micro"  ← instance_type of the resource
  taggable = true
  purchase = "on_demand"
  count = 1  ← its type: the plan says nothing else
  change = "create"  ← change.actions of the resource
  region is unknown: the plan holds no configuration of it  ← its type: the plan
      says nothing else

RULE  + ran, - did not, for this resource
  policies/stages/stages.rego
   9 - deny_stage contains {"resource": resource.id, "attribute": "tags.stage", "msg": msg} if {
  10 +     some resource in input.resources
  11 +     not _allowed(resource)
  12 -     msg := sprintf("%s has no stage of the list", [resource.id])
  13   }

  15 - deny_stage contains {"resource": resource.id, "attribute": "tags.stage", "msg": "blank"} if {
  16 +     some resource in input.resources
  17 +     resource.tags.stage == ""
  18   }

  20 + _allowed(resource) if resource.tags.stage in data.config.stages.stages
"""
    )


def sections(out: str) -> dict[str, str]:
    """The parts of a page by their headings."""
    parts = re.split(r"^([A-Z][A-Z ]+?)(?:  |$)", out, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_a_budget_of_the_shipped_library(governor: Governor) -> None:
    address = "aws_autoscaling_group.vision_batch"
    arguments = ("--on", EXAMPLE, "--config", ROOT / "examples" / "governor.yaml", "--source", ROOT / "examples", *DAY)

    run = governor("explain", "BUD001", "--resource", address, *arguments)

    found = sections(run.out)
    assert "stays inside its limit of $12,000 as planned, but may grow to\n" in found["OPEN"]
    for line in (
        '  tags.cost-budget-limit = "12000"  ← tag.0.key, tag.0.value of the resource\n',
        "  max_count = 16  ← max_size of the resource\n",
        "  price = 5.672 USD/h for g5.12xlarge in us-east-1  ← price book:\n",
        "  max_hourly_usd = 90.752  ← price × max_count\n",
    ):
        assert line in found["FACTS"]
    # The branch that yields ran, and so did the generator it lies in; the one before it did not.
    assert re.search(r"\d - +yield Violation\(.* \{\"at\": \"desired\"", found["RULE"])
    assert re.search(r"\d \+ +yield Violation\(.* \{\"at\": \"maximum\"", found["RULE"])
    assert 'tried: with tags.cost-budget-limit = "14521",' in found["TO PASS"]
    assert f"    resource: '{address}'\n" in found["EXEMPTION"]


def test_what_was_tried_is_true(governor: Governor, mine: Path) -> None:
    """The values are written into the plan, and the plan is judged again."""
    told = json.loads(governor("explain", "STG001", "--on", "plan.json", *DAY, "-f", "json").out)
    (attempt,) = told["trial"]["attempts"]
    assert [value["value"] for value in attempt["values"]] == ["inference", "fine-tuning"]

    for value in attempt["values"]:
        document = plan()
        for tags in ("tags", "tags_all"):
            document["resource_changes"][0]["change"]["after"][tags]["stage"] = value["value"]
        write(mine, {"plan.json": json.dumps(document)})
        run = governor("explain", "STG001", "--on", "plan.json", "--resource", told["resource"], *DAY)
        assert run.out.splitlines()[3] == "PASSES  the policy finds nothing on it"


def test_a_value_that_another_policy_refuses_is_named_with_it(governor: Governor, mine: Path) -> None:
    body = 'resource.tags.stage in ["inference", "fine-tuning"]\n\tcount(resource.tags) > 1'
    write(mine, {"policies/names/names.rego": rego(body=body)})

    run = governor("explain", "STG001", "--on", "plan.json", "--resource", "aws_instance.train", *DAY)

    assert " ".join(sections(run.out)["TO PASS"].split()).endswith(
        'tried: with tags.stage = "inference" or "fine-tuning" this finding is gone,'
        " but then NAM001 would find something new"
    )


def test_a_policy_that_looks_at_resources_together_is_shown_the_whole_plan(governor: Governor, mine: Path) -> None:
    body = 'count(input.resources) > 3\n\tresource.tags.stage == "play"'
    write(mine, {"policies/names/names.rego": rego(body=body)})

    run = governor("explain", "NAM001", "--on", "plan.json", *DAY)

    assert run.out.startswith(
        "NAM001  Names are short  high\naws_instance.train  compute_instance\n\nOPEN  1 finding\n"
    )
    assert sections(run.out)["RULE"].startswith(
        "+ ran, - did not, for the whole plan, which it looks at together\n  policies/names/names.rego\n"
    )


def test_a_finding_about_a_project_has_no_facts_of_a_resource(governor: Governor) -> None:
    arguments = ("--on", EXAMPLE, "--config", ROOT / "examples" / "governor.yaml", *DAY)

    run = governor("explain", "BUD002", "--resource", "project/speech-notes", *arguments)

    assert list(sections(run.out)) == ["OPEN", "RULE", "TO PASS", "EXEMPTION"]
    assert "over its budget of $2,000" in run.out


@pytest.mark.parametrize(
    ("files", "arguments", "told"),
    [
        ({}, ["STG001", "--resource", "aws_vpc.main"], "governor does not cover the type aws_vpc"),
        ({}, ["STG001", "--resource", "aws_instance.gone"], "the plan deletes it: only what stays is judged"),
        (
            {"governor.yaml": "policies: [policies]\nlevels: [{policies: STG001, level: off}]\n"},
            ["STG001", "--resource", "aws_instance.train"],
            "its level is off\n  level off, by the rule for STG001 in governor.yaml:2",
        ),
        (
            {"policies/owners/owners.py": PYTHON.replace('["plan"]', '["live"]')},
            ["OWN001", "--resource", "aws_instance.train"],
            "it judges at stage live, and a plan is stage plan",
        ),
        (
            {"policies/owners/owners.py": PYTHON.replace('["plan"]', '["plan"], kinds=["bucket"]')},
            ["OWN001", "--resource", "aws_instance.train"],
            "it does not judge what is of kind compute_instance: `governor\npolicies show OWN001` lists its kinds",
        ),
    ],
)
def test_a_pair_that_is_not_judged_says_why(
    governor: Governor, mine: Path, files: dict[str, str], arguments: list[str], told: str
) -> None:
    write(mine, files)

    run = governor("explain", *arguments, "--on", "plan.json", *DAY)

    assert run.code == 0
    assert f"\n\nNOT JUDGED  {told}\n" in run.out
    assert "TO PASS" not in run.out


def test_a_policy_that_fails_is_no_pass(governor: Governor, mine: Path) -> None:
    write(mine, {"policies/owners/owners.py": PYTHON.replace("continue", "raise KeyError('team')")})

    run = governor("explain", "OWN001", "--on", "plan.json", "--resource", "aws_instance.train", *DAY)

    assert run.code == 3
    assert "\n\nFAILED  the policy could not be evaluated, which is no pass\n" in run.out
    assert "  owners.py:8: KeyError: 'team'\n" in run.out


def test_a_policy_without_findings_asks_for_a_resource(governor: Governor, mine: Path) -> None:
    write(mine, {"policies/stages/data.yaml": "stages: [play, x, inference]\n"})
    document = plan()
    del document["resource_changes"][2]
    write(mine, {"plan.json": json.dumps(document)})

    run = governor("explain", "STG001", "--on", "plan.json")

    assert run == (0, "STG001 finds nothing in this plan: --resource ADDRESS explains it on one resource\n", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["STG01"], "no policy has the id STG01: did you mean STG001? `governor policies` lists them"),
        (["zzz"], "no policy has the id zzz: `governor policies` lists them"),
        (
            ["850ce"],
            "no policy has the id 850ce (a fingerprint takes 6 digits or more): `governor policies` lists them",
        ),
        (
            ["ffffff"],
            "no finding of this plan has a fingerprint that begins with ffffff: give the id of a policy, and it",
        ),
        (
            ["STG001", "--resource", "aws_instance.trian"],
            "no resource of this plan has the address aws_instance.trian: did you mean aws_instance.train",
        ),
        (["850ced6e", "--resource", "aws_instance.train"], "850ced6e is one finding, on aws_instance.train: leave"),
    ],
)
def test_what_is_not_known_is_refused_with_what_may_be_meant(
    governor: Governor, mine: Path, arguments: list[str], told: str
) -> None:
    run = governor("explain", *arguments, "--on", "plan.json", *DAY)

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"governor: {told}")


def test_a_beginning_that_two_fingerprints_share_is_refused(governor: Governor, mine: Path) -> None:
    """Found by trying names: both resources' fingerprints begin with the same six digits."""
    one, other = "r10002", "r5843"
    document = plan_of(**{one: {}, other: {}})
    write(mine, {"plan.json": json.dumps(document)})
    governor("check", "plan.json", *DAY, "-f", "json=report.json")
    prints = {
        f["resource"]: f["fingerprint"]
        for f in json.loads((mine / "report.json").read_text("utf-8"))["findings"]
        if f["policy"] == "STG001"
    }

    run = governor("explain", "00bddc", "--on", "plan.json", *DAY)

    assert run.code == 2
    assert run.err == (
        f"governor: 00bddc begins 2 fingerprints: {prints[f'aws_instance.{one}'][:12]} is STG001 on"
        f" aws_instance.{one}; {prints[f'aws_instance.{other}'][:12]} is STG001 on aws_instance.{other}\n"
    )


def test_the_entry_is_refused_until_it_is_filled_in_and_then_exempts(governor: Governor, mine: Path) -> None:
    written = json.loads(governor("explain", "STG001", "--on", "plan.json", *DAY, "-f", "json").out)["exemption"]
    write(mine, {"exemptions.yaml": f"exemptions:\n{written}"})
    assert governor("check", "plan.json", *DAY).code == 2

    filled = re.sub(r"^    (reason|owner|approved_by):.*$", r"    \1: me", written, flags=re.MULTILINE)
    filled = re.sub(r"expires:.*", "expires: 2026-12-31", filled)
    write(mine, {"exemptions.yaml": f"exemptions:\n{filled}"})

    run = governor("explain", "STG001", "--on", "plan.json", "--resource", "aws_instance.train", *DAY)
    assert "\nEXEMPT  1 finding\n" in run.out
    assert "(exemptions.yaml:2)" in run.out


def test_colours_are_for_those_who_want_them(governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = governor("explain", "STG001", "--on", "plan.json", *DAY).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = governor("explain", "STG001", "--on", "plan.json", *DAY).out
    monkeypatch.setenv("NO_COLOR", "1")

    assert governor("explain", "STG001", "--on", "plan.json", *DAY).out == plain
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def explained(governor: Governor, data: bytes, folder: Path) -> str:
    """All that explain says of a plan: every resource, by a policy that finds something on each."""
    quote = 'json.marshal([resource.tags, object.get(resource, "attributes", {})])'
    body = f'some attribute in ["tags.project", "region", "attributes.model"]\n\tmsg := {quote}'
    policy = rego(body=body).replace('"too long"', "msg").replace('"id"}', "attribute}")
    write(folder, {"governor.yaml": "policies: [policies]\n", "policies/names/names.rego": policy})
    (folder / "secret.json").write_bytes(data)
    said = []
    inventory = terraform_plan.collect(data, place="", prices=PriceBook.shipped())
    for resource in inventory.resources:
        for format in ("text", "json"):
            arguments = ("--on", "secret.json", "--resource", resource.id, *DAY, "-f", format, "-v")
            run = governor("explain", "NAM001", *arguments)
            assert run.code == 0, run.err
            said.append(run.out)
    return "".join(said)


def test_no_secret_of_a_plan_is_explained(governor: Governor, tmp_path: Path) -> None:
    data, secrets = test_secrets.odd_places()

    said = explained(governor, data, tmp_path)

    assert "tags.project is unknown: sensitive" in said
    assert [secret for secret in secrets if secret in said] == []


def test_a_tag_that_is_sensitive_on_one_resource_is_quoted_of_none(governor: Governor, mine: Path) -> None:
    """It is a fact of the resource that shows it openly, and a likely value for the one that lacks it."""
    document = plan_of(marked={"owner": "quiet-team"}, open={"owner": "quiet-team"}, lacking={})
    document["resource_changes"][0]["change"]["after_sensitive"] = {"tags": {"owner": True}}
    write(mine, {"plan.json": json.dumps(document)})

    shown = governor("explain", "OWN001", "--on", "plan.json", "--resource", "aws_instance.open", *DAY)
    lacking = governor("explain", "OWN001", "--on", "plan.json", "--resource", "aws_instance.lacking", *DAY)

    assert '  tags.owner = "(sensitive)"  ← tags of the resource\n' in shown.out
    assert 'tried: with tags.owner = "example" this finding is gone\n' in lacking.out
    assert "quiet-team" not in shown.out + lacking.out


def test_the_keys_of_the_example_are_not_explained(governor: Governor, tmp_path: Path) -> None:
    data = EXAMPLE.read_bytes()
    keys = set(re.findall(rb"sk-[A-Za-z0-9_-]{20,}", data))
    assert keys

    said = explained(governor, data, tmp_path)

    assert "openai" in said
    assert [key for key in keys if key.decode() in said] == []


def test_the_page_shows_what_is_printed(governor: Governor, monkeypatch: pytest.MonkeyPatch) -> None:
    """UPDATE_GOLDEN=1 writes the output into the page."""
    page = ROOT / "docs" / "explain.md"
    text = page.read_text("utf-8")
    (shown,) = re.findall(r"```text\n\$ governor (.+)\n([^`]*?)```", text)
    monkeypatch.chdir(ROOT)

    printed = governor(*shown[0].split()).out

    if os.environ.get("UPDATE_GOLDEN") == "1":
        page.write_text(text.replace(f"{shown[0]}\n{shown[1]}```", f"{shown[0]}\n{printed}```"), "utf-8")
    else:
        assert shown[1] == printed


def test_the_page_lists_the_fields_of_the_document(governor: Governor, mine: Path) -> None:
    text = (ROOT / "docs" / "explain.md").read_text("utf-8").partition("## For programs")[2]
    document = json.loads(governor("explain", "STG001", "--on", "plan.json", *DAY, "-f", "json").out)

    for name in (
        *document,
        *document["facts"][0],
        *document["passages"][0],
        *document["trial"],
        *document["others"][0],
    ):
        assert f"`{name}`" in text, name
    assert all(fact["provenance"] for fact in document["facts"] if fact["path"] == "tags.stage")


def test_a_policy_written_for_conftest_is_explained_as_far_as_it_can_be(governor: Governor, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "governor.yaml": "policies: [{source: policy, input: raw}]\n",
            "policy/main.rego": """\
package main

deny[msg] {
  change := input.resource_changes[_]
  change.type == "aws_instance"
  msg := sprintf("%s is an instance", [change.address])
}
""",
            "plan.json": json.dumps(plan_of(one={"project": "atlas"})),
        },
    )

    run = governor("explain", "main.deny", "--on", "plan.json")

    assert (run.code, run.err) == (0, "")
    said, rest = run.out.split("FACTS", 1)
    assert "OPEN  1 finding" in said
    assert "is an instance" in said
    assert "is not there" not in rest
    assert "RULE  policy/main.rego:3: which of its lines ran is not known" in rest
    assert "TO PASS" not in rest
    assert "- policy: main.deny" in rest
