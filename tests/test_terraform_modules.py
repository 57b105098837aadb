"""The modules pass their own tests, and all HCL in this repository is valid and formatted."""

import subprocess
from pathlib import Path

import pytest

from real_terraform import EXAMPLES, PROJECT, TRAP_PLANS, MissingToolError, Terraform, find_terraform

MODULES = PROJECT / "terraform_modules"

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("terraform")]


@pytest.mark.parametrize("module", ["ai_tags", "gpu_asg"])
def test_a_module_passes_its_own_tests(terraform: Terraform, module: str) -> None:
    workspace = terraform.workspace(MODULES / module)
    workspace.init()
    assert " 0 failed" in workspace.run("test").decode()


@pytest.mark.parametrize(
    "root", [EXAMPLES, *(MODULES / name for name in ("ai_tags", "gpu_asg"))], ids=lambda root: root.name
)
def test_hcl_is_valid(terraform: Terraform, root: Path) -> None:
    workspace = terraform.workspace(root)
    workspace.init()
    workspace.run("validate")


def test_hcl_is_formatted() -> None:
    try:
        terraform = find_terraform()
    except MissingToolError as missing:
        pytest.skip(str(missing))
    answer = subprocess.run(
        [terraform, "fmt", "-check", "-diff", "-recursive", EXAMPLES, MODULES, TRAP_PLANS],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (answer.stdout, answer.returncode) == ("", 0)
