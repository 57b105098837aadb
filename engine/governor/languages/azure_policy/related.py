"""Resources around a resource: the group and the subscription it lies in, and those that policies relate to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from governor.azure_model import ArmResource, Estate, Unknown
from governor.languages.azure_policy.subject import Surroundings

GROUPS = "microsoft.resources/subscriptions/resourcegroups"
SUBSCRIPTIONS = "microsoft.resources/subscriptions"
MANAGEMENT = "/providers/microsoft.management/managementgroups/"
NOT_TOLD = "(unknown)"
"""A part of an id that is not known yet."""


def container(resource_id: str) -> str:
    """The resource group of an id (lower-case), or the subscription where it lies in none; empty for neither."""
    parts = resource_id.split("/")
    if len(parts) > 4 and parts[3] == "resourcegroups":
        return "/".join(parts[:5])
    return "/".join(parts[:3]) if len(parts) > 2 and parts[1] == "subscriptions" else ""


def subscription_of(resource_id: str) -> str:
    """The subscription of an id (lower-case); empty for none."""
    parts = resource_id.split("/")
    return "/".join(parts[:3]) if len(parts) > 2 and parts[1] == "subscriptions" else ""


def within(resource_id: str, scope: str) -> bool:
    """Whether an id lies in a scope, or is it: both lower-case, compared by whole segments."""
    scope = scope.rstrip("/")
    return resource_id == scope or resource_id.startswith(f"{scope}/")


def lies_in(resource_id: str, scope: str, ancestors: Mapping[str, tuple[str, ...]]) -> bool | None:
    """The same for any scope, management groups included; None where nobody told which those are, or where the parts of
    an id that decide are not known. All lower-case."""
    if not scope:
        return None
    scope = scope.rstrip("/")
    if scope.startswith(MANAGEMENT):
        if NOT_TOLD in scope:
            return None
        if resource_id.startswith(MANAGEMENT):
            return resource_id == scope
        groups = ancestors.get(subscription_of(resource_id))
        return None if groups is None else scope[len(MANAGEMENT) :] in groups
    if within(resource_id, scope):
        return True
    deep_enough = scope.count("/") <= resource_id.count("/") or _stands_for_several(resource_id)
    return None if deep_enough and may_lie(resource_id, scope) else False


def may_lie(resource_id: str, scope: str) -> bool:
    """Whether nothing but parts that nobody knows keeps an id from a scope, as far as both go; lower-case."""
    if NOT_TOLD not in resource_id and NOT_TOLD not in scope:
        return False
    for at, (own, other) in enumerate(zip(resource_id.split("/"), scope.split("/"), strict=False)):
        if own == NOT_TOLD and _is_step(at):
            return True
        if own != other and NOT_TOLD not in own and NOT_TOLD not in other:
            return False
    return True


def _is_step(at: int) -> bool:
    """Whether a part of an id is `subscriptions`, `resourcegroups`, `providers`, and not a name."""
    return at in (0, 1, 3, 5)


def _stands_for_several(resource_id: str) -> bool:
    """Whether what is not known of an id is more than names: all that a resource extends."""
    return any(part == NOT_TOLD and _is_step(at) for at, part in enumerate(resource_id.split("/")))


class Neighbourhood:
    """An estate, by what is asked of it."""

    def __init__(self, estate: Estate) -> None:
        self._listed = estate.listed
        self._by_id: dict[str, ArmResource] = {}
        self._shared: set[str] = set()
        """Ids that several resources have, since parts of them are not known."""
        self._types: set[str] = set()
        self._within: dict[tuple[str, str], list[ArmResource]] = defaultdict(list)
        """Type and what lies above, both lower-case → resources."""
        self._named: dict[tuple[str, str, str], list[ArmResource]] = defaultdict(list)
        """The same, with the last part of their names."""
        self._around: dict[str, Surroundings] = {}
        for resource in estate.resources:
            own, kind = resource.id.lower(), resource.type.lower()
            if own in self._by_id and NOT_TOLD in own:
                self._shared.add(own)
            self._by_id[own] = resource
            self._types.add(kind)
            last = own.rpartition("/")[2]
            for above in _above(own):
                self._within[kind, above].append(resource)
                self._named[kind, above, last].append(resource)

    def around(self, resource_id: str) -> Surroundings:
        """What `resourceGroup()` and `subscription()` tell of where an id (lower-case) lies."""
        place = container(resource_id)
        found = self._around.get(place)
        if found is None:
            found = self._around[place] = Surroundings(self._group(place), self._subscription(place))
        return found

    def _group(self, place: str) -> Mapping[str, Any] | Unknown:
        if "/resourcegroups/" not in place:
            return Unknown("it lies in no resource group that is known")
        name = place.rsplit("/", 1)[1]
        # Groups whose names are not known have one id, and are not one.
        group = None if NOT_TOLD in name else self._by_id.get(place)
        if group is None:
            missing = Unknown(f"the resource group {name} is not among the resources")
            named: Any = missing if NOT_TOLD in name else name
            own: Any = missing if NOT_TOLD in place else place
            return {"id": own, "name": named, "location": missing, "tags": missing, "managedBy": missing}
        body = dict(group.body)
        id: Any = Unknown("the id of its resource group is not known yet") if NOT_TOLD in place else group.id
        return {**body, "id": id, "name": body.get("name") or group.id.rsplit("/", 1)[1],
                "tags": body.get("tags") or {}, "location": body.get("location"),
                "managedBy": body.get("managedBy")}  # fmt: skip

    def _subscription(self, place: str) -> Mapping[str, Any] | Unknown:
        own = subscription_of(place)
        if not own or NOT_TOLD in own:
            return Unknown("its subscription is not known")
        known = self._by_id.get(own)
        told: dict[str, Any] = {"id": own, "subscriptionId": own.rsplit("/", 1)[1]}
        missing = Unknown("the subscription is not among the resources")
        if known is None:
            return {**told, "displayName": missing, "tenantId": missing, "tags": missing}
        properties = known.body.get("properties")
        name = properties.get("displayName") if type(properties) is dict else properties
        name = name or known.body.get("displayName") or known.body.get("name")
        return {**told, "displayName": name, "tenantId": known.body.get("tenantId", missing),
                "tags": known.body.get("tags") or {}}  # fmt: skip

    def related(
        self, resource: ArmResource, kind: str, name: str | None, group: str | None, scope: str | None
    ) -> tuple[Iterable[ArmResource], str]:
        """Resources of a type that a policy relates to one, and why those may not be all; empty where they are.

        Where the type lies below the resource's own, those below the resource; where it extends others, those that
        extend it; else those of the resource group, or the subscription. Source: Microsoft's documentation of
        auditIfNotExists.
        """
        own, left_out = resource.id.lower(), self._left_out(kind, resource.id)
        kind = kind.lower()
        if kind not in self._types:
            return (), left_out
        place = container(own)
        if (scope or "").lower() == "subscription" or resource.type.lower() == SUBSCRIPTIONS:
            place = subscription_of(own)
        if group:
            place = f"{subscription_of(own)}/resourcegroups/{group.lower()}"
        below = kind.startswith(f"{resource.type.lower()}/")
        found = []
        # Nothing extends a group or a subscription but what lies in it.
        for where in (own,) if below else (place,) if own == container(own) else (own, place):
            if where in self._shared or (where != own and where.endswith(NOT_TOLD)):
                continue  # what lies there may belong to another of the same id
            for candidate in self._candidates(kind, where, name):
                extends = candidate.id.lower().count("/providers/") > 1
                if (below or extends is (where != place)) and (name is None or _is_named(candidate, name)):
                    found.append(candidate)
        return found, left_out

    def _left_out(self, kind: str, own: str) -> str:
        if kind.lower() not in self._listed:
            return f"the resources do not list {kind}"
        return f"which {kind} belong to it is not known before its id is" if NOT_TOLD in own else ""

    def _candidates(self, kind: str, where: str, name: str | None) -> Iterable[ArmResource]:
        last = name.lower().rpartition("/")[2] if name else "?"
        return self._within.get((kind, where), ()) if last == "?" else self._named.get((kind, where, last), ())


def _above(resource_id: str) -> Iterator[str]:
    """What an id (lower-case) lies in: subscription, resource group, and every resource before it."""
    parts = resource_id.split("/")
    for at in range(3, len(parts), 2):
        yield "/".join(parts[:at])


def _is_named(resource: ArmResource, name: str) -> bool:
    """Whether a resource has a name, which may be that of parents and its own: `server/default`, `server/?`."""
    wanted = name.lower().split("/")
    parts = resource.id.lower().rstrip("/").split("/")
    own = str(resource.body.get("name", "")).lower().split("/")
    chain = parts[parts.index("providers") + 3 :: 2] if "providers" in parts else own
    for names in (chain, own, chain[-1:]):
        if len(names) == len(wanted) and all(want in ("?", have) for want, have in zip(wanted, names, strict=True)):
            return True
    return False
