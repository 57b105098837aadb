"""conftest policies at the command line: settings or an option in; reports and an exit code out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.conftest import Governor
from core.policy_folders import rego, write
from core.raw_folders import V0, change, plan

SETTINGS = "policies:\n  - source: policy\n    input: raw\n"
FOOTER = "1 open, 0 exempt, 0 undetermined – 2 resources, 1 policy, 0 gaps\n"
EXEMPTION = """\
exemptions:
  - policy: main.*
    resource: aws_instance.web
    category: waiver
    reason: It goes in May.
    owner: ada
    approved_by: finops
    expires: 2099-12-31
"""


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    """A repository with a folder of conftest policies and a plan that one of them denies."""
    document = plan(
        change("aws_instance.web", instance_type="p5.48xlarge", tags={}, availability_zone="us-east-1a"),
        change("aws_instance.mine", instance_type="t3.micro", tags={"owner": "ada"}),
    )
    hcl = 'resource "aws_instance" "web" {\n}\n'
    return write(
        tmp_path, {"plan.json": document.decode(), "policy/main.rego": V0, "governor.yaml": SETTINGS, "main.tf": hcl}
    )


def test_a_finding_has_what_every_finding_has(governor: Governor, migrated: Path) -> None:
    run = governor("check", "plan.json", "--source", ".", "-f", "json")

    (finding,) = json.loads(run.out)["findings"]
    assert (run.code, run.err) == (1, "")
    assert finding["policy"] == "main.deny"
    assert finding["resource"] == "aws_instance.web"
    assert finding["kind"] == "compute_instance"
    assert finding["origin"] == {"file": "main.tf", "line": 1}
    assert finding["hourly_usd"] > 10
    assert finding["msg"] == "aws_instance.web has no owner"


@pytest.mark.parametrize("format", ["table", "json", "sarif", "markdown"])
def test_every_report_shows_it(governor: Governor, migrated: Path, format: str) -> None:
    out = governor("check", "plan.json", "-f", format).out

    assert "main.deny" in out
    assert "has no owner" in out


def test_the_option_adds_a_folder_to_the_settings(governor: Governor, migrated: Path) -> None:
    write(migrated, {"governor.yaml": "policies: [policies]\n", "policies/names/names.rego": rego(body="false")})

    run = governor("check", "plan.json", "--raw-policies", "./policy", "-q")

    assert (run.code, run.out) == (1, FOOTER.replace("1 policy", "2 policies"))
    assert governor("check", "plan.json", "-q").code == 0


def test_a_folder_named_twice_is_asked_once(governor: Governor, migrated: Path) -> None:
    assert governor("check", "plan.json", "--raw-policies", "policy", "-q").out == FOOTER


def test_levels_and_exemptions_hold_for_it(governor: Governor, migrated: Path) -> None:
    write(migrated, {"exemptions.yaml": EXEMPTION, "governor.yaml": f"{SETTINGS}exemptions: exemptions.yaml\n"})
    exempt = governor("check", "plan.json", "-q")
    write(migrated, {"governor.yaml": f"{SETTINGS}levels:\n  - {{policies: main.deny, level: warn}}\n"})
    milder = governor("check", "plan.json", "-q")

    assert (exempt.code, exempt.out) == (0, FOOTER.replace("1 open, 0 exempt", "0 open, 1 exempt"))
    assert (milder.code, milder.out) == (0, FOOTER)


def test_what_an_exception_leaves_out_is_in_the_report(governor: Governor, migrated: Path) -> None:
    write(migrated, {"policy/except.rego": 'package main\n\nexception[rules] { rules := [""] }\n'})

    run = governor("check", "plan.json")

    assert run.code == 0
    assert "main.deny: an exception of its package leaves out 1 of its findings" in run.out


def test_a_policy_that_fails_ends_the_run_with_3(governor: Governor, migrated: Path) -> None:
    write(migrated, {"policy/bad.rego": "package bad\n\ndeny[msg] { msg := lower(input.resource_changes) }\n"})

    run = governor("check", "plan.json")

    assert run.code == 3
    assert "bad.rego:3:31: lower expects string argument. Got a list instead" in run.out
    assert "has no owner" in run.out


def test_it_reads_the_plan_out_of_what_a_wrapper_printed(governor: Governor, migrated: Path) -> None:
    wrapped = b"Initializing...\n" + (migrated / "plan.json").read_bytes() + b"\nDone.\n"

    assert governor("check", "-", "-q", stdin=wrapped).out == FOOTER


def test_it_is_listed_and_shown(governor: Governor, migrated: Path) -> None:
    assert governor("policies").out == "main.deny  high      deny  The deny rules of main\n"
    assert f"where:     {migrated}/policy/main.rego:3" in governor("policies", "show", "main.deny").out


def test_it_is_asked_at_plan_time_only(governor: Governor, migrated: Path) -> None:
    run = governor("check", "plan.json", "--stage", "commit")

    assert run.code == 4
    assert "each of 1 policies is off, or for another stage than commit" in run.out


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"governor.yaml": "policies:\n  - source: builtin\n    input: raw\n"},
            "governor.yaml:2: the shipped library reads resources, not the raw plan: write `builtin` alone",
        ),
        ({"governor.yaml": SETTINGS.replace("policy", "nope")}, "nope: no such folder of policies"),
        (
            {"policy/main.rego": "package main\n\ndeny[nope(1)] { true }\n"},
            "policy/main.rego:3: the function nope cannot be called",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(governor: Governor, migrated: Path, files: dict[str, str], told: str) -> None:
    write(migrated, files)

    run = governor("check", "plan.json")

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"governor: {migrated}/{told}")
    assert run.err.count("\n") == 1
