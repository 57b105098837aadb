"""Each check, told as a story: the folder that breaks it, to the character, and one that only looks as if it did."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from governor import library
from governor.catalog.kinds import KINDS
from governor.lint import CHECKS
from lint.stories import CASES, more, problems, script

LONG = "n" * 110
PLAIN = """\
from governor.policy import Violation, policy


@policy(id="PYT001", title="A policy", severity="high")
def judge(inventory):
    for resource in inventory.resources:
        yield Violation(resource.id, "msg", "id")
"""
CARD = """\
# METADATA
# title: Names are plain
# custom:
#   id: NAM002
#   severity: low
"""
WHOLE = 'deny_plain contains {"resource": r.id, "attribute": "id", "msg": "m"} if some r in input.resources\n'
TESTED = {
    "names/names_test.rego": "package names_test\n\nimport data.names\n\n"
    'test_plain if count(names.deny_plain) == 1 with input.resources as [{"id": "x"}]\n'
}
PACKAGES = {f"{name[0]}/{name[0]}.rego": f"package {name}\n" for name in ("a.x", "b.x", "c._y", "d.count")}


class Story(NamedTuple):
    """What breaks a check, what is then said (without the check's id), and what must not be."""

    check: str
    broken: dict[str, str | None]
    said: list[str]
    fine: dict[str, str | None]


STORIES = [
    Story("parse-error", more("x := {"), ["names/more.rego:4:1: this Rego does not parse: expecting expression"], {}),
    Story(
        "parse-error",
        script("def f(:\n    pass\n"),
        ["names/names.py:1:7: this is not Python: invalid syntax"],
        script('"""Nothing."""\n') | {"names/cases.yaml": CASES},
    ),
    Story(
        "parse-error",
        {"names/data.yaml": "a: [1\n", "names/schema.json": "{}"},
        ["names/data.yaml:2:1: this is not YAML: did not find expected ',' or ']'"],
        {"names/data.yaml": "a: [1]\n", "names/schema.json": "{}"},
    ),
    Story(
        "parse-error",
        {"names/data.yaml": "a: 1\n", "names/schema.json": "{,}"},
        ["names/schema.json:1:2: this is not JSON: Expecting property name enclosed in double quotes"],
        {},
    ),
    Story(
        "parse-error",
        {"names/cases.yaml": "- name: x\n  resources: []\n  expected: []\n"},
        ["names/cases.yaml:1:1: the case 'x' is malformed: Object contains unknown field `expected`"],
        {},
    ),
    Story(
        "misplaced-file",
        {"stray.rego": "package stray\n"},
        ["stray.rego:1:1: governor does not look for policies here"],
        {"names/deep/stray_test.rego": "package names_test\n"},
    ),
    Story(
        "misplaced-file",
        {"config/data.yaml": "a: 1\n", "config/schema.json": "{}"},
        [f"config/data.yaml:1:1: {library.bad_name('config')}"],
        {"configs/data.yaml": "a: 1\n", "configs/schema.json": "{}"},
    ),
    Story(
        "duplicate-file",
        {"names/a.rego": "package names\n\n_x := 1\n", "names/b.rego": "package names\n\n_x := 1\n"},
        ["names/b.rego:1:1: this file is the same as {folder}/names/a.rego"],
        {"names/a.rego": "package names\n\n_x := 1\n", "names/b.rego": "package names\n\n_y := 1\n"},
    ),
    Story(
        "line-length",
        more(f"# {LONG}{LONG[:9]}\n"),
        ["names/more.rego:3:121: this line has 121 columns"],
        more(f"# {LONG}{LONG[:8]}\n"),
    ),
    Story(
        "missing-card",
        more('deny_plain contains {"resource": "x", "attribute": "id", "msg": "m"}'),
        ["names/more.rego:3:1: the rule deny_plain has no card, and would never be asked"],
        more('denying contains {"resource": "x", "attribute": "id", "msg": "m"}'),
    ),
    Story(
        "malformed-card",
        more(CARD.replace("low", "lax") + WHOLE) | TESTED,
        ["names/more.rego:3:1: the METADATA card is malformed: Invalid enum value 'lax' - at `$.custom.severity`"],
        more(CARD + WHOLE) | TESTED,
    ),
    Story(
        "malformed-card",
        more("_x := 1\n\n" + CARD),
        ["names/more.rego:5:1: the card of NAM002 stands above no rule: move it there"],
        {},
    ),
    Story(
        "malformed-card",
        more(CARD + WHOLE + "\n" + CARD.replace("2", "3") + WHOLE) | TESTED,
        ["names/more.rego:15:1: data.names.deny_plain has the card of NAM002 already"],
        more(CARD + WHOLE + "\n" + WHOLE) | TESTED,
    ),
    Story(
        "malformed-card",
        script(PLAIN.replace('severity="high"', 'severity="lax"')),
        ["names/names.py:4:2: the card of judge is malformed: Invalid enum value 'lax' - at `$.severity`"],
        script(PLAIN),
    ),
    Story(
        "malformed-card",
        script(PLAIN.replace(', severity="high"', "")),
        ["names/names.py:4:2: the card of judge has no severity"],
        script(PLAIN.replace("@policy(", "FACTS = {}\n\n\n@policy(**FACTS, ")),
    ),
    Story(
        "malformed-card",
        script(PLAIN.replace("(inventory)", "(resources, settings)")),
        ["names/names.py:5:1: judge takes (resources, settings)"],
        script(PLAIN.replace("(inventory)", "(resources, config, today)")),
    ),
    Story(
        "malformed-card",
        script(PLAIN + "\n\ndef judge(inventory):\n    return []\n"),
        ["names/names.py:5:1: judge is replaced by the function of line 10"],
        script(PLAIN + "\n\ndef judges(inventory):\n    return []\n"),
    ),
    Story(
        "bad-id",
        {"names/names.rego": "package names\n\n" + CARD.replace("NAM002", "Name-1") + WHOLE, **TESTED},
        ["names/names.rego:8:1: 'Name-1' is not like TAG001"],
        {"names/names.rego": "package names\n\n" + CARD.replace("NAM002", "NAMING002") + WHOLE, **TESTED},
    ),
    Story(
        "duplicate-id",
        script(PLAIN.replace("PYT001", "NAM001")) | {"names/cases.yaml": CASES},
        ["names/names.py:5:1: the id NAM001 is taken by {folder}/names/names.rego:8"],
        script(PLAIN),
    ),
    Story(
        "untested-policy",
        more(CARD + WHOLE),
        ["names/more.rego:8:1: no case expects a finding of NAM002"],
        more(CARD + WHOLE) | TESTED,
    ),
    Story(
        "unknown-kind",
        more(CARD.replace("#   severity", "#   kinds: [bucket, buckets]\n#   severity") + WHOLE) | TESTED,
        ["names/more.rego:9:1: NAM002 lists the kind buckets, which nothing has"],
        more(CARD.replace("#   severity", "#   kinds: [bucket, volume]\n#   severity") + WHOLE) | TESTED,
    ),
    Story(
        "unknown-kind",
        more('_a(x) if x.kind == "disk"', '_b(x) if x.kind in {"volume", "disk"}'),
        ["names/more.rego:3:21: nothing has the kind disk", "names/more.rego:5:32: nothing has the kind disk"],
        more('_a(x) if x.kind == "volume"', '_b(x) if x.mind == "disk"'),
    ),
    Story(
        "unknown-attribute",
        more(
            "_a(x) if x.attributes.colour",
            '_b(x) if object.get(x.attributes, "shape", 1) == 1',
            '_c(x) if object.get(x, ["attributes", "weight"], 1) == 1',
            '_d(x) if x.unknown["attributes.taste"]',
            '_e := {"attribute": "attributes.smell"}',
        ),
        [
            "names/more.rego:3:10: no source produces the attribute colour",
            "names/more.rego:5:36: no source produces the attribute shape",
            "names/more.rego:7:24: no source produces the attribute weight",
            "names/more.rego:9:10: no source produces the attribute taste",
            "names/more.rego:11:22: no source produces the attribute smell",
        ],
        more("_a(x) if x.attributes.model", "_b(x) if x.tags.attributes", '_d(x) if x.unknown["attributes.key.name"]'),
    ),
    Story(
        "unknown-attribute",
        more(
            CARD.replace("#   severity", "#   kinds: [bucket]\n#   severity")
            + WHOLE.rstrip().replace("if some r in input.resources", "if {\n\tsome r in input.resources\n")
            + "\tr.attributes.units\n}\n"
        )
        | TESTED,
        ["names/more.rego:11:2: none of the card's kinds has the attribute units"],
        more(
            CARD.replace("#   severity", "#   kinds: [bucket, provisioned_throughput]\n#   severity")
            + WHOLE.rstrip().replace("if some r in input.resources", "if {\n\tsome r in input.resources\n")
            + "\tr.attributes.units\n}\n"
        )
        | TESTED,
    ),
    Story(
        "unknown-attribute",
        script(PLAIN.replace('"msg"', 'resource.attributes.get("colour")')),
        ["names/names.py:7:62: no source produces the attribute colour"],
        script(PLAIN.replace('"msg"', 'resource.attributes["model"]')),
    ),
    Story(
        "unknown-field",
        more(
            "_a if input.resource", "_b contains r.tag if some r in input.resources", "_c(resource) if resource.taggs"
        ),
        [
            "names/more.rego:3:7: the input has no field resource",
            "names/more.rego:5:13: a resource has no field tag",
            "names/more.rego:7:17: a resource has no field taggs",
        ],
        more(
            "_a if input.today",
            "_b contains r.tag if some r in data.config.names",
            "_c contains r.tags if some r in input.spend",
        ),
    ),
    Story(
        "unresolved-reference",
        more("import data.keys", "_a := data.names.deny_short", "_b := data.config.names.limit", "_c if keys")
        | {"names/data.yaml": "limits: 1\n", "names/schema.json": '{"properties": {"most": {}}}'},
        [
            "names/more.rego:5:7: the package names has no rule deny_short",
            "names/more.rego:7:7: neither the data of names nor its schema has a key limit",
            "names/more.rego:9:7: nothing lies at data.keys",
        ],
        more(
            "_a := data.names.deny_long",
            "_b := data.config.names.limits",
            "_c := data.config.names.most",
            "_d := data.catalog.regions",
        )
        | {"names/data.yaml": "limits: 1\n", "names/schema.json": '{"properties": {"most": {}}}'},
    ),
    Story(
        "missing-schema",
        {"names/data.yaml": "a: 1\n"},
        ["names/data.yaml:1:1: nothing says what the data of names takes"],
        {"names/data.yaml": "a: 1\n", "names/schema.json": "{}"},
    ),
    Story(
        "null-in-data",
        {"names/data.yaml": "a:\n  b: null\nc: [1, null]\n", "names/schema.json": "{}"},
        [
            "names/data.yaml:2:1: this null removes nothing",
            "names/data.yaml:3:1: this null stays, and Rego takes it for true",
        ],
        {"names/data.yaml": 'a: "null"\n', "names/schema.json": "{}"},
    ),
    Story(
        "missing-attribute",
        more('_v(r) := {"resource": r.id, "msg": "m"}'),
        ["names/more.rego:3:10: this violation has no attribute"],
        more('_v(r) := {"resource": r.id, "message": "m"}'),
    ),
    Story(
        "missing-attribute",
        script(PLAIN.replace(', "id")', ")")),
        ["names/names.py:7:15: this violation has no attribute"],
        script(PLAIN.replace(', "id")', ', attribute="id")')),
    ),
    Story(
        "outside-world",
        more("_a := time.now_ns()", '_b := http.send({"url": "x"})'),
        [
            "names/more.rego:3:7: time.now_ns asks a clock",
            "names/more.rego:5:7: http.send asks what lies outside the input",
        ],
        more('_a := time.parse_rfc3339_ns("2026-08-01T00:00:00Z")'),
    ),
    Story(
        "outside-world",
        script("import socket\nfrom datetime import date\nfrom os import getenv\n\nA = date.today()\n" + PLAIN),
        [
            "names/names.py:1:1: socket asks what lies outside the inventory",
            "names/names.py:3:1: os.getenv asks what lies outside the inventory",
            "names/names.py:5:5: datetime.date.today asks a clock",
        ],
        script(
            "from datetime import date\nfrom urllib.parse import quote\n\nA = date(2026, 8, 1), quote('x')\n" + PLAIN
        ),
    ),
    Story(
        "print-call",
        more('_a if print("x")'),
        ["names/more.rego:3:7: a print was left behind"],
        more("_print(x) := x", '_a if _print("x")'),
    ),
    Story(
        "print-call",
        script(PLAIN.replace("    for", "    print(1)\n    for")),
        ["names/names.py:6:5: a print was left behind"],
        script(PLAIN.replace("    for", "    resource = {'print': 1}\n    for")),
    ),
    Story(
        "directory-package-mismatch",
        {"names/more.rego": "package name\n\n_x := 1\n"},
        ["names/more.rego:1:9: the package name lies in the folder names"],
        {"names/more.rego": "package names.more\n\n_x := 1\n", "names/x_test.rego": "package names_test\n"},
    ),
    Story(
        "unknown-function",
        more('_a := startwith("a", "b")', '_b := crypto.sha256("a")', "_c := any([true])", "_d := data.names.f(1)"),
        [
            "names/more.rego:3:7: no function is named startwith",
            "names/more.rego:5:7: OPA has the function crypto.sha256, the embedded engine does not",
            "names/more.rego:7:7: any was taken out of Rego 1",
            "names/more.rego:9:7: no function is named data.names.f",
        ],
        more(
            "import data.names.far.g",
            '_a := startswith("a", "b")',
            "_f(x) := x",
            "_b := _f(1)",
            "_c := data.names._f(1)",
            "_d := g(1)",
        )
        | {"names/far.rego": "package names.far\n\ng(x) := x\n"},
    ),
    Story(
        "arity-mismatch",
        more("_f(x) := x", "_a := _f(1, 2)", "_b := count()"),
        ["names/more.rego:5:7: _f takes 1 argument, not 2", "names/more.rego:7:7: count takes 1 argument, not 0"],
        more("_f(x) := x", "_a := _f(1)", "_b := [p | walk(input, [p, _])]"),
    ),
    Story(
        "recursion",
        more("_a if _b", "_b if data.names._c", "_c if _a", "_f(x) := _f(x)"),
        [
            "names/more.rego:3:1: names._a needs itself: names._a → names._b → names._c → names._a",
            "names/more.rego:5:1: names._b needs itself: names._b → names._c → names._a → names._b",
            "names/more.rego:7:1: names._c needs itself: names._c → names._a → names._b → names._c",
            "names/more.rego:9:1: names._f needs itself: names._f → names._f",
        ],
        more("_a if _b", "_b if _c(1)", "_c(_a) if _a"),
    ),
    Story(
        "recursion",
        more("_a := count(data.names)"),
        ["names/more.rego:3:1: names._a needs itself: names._a → names._a"],
        more("_a := count(data.config.names)"),
    ),
    Story(
        "rule-conflict",
        more(
            "far := 1",
            "default _a := 1",
            "default _a := 2",
            "_b := 1",
            "_b contains 2",
            "_f(x) := x",
            "_f(x, y) := x + y",
        )
        | {"names/far.rego": "package names.far\n\ng := 1\n"},
        [
            "names/more.rego:3:1: the rule far stands where the package names.far does",
            "names/more.rego:7:9: _a has a default already",
            "names/more.rego:11:1: _b is one value elsewhere, and a set here",
            "names/more.rego:15:1: _f takes 1 argument elsewhere, and 2 here",
        ],
        more("near := 1", "default _a := 1", "_a := 2", '_b["x"] := 1', '_b["y"] := 2', "_f(1) := 1", "_f(2) := 2")
        | {"names/far.rego": "package names.far\n\ng := 1\n"},
    ),
    Story(
        "import-shadowing",
        more("import data.a.x\nimport data.b.x\nimport data.c._y\nimport data.d.count", "_y := 1") | PACKAGES,
        [
            "names/more.rego:4:1: the name x is that of another import, too",
            "names/more.rego:5:1: the name _y is that of a rule of this package, too",
            "names/more.rego:6:1: the name count is that of a builtin function, too",
        ],
        more("import data.a.x\nimport data.b.x as z\nimport rego.v1", "_y := 1") | PACKAGES,
    ),
    Story(
        "with-outside-tests",
        more("_a if input.today with input.today as 1"),
        ["names/more.rego:3:19: a policy replaces what it judges by"],
        {"names/names_test.rego": "package names_test\n\ntest_a if input.today with input.today as 1\n"},
    ),
    Story(
        "chained-rule-body",
        more("_a := 1 if {\n\tfalse\n} {\n\ttrue\n}"),
        ["names/more.rego:5:3: a second body of _a follows the first without `else`"],
        more("_a := 1 if {\n\tfalse\n} else := 2"),
    ),
    Story(
        "negated-reference",
        more(
            '_a(x) if not startswith(x.b, "c")',
            "_b(x) if not 1 in x.b",
            "_c(x) if not x.b[x.c]",
            "_d(x) if not x.b > 1",
            "_e(x) if not count(x.b) == 1",
            "_f(x) if not _a(x).b",
        ),
        [
            f"names/more.rego:{line}:14: where {name} is undefined, OPA gives up the rule;"
            " the embedded engine takes the `not` for true"
            for line, name in ((3, "x.b"), (5, "x.b"), (7, "x.c"), (9, "x.b"), (11, "x.b"), (13, "_a(…)"))
        ],
        more(
            "_a(x) if not x.b",
            "_b(x) if not x.b == 1",
            "_c(x, y) if not x.b[y]",
            "_d(x) if not count([y | y := x.b]) > 1",
            "_e(x) if {\n\tx.b\n\tnot count(x.b) == 1\n}",
            "_f(x) := x.b if not x.b > 1",
            "_g contains 1",
            "_h if not 1 in _g",
            '_i(resource) if not startswith(resource.id, "c")',
            "_j(x) if not x in data.config.names.known",
        )
        | {"names/data.yaml": "known: []\n", "names/schema.json": "{}"},
    ),
    Story(
        "sprintf-verb",
        more('_a := sprintf("%s costs %.2f", ["x", 3])'),
        ["names/more.rego:3:7: %.2f does not mean the same in OPA and in the embedded engine"],
        more('_a := sprintf("%s costs %d, 100%%, %05d", ["x", 3, 4])'),
    ),
    Story(
        "sprintf-arguments",
        more('_a := sprintf("%s %s", ["x"])'),
        ["names/more.rego:3:7: the format has 2 verbs for 1 argument"],
        more('_a := sprintf("%s%%", ["x"])', '_b(x) := sprintf("%s %s", x)'),
    ),
    Story(
        "unicode-class",
        more('_a if regex.match(`^\\d+$`, "1")'),
        ["names/more.rego:3:20: \\d means more in the embedded engine than in OPA"],
        more('_a if regex.match(`^\\\\d[0-9]+$`, "1")', '_b if contains("a", `\\d`)'),
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=[f"{s.check}-{number}" for number, s in enumerate(STORIES)])
def test_what_is_broken_is_told_to_the_character(story: Story, tmp_path: Path) -> None:
    told = problems(tmp_path, story.broken)

    expected = [said.format(folder=tmp_path) for said in story.said]
    places = [said.split(": ", 1) for said in expected]
    assert told == [f"{place}: {story.check}: {message}" for place, message in places]


@pytest.mark.parametrize("story", STORIES, ids=[f"{s.check}-{number}" for number, s in enumerate(STORIES)])
def test_what_only_looks_like_it_is_not_told(story: Story, tmp_path: Path) -> None:
    assert problems(tmp_path, story.fine) == []


def test_every_check_has_a_story() -> None:
    assert {story.check for story in STORIES} == set(CHECKS)


def test_each_kind_may_be_listed(tmp_path: Path) -> None:
    listed = "".join(f"#     - {kind}\n" for kind in KINDS)
    card = CARD.replace("#   severity", f"#   kinds:\n{listed}#   severity")

    assert problems(tmp_path, more(card + WHOLE) | TESTED) == []
