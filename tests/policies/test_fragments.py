"""The two fragments on every policy's page do what the page says: one breaks the policy, the other keeps it."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest

from fragments import Fragment, every_fragment, inventory_of
from governor import library
from governor.catalog.prices import PriceBook
from governor.judge import judge
from governor.model import Inventory
from governor.sources import terraform_plan
from sources.terraform_hcl.code import contradictions, of_plan, resources

FRAGMENTS = every_fragment()
TODAY = date(2026, 8, 1)


def found_by_its_policy(fragment: Fragment, inventory: Inventory) -> list[str]:
    """Messages of the fragment's own policy, undetermined ones included."""
    loaded = library.load([library.builtin()], overlay={fragment.concern: fragment.config}, only=[fragment.concern])
    judgement = judge(inventory, loaded.evaluators, TODAY)
    assert not judgement.failures
    return [finding.msg for finding in judgement.findings if finding.policy == fragment.policy]


def test_every_policy_has_both_fragments() -> None:
    wanted = {(policy.id, side) for policy in library.load([library.builtin()]).policies for side in (True, False)}
    every = [*FRAGMENTS, *every_fragment("jsonc")]
    assert {(fragment.policy, fragment.avoid) for fragment in every} == wanted


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda f: f.path.stem)
def test_a_fragment_breaks_or_keeps_its_policy(fragment: Fragment, tmp_path: Path) -> None:
    inventory = inventory_of(fragment, tmp_path)
    assert inventory.resources
    assert bool(found_by_its_policy(fragment, inventory)) == fragment.avoid


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
def test_a_real_terraform_plans_what_the_fragments_say(make_plan: Callable[..., bytes], tmp_path: Path) -> None:
    """All fragments of the AWS provider in one plan, a module each."""
    ours = [f for f in FRAGMENTS if "azurerm_" not in f.path.read_text("utf-8")]
    regions = sorted({fragment.region for fragment in ours})
    root = [
        f'provider "aws" {{\n  alias  = "{name}"\n  region = "{name}"\n  skip_region_validation = true\n}}'
        for name in regions
    ]
    for fragment in ours:
        (tmp_path / fragment.path.stem).mkdir()
        (tmp_path / fragment.path.stem / "main.tf").write_text(fragment.path.read_text("utf-8"), "utf-8")
        root.append(
            f'module "{fragment.path.stem}" {{\n  source    = "./{fragment.path.stem}"\n'
            f"  providers = {{ aws = aws.{fragment.region} }}\n}}"
        )
    (tmp_path / "main.tf").write_text("\n".join(root), "utf-8")
    plan = make_plan(tmp_path)
    assert json.loads(plan)["errored"] is False
    inventory = terraform_plan.collect(plan, place="plan", prices=PriceBook.shipped())
    wrong = []
    for fragment in ours:
        own = tuple(r for r in inventory.resources if r.id.startswith(f"module.{fragment.path.stem}."))
        assert own, fragment.path.stem
        if (
            bool(found_by_its_policy(fragment, msgspec.structs.replace(inventory, resources=own, spend=fragment.spend)))
            != fragment.avoid
        ):
            wrong.append(fragment.path.stem)
    assert wrong == []
    assert contradictions(resources(tmp_path), of_plan(plan)) == []
