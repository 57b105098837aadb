"""Violations in, findings out: the tri-state, the kinds filter, scopes, and secrets that nobody may repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.judge import judge, tag_of, unknown_reason
from governor.model import Answer, Failure, Finding, Gap, Inventory, Judgement, Origin, Policy, Resource, Violation

TODAY = date(2026, 8, 1)
TAG = Policy(id="TAG001", title="Tags", kinds=("compute_instance", "bucket"))
ANY = Policy(id="ANY001", title="Anything")


class Says:
    """An evaluator with its answers ready."""

    def __init__(self, *answers: Answer) -> None:
        self.policies = [answer.policy for answer in answers]
        self.answers = answers

    def evaluate(self, inventory: Inventory, today: date) -> Iterator[Answer]:
        yield from self.answers


def resource(id: str, kind: str = "compute_instance", **facts: Any) -> Resource:
    return Resource(id=id, kind=kind, type="aws_instance", provider="aws", **facts)


def judged(*answers: Answer, resources: Sequence[Resource] = (), secrets: tuple[str, ...] = ()) -> Judgement:
    inventory = Inventory(stage="plan", resources=tuple(resources), secrets=secrets)
    return judge(inventory, [Says(answer) for answer in answers], TODAY)


def test_a_violation_takes_on_the_facts_of_its_resource() -> None:
    trainer = resource("aws_instance.a", hourly_usd=Decimal("12.24"), origin=Origin("main.tf", 3))
    violation = Violation("aws_instance.a", "lacks project", "tags.project", {"tag": "project"})

    judgement = judged(Answer(TAG, [violation]), Answer(ANY), resources=[trainer])

    assert judgement == Judgement(
        [
            Finding(
                policy="TAG001",
                resource="aws_instance.a",
                kind="compute_instance",
                attribute="tags.project",
                msg="lacks project",
                details={"tag": "project"},
                hourly_usd=Decimal("12.24"),
                origin=Origin("main.tf", 3),
            )
        ],
        [],
        [TAG, ANY],
    )


def test_an_attribute_may_have_a_place_of_its_own() -> None:
    file = resource("f", origin=Origin("f", 1), origins={"attributes.ai_keys.B": Origin("f", 9, column=5)})
    violations = [Violation("f", "a key", f"attributes.ai_keys.{name}") for name in "AB"]

    found = judged(Answer(TAG, violations), resources=[file]).findings

    assert [finding.origin for finding in found] == [Origin("f", 1), Origin("f", 9, column=5)]


def test_a_kind_that_the_card_does_not_list_is_not_judged() -> None:
    resources = [resource("a"), resource("b", "bucket"), resource("c", "volume")]
    violations = [Violation(each.id, "no") for each in resources]

    judgement = judged(Answer(TAG, violations), Answer(ANY, violations), resources=resources)

    assert [(f.policy, f.resource) for f in judgement.findings] == [
        ("TAG001", "a"), ("TAG001", "b"), ("ANY001", "a"), ("ANY001", "b"), ("ANY001", "c"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "read"),
    [
        ({"tags": {"project": " atlas "}}, "atlas"),
        ({"tags": {"project": "(sensitive)"}, "unknown": {"tags.project": "sensitive"}}, "(sensitive)"),
        ({"unknown": {"tags.project": "known after apply"}}, "(not known)"),
        ({"unknown": {"tags": "known after apply"}}, "(not known)"),
        ({"unknown": {"tags.*": "known after apply"}}, "(not known)"),
        ({"tags": {"project": ""}, "unknown": {"tags.*": "known after apply"}}, ""),
        ({"unknown": {"tags.owner-team": "known after apply"}}, ""),
        ({}, ""),
    ],
)
def test_a_tag_that_is_not_known_is_not_absent(facts: dict[str, Any], read: str) -> None:
    assert tag_of(resource("a", **facts), "project") == read


def test_findings_know_whose_they_are() -> None:
    mine = resource("a", tags={"owner-team": "nlp-s3cret-x", "project": "atlas"})
    says = Answer(
        ANY, [Violation("a", "no"), Violation("project/vision", "over budget"), Violation("plan", "too much")]
    )

    judgement = judged(says, resources=[mine], secrets=("s3cret",))

    assert [(f.owner, f.project) for f in judgement.findings] == [
        ("nlp-(sensitive)-x", "atlas"),
        ("", "vision"),
        ("", ""),
    ]


def test_what_is_no_resource_is_a_scope_whatever_the_kinds() -> None:
    judgement = judged(
        Answer(TAG, [Violation("project atlas", "over budget", "monthly_usd")]), resources=[resource("a")]
    )

    (finding,) = judgement.findings
    assert (finding.resource, finding.kind, finding.hourly_usd, finding.reason) == ("project atlas", "scope", None, "")


def test_where_a_violation_says_it_stands_counts_when_the_inventory_does_not_tell() -> None:
    known, said = Origin("main.tf", 3), Origin("other.tf", 9)
    violations = [Violation(id, "m", origin=said) for id in ("a", "b", "project atlas")]

    found = judged(Answer(ANY, violations), resources=[resource("a", origin=known), resource("b")]).findings

    assert {finding.resource: finding.origin for finding in found} == {"a": known, "b": said, "project atlas": said}


def test_what_is_removed_is_never_a_resource_that_is_judged() -> None:
    gone = resource("gone", hourly_usd=Decimal(3))
    inventory = Inventory(stage="plan", resources=(), removed=(gone,), gaps=(Gap("x", "y"),))

    (finding,) = judge(inventory, [Says(Answer(ANY, [Violation("gone", "m")]))], TODAY).findings

    assert (finding.kind, finding.hourly_usd) == ("scope", None)


@pytest.mark.parametrize(
    ("unknown", "attribute", "reason"),
    [
        ({"tags": "all later"}, "tags", "all later"),
        ({"tags": "all later"}, "tags.project", "all later"),
        ({"tags": "all later"}, "tags.a.b", "all later"),
        ({"tags": "all later"}, "tagsy", ""),
        ({"tags.*": "the rest later"}, "tags.project", "the rest later"),
        ({"tags.*": "the rest later"}, "tags.known", ""),
        ({"tags.*": "the rest later"}, "tags.a.b", ""),
        ({"tags.*": "the rest later"}, "tags.a", "the rest later"),
        ({"tags.*": "the rest later"}, "tags", "the rest later"),
        ({"tags.project": "one later"}, "tags.project", "one later"),
        ({"tags.project": "one later"}, "tags.projects", ""),
        ({"tags.project": "one later"}, "tags.project.name", ""),
        ({"tags.project": "one later"}, "tags", ""),
        ({"tags.project": "one later", "tags": "all later"}, "tags.project", "one later"),
        ({"attributes.key": "later"}, "attributes.key.owner", "later"),
        ({"attributes.copies_to": "later"}, "attributes.copies_to[0]", "later"),
        ({"attributes.key": "later"}, "attributes.keys", ""),
        ({"attributes.key.owner": "later"}, "attributes.key", ""),
        ({"hourly_usd": "no price"}, "hourly_usd", "no price"),
        ({"hourly_usd": "no price"}, "", ""),
        ({"hourly_usd": ""}, "hourly_usd", "not known"),
    ],
)
def test_an_attribute_is_unknown_when_it_lies_under_an_unknown_path(
    unknown: dict[str, str], attribute: str, reason: str
) -> None:
    subject = resource("a", tags={"known": "1", "a.b": "2"}, unknown=unknown)

    (finding,) = judged(Answer(ANY, [Violation("a", "m", attribute)]), resources=[subject]).findings

    assert finding.reason == reason


_WORD = st.text("ab.*[]", min_size=1, max_size=4)
_PATHS = st.one_of(
    st.just("tags"),
    st.just("tags.*"),
    _WORD.map("tags.{}".format),
    st.lists(st.sampled_from(["attributes", "key", "k", "x"]), min_size=1, max_size=3).map(".".join),
)


@given(unknown=st.dictionaries(_PATHS, st.sampled_from(["later", ""]), max_size=4), attribute=_PATHS)
def test_an_unknown_path_hides_itself_and_all_below_it(unknown: dict[str, str], attribute: str) -> None:
    subject = resource("a", unknown=unknown)
    inside_tags = attribute.startswith("tags.")
    below = [p for p in unknown if attribute.startswith(p + ".") and not (inside_tags and p.startswith("tags."))]

    hidden = attribute in unknown or bool(below) or (attribute.startswith("tags") and "tags.*" in unknown)

    assert bool(unknown_reason(subject, attribute)) == hidden


@given(
    tags=st.dictionaries(_WORD, st.text(max_size=3), max_size=3),
    unknown=st.dictionaries(_PATHS, st.just("later"), max_size=3),
    attribute=_PATHS,
    more=_PATHS,
)
def test_knowing_less_never_makes_a_finding_definite(
    tags: dict[str, str], unknown: dict[str, str], attribute: str, more: str
) -> None:
    before = unknown_reason(resource("a", tags=tags, unknown=unknown), attribute)
    after = unknown_reason(resource("a", tags=tags, unknown={**unknown, more: "later"}), attribute)

    assert after or not before


SECRETS = ("hunter2 and more", "hunter2", "4711")


def test_a_secret_is_blotted_out_of_all_that_a_policy_says() -> None:
    violation = Violation(
        "scope hunter2",
        "the password is hunter2 and more, or hunter2",
        "tags.hunter2",
        {"pin": 4711, "ports": (47112, "4711", None, True, {"hunter2": 1.5}), "ok": "fine"},
    )
    failure = Failure("ANY001", "a", "lower expects string argument. Got 4711 instead")

    judgement = judged(Answer(ANY, [violation], [failure]), secrets=SECRETS)

    assert judgement.failures == [Failure("ANY001", "a", "lower expects string argument. Got (sensitive) instead")]
    assert judgement.findings == [
        Finding(
            policy="ANY001",
            resource="scope (sensitive)",
            kind="scope",
            attribute="tags.(sensitive)",
            msg="the password is (sensitive), or (sensitive)",
            details={
                "pin": "(sensitive)",
                "ports": [47112, "(sensitive)", None, True, {"(sensitive)": 1.5}],
                "ok": "fine",
            },
        )
    ]


def test_a_secret_that_reads_like_a_word_changes_neither_address_nor_tri_state() -> None:
    subject = resource("aws_instance.production", unknown={"tags.project": "known after apply"})
    violation = Violation(subject.id, "aws_instance.production lacks project", "tags.project")

    (finding,) = judged(Answer(ANY, [violation]), resources=[subject], secrets=("production", "project")).findings

    assert (finding.resource, finding.reason) == ("aws_instance.production", "known after apply")
    assert finding.msg == "aws_instance.(sensitive) lacks (sensitive)"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    secrets=st.lists(st.text("wxyz", min_size=6, max_size=8), min_size=1, max_size=3),
    before=st.text("wxyz ", max_size=5),
    after=st.text("wxyz ", max_size=5),
    details=st.dictionaries(st.text(max_size=4), _JSON, max_size=3),
)
def test_no_secret_survives(secrets: list[str], before: str, after: str, details: dict[str, Any]) -> None:
    tidy = tuple(sorted(set(secrets), key=lambda secret: -len(secret)))
    said = before + tidy[0] + after
    violation = Violation(said, said, said, {**details, "said": [said], said: {"deep": said}})

    judgement = judged(Answer(ANY, [violation], [Failure("ANY001", "", said)]), secrets=tidy)

    for secret in tidy:
        assert secret not in repr(judgement.findings)
        assert secret not in repr(judgement.failures)


def test_a_short_secret_is_blotted_as_a_word_and_not_out_of_others() -> None:
    violation = Violation("r", "r lacks dataset; its data is data-1", "tags.dataset")

    (finding,) = judged(Answer(ANY, [violation]), secrets=("data",)).findings

    assert finding.msg == "r lacks dataset; its (sensitive) is (sensitive)-1"
    assert finding.attribute == "tags.dataset"


@given(details=st.dictionaries(st.text(max_size=4), _JSON, max_size=3), msg=st.text(max_size=9))
def test_without_secrets_nothing_is_touched(details: dict[str, Any], msg: str) -> None:
    (finding,) = judged(Answer(ANY, [Violation("s", msg, "a", details)])).findings

    assert (finding.msg, finding.details) == (msg, details)
