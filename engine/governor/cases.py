"""Tests of policies, in either language: a `cases.yaml` in, one line out for each way an answer differs.

A case gives resources and expects findings. A finding nobody expected fails it, and so does an expectation that no
finding met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from governor import library, yamlfile
from governor.coverage import Recorder
from governor.errors import Refusal
from governor.judge import judge
from governor.model import Accelerator, Inventory, Judgement, Policy, Price, Resource, Spend, Stage

FILE = "cases.yaml"
TODAY = date(2026, 8, 1)
"""The day of a case that names none."""

_NESTED: dict[str, type[msgspec.Struct]] = {"accelerator": Accelerator, "price": Price}


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding that a case expects."""

    policy: str
    resource: str
    attribute: str = ""
    state: Literal["open", "undetermined"] = "open"
    msg: str = ""
    """The whole message; empty: any."""

    def __str__(self) -> str:
        state = "" if self.state == "open" else f" ({self.state})"
        return f"{self.policy} on {self.resource}, {self.attribute or 'no attribute'}{state}"


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question to the policies of a concern, and the answer they owe."""

    name: str
    resources: tuple[Resource, ...]
    """`type` and `provider` may be left out: they are then the kind, and aws."""
    expect: tuple[Expectation, ...]
    removed: tuple[Resource, ...] = ()
    spend: tuple[Spend, ...] = ()
    config: dict[str, Any] = {}
    """Lies over the concern's data."""
    today: date = TODAY
    stage: Stage = "plan"
    policies: tuple[str, ...] = ()
    """The policies asked. Empty: all of the concern."""


def read(file: Path) -> list[Case]:
    """The cases of a file. What is malformed is a Refusal with the file, the line and the name of the case."""
    loaded = yamlfile.read(file)
    if not isinstance(loaded, list):
        raise Refusal("a file of cases is a list of cases, each with a name", place=str(file))
    cases = [_case(file, number, raw) for number, raw in enumerate(loaded)]
    for number, case in enumerate(cases):
        if any(other.name == case.name for other in cases[:number]):
            raise Refusal(f"two cases are named {case.name!r}", place=yamlfile.place(file, (number,)))
    return cases


def run(case: Case, concern: str, folders: Sequence[Path], recorder: Recorder | None = None) -> list[str]:
    """How the answer of the concern's policies differs from the one expected; empty when it does not.

    A line that begins with `-` was expected and not found, one with `+` found and not expected.
    """
    known: set[str] = set()

    def asked(policy: Policy) -> bool:
        known.add(policy.id)
        wanted = not case.policies or policy.id in case.policies
        return wanted and (not policy.stages or case.stage in policy.stages)

    python = [file for folder in folders for file in (folder / concern).glob("*.py")]
    with recorder.recording(python) if recorder else nullcontext():
        loaded = library.load(
            folders,
            keep=asked,
            overlay={concern: case.config} if case.config else None,
            only=[concern],
            languages=recorder.languages if recorder else None,
        )
        if missing := sorted(set(case.policies) - known):
            return [f"no policy of {concern} has the id {name}" for name in missing]
        inventory = Inventory(
            stage=case.stage, resources=case.resources, removed=case.removed, spend=case.spend, source=case.name
        )
        judgement = judge(inventory, loaded.evaluators, case.today)
        looks_at_each = [evaluator for evaluator in loaded.evaluators if any(map(_each, evaluator.policies))]
        apart = [judge(part, looks_at_each, case.today) for part in _parts(inventory)]
    found = [
        Expectation(f.policy, f.resource, f.attribute, "undetermined" if f.reason else "open", f.msg)
        for f in judgement.findings
    ]
    differences = [f"{failure.policy} failed: {failure.reason}" for failure in judgement.failures]
    return differences + _differences(case.expect, found) + _not_each(judgement, apart)


def _each(policy: Policy) -> bool:
    return bool(policy.each)


def _parts(inventory: Inventory) -> list[Inventory]:
    """Each resource by itself, and none: a part may be empty."""
    alone = [(resource,) for resource in inventory.resources] if len(inventory.resources) > 1 else []
    return [replace(inventory, resources=resources) for resources in (*alone, ())]


def _not_each(whole: Judgement, apart: Sequence[Judgement]) -> list[str]:
    """Policies whose card says that they look at each resource, and that find something else when they have to."""
    nothing, alone = apart[-1:], apart[:-1]
    differences = []
    for policy in filter(_each, whole.policies):
        same = not _said(policy, nothing) and (not alone or _said(policy, [whole]) == _said(policy, alone))
        if not same:
            differences.append(
                f"{policy.id} says `each: resource` in its card, and finds something else on each resource than on all"
                " of them: leave it out"
            )
    return differences


def _said(policy: Policy, judgements: Iterable[Judgement]) -> list[tuple[str, ...]]:
    return sorted(
        (found.resource, found.attribute, found.msg, repr(found.details))
        for judgement in judgements
        for found in judgement.findings
        if found.policy == policy.id
    )


def _differences(expected: Sequence[Expectation], found: Sequence[Expectation]) -> list[str]:
    """Each finding meets one expectation at most; those with a message choose first."""
    extra = sorted(found, key=_order)
    absent: list[Expectation] = []
    for expectation in sorted(expected, key=lambda e: (not e.msg, _order(e))):
        met = next((f for f in extra if _meets(f, expectation)), None)
        if met is None:
            absent.append(expectation)
        else:
            extra.remove(met)
    both = [("-", e) for e in absent] + [("+", e) for e in extra]
    both.sort(key=lambda line: (line[1].policy, line[1].resource))
    return [f"{sign} {e}{f': {e.msg}' if e.msg else ''}" for sign, e in both]


def _meets(found: Expectation, expectation: Expectation) -> bool:
    msg = expectation.msg or found.msg
    return found == msgspec.structs.replace(expectation, msg=msg)


def _order(expectation: Expectation) -> tuple[str, ...]:
    return msgspec.structs.astuple(expectation)


def _case(file: Path, number: int, raw: Any) -> Case:
    place = yamlfile.place(file, (number,))
    name = raw.get("name") if isinstance(raw, dict) else None
    if not isinstance(name, str) or not name:
        raise Refusal(f"case {number + 1} has no name", place=place)
    try:
        prepared = {key: _resources(value) if key in ("resources", "removed") else value for key, value in raw.items()}
        for record in raw.get("spend") or ():
            _refuse_unknown(record, Spend, "a record of spend")
        return msgspec.convert(prepared, Case)
    except (msgspec.ValidationError, ValueError) as error:
        raise Refusal(f"the case {name!r} is malformed: {error}", place=place) from None


def _resources(raw: Any) -> Any:
    if not isinstance(raw, list):
        return raw
    return [_resource(item) if isinstance(item, dict) else item for item in raw]


def _resource(raw: dict[str, Any]) -> dict[str, Any]:
    """Facts of a resource as the model wants them. The model ignores unknown fields; a person's typo must not pass."""
    _refuse_unknown(raw, Resource, "a resource")
    for key, kind in _NESTED.items():
        if isinstance(raw.get(key), dict):
            _refuse_unknown(raw[key], kind, f"its {key}")
    return {"type": raw.get("kind", ""), "provider": "aws", **raw}


def _refuse_unknown(raw: dict[str, Any], kind: type[msgspec.Struct], what: str) -> None:
    if unknown := sorted(set(map(str, raw)) - set(kind.__struct_fields__)):
        raise ValueError(f"{what} has no field {', '.join(unknown)}")


def files(folders: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Concern and file of every `cases.yaml` in the folders."""
    for folder in folders:
        for file in sorted(folder.glob(f"*/{FILE}")):
            yield file.parent.name, file
