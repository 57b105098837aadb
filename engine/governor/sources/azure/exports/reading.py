"""Exports, read: files of any layout in, one `Export` out.

What an object is, its content decides: its type, its id, or the properties that only its kind has. Names of files and
folders count only where a layout gives an object no other name. Objects are looked for at any depth, so that lists,
pages, answers with a wrapper of their own, and many files at once are all read alike.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath
from stat import S_ISREG
from typing import Any, TypeVar

from msgspec.structs import replace

from governor import jsonfile
from governor.azure_model import Export, Initiative, PolicyState
from governor.errors import CANNOT_JUDGE, Refusal
from governor.sources import PIPED, left_out
from governor.sources.azure.exports import epac, ids, objects, templates
from governor.sources.azure.exports.epac import Environment, Exempting, Known
from governor.sources.azure.exports.found import File, Found, Pointer, Raw

STATES = "policyStates"
SUMMARIES = "policyStatesSummary"

_OURS = re.compile(
    r"policy(?:rule|definition|assignment|set|exemption|state|name|id\b)|exemptioncategory|compliancestate|pacselector"
    r"|managementgroupancestors",
    re.IGNORECASE,
)
"""A file in a folder that has none of these words is of no concern."""

_KINDS = {f"{ids.PROVIDER}/{kind}".lower(): kind for kind in ids.KINDS} | {
    "microsoft.policyinsights/policystates": STATES,
}
_OF_SUBSCRIPTIONS = "microsoft.resources/subscriptions"
_PARTS = {"policyrule", "parameters", "policydefinitions", "policydefinitiongroups", "mode", "metadata"}
"""What files of their own may hold of a definition or an initiative."""

_KEPT = {
    "resourceid", "resourcetype", "policyassignmentid", "policydefinitionid", "policydefinitionreferenceid",
    "policysetdefinitionid", "compliancestate", "policydefinitionaction", "timestamp", "managementgroupids",
}  # fmt: skip
"""What is read of a state. A list may have millions, and their other keys take most of the memory."""

_NEXT = ("nextlink", "@odata.nextlink", "skip_token", "skiptoken", "$skiptoken")

Policy = TypeVar("Policy", bound=Any)


def read(paths: Sequence[Path], piped: bytes = b"") -> Export:
    """What files and folders say of Azure Policy, as one. `-` among the paths is `piped`.

    What cannot be read is a gap with its place, and costs nothing else. Raises Refusal when nothing can be read at all:
    for an only file that is broken, and where nothing of Azure Policy is found in a path.
    """
    reading = _Reading()
    for path in paths:
        reading.path(path, piped, alone=len(paths) == 1)
    return reading.export(", ".join(map(str, paths)))


class _Reading:
    """Everything that was found, before names mean anything."""

    def __init__(self) -> None:
        self.found = Found()
        self.templates: list[Raw] = []
        self.parameters: dict[str, Mapping[str, Any]] = {}
        self.nameless: list[tuple[str, Raw]] = []
        """Kind and object; it has no id, and lies where its layout says."""
        self.heads: list[tuple[str, Raw]] = []
        """Objects whose rule, or members, may lie in another file."""
        self.parts: dict[str, list[Raw]] = {}
        """Folder → such rules, members and parameters."""
        self.trees: list[Raw] = []
        self.exempting: list[Raw] = []
        self.environments: list[Environment] = []
        self.texts: dict[str, str] = {}
        self.count = 0

    def path(self, path: Path, piped: bytes, *, alone: bool) -> None:
        """Reads a file, or all files below a folder."""
        before, gaps = self.count, len(self.found.gaps)
        if path == PIPED:
            self._data(piped, "standard input", named=True, alone=alone)
        elif path.is_dir():
            for file in _files(path):
                try:
                    data = file.read_bytes()
                except OSError as error:
                    self.found.refused(Refusal(f"cannot be read: {error.strerror}", place=str(file)))
                    continue
                self._data(data, str(file), named=False, alone=False)
        else:
            try:
                data = path.read_bytes()
            except OSError as error:
                raise Refusal(f"cannot be read: {error.strerror}", place=str(path)) from None
            self._data(data, str(path), named=True, alone=alone)
        if self.count == before and len(self.found.gaps) == gaps:
            what = "no file in this folder holds anything" if path.is_dir() else "this file holds nothing"
            name = "standard input" if path == PIPED else str(path)
            raise Refusal(
                f"{what} of Azure Policy: export it with `az policy definition list` and its like", place=name
            )

    def _data(self, data: bytes, name: str, *, named: bool, alone: bool) -> None:
        try:
            text = jsonfile.decode(data, name)
        except Refusal as refusal:
            if named:
                self._refuse(refusal, alone)
            return
        if not named and not _OURS.search(text):
            return
        file = File(name, text)
        try:
            rows = epac.rows(file)
            if rows:
                self.exempting += rows
                self.count += len(rows)
            elif named or _begins_like_json(text):
                self._sift(jsonfile.parse(text, name, self._kept), file, (), 0)
        except Refusal as refusal:
            if named or _is_named_as_ours(name):
                self._refuse(refusal, alone)

    def _refuse(self, refusal: Refusal, alone: bool) -> None:
        if alone:
            raise Refusal(refusal.message, place=refusal.place, code=CANNOT_JUDGE)
        self.found.refused(refusal)

    def _kept(self, value: dict[str, Any]) -> dict[str, Any]:
        """An object; of a state, only what is read of it, with each text once."""
        if len(value) < len(_KEPT) or not ("complianceState" in value or "ComplianceState" in value):
            return value
        texts = self.texts
        return {
            key: texts.setdefault(inner, inner) if isinstance(inner, str) else inner
            for key, inner in value.items()
            if key.lower() in _KEPT
        }

    def _sift(self, value: Any, file: File, pointer: Pointer, depth: int) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, (dict, list)):
                    self._sift(item, file, (*pointer, index), depth + 1)
        elif isinstance(value, dict):
            raw = Raw(value, file, pointer)
            if self._take(raw, {key.lower() for key in value}):
                self.count += 1
                return
            before = self.count
            for key, inner in value.items():
                if isinstance(inner, (dict, list)):
                    self._sift(inner, file, (*pointer, key), depth + 1)
            if self.count > before:
                self._note_next_page(raw)

    def _note_next_page(self, raw: Raw) -> None:
        for key, inner in raw.value.items():
            more = key.lower() in _NEXT and isinstance(inner, str) and inner
            if more or (key.lower() == "resulttruncated" and str(inner).lower() == "true"):
                self.found.gap(raw, "this is only the first page of a list: fetch the others too", key)
                return

    def _take(self, raw: Raw, keys: set[str]) -> bool:
        """Puts an object where it belongs; False for what is none."""
        found = self.found
        if templates.is_template(raw.value):
            self.templates.append(raw)
            return bool(_OURS.search(raw.file.text))
        if templates.is_parameters_file(raw.value):
            given = raw.value.get("parameters")
            self.parameters[_stem(raw.file.name)] = given if isinstance(given, dict) else {}
            return True
        if epac.is_settings(keys):
            self.environments += epac.environments(raw, found)
            return True
        if epac.is_tree(keys):
            self.trees.append(raw)
            return True
        if "exemptions" in keys and not keys & {"id", "properties"}:
            return self._exemptions(raw)
        kind = _kind(raw.value, keys)
        if kind:
            self._object(kind, raw)
            return True
        if _kind_by_type(raw.value) == _OF_SUBSCRIPTIONS:
            return self._subscription(raw)
        if (not raw.pointer and keys <= {*_PARTS, "$schema"} and keys & _PARTS) or keys == {"if", "then"}:
            self.parts.setdefault(os.path.dirname(raw.file.name), []).append(raw)
            return bool(keys & {"policyrule", "if"})
        return False

    def _object(self, kind: str, raw: Raw) -> None:
        found = self.found
        if kind == STATES:
            state = objects.state(raw, found)
            if state:
                found.states.append(state)
        elif kind == SUMMARIES:
            found.summaries += objects.summaries(raw, found)
        elif kind in (ids.DEFINITIONS, ids.INITIATIVES):
            whole = "policyRule" if kind == ids.DEFINITIONS else "policyDefinitions"
            if not objects.Fields(raw, Found()).has(whole):
                self.heads.append((kind, raw))
            elif _text(raw.value, "id"):
                self._define(kind, raw, objects.NOWHERE)
            else:
                self.nameless.append((kind, raw))
        elif kind == ids.ASSIGNMENTS:
            assignment = objects.assignment(raw, found)
            if assignment:
                found.assignments.append(assignment)
        else:
            exemption = objects.exemption(raw, found)
            if exemption:
                found.exemptions.append(exemption)

    def _define(self, kind: str, raw: Raw, scope: str) -> None:
        if kind == ids.DEFINITIONS:
            definition = objects.definition(raw, self.found, scope)
            if definition:
                self.found.definitions.append(definition)
        else:
            initiative = objects.initiative(raw, self.found, scope)
            if initiative:
                self.found.initiatives.append(initiative)

    def _exemptions(self, raw: Raw) -> bool:
        key = next(key for key in raw.value if key.lower() == "exemptions")
        entries = raw.value[key]
        if not isinstance(entries, list) or not _OURS.search(raw.file.text):
            return False
        for index, entry in enumerate(entries):
            if isinstance(entry, dict):
                self.exempting.append(Raw(entry, raw.file, (*raw.pointer, key, index)))
            else:
                self.found.gap(raw, "this exemption is not an object", key, index)
        return True

    def _subscription(self, raw: Raw) -> bool:
        """A row of Resource Graph that tells the management groups above a subscription."""
        fields = objects.Fields(raw, self.found)
        if not fields.has("managementGroupAncestorsChain"):
            return False
        chain = [group.text("name").lower() for group in fields.objects("managementGroupAncestorsChain")]
        id = fields.text("id") or f"/subscriptions/{fields.text('subscriptionId')}"
        self.found.ancestors[id.lower()] = tuple(name for name in chain if name)
        return True

    def export(self, source: str) -> Export:
        """Gives names their meaning, and each object once."""
        found = self.found
        for raw in self.templates:
            for made in templates.made(raw, self._parameters(raw), found):
                self._object(made.kind, made.raw)
        self._join_parts()
        places = self.environments or [Environment()]
        for kind, raw in self.nameless:
            for place in dict.fromkeys(place.root for place in places):
                self._define(kind, raw, place)
        known = Known(found)
        found.initiatives = [self._with_ids(initiative, known) for initiative in found.initiatives]
        known = Known(found)
        for tree in self.trees:
            found.assignments += epac.assignments(tree, found, places, known)
        exempting = Exempting(found, known)
        for raw in self.exempting:
            found.exemptions += exempting.made(raw)
        states = self._latest_states()
        return Export(
            definitions=self._once(found.definitions, "definition"),
            initiatives=self._once(found.initiatives, "initiative"),
            assignments=self._once(found.assignments, "assignment"),
            exemptions=self._once(found.exemptions, "exemption"),
            states=states,
            summaries=tuple(found.summaries),
            ancestors=_ancestors(found.ancestors, states),
            gaps=found.placed_gaps(),
            notes=tuple(found.notes),
            source=source,
        )

    def _parameters(self, raw: Raw) -> dict[str, Any]:
        """What the parameters file of a template gives: that of the same name."""
        given = self.parameters.get(_stem(raw.file.name), {})
        return {
            name: holder["value"] for name, holder in given.items() if isinstance(holder, dict) and "value" in holder
        }

    def _join_parts(self) -> None:
        """Rules and members that lie in files of their own go to the object in the same folder."""
        folders: dict[str, list[tuple[str, Raw]]] = {}
        for kind, raw in self.heads:
            folders.setdefault(os.path.dirname(raw.file.name), []).append((kind, raw))
        whole = {os.path.dirname(raw.file.name) for raw in self._whole()}
        for folder, heads in folders.items():
            parts = self.parts.pop(folder, [])
            for kind, raw in heads:
                joined = self._joined(kind, raw, parts) if len(heads) == 1 else None
                if joined is None:
                    missing = "policyRule" if kind == ids.DEFINITIONS else "policyDefinitions"
                    self.found.gap(raw, f"this has no {missing}, and no file beside it holds the one that is missing")
                elif _text(joined.value, "id"):
                    self._define(kind, joined, objects.NOWHERE)
                else:
                    self.nameless.append((kind, joined))
        for folder, parts in self.parts.items():
            if folder in whole:
                continue
            for part in parts:
                keys = {key.lower() for key in part.value}
                if keys == {"if", "then"}:
                    self.nameless.append((ids.DEFINITIONS, part._replace(value={"policyRule": part.value})))
                elif "policyrule" in keys:
                    self.nameless.append((ids.DEFINITIONS, part))

    def _whole(self) -> Iterator[Raw]:
        """Objects of files that need no parts."""
        for policies in (self.found.definitions, self.found.initiatives):
            for policy in policies:
                if policy.written and len(policy.written.pointer) <= 1:
                    yield Raw({}, File(policy.written.file, ""), ())
        yield from (raw for _, raw in self.nameless if not raw.pointer)

    def _joined(self, kind: str, raw: Raw, parts: list[Raw]) -> Raw | None:
        key, others = ("policyRule", ("parameters",))
        if kind == ids.INITIATIVES:
            key, others = "policyDefinitions", ("parameters", "policyDefinitionGroups")
        main = [part for part in parts if objects.Fields(part, Found()).has(key)]
        bare = [part for part in parts if kind == ids.DEFINITIONS and part.value.keys() == {"if", "then"}]
        if len(main) + len(bare) != 1:
            return None
        part = (main or bare)[0]
        value = dict(raw.value)
        value[key] = objects.Fields(part, Found()).value(key) if main else part.value
        fields = objects.Fields(raw, Found())
        for other in others:
            told = [inner for one in parts if (inner := objects.Fields(one, Found()).value(other)) is not None]
            if not fields.has(other) and len(told) == 1:
                value[other] = told[0]
        properties = next((inner for name, inner in raw.value.items() if name.lower() == "properties"), None)
        if isinstance(properties, dict):
            value = {name: inner for name, inner in value.items() if name.lower() != "properties"} | properties
        return Raw(value, part.file, ())

    def _with_ids(self, initiative: Initiative, known: Known) -> Initiative:
        """The initiative with ids for definitions that it names by name."""
        if all(member.definition.startswith("/") for member in initiative.members):
            return initiative
        root = ids.scope_of(initiative.id)
        members = []
        for index, member in enumerate(initiative.members):
            if not member.definition.startswith("/"):
                name = member.definition
                id = known.id(ids.DEFINITIONS, name, root)
                if not id:
                    is_set = bool(known.id(ids.INITIATIVES, name, root))
                    self._gap_of_member(initiative, index, name, is_set)
                    if is_set:
                        continue
                member = replace(member, definition=id or ids.made(root, ids.DEFINITIONS, name))
            members.append(member)
        return replace(initiative, members=tuple(members))

    def _gap_of_member(self, initiative: Initiative, index: int, name: str, is_set: bool) -> None:
        if is_set:
            reason = f"an initiative holds definitions, and its member {name!r} is an initiative"
        else:
            reason = f"there is no definition named {name!r}"
        written = initiative.written
        raw = next((raw for _, raw in self.nameless if written and raw.file.name == written.file), None)
        if raw is None:
            self.found.refused(Refusal(reason, place=written.file if written else ""))
            return
        self.found.gap(raw, reason, *objects.Fields(raw, Found()).steps("policyDefinitions"), index)

    def _once(self, policies: list[Policy], what: str) -> tuple[Policy, ...]:
        """Each id once. The first one that was read stands; where another differs, a gap names both."""
        kept: dict[str, Policy] = {}
        for policy in policies:
            first = kept.setdefault(policy.id.lower(), policy)
            if first is not policy and _compared(first) != _compared(policy):
                here, there = policy.written, first.written
                reason = f"this {what} stands in {there.file} too, and differs: the one there is read"
                self.found.gap(Raw({}, self._file(here.file, here.line), here.pointer), reason)
        return tuple(kept.values())

    def _file(self, name: str, line: int) -> File:
        return next((file for file, written in self.found._written if file.name == name), File(name, "", line or 1))

    def _latest_states(self) -> tuple[PolicyState, ...]:
        """Of records of the same resource, policy and assignment, the latest."""
        latest: dict[tuple[str, str, str, str], PolicyState] = {}
        for state in self.found.states:
            key = (
                state.resource.lower(),
                state.assignment.lower(),
                state.definition.lower(),
                state.reference.lower(),
            )
            other = latest.setdefault(key, state)
            if other is not state and _moment(state.at) > _moment(other.at):
                latest[key] = state
        return tuple(latest.values())


def _compared(policy: Policy) -> Policy:
    """A policy without what does not decide what it does."""
    return replace(policy, id=policy.id.lower(), written=None, metadata={})


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ancestors(told: dict[str, tuple[str, ...]], states: Sequence[PolicyState]) -> dict[str, tuple[str, ...]]:
    """The management groups above each subscription; states tell them where nothing else does."""
    ancestors = dict(told)
    for state in states:
        if state.ancestors:
            parts = state.resource.lower().split("/")
            if len(parts) > 2 and parts[1] == "subscriptions":
                ancestors.setdefault("/".join(parts[:3]), state.ancestors)
    return ancestors


def _kind(value: Mapping[str, Any], keys: set[str]) -> str:
    """Which of the kinds an object is of; empty for none."""
    by_type = _KINDS.get(_kind_by_type(value))
    if by_type:
        return by_type
    properties = next((inner for key, inner in value.items() if key.lower() == "properties"), None)
    if isinstance(properties, dict):
        keys = keys | {key.lower() for key in properties}
    named = keys & {"name", "id", "properties", "displayname"}
    if named and "policyrule" in keys:
        return ids.DEFINITIONS
    if "compliancestate" in keys and keys & {"resourceid", "policyassignmentid"}:
        return STATES
    if ("policyassignments" in keys and "results" in keys) or keys == {"policyassignments"}:
        return SUMMARIES
    if named and "policydefinitions" in keys and "policyassignmentid" not in keys:
        return ids.INITIATIVES
    if "exemptioncategory" in keys and "policyassignmentid" in keys:
        return ids.EXEMPTIONS
    if "policydefinitionid" in keys and keys & {"scope", "enforcementmode"} and "policyassignmentid" not in keys:
        return ids.ASSIGNMENTS
    kind = ids.kind_of(_text(value, "id"))
    return kind if kind and keys & {"properties", "displayname"} else ""


def _kind_by_type(value: Mapping[str, Any]) -> str:
    return _text(value, "type").strip("/").lower()


def _text(value: Mapping[str, Any], name: str) -> str:
    told = value.get(name)
    if told is None:
        told = next((inner for key, inner in value.items() if key.lower() == name), None)
    return told if isinstance(told, str) else ""


def _stem(name: str) -> str:
    """What a template and its parameters file are both called."""
    return re.sub(r"\.(parameters\.)?jsonc?$", "", name, flags=re.IGNORECASE).lower()


def _begins_like_json(text: str) -> bool:
    return text.lstrip()[:2].startswith(("{", "[", "//", "/*"))


def _is_named_as_ours(name: str) -> bool:
    return PurePath(name).name.lower().endswith(("json", "jsonc", "csv"))


def _files(folder: Path) -> Iterator[Path]:
    """The files below a folder, in the order of their names."""
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not left_out(name))
        for name in sorted(files):
            file = Path(at, name)
            try:
                regular = S_ISREG(file.stat().st_mode)
            except OSError:
                regular = True
            if regular:
                yield file
