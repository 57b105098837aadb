"""What the modules make passes every policy, and each thing that can be done wrong beside them breaks exactly its own.

One plan of tests/module_variants holds every variant; each is judged alone, cut out of it.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governor import library
from real_terraform import EXAMPLES, PROJECT, Terraform, essentials

DAY = "2026-11-24"
VARIANTS = PROJECT / "tests" / "module_variants"

INSTANCE = "module.trainer.aws_instance.this"
VOLUME = 'module.trainer.aws_ebs_volume.this["tickets"]'

FOUND = {
    "nothing": set(),
    "region_out_of_the_environment": set(),
    "TAG001": {("TAG001", "aws_s3_bucket.checkpoints")},
    "TAG002": {("TAG002", "aws_s3_bucket.checkpoints")},
    "TAG003": {("TAG003", "aws_s3_bucket.checkpoints")},
    "TAG004": {("TAG004", INSTANCE), ("TAG004", VOLUME)},
    "TAG005": {("TAG005", "aws_autoscaling_group.batch")},
    "RES001": {("RES001", INSTANCE), ("RES001", VOLUME)},
    "RES002": {("RES002", "aws_s3_bucket_replication_configuration.checkpoints")},
    "RES003": {("RES003", "aws_bedrock_inference_profile.chat")},
    "RES004": {
        ("RES004", "aws_s3_bucket.checkpoints"),
        ("RES004", "aws_s3_bucket_replication_configuration.checkpoints"),
    },
    "BUD001": {("BUD001", INSTANCE)},
    "BUD002": {("BUD002", "project/pocket-money")},
    "BUD003": {("BUD003", "plan")},
    # A mandatory limit that cannot be compared with any price is a question of its own.
    "BUD004": {("BUD004", INSTANCE), ("BUD001", INSTANCE)},
    "BUD008": {("BUD008", "project/nearly-spent")},
    "KEY001": {("KEY001", "aws_iam_access_key.nightly")},
    "KEY002": {("KEY002", "aws_iam_access_key.nightly")},
    "KEY003": {("KEY003", INSTANCE)},
}
"""Variant → (policy, resource in the variant) of all that is found, undetermined or not."""

NOT_OF_PLANS = {"KEY004", "BUD005", "BUD006", "BUD007"}
"""The first asks of accounts of Azure, for which there is no provider here; the others ask bills."""


def found(plan: Path, settings: Path) -> set[tuple[str, str]]:
    """(policy, resource) of every finding in the organisation of these settings."""
    command = [sys.executable, "-m", "governor", "check", str(plan), "--config", str(settings), "-f", "json"]
    ran = subprocess.run(
        [*command, "--today", DAY, "--exit-zero"], capture_output=True, check=True, env=dict(os.environ)
    )
    return {(finding["policy"], finding["resource"]) for finding in json.loads(ran.stdout)["findings"]}


def only(plan: dict[str, Any], module: str) -> dict[str, Any]:
    """The plan as it would be were this call of a module the only one in the root."""
    changes = [change for change in plan["resource_changes"] if change["address"].startswith(f"{module}.")]
    assert changes
    seen = plan["prior_state"]["values"]["root_module"]["child_modules"]
    return plan | {
        "resource_changes": changes,
        "prior_state": {"values": {"root_module": {"child_modules": [m for m in seen if m["address"] == module]}}},
    }


def test_every_policy_has_a_variant() -> None:
    policies = library.load([library.builtin()]).policies
    of_plans = {policy.id for policy in policies if policy.stages != ("azure",)} - NOT_OF_PLANS
    assert of_plans == {variant for variant in FOUND if variant.isupper()}


@pytest.fixture(scope="module")
def variants(terraform: Terraform) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(terraform.make_plan(VARIANTS))
    return plan


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
@pytest.mark.parametrize("variant", FOUND)
def test_a_variant_breaks_exactly_its_policy(variants: dict[str, Any], variant: str, tmp_path: Path) -> None:
    alone = f'module.variant["{variant}"]'
    if not any(change["address"].startswith(f"{alone}.") for change in variants["resource_changes"]):
        alone = f"module.{variant}"  # called by itself, because it takes other providers
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(only(variants, alone)))

    judged = {
        (policy, resource.removeprefix(f"{alone}.")) for policy, resource in found(plan, VARIANTS / "governor.yaml")
    }
    assert judged == FOUND[variant]


def test_the_clean_example_is_clean() -> None:
    plan = EXAMPLES / "clean" / "plan.json"
    types = {resource["type"] for resource in essentials(plan.read_bytes()).values()}

    assert {"aws_instance", "aws_ebs_volume", "aws_autoscaling_group", "aws_s3_bucket"} <= types
    assert found(plan, EXAMPLES / "clean" / "governor.yaml") == set()


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
def test_the_clean_example_is_what_terraform_plans(make_plan: Callable[..., bytes]) -> None:
    committed = EXAMPLES / "clean" / "plan.json"

    assert essentials(make_plan(EXAMPLES / "clean")) == essentials(committed.read_bytes())


def test_the_page_shows_the_clean_example() -> None:
    """`UPDATE_GOLDEN=1 pytest tests/test_module_variants.py` writes what the command prints."""
    page = PROJECT / "docs" / "terraform-modules.md"
    shown = re.compile(r"(?<=```console\n)\$ governor ([^\n]+)\n(.*?)(?=```)", re.DOTALL)
    text = page.read_text("utf-8")
    (excerpt,) = re.findall(r"```hcl\n(.*?)```", text, re.DOTALL)
    assert excerpt in (EXAMPLES / "clean" / "main.tf").read_text("utf-8")

    command = shown.search(text)
    assert command
    ran = subprocess.run(
        [sys.executable, "-m", "governor", *command[1].split(), "--today", DAY],
        cwd=PROJECT, capture_output=True, text=True, encoding="utf-8", check=True, env=dict(os.environ),
    )  # fmt: skip
    if "UPDATE_GOLDEN" in os.environ:
        text = shown.sub(lambda _: f"$ governor {command[1]}\n{ran.stdout}", text)
        page.write_text(text, "utf-8")
    assert f"$ governor {command[1]}\n{ran.stdout}```" in text


def test_nothing_is_found_in_what_the_modules_make_in_the_example() -> None:
    of_modules = [
        resource
        for _, resource in found(EXAMPLES / "plan.json", EXAMPLES / "governor.yaml")
        if resource.startswith("module.")
    ]
    assert of_modules == []
