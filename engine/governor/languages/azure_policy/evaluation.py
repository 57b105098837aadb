"""Assigned policies, asked about resources: what Azure would say of each.

States are those of Azure's compliance records, and Error where a policy fails on a resource, which Azure takes for a
denial. Neither Error nor Unknown counts as compliant. Source: Microsoft's documentation of effects, applicability,
compliance states and exemptions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from governor.azure_model import (
    ArmResource,
    Assignment,
    ComplianceState,
    Estate,
    Export,
    PolicyExemption,
    ResourceSelector,
    Result,
    Unknown,
)
from governor.catalog.azure_aliases import Aliases
from governor.languages.azure_policy.assignments import Assigned, Problem, assigned, selected
from governor.languages.azure_policy.compiler import Compiler
from governor.languages.azure_policy.fields import normal_location
from governor.languages.azure_policy.functions import TemplateError
from governor.languages.azure_policy.operators import Doubt, Semantics, Truth
from governor.languages.azure_policy.related import GROUPS, SUBSCRIPTIONS, Neighbourhood, container, lies_in, within
from governor.languages.azure_policy.subject import Subject

IF_NOT_EXISTS = frozenset({"auditifnotexists", "deployifnotexists"})
BLOCKING = frozenset({"deny"})
SILENT = frozenset({"disabled", "none"})


class Evaluation:
    """The policies of an export, ready for resources."""

    def __init__(
        self, export: Export, aliases: Aliases | None, now: datetime, semantics: Semantics = "documented"
    ) -> None:
        """`now` is aware of its zone: exemptions lapse by it, and `utcNow()` tells it."""
        self._aliases = aliases
        self._now = now
        self._compiler = Compiler(aliases, semantics)
        self.assigned: list[Assigned]
        self.problems: list[Problem]
        """Policies that cannot be evaluated on anything."""
        self.assigned, self.problems = assigned(export, self._compiler, now)
        self._ancestors = export.ancestors
        self._exemptions: dict[str, list[PolicyExemption]] = {}
        for exemption in export.exemptions:
            self._exemptions.setdefault(exemption.assignment.lower(), []).append(exemption)

    def run(self, estate: Estate) -> Iterator[tuple[ArmResource, list[Result]]]:
        """Each resource, with what every policy that applies to it says."""
        round_ = _Round(self.assigned, self._aliases, estate, {**self._ancestors, **estate.ancestors})
        neighbours = Neighbourhood(estate)
        slots = self._compiler.slots
        for resource in estate.resources:
            subject = Subject(resource, slots, neighbours.around(resource.id.lower()))
            results = []
            for one, placed in round_.candidates(resource):
                result = self._judge(one, subject, neighbours, placed)
                if result is not None:
                    results.append(result)
            yield resource, results

    def judge(self, one: Assigned, resource: ArmResource, estate: Estate) -> Result | None:
        """What one policy says of one resource that lies in its scope; None when it does not apply."""
        neighbours = Neighbourhood(estate)
        subject = Subject(resource, self._compiler.slots, neighbours.around(resource.id.lower()))
        return self._judge(one, subject, neighbours, True)

    def subject(self, resource: ArmResource, estate: Estate) -> Subject:
        """A resource as conditions see it."""
        return Subject(resource, self._compiler.slots, Neighbourhood(estate).around(resource.id.lower()))

    @property
    def compiler(self) -> Compiler:
        """What compiled the rules."""
        return self._compiler

    def _judge(self, one: Assigned, subject: Subject, neighbours: Neighbourhood, placed: bool) -> Result | None:
        effect = one.effect if not one.by_location else _effect(one, subject)
        if effect in SILENT:
            return None
        compiled = one.compiled
        if compiled.locations and subject.type == SUBSCRIPTIONS:
            return None
        held = compiled.check(subject)
        if effect in IF_NOT_EXISTS:
            if held is False:
                return None
            if held is True:
                return self._if_not_exists(one, effect, subject, neighbours, placed)
        elif held is True:
            if effect == "manual":
                return self._result(one, effect, subject, "Unknown", placed, "attested by people, not evaluated")
            if effect == "denyaction":
                return self._result(one, effect, subject, "Compliant", placed)
            return self._result(one, effect, subject, "NonCompliant", placed)
        elif compiled.applies(subject) is False:
            return None
        elif held is False:
            return self._result(one, effect, subject, "Compliant", placed)
        return self._doubtful(one, effect, subject, held, placed)

    def _doubtful(self, one: Assigned, effect: str, subject: Subject, held: Truth, placed: bool) -> Result | None:
        assert isinstance(held, Doubt)
        return self._result(one, effect, subject, "Error" if held.error else "Unknown", placed, held.reason)

    def _if_not_exists(
        self, one: Assigned, effect: str, subject: Subject, neighbours: Neighbourhood, placed: bool
    ) -> Result | None:
        wanted = one.wanted
        if wanted is None:
            return self._result(one, effect, subject, "Error", placed, "its details name no type")
        try:
            asked = [compute and compute(subject) for compute in (wanted.type, wanted.name, wanted.group, wanted.scope)]
        except TemplateError as error:
            return self._result(one, effect, subject, "Error", placed, str(error))
        for value in asked:
            if type(value) is Unknown:
                return self._result(one, effect, subject, "Unknown", placed, value.reason)
        kind, name, group, scope = (None if value is None else str(value) for value in asked)
        found, whole = neighbours.related(subject.resource, kind or "", name, group, scope)
        doubt = None
        for candidate in found:
            if wanted.check is None:
                return self._result(one, effect, subject, "Compliant", placed)
            other = Subject(candidate, self._compiler.slots, subject.around)
            other.primary = subject
            held = wanted.check(other)
            if held is True:
                return self._result(one, effect, subject, "Compliant", placed)
            if held is not False:
                doubt = doubt or held
        if doubt is not None:
            return self._doubtful(one, effect, subject, doubt, placed)
        if not whole:
            return self._result(one, effect, subject, "Unknown", placed, f"the resources do not list {kind}")
        return self._result(one, effect, subject, "NonCompliant", placed, f"no {kind} that it wants")

    def _result(
        self, one: Assigned, effect: str, subject: Subject, state: ComplianceState, placed: bool, reason: str = ""
    ) -> Result:
        assignment = one.assignment
        exemption = ""
        if assignment.id.lower() in self._exemptions:
            exemption = self._exempt(one, subject)
        if not placed and state != "Exempt":
            # Which management groups lie above a subscription nobody told: the assignment may not reach it.
            state, reason = "Unknown", "which management groups it lies in is not told"
        blocks = (
            assignment.enforced
            and not exemption
            and (effect in BLOCKING and state == "NonCompliant" or state == "Error")
        )
        if exemption:
            state = "Exempt"
        return Result(
            resource=subject.resource.id,
            assignment=assignment.id,
            definition=one.definition.id,
            reference=one.reference,
            effect=effect,
            state=state,
            would_block=blocks,
            reason=reason,
            exemption=exemption,
            message=one.message if state == "NonCompliant" else "",
        )

    def _exempt(self, one: Assigned, subject: Subject) -> str:
        own = subject.resource.id.lower()
        for exemption in self._exemptions[one.assignment.id.lower()]:
            if exemption.references and one.reference.lower() not in map(str.lower, exemption.references):
                continue
            if lapsed(exemption, self._now) or not lies_in(own, exemption.scope.lower(), self._ancestors):
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


def takes(selectors: Sequence[ResourceSelector], subject: Subject) -> bool:
    """Whether resource selectors take a resource: one of them, with all its conditions."""
    return not selectors or any(
        all(_taken(s.kind.lower(), s.within, s.without, subject) for s in selector.selectors) for selector in selectors
    )


def _taken(kind: str, within_: tuple[str, ...] | None, without: tuple[str, ...] | None, subject: Subject) -> bool:
    location = normal_location(subject.body.get("location")) or ""
    if type(location) is Unknown:
        return True
    if kind == "resourcelocation":
        return bool(location) and selected(location, within_, without)
    if kind == "resourcetype":
        return selected(subject.type, within_, without)
    if kind == "resourcewithoutlocation":
        return not location
    return True


def _effect(one: Assigned, subject: Subject) -> str:
    for override in one.by_location:
        location = normal_location(subject.body.get("location")) or ""
        asked = [s for s in override.selectors if s.kind.lower() == "resourcelocation"]
        if type(location) is str and all(selected(location, s.within, s.without) for s in asked):
            return override.value.lower()
    return one.effect


class _Round:
    """Which policies may be about a resource: by scope, type and mode."""

    def __init__(
        self,
        policies: Sequence[Assigned],
        aliases: Aliases | None,
        estate: Estate,
        ancestors: dict[str, tuple[str, ...]],
    ) -> None:
        self._aliases = aliases
        self._ancestors = ancestors
        self._groups: dict[tuple[str, tuple[str, ...]], list[Assigned]] = {}
        for one in policies:
            assignment = one.assignment
            key = assignment.scope.lower(), tuple(scope.lower() for scope in assignment.not_scopes)
            self._groups.setdefault(key, []).append(one)
        self._placed: dict[str, list[tuple[tuple[str, tuple[str, ...]], bool | None]]] = {}
        self._typed: dict[tuple[tuple[str, tuple[str, ...]], str, bool], list[Assigned]] = {}

    def candidates(self, resource: ArmResource) -> Iterator[tuple[Assigned, bool]]:
        """Policies that may apply, each with whether the resource surely lies in its scope."""
        kind = resource.type.lower()
        if kind.startswith("microsoft.resources/") and kind not in (GROUPS, SUBSCRIPTIONS):
            return
        own = resource.id.lower()
        tracked = self._tracked(resource, kind)
        for key, placed in self._scopes(own):
            if placed is False:
                continue
            for one in self._of_type(key, kind, tracked):
                if one.assignment.selectors and not takes(one.assignment.selectors, Subject(resource, 0)):
                    continue
                yield one, placed is True

    def _scopes(self, own: str) -> Iterable[tuple[tuple[str, tuple[str, ...]], bool | None]]:
        place = container(own)
        below = own[len(place) :].strip("/")
        known = self._placed.get(place)
        if known is None:
            known = self._placed[place] = [(key, self._place(key, place)) for key in self._groups]
        if not below:
            return known
        # Scopes that lie deeper than a resource group are looked at for each resource.
        return [
            (key, self._place(key, own) if _deep(key, place) else placed)
            for key, placed in known
            if placed is not False or _deep(key, place)
        ]

    def _place(self, key: tuple[str, tuple[str, ...]], own: str) -> bool | None:
        scope, excluded = key
        inside = lies_in(own, scope, self._ancestors)
        if inside is False:
            return False
        for other in excluded:
            out = lies_in(own, other, self._ancestors)
            if out:
                return False
            if out is None:
                inside = None
        return inside

    def _of_type(self, key: tuple[str, tuple[str, ...]], kind: str, tracked: bool) -> list[Assigned]:
        known = self._typed.get((key, kind, tracked))
        if known is None:
            known = self._typed[key, kind, tracked] = [
                one
                for one in self._groups[key]
                if (one.compiled.types is None or kind in one.compiled.types)
                and (tracked or one.definition.mode.lower() != "indexed")
            ]
        return known

    def _tracked(self, resource: ArmResource, kind: str) -> bool:
        """Whether policies of mode Indexed see it: types that have tags and a location."""
        if kind in (GROUPS, SUBSCRIPTIONS):
            return False
        told = self._aliases.type(kind) if self._aliases else None
        if told is not None and told.tracked is not None:
            return told.tracked
        return any(key.lower() in ("tags", "location") for key in resource.body)


def _deep(key: tuple[str, tuple[str, ...]], place: str) -> bool:
    scope, excluded = key
    return any(within(one, place) and one != place for one in (scope, *excluded))


Explain = Callable[[Assigned, Subject], str]
