"""Policies written for conftest: folders and a plan in, findings, failures and refusals out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.policy_folders import TODAY, said, write
from core.raw_folders import V0, change, judged, plan
from governor import library
from governor.errors import Refusal
from governor.judge import judge
from governor.languages import raw
from governor.model import Failure, Inventory, Policy

INSTANCE = change("aws_instance.web", instance_type="t3.micro", tags={"team": "a"})
PLAN = plan(
    INSTANCE,
    change("aws_instance.mine", instance_type="t3.micro", tags={"owner": "ada"}),
    change("aws_s3_bucket.logs", bucket="logs"),
)

V1 = """\
package terraform.buckets

import data.lib.changes

# METADATA
# title: Buckets are versioned
# description: |
#   What was overwritten
#   can be had back.
warn_versioning contains {"msg": "keeps no versions", "address": bucket.address, "severity": "low"} if {
	some bucket in changes.of("aws_s3_bucket")
	not bucket.change.after.versioning
}
"""
LIBRARY = """\
package lib.changes

import future.keywords

of(type) = found {
  found := {change | some change in input.resource_changes; change.type == type}
}
"""
DATA = """\
package limits

violation_count[{"msg": msg, "details": {"most": data.limits.most}}] {
  n := count(input.resource_changes)
  n > data.limits.most
  msg := sprintf("%d resources are more than %d", [n, data.limits.most])
}
"""


def policies(folder: Path) -> dict[str, Policy]:
    return {policy.id: policy for policy in library.load([], raw=[folder]).policies}


def test_old_and_new_rego_stand_side_by_side_and_share_libraries_and_data(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "main.rego": V0,
            "aws/buckets.rego": V1,
            "lib/changes.rego": LIBRARY,
            "limits.rego": DATA,
            "main_test.rego": "package main\n\ntest_broken { nothing_defines(this) }\n",
            "data/limits.yaml": "limits: {most: 2}\n",
            "fixtures/plan.json": "[]",
        },
    )

    judgement = judged(tmp_path, PLAN)

    assert said(judgement) == [
        ("limits.violation_count", "plan", "3 resources are more than 2"),
        ("main.deny", "aws_instance.web", "aws_instance.web has no owner"),
        ("terraform.buckets.warn_versioning", "aws_s3_bucket.logs", "keeps no versions"),
    ]
    assert [finding.kind for finding in judgement.findings] == ["scope", "compute_instance", "bucket"]
    assert [finding.details for finding in judgement.findings] == [
        {"most": 2},
        {},
        {"address": "aws_s3_bucket.logs", "severity": "low"},
    ]
    assert not judgement.failures
    assert not judgement.notes


def test_the_card_of_a_policy_comes_from_its_rule(tmp_path: Path) -> None:
    folder = write(tmp_path / "guard", {"main.rego": V0, "sub/b.rego": V1, "c.rego": LIBRARY, "d.rego": DATA})

    found = policies(folder)

    assert list(found) == ["limits.violation_count", "main.deny", "terraform.buckets.warn_versioning"]
    assert found["main.deny"] == Policy(
        id="main.deny", title="The deny rules of main", severity="high", concern="guard", stages=("plan",),
        language="rego", location=f"{folder}/main.rego:3", rule="data.main.deny",
    )  # fmt: skip
    assert (found["limits.violation_count"].title, found["limits.violation_count"].severity) == ("Count", "high")
    warns = found["terraform.buckets.warn_versioning"]
    assert (warns.title, warns.severity) == ("Buckets are versioned", "medium")
    assert warns.description == "What was overwritten can be had back."
    assert warns.location == f"{folder}/sub/b.rego:10"


def test_a_title_above_one_body_is_not_that_of_all(tmp_path: Path) -> None:
    body = '# METADATA\n# title: {}\n# scope: {}\ndeny[msg] {{ msg := "{}" }}\n'
    one = body.format("First", "rule", "a")
    write(tmp_path, {"a.rego": f"package a\n\n{one}\n{body.format('Second', 'rule', 'b')}"})
    write(
        tmp_path,
        {"b.rego": f"package b\n\n{body.format('Both', 'document', 'a')}\n{one}", "c.rego": f"package c\n{one}"},
    )

    assert [policy.title for policy in policies(tmp_path).values()] == ["The deny rules of a", "Both", "First"]


def test_packages_and_rules_may_be_spread_over_folders(tmp_path: Path) -> None:
    write(tmp_path, {"one/a.rego": V0, "two/b.rego": "package main\n\ndeny[msg] { msg := shared }\n"})
    write(tmp_path, {"two/c.rego": 'package main\n\nshared = "from both"\n\nwarn["w"] { true }\n'})

    assert said(judged(tmp_path / "one", PLAN, tmp_path / "two", tmp_path)) == [
        ("main.deny", "aws_instance.web", "aws_instance.web has no owner"),
        ("main.deny", "plan", "from both"),
        ("main.warn", "plan", "w"),
    ]


def test_a_package_may_have_any_name(tmp_path: Path) -> None:
    write(tmp_path, {"a.rego": 'package org["team-a"].x\n\ndeny_it["no"] { true }\n'})

    assert said(judged(tmp_path, PLAN)) == [("org.team-a.x.deny_it", "plan", "no")]


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        ('deny["plain"] { true }', ["plain"]),
        ('deny = ["a", "b"] { true }', ["a", "b"]),
        ('deny := {"a"} { true }', ["a"]),
        ("default deny = false\ndeny = true { input.nope }", []),
        ('deny = "undefined" { input.nope }', []),
        ("deny[msg] { msg := input.nope }", []),
        ('deny[msg] { any([false, true]); all({true}); re_match("^1", input.terraform_version); msg := "v0" }', ["v0"]),
        ('deny[msg] { msg := set_diff({"a", "b"}, {"b"})[_] }', ["a"]),
        ('deny(x) = "no policy" { true }\nwarn["w"] { true }', ["w"]),
        ('deny_["not asked"] { true }\nallow["nor this"] { true }\nwarn["w"] { true }', ["w"]),
        ('deny[msg] { in := input.format_version; msg := sprintf("%s", [in]) }', ["1.2"]),
    ],
)
def test_what_rules_may_look_like(rule: str, messages: list[str], tmp_path: Path) -> None:
    judgement = judged(write(tmp_path, {"a.rego": f"package main\n\n{rule}\n"}), PLAN)

    assert [finding.msg for finding in judgement.findings] == messages
    assert not judgement.failures


def test_a_long_line_is_no_hindrance(tmp_path: Path) -> None:
    long = "x" * 5_000

    judgement = judged(write(tmp_path, {"a.rego": f'package main\n\ndeny["{long}"] {{ true }}\n'}), PLAN)

    assert [finding.msg for finding in judgement.findings] == [long]


# Exceptions

EXCEPTED = """\
package main

deny["d"] { true }
deny_owner["o"] { true }
violation_owner["v"] { true }
warn_owner["w"] { true }
deny_other["x"] { true }

exception[rules] {
  input.terraform_version
  rules := %s
}
"""


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ('["owner"]', ["main.deny", "main.deny_other"]),
        ('{"owner", "other"}', ["main.deny"]),
        ('[""]', ["main.deny_other", "main.deny_owner", "main.violation_owner", "main.warn_owner"]),
        ("[]", ["main.deny", "main.deny_other", "main.deny_owner", "main.violation_owner", "main.warn_owner"]),
    ],
)
def test_exceptions_leave_findings_out_and_are_told(rules: str, left: list[str], tmp_path: Path) -> None:
    judgement = judged(write(tmp_path, {"a.rego": EXCEPTED % rules}), PLAN)

    found = [finding.policy for finding in judgement.findings]
    assert found == left
    assert len(judgement.policies) == 5
    gone = [policy.id for policy in judgement.policies if policy.id not in found]
    assert list(judgement.notes) == [f"{id}: an exception of its package leaves out 1 of its findings" for id in gone]


def test_an_exception_is_one_of_its_own_package(tmp_path: Path) -> None:
    write(tmp_path, {"a.rego": EXCEPTED % '["owner"]', "b.rego": 'package b\n\ndeny_owner["b"] { true }\n'})

    assert ("b.deny_owner", "plan", "b") in said(judged(tmp_path, PLAN))


# The resource of a finding


def named(tmp_path: Path, result: str, *addresses: str) -> str:
    """The resource of the one finding whose result is written so, in a plan of these addresses."""
    changes = [change(address, "delete" if "gone" in address else "create") for address in addresses]
    write(tmp_path, {"a.rego": f"package main\n\ndeny contains {result} if true\n"})
    (finding,) = judged(tmp_path, plan(*changes)).findings
    return finding.resource


@pytest.mark.parametrize(
    ("msg", "resource"),
    [
        ("aws_s3_bucket.a is open", "aws_s3_bucket.a"),
        ("open: aws_s3_bucket.a.", "aws_s3_bucket.a"),
        ("'aws_s3_bucket.a', `aws_s3_bucket.a`", "aws_s3_bucket.a"),
        ("[aws_s3_bucket.a]", "aws_s3_bucket.a"),
        ("main.tf/aws_s3_bucket.a", "aws_s3_bucket.a"),
        ("aws_s3_bucket.a.acl is public", "aws_s3_bucket.a"),
        ('aws_s3_bucket.k["x.y z"].acl', 'aws_s3_bucket.k["x.y z"]'),
        ('aws_s3_bucket.k[\\"x.y z\\"]', 'aws_s3_bucket.k["x.y z"]'),
        ("module.m[0].aws_s3_bucket.a", "module.m[0].aws_s3_bucket.a"),
        ("aws_security_group.out is open", "aws_security_group.out"),
        ("aws_s3_bucket.gone goes", "aws_s3_bucket.gone"),
        ("aws_s3_bucket.a-b", "plan"),
        ("xaws_s3_bucket.a", "plan"),
        ("module.n.aws_s3_bucket.a", "plan"),
        ("aws_s3_bucket.a[0]", "plan"),
        ('aws_s3_bucket.a["k]', "plan"),
        ("aws_s3_bucket.k", "plan"),
        ("aws_s3_bucket.a and aws_s3_bucket.gone", "plan"),
        ("a bucket is open", "plan"),
    ],
)
def test_a_message_names_one_resource_or_the_plan(msg: str, resource: str, tmp_path: Path) -> None:
    addresses = (
        "aws_s3_bucket.a", 'aws_s3_bucket.k["x.y z"]', "module.m[0].aws_s3_bucket.a", "aws_security_group.out",
        "aws_s3_bucket.gone",
    )  # fmt: skip

    assert named(tmp_path, json.dumps(msg), *addresses) == resource


@pytest.mark.parametrize(
    ("result", "resource"),
    [
        ('{"msg": "m", "resource": "aws_s3_bucket.a"}', "aws_s3_bucket.a"),
        ('{"msg": "m", "details": {"address": "aws_s3_bucket.b"}}', "aws_s3_bucket.b"),
        ('{"msg": "aws_s3_bucket.a and aws_s3_bucket.b", "address": "aws_s3_bucket.b"}', "aws_s3_bucket.b"),
        ('{"msg": "aws_s3_bucket.a", "resource": "aws_s3_bucket"}', "aws_s3_bucket.a"),
        ('{"msg": "m", "resource": {"address": 1}}', "plan"),
    ],
)
def test_a_field_names_the_resource(result: str, resource: str, tmp_path: Path) -> None:
    assert named(tmp_path, result, "aws_s3_bucket.a", "aws_s3_bucket.b") == resource


KEY = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
ADDRESS = st.builds(
    lambda name, key: f"aws_s3_bucket.{name}{'' if key is None else f'[{json.dumps(key, ensure_ascii=False)}]'}",
    st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True),
    KEY | st.integers(0, 99) | st.none(),
)


@given(ADDRESS, st.sets(ADDRESS), st.sampled_from(["%s is open", "open: %s", "`%s`!", "(%s)", "it says '%s'."]))
def test_the_address_in_a_message_is_found_and_no_other(address: str, others: set[str], text: str) -> None:
    assert raw.addresses_in(text % address, {address, *others}) == {address}
    assert raw.addresses_in(text % address, others - {address}) == set()


# Fingerprints


def test_each_message_has_a_fingerprint_of_its_own_that_stays(tmp_path: Path) -> None:
    rules = [
        'deny["first"] { true }',
        'deny["second"] { true }',
        'deny[{"msg": "first", "port": 22}] { true }',
        'deny[{"msg": "first", "port": 80}] { true }',
        'deny["aws_instance.web"] { true }',
    ]
    write(tmp_path, {"a.rego": "\n\n".join(["package main", *rules])})
    before = {finding.fingerprint for finding in judged(tmp_path, PLAN).findings}
    write(tmp_path, {"a.rego": "\n\n".join(["package main", *reversed(rules), 'deny["more"] { true }'])})
    after = {finding.fingerprint for finding in judged(tmp_path, plan(INSTANCE)).findings}

    assert len(before) == 5
    assert before < after
    assert len(after) == 6


def test_the_attribute_is_no_path_of_a_fact(tmp_path: Path) -> None:
    """A message that begins like a path must not become undetermined where that is not known."""
    unknown = {**INSTANCE, "change": {**INSTANCE["change"], "after": {}, "after_unknown": {"tags": True}}}
    write(tmp_path, {"a.rego": 'package main\n\ndeny["tags.owner of aws_instance.web"] { true }\n'})

    (finding,) = judged(tmp_path, plan(unknown)).findings

    assert finding.resource == "aws_instance.web"
    assert finding.reason == ""


# Secrets

SPILL = """\
package main

deny[{"msg": msg, "value": value}] {
  value := input.resource_changes[_].change.after.password
  msg := sprintf("the password is %s", [value])
}
"""


def spilled(folder: Path, password: str) -> Any:
    secret = change("aws_db_instance.main", password=password)
    secret["change"]["after_sensitive"] = {"password": True}
    (finding,) = judged(folder, plan(secret)).findings
    return finding


def test_secrets_are_blotted_and_do_not_reach_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, {"a.rego": SPILL})

    one, other = spilled(tmp_path, "correct-horse-battery"), spilled(tmp_path, "staple-horse-battery-x")

    assert one.msg == "the password is (sensitive)"
    assert one.details == {"value": "(sensitive)"}
    assert one == other


@pytest.mark.parametrize(
    "expression",
    [
        "lower(input.resource_changes)",
        "abs(secret)",
        "re_match(1, secret)",
        "re_match(secret, [secret])",
        "count(secret, 1)",
        "sum([secret])",
        "to_number(secret)",
        "time.parse_rfc3339_ns(secret)",
        "json.unmarshal(secret)",
        "regex.match(secret, 1)",
        "nothing_binds_this",
    ],
)
def test_a_failure_quotes_no_value(expression: str, tmp_path: Path) -> None:
    """Quoted, a secret with a quotation mark in it looks different, and would not be found to be blotted."""
    holder = change("aws_db_instance.main", password='say "open-sesame" \\ now')
    holder["change"]["after_sensitive"] = {"password": True}
    rule = f"deny[msg] {{ secret := input.resource_changes[_].change.after.password; msg := {expression} }}"
    write(tmp_path, {"a.rego": f"package main\n\n{rule}\n"})

    (failure,) = judged(tmp_path, plan(holder)).failures

    assert failure.reason
    assert "sesame" not in failure.reason
    assert len(failure.reason) < 350


def test_nothing_but_the_report_is_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not what policies print, and not what the engine says of old habits."""
    habits = 'package old\n\nimport input\n\ndeny[msg] { print("secret", input); msg := "x" }\n'
    write(tmp_path, {"a.rego": habits, "b.rego": "package b\n\nx := y if {\n\ty := 1\n}\n\nz[1] { true }\n"})

    assert said(judged(tmp_path, PLAN)) == [("old.deny", "plan", "x")]
    assert capfd.readouterr() == ("", "")


# What cannot be judged


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("deny[msg] { count(input.nothing); msg := 1 }", ""),
        ("deny[1] { true }", "it says a number: a message is text, or an object with a msg that is"),
        ('deny[["a"]] { true }', "it says a list: a message is text, or an object with a msg that is"),
        ('deny[{"message": "m"}] { true }', "it says an object: a message is text, or an object with a msg that is"),
        ('deny[{"msg": 1}] { true }', "it says an object: a message is text, or an object with a msg that is"),
        ('deny[{"msg": " "}] { true }', "one of its messages is empty, which conftest takes for a pass"),
        ('deny[""] { true }', "one of its messages is empty, which conftest takes for a pass"),
        ("deny { true }", "its answer is true, not a set of messages: write `deny contains msg if …`"),
        ('deny = "m" { true }', "its answer is text, not a set of messages: write `deny contains msg if …`"),
        (
            'deny[msg] { startswith(input.nil, "a"); msg := "m" }',
            "a.rego:3:29: startswith expects string argument. Got null instead",
        ),
        (
            'deny[msg] { lower("a"); msg := input.nil }',
            "it says null: a message is text, or an object with a msg that is",
        ),
    ],
)
def test_an_error_is_a_failure_and_never_a_pass(rule: str, reason: str, tmp_path: Path) -> None:
    judgement = judged(write(tmp_path, {"a.rego": f"package main\n\n{rule}\n"}), plan(nil=None))

    assert judgement.findings == []
    assert [failure.policy for failure in judgement.failures] == (["main.deny"] if reason else [])
    assert all(failure.reason.startswith(reason) for failure in judgement.failures)


def test_a_failing_exception_fails_what_it_might_leave_out(tmp_path: Path) -> None:
    write(tmp_path, {"a.rego": EXCEPTED % "[lower(input.resource_changes)]"})

    judgement = judged(tmp_path, PLAN)

    assert judgement.findings == []
    assert len(judgement.failures) == 5
    assert "lower expects string argument" in judgement.failures[0].reason


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "it reads the plan as Terraform wrote it, and this input is none"),
        (rb'{"x": "\ud800"}', "the plan cannot be given to Rego: unexpected end of hex escape"),
        (b'{"x": "\xff"}', "the plan cannot be given to Rego: 'utf-8' codec can't decode"),
    ],
)
def test_a_plan_that_rego_cannot_read_fails_every_policy(document: bytes, reason: str, tmp_path: Path) -> None:
    loaded = library.load([], raw=[write(tmp_path, {"a.rego": V0, "b.rego": 'package b\n\nwarn["w"] { true }\n'})])

    judgement = judge(Inventory(stage="plan", resources=(), document=document), loaded.evaluators, TODAY)

    assert [failure.policy for failure in judgement.failures] == ["b.warn", "main.deny"]
    assert all(failure.reason.startswith(reason) for failure in judgement.failures)


def test_what_no_plan_holds_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"a.rego": "package a\n\ndeny[x] { x := input.resource.aws_instance[_].name }\n"})
    write(tmp_path, {"b.rego": "package b\n\nimport input as tf\n\ndeny[x] { x := tf.tfplan.y; tf.errored }\n"})
    write(
        tmp_path, {"c.rego": "package c\n\ndeny[x] { x := input[_].contents.kind }\nwarn[x] { x := input.resource }\n"}
    )

    notes = judged(tmp_path, PLAN).notes

    assert [note.partition(", which")[0] for note in notes] == [
        f"{tmp_path}/a.rego:3: it reads input.resource",
        f"{tmp_path}/b.rego:5: it reads input.tfplan",
        f"{tmp_path}/c.rego:3: it reads input[_].contents",
    ]
    assert len(judged(tmp_path, plan(resource={}, tfplan={})).notes) == 1


# What is refused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("deny[msg] { msg := nope(1) }", "3: the function nope cannot be called: neither these files nor the engine"),
        ("f(x) = y { y := data.lib.nope(x) }\ndeny[f(1)] { true }", "3: the function data.lib.nope cannot be called"),
        ("import data.lib\ndeny[msg] { msg := lib.in_a_test(1) }", "4: the function lib.in_a_test cannot be called"),
        ("x := 1\n\ndeny[m] { m := crypto.sha256(x) }", "5: the function crypto.sha256 cannot be called: neither"),
        ('deny[m] { m := http.send({"url": "x"}).body }', "3: the function http.send cannot be called: no policy is"),
        (
            "deny[m] { m := opa.runtime().env.CI }",
            "3: the function opa.runtime cannot be called: no policy is given the",
        ),
        (
            'deny[m] { m := parse_config("hcl2", "")[_] }',
            "3: the function parse_config cannot be called: it is conftest",
        ),
        (
            'x := parse_config_file("a.tf")\ndeny[x] { true }',
            "3: the function parse_config_file cannot be called: it is",
        ),
        (
            'deny[x] { parse_combined_config_files(["a"])[x] }',
            "3: the function parse_combined_config_files cannot be called",
        ),
        (
            'deny[msg] if { msg := "m" }',
            "3: deny makes an object of its messages, which conftest takes for a pass: write `deny contains msg if …`",
        ),
        ('warn_it[msg] = true { msg := "m" }', "3: warn_it makes an object of its messages"),
        ('deny[msg] {\n  msg := "m"\n\n  x = = 1\n}', "6:7: this Rego does not parse: "),
        ('deny contains msg if {\n\tmsg := "m"\n\n\tx == == 1\n}', "6:10: this Rego does not parse: "),
        ("# METADATA\n# title: [\nwarn[1] { true }", "5: this METADATA is not YAML"),
    ],
)
def test_a_file_that_would_be_silent_is_refused_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    write(
        tmp_path, {"a.rego": f"package main\n\n{text}\n", "a_test.rego": "package lib\n\nin_a_test(x) = x { true }\n"}
    )

    with pytest.raises(Refusal) as refusal:
        library.load([], raw=[tmp_path])

    assert str(refusal.value).startswith(f"{tmp_path}/a.rego:{told}")
    assert refusal.value.code == 2


def test_calls_that_are_defined_are_let_through(tmp_path: Path) -> None:
    text = """\
package main

import data.lib
import data.lib as l
import data.lib.deep.g
import data.lib.deep.g as renamed

own(x) = x { true }

deny[msg] {
  msg := own(lib.f(l.f(data.lib.f(g(renamed(lower("A")))))))
  print(msg)
}
"""
    functions = "f(x) = x { true }\n"
    write(tmp_path, {"a.rego": text, "b.rego": f"package lib\n\n{functions}"})
    write(tmp_path, {"c.rego": "package lib.deep\n\ng(x) = x { true }\n"})

    assert said(judged(tmp_path, PLAN)) == [("main.deny", "plan", "a")]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"lib.rego": LIBRARY}, ": no rule in this folder is named deny, warn or violation"),
        ({"data.json": '{\n "a": }'}, "/data.json:2: this is not JSON: Expecting value"),
        ({"data.yml": "- a\n"}, "/data.yml: data for policies is a mapping: write `name: value`"),
        ({"data.yaml": "main: {deny: []}\n"}, "/data.yaml: data lies where the rule deny of "),
        ({"data/a.yaml": "a: 1\n", "data/b.json": '{"a": 2}'}, "/data/b.json: this data does not go with that of"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(files: dict[str, str], told: str, tmp_path: Path) -> None:
    write(tmp_path, {**files, **({} if "lib.rego" in files else {"a.rego": V0})})

    with pytest.raises(Refusal) as refusal:
        library.load([], raw=[tmp_path])

    assert str(refusal.value).startswith(f"{tmp_path}{told}")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a.rego": V0})

    with pytest.raises(Refusal, match="no such folder of policies"):
        library.load([], raw=[tmp_path / "nope"])
    with pytest.raises(Refusal, match="this is a file: name the folder it lies in"):
        library.load([], raw=[tmp_path / "a.rego"])


# Tests of policies, and many resources


def test_a_folder_runs_its_own_tests_with_its_data(tmp_path: Path) -> None:
    tests = """\
package limits

test_few { count(violation_count) == 0 with input as {"resource_changes": [1, 2]} }

test_many { count(violation_count) == 0 with input as {"resource_changes": [1, 2, 3]} }
"""
    write(tmp_path, {"a.rego": DATA, "sub/a_test.rego": tests, "data.json": '{"limits": {"most": 2}}'})

    found = raw.rule_tests(tmp_path)

    assert [(test.name, test.failed) for test in found] == [
        ("data.limits.test_few", ()),
        ("data.limits.test_many", ("it does not hold",)),
    ]


def test_many_resources_are_judged_by_forks_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path,
        {
            "a.rego": V0,
            "b.rego": EXCEPTED.replace("main", "b") % '["owner"]',
            "c.rego": "package c\n\ndeny[lower(1)] { true }\n",
        },
    )
    document = plan(*(change(f"aws_instance.web[{n}]", instance_type="t3.micro") for n in range(50)))
    alone = judged(tmp_path, document)

    monkeypatch.setattr(raw, "WORTH_FORKING", 1)
    monkeypatch.setattr(raw, "cores", lambda: 3)

    assert judged(tmp_path, document) == alone
    assert len(alone.findings) == 52
    assert alone.failures == [Failure("c.deny", "", "c.rego:3:12: lower expects string argument. Got 1 instead")]
