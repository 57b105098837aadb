"""Stories of `governor check FOLDER`: code in, the whole output and an exit code out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.conftest import Governor
from core.policy_folders import write

ROOT = {
    "main.tf": """\
variable "stage" {
  type = string
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { managed-by = "terraform" }
  }
}

module "trainer" {
  source   = "./modules/gpu"
  for_each = { "vis.1" = "p4d.24xlarge" }

  type = each.value
  tags = { owner-team = "nlp", stage = var.stage }
}
""",
    "modules/gpu/main.tf": """\
variable "type" { type = string }

variable "tags" { type = map(string) }

resource "aws_instance" "this" {
  count         = 2
  ami           = "ami-0abcdef1234567890"
  instance_type = var.type
  tags          = merge(var.tags, { index = count.index })
}
""",
}

SETTINGS = """\
policies: [builtin, policies]
levels:
  - {policies: "*", level: "off"}
  - {policies: TAG001, level: deny}
  - {policies: TAG002, level: warn}
"""
TAGS = """\
tags:
  stage: {values: [training, inference]}
  cost-budget-limit: null
  dataset: null
  experiment-id: null
  model: null
"""

SHOWN = """\
terraform code ., stage commit

OPEN  2 findings in 2 resources; on the right, what each costs
deny  TAG001  Paid resources carry every mandatory tag  high
  fix: Add the tag to the resource, or to the provider's default_tags. data.yaml says who must carry what.
  module.trainer["vis.1"].aws_instance.this[0]  lacks the tag "project"                                         $21.96/h
  modules/gpu/main.tf:5
  in module call main.tf:13
  module.trainer["vis.1"].aws_instance.this[1]  lacks the tag "project"                                         $21.96/h
  modules/gpu/main.tf:5
  in module call main.tf:13

UNDETERMINED  cannot be told yet
deny  TAG001  Paid resources carry every mandatory tag  high
  module.trainer["vis.1"].aws_instance.this[0]  lacks experiment-id, dataset, mandatory unless its stage        $21.96/h
  modules/gpu/main.tf:5                         excuses it
  in module call main.tf:13                     unknown: var.stage has no value (--var, --var-file)
  module.trainer["vis.1"].aws_instance.this[1]  lacks experiment-id, dataset, mandatory unless its stage        $21.96/h
  modules/gpu/main.tf:5                         excuses it
  in module call main.tf:13                     unknown: var.stage has no value (--var, --var-file)

warn  TAG002  Tags have an allowed value  medium
  module.trainer["vis.1"].aws_instance.this[0]  has the value "(not known)" in its tag "stage": allowed is      $21.96/h
  modules/gpu/main.tf:5                         training, inference
  in module call main.tf:13                     unknown: var.stage has no value (--var, --var-file)
  module.trainer["vis.1"].aws_instance.this[1]  has the value "(not known)" in its tag "stage": allowed is      $21.96/h
  modules/gpu/main.tf:5                         training, inference
  in module call main.tf:13                     unknown: var.stage has no value (--var, --var-file)

Does not pass: 2 findings at level deny.
$43.92/h at stake in 2 resources of $43.92/h judged
2 open, 0 exempt, 4 undetermined – 2 resources, 2 policies, 0 gaps
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return write(tmp_path, {**ROOT, "governor.yaml": SETTINGS, "policies/tagging/data.yaml": TAGS})


def test_code_is_judged_before_any_plan(governor: Governor, code: Path) -> None:
    run = governor("check", ".")

    assert (run.code, run.out, run.err) == (1, SHOWN, "")


@pytest.mark.parametrize(
    ("arguments", "footer"),
    [
        (["."], "2 open, 0 exempt, 4 undetermined – 2 resources, 2 policies, 0 gaps"),
        ([".", "--var", "stage=inference"], "2 open, 0 exempt, 0 undetermined – 2 resources, 2 policies, 0 gaps"),
        ([".", "--var", "stage=play"], "4 open, 0 exempt, 0 undetermined – 2 resources, 2 policies, 0 gaps"),
        ([".", "--var-file", "play.tfvars"], "4 open, 0 exempt, 0 undetermined – 2 resources, 2 policies, 0 gaps"),
        ([".", "--var-file", "play.tfvars", "--var", "stage=training"],
         "2 open, 0 exempt, 0 undetermined – 2 resources, 2 policies, 0 gaps"),
        (["modules/gpu"], "0 open, 0 exempt, 8 undetermined – 2 resources, 2 policies, 0 gaps"),
        ([".", "--stage", "plan"], "2 open, 0 exempt, 4 undetermined – 2 resources, 2 policies, 0 gaps"),
    ],
)  # fmt: skip
def test_values_of_variables_decide(governor: Governor, code: Path, arguments: list[str], footer: str) -> None:
    write(code, {"play.tfvars": 'stage = "play"\n'})

    run = governor("check", *arguments, "-q")

    assert (run.out, run.err) == (f"{footer}\n", "")


def test_values_of_the_environment_are_not_read(
    governor: Governor, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_VAR_stage", "play")

    assert governor("check", ".").out == SHOWN


@pytest.mark.parametrize(
    ("files", "arguments", "code", "told"),
    [
        ({"main.tf": 'resource "aws_instance" "x" {\n  ami = \n}\n'}, ["."], 3, "main.tf:2: this is not HCL: mend it"),
        ({"a.tf": "locals { a = 1 }\n", "b.tf": 'module "x" {\n  source = "./m"\n'}, ["."], 3, "b.tf:3: } is missing"),
        ({"main.tf": 'module "m" { source = "./m" }\n', "m/x.tf": "what is this"}, ["."], 3,
         "m/x.tf:1: this is not HCL"),
        ({"main.tf": ""}, ["gone.tf"], 2, "gone.tf: no such file or folder"),
        ({"README.md": ""}, ["."], 2, ".: no Terraform code (*.tf) and no manifest (*.yaml) lies in this folder or"),
        ({"main.tf": ""}, [".", "--source", "."], 2, "--source is for plans: all else knows its files and lines"),
        ({"main.tf": ""}, [".", "--var", "x=1"], 2, "--var x: the code has no variable of that name"),
        ({"main.tf": 'variable "x" {}'}, [".", "--var", "x"], 2, "--var x gives no value: write NAME=VALUE"),
        ({"main.tf": 'variable "x" { type = list(string) }'}, [".", "--var", "x=[var.y]"], 2,
         '--var x: its value is no literal: write it as in a file of values, ["a"] or {a = 1}'),
        ({"main.tf": ""}, [".", "--var-file", "no.tfvars"], 2, "no.tfvars: cannot be read (No such file or directory)"),
        ({"main.tf": "", "bad.tfvars": "x = ["}, [".", "--var-file", "bad.tfvars"], 3, "bad.tfvars:1: "),
        ({"main.tf": "", "terraform.tfvars.json": "{\n  x"}, ["."], 3, "terraform.tfvars.json:2: this is not JSON"),
        ({"main.tf": "", "terraform.tfvars.json": "[]"}, ["."], 3, "terraform.tfvars.json: values are an object"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_line(
    governor: Governor, tmp_path: Path, files: dict[str, str], arguments: list[str], code: int, told: str
) -> None:
    write(tmp_path, files)

    run = governor("check", *arguments)

    assert (run.code, run.out) == (code, "")
    assert run.err.startswith(f"governor: {told}")
    assert run.err.count("\n") == 1


def test_what_is_not_at_hand_is_a_gap(governor: Governor, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "main.tf": """
module "vendor" {
  source  = "acme/gpu/aws"
  version = "1.0.0"
}
module "moved" { source = "./gone" }
module "private" { source = "git::https://user:hunter2@example.com/gpu.git?sshkey=hunter2" }
resource "aws_instance" "x" {
  count         = module.vendor.nodes
  instance_type = "p5.48xlarge"
}
""",
            "generated.tf.json": "{}",
        },
    )

    run = governor("check", ".", "--strict")

    assert run.code == 3
    assert (
        run.out
        == """\
terraform code ., stage commit

GAPS  not read, or not believed
generated.tf.json
  code in JSON syntax is not read, so nothing in it was judged
module.vendor
  its source acme/gpu/aws is not on this disk (run terraform init), so nothing in it was judged
module.moved
  its source ./gone is not on this disk (there is no such folder), so nothing in it was judged
module.private
  its source git::https://example.com/gpu.git is not on this disk (run terraform init), so nothing in it was judged
aws_instance.x
  its count is not known: its source acme/gpu/aws is not on this disk (run terraform init): none of its instances was
  judged

Could not judge everything, which this run insists on (strict).
0 open, 0 exempt, 0 undetermined – 0 resources, 17 policies, 5 gaps
"""
    )


GPU = 'resource "aws_instance" "x" { instance_type = "p5.48xlarge" }\n'


def test_a_module_that_terraform_installed_is_read(governor: Governor, tmp_path: Path) -> None:
    modules = {"Modules": [{"Key": "", "Dir": "."}, {"Key": "vendor", "Dir": ".terraform/modules/vendor"},
                           {"Key": "vendor.inner", "Dir": ".terraform/modules/vendor/inner"}]}  # fmt: skip
    write(
        tmp_path,
        {
            "main.tf": 'module "vendor" {\n  source = "acme/gpu/aws"\n}\n',
            ".terraform/modules/modules.json": json.dumps(modules),
            ".terraform/modules/vendor/main.tf": 'module "inner" { source = "acme/inner/aws" }\n',
            ".terraform/modules/vendor/inner/main.tf": GPU,
        },
    )

    report = json.loads(governor("check", ".", "-f", "json").out)

    assert report["gaps"] == []
    assert {finding["resource"] for finding in report["findings"]} == {"module.vendor.module.inner.aws_instance.x"}
    assert report["findings"][0]["origin"] == {
        "file": ".terraform/modules/vendor/inner/main.tf", "line": 1, "module_call": "main.tf:1",
    }  # fmt: skip


KEY = "sk-proj-" + "Zk3vT9qLm2XwB7nR4sYd8HcJ1"
"""Put together here, so that no scanner takes this file for a leak."""

KEYS = f"""
variable "key" {{
  default   = "{KEY}1"
  sensitive = true
}}
variable "given" {{}}
locals {{
  headers = {{ authorization = "Bearer {KEY}2" }}
}}
provider "openai" {{
  api_key = "{KEY}3"
}}
resource "aws_lambda_function" "in_the_open" {{
  environment {{ variables = {{ OPENAI_API_KEY = "{KEY}4" }} }}
}}
resource "aws_lambda_function" "through_a_variable" {{
  environment {{ variables = {{ OPENAI_API_KEY = var.key }} }}
}}
resource "aws_instance" "in_a_script" {{
  user_data = <<-EOT
    #!/bin/sh
    export BUCKET=${{aws_s3_bucket.x.id}} OPENAI_API_KEY={KEY}5
  EOT
}}
resource "aws_instance" "switched_off" {{
  count     = 0
  user_data = "OPENAI_API_KEY={KEY}6"
}}
resource "aws_instance" "uncounted" {{
  count     = var.given
  user_data = "OPENAI_API_KEY={KEY}7"
}}
module "chat" {{
  source = "nowhere/chat/aws"
  token  = "{KEY}8"
}}
output "key" {{ value = "{KEY}9" }}
resource "aws_s3_bucket" "x" {{ bucket = "x" }}
"""


@pytest.mark.parametrize("name", ["table", "json", "sarif", "markdown"])
def test_keys_in_code_are_found_and_never_shown(governor: Governor, tmp_path: Path, name: str) -> None:
    write(tmp_path, {"main.tf": KEYS, "terraform.tfvars": f'given = "{KEY}0"\n'})

    run = governor("check", ".", "-f", name, "-v")

    assert run.code == 1
    assert KEY not in run.out + run.err
    assert KEY[8:] not in run.out + run.err


def test_every_place_of_a_key_is_named(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"main.tf": KEYS, "terraform.tfvars": f'given = "{KEY}0"\n'})

    report = json.loads(governor("check", ".", "-f", "json").out)

    found = [f for f in report["findings"] if f["policy"] == "KEY003"]
    assert {(f["resource"], f["attribute"].removeprefix("attributes.ai_keys.")) for f in found} == {
        ("var.key", "default"),
        ("var.given", "terraform.tfvars:1"),
        ("local.headers", "authorization"),
        ("provider.openai", "api_key"),
        ("aws_lambda_function.in_the_open", "environment.0.variables.OPENAI_API_KEY"),
        ("aws_lambda_function.through_a_variable", "environment.0.variables.OPENAI_API_KEY"),
        ("aws_instance.in_a_script", "user_data"),
        ("aws_instance.switched_off", "user_data"),
        ("aws_instance.uncounted", "user_data"),
        ("module.chat", "token"),
        ("output.key", "key"),
    }
    lines = {f["resource"]: f["origin"]["line"] for f in found}
    assert (lines["var.key"], lines["local.headers"], lines["aws_instance.switched_off"]) == (2, 8, 25)


def test_sensitive_values_are_withheld(governor: Governor, tmp_path: Path) -> None:
    secret = "hunter2-is-what-nobody-may-print"
    text = f"""
variable "secret" {{
  default   = "{secret}"
  sensitive = true
}}
locals {{ suffix = "of-${{var.secret}}" }}
module "m" {{
  source = "./m"
  owner  = var.secret
}}
resource "aws_instance" "x" {{
  instance_type = "p5.48xlarge"
  tags          = {{ project = var.secret, stage = local.suffix, owner-team = sensitive("{secret}-2"), model = "open" }}
}}
resource "aws_instance" "whole" {{
  instance_type = "p5.48xlarge"
  tags          = sensitive({{ project = "{secret}-3" }})
}}
resource "aws_instance" "type" {{ instance_type = sensitive("p4d.24xlarge") }}
resource "aws_instance" "named_after_it" {{ for_each = toset([var.secret]) }}
resource "aws_instance" "no_such_key" {{ instance_type = {{ a = 1 }}[var.secret] }}
"""
    module = """
variable "owner" {}
resource "aws_instance" "y" {
  instance_type = "p5.48xlarge"
  tags          = { stage = upper(var.owner) }
}
"""
    write(tmp_path, {"main.tf": text, "m/main.tf": module})

    for name in ("table", "json", "sarif", "markdown"):
        run = governor("check", ".", "-f", name, "-v")
        assert secret not in run.out + run.err
        assert secret.upper() not in run.out + run.err
        assert "p4d" not in run.out

    report = json.loads(governor("check", ".", "-f", "json").out)
    assert [gap["place"] for gap in report["gaps"]] == ["aws_instance.named_after_it"]
    about = {(f["resource"], f["attribute"]): f["state"] for f in report["findings"] if f["policy"] == "TAG001"}
    assert about["aws_instance.x", "tags.cost-budget-limit"] == "open"
    assert ("aws_instance.x", "tags.project") not in about
    assert ("aws_instance.whole", "tags.project") not in about, "it has the tag; only its value is withheld"
