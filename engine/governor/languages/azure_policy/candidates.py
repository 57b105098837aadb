"""Which policies may be about a resource: by scope, resource selectors, type and mode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from governor.azure_model import ArmResource, ResourceSelector, Unknown
from governor.catalog.azure_aliases import Aliases
from governor.languages.azure_policy.assignments import Assigned, selected
from governor.languages.azure_policy.fields import normal_location
from governor.languages.azure_policy.related import (
    GROUPS,
    NOT_TOLD,
    SUBSCRIPTIONS,
    container,
    lies_in,
    may_lie,
    subscription_of,
    within,
)
from governor.languages.azure_policy.subject import Subject

NO_SUBSCRIPTION = "which subscription it lies in is not told"
NO_MANAGEMENT_GROUPS = "which management groups it lies in is not told"

_Place = tuple[str, tuple[str, ...]]
"""A scope, and what is excluded from it, lower-case."""


def takes(selectors: Sequence[ResourceSelector], subject: Subject) -> bool | None:
    """Whether resource selectors take a resource: one of them, with all its conditions. None: that is not known."""
    if not selectors:
        return True
    answers = [
        _every([_taken(s.kind.lower(), s.within, s.without, subject) for s in selector.selectors])
        for selector in selectors
    ]
    return True if True in answers else None if None in answers else False


def _every(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _taken(kind: str, inside: tuple[str, ...] | None, outside: tuple[str, ...] | None, subject: Subject) -> bool | None:
    if kind == "resourcetype":
        return selected(subject.type, inside, outside)
    location = normal_location(subject.body.get("location")) or ""
    if type(location) is Unknown:
        return None
    if kind == "resourcelocation":
        return bool(location) and selected(location, inside, outside)
    return not location if kind == "resourcewithoutlocation" else None


class Candidates:
    """Policies by what they may be about.

    Assignments share few scopes, and resources few groups and types: each pair of those is looked at once.
    """

    def __init__(
        self,
        policies: Sequence[Assigned],
        aliases: Aliases | None,
        ancestors: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._aliases = aliases
        self._ancestors = ancestors
        self._groups: dict[_Place, list[Assigned]] = {}
        for one in policies:
            assignment = one.assignment
            key = _scope(assignment.scope), tuple(map(_scope, assignment.not_scopes))
            self._groups.setdefault(key, []).append(one)
        self._placed: dict[str, list[tuple[_Place, bool | None]]] = {}
        self._typed: dict[tuple[_Place, str, bool], list[Assigned]] = {}

    def of(self, subject: Subject) -> Iterator[tuple[Assigned, str]]:
        """Policies that may apply, each with why it is not sure that it does; empty where it is."""
        resource, kind = subject.resource, subject.type
        if kind.startswith("microsoft.resources/") and kind not in (GROUPS, SUBSCRIPTIONS):
            return
        tracked = self._tracked(resource, kind)
        for key, placed in self._scopes(resource.id.lower()):
            if placed is False:
                continue
            doubt = "" if placed else _untold(resource.id.lower(), key)
            for one in self._of_type(key, kind, tracked):
                if one.assignment.selectors:
                    taken = takes(one.assignment.selectors, subject)
                    if taken is False:
                        continue
                    yield one, doubt or ("" if taken else "whether a resource selector takes it is not known")
                else:
                    yield one, doubt

    def why_not(self, one: Assigned, subject: Subject) -> str:
        """Why a policy is not among the candidates of a resource; empty where it is."""
        assignment, kind, own = one.assignment, subject.type, subject.resource.id.lower()
        if lies_in(own, assignment.scope.lower(), self._ancestors) is False:
            return f"it is assigned to {assignment.scope}, elsewhere"
        for scope in assignment.not_scopes:
            if lies_in(own, scope.lower(), self._ancestors):
                return f"its assignment leaves out {scope}"
        if one.compiled.types is not None and kind not in one.compiled.types:
            return "it is about other types"
        if one.definition.mode.lower() == "indexed" and not self._tracked(subject.resource, kind):
            return f"it is of mode Indexed, and passes by {subject.resource.type}"
        if takes(assignment.selectors, subject) is False:
            return "the resource selectors of its assignment pass by it"
        if kind.startswith("microsoft.resources/") and kind not in (GROUPS, SUBSCRIPTIONS):
            return f"Azure evaluates no policy on {subject.resource.type}"
        return ""

    def _scopes(self, own: str) -> Iterable[tuple[_Place, bool | None]]:
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

    def _place(self, key: _Place, own: str) -> bool | None:
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

    def _of_type(self, key: _Place, kind: str, tracked: bool) -> list[Assigned]:
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


def _scope(written: str) -> str:
    return written.lower().rstrip("/") or written


def _untold(own: str, key: _Place) -> str:
    """What of a resource's place, or of an assignment's, nobody told."""
    scope, excluded = key
    if not scope or NOT_TOLD in scope:
        return "the scope of the assignment is not told"
    if any(NOT_TOLD in one for one in excluded) and NOT_TOLD not in own:
        return "which scopes the assignment leaves out is not told"
    if NOT_TOLD in subscription_of(own):
        return NO_SUBSCRIPTION
    return "which resource group it lies in is not told" if NOT_TOLD in own else NO_MANAGEMENT_GROUPS


def _deep(key: _Place, place: str) -> bool:
    scope, excluded = key
    return any((within(one, place) or may_lie(place, one)) and one != place for one in (scope, *excluded))
