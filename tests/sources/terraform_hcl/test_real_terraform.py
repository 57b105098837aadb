"""Modules, providers, keys, values and workspaces: what a real Terraform plans of the same code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.policy_folders import write
from real_terraform import Terraform
from sources.terraform_hcl.code import contradictions, of_plan, resources

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("terraform")]

HEAD = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
"""
NODE = (
    HEAD
    + """
variable "type" { type = string }
variable "tags" {
  type    = map(string)
  default = {}
}
resource "aws_instance" "node" {
  ami           = "ami-12c6146b"
  instance_type = var.type
  tags          = var.tags
}
output "type" { value = aws_instance.node.instance_type }
"""
)


def planned(terraform: Terraform, root: Path, files: Mapping[str, str], **variables: Any) -> dict[str, Any]:
    """Facts of the plan of these files, which also lie in `root`."""
    write(root, files)
    return of_plan(terraform.make_plan(root, variables=variables))


def test_keys_of_modules_may_hold_anything(terraform: Terraform, tmp_path: Path) -> None:
    files = {
        "main.tf": HEAD
        + r"""
provider "aws" { region = "us-east-1" }
locals {
  teams = { nlp = "g5.xlarge", "vis.1" = "p5.48xlarge", "a \"quoted\" [key]" = "t3.micro", "x\\y" = "g6.xlarge" }
}
module "team" {
  source   = "./node"
  for_each = { for name, type in local.teams : name => type if type != "t3.micro" || name != "none" }
  type     = each.value
  tags     = { team = each.key, first = tostring(each.key == "nlp") }
}
module "twice" {
  source = "./node"
  count  = 2
  type   = module.team["vis.1"].type
  tags   = { number = count.index, of = join("+", [for name, team in module.team : name]) }
}
resource "aws_ebs_volume" "each" {
  for_each          = toset(["b.c", "a"])
  availability_zone = "us-east-1a"
  size              = length(each.key) * 100
  tags              = { key = each.value }
}
""",
        "node/main.tf": NODE,
    }
    plan = planned(terraform, tmp_path, files)
    code = resources(tmp_path)

    assert contradictions(code, plan) == []
    assert {'module.team["vis.1"].aws_instance.node', "module.twice[1].aws_instance.node"} <= code.keys()
    assert len(code) == 8
    assert code["module.twice[0].aws_instance.node"].tags["number"] == "0"


def test_paths_are_told_as_terraform_tells_them(terraform: Terraform, tmp_path: Path) -> None:
    inner = (
        HEAD
        + """
resource "aws_instance" "x" {
  ami           = "ami-12c6146b"
  instance_type = "g5.xlarge"
  tags          = { module = path.module, root = path.root }
}
"""
    )
    root = """
provider "aws" { region = "us-east-1" }
module "in" {
  source = "./a/b"
}
module "out" {
  source = "../out/c"
}
"""
    write(tmp_path, {"root/main.tf": inner + root, "root/a/b/main.tf": inner, "out/c/main.tf": inner})

    plan, code = of_plan(terraform.make_plan(tmp_path / "root")), resources(tmp_path / "root")

    assert contradictions(code, plan) == []
    assert {id: r.tags["module"] for id, r in code.items()} == {
        "aws_instance.x": ".", "module.in.aws_instance.x": "a/b", "module.out.aws_instance.x": "../out/c",
    }  # fmt: skip


def test_providers_are_handed_down_and_renamed(terraform: Terraform, tmp_path: Path) -> None:
    files = {
        "main.tf": HEAD
        + """
locals {
  regions = { west = "us-west-2", recovery = "eu-${"central"}-1" }
  common  = { managed-by = "terraform" }
}
provider "aws" {
  region = "us-east-1"
  default_tags { tags = merge(local.common, { layer = "main" }) }
}
provider "aws" {
  alias  = "west"
  region = local.regions["west"]
}
provider "aws" {
  alias  = "recovery"
  region = local.regions.recovery
  default_tags { tags = { layer = "recovery" } }
}
resource "aws_instance" "here" {
  ami           = "ami-12c6146b"
  instance_type = "g5.xlarge"
}
resource "aws_instance" "there" {
  provider      = aws.recovery
  ami           = "ami-12c6146b"
  instance_type = "g5.xlarge"
  tags          = { layer = "own", at = data.aws_region.there.name }
}
data "aws_region" "there" { provider = aws.recovery }
data "aws_default_tags" "here" {}
resource "aws_autoscaling_group" "here" {
  name               = "here"
  min_size           = 0
  max_size           = 1
  availability_zones = ["us-east-1a"]
  launch_template { name = "elsewhere" }
  dynamic "tag" {
    for_each = data.aws_default_tags.here.tags
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}
module "cluster" {
  source = "./cluster"
  providers = {
    aws        = aws.west
    aws.backup = aws.recovery
  }
}
module "plain" {
  source = "./node"
  type   = "g5.xlarge"
}
""",
        "cluster/main.tf": """
terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.backup]
    }
  }
}
module "nodes" {
  source = "../node"
  type   = "g5.xlarge"
}
data "aws_region" "backup" { provider = aws.backup }
module "backup" {
  source    = "../node"
  type      = "g5.xlarge"
  tags      = { layer = "node", at = data.aws_region.backup.id }
  providers = { aws = aws.backup }
}
module "default_backup" {
  source    = "../node"
  type      = "g5.xlarge"
  providers = { aws = aws.backup }
}
""",
        "node/main.tf": NODE,
    }
    plan = planned(terraform, tmp_path, files)
    code = resources(tmp_path)

    assert contradictions(code, plan) == []
    assert {id: (r.region, r.tags) for id, r in code.items()} == {
        "aws_instance.here": ("us-east-1", {"managed-by": "terraform", "layer": "main"}),
        "aws_instance.there": ("eu-central-1", {"layer": "own", "at": "eu-central-1"}),
        "aws_autoscaling_group.here": ("us-east-1", {"managed-by": "terraform", "layer": "main"}),
        "module.plain.aws_instance.node": ("us-east-1", {"managed-by": "terraform", "layer": "main"}),
        "module.cluster.module.nodes.aws_instance.node": ("us-west-2", {}),
        "module.cluster.module.backup.aws_instance.node": ("eu-central-1", {"layer": "node", "at": "eu-central-1"}),
        "module.cluster.module.default_backup.aws_instance.node": ("eu-central-1", {"layer": "recovery"}),
    }


def test_dynamic_blocks_and_counts_of_zero(terraform: Terraform, tmp_path: Path) -> None:
    files = {
        "main.tf": HEAD
        + """
provider "aws" { region = "us-east-1" }
variable "burst" {
  type    = number
  default = 0
}
variable "enabled" {
  type    = bool
  default = false
}
locals {
  tags  = { project = "atlas", stage = "training" }
  types = ["g5.12xlarge", "p5.48xlarge"]
}
resource "aws_instance" "burst" {
  count         = var.burst
  ami           = "ami-12c6146b"
  instance_type = "p5.48xlarge"
}
resource "aws_instance" "switched" {
  count         = var.enabled ? 1 : 0
  ami           = "ami-12c6146b"
  instance_type = "p5.48xlarge"
}
resource "aws_instance" "none" {
  for_each      = {}
  ami           = "ami-12c6146b"
  instance_type = "p5.48xlarge"
}
resource "aws_launch_template" "gpu" {
  name          = "gpu"
  instance_type = "g5.xlarge"
  dynamic "instance_market_options" {
    for_each = var.burst == 0 ? [1] : []
    content { market_type = "spot" }
  }
  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])
    iterator = kind
    content {
      resource_type = kind.key
      tags          = merge(local.tags, { of = kind.value })
    }
  }
}
resource "aws_autoscaling_group" "gpu" {
  name               = "gpu"
  min_size           = 0
  max_size           = 4
  availability_zones = ["us-east-1a"]
  mixed_instances_policy {
    launch_template {
      launch_template_specification { launch_template_id = aws_launch_template.gpu.id }
      dynamic "override" {
        for_each = local.types
        content { instance_type = override.value }
      }
    }
  }
  tag {
    key                 = "fixed"
    value               = "yes"
    propagate_at_launch = true
  }
  dynamic "tag" {
    for_each = local.tags
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = tag.key == "project"
    }
  }
}
"""
    }
    plan = planned(terraform, tmp_path, files)
    code = resources(tmp_path)

    assert contradictions(code, plan) == []
    assert set(code) == {"aws_launch_template.gpu", "aws_autoscaling_group.gpu"}
    group = code["aws_autoscaling_group.gpu"]
    assert group.attributes["instance_types"] == ["g5.12xlarge", "p5.48xlarge"]
    assert group.attributes["delivered_tags"] == {
        "fixed": "yes",
        "of": "instance",
        "project": "atlas",
        "stage": "training",
    }


VALUES = (
    HEAD
    + """
provider "aws" { region = "us-east-1" }
variable "default" { default = "default" }
variable "tfvars" { default = "default" }
variable "json" { default = "default" }
variable "auto_a" { default = "default" }
variable "auto_b" { default = "default" }
variable "file" { default = "default" }
variable "option" { default = "default" }
variable "typed" {
  type = object({
    name = optional(string, "unnamed")
    size = optional(number)
    list = optional(list(string), ["x"])
  })
  default = {}
}
variable "numbers" {
  type    = map(string)
  default = { one = 1, yes = true, half = 0.5 }
}
variable "alike" {
  type    = map(any)
  default = { one = 1, text = "x" }
}
variable "objects" {
  type    = map(any)
  default = { a = { size = 1, name = "x" }, b = { size = 2, name = "y" } }
}
variable "never_null" {
  default  = "default"
  nullable = false
}
resource "aws_instance" "x" {
  ami           = "ami-12c6146b"
  instance_type = "g5.xlarge"
  tags = merge(var.numbers, {
    default = var.default, tfvars = var.tfvars, json = var.json, auto_a = var.auto_a, auto_b = var.auto_b
    file    = var.file, option = var.option, never_null = var.never_null, workspace = terraform.workspace
    typed   = jsonencode(var.typed), alike = jsonencode(var.alike), objects = jsonencode(var.objects)
  })
}
"""
)


def test_values_win_in_the_order_of_terraform(terraform: Terraform, tmp_path: Path) -> None:
    names = ["tfvars", "json", "auto_a", "auto_b", "file", "option"]
    written = "".join(f'{name} = "%s"\n' for name in names)
    document = json.dumps(dict.fromkeys(names[1:], "json"))
    workspace = terraform.workspace(write(tmp_path, {"main.tf": VALUES}))
    extra = {
        "terraform.tfvars": written.replace("%s", "tfvars") + "never_null = null\n",
        "terraform.tfvars.json": document,
        "a.auto.tfvars": "".join(f'{name} = "auto_a"\n' for name in names[2:]),
        "b.auto.tfvars.json": json.dumps(dict.fromkeys(names[3:], "auto_b") | {"typed": {"size": "3"}}),
        "prod.tfvars": 'file = "file"\noption = "file"\n',
    }
    write(workspace.folder, extra)
    write(tmp_path, extra)
    plan = of_plan(workspace.plan("-var-file=prod.tfvars", "-var=option=option"))

    code = resources(tmp_path, var_files=[tmp_path / "prod.tfvars"], variables=["option=option"])

    assert contradictions(code, plan) == []
    tags = code["aws_instance.x"].tags
    assert {name: tags[name] for name in ("default", *names)} == {name: name for name in ("default", *names)}
    assert tags["alike"] == '{"one":"1","text":"x"}'
    assert tags["objects"] == '{"a":{"name":"x","size":1},"b":{"name":"y","size":2}}'
    assert tags["typed"] == '{"list":["x"],"name":"unnamed","size":3}'
    assert (tags["half"], tags["yes"], tags["never_null"]) == ("0.5", "true", "default")


def test_the_workspace_is_the_one_that_is_named_or_selected(
    terraform: Terraform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = terraform.workspace(write(tmp_path, {"main.tf": VALUES}))
    workspace.init()
    workspace.run("workspace", "new", "staging")
    plan = of_plan(workspace.plan())

    def tag(**options: Any) -> str:
        return resources(workspace.folder, **options)["aws_instance.x"].tags["workspace"]

    assert contradictions(resources(workspace.folder), plan) == []
    assert tag() == "staging"
    assert tag(workspace="prod") == "prod"
    monkeypatch.setenv("TF_WORKSPACE", "other")
    assert tag() == "other"
    assert resources(tmp_path)["aws_instance.x"].tags["workspace"] == "other"
    monkeypatch.delenv("TF_WORKSPACE")
    assert resources(tmp_path)["aws_instance.x"].tags["workspace"] == "default"
