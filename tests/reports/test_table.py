from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from governor.model import Finding, Origin, Policy, Verdict
from governor.reports import Options, render
from governor.reports.page import fold

WIDTHS = [40, 60, 71, 72, 80, 99, 100, 120, 200]
POLICY = Policy(
    id="TAG001", title="Tags", severity="high", remediation="add it", together="lacks {count} tags: {names}"
)


def lacks(resource: str, tag: str, price: str | None = None, reason: str = "") -> Finding:
    return Finding(
        policy="TAG001",
        resource=resource,
        kind="compute_instance",
        attribute=f"tags.{tag}",
        msg=f'{resource} lacks the tag "{tag}"',
        hourly_usd=Decimal(price) if price else None,
        reason=reason,
    )


def squeezed(report: str) -> str:
    """The report without white space and without the column of prices, so that folded names are whole again."""
    return "".join("".join(re.sub(r"\s+(\$[\d.,]+/h|–)$", "", line).split()) for line in report.splitlines())


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_lost_at_any_width(verdict: Verdict, width: int) -> None:
    report = render("table", verdict, Options(width=width, verbose=True))
    whole = squeezed(report)
    for finding in (*verdict.open, *verdict.undetermined, *verdict.baselined, *(e.finding for e in verdict.exempt)):
        assert "".join(finding.resource.split()) in whole
        assert finding.policy in whole
    for finding in verdict.open:
        assert finding.hourly_usd is None or f"${finding.hourly_usd}/h" in report
    for failure in verdict.failures:
        assert "".join(failure.reason.split()) in whole


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(verdict: Verdict, width: int) -> None:
    *lines, footer = render("table", verdict, Options(width=width, verbose=True)).splitlines()
    assert footer == verdict.footer
    assert [line for line in lines if cell_len(line) > width] == []


def test_findings_of_one_policy_on_one_resource_share_a_line(judged: Callable[..., Verdict]) -> None:
    verdict = judged([lacks("aws_instance.a", "project"), lacks("aws_instance.a", "cost.center")], POLICY)
    report = render("table", verdict, Options(width=120))
    assert "lacks 2 tags: cost.center, project" in report
    assert report.count("aws_instance.a") == 1


def test_without_a_template_the_messages_stand_together(judged: Callable[..., Verdict]) -> None:
    bare = Policy(id="TAG001", title="Tags")
    verdict = judged([lacks("aws_instance.a", "project"), lacks("aws_instance.a", "owner")], bare)
    assert 'lacks the tag "owner"; lacks the tag "project"' in render("table", verdict, Options(width=120))


def test_template_with_a_stray_brace(judged: Callable[..., Verdict]) -> None:
    odd = Policy(id="TAG001", title="Tags", together="{lacks} {count}: {names}")
    verdict = judged([lacks("a", "project"), lacks("a", "owner")], odd)
    assert "{lacks} 2: owner, project" in render("table", verdict, Options(width=120))


def test_only_the_resource_itself_is_taken_off_a_message(judged: Callable[..., Verdict]) -> None:
    finding = Finding(policy="TAG001", resource="vm", kind="x", attribute="", msg="vmss must not be used by vm")
    assert "vmss must not be used by vm" in render("table", judged([finding], POLICY), Options(width=120))


def test_colour_only_when_asked(verdict: Verdict) -> None:
    plain = render("table", verdict, Options(width=80))
    coloured = render("table", verdict, Options(width=80, colour=True))
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in bare.splitlines()] == plain.splitlines()


def test_control_characters_do_not_reach_the_terminal(judged: Callable[..., Verdict]) -> None:
    verdict = judged([lacks("aws_instance.\x1b[2J\nx\x07", "project")], POLICY)
    report = render("table", verdict, Options(width=80))
    assert r"aws_instance.\x1b[2J x\x07" in report
    assert not set(report) & {"\x1b", "\x07"}


def test_many_findings_are_capped_dearest_first(judged: Callable[..., Verdict]) -> None:
    findings = [lacks(f"aws_instance.n{n:03}", "project", price=f"{n}.50" if n else None) for n in range(500)]
    report = render("table", judged(findings, POLICY), Options(width=80))
    shown = re.findall(r"aws_instance\.n(\d+)", report)
    assert shown == [str(n) for n in range(499, 479, -1)]
    assert "… and 480 more (use -v, or --format json)" in report
    everything = render("table", judged(findings, POLICY), Options(width=80, verbose=True))
    assert re.findall(r"aws_instance\.n(\d+)", everything) == [f"{n:03}" for n in range(499, -1, -1)]
    assert "more (use" not in everything


def test_money_counts_each_resource_once(verdict: Verdict) -> None:
    report = render("table", verdict, Options(width=120))
    assert "$277.17/h at stake in 5 resources of $321.00/h judged; 2 more with no known price" in report


def test_small_and_large_amounts(judged: Callable[..., Verdict]) -> None:
    verdict = judged([lacks("a", "x", price="0.0042"), lacks("b", "x", price="12345.6")], POLICY)
    report = render("table", verdict, Options(width=80))
    assert "<$0.01/h" in report
    assert "$12,345.60/h" in report


def test_undetermined_says_why(judged: Callable[..., Verdict]) -> None:
    verdict = judged([lacks("aws_instance.a", "project", reason="known only after apply")], POLICY)
    report = render("table", verdict, Options(width=80))
    assert "UNDETERMINED" in report
    assert "unknown: known only after apply" in report
    assert "at stake" not in report


def test_origin_and_module_call(judged: Callable[..., Verdict]) -> None:
    origin = Origin("modules/team/main.tf", 12, "envs/prod.tf:40")
    finding = Finding(policy="TAG001", resource="r", kind="x", attribute="", msg="r is wrong", origin=origin)
    lines = [line.split("  ") for line in render("table", judged([finding], POLICY), Options(width=80)).splitlines()]
    assert any("modules/team/main.tf:12" in line for line in lines)
    assert any("in module call envs/prod.tf:40" in line for line in lines)


def test_a_place_inside_a_file_names_the_file_and_costs_nothing(judged: Callable[..., Verdict]) -> None:
    findings = [
        Finding(
            policy="TAG001",
            resource="f.py",
            kind="x",
            attribute=name,
            msg="f.py is wrong",
            origin=Origin("f.py", line, column=4),
        )
        for line, name in enumerate("ab", 1)
    ]
    verdict = replace(judged(findings, POLICY), unit="file", resources=3)

    for width in (80, 40):
        text = render("table", verdict, Options(width=width))
        assert "OPEN  2 findings in 1 file\n" in text
        assert [line.split()[0] for line in text.splitlines() if "f.py:" in line] == ["f.py:1:4", "f.py:2:4"]
        assert "stake" not in text
        assert "– 3 files, " in text
    assert "stake" not in render("markdown", verdict, Options())
    assert "no file to search" in render("table", replace(verdict, open=(), resources=0), Options(width=80))


@given(
    st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" ./[]"), max_size=80), st.integers(4, 40)
)
def test_fold_keeps_every_character(text: str, width: int) -> None:
    lines = fold(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line) <= width for line in lines)


def test_a_plan_without_anything_to_judge_is_not_praised(clean: Verdict) -> None:
    text = render("table", replace(clean, resources=0), Options(width=80))
    assert "All good" not in text
    assert "Nothing to judge" in text
