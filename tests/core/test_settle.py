"""Findings, levels, exemptions, a baseline and a day in; what counts out."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from governor import baseline
from governor.exemptions import Register, glob
from governor.model import (
    SEVERITIES,
    Baseline,
    Exemption,
    Failure,
    Finding,
    Gap,
    Inventory,
    Judgement,
    Level,
    Origin,
    Policy,
    Resource,
    Verdict,
)
from governor.settle import settle

TODAY = date(2026, 8, 1)
DAY = timedelta(days=1)
POLICIES = [
    Policy(id="TAG001", title="t", severity="high"),
    Policy(id="BUD001", title="b", severity="critical"),
    Policy(id="KEY001", title="k", severity="low"),
]
LEVELS: dict[str, Level] = {"TAG001": "deny", "BUD001": "warn", "KEY001": "note"}


def finding(policy: str = "TAG001", resource: str = "aws_instance.a", attribute: str = "", **facts: Any) -> Finding:
    return Finding(
        policy=policy, resource=resource, kind="compute_instance", attribute=attribute, **{"msg": "m", **facts}
    )


def exemption(policy: str = "*", resource: str = "*", expires: date = TODAY, **facts: Any) -> Exemption:
    return Exemption(
        policy=policy,
        resource=resource,
        expires=expires,
        **{"category": "waiver", "reason": "r", "owner": "o", "approved_by": "a", **facts},
    )


def known_before(*findings: Finding) -> Baseline:
    return Baseline("main", baseline.entries(findings))


def settled(*findings: Finding, failures: tuple[Failure, ...] = (), gaps: tuple[Gap, ...] = (), **how: Any) -> Verdict:
    inventory = Inventory(stage="plan", resources=(), gaps=gaps)
    return settle(Judgement(findings, failures, POLICIES), inventory, **{"levels": LEVELS, "today": TODAY, **how})


def test_a_verdict_says_all_there_is_to_say() -> None:
    resources = tuple(
        Resource(id=id, kind="bucket", type="t", provider="aws", hourly_usd=price)
        for id, price in (("a", Decimal("1.5")), ("b", None), ("c", Decimal("0.25")))
    )
    inventory = Inventory(
        stage="live",
        resources=resources,
        gaps=(Gap("eu-west-1", "denied"),),
        not_covered={"aws_vpc": 2},
        notes=("a note",),
        source="AWS",
    )
    failure = Failure("KEY001", "", "broke")

    verdict = settle(
        Judgement([finding()], [failure], POLICIES),
        inventory,
        levels=LEVELS,
        today=TODAY,
        fail_level="note",
        strict=True,
        notes=["another"],
    )

    assert verdict == Verdict(
        policies={policy.id: policy for policy in POLICIES},
        levels=LEVELS,
        fail_level="note",
        strict=True,
        today=TODAY,
        stage="live",
        source="AWS",
        open=[finding()],
        exempt=[],
        undetermined=[],
        failures=[failure],
        lapsed_exemptions=[],
        stale_exemptions=[],
        gaps=(Gap("eu-west-1", "denied"),),
        notes=["a note", "another"],
        not_covered={"aws_vpc": 2},
        resources=3,
        hourly_usd=Decimal("1.75"),
    )
    assert verdict.footer == "1 open, 0 exempt, 0 undetermined – 3 resources, 3 policies, 1 gap"


_FINDINGS = st.lists(
    st.builds(
        finding,
        policy=st.sampled_from(sorted(LEVELS)),
        resource=st.sampled_from(["a", "a[0]", 'a["x.y"]', "b\nc", ""]),
        attribute=st.sampled_from(["tags.x", "tags.unknown", ""]),
        msg=st.sampled_from(["one", "two"]),
    ).map(lambda f: replace(f, reason="known after apply" if "unknown" in f.attribute else "")),
    max_size=12,
)
_EXEMPTIONS = st.lists(
    st.builds(
        exemption,
        policy=st.sampled_from(["*", "TAG*", "BUD00?", "NONE"]),
        resource=st.sampled_from(["*", "a", "a[0]", "b*", "?"]),
        expires=st.sampled_from([TODAY - DAY, TODAY, TODAY + DAY]),
    ),
    max_size=4,
)


@given(findings=_FINDINGS, exemptions=_EXEMPTIONS, data=st.data())
def test_each_finding_lands_in_exactly_one_list_in_order(
    findings: list[Finding], exemptions: list[Exemption], data: st.DataObject
) -> None:
    before = data.draw(st.lists(st.sampled_from(findings), max_size=8) if findings else st.just([]))

    verdict = settled(*findings, exemptions=exemptions, baseline=known_before(*before))

    exempt = [entry.finding for entry in verdict.exempt]
    lists = (verdict.open, exempt, verdict.baselined, verdict.undetermined)
    assert Counter(map(repr, findings)) == Counter(repr(f) for each in lists for f in each)
    for each in lists:
        severity = {policy.id: SEVERITIES.index(policy.severity) for policy in POLICIES}
        keys = [(severity[f.policy], f.policy, f.resource, f.attribute, f.msg) for f in each]
        assert keys == sorted(keys)
    assert all(f.reason for f in verdict.undetermined)
    assert not any(f.reason for f in [*verdict.open, *verdict.baselined])
    # An entry covers one finding: as many are known as both sides have.
    definite = Counter(f.fingerprint for f in [*verdict.open, *verdict.baselined])
    entries = Counter(f.fingerprint for f in before)
    assert Counter(f.fingerprint for f in verdict.baselined) == definite & entries
    # Lapsed, stale and used: each exemption is one of them.
    for each in exemptions:
        assert (each in verdict.lapsed_exemptions) == (each.expires < TODAY)
        covers = any(
            glob(each.policy).fullmatch(f.policy) and glob(each.resource).fullmatch(f.resource) for f in findings
        )
        assert (each in verdict.stale_exemptions) == (each.expires >= TODAY and not covers)


@given(findings=_FINDINGS, exemptions=_EXEMPTIONS, data=st.data())
def test_the_order_of_findings_changes_nothing(
    findings: list[Finding], exemptions: list[Exemption], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(findings))

    assert settled(*findings, exemptions=exemptions) == settled(*shuffled, exemptions=exemptions)


def test_an_exemption_beats_what_is_unknown_and_that_beats_the_baseline() -> None:
    definite, unknown = finding(), finding(attribute="tags.x", reason="known after apply")
    known = known_before(definite, unknown)

    bare = settled(definite, unknown)
    baselined = settled(definite, unknown, baseline=known)
    exempt = settled(definite, unknown, baseline=known, exemptions=[exemption()])

    assert (bare.open, bare.undetermined) == ([definite], [unknown])
    assert (baselined.open, baselined.baselined, baselined.undetermined) == ([], [definite], [unknown])
    assert [entry.finding for entry in exempt.exempt] == [definite, unknown]
    assert (exempt.open, exempt.baselined, exempt.undetermined) == ([], [], [])


@pytest.mark.parametrize(("expires", "holds"), [(TODAY - DAY, False), (TODAY, True), (TODAY + DAY, True)])
def test_an_exemption_holds_on_its_last_day(expires: date, holds: bool) -> None:
    verdict = settled(finding(), exemptions=[exemption(expires=expires)])

    assert len(verdict.exempt) == holds
    assert len(verdict.open) == len(verdict.lapsed_exemptions) == (not holds)
    assert verdict.stale_exemptions == []


def test_the_first_exemption_in_force_answers_and_the_others_are_not_stale() -> None:
    lapsed = exemption(owner="gone", expires=TODAY - DAY)
    first, second = exemption(owner="first"), exemption(owner="second", policy="TAG001")
    idle = exemption(resource="aws_instance.z")

    verdict = settled(finding(), exemptions=[lapsed, first, second, idle])

    assert [entry.exemption.owner for entry in verdict.exempt] == ["first"]
    assert (verdict.lapsed_exemptions, verdict.stale_exemptions) == ([lapsed], [idle])


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("*", "any\nlines", True),
        ("aws_instance.node[0]", "aws_instance.node[0]", True),
        ("aws_instance.node[0]", "aws_instance.node0", False),
        ('module.team["vis.1"].*', 'module.team["vis.1"].aws_instance.dev[0]', True),
        ('module.team["vis.1"].*', 'module.team["visx1"].aws_instance.dev[0]', False),
        ("module.*.aws_instance.?", "module.a.module.b.aws_instance.c", True),
        ("aws_instance.?", "aws_instance.", False),
        ("aws_instance.a", "aws_instance.ab", False),
        ("AWS_instance.a", "aws_instance.a", False),
        (r"a\*", r"a\b", True),
        ("a$|^b", "b", False),
    ],
)
def test_a_glob_has_two_wildcards_and_no_other_magic(pattern: str, text: str, fits: bool) -> None:
    register = Register([exemption(resource=pattern)], TODAY)

    assert (register.cover(finding(resource=text)) is not None) == fits


@given(st.text())
def test_a_text_without_wildcards_matches_itself_only(text: str) -> None:
    literal = text.replace("*", "").replace("?", "")

    assert glob(literal).fullmatch(literal)
    assert not glob(literal).fullmatch(f"{literal}x")
    assert not glob(literal).fullmatch(f"{literal}\n")


@pytest.mark.parametrize(
    ("fail_level", "code"), [("note", 1), ("warn", 1), ("deny", 0)], ids=["from note up", "from warn up", "deny only"]
)
def test_what_is_open_below_the_fail_level_passes(fail_level: Level, code: int) -> None:
    assert settled(finding("BUD001"), fail_level=fail_level).exit_code == code


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (settled(), 0),
        (settled(finding()), 1),
        (settled(finding(reason="later")), 0),
        (settled(finding(reason="later"), strict=True), 3),
        (settled(finding("BUD001", reason="later"), strict=True), 0),
        (settled(gaps=(Gap("a", "b"),)), 0),
        (settled(finding(), gaps=(Gap("a", "b"),)), 1),
        (settled(gaps=(Gap("a", "b"),), strict=True), 3),
        (settled(finding(), failures=(Failure("KEY001", "", "x"),)), 3),
        (settled(finding(), exemptions=[exemption()]), 0),
        (settled(finding(), baseline=known_before(finding())), 0),
        (settle(Judgement([], [], []), Inventory(stage="plan", resources=()), levels={}, today=TODAY), 4),
    ],
    ids=[
        "clean", "open", "undetermined", "undetermined, strict", "undetermined below the fail level, strict", "gap",
        "open beside a gap", "gap, strict", "failure beats open", "exempt", "baselined", "no policy",
    ],
)  # fmt: skip
def test_exit_codes(verdict: Verdict, code: int) -> None:
    assert verdict.exit_code == code


def test_failures_say_three_whatever_else_there_is() -> None:
    failed = (Failure("KEY001", "", "x"),)
    for strict, level, gaps in product((True, False), ("note", "deny"), ((), (Gap("a", "b"),))):
        assert settled(finding(), failures=failed, gaps=gaps, strict=strict, fail_level=level).exit_code == 3


def allowing(*findings: Finding, **terms: Any) -> Verdict:
    """What becomes of the findings when the first of them is allowed in the input itself."""
    inventory = Inventory(stage="commit", resources=(), allowed={findings[0].fingerprint: exemption(**terms)}, clean=3)
    return settle(Judgement(findings, (), POLICIES), inventory, levels=LEVELS, today=TODAY)


def test_an_exemption_in_the_input_covers_its_own_finding_only() -> None:
    one, other = finding(attribute="a"), finding(attribute="b")

    verdict = allowing(one, other)

    assert [item.finding for item in verdict.exempt] == [one]
    assert verdict.open == [other]
    assert verdict.stale_exemptions == verdict.lapsed_exemptions == []


def test_an_exemption_in_the_input_lapses_like_any_other() -> None:
    verdict = allowing(finding(), expires=TODAY - DAY)

    assert (len(verdict.open), len(verdict.exempt), len(verdict.lapsed_exemptions)) == (1, 0, 1)


def test_an_exemption_in_the_input_that_covers_nothing_is_stale() -> None:
    inventory = Inventory(stage="commit", resources=(), allowed={finding().fingerprint: exemption()})

    verdict = settle(Judgement((), (), POLICIES), inventory, levels=LEVELS, today=TODAY)

    assert len(verdict.stale_exemptions) == 1


def test_what_holds_nothing_to_judge_is_counted() -> None:
    inventory = Inventory(stage="commit", resources=(), clean=3, unit="file")

    verdict = settle(Judgement((), (), POLICIES), inventory, levels=LEVELS, today=TODAY)

    assert verdict.footer == "0 open, 0 exempt, 0 undetermined – 3 files, 3 policies, 0 gaps"


def test_findings_of_one_file_come_in_the_order_of_its_lines() -> None:
    places = [Origin("f", 9), Origin("f", 10, column=7), Origin("f", 10, column=12)]

    found = settled(*(finding(attribute=name, origin=place) for name, place in zip("cba", places, strict=True)))

    assert [item.origin for item in found.open] == places
