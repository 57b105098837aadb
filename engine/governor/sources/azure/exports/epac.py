"""Enterprise Policy as Code: what its trees, lists and tables of JSONC and CSV would make in Azure.

Names, scopes and the union of values down a tree follow EPAC's documentation (policy-assignments, policy-exemptions).
Definitions lie at the root scope of each environment of `global-settings.jsonc`; without that file, nobody tells where.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from governor import jsonfile
from governor.azure_model import Assignment, Definition, Initiative, PolicyExemption
from governor.errors import Refusal
from governor.sources.azure import ids
from governor.sources.azure.exports import objects
from governor.sources.azure.exports.found import File, Found, Raw
from governor.sources.azure.exports.objects import NOWHERE, Fields

_MANY = 20_000
"""Assignments, or exemptions, that one file may make."""

_COLUMNS = {"name", "exemptioncategory"}
_OF_WHAT = ("assignmentreferenceid", "policyassignmentid", "policydefinitionid", "policysetdefinitionid")
_LISTS = {"scopes", "policydefinitionreferenceids"}
_OF_TREES = {"assignment", "children", "definitionentry", "definitionentrylist", "scope"}
_ENTRY = {
    "policyId": ids.DEFINITIONS,
    "policyName": ids.DEFINITIONS,
    "policySetId": ids.INITIATIVES,
    "policySetName": ids.INITIATIVES,
    "initiativeId": ids.INITIATIVES,
    "initiativeName": ids.INITIATIVES,
}
_EVERYWHERE = "*"


class Environment(Struct, frozen=True, kw_only=True):
    """An environment of EPAC."""

    selector: str = ""
    """`pacSelector`; empty: of any."""
    root: str = NOWHERE
    """`deploymentRootScope`."""
    not_scopes: tuple[str, ...] = ()
    location: str = ""
    """Of managed identities."""

    def chosen(self, by_selector: Mapping[str, Any]) -> list[Any]:
        """What of `{selector: value}` is meant for it."""
        ours = (_EVERYWHERE, self.selector.lower())
        return [value for key, value in by_selector.items() if not self.selector or key.lower() in ours]


class Known:
    """What names may mean."""

    def __init__(self, found: Found) -> None:
        self.by_id: dict[str, Definition | Initiative] = {}
        self._by_name: dict[tuple[str, str], list[str]] = {}
        policies: list[Definition | Initiative] = [*found.definitions, *found.initiatives]
        for policy in policies:
            kind = ids.DEFINITIONS if isinstance(policy, Definition) else ids.INITIATIVES
            self.by_id.setdefault(policy.id.lower(), policy)
            self._by_name.setdefault((kind, policy.name.lower()), []).append(policy.id)

    def id(self, kind: str, name: str, root: str) -> str:
        """The id of what has a name: at the root scope, elsewhere, or built in. Empty: nothing has it."""
        at_root = ids.made(root, kind, name)
        if at_root.lower() in self.by_id:
            return self.by_id[at_root.lower()].id
        return next(iter(self.ids(kind, name)), "")

    def ids(self, kind: str, name: str) -> list[str]:
        """The ids of all that have a name; of what is built in, where nothing else has it."""
        built_in = ids.built_in(name, kind)
        return self._by_name.get((kind, name.lower())) or ([built_in] if built_in else [])


def is_settings(keys: set[str]) -> bool:
    """Whether an object with such keys, lower-case, is `global-settings`."""
    return "pacenvironments" in keys


def is_tree(keys: set[str]) -> bool:
    """Whether it is a tree of assignments."""
    return "nodename" in keys and bool(keys & _OF_TREES)


def environments(raw: Raw, found: Found) -> Iterator[Environment]:
    """The environments of `global-settings`."""
    fields = Fields(raw, found)
    above = fields.value("globalNotScopes")
    location = fields.value("managedIdentityLocations")
    for inner in fields.objects("pacEnvironments"):
        selector, root = inner.text("pacSelector"), inner.text("deploymentRootScope")
        if not selector or not root:
            inner.gap("this environment has no pacSelector or no deploymentRootScope")
            continue
        environment = Environment(selector=selector, root=root.rstrip("/"))
        not_scopes = list(inner.texts("globalNotScopes"))
        if isinstance(above, dict):
            not_scopes += [
                scope for scopes in environment.chosen(above) if isinstance(scopes, list) for scope in scopes
            ]
        locations = environment.chosen(location) if isinstance(location, dict) else []
        yield replace(
            environment,
            not_scopes=tuple(scope for scope in not_scopes if isinstance(scope, str)),
            location=inner.text("managedIdentityLocation") or next((str(place) for place in locations), ""),
        )


class _Branch(Struct, frozen=True, kw_only=True):
    """What a tree has gathered on the way to a node."""

    name: str = ""
    names: tuple[str, str, str] = ("", "", "")
    """Name, display name and description, concatenated."""
    scope: Mapping[str, Any] | None = None
    not_scopes: tuple[Mapping[str, Any], ...] = ()
    entries: tuple[Fields, ...] = ()
    parameters: Mapping[str, Any] = {}
    metadata: Mapping[str, Any] = {}
    mode: Fields | None = None
    """The nearest node that tells an enforcementMode."""
    overrides: tuple[Fields, ...] = ()
    """Nodes that have overrides; likewise the next two."""
    selectors: tuple[Fields, ...] = ()
    messages: tuple[Fields, ...] = ()
    locations: Mapping[str, Any] = {}
    identities: Mapping[str, Any] = {}


def assignments(raw: Raw, found: Found, places: Sequence[Environment], known: Known) -> Iterator[Assignment]:
    """The assignments of a tree, for each environment, entry and scope."""
    made = 0
    for leaf, branch in _leaves(Fields(raw, found), _Branch()):
        if not branch.entries:
            leaf.gap(f"no node on the way to {branch.name!r} has a definitionEntry")
            continue
        if branch.scope is None:
            leaf.gap(f"no node on the way to {branch.name!r} has a scope")
            continue
        unknown = [key for key in branch.scope if not any(place.chosen({key: key}) for place in places)]
        if unknown:
            leaf.gap(f"the pacSelector {unknown[0]!r} is not in global-settings")
        for entry in branch.entries:
            for place in places:
                for scope in _scopes(leaf, branch.scope, place):
                    made += 1
                    if made > _MANY:
                        leaf.gap(f"this tree makes more than {_MANY:,} assignments")
                        return
                    assignment = _assignment(leaf, branch, entry, scope, place, known)
                    if assignment:
                        yield assignment


def _leaves(node: Fields, above: _Branch) -> Iterator[tuple[Fields, _Branch]]:
    branch = _grown(node, above)
    if not node.items("children"):
        yield node, branch
    for child in node.objects("children"):
        yield from _leaves(child, branch)


def _grown(node: Fields, above: _Branch) -> _Branch:
    names = _inner(node, "assignment")
    own = tuple(names.text(key) for key in ("name", "displayName", "description")) if names else ("", "", "")
    entries = tuple(node.objects("definitionEntryList"))
    single = _inner(node, "definitionEntry")
    if node.has("parameterFile"):
        node.gap("parameters from a CSV file are not read: effects and parameters may differ", "parameterFile")
    not_scopes = node.mapping("notScopes")
    return _Branch(
        name=above.name + node.text("nodeName"),
        names=(above.names[0] + own[0], above.names[1] + own[1], above.names[2] + own[2]),
        scope=node.mapping("scope") if node.has("scope") else above.scope,
        not_scopes=(*above.not_scopes, not_scopes) if not_scopes else above.not_scopes,
        entries=entries or ((single,) if single else above.entries),
        parameters={**above.parameters, **node.mapping("parameters")},
        metadata={**above.metadata, **node.metadata()},
        mode=node if node.has("enforcementMode") else above.mode,
        overrides=(*above.overrides, node) if node.has("overrides") else above.overrides,
        selectors=(*above.selectors, node) if node.has("resourceSelectors") else above.selectors,
        messages=(*above.messages, node) if node.has("nonComplianceMessages") else above.messages,
        locations={**above.locations, **node.mapping("managedIdentityLocations")},
        identities={**above.identities, **node.mapping("userAssignedIdentity")},
    )


def _inner(fields: Fields, name: str) -> Fields | None:
    value = fields.mapping(name)
    pointer = (*fields.raw.pointer, *fields.steps(name))
    return Fields(Raw(value, fields.raw.file, pointer), fields.found) if value else None


def _scopes(leaf: Fields, scope: Mapping[str, Any], place: Environment) -> Iterator[str]:
    for scopes in place.chosen(scope):
        for one in scopes if isinstance(scopes, list) else [scopes]:
            if isinstance(one, str) and one:
                yield one.rstrip("/")
            else:
                leaf.gap("this scope is not text", "scope")


def _assignment(
    leaf: Fields, branch: _Branch, entry: Fields, scope: str, place: Environment, known: Known
) -> Assignment | None:
    target = _target(entry, place, known)
    if not target:
        return None
    name, display_name, description = _named(branch, entry)
    if not name or "/" in name:
        reason = f"a name in Azure has no '/': {name[:80]!r}" if name else "no node on the way has an assignment name"
        leaf.gap(f"{branch.name!r}: {reason}")
        return None
    policy = known.by_id.get(target.lower())
    messages = [message for node in branch.messages for message in objects.messages(node)]
    identity, location = _identity(branch, entry, place, policy, known)
    return Assignment(
        id=ids.made(scope, ids.ASSIGNMENTS, name),
        name=name,
        display_name=display_name,
        description=description,
        scope=scope,
        not_scopes=tuple(_not_scopes(leaf, branch, place)),
        target=target,
        version=entry.text("definitionVersion"),
        parameters=_parameters(branch.parameters, policy),
        enforced=objects.enforced(branch.mode) if branch.mode else True,
        messages=(*messages, *objects.messages(entry)),
        selectors=tuple(one for node in branch.selectors for one in objects.selectors(node)),
        overrides=tuple(
            override
            for node in branch.overrides
            for part in node.objects("overrides")
            if _is_for(part, entry)
            for override in objects.overrides(_alone(node, part))
        ),
        identity=identity,
        location=location,
        metadata=branch.metadata,
        written=leaf.found.written(leaf.raw),
    )


def _alone(node: Fields, override: Fields) -> Fields:
    return Fields(Raw({"overrides": [override.raw.value]}, node.raw.file, node.raw.pointer), node.found)


def _target(entry: Fields, place: Environment, known: Known) -> str:
    for key, kind in _ENTRY.items():
        told = entry.text(key)
        if not told:
            continue
        if told.startswith("/"):
            return told
        id = known.id(kind, told, place.root)
        if not id:
            entry.gap(f"there is no {'initiative' if kind == ids.INITIATIVES else 'definition'} named {told!r}", key)
        return id or ids.made(place.root, kind, told)
    entry.gap("this entry names no policy and no policy set")
    return ""


def _named(branch: _Branch, entry: Fields) -> tuple[str, str, str]:
    inner = _inner(entry, "assignment")
    if not inner:
        return branch.names
    own = (inner.text("name"), inner.text("displayName"), inner.text("description"))
    pairs = (
        zip(branch.names, own, strict=True) if inner.value("append") is True else zip(own, branch.names, strict=True)
    )
    name, display_name, description = (first + second for first, second in pairs)
    return name, display_name, description


def _not_scopes(leaf: Fields, branch: _Branch, place: Environment) -> Iterator[str]:
    yield from place.not_scopes
    for by_selector in branch.not_scopes:
        for scopes in place.chosen(by_selector):
            for scope in scopes if isinstance(scopes, list) else [scopes]:
                if not isinstance(scope, str):
                    leaf.gap("this item of notScopes is not text", "notScopes")
                    continue
                if "*" in scope:
                    leaf.gap(f"EPAC asks Azure which groups {scope[:80]!r} means", "notScopes")
                yield scope


def _parameters(given: Mapping[str, Any], policy: Definition | Initiative | None) -> Mapping[str, Any]:
    """What the policy has a parameter for: EPAC leaves out the rest in silence."""
    if policy is None:
        return given
    declared = {name.lower() for name in policy.parameters}
    return {name: value for name, value in given.items() if name.lower() in declared}


def _is_for(override: Fields, entry: Fields) -> bool:
    """Whether an override is for an entry: it may name the one it is for."""
    for key in _ENTRY:
        told = override.text(key)
        if told:
            return told.lower() == entry.text(key).lower()
    return True


def _identity(
    branch: _Branch, entry: Fields, place: Environment, policy: Definition | Initiative | None, known: Known
) -> tuple[str, str]:
    located = next((where for where in place.chosen(branch.locations) if isinstance(where, str)), "")
    for told in place.chosen(branch.identities):
        for one in told if isinstance(told, list) else [told]:
            if isinstance(one, str):
                return one, located or place.location
            if isinstance(one, dict) and isinstance(one.get("identity"), str):
                part = Fields(Raw(one, entry.raw.file, entry.raw.pointer), entry.found)
                if _is_for(part, entry):
                    return one["identity"], located or place.location
    if located or _acts(policy, known):
        return "SystemAssigned", located or place.location
    return "", ""


def _acts(policy: Definition | Initiative | None, known: Known) -> bool:
    """Whether a policy changes resources, for which EPAC makes an identity: it names roles."""
    if isinstance(policy, Initiative):
        members = (known.by_id.get(member.definition.lower()) for member in policy.members)
        return any(isinstance(member, Definition) and _acts(member, known) for member in members)
    rule = policy.rule if policy else None
    then = rule.get("then") if isinstance(rule, dict) else None
    details = then.get("details") if isinstance(then, dict) else None
    return isinstance(details, dict) and bool(details.get("roleDefinitionIds"))


def rows(file: File) -> list[Raw]:
    """The exemptions of a CSV file; empty when it is none of EPAC's. Raises Refusal for a broken one."""
    end = file.text.find("\n")
    header = file.text[: end if end >= 0 else None]
    delimiter = max(",;\t", key=header.count)
    named = {name.strip().strip('"').lower() for name in header.strip().split(delimiter)}
    if not named >= _COLUMNS or not named & set(_OF_WHAT):
        return []
    reader = csv.reader(io.StringIO(file.text, newline=""), delimiter=delimiter, strict=True)
    found = []
    columns = [name.strip() for name in next(reader)]
    line = reader.line_num
    try:
        for row in reader:
            at = File(file.name, file.text, line + 1)
            line = reader.line_num
            if any(cell.strip() for cell in row):
                found.append(Raw(_of_row(columns, row, at), at, ()))
    except csv.Error as error:
        raise Refusal(f"this is no CSV: {error}", place=f"{file.name}:{line + 1}") from None
    except Refusal as refusal:
        raise Refusal(f"in a cell: {refusal.message}", place=f"{file.name}:{line}") from None
    return found


def _of_row(columns: list[str], row: list[str], at: File) -> dict[str, Any]:
    exemption: dict[str, Any] = {}
    for column, cell in zip(columns, row, strict=False):
        name, cell = column.lower(), cell.strip()
        if not cell:
            continue
        if name in _LISTS:
            exemption[column] = [part.strip() for part in cell.split("&") if part.strip()]
        elif name in ("metadata", "resourceselectors"):
            exemption[column] = jsonfile.parse(cell, at.name)
        elif name == "assignmentreferenceid":
            exemption |= _referred(cell)
        else:
            exemption[column] = cell
    return exemption


def _referred(cell: str) -> dict[str, str]:
    """What an `assignmentReferenceId` means."""
    kind, _, name = cell.rpartition("/")
    kind = kind.rpartition("/")[2].lower()
    if kind == ids.ASSIGNMENTS.lower():
        return {"policyAssignmentId": cell}
    word = "policySetDefinition" if kind == ids.INITIATIVES.lower() else "policyDefinition"
    return {f"{word}Id": cell} if cell.startswith("/") else {f"{word}Name": name}


class Exempting:
    """Makes exemptions of entries, which may name a policy and so mean each assignment of it."""

    def __init__(self, found: Found, known: Known) -> None:
        self._found = found
        self._known = known
        self._by_id = {assignment.id.lower(): assignment for assignment in found.assignments}
        self._by_target: dict[str, list[Assignment]] = {}
        self._holding: dict[str, list[Initiative]] = {}
        for assignment in found.assignments:
            self._by_target.setdefault(assignment.target.lower(), []).append(assignment)
        for initiative in found.initiatives:
            for id in {member.definition.lower() for member in initiative.members}:
                self._holding.setdefault(id, []).append(initiative)

    def made(self, raw: Raw) -> Iterator[PolicyExemption]:
        """The exemptions of an entry."""
        fields = Fields(raw, self._found)
        name = fields.text("name")
        scopes = list(fields.texts("scopes")) or [fields.text("scope")]
        if not name or not all(scopes):
            fields.gap("this exemption has no name or no scope")
            return
        exempted, by_assignment = self._exempted(fields)
        several = fields.has("scopes")
        number = 0
        for told in scopes:
            label, scope = _labelled(told)
            for assignment, references in exempted:
                if not by_assignment and not _may_cover(assignment, scope):
                    continue
                number += 1
                if number > _MANY:
                    fields.gap(f"this entry makes more than {_MANY:,} exemptions")
                    return
                suffixes = [label] if several and label else []
                suffixes += [] if by_assignment else [ids.name_of(assignment)]
                yield from self._one(raw, fields, scope, assignment, references, suffixes, by_assignment)
        if exempted and not number:
            fields.gap("no assignment of what this exemption names covers its scope")

    def _one(
        self,
        raw: Raw,
        fields: Fields,
        scope: str,
        assignment: str,
        references: tuple[str, ...],
        suffixes: list[str],
        by_assignment: bool,
    ) -> Iterator[PolicyExemption]:
        name = fields.text("name") + ("" if by_assignment else f"-{ids.name_of(assignment)}")
        value = {key: inner for key, inner in raw.value.items() if key.lower() not in ("scopes", "scope", "name")}
        value |= {"name": name, "scope": scope, "policyAssignmentId": assignment}
        made = objects.exemption(Raw(value, raw.file, raw.pointer), self._found)
        if made:
            yield replace(
                made,
                display_name=" - ".join([made.display_name, *suffixes]) if suffixes else made.display_name,
                description=" - ".join([made.description, *suffixes])
                if suffixes and made.description
                else made.description,
                references=references,
            )

    def _exempted(self, fields: Fields) -> tuple[list[tuple[str, tuple[str, ...]]], bool]:
        """Assignments and the members of each; whether they were named themselves."""
        told = fields.texts("policyDefinitionReferenceIds")
        direct = fields.text("policyAssignmentId")
        if direct:
            assignment = self._by_id.get(direct.lower())
            return [(direct, self._references(told, assignment.target if assignment else ""))], True
        kind = ids.INITIATIVES if fields.has("policySetDefinitionId") or fields.has("policySetDefinitionName") else ""
        word = "policySetDefinition" if kind else "policyDefinition"
        id, name = fields.text(f"{word}Id"), fields.text(f"{word}Name")
        if not id and not name:
            fields.gap("this exemption names no assignment and no policy")
            return [], False
        wanted = {id.lower()} if id else {one.lower() for one in self._known.ids(kind or ids.DEFINITIONS, name)}
        exempted: list[tuple[str, tuple[str, ...]]] = []
        for one in sorted(wanted):
            exempted.extend(
                (assignment.id, self._references(told, assignment.target))
                for assignment in self._by_target.get(one, [])
            )
            for initiative in [] if kind else self._holding.get(one, []):
                members = tuple(m.reference for m in initiative.members if m.definition.lower() == one)
                exempted.extend(
                    (assignment.id, members) for assignment in self._by_target.get(initiative.id.lower(), [])
                )
        if not exempted:
            fields.gap(f"nothing here assigns {id or name!r}: what this exempts is not known")
        return exempted, False

    def _references(self, told: tuple[str, ...], target: str) -> tuple[str, ...]:
        """References of an initiative: EPAC takes definitions' ids and names for them, too."""
        initiative = self._known.by_id.get(target.lower())
        members = initiative.members if isinstance(initiative, Initiative) else ()
        references = []
        for one in told:
            meant = [member.reference for member in members if _means(one, member.definition)]
            references.extend(meant or [one])
        return tuple(references)


def _means(told: str, definition: str) -> bool:
    if told.startswith("/"):
        return told.lower() == definition.lower()
    kind, slash, name = told.partition("/")
    return bool(slash) and kind.lower() == ids.DEFINITIONS.lower() and name.lower() == ids.name_of(definition).lower()


def _labelled(told: str) -> tuple[str, str]:
    """A scope, and what EPAC adds to names for it: `name:/scope`."""
    if told.startswith("/"):
        return ids.name_of(told), told.rstrip("/")
    label, _, scope = told.partition(":")
    return label, (scope or told).rstrip("/")


def _may_cover(assignment: str, scope: str) -> bool:
    """Whether an assignment's scope may be at or above another; of management groups nobody knows."""
    above = f"{ids.scope_of(assignment).lower()}/"
    return above.startswith(ids.MANAGEMENT_GROUPS.lower()) or f"{scope.lower()}/".startswith(above)
