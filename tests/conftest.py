"""What every test shares: a scrubbed environment, the material beside the project, a real Terraform."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fake_aws
import real_checkov
import real_opa
import real_terraform
from git_hosts import Origin

SCRUBBED = frozenset(
    {"CI", "GOVERNOR", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TZ"}
)
SCRUBBED_PREFIXES = (
    "ANTHROPIC_", "ARM_", "AWS_", "AZURE_", "BC_", "CHECKOV_", "CI_", "CKV_", "GIT_",
    "GITHUB_", "GITLAB_", "GOOGLE_", "GOVERNOR_", "OPA_", "OPENAI_", "OTEL_", "TF_",
)  # fmt: skip


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the CI system, the cloud account, the terminal or the cache it happens to run with."""
    for name in os.environ:
        if name in SCRUBBED or name.startswith(SCRUBBED_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def own_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A git that knows nothing of the person who runs the tests, and an empty cache; the folder of git's settings."""
    home = tmp_path / "home"
    home.mkdir()
    for name, value in {"HOME": home, "XDG_CACHE_HOME": tmp_path / "cache", "GIT_CONFIG_NOSYSTEM": 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


@pytest.fixture
def origin(own_git: Path, tmp_path: Path) -> Origin:
    """A repository with one policy, under the tag v1."""
    made = Origin(tmp_path / "hosts" / "policies")
    made.commit()
    made.git("tag", "v1")
    return made


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
    found = real_opa.find()
    if found is None:
        pytest.skip("opa is neither in ../shared/tools nor on PATH")
    return found


@pytest.fixture(scope="session")
def opa_server(opa: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[real_opa.Server]:
    """An empty OPA server that takes whatever it is given."""
    with real_opa.serve(opa, tmp_path_factory.mktemp("opa")) as server:
        yield server


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


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of a moto server."""
    with real_terraform.moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def cloud(moto: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[fake_aws.Cloud]:
    """An empty fake AWS, where the libraries of AWS find it."""
    with fake_aws.empty(moto) as found:
        for name, value in {
            "AWS_ENDPOINT_URL": found.proxy.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        yield found
