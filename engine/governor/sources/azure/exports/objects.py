"""Objects of Azure Policy as Resource Manager, `az`, and Resource Graph show them, made into ours.

Properties lie under `properties` or beside the name; keys are read in any case. What is missing and needed, or of a
wrong type, is a gap, and costs no more than it must. Templates hand in `Unknown` where an expression is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from governor.azure_model import (
    Assignment,
    Definition,
    Initiative,
    Member,
    Message,
    Override,
    PolicyExemption,
    PolicyState,
    ResourceSelector,
    Selector,
    Summary,
    Unknown,
    unknown_in,
)
from governor.sources.azure import ids
from governor.sources.azure.exports.found import Found, Raw

NOWHERE = f"{ids.MANAGEMENT_GROUPS}{ids.UNKNOWN}"
"""The scope of what does not say where it lies."""

_STATES = {
    "noncompliant": "NonCompliant",
    "compliant": "Compliant",
    "conflict": "Conflict",
    "exempt": "Exempt",
    "unknown": "Unknown",
    "notstarted": "NotStarted",
    "notregistered": "NotRegistered",
    "protected": "Protected",
    "error": "Error",
}
_VERSION = re.compile(r"/versions/[^/]+$", re.IGNORECASE)
"""What `az policy definition version list` adds to ids; the name is that of the version there."""
_NAMELESS = {"policy", "azurepolicy", "policyset", "azurepolicyset", "rule", "rules", "definition"}


_ONCE = {"displayname", "description", "policytype", "mode", "parameters", "policyrule", "policydefinitions"}
"""Keys that cannot mean something else beside `properties` than in it."""


class Fields:
    """The keys of an object, in any case; those under `properties` too."""

    def __init__(self, raw: Raw, found: Found) -> None:
        self.raw = raw
        self.found = found
        self._keys: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
            key.lower(): (raw.value, (key,)) for key in reversed(raw.value)
        }
        nested = self._keys.get("properties")
        self.nested: tuple[str, ...] = ()
        if nested:
            self.nested = nested[1]
            properties = raw.value[self.nested[0]]
            if isinstance(properties, dict):
                own = {"id", "name", "type"} & self._keys.keys()
                for key in reversed(properties):
                    if key.lower() in own:
                        continue
                    if key.lower() in _ONCE & self._keys.keys():
                        self.gap(f"{key} stands in properties and beside it: keep one", key)
                    self._keys[key.lower()] = (properties, (*self.nested, key))
            elif properties is not None:
                self.gap(_reason(properties, "properties is not an object"), "properties")

    def has(self, name: str) -> bool:
        return self.value(name) is not None

    def value(self, name: str) -> Any:
        holder, path = self._keys.get(name.lower(), ({}, ("",)))
        return holder.get(path[-1])

    def steps(self, name: str) -> tuple[str, ...]:
        return self._keys.get(name.lower(), ({}, (name,)))[1]

    def gap(self, reason: str, name: str = "", *steps: str | int) -> None:
        self.found.gap(self.raw, reason, *(self.steps(name) if name else ()), *steps)

    def text(self, name: str, default: str = "") -> str:
        value = self.value(name)
        if isinstance(value, str):
            return value or default
        if value is not None:
            self.gap(_reason(value, f"{name} is not text"), name)
        return default

    def label(self, name: str) -> str:
        """A text that nothing is judged by."""
        return ids.UNKNOWN if isinstance(self.value(name), Unknown) else self.text(name)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.value(name)
        if isinstance(value, dict):
            return value
        if value not in (None, ""):
            self.gap(_reason(value, f"{name} is not an object"), name)
        return {}

    def items(self, name: str) -> list[Any]:
        value = self.value(name)
        if isinstance(value, list):
            return value
        if value not in (None, ""):
            self.gap(_reason(value, f"{name} is not a list"), name)
        return []

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._texts(name, self.items(name)))

    def _texts(self, name: str, items: list[Any]) -> Iterator[str]:
        for index, item in enumerate(items):
            if isinstance(item, str):
                yield item
            else:
                self.gap(_reason(item, f"this item of {name} is not text"), name, index)

    def objects(self, name: str) -> Iterator[Fields]:
        for index, item in enumerate(self.items(name)):
            pointer = (*self.raw.pointer, *self.steps(name), index)
            if isinstance(item, dict):
                yield Fields(Raw(item, self.raw.file, pointer), self.found)
            else:
                self.gap(_reason(item, f"this item of {name} is not an object"), name, index)

    def metadata(self) -> dict[str, Any]:
        value = self.value("metadata")
        if isinstance(value, Unknown):
            return {}
        return {key: inner for key, inner in self.mapping("metadata").items() if unknown_in(inner) is None}

    def values(self, name: str) -> dict[str, Any]:
        """Parameters: name → `{"value": …}`."""
        values: dict[str, Any] = {}
        for parameter, holder in self.mapping(name).items():
            key = next((key for key in holder if key.lower() == "value"), None) if isinstance(holder, dict) else None
            if key is None:
                reason = _reason(holder, "the value of this parameter is not told")
                self.gap(reason, name, parameter)
                values[parameter] = Unknown(reason)
                continue
            values[parameter] = holder[key]
            unknown = unknown_in(holder[key])
            if unknown:
                self.gap(unknown.reason, name, parameter)
                values[parameter] = unknown
        return values

    def fixed(self, name: str) -> bool:
        """Whether a value is known to its last leaf; a gap where it is not."""
        unknown = unknown_in(self.value(name))
        if unknown:
            self.gap(unknown.reason, name)
        return unknown is None


def definition(raw: Raw, found: Found, scope: str = NOWHERE) -> Definition | None:
    """A policy definition. `scope` is where it lies, unless it has an id."""
    fields = Fields(raw, found)
    if not all([fields.fixed("policyRule"), fields.fixed("parameters"), fields.fixed("mode")]):
        return None
    if not isinstance(fields.value("policyRule"), dict):
        fields.gap("this definition has no policyRule that could be read", "policyRule")
    if twice := next((names for names in _by_case(fields.mapping("parameters")) if len(names) > 1), None):
        fields.gap(f"parameters {' and '.join(twice)} are one: names have no case", "parameters", twice[1])
        return None
    id, name = identity(fields, ids.DEFINITIONS, scope)
    return Definition(
        id=id,
        name=name,
        display_name=fields.label("displayName"),
        description=fields.label("description"),
        policy_type=fields.text("policyType", _policy_type(id)),
        mode=fields.text("mode", "Indexed"),
        version=fields.text("version"),
        parameters=fields.mapping("parameters"),
        rule=fields.value("policyRule"),
        metadata=fields.metadata(),
        written=found.written(raw, *fields.steps("policyRule")[:-1]),
    )


def _by_case(names: Iterable[str]) -> Iterable[list[str]]:
    """Names that differ by case only, together."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.lower(), []).append(name)
    return found.values()


def initiative(raw: Raw, found: Found, scope: str = NOWHERE) -> Initiative | None:
    """A policy set definition. Members that name a definition keep `policyDefinitionName` as their definition."""
    fields = Fields(raw, found)
    if not all([fields.fixed("parameters"), _listed(fields, "policyDefinitions")]):
        return None
    id, name = identity(fields, ids.INITIATIVES, scope)
    taken: set[str] = set()
    members = [member for inner in fields.objects("policyDefinitions") if (member := _member(inner, taken))]
    return Initiative(
        id=id,
        name=name,
        display_name=fields.label("displayName"),
        description=fields.label("description"),
        policy_type=fields.text("policyType", _policy_type(id)),
        version=fields.text("version"),
        parameters=fields.mapping("parameters"),
        members=tuple(members),
        groups=tuple(group.raw.value for group in fields.objects("policyDefinitionGroups")),
        metadata=fields.metadata(),
        written=found.written(raw),
    )


def _listed(fields: Fields, name: str) -> bool:
    if isinstance(fields.value(name), list):
        return True
    fields.gap(_reason(fields.value(name), f"{name} is not a list"), name)
    return False


def _member(fields: Fields, taken: set[str]) -> Member | None:
    target = fields.text("policyDefinitionId") or fields.text("policyDefinitionName")
    if not target:
        fields.gap("this member of an initiative names no definition")
        return None
    if ids.kind_of(target) == ids.INITIATIVES:
        fields.gap("an initiative holds definitions, and this member is an initiative")
        return None
    reference = fields.text("policyDefinitionReferenceId") or _free(ids.name_of(target), taken)
    if reference.lower() in taken:
        fields.gap(f"two members of this initiative have the reference {reference!r}")
    taken.add(reference.lower())
    return Member(
        definition=target,
        reference=reference,
        parameters=fields.values("parameters"),
        version=fields.text("definitionVersion"),
        groups=fields.texts("groupNames"),
    )


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def assignment(raw: Raw, found: Found) -> Assignment | None:
    """An assignment."""
    fields = Fields(raw, found)
    target = fields.text("policyDefinitionId")
    if not target:
        if not isinstance(fields.value("policyDefinitionId"), Unknown):
            fields.gap("this assignment names no policyDefinitionId")
            return None
        target = ids.UNKNOWN
    told = fields.text("scope")
    id, name = identity(fields, ids.ASSIGNMENTS, told or NOWHERE)
    scope = told or ids.scope_of(id)
    if not scope or ids.UNKNOWN in scope:
        fields.gap(
            "the scope of this assignment is not told: write it into the template as `metadata.deploymentScope`, or"
            " give what `az policy assignment list` prints"
        )
    return Assignment(
        id=id,
        name=name,
        display_name=fields.label("displayName"),
        description=fields.label("description"),
        scope=scope,
        not_scopes=fields.texts("notScopes"),
        target=target,
        version=fields.text("definitionVersion"),
        parameters=fields.values("parameters"),
        enforced=enforced(fields),
        messages=messages(fields),
        selectors=selectors(fields),
        overrides=overrides(fields),
        identity=_identity(fields),
        location=fields.text("location"),
        metadata=fields.metadata(),
        written=found.written(raw),
    )


def exemption(raw: Raw, found: Found) -> PolicyExemption | None:
    """An exemption."""
    fields = Fields(raw, found)
    target = fields.text("policyAssignmentId")
    if not target:
        if not isinstance(fields.value("policyAssignmentId"), Unknown):
            fields.gap("this exemption names no policyAssignmentId")
        return None
    known = ("expiresOn", "policyDefinitionReferenceIds", "resourceSelectors")
    if not all(fields.fixed(name) for name in known):
        return None
    id, name = identity(fields, ids.EXEMPTIONS, fields.text("scope") or NOWHERE)
    scope = ids.scope_of(id)
    if not scope or ids.UNKNOWN in scope:
        fields.gap("the scope of this exemption is not told")
    return PolicyExemption(
        id=id,
        name=name,
        display_name=fields.label("displayName"),
        description=fields.label("description"),
        scope=scope,
        assignment=target,
        references=fields.texts("policyDefinitionReferenceIds"),
        category=_category(fields),
        expires_on=fields.text("expiresOn"),
        selectors=selectors(fields),
        metadata=fields.metadata(),
        written=found.written(raw),
    )


def _category(fields: Fields) -> str:
    category = fields.text("exemptionCategory", "Waiver")
    return {"waiver": "Waiver", "mitigated": "Mitigated"}.get(category.lower(), category)


def state(raw: Raw, found: Found) -> PolicyState | None:
    """A record of compliance."""
    fields = Fields(raw, found)
    resource, assigned = fields.text("resourceId"), fields.text("policyAssignmentId")
    defined, told = fields.text("policyDefinitionId"), fields.text("complianceState")
    if not (resource and assigned and told):
        missing = [
            name for name in ("resourceId", "policyAssignmentId", "complianceState") if not fields.value(name)
        ] or ["a readable value"]
        fields.gap(f"this compliance state has no {' and no '.join(missing)}")
        return None
    groups = fields.text("managementGroupIds").split(",")
    return PolicyState(
        resource=resource,
        resource_type=fields.text("resourceType").removeprefix("/"),
        assignment=assigned,
        definition=defined,
        reference=fields.text("policyDefinitionReferenceId"),
        initiative=fields.text("policySetDefinitionId"),
        state=_STATES.get(told.lower(), told),
        effect=fields.text("policyDefinitionAction"),
        at=fields.text("timestamp"),
        ancestors=tuple(group.strip().lower() for group in groups if group.strip()),
        written=found.written(raw),
    )


def summaries(raw: Raw, found: Found) -> Iterator[Summary]:
    """The counts of `az policy state summarize`, by assignment and by policy."""
    for assigned in Fields(raw, found).objects("policyAssignments"):
        id, initiative_id = assigned.text("policyAssignmentId"), assigned.text("policySetDefinitionId")
        if not id:
            assigned.gap("this summary names no policyAssignmentId")
            continue
        counts = _counts(assigned)
        if counts:
            yield Summary(
                assignment=id, initiative=initiative_id, resources=counts, written=found.written(assigned.raw)
            )
        for policy in assigned.objects("policyDefinitions"):
            counts = _counts(policy)
            if counts:
                yield Summary(
                    assignment=id,
                    definition=policy.text("policyDefinitionId"),
                    reference=policy.text("policyDefinitionReferenceId"),
                    initiative=initiative_id,
                    effect=policy.text("effect"),
                    resources=counts,
                    written=found.written(policy.raw),
                )


def _counts(fields: Fields) -> dict[str, int]:
    results = fields.mapping("results")
    if not results:
        return {}
    inner = Fields(Raw(results, fields.raw.file, (*fields.raw.pointer, *fields.steps("results"))), fields.found)
    counts = {}
    for detail in inner.objects("resourceDetails"):
        told, count = detail.text("complianceState"), detail.value("count")
        if isinstance(count, int) and not isinstance(count, bool):
            counts[_STATES.get(told.lower(), told)] = count
        else:
            detail.gap("this count is not a whole number", "count")
    only = inner.value("nonCompliantResources")
    if not counts and isinstance(only, int) and not isinstance(only, bool):
        counts["NonCompliant"] = only
    return counts


def identity(fields: Fields, kind: str, scope: str) -> tuple[str, str]:
    """Id and name; the id as Azure would make it, where none is told."""
    id, name = fields.text("id"), fields.text("name")
    if _VERSION.search(id):
        id, name = _VERSION.sub("", id), ""
    if id and ids.kind_of(id) != kind:
        fields.gap(f"this id is none of {kind}", "id")
        id = ""
    if not name:
        name = ids.name_of(id) if id else _named_after(fields)
    if "/" in name:
        fields.gap(f"a name in Azure has no '/': {name[:80]!r}", "name")
        name = ids.UNKNOWN
    if not id and fields.text("policyType").lower() in ("builtin", "static"):
        id = ids.built_in(name, kind)
    return id or ids.made(scope, kind, name), name


def _named_after(fields: Fields) -> str:
    """The name of what has none: that of its file, or of the folder, where all such files are called the same."""
    if isinstance(fields.value("name"), Unknown) or fields.raw.pointer:
        fields.gap("this has neither id nor name")
        return ids.UNKNOWN
    path = PurePath(fields.raw.file.name)
    stem = path.name.split(".")[0]
    name = path.parent.name if stem.lower() in _NAMELESS and path.parent.name else stem
    fields.found.notes[f"{fields.raw.file.name} has neither id nor name: it is called {name!r} after its file"] = None
    return name


def _policy_type(id: str) -> str:
    return "Custom" if ids.scope_of(id) else "BuiltIn"


def enforced(fields: Fields) -> bool:
    """Whether an assignment acts. What is not told is not relied on."""
    mode = fields.value("enforcementMode")
    if mode is None or mode == "":
        return True
    told = fields.text("enforcementMode").lower()
    if told not in ("default", "donotenforce", ""):
        fields.gap(f"the enforcementMode {told[:40]!r} is not read: it counts as not enforced", "enforcementMode")
    return told == "default"


def messages(fields: Fields) -> tuple[Message, ...]:
    """What an assignment says of what does not comply."""
    return tuple(
        Message(inner.label("message"), inner.text("policyDefinitionReferenceId"))
        for inner in fields.objects("nonComplianceMessages")
    )


def selectors(fields: Fields) -> tuple[ResourceSelector, ...]:
    """Resource selectors."""
    return tuple(
        ResourceSelector(name=inner.text("name"), selectors=_selectors(inner))
        for inner in fields.objects("resourceSelectors")
    )


def overrides(fields: Fields) -> tuple[Override, ...]:
    """Overrides; EPAC's own form too: an effect and the references it is for."""
    found = []
    for inner in fields.objects("overrides"):
        kind, value, chosen = inner.text("kind", "policyEffect"), inner.text("value"), _selectors(inner)
        if not value and inner.has("effect"):
            value, references = inner.text("effect"), inner.texts("policyDefinitionReferences")
            chosen = (Selector(kind="policyDefinitionReferenceId", within=references),) if references else ()
        if value:
            found.append(Override(kind=kind, value=value, selectors=chosen))
        elif not isinstance(inner.value("value"), Unknown):
            inner.gap("this override has no value")
    return tuple(found)


def _selectors(fields: Fields) -> tuple[Selector, ...]:
    return tuple(
        Selector(
            kind=inner.text("kind"),
            within=inner.texts("in") if inner.has("in") else None,
            without=inner.texts("notIn") if inner.has("notIn") else None,
        )
        for inner in fields.objects("selectors")
    )


def _identity(fields: Fields) -> str:
    told = fields.value("identity")
    if told in (None, "") or (isinstance(told, Mapping) and not told):
        return ""
    told = fields.mapping("identity")
    inner = Fields(Raw(told, fields.raw.file, (*fields.raw.pointer, *fields.steps("identity"))), fields.found)
    kind = inner.text("type")
    users = inner.value("userAssignedIdentities")
    if isinstance(users, dict) and users and "user" in kind.lower():
        return str(next(iter(users)))
    return "" if kind.lower() == "none" else "SystemAssigned" if kind.lower() == "systemassigned" else kind


def _reason(value: Any, otherwise: str) -> str:
    return value.reason if isinstance(value, Unknown) else otherwise
