"""The verdict as one page of HTML that people sort, filter and print: nothing in it asks the network for anything.

The markup holds everything; the script only rearranges it. What others wrote is escaped by the template engine, and if
it were not, the page's own policy of security lets only the style and script run whose digests it names.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct

from governor import __version__
from governor.model import Finding, Level, Policy, Spending, State, Verdict
from governor.reports import Options
from governor.reports.grouping import (
    GAPS,
    Group,
    budget,
    carried,
    count,
    group,
    lapsing,
    outcome,
    over_budget,
    places,
    plain,
    project_name,
    stake,
    step,
    terms,
    total,
    uncovered,
    usd,
    usd_a_month,
)
from governor.reports.views import HEIGHT, WIDTH, bars, courses, days_of, views

_BEGIN = """
var page = document.documentElement;
page.classList.add("waiting");
setTimeout(function () { page.classList.remove("waiting"); }, 4000);
"""
"""Before anything is laid out: the script is about to show a part of the rows only. Should it not run, all appear."""

_MOODS = {0: "passes", 1: "fails"}


class _Row(Struct, frozen=True):
    resource: str
    places: Sequence[str]
    what: str
    note: str
    """Why it is undetermined, on what terms it is exempt."""
    owner: str
    project: str
    account: str
    region: str
    price: Decimal | None
    usd: str


class _Group(Struct, frozen=True):
    key: str
    state: State
    policy: str
    anchor: str
    title: str
    severity: str
    level: str
    fix: str
    resources: str
    usd: str
    rows: Sequence[_Row]


def render(verdict: Verdict, options: Options) -> str:
    """Headline, figures, cost by project, every finding, exemptions, gaps, the cards of the policies, notes."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "terms": terms, "usd": usd}
    environment.globals |= {"width": WIDTH, "height": HEIGHT, "gaps": GAPS.capitalize()}
    css, script = (folder.joinpath(f"html.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return environment.get_template("html.jinja").render(
        verdict=verdict,
        version=__version__,
        environment=options.environment,
        outcome=outcome(verdict),
        mood=_MOODS.get(verdict.exit_code, "unsure"),
        figures=_figures(verdict),
        spending=[_spending(one) for one in verdict.spending],
        changes=verdict.stage == "plan",  # code knows nothing of what is there
        every=_spending(total(verdict.spending)),
        live=verdict.stage == "live",
        views=views(verdict),
        courses=courses(verdict),
        days=days_of(verdict) if verdict.trend else [],
        tagged=carried(verdict.tagged) if verdict.tagged else "",
        bars=bars(verdict.tagged) if verdict.tagged else [],
        groups=list(_groups(verdict)),
        lapsing=lapsing(verdict),
        policies=[
            _card(policy, verdict.levels[name], anchor)
            for (name, policy), anchor in zip(verdict.policies.items(), _anchors(verdict).values(), strict=True)
        ],
        uncovered=uncovered(verdict),
        security=_security(css, _BEGIN, script),
        css=Markup(css),
        begin=Markup(_BEGIN),
        script=Markup(script),
    )


def _security(css: str, *scripts: str) -> str:
    """https://www.w3.org/TR/CSP3/: nothing is loaded, nothing is sent, and only what is named here runs."""
    style, *run = (f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (css, *scripts))
    return f"default-src 'none'; style-src {style}; script-src {' '.join(run)}; base-uri 'none'; form-action 'none'"


def _figures(verdict: Verdict) -> list[tuple[str, str]]:
    """(what it counts, as it is written), the weightiest first."""
    failing = sum(1 for _ in verdict.failing())
    figures = [
        (f"at stake, of {usd(verdict.hourly_usd)} judged", usd(stake(verdict.open).usd)),
        (f"open, {failing:,} of them fail the run", f"{len(verdict.open):,}"),
        ("undetermined", f"{len(verdict.undetermined):,}"),
        ("exempt", f"{len(verdict.exempt):,}"),
        ("resources", f"{verdict.resources:,}"),
        ("policies", f"{len(verdict.policies):,}"),
        ("gaps", f"{len(verdict.gaps):,}"),
    ]
    if verdict.compared_with:
        figures[1] = (f"new, {failing:,} of them fail the run", f"{len(verdict.open):,}")
        figures[4:4] = [("known before", f"{len(verdict.baselined):,}"), ("fixed", f"{len(verdict.fixed):,}")]
    return figures


def _spending(one: Spending) -> Mapping[str, Any]:
    share = min(one.after_usd / one.budget_usd * 100, Decimal(100)) if one.budget_usd else None
    return {
        "name": project_name(one.project),
        "before": usd_a_month(one.before_usd, one.unpriced_before),
        "after": usd_a_month(one.after_usd, one.unpriced_after),
        "step": step(one),
        "budget": budget(one),
        "over": over_budget(one),
        "share": None if share is None else f"{share:.1f}",
    }


def _groups(verdict: Verdict) -> Iterator[_Group]:
    """By state, then by policy; dearest resource first within each."""
    exempting: dict[tuple[str, str], dict[str, None]] = {}
    for finding, exemption in ((item.finding, item.exemption) for item in verdict.exempt):
        exempting.setdefault((finding.policy, plain(finding.resource)), {})[terms(exemption)] = None
    states: Mapping[State, Sequence[Finding]] = {
        "open": verdict.open,
        "undetermined": verdict.undetermined,
        "exempt": [item.finding for item in verdict.exempt],
        "baselined": verdict.baselined,
    }
    anchors = _anchors(verdict)
    for state, findings in states.items():
        for item in group(findings, verdict):
            yield _group(state, item, anchors[item.policy.id], exempting if state == "exempt" else {})


def _group(state: State, item: Group, anchor: str, exempting: Mapping[tuple[str, str], Iterable[str]]) -> _Group:
    policy = item.policy
    prices = [line.hourly_usd for line in item.lines if line.hourly_usd is not None]
    return _Group(
        key=f"{state} {policy.id}",
        state=state,
        policy=plain(policy.id),
        anchor=anchor,
        title=plain(f"{policy.id} {policy.title}"),
        severity=policy.severity,
        level=item.level,
        fix=f"Fix: {plain(policy.remediation)}" if policy.remediation and state == "open" else "",
        resources=count(len(item.lines), "resource"),
        usd=usd(sum(prices, Decimal(0))) if prices else "–",
        rows=[
            _Row(
                resource=line.resource,
                places=places(line.origin),
                what=line.what,
                note=line.reason or "; ".join(exempting.get((policy.id, line.resource), ())),
                owner=line.owner,
                project=line.project,
                account=line.account,
                region=line.region,
                price=line.hourly_usd,
                usd=usd(line.hourly_usd),
            )
            for line in item.lines
        ],
    )


def _card(policy: Policy, level: Level, anchor: str) -> Mapping[str, Any]:
    return {
        "id": plain(policy.id),
        "anchor": anchor,
        "title": plain(policy.title),
        "severity": policy.severity,
        "level": level,
        "description": plain(policy.description),
        "remediation": plain(policy.remediation),
        "references": [plain(reference) for reference in policy.references],
        "location": plain(policy.location),
    }


def _anchors(verdict: Verdict) -> Mapping[str, str]:
    """Numbers: an id of HTML holds no space, and a policy's may."""
    return {name: f"policy-{number}" for number, name in enumerate(verdict.policies, 1)}
