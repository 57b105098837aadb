"""Plans made by a real Terraform and the real AWS provider, against a fake AWS (a moto server on loopback).

In: a Terraform root in this repository. Out: the bytes of `terraform show -json`. Nothing leaves the machine: providers
come from a filesystem mirror, credentials are fake, and every AWS endpoint is the moto server.

Run as a program (`python tests/real_terraform.py [name …]`) it rewrites the committed plans that COMMITTED lists.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
EXAMPLES = PROJECT / "examples"
TRAP_PLANS = PROJECT / "tests" / "trap_plans"
FLEET = PROJECT / "bench" / "fleet"

STARTED_WITH = dict(os.environ)
"""Tests run in a scrubbed environment; what names the mirror is read from the one before."""

REGION = "us-east-1"
"""What AWS_REGION says in every run."""

FAKE_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}

SECONDS_PER_COMMAND = 240
SECONDS_TO_STOP = 20

_LOCAL_MODULE = re.compile(r'^\s*source\s*=\s*"(\.\.?/[^"]+)"', re.MULTILINE)
_MIRROR_IN_CLI_CONFIG = re.compile(r'filesystem_mirror\s*\{[^}]*?path\s*=\s*"([^"]+)"', re.DOTALL)


class MissingToolError(Exception):
    """Something a real run needs is not on this machine; the message says what and how to get it."""


class TerraformError(Exception):
    """A Terraform command ended with an error it was not expected to end with."""


# What has to be on the machine


def find_terraform() -> str:
    executable = shutil.which("terraform")
    if executable is None:
        raise MissingToolError("terraform is not on PATH")
    return executable


def find_mirror(providers: Sequence[str] = ("hashicorp/aws",), environ: Mapping[str, str] = STARTED_WITH) -> Path:
    """The first filesystem mirror that holds every provider, unpacked or zipped, for this machine."""
    for mirror in _mirrors(environ):
        if all(_holds(mirror, provider) for provider in providers):
            return mirror
    raise MissingToolError(
        f"no filesystem mirror holds {', '.join(providers)}: make one with `terraform providers mirror DIR`"
        " and name it in TF_PLUGIN_MIRROR"
    )


def _mirrors(environ: Mapping[str, str]) -> Iterator[Path]:
    if named := environ.get("TF_PLUGIN_MIRROR"):
        yield Path(named)
    home = Path(environ.get("HOME") or Path.home())
    for config in (environ.get("TF_CLI_CONFIG_FILE"), home / ".terraformrc"):
        if config and (file := Path(config)).is_file():
            yield from (Path(path) for path in _MIRROR_IN_CLI_CONFIG.findall(file.read_text()))
    # The folders Terraform itself searches, then those where images tend to put a mirror.
    yield home / ".terraform.d/plugins"
    for share in (home / ".local/share", Path("/usr/local/share"), Path("/usr/share")):
        yield share / "terraform/plugins"
    yield from (folder.parent for folder in sorted(Path("/opt").glob("*/registry.terraform.io")))


def _holds(mirror: Path, provider: str) -> bool:
    folder = mirror / "registry.terraform.io" / provider
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    target = f"{platform.system().lower()}_{machine}"
    return any(folder.glob(f"*/{target}")) or any(folder.glob(f"*_{target}.zip"))


# The fake AWS


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a fresh moto server on a free loopback port; it is stopped at the end."""
    try:
        import moto.server  # noqa: F401
    except ImportError as error:
        raise MissingToolError("moto is not installed with its server: pip install 'moto[server]'") from error
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_it_answers(server, address)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_it_answers(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise MissingToolError(f"moto's server ended at once with code {server.returncode}")
        try:
            urllib.request.urlopen(f"{address}/moto-api/data.json", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise MissingToolError("moto's server did not answer within 60 s")


# Terraform


@dataclass(frozen=True)
class Terraform:
    """A Terraform that talks to a fake AWS."""

    endpoint: str
    """Address of the moto server."""
    scratch: Path
    """Folder for copies of roots; the caller removes it."""

    def make_plan(
        self, root: Path, *, variables: Mapping[str, Any] | None = None, extra_providers: Sequence[str] = ()
    ) -> bytes:
        """`terraform show -json` of a first plan of this root.

        `extra_providers` ("hashicorp/azurerm") are those the mirror has to hold next to the AWS provider.
        """
        return self.workspace(root, extra_providers=extra_providers).plan(variables=variables)

    def workspace(self, root: Path, *, extra_providers: Sequence[str] = ()) -> Workspace:
        """A copy of the root, with the local modules it calls at the same relative places, on an empty fake AWS."""
        self._ask_moto("reset")
        self._ask_moto("seed?a=1")  # the same ids in every run
        home = Path(tempfile.mkdtemp(dir=self.scratch))
        folder = _copy_with_local_modules(root.resolve(), home / "tree")
        mirror = find_mirror(("hashicorp/aws", *extra_providers))
        cli_config = home / "terraform.rc"
        cli_config.write_text(
            f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n}}\n"
        )
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "TF_CLI_CONFIG_FILE": str(cli_config),
            "TF_IN_AUTOMATION": "1",
            "TF_CLI_ARGS": "-no-color",
            "CHECKPOINT_DISABLE": "1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": REGION,
            **FAKE_CREDENTIALS,
        }
        return Workspace(find_terraform(), folder, environment)

    def _ask_moto(self, call: str) -> None:
        urllib.request.urlopen(f"{self.endpoint}/moto-api/{call}", data=b"", timeout=30).close()


@dataclass(frozen=True)
class Workspace:
    """A root that commands can be run in, one after another."""

    executable: str
    folder: Path
    environment: Mapping[str, str]

    def plan(self, *options: str, variables: Mapping[str, Any] | None = None, expect_error: bool = False) -> bytes:
        """`terraform show -json` of a plan. With `expect_error`, of what Terraform planned before it failed."""
        self.init()
        values = [
            f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in (variables or {}).items()
        ]
        self.run("plan", "-input=false", "-lock=false", "-out=plan.bin", *options, *values, expect_error=expect_error)
        return self.run("show", "-json", "plan.bin")

    def apply(self) -> None:
        self.init()
        self.run("apply", "-input=false", "-lock=false", "-auto-approve")

    def state(self) -> list[dict[str, Any]]:
        """The resources of the root module as they were applied."""
        resources: list[dict[str, Any]] = json.loads(self.run("show", "-json"))["values"]["root_module"]["resources"]
        return resources

    def replace_configuration(self, root: Path) -> None:
        """Take another root's files; the state stays."""
        for file in self.folder.glob("*.tf"):
            file.unlink()
        for file in root.glob("*.tf"):
            shutil.copy(file, self.folder)

    def run(self, *arguments: str, expect_error: bool = False) -> bytes:
        process = subprocess.Popen(
            [self.executable, *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a signal to the group reaches the provider, too
        )
        try:
            output, errors = process.communicate(timeout=SECONDS_PER_COMMAND)
        except BaseException:
            _stop(process)
            raise
        if (process.returncode != 0) != expect_error:
            told = (output + errors).decode(errors="replace")
            raise TerraformError(f"terraform {' '.join(arguments)} ended with {process.returncode}\n{told}")
        return output

    def init(self) -> None:
        self.run("init", "-input=false", "-backend=false")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.communicate(timeout=SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return
        return


def _copy_with_local_modules(root: Path, tree: Path) -> Path:
    folders = _with_local_modules(root, set())
    top = Path(os.path.commonpath(folders))
    for folder in folders:
        for file in (*folder.glob("*.tf"), *folder.glob("tests/*.tftest.hcl")):
            copy = tree / file.relative_to(top)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    return tree / root.relative_to(top)


def _with_local_modules(folder: Path, seen: set[Path]) -> set[Path]:
    if folder not in seen:
        seen.add(folder)
        for file in folder.glob("*.tf"):
            for source in _LOCAL_MODULE.findall(file.read_text()):
                _with_local_modules((folder / source).resolve(), seen)
    return seen


# Comparing plans


def essentials(plan: bytes) -> dict[str, dict[str, Any]]:
    """What a plan says that has to stay the same when it is made again: no ids, no times, no provider internals."""
    document = json.loads(plan)
    return {
        change["address"]: {
            "type": change["type"],
            "mode": change["mode"],
            "actions": change["change"]["actions"],
            "previous_address": change.get("previous_address"),
            "importing": "importing" in change["change"],
            "tags": _after(change, "tags"),
            "tags_all": _after(change, "tags_all"),
            "tags of what it launches": _after(change, "tag") or _after(change, "tag_specifications"),
            "instance types": sorted(_instance_types(change["change"]["after"])),
            "unknown": sorted(_unknown_paths(change["change"]["after_unknown"])),
        }
        for change in document.get("resource_changes", [])
    }


def _after(change: dict[str, Any], attribute: str) -> Any:
    return (change["change"]["after"] or {}).get(attribute)


def _instance_types(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            if key == "instance_type" and child:
                yield child
            elif key == "instance_types" and child:
                yield from child
            else:
                yield from _instance_types(child)
    elif isinstance(value, list):
        for child in value:
            yield from _instance_types(child)


def _unknown_paths(value: Any, path: str = "") -> Iterator[str]:
    if value is True:
        yield path
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _unknown_paths(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _unknown_paths(child, f"{path}[{number}]")


# The committed plans, and how each was made


def first_plan(root: Path) -> Callable[[Terraform], bytes]:
    return lambda terraform: terraform.make_plan(root)


def failed_plan(terraform: Terraform) -> bytes:
    return terraform.workspace(TRAP_PLANS / "errored").plan(expect_error=True)


def lifecycle_plan(terraform: Terraform) -> bytes:
    workspace = _applied(terraform)
    ids = {resource["address"]: resource["values"]["id"] for resource in workspace.state()}
    workspace.run("state", "rm", "-lock=false", "aws_ebs_volume.adopted")
    _ec2(terraform).terminate_instances(InstanceIds=[ids["aws_instance.gone"]])
    workspace.replace_configuration(TRAP_PLANS / "lifecycle")
    return workspace.plan(
        "-replace=aws_ebs_volume.shrinking[0]", variables={"adopted_volume": ids["aws_ebs_volume.adopted"]}
    )


def fleet_plan(terraform: Terraform) -> bytes:
    workspace = terraform.workspace(FLEET)
    workspace.apply()
    return workspace.plan(variables={"grown": True})


def destroy_plan(terraform: Terraform) -> bytes:
    return _applied(terraform).plan("-destroy")


def refresh_only_plan(terraform: Terraform) -> bytes:
    workspace = _applied(terraform)
    ids = {resource["address"]: resource["values"]["id"] for resource in workspace.state()}
    _ec2(terraform).create_tags(
        Resources=[ids["aws_instance.grows"]], Tags=[{"Key": "project", "Value": "changed-by-hand"}]
    )
    return workspace.plan("-refresh-only")


def _applied(terraform: Terraform) -> Workspace:
    workspace = terraform.workspace(TRAP_PLANS / "lifecycle" / "before")
    workspace.apply()
    return workspace


def _ec2(terraform: Terraform) -> Any:
    import boto3

    return boto3.client(
        "ec2",
        endpoint_url=terraform.endpoint,
        region_name=REGION,
        aws_access_key_id=FAKE_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=FAKE_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


COMMITTED: dict[Path, Callable[[Terraform], bytes]] = {
    EXAMPLES / "plan.json": first_plan(EXAMPLES),
    EXAMPLES / "clean" / "plan.json": first_plan(EXAMPLES / "clean"),
    FLEET / "plan.json": fleet_plan,
    TRAP_PLANS / "tags" / "plan.json": first_plan(TRAP_PLANS / "tags"),
    TRAP_PLANS / "capacity" / "plan.json": first_plan(TRAP_PLANS / "capacity"),
    TRAP_PLANS / "providers" / "plan.json": first_plan(TRAP_PLANS / "providers"),
    TRAP_PLANS / "lifecycle" / "plan.json": lifecycle_plan,
    TRAP_PLANS / "destroy" / "plan.json": destroy_plan,
    TRAP_PLANS / "refresh_only" / "plan.json": refresh_only_plan,
    TRAP_PLANS / "errored" / "plan.json": failed_plan,
}


def main(names: Sequence[str]) -> None:
    """Write the committed plans anew: all, or those in the folders that are named."""
    with moto_server() as endpoint, tempfile.TemporaryDirectory() as scratch:
        terraform = Terraform(endpoint, Path(scratch))
        for path, make in COMMITTED.items():
            if not names or path.parent.name in names:
                started = time.monotonic()
                plan = make(terraform)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(plan)
                print(f"{path.relative_to(PROJECT)}: {len(plan):,} bytes, {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
