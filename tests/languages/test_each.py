"""A policy that says it looks at each resource is asked about parts of an inventory: its answer is as of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.policy_folders import TODAY, ask, rego, resource, said, write
from governor import cases, library
from governor.errors import Refusal
from governor.judge import judge
from governor.languages import rego as language
from governor.model import Failure, Inventory, Resource
from governor.workers.pool import LOST, Here, Result

EACH = {
    "names/names.rego": rego(body="lower(resource.tags.x) != resource.id").replace(
        "high\n", "high\n#   each: resource\n"
    )
}
"""Fails on a resource whose tag is a number, and finds every other with a tag."""

TAGS = ("project", "Project", "owner-team", "team", "stage", "dataset", "experiment-id", "cost-budget-limit")
VALUES = ("", " ", "search", "fine-tuning", "playground", "eu-personal", "2026-02-30", "12.5/hour", "x" * 70)
UNKNOWN = ("tags", "tags.*", "tags.stage", "tags.dataset", "accelerator", "attributes.copies_to", "attributes.ai_keys")

resources = st.builds(
    dict,
    kind=st.sampled_from(("compute_instance", "bucket", "model_endpoint", "api_key", "replication", "ai_account")),
    region=st.sampled_from((None, "us-east-1", "eu-west-1", "mars-1")),
    tags=st.dictionaries(st.sampled_from(TAGS), st.sampled_from(VALUES)),
    taggable=st.booleans(),
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "copies_to": st.lists(st.sampled_from(("us-east-1", "eu-west-1"))),
            "delivered_tags": st.just({"project": "search"}),
            "local_auth": st.booleans(),
            "key": st.just({"name": "ci", "owner": "b"}),
            "ai_keys": st.just([{"place": "user_data", "provider": "openai"}]),
        },
    ),
    unknown=st.dictionaries(st.sampled_from(UNKNOWN), st.just("later")),
)

RESIDENCY: dict[str, Any] = {
    "datasets": {"eu-personal": "personal"},
    "default_class": "personal",
    "classes": {"personal": {"jurisdictions": ["EU"], "same_region": True}},
}


@pytest.fixture(scope="module")
def shipped() -> library.Library:
    return library.load([library.builtin()], overlay={"residency": RESIDENCY})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(resources, max_size=8))
def test_parts_of_any_size_have_the_answer_of_the_whole(
    shipped: library.Library, monkeypatch: pytest.MonkeyPatch, drawn: list[dict[str, Any]]
) -> None:
    inventory = Inventory(stage="plan", resources=tuple(resource(f"r{n}", **facts) for n, facts in enumerate(drawn)))
    answers = []
    for size in (1, 3, 1000):
        monkeypatch.setattr(language, "BATCH", size)
        found = judge(inventory, shipped.evaluators, TODAY)
        assert not found.failures
        answers.append(sorted((f.policy, f.resource, f.attribute, f.msg, repr(f.details)) for f in found.findings))
    assert answers[0] == answers[1] == answers[2]


def test_all_shipped_rego_looks_at_each_resource(shipped: library.Library) -> None:
    """But those about scopes of Azure: what is the same above is told there."""
    whole = {p.kinds for p in shipped.known if p.language == "rego" and not p.each}
    assert whole == {("azure_scope",)}


def numbered(*wrong: int) -> list[Resource]:
    """Ten resources; a builtin fails on the tag of some."""
    tags: list[Any] = [{"x": 1} if number in wrong else {"x": "a"} for number in range(10)]
    return [resource(f"r{number}", tags=tag) for number, tag in enumerate(tags)]


@pytest.mark.parametrize("size", [3, 4, 100])
def test_a_resource_that_a_policy_fails_on_is_named_and_the_others_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(language, "BATCH", size)

    found = ask(write(tmp_path, EACH), *numbered(2, 7))

    assert [failure.resource for failure in found.failures] == ["r2", "r7"]
    assert [resource for _, resource, _ in said(found)] == [f"r{n}" for n in range(10) if n not in (2, 7)]
    assert [policy.id for policy in found.policies] == ["NAM001"]


def test_of_many_that_a_policy_fails_on_five_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "BATCH", 3)

    found = ask(write(tmp_path, EACH), *numbered(0, 3, 4, 5, 6, 7, 8, 9))

    assert [failure.resource for failure in found.failures] == ["r0", "r3", "r4", "r5", "r6"]
    assert [resource for _, resource, _ in said(found)] == ["r1", "r2"]


def test_a_policy_that_fails_always_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "BATCH", 3)
    always = rego(body="true").replace("some resource", "count(input.today) == lower(1)\n\tsome resource")
    folder = write(tmp_path, {"names/names.rego": always.replace("high\n", "high\n#   each: resource\n")})

    for resources in (numbered(), []):
        (failure,) = ask(folder, *resources).failures
        assert failure.resource == ""


class Losing(Here):
    """A pool whose second item is lost."""

    def map(self, task: Any, items: Any) -> Iterator[Result]:
        return ((number, None if number == 1 else answer) for number, answer in super().map(task, items))


def test_a_part_that_was_lost_is_a_failure_of_every_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "BATCH", 4)
    monkeypatch.setattr(language, "WORTH_FORKING", 4)
    asked = library.load([write(tmp_path, EACH)], languages={".rego": language.Language(Losing())}).evaluators

    found = judge(Inventory(stage="plan", resources=tuple(numbered())), asked, TODAY)

    assert found.failures == [Failure("NAM001", "", LOST)]
    assert [resource for _, resource, _ in said(found)] == ["r0", "r1", "r2", "r3", "r8", "r9"]


TWICE = """\
package names

# METADATA
# title: Names differ
# custom:
#   id: NAM001
#   severity: high
#   each: resource
deny_long contains {"resource": one.id, "msg": "twice", "attribute": "tags.name"} if {
	some one in input.resources
	some other in input.resources
	one.id != other.id
	one.tags.name == other.tags.name
}
"""
NONE = TWICE[: TWICE.index("deny_long")] + (
    'deny_long contains {"resource": "account", "msg": "it is empty"} if count(input.resources) == 0\n'
)
ALIKE = """\
- name: two of one name
  resources:
    - {id: a, kind: compute_instance, tags: {name: x}}
    - {id: b, kind: compute_instance, tags: {name: x}}
  expect:
    - {policy: NAM001, resource: a, attribute: tags.name}
    - {policy: NAM001, resource: b, attribute: tags.name}
"""
ONE = "- {name: one, resources: [{id: a, kind: compute_instance}], expect: []}\n"


@pytest.mark.parametrize(("text", "written"), [(TWICE, ALIKE), (NONE, ONE)])
def test_a_card_that_says_so_wrongly_fails_its_cases(tmp_path: Path, text: str, written: str) -> None:
    folder = write(tmp_path, {"names/names.rego": text, "names/cases.yaml": written})
    (case,) = cases.read(folder / "names/cases.yaml")

    (difference,) = cases.run(case, "names", [folder])

    assert "NAM001 says `each: resource` in its card, and finds something else on each resource" in difference
    write(folder, {"names/names.rego": text.replace("#   each: resource\n", "")})
    assert cases.run(case, "names", [folder]) == []


def test_a_card_says_resource_or_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path, {"names/names.rego": TWICE.replace("each: resource", "each: project")})

    with pytest.raises(Refusal, match="the METADATA card is malformed: Invalid enum value 'project'"):
        library.load([folder])
