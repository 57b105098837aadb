"""What we make of an export beside what Azure recorded: the records of a tenant are the judge of our evaluation.

Records are matched by resource, assignment and member of the initiative, without case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from governor.azure.results import told
from governor.azure.words import why
from governor.azure_model import ArmResource, PolicyState, Result
from governor.languages.azure_policy.assignments import Assigned, Problem
from governor.languages.azure_policy.evaluation import Evaluation, Policies

_VERDICTS = frozenset({"noncompliant", "compliant", "exempt", "conflict"})
"""States that Azure came to; the others say that it has not, or cannot."""

Key = tuple[str, str, str]


class Difference(Struct, frozen=True):
    """One thing that Azure and we say something else of."""

    record: PolicyState
    result: Result
    age_days: int | None
    """Of the record; None where it does not tell."""


class Alone(Struct, frozen=True):
    """A record that nothing here answers."""

    record: PolicyState
    reason: str


class Comparison(Struct):
    """All of it."""

    agree: Counter[str] = field(default_factory=Counter)
    """State → how often both say so."""
    differ: list[Difference] = field(default_factory=list)
    untold: Counter[str] = field(default_factory=Counter)
    """Why one of them does not know → how often."""
    only_there: list[Alone] = field(default_factory=list)
    only_here: Counter[str] = field(default_factory=Counter)
    """State → how often we say so where Azure recorded nothing."""
    oldest: str = ""
    newest: str = ""
    """When the first and the last of the records were made."""

    @property
    def is_apart(self) -> bool:
        """Whether no record is of anything that is evaluated here."""
        return not (self.agree or self.differ or self.untold)


def key_of(resource: str, assignment: str, reference: str) -> Key:
    return resource.lower().rstrip("/"), assignment.lower().rstrip("/"), reference.lower()


def compare(
    evaluation: Evaluation,
    policies: Policies,
    resources: Sequence[ArmResource],
    records: Iterable[PolicyState],
) -> Comparison:
    """Evaluate, and hold it against the records, of which there is one of each resource under each policy."""
    left = {key_of(record.resource, record.assignment, record.reference): record for record in records}
    made = Comparison()
    if times := sorted(record.at for record in left.values() if record.at):
        made.oldest, made.newest = times[0], times[-1]
    for resource, found in evaluation.results():
        for one, result in found:
            record = left.pop(key_of(result.resource, result.assignment, result.reference), None)
            _held(made, evaluation, policies.now, resource, one, result, record)
    made.only_there.extend(_alone(evaluation, policies, resources, left))
    return made


def _held(
    made: Comparison,
    evaluation: Evaluation,
    now: datetime,
    resource: ArmResource,
    one: Assigned,
    result: Result,
    record: PolicyState | None,
) -> None:
    if record is None:
        made.only_here[result.state] += 1
    elif result.state == "Unknown":
        made.untold[f"we: {result.reason}"] += 1
    elif record.state.lower() not in _VERDICTS:
        made.untold[f"Azure: {record.state}"] += 1
    elif record.state.lower() == result.state.lower():
        made.agree[result.state] += 1
    else:
        result = _explained(evaluation, one, resource, result)
        made.differ.append(Difference(record, result, age(record.at, now)))


def _explained(evaluation: Evaluation, one: Assigned, resource: ArmResource, result: Result) -> Result:
    """A result with what it hangs on, also where that is why it complies."""
    if result.state != "Compliant":
        return told(evaluation, one, resource, result)
    path, _, actual = why(evaluation, one, resource)
    said = f"{path} {'is missing' if actual == '(missing)' else f'is {actual}'}, which complies"
    return replace(result, reason=said) if path and not result.reason else result


def _alone(
    evaluation: Evaluation, policies: Policies, resources: Sequence[ArmResource], left: Mapping[Key, PolicyState]
) -> Iterator[Alone]:
    if not left:
        return
    by_id = {resource.id.lower(): resource for resource in resources}
    by_policy: dict[tuple[str, str], Assigned] = {}
    for one in policies.assigned:
        by_policy[one.assignment.id.lower(), one.reference.lower()] = one
    problems: dict[tuple[str, str], Problem] = {}
    for problem in policies.problems:
        problems[problem.assignment.lower(), problem.reference.lower()] = problem
    assignments = {one for one, _ in (*by_policy, *problems)}
    for (resource, assignment, reference), record in left.items():
        stands = problems.get((assignment, reference)) or problems.get((assignment, ""))
        policy = by_policy.get((assignment, reference))
        if assignment not in assignments:
            reason = "the export does not hold its assignment"
        elif stands:
            reason = f"its policy cannot be evaluated here: {stands.reason}"
        elif policy is None:
            reason = "its assignment has no such member in the export"
        elif resource not in by_id:
            reason = "the resources here do not hold it"
        else:
            reason = f"the policy says nothing of it here: {evaluation.why_not(policy, by_id[resource])}"
        yield Alone(record, reason)


def age(at: str, now: datetime) -> int | None:
    """Whole days since a record was made."""
    try:
        made = datetime.fromisoformat(at.replace("Z", "+00:00"))
    except ValueError:
        return None
    return max((now - (made if made.tzinfo else made.replace(tzinfo=now.tzinfo))).days, 0)
