"""Where blocks stand in the HCL beside a plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governor.model import Origin
from governor.sources.terraform_plan.locate import Locator

INSTANCE = 'resource "aws_instance" "x" {\n}\n'


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the working directory, with room for others beside it."""
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_resource_of_the_root(root: Path) -> None:
    write(root / "a.tf", "# first\n")
    write(root / "b.tf", f"\n\n{INSTANCE}")
    locator = Locator(root)
    assert locator.resource("", "aws_instance", "x") == Origin("b.tf", 3)
    assert locator.resource("", "aws_instance", "y") is None


def test_a_resource_in_a_module(root: Path) -> None:
    write(root / "main.tf", '\nmodule "a" {\n  source = "./m"\n}\n')
    write(root / "m/main.tf", f"\n\n\n{INSTANCE}")
    origin = Locator(root).resource('module.a["k"]', "aws_instance", "x")
    assert origin == Origin("m/main.tf", 4, "main.tf:2")


def test_a_module_in_a_module(root: Path) -> None:
    write(root / "main.tf", 'module "a" {\n  source = "./m"\n}\n')
    write(root / "m/main.tf", 'module "b" {\n  source = "../n"\n}\n')
    write(root / "n/main.tf", INSTANCE)
    assert Locator(root).resource("module.a.module.b", "aws_instance", "x") == Origin("n/main.tf", 1, "main.tf:1")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("aws_instance.x", Origin("main.tf", 4)),
        ('aws_instance.x["a.b"]', Origin("main.tf", 4)),
        ('module.a["k.l"].aws_instance.x[0]', Origin("m/main.tf", 1, "main.tf:1")),
        ("module.a.data.aws_instance.x", None),
        ("data.aws_instance.x", None),
        ("aws.default", None),
        ("plan", None),
    ],
)
def test_an_address_as_it_is_written(root: Path, address: str, origin: Origin | None) -> None:
    write(root / "main.tf", f'module "a" {{\n  source = "./m"\n}}\n{INSTANCE}')
    write(root / "m/main.tf", INSTANCE)
    assert Locator(root).address(address) == origin


def test_the_call_stands_for_what_is_not_at_hand(root: Path) -> None:
    write(root / "main.tf", '\n\nmodule "a" {\n  source = "example/a/aws"\n}\n')
    assert Locator(root).resource("module.a", "aws_instance", "x") == Origin("main.tf", 3)
    assert Locator(root).resource("module.z", "aws_instance", "x") is None


def test_an_installed_module(root: Path) -> None:
    write(root / "main.tf", 'module "a" {\n  source = "example/a/aws"\n}\n')
    write(root / ".terraform/modules/a/main.tf", f"\n{INSTANCE}")
    modules = [{"Key": "", "Dir": "."}, {"Key": "a", "Source": "example/a/aws", "Dir": ".terraform/modules/a"}]
    write(root / ".terraform/modules/modules.json", json.dumps({"Modules": modules}))
    origin = Locator(root).resource("module.a", "aws_instance", "x")
    assert origin == Origin(".terraform/modules/a/main.tf", 2, "main.tf:1")


@pytest.mark.parametrize("manifest", ["", "[]", '{"Modules": [{"Key": "a"}]}'])
def test_a_broken_manifest_is_none(root: Path, manifest: str) -> None:
    write(root / "main.tf", 'module "a" {\n  source = "./m"\n}\n')
    write(root / "m/main.tf", INSTANCE)
    write(root / ".terraform/modules/modules.json", manifest)
    assert Locator(root).resource("module.a", "aws_instance", "x") == Origin("m/main.tf", 1, "main.tf:1")


def test_a_module_outside_the_folder(root: Path) -> None:
    write(root / "main.tf", 'module "a" {\n  source = "../shared"\n}\n')
    outside = root.parent / "shared/main.tf"
    write(outside, INSTANCE)
    assert Locator(root).resource("module.a", "aws_instance", "x") == Origin(outside.as_posix(), 1, "main.tf:1")


def test_variables(root: Path) -> None:
    write(root / "main.tf", 'variable "key" {\n}\nmodule "a" {\n  source = "./m"\n}\n')
    write(root / "m/v.tf", '\nvariable "key" {\n}\n')
    locator = Locator(root)
    assert locator.block("var.key") == Origin("main.tf", 1)
    assert locator.block("module.a.var.key") == Origin("m/v.tf", 2, "main.tf:3")


@pytest.mark.parametrize(("start", "end"), [("<<EOT", "EOT"), ("<<-EOT", "  EOT"), ("<<-END_1", "\tEND_1")])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_heredoc_holds_no_blocks(root: Path, start: str, end: str, newline: str) -> None:
    script = f'resource "aws_instance" "y" {{\n  user_data = {start}\n{INSTANCE}EOTX\n{end}\n}}\n'
    (root / "main.tf").write_bytes(f"{INSTANCE}{script}{INSTANCE.replace('x', 'z')}".replace("\n", newline).encode())
    locator = Locator(root)
    assert locator.resource("", "aws_instance", "x") == Origin("main.tf", 1)
    assert locator.resource("", "aws_instance", "y") == Origin("main.tf", 3)
    assert locator.resource("", "aws_instance", "z") == Origin("main.tf", 10)


@pytest.mark.parametrize(
    "line", ["# see <<EOT", "// see <<EOT", 'description = "<<EOT"', 'a = "b # <<EOT"', "/* <<EOT"]
)
def test_what_only_looks_like_a_heredoc(root: Path, line: str) -> None:
    write(root / "main.tf", f"locals {{\n  {line}\n}}\n{INSTANCE}")
    assert Locator(root).resource("", "aws_instance", "x") == Origin("main.tf", 4)
