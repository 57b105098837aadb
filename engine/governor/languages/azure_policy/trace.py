"""Why a policy says of a resource what it says: every condition with its answer, and the one that decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from governor.arm.functions import TemplateError
from governor.azure_model import Unknown
from governor.languages.azure_policy.assignments import Assigned
from governor.languages.azure_policy.compiler import Compiler, Part
from governor.languages.azure_policy.operators import Truth, shown
from governor.languages.azure_policy.subject import Subject
from governor.languages.azure_policy.syntax import Pointer

_ABOUT = ("location", "kind", "name", "id", "type")
"""Fields that tell what a resource is, rather than what is wrong with it; those that come first may be wrong, too."""


class Step(Struct, frozen=True, kw_only=True):
    """One condition, and what became of it."""

    depth: int
    said: str
    held: Truth
    value: str = ""
    """The left side's value, as JSON; empty for what has no left side."""
    at: Pointer


class Decisive(Struct, frozen=True):
    """The condition that a verdict hangs on."""

    path: str
    expected: str
    """The operator, and what it compares with."""
    actual: str
    operator: str
    right: str
    held: Truth
    values: tuple[Any, Any] = (None, None)
    """Left and right as they are; what has no value yet is an `Unknown`."""


def trace(one: Assigned, subject: Subject, compiler: Compiler) -> list[Step]:
    """Every condition of a policy's `if`, outermost first."""
    parts = compiler.parts(one.rule.condition, one.binding)
    return list(_steps(parts, _ready(subject, compiler), 0))


def decisive(one: Assigned, subject: Subject, compiler: Compiler) -> Decisive | None:
    """The condition that made a rule true, or kept it from it; None where there is none but its type."""
    part = compiler.parts(one.rule.condition, one.binding)
    subject = _ready(subject, compiler)
    leaves = list(_deciding(part, subject, part.check(subject)))
    found = min(leaves, key=lambda leaf: _rank(leaf.field), default=None)
    if found is None:
        return None
    right = _value(found.right, subject)
    return Decisive(
        found.field,
        f"{found.operator} {right}",
        _value(found.left, subject),
        found.operator,
        right,
        found.check(subject),
        (_raw(found.left, subject), _raw(found.right, subject)),
    )


def _rank(field: str) -> int:
    """What is wrong with a resource rather comes first."""
    return _ABOUT.index(field.lower()) + 1 if field.lower() in _ABOUT else 0


def _ready(subject: Subject, compiler: Compiler) -> Subject:
    """Parts that are compiled later than the subject was made have slots of their own."""
    return Subject(subject.resource, compiler.slots, subject.around)


def _steps(part: Part, subject: Subject, depth: int) -> Iterator[Step]:
    value = _value(part.left, subject) if part.left else ""
    yield Step(depth=depth, said=part.said, held=part.check(subject), value=value, at=part.at)
    for inner in part.parts:
        yield from _steps(inner, subject, depth + 1)


def _deciding(part: Part, subject: Subject, held: Truth) -> Iterator[Part]:
    """Leaves whose answers make a part's answer."""
    if part.left is not None:
        yield part
    elif part.said == "not":
        yield from _deciding(part.parts[0], subject, part.parts[0].check(subject))
    else:
        for inner in part.parts:
            answer = inner.check(subject)
            if answer == held:
                yield from _deciding(inner, subject, answer)


def _raw(compute: Any, subject: Subject) -> Any:
    try:
        return subject.original(compute(subject))
    except TemplateError as error:
        return Unknown(str(error))


def _value(compute: Any, subject: Subject) -> str:
    try:
        value = compute(subject)
    except TemplateError as error:
        return f"(fails: {error})"
    if type(value) is Unknown:
        return f"(unknown: {value.reason})"
    if type(value) is list:
        value = [f"(unknown: {item.reason})" if type(item) is Unknown else subject.original(item) for item in value]
    return "(missing)" if value is None else shown(subject.original(value))
