"""Rego policies that fail: exit code 3, the policy and the resource named, and the others still heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.policy_folders import ask, rego, resource, said, write
from governor.errors import Refusal
from governor.model import Failure, Resource

LOWER = 'lower(resource.attributes.name) == "long"'


def names(*values: object) -> list[Resource]:
    return [resource(f"r{number}", attributes={"name": value}) for number, value in enumerate(values)]


def test_a_type_error_on_one_resource_of_many(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "mine",
        {"names/names.rego": rego(body=LOWER), "names/more.rego": rego(rule="deny_any", id="NAM002")},
    )

    judgement = ask(folder, *names("long", "short", 5, "long"))

    assert judgement.failures == [
        Failure("NAM001", "r2", "names.rego:10:30: lower expects string argument. Got 5 instead")
    ]
    assert said(judgement) == [("NAM002", f"r{n}", "too long") for n in range(4)]
    assert {policy.id for policy in judgement.policies} == {"NAM001", "NAM002"}


def test_a_message_of_the_engine_repeats_no_secret(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": rego(body=LOWER)})

    judgement = ask(folder, *names(["hunter2"]), secrets=("hunter2",))

    (failure,) = judgement.failures
    assert "hunter2" not in failure.reason
    assert "(sensitive)" in failure.reason


def test_a_function_that_does_not_exist_fails_where_it_is_needed(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": rego(body="no_such_function(resource.id)")})

    assert ask(folder, *names("a", "b")).failures == [
        Failure("NAM001", id, "names.rego:10:21: could not find function no_such_function") for id in ("r0", "r1")
    ]
    assert ask(folder).failures == []


def test_a_mistake_in_any_rule_fails_every_policy_without_naming_resources(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "mine",
        {"names/names.rego": rego(body="resource.id == typo"), "names/more.rego": rego(rule="deny_any", id="NAM002")},
    )

    assert ask(folder, *names("a", "b")).failures == [
        Failure(policy, "", "names.rego:10:20: use of undefined variable typo is unsafe")
        for policy in ("NAM002", "NAM001")
    ]


def test_a_policy_that_fails_only_on_the_whole(tmp_path: Path) -> None:
    body = 'count(input.resources) > 2\n\tto_number(concat("", [r.id | some r in input.resources])) > 0'
    folder = write(tmp_path / "mine", {"names/names.rego": rego(body=body)})

    (failure,) = ask(folder, *names("a", "b", "c")).failures

    assert (failure.policy, failure.resource) == ("NAM001", "")
    assert failure.reason.startswith("names.rego:11:")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('"just words"', "Expected `object`, got `str` - at `$[0]`"),
        ('{"resource": resource.id}', "Object missing required field `msg` - at `$[0]`"),
        ('{"resource": 5, "msg": "m"}', "Expected `str`, got `int` - at `$[0].resource`"),
        ('{"resource": "r", "msg": null}', "Expected `str`, got `null` - at `$[0].msg`"),
        ('{"resource": "r", "msg": "m", "details": []}', "Expected `object`, got `array` - at `$[0].details`"),
    ],
)
def test_an_answer_of_another_shape(tmp_path: Path, answer: str, reason: str) -> None:
    head, _, _ = rego().partition("deny_long contains")
    text = f"{head}deny_long contains {answer} if {{\n\tsome resource in input.resources\n}}\n"
    folder = write(tmp_path / "mine", {"names/names.rego": text})

    assert ask(folder, resource("r")).failures == [
        Failure("NAM001", "r", f"its answer is not a set of {{resource, msg, attribute, details}}: {reason}")
    ]


def test_what_a_policy_says_arrives_whole(tmp_path: Path) -> None:
    answer = '{"resource": "s", "msg": "m", "attribute": "a.b", "details": {"n": 1.5, "list": ["x", {"y": null}]}}'
    head, _, _ = rego().partition("deny_long contains")
    folder = write(tmp_path / "mine", {"names/names.rego": f"{head}deny_long contains {answer}\n"})

    (finding,) = ask(folder).findings

    assert (finding.resource, finding.attribute, finding.msg) == ("s", "a.b", "m")
    assert finding.details == {"n": 1.5, "list": ["x", {"y": None}]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("package names\n\ndeny[msg] { msg := 1 }\n", (":3:11: this Rego does not parse: if keyword is required before "
         "rule body")),
        (f"package names\n\nx := \"{'a' * 1100}\"\n", (":3:7: this Rego does not parse: line exceeds maximum column "
         "width of 1024")),
        ("", ""),
    ],
)  # fmt: skip
def test_what_does_not_parse_is_told_in_a_line(tmp_path: Path, text: str, told: str) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": text})

    with pytest.raises(Refusal) as caught:
        ask(folder)

    assert "\n" not in str(caught.value)
    assert told in str(caught.value)
    assert caught.value.place.startswith(str(folder / "names/names.rego"))
