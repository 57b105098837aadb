"""The file that keeps what is known: JSON, sorted, a finding a line. Also read: a report in JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from governor import yamlfile
from governor.errors import Refusal
from governor.model import Known

VERSION = 1

_HEAD = f'{{\n  "governor_baseline": {VERSION},\n  "findings": ['
_ANEW = "write the file anew with --update-baseline"


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
    return '"schema_version"' in yamlfile.read_text(path)[:100]


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file."""
    found = msgspec.json.schema(_File)
    shape = found["$defs"].pop("_File")
    shape["properties"]["governor_baseline"] = {"const": VERSION}
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape, "$defs": found["$defs"]}
    return {**described, "title": "baseline", "description": "Findings that were known before a run."}


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
