"""Assignments, exemptions and records of an export, as resources that policies judge. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from msgspec.structs import replace

from governor.arm.expressions import Call, Literal
from governor.azure_model import (
    ArmResource,
    Assignment,
    Definition,
    Export,
    Initiative,
    Member,
    PolicyState,
    Written,
)
from governor.exemptions import glob
from governor.languages.azure_policy.assignments import Assigned, effect_of
from governor.languages.azure_policy.evaluation import Policies, lapsed
from governor.languages.azure_policy.related import subscription_of
from governor.model import Exemption, Origin, Resource

TYPES = {
    "management_group": "Microsoft.Management/managementGroups",
    "subscription": "Microsoft.Resources/subscriptions",
    "resource_group": "Microsoft.Resources/subscriptions/resourceGroups",
}


def named(what: Definition | Initiative | Assignment) -> str:
    """What people call it."""
    return what.display_name or what.name


def place(written: Written | None) -> str:
    """`file:line`, as far as that is known."""
    if written is None:
        return ""
    return f"{written.file}:{written.line}" if written.line else written.file


def _origin(written: Written | None) -> Origin | None:
    return Origin(written.file, written.line) if written and written.line else None


def _resource(id: str, kind: str, type: str, written: Written | None, attributes: dict[str, Any]) -> Resource:
    return Resource(
        id=id,
        kind=kind,
        type=f"Microsoft.Authorization/{type}",
        provider="azure",
        account=subscription_of(id.lower()).rpartition("/")[2] or None,
        origin=_origin(written),
        attributes=attributes,
        taggable=False,
    )


def assignments(export: Export, policies: Policies) -> Iterator[Resource]:
    """Each assignment, and each member of the initiative that it assigns."""
    initiatives = {initiative.id.lower(): initiative for initiative in export.initiatives}
    assigned: dict[str, list[Assigned]] = {}
    for one in policies.assigned:
        assigned.setdefault(one.assignment.id.lower(), []).append(one)
    problems: dict[str, list[str]] = {}
    for problem in policies.problems:
        problems.setdefault(problem.assignment.lower(), []).append(problem.reason)
    for assignment in export.assignments:
        initiative = initiatives.get(assignment.target.lower())
        found = assigned.get(assignment.id.lower(), [])
        facts = _facts(assignment, initiative)
        if initiative is None and found:
            facts |= _effect(found[0], policies)
        reasons = problems.get(assignment.id.lower())
        doubt = {"attributes.effect": reasons[0]} if reasons and not found else {}
        yield replace(
            _resource(assignment.id, "azure_assignment", "policyAssignments", assignment.written, facts), unknown=doubt
        )
        members = {member.reference.lower(): member for member in initiative.members} if initiative else {}
        for one in found if initiative else ():
            facts = _facts(assignment, one.definition) | _effect(
                one, policies, initiative, members.get(one.reference.lower())
            )
            facts |= {"reference": one.reference, "assignment": assignment.id}
            yield _resource(
                f"{assignment.id}#{one.reference}", "azure_assignment", "policyAssignments", assignment.written, facts
            )


def _facts(assignment: Assignment, of: Definition | Initiative | None) -> dict[str, Any]:
    metadata = of.metadata if of else {}
    return {
        "enforced": assignment.enforced,
        "scope": assignment.scope,
        "not_scopes": list(assignment.not_scopes),
        "display_name": named(of) if isinstance(of, Definition) else named(assignment),
        "category": str(metadata.get("category", "")),
    }


def _effect(
    one: Assigned, policies: Policies, initiative: Initiative | None = None, member: Member | None = None
) -> dict[str, Any]:
    """What a policy does, and who decided so where it is not its author."""
    written = effect_of(policies.compiler.values(one.binding), one.rule)
    facts: dict[str, Any] = {"effect": one.effect, "decided_by": _decided_by(one, initiative, member)}
    away = [override.value.lower() for override in one.by_location]
    if one.effect != written or away:
        facts["overridden"] = {"from": written, "to": away[0] if one.effect == written else one.effect}
    return facts


def _decided_by(one: Assigned, initiative: Initiative | None, member: Member | None) -> str:
    """What gives a policy its effect, overrides aside: the `assignment`, the `initiative`, or a mere `default`,
    which it also is where an assignment only repeats the one of its initiative."""
    effect = one.rule.effect
    if not isinstance(effect, Call) or effect.name != "parameters" or not isinstance(effect.arguments[0], Literal):
        return "default"
    name = str(effect.arguments[0].value).lower()
    given = {key.lower() for key in one.assignment.parameters}
    if member is None:
        return "assignment" if name in given else "default"
    passed = next((str(value) for key, value in member.parameters.items() if key.lower() == name), None)
    if passed is None:
        return "default"
    asked = re.search(r"parameters\('([^']*)'\)", passed)
    if asked is None:
        return "initiative"
    by_default = (initiative.parameters.get(asked[1]) or {}).get("defaultValue") if initiative else None
    told = next((value for key, value in one.assignment.parameters.items() if key.lower() == asked[1].lower()), None)
    return "default" if told is None or str(told).lower() == str(by_default).lower() else "assignment"


def exemptions(export: Export, today: date, ours: Sequence[Exemption]) -> Iterator[Resource]:
    """Each exemption that Azure keeps; one of ours stands beside it where its globs take it or its scope."""
    end = datetime.combine(today, time.min, UTC)
    globs = [glob(exemption.resource.lower()) for exemption in ours if exemption.expires >= today]
    for exemption in export.exemptions:
        names = (exemption.id.lower(), exemption.scope.lower(), f"{exemption.scope.lower()}/")
        facts = {
            "category": exemption.category,
            **({"expires_on": exemption.expires_on} if exemption.expires_on else {}),
            "expired": lapsed(exemption, end),
            "scope": exemption.scope,
            "assignment": exemption.assignment,
            "references": list(exemption.references),
            "display_name": exemption.display_name or exemption.name,
            "exempted_by_us": any(pattern.fullmatch(name) for pattern in globs for name in names),
        }
        yield _resource(exemption.id, "azure_exemption", "policyExemptions", exemption.written, facts)


def records(export: Export, resources: Mapping[str, ArmResource], known: Mapping[str, Resource]) -> Iterator[Resource]:
    """Each resource that Azure recorded as not compliant, with every record of it: its cost counts once."""
    found: dict[str, list[PolicyState]] = {}
    for state in export.states:
        if state.state.lower() == "noncompliant":
            found.setdefault(state.resource.lower(), []).append(state)
    names = {definition.id.lower(): named(definition) for definition in export.definitions}
    for own, states in found.items():
        yield _record(own, states, resources.get(own), known.get(own), names)


def _record(
    own: str,
    states: Sequence[PolicyState],
    resource: ArmResource | None,
    ours: Resource | None,
    names: Mapping[str, str],
) -> Resource:
    first = states[0]
    body = resource.body if resource else {}
    tags = body.get("tags")
    kept = {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}
    location = body.get("location")
    records: dict[str, dict[str, str]] = {}
    for state in sorted(states, key=lambda state: (state.assignment, state.reference, state.at)):
        name = "/".join(filter(None, (state.assignment.rpartition("/")[2], state.reference)))
        other = records.get(name)
        key = state.assignment if other and other["assignment"].lower() != state.assignment.lower() else name
        records[key] = {
            "assignment": state.assignment,
            "definition": state.definition,
            "policy": names.get(state.definition.lower(), state.definition.rpartition("/")[2]),
            "reference": state.reference,
            "effect": state.effect.lower(),
            "at": state.at,
        }
    # Without the resource nobody knows what it carries.
    hidden = {} if resource or ours else {"tags": "the resource itself was not given"}
    return Resource(
        id=resource.id if resource else first.resource,
        kind="azure_record",
        type=first.resource_type or (resource.type if resource else ""),
        provider="azure",
        account=subscription_of(own).rpartition("/")[2] or None,
        region=ours.region if ours and ours.region else location if isinstance(location, str) else None,
        tags=ours.tags if ours else kept,
        price=ours.price if ours else None,
        hourly_usd=ours.hourly_usd if ours else None,
        unknown=hidden if not ours else {path: why for path, why in ours.unknown.items() if path.startswith("tags")},
        origin=ours.origin if ours and ours.origin else _origin(first.written),
        attributes={"records": records},
    )
