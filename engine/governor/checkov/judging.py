"""The checks of checkov as policies: what it reports becomes answers like those of any language.

https://www.checkov.io/8.Outputs/JSON.html has the report's form; what is said of it here was seen in checkov 3.3.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct

from governor.checkov import Settings, cannot, process
from governor.checkov.process import PROBE
from governor.model import SEVERITIES, Answer, Failure, Inventory, Origin, Policy, Severity, Violation

_CRASHED = re.compile(r"Failed to run check (\S+) on [^:\n]+:(\S+)")
"""A check that raises is logged, and counts as neither passed nor failed."""

_WITHOUT_SEVERITY: Severity = "medium"
"""checkov has severities only of its paid platform; `levels` decide."""

_NOT_READ = Policy(
    id="checkov",
    title="checkov reads the whole plan",
    severity="high",
    concern="checkov",
    remediation="Run checkov on the plan by hand: LOG_LEVEL=DEBUG checkov -f plan.json --framework terraform_plan",
)


class _Result(Struct, frozen=True):
    evaluated_keys: list[str] | None = None
    suppress_comment: str | None = None


class _Record(Struct, frozen=True):
    check_id: str
    resource: str
    check_name: str | None = None
    check_class: str | None = None
    check_result: _Result = _Result()
    resource_address: str | None = None
    severity: str | None = None
    guideline: str | None = None

    @property
    def address(self) -> str:
        return self.resource_address or self.resource


class _Results(Struct, frozen=True):
    passed_checks: list[_Record] = []
    failed_checks: list[_Record] = []
    skipped_checks: list[_Record] = []
    parsing_errors: list[str] = []


class _Summary(Struct, frozen=True):
    parsing_errors: int


class _Report(Struct, frozen=True):
    results: _Results
    summary: _Summary


_REPORT = msgspec.json.Decoder(_Report | list[_Report])
_NOTHING = msgspec.json.Decoder(_Summary)
"""Where no check applies, the summary stands alone."""


class Checkov:
    """An `Evaluator`: the checks that reported, whatever they reported."""

    def __init__(
        self, output: bytes, complaints: str, keep: Callable[[Policy], bool], locate: Callable[[str], Origin | None]
    ) -> None:
        self._reports = _reports(output)
        self._locate = locate
        self._failed = [record for report in self._reports for record in report.results.failed_checks]
        self._crashed = list(dict.fromkeys(_CRASHED.findall(complaints)))
        self._read = {record.address for record in self._records() if record.check_id == PROBE}
        cards: dict[str, Policy] = {}
        for record in self._records():
            if record.check_id != PROBE:
                cards.setdefault(record.check_id, _card(record))
        for check, _ in self._crashed:
            cards.setdefault(check, Policy(id=check, title=check, concern="checkov", language="checkov"))
        self.policies: Sequence[Policy] = [cards[check] for check in sorted(cards) if keep(cards[check])]

    def evaluate(self, inventory: Inventory, today: date) -> Iterator[Answer]:
        """See `Evaluator`. A resource left unread is a failure."""
        violations: dict[str, dict[str, Violation]] = {}
        for record in self._failed:
            violations.setdefault(record.check_id, {})[record.address] = self._violation(record)
        for policy in self.policies:
            yield Answer(
                policy,
                list(violations.get(policy.id, {}).values()),
                [
                    Failure(policy.id, place, "the check crashed inside checkov; skip it, or turn it off with `levels`")
                    for check, place in self._crashed
                    if check == policy.id
                ],
            )
        if why := self._unread(inventory):
            yield Answer(_NOT_READ, (), [Failure(_NOT_READ.id, "", why)])

    def notes(self) -> list[str]:
        """What comments in the HCL keep out of the findings."""
        skipped = Counter(record.check_id for report in self._reports for record in report.results.skipped_checks)
        return [
            f"checkov: comments in the HCL skip {policy.id} on {count} resource{'' if count == 1 else 's'}"
            for policy in self.policies
            if (count := skipped[policy.id])
        ]

    def _records(self) -> Iterator[_Record]:
        for report in self._reports:
            results = report.results
            yield from (*results.passed_checks, *results.failed_checks, *results.skipped_checks)

    def _violation(self, record: _Record) -> Violation:
        keys = sorted({*(record.check_result.evaluated_keys or ())} - {"resource_type"})
        return Violation(
            record.address,
            f"{record.address} fails on {', '.join(keys)}" if keys else f"{record.address} fails",
            details={"evaluated_keys": keys} if keys else {},
            origin=self._locate(record.address),
        )

    def _unread(self, inventory: Inventory) -> str:
        """checkov passes over what it cannot parse: the plan as a whole, and ends with 0."""
        if any(report.results.parsing_errors or report.summary.parsing_errors for report in self._reports):
            return "checkov could not parse the plan"
        planned = sum(r.kind not in ("variable", "other") for r in inventory.resources)
        planned += sum(inventory.not_covered.values())
        read = len(self._read)
        return f"checkov read {read} of the plan's {planned} resources" if read < planned else ""


def ask(
    plan: bytes,
    settings: Settings,
    *,
    source: Path | None,
    keep: Callable[[Policy], bool],
    locate: Callable[[str], Origin | None],
) -> Checkov:
    """Run checkov on a plan. `keep` turns policies down; `locate` finds an address in the HCL. May raise Refusal."""
    return Checkov(*process.run(plan, settings, source), keep, locate)


def _reports(output: bytes) -> list[_Report]:
    """One for each framework that found something to check."""
    try:
        found = _REPORT.decode(output)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return [_Report(_Results(), _NOTHING.decode(output))]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = "nothing" if not output.strip() else "something else"
            raise cannot(f"it should print a report in JSON and printed {said}: update checkov") from None
    return found if isinstance(found, list) else [found]


def _card(record: _Record) -> Policy:
    severity = (record.severity or "").lower()
    return Policy(
        id=record.check_id,
        title=record.check_name or record.check_id,
        severity=next((s for s in SEVERITIES if s == severity), "low" if severity else _WITHOUT_SEVERITY),
        concern="checkov",
        references=(record.guideline,) if record.guideline else (),
        language="checkov",
        rule=record.check_class or "",
    )
