"""Whatever stands in a file, reading it ends in facts or in one line that says what is wrong, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.policy_folders import write
from governor.errors import Refusal
from real_terraform import EXAMPLES, TRAP_PLANS
from sources.terraform_hcl.code import inventory, of, resources

SOURCES = [
    (EXAMPLES / "main.tf").read_text(),
    (EXAMPLES / "serving.tf").read_text(),
    (TRAP_PLANS / "tags" / "main.tf").read_text(),
    (TRAP_PLANS / "capacity" / "main.tf").read_text(),
    (TRAP_PLANS / "providers" / "main.tf").read_text(),
]
PIECES = [
    "{", "}", "[", "]", "(", ")", '"', "${", "%{", "<<EOT\n", "=", ",", ".", "*", "?", ":", "...", "null", "true", "-1",
    "99999999999999999999", "1.5", "var.x", "local.x", "each.value", "count.index", "module.x.y", "self.id", "each.key",
    "dynamic", "content", "for_each", "count", "provider", "aws.west", "tags", "terraform.workspace", "\\", "\x00", "é",
    "resource", 'for_each = toset(["a"])\n', "count = 3\n", "tags = null\n", "tags = 5\n", "instance_type = [1]\n",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real file with a few words taken out, doubled, or put in."""
    words = draw(st.sampled_from(SOURCES)).split(" ")
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(words) - 1))
        deed = draw(st.sampled_from(["out", "double", "in", "swap", "cut"]))
        if deed == "out" and len(words) > 1:
            del words[place]
        elif deed == "double":
            words.insert(place, words[place])
        elif deed == "in":
            words.insert(place, draw(st.sampled_from(PIECES)))
        elif deed == "swap":
            other = draw(st.integers(0, len(words) - 1))
            words[place], words[other] = words[other], words[place]
        elif deed == "cut":
            words = words[place:] or words
    return " ".join(words)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=mutated())
def test_mutated_code_is_read_or_refused(text: str, tmp_path: Path) -> None:
    write(tmp_path, {"main.tf": text})
    told = refusal_of(tmp_path)

    assert told is None or (told.code == 3 and told.place.rpartition(":")[2].isdigit() and "\n" not in str(told))


def refusal_of(folder: Path) -> Refusal | None:
    """What is said of code that cannot be read; None when it can."""
    try:
        inventory(folder)
    except Refusal as refusal:
        return refusal
    return None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_code_are_read_or_refused(data: bytes, tmp_path: Path) -> None:
    for name in ("terraform.tfvars", "terraform.tfvars.json", "main.tf"):
        write(tmp_path, {"main.tf": 'variable "x" {}'})
        (tmp_path / name).write_bytes(data)
        told = refusal_of(tmp_path)
        assert told is None or told.code == 3
        (tmp_path / name).unlink()


TWICE = "".join(f"  x{n + 1} = [local.x{n}, local.x{n}]\n" for n in range(60))
LOUDER = "".join(f'  x{n + 1} = "${{local.x{n}}}${{local.x{n}}}"\n' for n in range(60))
USED = 'resource "aws_instance" "x" { tags = { a = local.a } }'


SQUARED = "".join(f"  x{n + 1} = local.x{n} * local.x{n}\n" for n in range(60))
MANY = 'many = flatten([for x in range(100) : [for y in range(1000) : "${x}-${y}"]])'


def _nested(depth: int) -> str:
    """A thousand times as many elements with each level."""
    return f"[for x{depth} in range(1024) : {_nested(depth - 1) if depth else 1}]"


def _handed_on(depth: int) -> str:
    """Twice as many elements with each level."""
    text = f"v{depth}"
    for level in range(depth, 0, -1):
        text = f"[for v{level} in [[v{level - 1}, v{level - 1}]] : {text}][0]"
    return f"[for v0 in [1] : {text}]"


def _replaced(depth: int) -> str:
    """A hundred times as much text with each level."""
    return f'replace({_replaced(depth - 1)}, "a", "{"a" * 100}")' if depth else f'"{"a" * 100}"'


@pytest.mark.parametrize(
    "text",
    [
        'module "me" { source = "./" }',
        'module "me" {\n  source = "./"\n  count = 3\n}',
        "locals {\n  a = local.b\n  b = local.a\n}\n" + USED,
        f"locals {{\n{TWICE}  x0 = 1\n  a = length(flatten(local.x60))\n}}\n{USED}",
        f'locals {{\n{LOUDER}  x0 = "ha"\n  a = local.x60\n}}\n{USED}',
        "locals { a = " + "[" * 400 + "]" * 400 + " }\n" + USED,
        "locals { a = " + "-" * 900 + "1 }\n" + USED,
        "locals { a = [for x in range(1024) : [for y in range(1024) : x]] }\n" + USED,
        'resource "aws_instance" "x" { count = length(aws_instance.x) }',
        'resource "aws_instance" "x" {\n  for_each = aws_instance.x\n  instance_type = each.value.instance_type\n}',
        'resource "aws_instance" "x" { count = 99999999999 }',
        'resource "aws_instance" "x" { count = -1 }',
        'resource "aws_instance" "x" {\n  dynamic "tag" {\n    for_each = range(999)\n    content { key = 1 }\n  }\n}',
        'provider "aws" { region = aws_instance.x.region }\n' + USED,
        'resource "aws_instance" "x" {\n  lifecycle { enabled = var.x }\n}',
        'variable "x" { type = object({ a = list(object({ b = optional(string, "c") })) }) }',
        f"locals {{ a = {_nested(3)} }}\n{USED}",
        f'variable "x" {{ default = {_nested(3)} }}\n{USED}',
        f"locals {{ a = {_handed_on(40)} }}\n{USED}",
        USED.replace("local.a", _handed_on(40)),
        f"locals {{ a = {_replaced(6)} }}\n{USED}",
        f"locals {{ {MANY}\n  a = length(distinct(local.many)) }}\n{USED}",
        f'locals {{ {MANY}\n  a = length([for x in local.many : x if contains(local.many, "-")]) }}\n{USED}',
        f"locals {{ {MANY}\n  a = length(setintersection(local.many, local.many)) }}\n{USED}",
        f"locals {{\n{SQUARED}  x0 = 99999\n  a = local.x60\n}}\n{USED}",
        f'locals {{ a = regex("(a+)+b", "{"a" * 60}") }}\n{USED}',
        f'locals {{ a = replace("{"a" * 3000}", "/a*a*a*a*b/", "") }}\n{USED}',
        f'locals {{ a = regex("{"a?" * 30}{"a" * 30}", "{"a" * 30}") }}\n{USED}',
        'resource "aws_instance" "x" { tags = { n = tonumber("1e999999999"), m = 999999999999 * 999999999999 } }',
    ],
)
def test_code_that_leads_nowhere_ends(text: str, tmp_path: Path) -> None:
    found = inventory(write(tmp_path, {"main.tf": text}))

    assert found.resources == () or found.resources[0].id.startswith("aws_instance.x")


def test_a_module_that_calls_itself_is_a_gap(tmp_path: Path) -> None:
    found = inventory(write(tmp_path, {"main.tf": 'module "me" { source = "./" }\n'}))

    assert [gap.reason for gap in found.gaps] == [
        "modules lie more than 20 deep in one another, so nothing in it was judged"
    ]


MAIN = 'resource "aws_instance" "x" {\n  instance_type = "t3.micro"\n  tags = { project = "atlas" }\n}\n'
OVERRIDE = """
resource "aws_instance" "x" {
  instance_type = "p5.48xlarge"
  instance_market_options { market_type = "spot" }
}
"""


def test_blocks_without_end_are_refused(tmp_path: Path) -> None:
    told = refusal_of(write(tmp_path, {"main.tf": "a {" * 2000 + "}" * 2000}))

    assert told is not None
    assert (told.message, told.code) == ("its blocks are nested too deeply for code", 3)


def test_override_files_have_the_last_word(tmp_path: Path) -> None:
    found = resources(write(tmp_path, {"a_override.tf": OVERRIDE, "main.tf": MAIN}))["aws_instance.x"]

    assert (found.attributes["instance_type"], found.purchase) == ("p5.48xlarge", "spot")
    assert found.tags == {"project": "atlas"}


def test_override_files_change_providers(tmp_path: Path) -> None:
    provider = 'provider "aws" {\n  region = "us-east-1"\n  default_tags { tags = { stage = "a" } }\n}\n'
    files = {"main.tf": MAIN + provider, "override.tf": 'provider "aws" { region = "eu-west-1" }\n'}

    found = resources(write(tmp_path, files))["aws_instance.x"]

    assert (found.region, found.tags) == ("eu-west-1", {"project": "atlas", "stage": "a"})


def test_what_terraform_refuses_to_have_twice_is_a_gap(tmp_path: Path) -> None:
    found = inventory(write(tmp_path, {"a.tf": MAIN + MAIN, "b.tf": 'resource "aws_instance" {}\n'}))

    assert [resource.id for resource in found.resources] == ["aws_instance.x"]
    assert [(Path(gap.place).name, gap.reason) for gap in found.gaps] == [
        ("a.tf:5", "it stands twice, and Terraform refuses that: only the first was judged"),
        ("b.tf:1", "Terraform wants 2 labels here, so it was not judged"),
    ]


def test_exponents_are_numbers(tmp_path: Path) -> None:
    text = 'resource "aws_ebs_volume" "x" {\n  count = 2e0\n  size  = 1E3\n  tags  = { a = "1e3 ${1e3}" }\n}\n'

    found = of(tmp_path, text)

    assert {id: volume.tags for id, volume in found.items()} == {
        f"aws_ebs_volume.x[{n}]": {"a": "1e3 1000"} for n in range(2)
    }


def test_a_file_with_a_mark_and_line_ends_of_windows(tmp_path: Path) -> None:
    text = '\ufeffresource "aws_instance" "x" {\r\n  instance_type = "p5.48xlarge"\r\n}\r\n'

    assert of(tmp_path, text)["aws_instance.x"].attributes["instance_type"] == "p5.48xlarge"
