"""Expressions mean here what they mean to Terraform: compared with what a real one computes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from core.policy_folders import write
from governor.sources.terraform_hcl.expressions import nowhere
from governor.sources.terraform_hcl.functions import FUNCTIONS, STRUCTURAL
from governor.sources.terraform_hcl.syntax import File
from governor.sources.terraform_hcl.values import plain, unknown_in, unmarked
from real_terraform import Terraform

ON_ONE_LINE = """
1 + 2 * 3
(1 + 2) * 3
10 / 4
7 % 3
-7 % 3
-(3)
"5" + 1
"5" == 5
1 == 1.0
true == "true"
null == null
"a" == null
!true || true && false
1 < 2 ? "yes" : "no"
true ? 1 : "x"
true ? "x" : 1
false ? 1 : true ? 2 : 3
"a${1 + 1}b${true}"
"${1.5}"
"tab\\tquote\\"back\\\\slash\\u00e9"
"$${not} %%{this}"
"$plain %plain"
[1, "a", true, null]
{ a = 1, "b" = 2, ("c") = 3, (1) = 4 }
{ a : 1 }
{ a = 1 }.a
{ a = { b = [1, 2] } }.a.b[1]
{ a = 1 }["a"]
[1, 2, 3][1]
[1, 2][true ? 1 : 0]
[{ a = 1 }, { a = 2 }][*].a
[[1], [2]][*][0]
"x"[*]
null[*]
[for x in [1, 2, 3] : x * 2 if x != 2]
[for k, v in { b = 1, a = 2 } : "${k}${v}"]
[for i, v in ["a", "b"] : i]
{ for k, v in { a = 1, b = 2 } : upper(k) => v }
{ for x in ["a", "b", "a"] : x => 1... }
[for x in toset(["b", "a", "b"]) : x]
abs(-3)
alltrue([true, "true"])
alltrue([])
anytrue([false, true])
anytrue([])
base64decode("YQ==")
base64encode("a")
ceil(1.2)
ceil(-1.2)
chomp("a\\n")
coalesce(null, "", "b")
coalesce(1, 2)
coalescelist([], ["a"])
compact(["a", "", "b"])
concat(["a"], ["b", 1])
contains(["a", "b"], "b")
contains(["a"], "c")
distinct(["a", "b", "a"])
element(["a", "b"], 3)
endswith("abc", "bc")
flatten([["a", ["b"]], [], ["c"]])
floor(-1.5)
format("%s-%03d-%d%%", "a", 7, 12)
format("%v", true)
format("%5s|", "ab")
formatlist("%s.%s", ["a", "b"], "z")
index(["a", "b"], "b")
join("-", ["a", "b"], ["c"])
jsondecode("{\\"a\\": [1, 2.5, null]}")
jsonencode({ b = [1, true, null, "<&>"], a = "x" })
keys({ b = 1, a = 2 })
length("abc")
length(["a"])
length({ a = 1 })
length(toset(["a", "a"]))
lookup({ a = "b" }, "a", "z")
lookup({ a = "b" }, "c", "z")
lower("ABC")
max(1, 3, 2)
md5("a")
merge({ a = 1 }, { b = 2 }, { a = 3 })
merge({ a = 1 }, null)
min(4, 2.5)
one(["a"])
one([])
parseint("ff", 16)
range(3)
range(1, 4)
range(0, 10, 5)
range(3, 0)
regex("[a-z]+", "12ab34")
regex("(\\\\d+)-(\\\\d+)", "10-20")
regexall("[a-z]", "a1b2")
replace("a.b.c", ".", "-")
replace("p5.48xlarge", "/[.].*/", "")
reverse(["a", "b"])
setintersection(["a", "b"], ["b", "c"])
setsubtract(["a", "b"], ["b"])
setunion(["b"], ["a"])
sha1("a")
sha256("a")
slice(["a", "b", "c"], 1, 2)
sort(["b", "a", "C"])
split(",", "a,b,,c")
startswith("abc", "ab")
strcontains("abc", "b")
substr("hello", 1, 3)
substr("hello", -3, -1)
substr("hello", 1, -1)
sum([1, 2.5])
title("hello wide world")
tobool("true")
tolist(["a", "b"])
tomap({ a = 1 })
tonumber("1.50")
toset(["b", "a", "b"])
tostring(1.5)
trim("?!a?!", "!?")
trimprefix("abcd", "ab")
trimspace("  a b\\n")
trimsuffix("abcd", "cd")
try({ a = 1 }.b, "fallback")
try([1][3], 2)
can({ a = 1 }.b)
can({ a = 1 }.a)
upper("abc")
values({ b = 1, a = 2 })
zipmap(["b", "a"], [1, 2])
nonsensitive(sensitive("a"))
1.50
1e3
[1E3, 2.5e-2, "1e3 ${1e2}"]
100000000000000000000
"""

EXPRESSIONS = [
    *ON_ONE_LINE.strip().splitlines(),
    '<<EOT\nhello\n  "quoted" $HOME $${x} \\n\nEOT\n',
    "<<-EOT\n    hello\n      ${1 + 1} more\n    EOT\n",
    '<<-EOT\n  ${"a"}\n    b\n\n  c\n  EOT\n',
    "<<EOT\nEOT\n",
    "{ a = <<EOT\nx\nEOT\n  b = 1 }",
]


STRANGE = [
    *r"""
"e\u0301"
"${"e"}${"\u0301"}"
[for c in ["e\u0301"] : length(c)]
length("👨‍👩‍👧")
length(1)
"$$${1}"
"%${1}$%${2}"
"x${-0}"
"${0 * -1}"
"${-7 % 7}"
"${ceil(-0.5)}"
"${1e20}"
1e100
1e400
0.1 + 0.2
0.01 * 100 - 1
3 % 0.01
1 / 3 == 2 / 6
1 / 3 * 3
tonumber(" 1")
tonumber("1e999999999")
tonumber("0x1F")
tonumber("-0")
title("x'y z_a 1b")
substr("null", -1, 0)
replace("abc", "/b*/", "x")
replace("a.b.c", "/[.]/", "-")
regexall("[^.]*", "a..b")
regexall("(a)(b)?", "abaa")
parseint("0xff", 16)
parseint("1_0", 10)
format("%v", 1000000)
format("%v", 0.00001)
format("%v", 123456.5)
format("%5s", "é")
lookup(tomap({ a = "x" }), "b", 1)
lookup({ a = "x", b = 2 }, "c", 1)
jsonencode("\u2028")
jsonencode(1 / 3)
jsonencode(0.000001)
jsonencode(123456789.123456789)
jsondecode("\"e\\u0301\"")
jsondecode("\"\\ud800\"")
jsondecode("0.1000000000000000000001")
jsondecode("1e999")
setunion(compact([]), [2, 3])
"x"[*][*]
[{ b = [{ c = 1 }, { c = 2 }] }, { b = [] }][*].b[*].c
""".strip().splitlines(),
    "<<-EOT\n      \n    x\n   \n  EOT\n",
    "<<-EOT\n  ${1}\n \n  b\n  EOT\n",
]
"""Where Go counts, rounds or writes in another way than Python: the same, or not known."""


def evaluated(expression: str) -> Any:
    """(known, value) of an expression here."""
    attribute = File("main.tf", f"value = {expression}\n".encode()).body().attributes["value"]
    value = unmarked(attribute.expression.value(nowhere()))[0]
    return (False, None) if unknown_in(value) else (True, plain(value))


def by_terraform(terraform: Terraform, folder: Path, expressions: list[str]) -> list[Any]:
    """What Terraform computes; None where it refuses or cannot say, else the value in a list."""
    text = "".join(
        f'output "o{number}" {{\n  value = try(jsonencode([{expression}]), "null")\n}}\n'
        for number, expression in enumerate(expressions)
    )
    plan = json.loads(terraform.make_plan(write(folder, {"main.tf": text})))
    outputs = plan["output_changes"]
    return [json.loads(outputs[f"o{number}"].get("after", "null")) for number in range(len(expressions))]


def written(value: Any) -> str:
    """A value with its types: true is not 1, but 1.0 is."""
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return str({key: written(part) for key, part in sorted(value.items())})
    return repr(float(value) if type(value) is int else value)


def test_every_function_is_compared() -> None:
    listed = "\n".join(EXPRESSIONS)

    assert [name for name in (*FUNCTIONS, *STRUCTURAL) if f"{name}(" not in listed] == []


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
def test_expressions_are_what_terraform_makes_of_them(terraform: Terraform, tmp_path: Path) -> None:
    wrong, silent = [], []
    compared = [*EXPRESSIONS, *STRANGE]
    for expression, theirs in zip(compared, by_terraform(terraform, tmp_path, compared), strict=True):
        known, ours = evaluated(expression)
        if not known:
            silent.append(expression)
        elif theirs is None or written(theirs) != written([ours]):
            wrong.append((expression, ours, theirs))

    assert wrong == []
    silent = [expression for expression in silent if expression not in STRANGE]
    assert silent == ["100000000000000000000"], "numbers that long have no place in a fact"


OPERATORS = ["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "&&", "||"]


def _random_expression(rng: random.Random, depth: int) -> str:
    leaves = ['"a"', '"b-1"', '""', '"e\\u0301"', '"a.b,c d\'e"', '"1e3"', "1e3", "0.1", "1234567", "[for x in [] : x]",
              "0", "2", "1.5", "-3", "true", "false", "null", '["a", "b"]', "[]",
              '{ a = 1, b = "x" }', '"5"', '"true"', "[1, 2]", "{}", '[["a"], []]', 'toset(["b", "a"])']  # fmt: skip
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(leaves)

    def inner() -> str:
        return _random_expression(rng, depth - 1)

    forms = [
        lambda: f"({inner()}) {rng.choice(OPERATORS)} ({inner()})",
        lambda: f"({inner()}) ? ({inner()}) : ({inner()})",
        lambda: f'"${{{inner()}}}-${{{inner()}}}"',
        lambda: f"[{inner()}, {inner()}]",
        lambda: f"{{ a = {inner()}, c = {inner()} }}",
        lambda: f"({inner()}).a",
        lambda: f"({inner()})[{inner()}]",
        lambda: f"({inner()})[*]",
        lambda: f"({inner()})[*][*]",
        lambda: f"({inner()})[*].a[*]",
        lambda: f'format("%{rng.choice(["s", "v", "d", "5s", "03d", "%"])}", {inner()})',
        lambda: f'{rng.choice(["regex", "regexall"])}("{rng.choice(["[a-z]+", "a|b?", "(.)(b)?", "x*"])}", {inner()})',
        lambda: f'replace({inner()}, "/{rng.choice(["[^a-z]", "^.", "b$", "a*"])}/", {inner()})',
        lambda: f"substr({inner()}, {rng.randint(-3, 3)}, {rng.randint(-1, 3)})",
        lambda: f"{{ for x in {inner()} : x => x... }}",
        lambda: f"[for x in {inner()} : x]",
        lambda: f"[for k, v in {inner()} : k]",
        lambda: f"{{ for k, v in {inner()} : k => v }}",
        lambda: f"try({inner()}, {inner()})",
        lambda: f"can({inner()})",
        lambda: f"!({inner()})",
        lambda: f"-({inner()})",
        lambda: f"{rng.choice(sorted(FUNCTIONS.keys() | STRUCTURAL.keys()))}({inner()})",
        lambda: f"{rng.choice(sorted(FUNCTIONS.keys() | STRUCTURAL.keys()))}({inner()}, {inner()})",
        lambda: f"{rng.choice(['slice', 'substr', 'replace', 'lookup', 'range'])}({inner()}, {inner()}, {inner()})",
    ]  # fmt: skip
    return rng.choice(forms)()


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
def test_random_expressions_are_never_something_else(terraform: Terraform, tmp_path: Path) -> None:
    """Whatever is stated here, Terraform states as well: thousands of expressions, most of them strange."""
    rng = random.Random(20261124)
    expressions = list(dict.fromkeys(_random_expression(rng, 1 + number % 3) for number in range(6000)))
    stated, wrong = 0, []
    for expression, theirs in zip(expressions, by_terraform(terraform, tmp_path, expressions), strict=True):
        known, ours = evaluated(expression)
        if known and theirs is not None:
            stated += 1
            if written(theirs) != written([ours]):
                wrong.append((expression, ours, theirs))

    assert wrong == []
    assert stated > 500
