"""The page for authors is true: its files, put where it says, pass its own tests, and the schemas know a typo."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

from commands.conftest import Governor
from core.policy_folders import write
from governor import cases, library, schemas, yamlfile
from governor.catalog.prices import PriceBook
from governor.languages.rego import document
from governor.lint import CHECKS
from governor.sources import terraform_plan
from real_terraform import EXAMPLES, PROJECT

PAGE = (PROJECT / "docs" / "writing-policies.md").read_text("utf-8")


@pytest.fixture
def written(governor: Governor, tmp_path: Path) -> Path:
    """The folder of the page's examples."""
    blocks = re.findall(r"```(?:rego|python|yaml)\n(# (policies/\S+)\n.*?)```", PAGE, re.DOTALL)
    files = {name: text for text, name in blocks}
    (files["policies/network/schema.json"],) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(files) == 5
    return write(tmp_path, {**files, "governor.yaml": "policies: [builtin, policies]\n"})


def test_the_examples_pass_their_cases(governor: Governor, written: Path) -> None:
    run = governor("test", "policies", "--strict")
    assert run.code == 0, run.out
    assert run.out.startswith("3 passed, 0 failed, 0 untested")
    report = json.loads(governor("check", EXAMPLES / "plan.json", "-f", "json").out)
    assert {"NET001", "NET002"} <= {finding["policy"] for finding in report["findings"]}


def test_the_examples_have_nothing_that_lint_would_tell(governor: Governor, written: Path) -> None:
    run = governor("lint")
    assert (run.code, run.out) == (0, f"no problem – 5 files, 2 policies, {len(CHECKS)} checks\n")


def test_a_typo_in_an_overlay_is_refused_as_the_page_says(governor: Governor, written: Path) -> None:
    write(written, {"mine/network/data.yaml": "on_demand_stage: [inference]\n"})
    run = governor("policies", "list", "--policies", "mine")
    assert (run.code, "mine/network/data.yaml:1: the data of network is wrong" in run.err) == (2, True)


def test_the_failing_run_looks_as_shown(governor: Governor, written: Path) -> None:
    file = written / "policies/network/cases.yaml"
    file.write_text(
        file.read_text().replace("aws_instance.a, attribute: purchase}", "aws_instance.a, attribute: tags.stage}", 1)
    )
    (shown,) = re.findall(r"    \$ governor test\n((?:    .+\n)+)", PAGE)
    assert governor("test", "policies").out.startswith(re.sub(r"(?m)^    ", "", shown))


def test_every_field_of_a_card_and_of_a_case_is_described() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == {
        "id", "title", "severity", "description", "kinds", "stages", "remediation", "references", "together",
        "each",
    }  # fmt: skip
    for field in cases.Case.__struct_fields__:
        assert re.search(rf"\b{field}\b", PAGE), field


def test_the_shipped_cases_keep_their_schema_and_a_typo_does_not() -> None:
    validator = jsonschema.Draft202012Validator(schemas.cases())
    for _, file in cases.files([library.builtin()]):
        assert [error.message for error in validator.iter_errors(yamlfile.read(file))] == [], file
    case = {"name": "a", "resources": [{"id": "a", "kind": "bucket", "regoin": "x"}], "expect": []}
    (error,) = validator.iter_errors([case])
    assert "'regoin' was unexpected" in error.message


@pytest.mark.parametrize(
    "plan",
    [EXAMPLES / "plan.json", *sorted((PROJECT / "tests/trap_plans").glob("[clpt]*/plan.json"))],
    ids=lambda p: p.parent.name,
)
def test_what_policies_see_keeps_its_schema(plan: Path) -> None:
    inventory = terraform_plan.collect(plan.read_bytes(), place=plan.name, prices=PriceBook.shipped())
    seen = json.loads(document(inventory, cases.TODAY))
    assert seen["resources"]
    validator = jsonschema.Draft202012Validator(schemas.policy_input(), format_checker=jsonschema.FormatChecker())
    assert [error.message for error in validator.iter_errors(seen)] == []


def test_with_the_schema_opa_finds_a_misspelt_field(opa: str, governor: Governor, written: Path) -> None:
    schema = written / "input.schema.json"
    schema.write_text(governor("schema", "input").out)
    command = [opa, "check", "--strict", "--schema", str(schema)]
    library_files = [str(file) for file in library.builtin().glob("*/*.rego")]
    own = written / "policies/network/network.rego"
    passed = subprocess.run([*command, *library_files, str(own)], capture_output=True, text=True, check=False)
    assert (passed.returncode, passed.stderr) == (0, "")
    own.write_text(own.read_text().replace("resource.accelerator", "resource.acelerator"))
    failed = subprocess.run([*command, str(own)], capture_output=True, text=True, check=False)
    assert failed.returncode != 0
    assert "undefined ref: resource.acelerator" in failed.stderr


def test_the_hooks_of_the_page_are_those_that_are_offered() -> None:
    offered = {hook["id"] for hook in yamlfile.read(PROJECT / ".pre-commit-hooks.yaml")}
    (text,) = re.findall(r"```yaml\n(# \.pre-commit-config\.yaml\n.*?)```", PAGE, re.DOTALL)
    # The page on hooks shows those that judge.
    assert set(re.findall(r"- id: (\S+)", text)) == offered - {"governor-check", "governor-plan", "governor-keys"}
