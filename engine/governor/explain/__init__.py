"""Why a policy says what it says of a resource: a verdict and what led to it in, an explanation out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from governor.explain.tried import Trial, fact_of, try_changes
from governor.judge import Blotter, hidden_by, judge
from governor.languages import Explainable, Passage
from governor.library import Library
from governor.model import Exemption, Finding, Inventory, Level, Policy, Resource, Verdict

Outcome = Literal["open", "undetermined", "exempt", "baselined", "passes", "not judged", "failed"]


class Said(Struct, frozen=True, omit_defaults=True):
    """One finding of the policy on the resource."""

    fingerprint: str
    attribute: str
    msg: str
    state: Literal["open", "undetermined", "exempt", "baselined"]
    reason: str = ""
    """Why it is undetermined."""
    exemption: Exemption | None = None
    exemption_place: str = ""
    """`file:line` of the exemption."""
    details: dict[str, Any] = {}


class Fact(Struct, frozen=True):
    """One fact of the resource, as the policy saw it."""

    path: str
    value: Any
    """None: not there, or not known."""
    unknown: str
    """Why it is not known; empty when it is, or is not there."""
    provenance: str
    """Where it comes from; empty when it is not there."""
    read: bool
    """Whether the policy names it."""


class Explanation(Struct, frozen=True, kw_only=True):
    """All that can be said of one policy and one resource."""

    policy: Policy
    resource: str
    kind: str
    type: str
    outcome: Outcome
    why: str = ""
    """Why it was not judged, or how it failed."""
    level: Level
    level_from: str
    """What gives the policy its level."""
    findings: tuple[Said, ...] = ()
    facts: tuple[Fact, ...] = ()
    """Those that a finding is about first, then those that the policy reads."""
    passages: tuple[Passage, ...] = ()
    together: bool = False
    """Whether it looks at resources together: the lines that ran are then those of the whole plan."""
    trial: Trial = Trial()
    exemption: str = ""
    """An entry for the file of exemptions, in YAML, with gaps to fill in."""


class Case(Struct, frozen=True, kw_only=True):
    """What a run of all policies left behind."""

    inventory: Inventory
    library: Library
    verdict: Verdict
    today: date


def explain(
    policy: Policy,
    address: str,
    case: Case,
    *,
    attribute: str | None = None,
    why_not: str = "",
    level: Level,
    level_from: str,
    provenance: Mapping[str, str],
    exemption_places: Mapping[Exemption, str],
) -> Explanation:
    """Explain one policy on one resource, or on what else it names (a project); `attribute` picks one finding.

    `why_not` says why the pair was not judged at all. `provenance` has the facts of the resource, as
    `terraform_plan.provenance` does.
    """
    resource = next((r for r in case.inventory.resources if r.id == address), None)
    if resource and not why_not:
        why_not = _not_judged(policy, resource)
    findings = () if why_not else tuple(_said(policy, address, attribute, case.verdict, exemption_places))
    failures = [f.reason for f in case.verdict.failures if f.policy == policy.id and f.resource in ("", address)]
    outcome: Outcome = "not judged" if why_not else "failed" if failures else _outcome(findings)
    blot = Blotter(case.inventory.secrets)
    evaluator = None if why_not or failures else _evaluator(policy, case.library)
    passages: list[Passage] = []
    trial = Trial()
    together = False
    if evaluator is not None:
        subject = replace(case.inventory, resources=(resource,)) if resource else case.inventory
        together = resource is None or _fingerprints(evaluator, subject, case.today, address) != {
            said.fingerprint for said in _said(policy, address, None, case.verdict, {})
        }
        asked = case.inventory if together else subject
        passages = evaluator.passages(policy, asked, case.today)
        if resource and findings:
            trial = try_changes(
                resource,
                {said.attribute: said.details for said in findings},
                evaluator=evaluator,
                asked=asked,
                inventory=case.inventory,
                library=case.library,
                data=case.library.concerns[policy.concern].config,
                today=case.today,
                blot=blot,
            )
    reads = evaluator.reads(policy) if evaluator and resource else frozenset()
    return Explanation(
        policy=policy,
        resource=address,
        kind=resource.kind if resource else "",
        type=resource.type if resource else "",
        outcome=outcome,
        why=why_not or "; ".join(failures),
        level=level,
        level_from=level_from,
        findings=findings,
        facts=tuple(_facts(resource, provenance, reads, findings, blot)) if resource else (),
        passages=tuple(passages),
        together=together,
        trial=trial,
        exemption=_entry(policy, address) if any(said.state != "exempt" for said in findings) else "",
    )


def _not_judged(policy: Policy, resource: Resource) -> str:
    if policy.kinds and resource.kind not in policy.kinds:
        return (
            f"it does not judge what is of kind {resource.kind}: `governor policies show {policy.id}` lists its kinds"
        )
    return ""


def _said(
    policy: Policy, address: str, attribute: str | None, verdict: Verdict, places: Mapping[Exemption, str]
) -> Iterable[Said]:
    def meant(finding: Finding) -> bool:
        named = finding.policy == policy.id and finding.resource == address
        return named and (attribute is None or finding.attribute == attribute)

    def said(finding: Finding, state: Any, exemption: Exemption | None = None) -> Said:
        place = places.get(exemption, "") if exemption else ""
        return Said(
            finding.fingerprint,
            finding.attribute,
            finding.msg,
            state,
            finding.reason,
            exemption,
            place,
            finding.details,
        )

    yield from (said(finding, "open") for finding in verdict.open if meant(finding))
    yield from (said(finding, "undetermined") for finding in verdict.undetermined if meant(finding))
    yield from (said(item.finding, "exempt", item.exemption) for item in verdict.exempt if meant(item.finding))
    yield from (said(finding, "baselined") for finding in verdict.baselined if meant(finding))


def _outcome(findings: Iterable[Said]) -> Outcome:
    """The gravest: they are in that order."""
    return next((said.state for said in findings), "passes")


def _evaluator(policy: Policy, library: Library) -> Explainable | None:
    """The evaluator of the policy alone; None for one that cannot tell how it came to its answer."""
    for evaluator in library.evaluators:
        if any(known.id == policy.id for known in evaluator.policies):
            return evaluator.alone(policy) if isinstance(evaluator, Explainable) else None
    return None


def _fingerprints(evaluator: Explainable, inventory: Inventory, today: date, address: str) -> set[str]:
    return {f.fingerprint for f in judge(inventory, [evaluator], today).findings if f.resource == address}


def _facts(
    resource: Resource,
    provenance: Mapping[str, str],
    reads: frozenset[str],
    findings: Iterable[Said],
    blot: Blotter,
) -> Iterable[Fact]:
    about = list(dict.fromkeys(fact_of(said.attribute) for said in findings if said.attribute))
    values = _values(resource)
    unknown = resource.unknown
    # A finding may be about something that is no fact of the resource: an approval, a message of a raw policy.
    facts = [path for path in about if path != "id" and path.partition(".")[0] in Resource.__struct_fields__]
    paths = dict.fromkeys([*facts, *values, *unknown])

    def read(path: str) -> bool:
        return path in about or any(path == r or path.startswith(f"{r}.") or r.startswith(f"{path}.") for r in reads)

    for path in sorted(paths, key=lambda path: (path not in about, not read(path))):
        hiding = hidden_by(resource, path)
        why = "" if hiding is None else unknown[hiding] or "not known"
        origin = provenance.get(path if hiding is None else f"unknown.{hiding}", "")
        yield Fact(
            blot.text(path),
            blot.value(None if why else values.get(path)),
            blot.text(why),
            blot.text(origin),
            read(path),
        )


def _values(resource: Resource) -> dict[str, Any]:
    """Facts by path, in the order in which a person asks for them."""
    given: dict[str, Any] = {"kind": resource.kind, "provider": resource.provider, "region": resource.region}
    given |= {f"tags.{key}": value for key, value in resource.tags.items()}
    given |= {f"attributes.{key}": value for key, value in resource.attributes.items()}
    for name in (
        "taggable", "accelerator", "purchase", "count", "max_count", "price", "hourly_usd", "max_hourly_usd",
        "previous_hourly_usd", "change", "previous_id", "account", "state", "created_at", "controller",
    ):  # fmt: skip
        given[name] = getattr(resource, name)
    return {path: value for path, value in given.items() if value is not None}


def _entry(policy: Policy, address: str) -> str:
    """An exemption that is refused until somebody has filled it in."""
    quoted = "'" + address.replace("'", "''") + "'"
    return f"""\
  - policy: {policy.id}
    resource: {quoted}
    category: waiver        # or mitigated: it is met otherwise
    reason:                 # why it is accepted
    owner:                  # who answers for it
    approved_by:
    expires:                # the last day on which it holds: YYYY-MM-DD
"""
