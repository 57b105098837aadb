"""Exports, read: files of any layout in, one `Export` out.

What an object is, its content decides: its type, its id, or the properties that only its kind has. Names of files and
folders count only where a layout gives an object no other name. Objects are looked for at any depth, so that lists,
pages, answers with a wrapper of their own, and many files at once are all read alike.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from msgspec.structs import replace

from governor import jsonfile
from governor.azure_model import Definition, Export, Initiative, Unknown, Written
from governor.errors import CANNOT_JUDGE, Refusal
from governor.sources import PIPED, left_out
from governor.sources.azure import ids
from governor.sources.azure.deployment import is_template
from governor.sources.azure.exports import epac, objects, parts, templates
from governor.sources.azure.exports.epac import Environment, Exempting, Known
from governor.sources.azure.exports.found import File, Found, Pointer, Raw
from governor.sources.azure.exports.merging import Policy, ancestors, distinct, latest, once

STATES = "policyStates"
SUMMARIES = "policyStatesSummary"

_OURS = re.compile(
    r"policy(?:rule|definition|assignment|set|exemption|state|name|id\b)|exemptioncategory|compliancestate|pacselector"
    r"|managementgroupancestors|definitionentry",
    re.IGNORECASE,
)
"""What a file of Azure Policy has a word of."""

_PART = re.compile(r'"(?:parameters|then)"', re.IGNORECASE)
"""What a file has that may be a part of one."""

_KINDS = {f"{ids.PROVIDER}/{kind}".lower(): kind for kind in ids.KINDS} | {
    "microsoft.policyinsights/policystates": STATES,
}
_OF_SUBSCRIPTIONS = "microsoft.resources/subscriptions"
_KEPT = {
    "resourceid", "resourcetype", "policyassignmentid", "policydefinitionid", "policydefinitionreferenceid",
    "policysetdefinitionid", "compliancestate", "policydefinitionaction", "timestamp", "managementgroupids",
}  # fmt: skip
"""What is read of a state. A list may have millions, and their other keys take most of the memory."""

_NEXT = ("nextlink", "@odata.nextlink", "skip_token", "skiptoken", "$skiptoken")

_WHAT_TO_DO = ": export it, with `az policy definition list` and its like"


def read(paths: Sequence[Path], piped: bytes = b"") -> Export:
    """What files and folders say of Azure Policy, as one. `-` among the paths is `piped`.

    What cannot be read is a gap with its place, and costs nothing else. Raises Refusal when nothing can be read at all:
    for an only file that is broken, for a path that is not there, and where nothing of Azure Policy is found in a path.
    """
    reading = _Reading()
    for path in paths:
        reading.path(path, piped, alone=len(paths) == 1)
    return reading.export(", ".join(map(_name, paths)))


def _name(path: Path) -> str:
    return "standard input" if path == PIPED else str(path)


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
        self.parts: list[Raw] = []
        """Such rules, members and parameters."""
        self.trees: list[Raw] = []
        self.exempting: list[Raw] = []
        self.environments: list[Environment] = []
        self.files: dict[str, File] = {}
        """Those that hold something."""
        self.texts: dict[str, str] = {}
        self.count = 0

    def path(self, path: Path, piped: bytes, *, alone: bool) -> None:
        """Reads a file, or all files below a folder."""
        before, gaps = self.count, len(self.found.gaps)
        if path == PIPED:
            self._file(_name(path), lambda: piped, named=True, alone=alone)
        elif path.is_dir():
            for file in self._files(path):
                self._file(str(file), partial(_data_of, file), named=False, alone=False)
        else:
            self._file(str(path), path.read_bytes, named=True, alone=alone or not path.exists())
        if self.count == before and len(self.found.gaps) == gaps:
            what = "no file in this folder holds anything" if path.is_dir() else "this file holds nothing"
            raise Refusal(f"{what} of Azure Policy{_WHAT_TO_DO}", place=_name(path))

    def _file(self, name: str, data: Callable[[], bytes], *, named: bool, alone: bool) -> None:
        try:
            text = jsonfile.decode(data(), name)
        except OSError as error:
            self._refuse(Refusal(f"cannot be read: {error.strerror}", place=name), alone)
            return
        except Refusal as refusal:
            if named or _is_named_as_ours(name):
                self._refuse(refusal, alone)
            return
        ours = named or bool(_OURS.search(text))
        if not ours and not _PART.search(text):
            return
        file = File(name, text)
        try:
            rows = epac.rows(file)
            if rows:
                self.exempting += rows
                self.files[name] = file
                self.count += len(rows)
            else:
                self._sift(jsonfile.parse(text, name, self._kept), file, ())
        except Refusal as refusal:
            if named or (ours and _is_named_as_ours(name)):
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

    def _sift(self, value: Any, file: File, pointer: Pointer) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, (dict, list)):
                    self._sift(item, file, (*pointer, index))
        elif isinstance(value, dict):
            raw = Raw(value, file, pointer)
            if not pointer and "json-schema.org/" in str(value.get("$schema")):
                return
            if self._take(raw, {key.lower() for key in value}):
                self.files[file.name] = file
                self.count += 1
                return
            before = self.count
            for key, inner in value.items():
                if isinstance(inner, (dict, list)):
                    self._sift(inner, file, (*pointer, key))
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
        if is_template(raw.value):
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
        if not raw.pointer and parts.is_part(keys):
            self.parts.append(raw)
            return bool(keys & {"policyrule", "if"})
        return False

    def _object(self, kind: str, raw: Raw) -> None:
        found = self.found
        properties = raw.value.get("properties")
        if isinstance(properties, Unknown):
            found.gap(raw, properties.reason, "properties")
            return
        if kind == STATES:
            state = objects.state(raw, found)
            if state:
                found.states.append(state)
        elif kind == SUMMARIES:
            found.summaries += objects.summaries(raw, found)
        elif kind in (ids.DEFINITIONS, ids.INITIATIVES):
            if parts.is_whole(kind, raw):
                self._whole(kind, raw)
            else:
                self.heads.append((kind, raw))
        elif kind == ids.ASSIGNMENTS:
            assignment = objects.assignment(raw, found)
            if assignment:
                found.assignments.append(assignment)
        else:
            exemption = objects.exemption(raw, found)
            if exemption:
                found.exemptions.append(exemption)

    def _whole(self, kind: str, raw: Raw) -> None:
        if _text(raw.value, "id"):
            self._define(kind, raw, objects.NOWHERE)
        else:
            self.nameless.append((kind, raw))

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
        for kind, raw in list(parts.joined(self.heads, self.parts, self._whole_folders(), found)):
            self._whole(kind, raw)
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
        states = latest(found.states)
        export = Export(
            definitions=self._once(found.definitions, "definition"),
            initiatives=self._once(found.initiatives, "initiative"),
            assignments=self._once(found.assignments, "assignment"),
            exemptions=self._once(found.exemptions, "exemption"),
            states=states,
            summaries=distinct(found.summaries),
            ancestors=ancestors(found.ancestors, states),
            gaps=found.placed_gaps(),
            notes=tuple(found.notes),
            source=source,
        )
        if export == Export(notes=export.notes, source=source):
            raise Refusal(f"this holds nothing of Azure Policy{_WHAT_TO_DO}", place=source)
        return export

    def _files(self, folder: Path) -> Iterator[Path]:
        """The files below a folder, in the order of their names."""

        def unreadable(error: OSError) -> None:
            self.found.refused(Refusal(f"cannot be read: {error.strerror}", place=str(error.filename)))

        for at, folders, files in os.walk(folder, onerror=unreadable):
            folders[:] = sorted(name for name in folders if not left_out(name))
            for name in sorted(files):
                file = Path(at, name)
                # A pipe would be waited for.
                if file.is_file() or not file.exists():
                    yield file

    def _parameters(self, raw: Raw) -> dict[str, Any]:
        """What the parameters file of a template gives: that of the same name."""
        given = self.parameters.get(_stem(raw.file.name), {})
        return {
            name: holder["value"] for name, holder in given.items() if isinstance(holder, dict) and "value" in holder
        }

    def _whole_folders(self) -> set[str]:
        """Folders with a file that is a definition or an initiative, whole."""
        policies: list[Definition | Initiative] = [*self.found.definitions, *self.found.initiatives]
        names = {one.written.file for one in policies if one.written and len(one.written.pointer) <= 1}
        return {
            os.path.dirname(name) for name in names | {raw.file.name for _, raw in self.nameless if not raw.pointer}
        }

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
                    is_initiative = bool(known.id(ids.INITIATIVES, name, root))
                    reason = f"there is no definition named {name!r}"
                    if is_initiative:
                        reason = f"an initiative holds definitions, and its member {name!r} is an initiative"
                    self._gap_at(initiative.written, reason, *_members(initiative), index)
                    if is_initiative:
                        continue
                member = replace(member, definition=id or ids.made(root, ids.DEFINITIONS, name))
            members.append(member)
        return replace(initiative, members=tuple(members))

    def _once(self, policies: list[Policy], what: str) -> tuple[Policy, ...]:
        def differs(policy: Policy, first: Policy) -> None:
            reason = f"this {what} differs from the one of the same id at {{}}, which is read"
            self._gap_at(policy.written, reason, other=first.written)

        return once(policies, differs)

    def _gap_at(self, written: Written | None, reason: str, *steps: str | int, other: Written | None = None) -> None:
        if written:
            file = self.files.get(written.file, File(written.file, ""))
            file = file._replace(line=written.line)
            self.found.gap(Raw({}, file, written.pointer), reason, *steps, other=other)


def _members(initiative: Initiative) -> tuple[str, ...]:
    pointer = initiative.written.pointer if initiative.written else ()
    return ("policyDefinitions",) if pointer[-1:] == ("properties",) else ("properties", "policyDefinitions")


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


def _data_of(file: Path) -> bytes:
    """The content of a file in a folder; empty for one that begins neither like JSON nor like a table of EPAC."""
    with file.open("rb") as opened:
        head = opened.read(4096)
        text = head.decode(jsonfile.encoding(head), "ignore").lstrip()
        if text.startswith(("{", "[", "//", "/*")) or "exemptioncategory" in text.split("\n", 1)[0].lower():
            return head + opened.read()
    return b""


def _is_named_as_ours(name: str) -> bool:
    return PurePath(name).name.lower().endswith(("json", "jsonc", "csv"))
