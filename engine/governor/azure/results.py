"""What Azure would say of resources, gathered while it is evaluated: counts of all, rows of what a reader looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from governor.azure.words import short, why
from governor.azure_model import ArmResource, Export, Result
from governor.errors import CANNOT_JUDGE, NOTHING_JUDGED
from governor.languages.azure_policy.assignments import RESOURCE_MODES, Assigned, Problem
from governor.languages.azure_policy.evaluation import IF_NOT_EXISTS, Evaluation

Outcome = Literal["denied", "error", "noncompliant", "unknown", "exempt", "compliant"]
FailOn = Literal["deny", "noncompliant"]

OUTCOMES: tuple[Outcome, ...] = ("denied", "error", "noncompliant", "unknown", "exempt", "compliant")
"""Worst first."""

_OF_STATE: dict[str, Outcome] = {
    "NonCompliant": "noncompliant", "Conflict": "noncompliant", "Error": "error", "Unknown": "unknown",
    "Exempt": "exempt", "Compliant": "compliant",
}  # fmt: skip


def outcome(result: Result) -> Outcome:
    """What a result means to whoever makes the resource."""
    return "denied" if result.would_block and result.state != "Error" else _OF_STATE[result.state]


def told(evaluation: Evaluation, one: Assigned, resource: ArmResource, result: Result) -> Result:
    """A result with the field that decided; one that a related resource decided has its reason."""
    if result.effect in IF_NOT_EXISTS or result.state == "Compliant":
        return result
    path, expected, actual = why(evaluation, one, resource)
    return replace(result, path=path, expected=expected, actual=actual)


class Row(Struct, frozen=True):
    """One thing that Azure would say."""

    resource: ArmResource
    one: Assigned
    result: Result


class Group(Struct):
    """What is said alike: by one policy, or of one resource."""

    rows: list[Row] = field(default_factory=list)
    """The first of them."""
    total: int = 0


class Gathered:
    """Results, while they come: it does not grow with resources, unless all are to be shown."""

    def __init__(self, evaluation: Evaluation, by: Literal["assignment", "resource"], shown: int | None) -> None:
        """`shown` rows are kept of each group, and so many groups of resources; None: all."""
        self._evaluation = evaluation
        self._by = by
        self._shown = shown
        self.resources = 0
        self.counts: Counter[Outcome] = Counter()
        self.affected: Counter[Outcome] = Counter()
        """Resources that an outcome is said of."""
        self.groups: dict[Outcome, dict[str, Group]] = {name: {} for name in OUTCOMES}
        self.reasons: Counter[str] = Counter()
        """Why what is unknown is."""

    def take(self, resource: ArmResource, results: Sequence[tuple[Assigned, Result]]) -> None:
        """Count what is said of a resource, and keep what is shown."""
        self.resources += 1
        seen = set()
        for one, result in results:
            said = outcome(result)
            self.counts[said] += 1
            seen.add(said)
            if said == "unknown":
                self.reasons[result.reason] += 1
            elif said != "compliant":
                self._keep(said, Row(resource, one, result))
        self.affected.update(seen)

    def _keep(self, said: Outcome, row: Row) -> None:
        groups = self.groups[said]
        result = row.result
        key = (
            (row.resource.address or row.resource.id)
            if self._by == "resource"
            else f"{result.assignment}|{result.reference}"
        )
        if key not in groups and self._by == "resource" and self._shown is not None and len(groups) >= self._shown:
            return
        group = groups.setdefault(key, Group())
        group.total += 1
        if self._shown is None or len(group.rows) < self._shown:
            row = Row(row.resource, row.one, told(self._evaluation, row.one, row.resource, result))
            group.rows.append(row)


def hidden(problems: Sequence[Problem], export: Export) -> Iterator[Problem]:
    """Problems that hide what Azure would say of resources: policies of services say nothing of them."""
    modes = {definition.id.lower(): definition.mode.lower() for definition in export.definitions}
    for problem in problems:
        if problem.error or modes.get(problem.definition.lower(), "all") in RESOURCE_MODES:
            yield problem


def hides(
    problems: Sequence[Problem], export: Export, evaluation: Evaluation, resources: Sequence[ArmResource]
) -> bool:
    """Whether a problem hides what Azure would say of one of the resources."""
    scopes = _scopes(export)
    return _reach({scopes[problem.assignment] for problem in hidden(problems, export)}, evaluation, resources)


def about(resource: ArmResource, problems: Sequence[Problem], export: Export, evaluation: Evaluation) -> list[Problem]:
    """The problems of what is, or may be, assigned where a resource lies."""
    scopes = _scopes(export)
    return [problem for problem in problems if _reach([scopes[problem.assignment]], evaluation, [resource])]


def _scopes(export: Export) -> dict[str, str]:
    return {assignment.id: assignment.scope for assignment in export.assignments}


def _reach(scopes: Collection[str], evaluation: Evaluation, resources: Sequence[ArmResource]) -> bool:
    return any(evaluation.reaches(scope, resource) is not False for resource in resources for scope in scopes)


def apart(export: Export, evaluation: Evaluation, resources: Sequence[ArmResource]) -> str:
    """Why none of the resources is judged: no assignment holds where they lie. Empty where one does, or may."""
    scopes = set(_scopes(export).values())
    if not resources or _reach(scopes, evaluation, resources):
        return ""
    places = {"/".join(resource.id.split("/")[:3]) for resource in resources}
    return (
        f"the resources lie in {_listed(places)}, and what is assigned holds on {_listed(scopes)};"
        " export the assignments of where they lie"
    )


def _listed(scopes: Iterable[str]) -> str:
    names = sorted({short(scope) for scope in scopes})
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def exit_code(counts: Counter[Outcome], *, fail_on: FailOn, is_hidden: bool, is_apart: bool, strict: bool) -> int:
    """3 when something could not be told, 4 when no assignment holds where the resources lie, 1 when something is as
    bad as that, else 0. See docs/exit-codes.md."""
    if is_hidden or counts["error"] or (strict and counts["unknown"]):
        return CANNOT_JUDGE
    if is_apart:
        return NOTHING_JUDGED
    return 1 if counts["denied"] or (fail_on == "noncompliant" and counts["noncompliant"]) else 0
