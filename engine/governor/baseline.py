"""Findings and what was known before in; what is new, what is known and what is fixed out. And the file that keeps it.

A finding is known by policy, resource and attribute, and a resource by the id it had before it was moved, too. So
neither a line, nor the wording of a message, nor the severity or level of a policy makes a finding new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from governor import yamlfile
from governor.errors import Refusal
from governor.model import Finding, Known, fingerprint

VERSION = 1

_HEAD = f'{{\n  "governor_baseline": {VERSION},\n  "findings": ['
_ANEW = "write the file anew with --update-baseline"


class Compared(Struct, frozen=True):
    """Open findings beside what was known."""

    new: Sequence[Finding]
    known: Sequence[Finding]
    carried: Sequence[Known]
    """The entries of the known findings, under the ids that these have today."""
    left: Sequence[Known]
    """Entries that no open finding answers to."""


def compare(findings: Iterable[Finding], entries: Iterable[Known], previous: Mapping[str, str]) -> Compared:
    """`previous` has the former id of each resource that was moved. An entry covers one finding, the first."""
    left: dict[str, list[Known]] = {}
    for entry in entries:
        left.setdefault(entry.fingerprint, []).append(entry)
    found = list(findings)
    covered: dict[int, Known] = {}

    def cover(number: int, name: str) -> bool:
        if waiting := left.get(name):
            covered[number] = waiting.pop(0)
        return number in covered

    # What was moved goes first: another resource may have taken its former id.
    moved = [number for number, finding in enumerate(found) if finding.resource in previous]
    for number in moved:
        finding = found[number]
        if not cover(number, finding.fingerprint):
            cover(number, fingerprint(finding.policy, previous[finding.resource], finding.attribute))
    for number, finding in enumerate(found):
        if number not in covered and finding.resource not in previous:
            cover(number, finding.fingerprint)
    return Compared(
        new=[finding for number, finding in enumerate(found) if number not in covered],
        known=[finding for number, finding in enumerate(found) if number in covered],
        carried=[replace(entry, resource=found[number].resource) for number, entry in sorted(covered.items())],
        left=[entry for waiting in left.values() for entry in waiting],
    )


def entries(findings: Iterable[Finding], today: date | None = None) -> list[Known]:
    """Findings as they are written down."""
    return [Known(finding.policy, finding.resource, finding.attribute, today) for finding in findings]


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the file."""

    policy: Annotated[str, Meta(min_length=1)]
    resource: Annotated[str, Meta(min_length=1)]
    attribute: str
    since: date | None
    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    governor_baseline: int
    findings: tuple[_Entry, ...]


class _Reported(Struct, frozen=True):
    policy: str
    resource: str
    attribute: str
    state: str


class _Report(Struct, frozen=True):
    """A report in JSON: its open and baselined findings are known."""

    findings: tuple[_Reported, ...]


def written(known: Iterable[Known]) -> str:
    """The file: JSON, sorted, a finding a line."""
    ordered = sorted(known, key=lambda entry: (entry.policy, entry.resource, entry.attribute, str(entry.since or "")))
    lines = [
        msgspec.json.encode(_Entry(e.policy, e.resource, e.attribute, e.since, e.fingerprint)).decode() for e in ordered
    ]
    body = "".join(f"\n    {line}{',' if number < len(lines) else ''}" for number, line in enumerate(lines, 1))
    return f"{_HEAD}{body}\n  ]\n}}\n" if lines else f"{_HEAD}]\n}}\n"


def read(path: Path) -> list[Known]:
    """The entries of a file, or the open and known findings of a report in JSON. Raises Refusal with file and line."""
    text = yamlfile.read_text(path)
    try:
        document: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise _no_json(text, path) from None
    keys: Collection[str] = document if isinstance(document, dict) else ()
    if "schema_version" in keys:
        report = _converted(document, _Report, path)
        return [Known(f.policy, f.resource, f.attribute) for f in report.findings if f.state in ("open", "baselined")]
    if "governor_baseline" not in keys:
        raise Refusal(f"this is no baseline, nor a report in JSON: {_ANEW}", place=str(path))
    if document["governor_baseline"] != VERSION:
        raise Refusal(
            f"this baseline is of version {document['governor_baseline']}, and this governor reads {VERSION}: {_ANEW}",
            place=yamlfile.place(path, ["governor_baseline"]),
        )
    found = _converted(document, _File, path).findings
    known = [Known(entry.policy, entry.resource, entry.attribute, entry.since) for entry in found]
    for number, (entry, stated) in enumerate(zip(known, found, strict=True)):
        if entry.fingerprint != stated.fingerprint:
            raise Refusal(
                f"this fingerprint is not that of its policy, resource and attribute ({entry.fingerprint}): {_ANEW}",
                place=yamlfile.place(path, ["findings", number]),
            )
    return known


def is_report(path: Path) -> bool:
    """Whether a file is a report, which nobody writes over."""
    return b'"schema_version"' in path.read_bytes()[:100]


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file."""
    found = msgspec.json.schema(_File)
    shape = found["$defs"].pop("_File")
    shape["properties"]["governor_baseline"] = {"const": VERSION}
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape, "$defs": found["$defs"]}
    return {**described, "title": "baseline", "description": "Findings that were known before a run."}


def counted(known: Iterable[Known]) -> str:
    """Policy ids and how many entries each has: `TAG001 ×3, KEY001`."""
    counts = Counter(entry.policy for entry in known)
    return ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in sorted(counts.items()))


def _converted(document: Any, shape: type[Any], path: Path) -> Any:
    try:
        return msgspec.convert(document, shape, strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        steps = [
            int(step) if step.isdigit() else step
            for step in where.rstrip("`").replace("[", ".").replace("]", "").split(".")
            if step
        ]
        raise Refusal(f"{what[0].lower()}{what[1:]}: {_ANEW}", place=yamlfile.place(path, steps)) from None


def _no_json(text: str, path: Path) -> Refusal:
    """msgspec tells the byte; people count lines."""
    import json

    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        line = [*text.splitlines(), ""][error.lineno - 1]
        conflict = line.startswith(("<<<<<<<", "=======", ">>>>>>>"))
        told = "two branches have changed it (a merge conflict)" if conflict else f"this is not JSON: {error.msg}"
        return Refusal(f"{told}: {_ANEW}", place=f"{path}:{error.lineno}")
    except RecursionError:
        pass
    return Refusal(f"this is not JSON: {_ANEW}", place=str(path))
