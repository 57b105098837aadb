"""Findings and what was known before in; what is new, what is known and what is left of the known out.

A finding is known by policy, resource and attribute, and a resource by the id it had before it was moved, too. So
neither a line, nor the wording of a message, nor the severity or level of a policy makes a finding new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from governor.model import Finding, Known, fingerprint


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


def counted(known: Iterable[Known]) -> str:
    """Policy ids and how many entries each has: `TAG001 ×3, KEY001`."""
    counts = Counter(entry.policy for entry in known)
    return ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in sorted(counts.items()))
