"""Nothing is invented: what code does not tell is unknown, with the reason, and so is all that is made of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.policy_folders import write
from governor.model import Gap
from sources.terraform_hcl.code import inventory, of

UNKNOWABLE = """
variable "size" { type = string }
variable "number" { type = number }
resource "terraform_data" "later" { input = "x" }
data "aws_region" "here" {}
"""


def expressions() -> st.SearchStrategy[str]:
    """Expressions over a variable that nobody gives a value, mixed with what is known."""
    leaves = st.sampled_from(
        ["var.size", "var.number", '"g5.xlarge"', '"p5"', "3", "0", "true", "null", "[]", '["a", "b"]', '{ a = "b" }']
    )
    return st.recursive(leaves, _larger, max_leaves=8)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one, two, three = inner, st.tuples(inner, inner), st.tuples(inner, inner, inner)
    return st.one_of(
        one.map(lambda a: f"[{a}]"),
        one.map(lambda a: f"{{ k = {a} }}"),
        one.map(lambda a: f'"x-${{{a}}}"'),
        one.map(lambda a: f"upper({a})"),
        one.map(lambda a: f"length({a})"),
        one.map(lambda a: f"keys({a})"),
        one.map(lambda a: f"({a}).k"),
        one.map(lambda a: f"({a})[0]"),
        one.map(lambda a: f"({a})[*]"),
        one.map(lambda a: f"toset({a})"),
        one.map(lambda a: f"[for x in {a} : x]"),
        one.map(lambda a: f"{{ for k, v in {a} : k => v }}"),
        one.map(lambda a: f'try({a}.zz, "fallback")'),
        one.map(lambda a: f"can({a})"),
        one.map(lambda a: f"!({a})"),
        two.map(lambda p: f"merge({p[0]}, {p[1]})"),
        two.map(lambda p: f"concat({p[0]}, {p[1]})"),
        two.map(lambda p: f"coalesce({p[0]}, {p[1]})"),
        two.map(lambda p: f"try({p[0]}, {p[1]})"),
        two.map(lambda p: f'lookup({p[0]}, "k", {p[1]})'),
        two.map(lambda p: f"contains({p[0]}, {p[1]})"),
        two.map(lambda p: f'format("%s-%s", {p[0]}, {p[1]})'),
        two.map(lambda p: f"({p[0]}) == ({p[1]})"),
        two.map(lambda p: f"({p[0]}) + ({p[1]})"),
        two.map(lambda p: f"({p[0]}) && ({p[1]})"),
        two.map(lambda p: f"element({p[0]}, {p[1]})"),
        three.map(lambda p: f"({p[0]}) ? ({p[1]}) : ({p[2]})"),
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=expressions(), values=st.sampled_from([("g5.xlarge", "0"), ("", "3"), ("true", "1"), ("p5", "17")]))
def test_what_is_said_without_a_value_holds_whatever_it_is(
    expression: str, values: tuple[str, str], tmp_path: Path
) -> None:
    """A fact that is stated although a variable has no value must be the same fact for every value of it."""
    text = f'{UNKNOWABLE}\nresource "aws_instance" "x" {{\n  tags = {{ it = {expression} }}\n}}'

    without = of(tmp_path, text)["aws_instance.x"]
    given = of(tmp_path, text, variables=[f"size={values[0]}", f"number={values[1]}"])["aws_instance.x"]

    if not {"tags", "tags.*", "tags.it"} & (without.unknown.keys() | given.unknown.keys()):
        assert without.tags == given.tags


@pytest.mark.parametrize(
    "expression",
    [
        'terraform_data.later.id == "x" ? "p5.48xlarge" : "t3.micro"',
        '"p${length(terraform_data.later.id)}"',
        "substr(terraform_data.later.id, 0, 3)",
        "data.aws_region.here.name",
        "timestamp()",
        "uuid()",
        '"${var.size}-large"',
        "var.size",
        "md5(terraform_data.later.id)",
        'try(terraform_data.later.output.type, "t3.micro")',
        'lookup({ a = terraform_data.later.id }, "a", "t3.micro")',
        'file("missing.txt")',
        "no_such_function()",
        "aws_instance.missing.instance_type",
        "var.missing",
        "local.round",
    ],
)
def test_a_value_that_code_does_not_tell_is_unknown_with_its_reason(expression: str, tmp_path: Path) -> None:
    round_and_round = "locals { round = local.round }"
    text = f'{UNKNOWABLE}\n{round_and_round}\nresource "aws_instance" "x" {{ instance_type = {expression} }}'

    found = of(tmp_path, text)["aws_instance.x"]

    assert "instance_type" not in found.attributes
    assert found.accelerator is None
    assert re.match(r"instance_type is (known after apply|not known: .+)", found.unknown["attributes.instance_type"])


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ("count = var.number", "its count is not known: var.number has no value (--var, --var-file)"),
        ("for_each = terraform_data.later.output", "its for_each is known after apply"),
        ("for_each = toset([terraform_data.later.id])", "its for_each is known after apply"),
        ("for_each = toset([data.aws_region.here.name])",
         "its for_each is not known: data.aws_region.here is read by Terraform only"),
    ],
)  # fmt: skip
def test_instances_that_cannot_be_counted_are_a_gap(meta: str, reason: str, tmp_path: Path) -> None:
    text = f'{UNKNOWABLE}\nresource "aws_instance" "x" {{\n  {meta}\n  instance_type = "p5.48xlarge"\n}}'

    found = inventory(write(tmp_path, {"main.tf": text}))

    assert found.resources == ()
    assert found.gaps == (Gap("aws_instance.x", f"{reason}: none of its instances was judged"),)


def test_blocks_that_cannot_be_counted_are_unknown(tmp_path: Path) -> None:
    text = (
        UNKNOWABLE
        + """
resource "aws_autoscaling_group" "x" {
  max_size = 1
  tag {
    key = "project"
    value = "atlas"
    propagate_at_launch = true
  }
  dynamic "tag" {
    for_each = terraform_data.later.output
    content {
      key = tag.key
      value = tag.value
      propagate_at_launch = true
    }
  }
}
"""
    )
    found = of(tmp_path, text)["aws_autoscaling_group.x"]

    assert found.tags == {}
    assert found.unknown["tags"] == "known after apply"


@pytest.mark.parametrize(
    ("files", "provider"),
    [
        ({"more.tf.json": '{"provider": {"aws": {"default_tags": {"tags": {"stage": "a"}}}}}'}, ""),
        ({}, "provider = aws.given_by_the_caller"),
    ],
)
def test_default_tags_of_a_provider_that_is_not_read_are_unknown(
    files: dict[str, str], provider: str, tmp_path: Path
) -> None:
    text = f'resource "aws_instance" "x" {{\n  {provider}\n  tags = {{ project = "atlas" }}\n}}'

    (found,) = inventory(write(tmp_path, {"main.tf": text, **files})).resources

    assert found.tags == {"project": "atlas"}
    assert "come from code that was not read" in found.unknown["tags.*"]
    assert "region" in found.unknown


def test_files_are_read_in_the_repository_only(tmp_path: Path) -> None:
    """Who writes the code also chooses what it reads, and a tag is shown."""
    paths = [
        "../shared/a.txt",
        "../../secret.txt",
        "link.txt",
        "../.git/config",
        str(tmp_path / "secret.txt"),
        "\\u0000",
    ]
    tags = "\n".join(f'    t{number} = file("{path}")' for number, path in enumerate(paths))
    text = f'resource "aws_instance" "x" {{\n  tags = {{\n{tags}\n  }}\n}}'
    write(
        tmp_path,
        {"secret.txt": "secret", "r/.git/config": "secret", "r/shared/a.txt": "shared", "r/root/main.tf": text},
    )
    (tmp_path / "r/root/link.txt").symlink_to(tmp_path / "secret.txt")

    (found,) = inventory(tmp_path / "r/root").resources

    assert found.tags == {"t0": "shared"} | {f"t{number}": "(not known)" for number in range(1, 6)}


def test_one_unknown_tag_hides_only_itself(tmp_path: Path) -> None:
    text = (
        UNKNOWABLE
        + """
locals { common = { owner-team = "nlp", stage = var.size } }
resource "aws_instance" "x" {
  instance_type = "p5.48xlarge"
  tags          = merge(local.common, { project = terraform_data.later.id })
}
"""
    )
    found = of(tmp_path, text)["aws_instance.x"]

    assert found.tags["owner-team"] == "nlp"
    assert found.unknown == {
        "tags.stage": "var.size has no value (--var, --var-file)",
        "tags.project": "known after apply",
        "region": "provider aws sets no region: it comes from AWS_REGION or a profile",
    } | {path: why for path, why in found.unknown.items() if path == "hourly_usd"}
