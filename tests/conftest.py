"""What every test shares: a scrubbed environment, the material beside the project, a real Terraform."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import real_checkov
import real_terraform

SCRUBBED = frozenset(
    {"CI", "GOVERNOR", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TZ"}
)
SCRUBBED_PREFIXES = (
    "ANTHROPIC_", "ARM_", "AWS_", "AZURE_", "BC_", "CHECKOV_", "CI_", "CKV_",
    "GITHUB_", "GITLAB_", "GOOGLE_", "GOVERNOR_", "OPENAI_", "TF_",
)  # fmt: skip


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the CI system, the cloud account, the terminal or the cache it happens to run with."""
    for name in os.environ:
        if name in SCRUBBED or name.startswith(SCRUBBED_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared material beside the project."""
    folder = real_terraform.PROJECT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the shared material (../shared) is not beside the project")
    return folder


@pytest.fixture(scope="session")
def opa() -> str:
    """The path of OPA."""
    found = shutil.which("opa")
    beside = real_terraform.PROJECT.parent / "shared" / "tools" / "opa"
    if found is None and not (beside.is_file() and os.access(beside, os.X_OK)):
        pytest.skip("opa is neither on PATH nor in ../shared/tools")
    return found or str(beside)


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real_terraform.Terraform]:
    """A real Terraform with the AWS provider, talking to a moto server.

    Tests that ask for it are marked `terraform` and `xdist_group("terraform")`: Terraform is large, one runs at a time.
    """
    try:
        real_terraform.find_terraform()
        real_terraform.find_mirror()
        with real_terraform.moto_server() as endpoint:
            yield real_terraform.Terraform(endpoint, tmp_path_factory.mktemp("terraform"))
    except real_terraform.MissingToolError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def checkov() -> Path:
    """A real checkov's program. Tests that ask for it are marked `xdist_group("checkov")`: one installs it, once."""
    try:
        return real_checkov.find()
    except real_checkov.MissingCheckovError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def make_plan(terraform: real_terraform.Terraform) -> Callable[..., bytes]:
    """`make_plan(root, variables=…, extra_providers=…)`: the bytes of `terraform show -json`."""

    def plan(root: Path, **options: Any) -> bytes:
        try:
            return terraform.make_plan(root, **options)
        except real_terraform.MissingToolError as missing:
            pytest.skip(str(missing))

    return plan
