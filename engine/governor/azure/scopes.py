"""Scopes that an export and an estate tell of, and which assignments are seen from each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from governor.azure.probes import GROUP
from governor.azure_model import ArmResource, Assignment, Estate, Export
from governor.languages.azure_policy.related import MANAGEMENT, container, lies_in, subscription_of

Level = Literal["management_group", "subscription", "resource_group"]

UNKNOWN = "(unknown)"
"""A part of an id that nobody told."""


class Scope(Struct, frozen=True, kw_only=True):
    """One scope."""

    id: str
    """As it is written."""
    level: Level
    above: tuple[str, ...] = ()
    """Ids of scopes among the others that it lies in, nearest first."""
    group: str
    """The resource group, lower-case, that what is asked about it lies in; for a management group, in a made-up
    subscription below it."""
    chain_told: bool = True
    """Whether the management groups above it are known, all of them."""


class Scopes:
    """All scopes, and what lies where."""

    def __init__(self, export: Export, estate: Estate) -> None:
        self.resources = {resource.id.lower(): resource for resource in estate.resources}
        self.ancestors: dict[str, tuple[str, ...]] = {**export.ancestors, **estate.ancestors}
        self._export = export
        written = dict(self._written(estate.resources))
        subscriptions = [id for id in written if id.count("/") == 2]
        groups = [id for id in written if id.startswith(MANAGEMENT)]
        self.all: list[Scope] = []
        for id in groups:
            self.all.append(self._management(id, written, groups))
        for id in subscriptions:
            above = self._told_above(id, written)
            chain_told = id in self.ancestors
            group = f"{id}/resourcegroups/{GROUP}"
            self.all.append(
                Scope(id=written[id], level="subscription", above=above, group=group, chain_told=chain_told)
            )
        for id in sorted(written.keys() - {*subscriptions, *groups}):
            owner = subscription_of(id)
            above = ((written[owner],) if owner in written else ()) + self._told_above(owner, written)
            chain_told = owner in self.ancestors
            self.all.append(Scope(id=written[id], level="resource_group", above=above, group=id, chain_told=chain_told))

    def _written(self, resources: Sequence[ArmResource]) -> Iterator[tuple[str, str]]:
        """Lower-case id → as it is first written, of every scope worth telling of."""
        export = self._export
        found: dict[str, str] = {}
        for assignment in export.assignments:
            for scope in (assignment.scope, *assignment.not_scopes):
                own = scope.lower()
                excluded = own.startswith(MANAGEMENT) and scope is not assignment.scope
                if UNKNOWN not in own and not excluded and (own.startswith(MANAGEMENT) or container(own) == own):
                    found.setdefault(own, scope)
        ids = (
            *(assignment.scope for assignment in export.assignments),
            *(scope for assignment in export.assignments for scope in assignment.not_scopes),
            *(resource.id for resource in resources),
            *(state.resource for state in export.states),
            *(exemption.scope for exemption in export.exemptions),
            *self.ancestors,
        )
        for id in ids:
            own = subscription_of(id.lower())
            if own and UNKNOWN not in own:
                found.setdefault(own, id[: len(own)])
        yield from sorted(found.items())

    def _told_above(self, subscription: str, written: Mapping[str, str]) -> tuple[str, ...]:
        names = self.ancestors.get(subscription, ())
        return tuple(written[f"{MANAGEMENT}{name}"] for name in names if f"{MANAGEMENT}{name}" in written)

    def _management(self, id: str, written: Mapping[str, str], groups: Sequence[str]) -> Scope:
        name = id.removeprefix(MANAGEMENT)
        chains = (chain[chain.index(name) :] for chain in self.ancestors.values() if name in chain)
        chain = next(chains, None)
        made_up = f"/subscriptions/below-{name}"
        self.ancestors[made_up] = chain or (name,)
        return Scope(
            id=written[id],
            level="management_group",
            above=self._told_above(made_up, written)[1:],
            group=f"{made_up}/resourcegroups/{GROUP}",
            chain_told=chain is not None or len(groups) == 1,
        )

    def sees(self, scope: Scope, assignment: Assignment) -> bool | None:
        """Whether an assignment reaches what lies in a scope; None where nobody told."""
        inside = lies_in(scope.group, assignment.scope.lower(), self.ancestors)
        if inside is None or (not inside and not scope.chain_told and assignment.scope.lower().startswith(MANAGEMENT)):
            inside = None
        if inside is False:
            return False
        for other in assignment.not_scopes:
            out = lies_in(scope.group, other.lower(), self.ancestors)
            if out:
                return False
            if out is None:
                inside = None
        return inside
