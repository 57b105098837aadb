"""Assigned policies, asked about resources: what Azure would say of each.

States are those of Azure's compliance records, and Error where a policy fails on a resource, which Azure takes for a
denial. Neither Error nor Unknown counts as compliant. Source: Microsoft's documentation of effects, applicability,
compliance states and exemptions.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from governor.arm.functions import TemplateError
from governor.azure_model import ArmResource, ComplianceState, Estate, Export, PolicyExemption, Result, Unknown
from governor.catalog.azure_aliases import Aliases
from governor.languages.azure_policy.after import CHANGING, Changed, changed, conflicts
from governor.languages.azure_policy.assignments import Assigned, assigned, selected
from governor.languages.azure_policy.candidates import Candidates, takes
from governor.languages.azure_policy.compiler import Compiler
from governor.languages.azure_policy.fields import normal_location
from governor.languages.azure_policy.operators import Doubt, Semantics, Truth
from governor.languages.azure_policy.related import SUBSCRIPTIONS, Neighbourhood, lies_in
from governor.languages.azure_policy.subject import Subject
from governor.languages.azure_policy.trace import Decisive, Step, decisive, trace

IF_NOT_EXISTS = frozenset({"auditifnotexists", "deployifnotexists"})
BLOCKING = frozenset({"deny"})
SILENT = frozenset({"disabled", "none"})


class Policies:
    """The policies of an export, ready for resources."""

    def __init__(
        self, export: Export, aliases: Aliases | None, now: datetime, semantics: Semantics = "documented"
    ) -> None:
        """`now` is aware of its zone: exemptions lapse by it, and `utcNow()` tells it."""
        self.compiler = Compiler(aliases, semantics)
        self.assigned, self.problems = assigned(export, self.compiler, now)
        """Policies of assignments, and those that cannot be evaluated on anything."""
        self.aliases = aliases
        self.ancestors = export.ancestors
        self.now = now
        self.exemptions: dict[str, list[PolicyExemption]] = {}
        """By the id of their assignment, lower-case."""
        for exemption in export.exemptions:
            self.exemptions.setdefault(exemption.assignment.lower(), []).append(exemption)


class Evaluation:
    """Policies, asked about the resources of an estate."""

    def __init__(self, policies: Policies, estate: Estate) -> None:
        self._policies = policies
        self._estate = estate
        self._compiler = policies.compiler
        self._exemptions = policies.exemptions
        self._ancestors = {**policies.ancestors, **estate.ancestors}
        self._neighbours = Neighbourhood(estate)
        self._candidates = Candidates(policies.assigned, policies.aliases, self._ancestors)

    def results(self) -> Iterator[tuple[ArmResource, list[tuple[Assigned, Result]]]]:
        """Each resource, with what every policy that applies to it says."""
        for resource in self._estate.resources:
            yield resource, self.of(resource)

    def of(self, resource: ArmResource) -> list[tuple[Assigned, Result]]:
        """What every policy that applies to a resource of the estate says."""
        subject = self.subject(resource)
        judged = ((one, self._judge(one, subject, outside)) for one, outside in self._candidates.of(subject))
        return [(one, result) for one, result in judged if result is not None]

    def subject(self, resource: ArmResource) -> Subject:
        """A resource as conditions see it."""
        return Subject(resource, self._compiler.slots, self._neighbours.around(resource.id.lower()))

    def after(self) -> tuple[Estate, list[Changed]]:
        """The estate as append and modify of enforced assignments make it, and what they change."""
        resources, told = [], []
        for resource, results in self.results():
            for one, result in results:
                if result.effect in CHANGING and result.state == "NonCompliant" and one.assignment.enforced:
                    resource, changes = changed(one, self.subject(resource), self._compiler.fields)
                    told += changes
            resources.append(resource)
        return replace(self._estate, resources=tuple(resources)), told

    def trace(self, one: Assigned, resource: ArmResource) -> list[Step]:
        """Every condition of a policy, with its answer for a resource."""
        return trace(one, self.subject(resource), self._compiler)

    def decisive(self, one: Assigned, resource: ArmResource) -> Decisive | None:
        """The condition that a policy's answer for a resource hangs on."""
        return decisive(one, self.subject(resource), self._compiler)

    def fields(self, one: Assigned) -> set[str]:
        """What the conditions of a policy look at, as they are named."""
        found, parts = set(), [self._compiler.parts(one.rule.condition, one.binding)]
        while parts:
            part = parts.pop()
            parts += part.parts
            found.add(part.field)
        return found - {""}

    def reaches(self, scope: str, resource: ArmResource) -> bool | None:
        """Whether a resource lies in a scope; None where nobody told."""
        return lies_in(resource.id.lower(), scope.lower(), self._ancestors)

    def why_not(self, one: Assigned, resource: ArmResource) -> str:
        """Why a policy says nothing of a resource."""
        subject = self.subject(resource)
        effect = _effect(one, subject) or one.effect
        if found := self._candidates.why_not(one, subject):
            return found
        return f"its effect is {effect}" if effect in SILENT else "its conditions do not apply to it"

    def _judge(self, one: Assigned, subject: Subject, outside: str) -> Result | None:
        effect = one.effect if not one.by_location else _effect(one, subject)
        if effect is None:
            outside = outside or "its location is not known, and the effect depends on that"
            effect = one.effect
        elif effect in SILENT:
            return None
        compiled = one.compiled
        if compiled.locations and subject.type == SUBSCRIPTIONS:
            return None
        held = compiled.check(subject)
        if effect in IF_NOT_EXISTS:
            if held is False:
                return None
            if held is True:
                return self._if_not_exists(one, effect, subject, outside)
        elif held is True:
            if effect == "manual":
                return self._result(one, effect, subject, "Unknown", outside, "attested by people, not evaluated")
            if effect == "denyaction":
                return self._result(one, effect, subject, "Compliant", outside)
            return self._result(one, effect, subject, "NonCompliant", outside)
        elif compiled.applies(subject) is False:
            return None
        elif held is False:
            return self._result(one, effect, subject, "Compliant", outside)
        return self._doubtful(one, effect, subject, held, outside)

    def _doubtful(self, one: Assigned, effect: str, subject: Subject, held: Truth, outside: str) -> Result | None:
        assert isinstance(held, Doubt)
        return self._result(one, effect, subject, "Error" if held.error else "Unknown", outside, held.reason)

    def _if_not_exists(self, one: Assigned, effect: str, subject: Subject, outside: str) -> Result | None:
        wanted = one.wanted
        if wanted is None:
            return self._result(one, effect, subject, "Error", outside, "its details name no type")
        try:
            asked = [compute and compute(subject) for compute in (wanted.type, wanted.name, wanted.group, wanted.scope)]
        except TemplateError as error:
            return self._result(one, effect, subject, "Error", outside, str(error))
        for value in asked:
            if type(value) is Unknown:
                return self._result(one, effect, subject, "Unknown", outside, value.reason)
        kind, name, group, scope = (None if value is None else str(value) for value in asked)
        found, left_out = self._neighbours.related(subject.resource, kind or "", name, group, scope)
        doubt = None
        for candidate in found:
            if wanted.check is None:
                return self._result(one, effect, subject, "Compliant", outside)
            other = Subject(candidate, self._compiler.slots, subject.around)
            other.primary = subject
            held = wanted.check(other)
            if held is True:
                return self._result(one, effect, subject, "Compliant", outside)
            if held is not False:
                doubt = doubt or held
        if doubt is not None:
            return self._doubtful(one, effect, subject, doubt, outside)
        if left_out:
            return self._result(one, effect, subject, "Unknown", outside, left_out)
        return self._result(one, effect, subject, "NonCompliant", outside, f"no {kind} that it wants")

    def _result(
        self, one: Assigned, effect: str, subject: Subject, state: ComplianceState, outside: str, reason: str = ""
    ) -> Result:
        assignment = one.assignment
        exemption = self._exempt(one, subject) if self._exemptions else ""
        if outside:
            state, reason = "Unknown", outside
        blocks = state == "Error" or (state == "NonCompliant" and self._refuses(one, effect, subject))
        if exemption:
            state = "Exempt"
        return Result(
            resource=subject.resource.id,
            assignment=assignment.id,
            definition=one.definition.id,
            reference=one.reference,
            effect=effect,
            state=state,
            would_block=blocks and assignment.enforced and not exemption,
            reason=reason,
            exemption=exemption,
            message=one.message if state == "NonCompliant" else "",
        )

    def _refuses(self, one: Assigned, effect: str, subject: Subject) -> bool:
        """Whether Azure would refuse the request that makes a resource so."""
        return effect in BLOCKING or (effect in CHANGING and conflicts(one, subject, self._compiler.fields))

    def _exempt(self, one: Assigned, subject: Subject) -> str:
        own = subject.resource.id.lower()
        for exemption in self._exemptions.get(one.assignment.id.lower(), ()):
            if exemption.references and one.reference.lower() not in map(str.lower, exemption.references):
                continue
            if lapsed(exemption, self._policies.now) or not lies_in(own, exemption.scope.lower(), self._ancestors):
                continue
            if takes(exemption.selectors, subject):
                return exemption.id
        return ""


def lapsed(exemption: PolicyExemption, now: datetime) -> bool:
    """Whether an exemption is over, or ends on a day that cannot be read."""
    if not exemption.expires_on:
        return False
    try:
        end = datetime.fromisoformat(exemption.expires_on.replace("Z", "+00:00"))
    except ValueError:
        return True
    return (end if end.tzinfo else end.replace(tzinfo=now.tzinfo)) <= now


def _effect(one: Assigned, subject: Subject) -> str | None:
    """None where it depends on a location that is not known."""
    location = normal_location(subject.body.get("location")) or ""
    for override in one.by_location:
        asked = [s for s in override.selectors if s.kind.lower() == "resourcelocation"]
        if type(location) is Unknown:
            return None
        if type(location) is str and all(selected(location, s.within, s.without) for s in asked):
            return override.value.lower()
    return one.effect
