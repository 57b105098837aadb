"""The comment that a pull request keeps: one for an environment, short when all is well, left alone when the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from governor.model import Exempted, Exemption, Finding, Policy, Spending, Verdict
from governor.reports import Options, render
from governor.reports.comment import marker
from governor.reports.markdown import LIMIT

POLICY = Policy(id="P1", title="P")


def comment(verdict: Verdict, environment: str = "prod") -> str:
    return render("comment", verdict, Options(environment=environment))


def costs(project: str, before: object, after: object, budget: object = None, **more: Any) -> Spending:
    limit = None if budget is None else Decimal(str(budget))
    return Spending(
        project=project, before_usd=Decimal(str(before)), after_usd=Decimal(str(after)), budget_usd=limit, **more
    )


def table(text: str) -> list[list[str]]:
    """The rows of the table of costs."""
    lines = text[text.index("**Expected cost a month**") :].splitlines()[4:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[: next(n for n, row in enumerate(rows) if len(row) != 5)]


def test_a_comment_is_found_by_its_environment_and_no_other(clean: Verdict) -> None:
    for environment in ("prod", "prod-eu", "", "a/b --> <b>"):
        first = comment(clean, environment).splitlines()[0]
        assert first.startswith(marker(environment))
        assert first.count("-->") == 1
        assert first.endswith(" -->")
    assert not comment(clean, "prod-eu").startswith(marker("prod"))
    assert marker("prod") == "<!-- governor:prod "
    assert comment(clean, "").startswith("<!-- governor:default ")


def test_the_marker_changes_with_the_comment_and_with_nothing_else(clean: Verdict, verdict: Verdict) -> None:
    first = comment(clean).splitlines()[0]
    tomorrow = structs.replace(clean, today=clean.today + timedelta(days=1), source="/elsewhere/plan.json")
    assert comment(tomorrow).splitlines()[0] == first
    assert comment(structs.replace(clean, spending=[costs("a", 1, 2)])).splitlines()[0] != first
    assert comment(verdict).splitlines()[0] != first


def test_a_line_when_all_is_well(clean: Verdict, verdict: Verdict) -> None:
    well = structs.replace(clean, spending=[costs("a", 4100, 4300, 5000), costs("", 0, "0.40")])
    _, line = comment(well).splitlines()
    assert line == "✅ governor `prod`: All good: nothing is open. Costs $4,100 → $4,300 a month (+$200)."
    _, line = comment(structs.replace(clean, spending=[costs("a", 9, 9)])).splitlines()
    assert line.endswith("nothing is open. Costs $9 a month, unchanged.")
    _, line = comment(structs.replace(clean, compared_with="main", fixed=verdict.fixed)).splitlines()
    assert line == "✅ governor `prod`: All good: nothing is open. 0 new, 0 known, 1 fixed."
    _, line = comment(structs.replace(clean, stage="commit", spending=[costs("a", 9, 9)])).splitlines()
    assert line.endswith("nothing is open. Costs $9 a month."), "code knows nothing of what is there"


def test_what_needs_somebody_is_no_line(clean: Verdict, verdict: Verdict) -> None:
    for change in (
        {"spending": [costs("a", 9, 9, 8)]},
        {"gaps": verdict.gaps},
        {"lapsed_exemptions": verdict.lapsed_exemptions},
        {"policies": {}, "levels": {}},
    ):
        assert "\n## " in comment(structs.replace(clean, **change)), change


def test_new_and_known(verdict: Verdict) -> None:
    assert "\n**11 new**, **1 known**, **1 fixed**\n" in comment(verdict)
    assert " new**" not in comment(structs.replace(verdict, compared_with="")), "nothing tells new from known"


def test_cost_by_project_against_its_budget(verdict: Verdict) -> None:
    spending = [
        costs("same", 10, 10, 20),
        costs("less", 900, 100),
        costs("more", "1000.4", 3000, 4000),
        costs("over", 50, 50, 40),
        costs("other", 7, 7),
        costs("none", 0, 5, 0),
    ]
    assert table(comment(structs.replace(verdict, spending=spending))) == [
        ["none", "$0", "$5", "+$5", "❌ of $0"],
        ["over", "$50", "$50", "±$0", "❌ 125 % of $40"],
        ["more", "$1,000", "$3,000", "+$2,000", "75 % of $4,000"],
        ["less", "$900", "$100", "-$800", "–"],
        ["2 other projects", "$17", "$17", "±$0", "–"],
        ["**all**", "$1,967", "$3,172", "+$1,205", "–"],
    ]


def test_what_has_no_price_makes_a_bound(verdict: Verdict) -> None:
    spending = [
        costs("a", 1, 2, unpriced_after=1),
        costs("b", 5, 5, unpriced_before=1),
        costs("c", 5, 6, unpriced_before=1, unpriced_after=1),
    ]
    assert [row[1:4] for row in table(comment(structs.replace(verdict, spending=spending)))] == [
        ["$1", "≥ $2", "≥ +$1"],
        ["≥ $5", "≥ $6", "≈ +$1"],
        ["≥ $5", "$5", "≤ ±$0"],
        ["≥ $11", "≥ $13", "≈ +$2"],
    ]


def test_many_projects_are_cut_with_their_sum(verdict: Verdict) -> None:
    rows = table(comment(structs.replace(verdict, spending=[costs(f"p{n}", 0, 100 + n) for n in range(100)])))
    assert len(rows) == 22
    assert rows[-2:] == [
        ["80 other projects", "$0", "$11,160", "+$11,160", "–"],
        ["**all**", "$0", "$14,950", "+$14,950", "–"],
    ]


def test_without_a_reckoning_nothing_is_said_of_cost(verdict: Verdict) -> None:
    assert "a month" not in comment(structs.replace(verdict, spending=[]))


@pytest.mark.parametrize(("days", "named"), [(0, True), (14, True), (15, False)])
def test_exemptions_about_to_lapse(days: int, named: bool, clean: Verdict) -> None:
    exemption = Exemption(
        policy="TAG*", resource="a|b", category="waiver", reason="soon gone", owner="x@example.com",
        approved_by="y@example.com", expires=clean.today + timedelta(days=days),
    )  # fmt: skip
    finding = Finding(policy="TAG001", resource="a|b", kind="x", attribute="", msg="a|b is wrong")
    text = comment(structs.replace(clean, exempt=[Exempted(finding, exemption)] * 2))
    assert text.count("- `TAG*` on <code>a&#124;b</code>, waiver until") == named
    assert ("**Exemptions about to lapse:**" in text) == named


def test_never_longer_than_a_comment_may_be(judged: Callable[..., Verdict]) -> None:
    findings = [Finding(policy="P1", resource=f"r{n}" * 50, kind="x", attribute="", msg="m" * 2_000) for n in range(60)]
    verdict = structs.replace(judged(findings, POLICY), spending=[costs(f"p{n}" * 60, 0, n) for n in range(1, 50)])
    text = render("comment", verdict, Options(environment="e" * 100, verbose=True))
    assert LIMIT - 4_000 < len(text) <= LIMIT
    assert "lines left out" in text
    assert text.splitlines()[-1] == verdict.footer


@given(st.text(), st.text())
def test_any_name_of_a_project_or_environment(project: str, environment: str) -> None:
    verdict = Verdict(
        policies={}, levels={}, today=date(2026, 3, 2), stage="plan", spending=[costs(project, 0, 1), costs("z", 0, 2)]
    )
    text = comment(verdict, environment)
    assert len(table(text)) == 3
    assert text.splitlines()[0].startswith(marker(environment))
