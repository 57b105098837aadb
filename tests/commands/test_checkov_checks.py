"""`governor checkov-checks`: our policies inside a real checkov, whose results are those of `governor check`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from commands.conftest import EXAMPLE, Governor
from commands.test_check_with_checkov import planned
from core.policy_folders import python, rego, write
from governor import library

real = pytest.mark.xdist_group("checkov")

DAY = "2026-11-24"


class Results(NamedTuple):
    """What checkov reports of one framework: check and resource → record."""

    failed: dict[tuple[str, str], dict[str, Any]]
    passed: dict[tuple[str, str], dict[str, Any]]
    skipped: dict[tuple[str, str], dict[str, Any]]


class Ran(NamedTuple):
    code: int
    frameworks: dict[str, Results]
    err: str


Checkov = Callable[..., Ran]


@pytest.fixture
def run_checkov(checkov: Path, tmp_path: Path, program: Path) -> Checkov:
    """`run_checkov(*arguments, governor=PROGRAM)`: a real one, with the folder `checks` and nothing but our checks."""

    def run(*arguments: str, governor: object = program) -> Ran:
        environment = {**os.environ, "GOVERNOR": str(governor), "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"}
        ran = subprocess.run(
            [checkov, *arguments, "--external-checks-dir", "checks", "--check", "CKV_GOV*",
             "--output", "json", "--compact", "--skip-download"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        found = json.loads(ran.stdout)
        reports = [report for report in (found if isinstance(found, list) else [found]) if "results" in report]
        return Ran(
            ran.returncode, {report["check_type"]: _results(report["results"]) for report in reports}, ran.stderr
        )

    return run


def _results(results: dict[str, Any]) -> Results:
    return Results(*(
        {(record["check_id"], record["resource_address"] or record["resource"]): record for record in results[name]}
        for name in ("failed_checks", "passed_checks", "skipped_checks")
    ))  # fmt: skip


@real
def test_checkov_says_of_a_plan_what_governor_says(governor: Governor, run_checkov: Checkov, tmp_path: Path) -> None:
    """With the example's settings, and with its HCL beside the plan, of which the checks say nothing."""
    shutil.copytree(EXAMPLE.parent, tmp_path, dirs_exist_ok=True)

    written = governor("checkov-checks", "checks")
    ran = run_checkov("--directory", ".", "--framework", "terraform", "terraform_plan")
    report = json.loads(governor("check", "plan.json", "-f", "json").out)

    assert written == (
        0, "18 checks in checks: checkov -f plan.json --external-checks-dir checks\n", ""
    )  # fmt: skip
    assert (ran.code, list(ran.frameworks)) == (1, ["terraform_plan"])
    assert ran.err.count("governor judges plans, not HCL") == 1
    failed, passed, skipped = ran.frameworks["terraform_plan"]
    state: dict[str, set[tuple[str, str]]] = {"open": set(), "exempt": set(), "undetermined": set()}
    for finding in report["findings"]:
        state[finding["state"]].add((f"CKV_GOV_{finding['policy']}", finding["resource"]))
    # A project and the plan as a whole are no resources: they fail the first resource that is shown.
    whole = {key for key in state["open"] if "." not in key[1]}
    assert {check for check, _ in whole} == {"CKV_GOV_BUD002", "CKV_GOV_BUD003"}
    first = {key for key in failed if key not in state["open"]}
    assert {check for check, _ in first} == {check for check, _ in whole}
    assert failed.keys() - first == state["open"] - whole
    assert skipped.keys() == state["exempt"]
    assert not passed.keys() & (state["open"] | state["exempt"] | state["undetermined"])
    assert state["undetermined"] - state["open"] != set()
    assert ("CKV_GOV_TAG001", "module.copilot_serving.aws_autoscaling_group.this") in passed
    # A user is no resource that carries a budget: nothing is said of it.
    assert not any(resource == "aws_iam_user.nightly_evaluation" for _, resource in passed)
    record = failed["CKV_GOV_TAG001", "aws_instance.vision_trainer"]
    assert record["severity"] == "HIGH"
    assert record["check_name"] == "Paid resources carry every mandatory tag"
    assert record["details"] == [
        'aws_instance.vision_trainer lacks the tag "owner-team"',
        'aws_instance.vision_trainer lacks the tag "project"',
    ]
    assert record["check_result"]["evaluated_keys"] == ["tags.owner-team", "tags.project"]
    (exempt,) = skipped.values()
    assert exempt["check_result"]["suppress_comment"].startswith("The volume moves into the nlp workspace module")


INSTANCES = planned(("aws_instance.long", {}), ("aws_instance.short", {}), ("aws_vpc.main", {}))
LONG, SHORT = ("CKV_GOV_NAM001", "aws_instance.long"), ("CKV_GOV_NAM001", "aws_instance.short")


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """A repository with a plan and a policy that objects to one of its instances; a level turns another off."""
    return write(
        tmp_path,
        {
            "plan.json": json.dumps(INSTANCES),
            "governor.yaml": "policies: [policies]\nlevels: [{policies: OFF001, level: off}]\n",
            "policies/names/names.rego": rego(body='endswith(resource.id, "long")'),
            "policies/names/off.py": python("return []", id="OFF001"),
        },
    )


@real
def test_what_cannot_be_judged_fails_and_never_passes(
    governor: Governor, run_checkov: Checkov, names: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    governor("checkov-checks", "checks")
    plan = ("--file", "plan.json")

    well = run_checkov(*plan)
    results = well.frameworks["terraform_plan"]
    assert (well.code, set(results.failed), set(results.passed)) == (1, {LONG}, {SHORT})

    def failing(ran: Ran, told: str) -> None:
        failed, passed, skipped = ran.frameworks["terraform_plan"]
        assert (ran.code, passed, skipped) == (1, {}, {})
        assert {check for check, _ in failed} == {"CKV_GOV_NAM001", "CKV_GOV_OFF001"}
        assert {detail for record in failed.values() for detail in record["details"]} == {
            f"governor could not judge {names / 'plan.json'}: {told}"
        }

    failing(run_checkov(*plan, governor="no-such-governor"),
            "no program no-such-governor is found: put governor on PATH, or name it in GOVERNOR")  # fmt: skip
    liar = write(tmp_path_factory.mktemp("liar"), {"governor": "#!/bin/sh\necho '{}'\n"}) / "governor"
    liar.chmod(0o755)
    failing(run_checkov(*plan, governor=liar), f"{liar} printed no whole report")

    write(names, {"policies/names/new.rego": rego(id="NEW001", rule="deny_new", body="false")})
    failing(run_checkov(*plan),
            "these checks lack NEW001: write them again with governor checkov-checks")  # fmt: skip

    write(names, {"policies/names/new.rego": "package names\n\nno rego"})
    ran = run_checkov(*plan)
    (detail,) = {d for r in ran.frameworks["terraform_plan"].failed.values() for d in r["details"]}
    assert detail.startswith(
        f"governor could not judge {names / 'plan.json'}: governor: {names}/policies/names/new.rego:3"
    )


@real
def test_a_policy_that_fails_passes_nothing(governor: Governor, run_checkov: Checkov, names: Path) -> None:
    write(names, {"policies/names/off.py": python("raise KeyError('x')", id="PYT001")})
    governor("checkov-checks", "checks")

    ran = run_checkov("--file", "plan.json")

    failed, passed, _ = ran.frameworks["terraform_plan"]
    (broken,) = failed.keys() - {LONG}
    assert broken[0] == "CKV_GOV_PYT001"
    assert failed[broken]["details"] == ["governor could not judge the plan: off.py:7: KeyError: 'x'"]
    assert set(passed) == {SHORT}


def test_the_checks_are_as_the_policies_are(governor: Governor, names: Path) -> None:
    """Written twice, the same; other files of the folder stay."""
    write(names, {"checks/mine.py": "# mine"})
    first = governor("checkov-checks", "checks", "--config", "governor.yaml")
    text = (names / "checks" / "governor_checks.py").read_text("utf-8")
    governor("checkov-checks", "checks", "--config", "governor.yaml")

    assert (first.code, first.err) == (0, "")
    assert sorted(f.name for f in (names / "checks").iterdir()) == ["__init__.py", "governor_checks.py", "mine.py"]
    assert (names / "checks" / "governor_checks.py").read_text("utf-8") == text
    assert "ARGUMENTS: list[str] = ['--config', 'governor.yaml']" in text
    assert str(names) not in text
    compile(text, "governor_checks.py", "exec")


def test_every_shipped_policy_of_plans_is_a_check(governor: Governor, tmp_path: Path) -> None:
    governor("checkov-checks", "checks")

    names: dict[str, Any] = {}
    text = (tmp_path / "checks" / "governor_checks.py").read_text("utf-8")
    exec(text[text.index("POLICIES") : text.index("TIMEOUT")], {"Any": Any}, names)
    known = library.load([library.builtin()]).known
    assert [policy["policy"] for policy in names["POLICIES"]] == [
        policy.id for policy in known if not policy.stages or "plan" in policy.stages
    ]
    types = {policy["policy"]: policy["types"] for policy in names["POLICIES"]}
    assert "aws_instance" in types["BUD001"]
    assert "aws_s3_bucket_replication_configuration" in types["RES002"]
    assert "aws_instance" not in types["RES002"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"checks": "a file"}, "checks: cannot be written (File exists): choose another folder"),
        (
            {"policies/names/names.rego": rego(id="NAM-1")},
            "NAM-1 cannot be the id of a check: take letters, digits and underscores",
        ),
    ],
)
def test_what_cannot_be_written_is_told(governor: Governor, names: Path, files: dict[str, str], told: str) -> None:
    write(names, files)

    assert governor("checkov-checks", "checks") == (2, "", f"governor: {told}\n")
