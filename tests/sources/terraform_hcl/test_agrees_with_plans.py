"""What code says, the plan that Terraform made of it says as well; what code cannot tell, it calls unknown.

Never wrong: for every root of this repository that has a plan beside it, and for those of the shared material.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from real_terraform import EXAMPLES, FLEET, PROJECT, TRAP_PLANS
from sources.terraform_hcl.code import contradictions, given_to, inventory, of_plan, resources

ROOTS = [EXAMPLES, FLEET, *(TRAP_PLANS / name for name in ("tags", "capacity", "providers", "lifecycle"))]
SHARED = ["platform", "platform_v2"]

STATE_KNOWS_MORE = {
    "platform_v2": {
        # The bucket exists, and its state holds the replication that another resource set up.
        "aws_s3_bucket.datasets: attributes.copies_to is None in the code and ['eu-central-1'] in the plan",
    },
}
"""What no code can tell, because it is only in the state. Nothing else may differ."""


def compare(root: Path, scratch: Path) -> tuple[list[str], int]:
    """(contradictions, facts that were compared)."""
    plan = (root / "plan.json").read_bytes()
    code = resources(root, var_files=[given_to(plan, scratch)])
    planned = of_plan(plan)
    return contradictions(code, planned), len(code.keys() & planned.keys())


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_code_of_this_repository_agrees_with_its_plan(root: Path, tmp_path: Path) -> None:
    found, compared = compare(root, tmp_path)

    assert set(found) == set(STATE_KNOWS_MORE.get(root.name, ()))
    assert compared >= 8


@pytest.mark.parametrize("name", SHARED)
def test_code_of_the_shared_material_agrees_with_its_plan(shared: Path, name: str, tmp_path: Path) -> None:
    found, compared = compare(shared / "plans" / name, tmp_path)

    assert set(found) == set(STATE_KNOWS_MORE.get(name, ()))
    assert compared > 30


def test_code_knows_most_of_what_the_plan_knows() -> None:
    """Agreement is easy for one who says nothing: in the example, only computed values stay unknown."""
    code = inventory(EXAMPLES)

    assert code.gaps == ()
    told = {path for resource in code.resources for path in resource.unknown if not path.startswith("hourly_usd")}
    assert told == {"tags.experiment-id"}
    assert all(resource.region for resource in code.resources if resource.provider == "aws")


@pytest.mark.parametrize("root", sorted({file.parent for file in PROJECT.glob("**/*.tf")}), ids=lambda r: r.name)
def test_every_root_and_module_of_this_repository_is_read(root: Path) -> None:
    found = inventory(root)

    assert found.stage == "commit"
    assert [gap for gap in found.gaps if "not on this disk" in gap.reason] == []
