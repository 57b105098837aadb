"""What append and modify make of a resource.

Operations are as Microsoft documents them for arrays and tags. A value that append would have to change is a conflict,
which Azure takes for a denial.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from governor.arm.functions import TemplateError
from governor.azure_model import ArmResource, Unknown
from governor.languages.azure_policy.assignments import Assigned, Change
from governor.languages.azure_policy.fields import STAR, Fields, Steps
from governor.languages.azure_policy.operators import shown
from governor.languages.azure_policy.subject import Subject

CHANGING = frozenset({"append", "modify"})


class Changed(Struct, frozen=True, kw_only=True):
    """One field that a policy changes."""

    resource: str
    assignment: str
    reference: str
    field: str
    before: str
    """As JSON; empty where it is missing."""
    after: str
    """Empty where it is removed."""
    conflict: str = ""
    """Why it is not changed, where it is not."""


def changed(one: Assigned, subject: Subject, fields: Fields) -> tuple[ArmResource, list[Changed]]:
    """A resource after a policy's operations, and what they were."""
    resource = subject.resource
    body = deepcopy(dict(resource.body))
    told = list(_operate(one, subject, fields, body))
    return replace(resource, body=body), told


def conflicts(one: Assigned, subject: Subject, fields: Fields) -> bool:
    """Whether Azure would refuse the request, since the operations of a policy cannot be done."""
    if one.effect == "modify" and one.conflict != "deny":
        return False
    return any(_conflicts(change, subject, fields) for change in one.changes)


def _conflicts(change: Change, subject: Subject, fields: Fields) -> bool:
    name = _told(change.field, subject)
    if type(name) is not str:
        return False
    if change.kind != "append":
        return fields.modifiable(name, subject.type) is False
    try:
        field = fields.field(name)
    except ValueError:
        return False
    before = subject.original(field.read(subject))
    if field.starred or before is None or type(before) is Unknown:
        return False
    value = _told(change.value, subject)
    return type(value) is not Unknown and before != value


def _operate(one: Assigned, subject: Subject, fields: Fields, body: dict[str, Any]) -> Iterator[Changed]:
    kind = subject.type
    for change in one.changes:
        name = _told(change.field, subject)
        value = _told(change.value, subject) if change.value else None
        wanted = _told(change.condition, subject) if change.condition else True

        def tell(before: Any, after: Any, conflict: str = "", name: Any = name) -> Changed:
            return Changed(
                resource=subject.resource.id, assignment=one.assignment.id, reference=one.reference, field=str(name),
                before="" if before is None else shown(before), after="" if after is None else shown(after),
                conflict=conflict,
            )  # fmt: skip

        if wanted is False:
            continue
        doubt = next((item for item in (name, value, wanted) if type(item) is Unknown), None)
        if doubt is not None:
            yield tell(None, None, doubt.reason)
            continue
        try:
            path = fields.place(str(name), kind)
        except ValueError as error:
            yield tell(None, None, str(error))
            continue
        if change.kind != "append" and fields.modifiable(str(name), kind) is False:
            yield tell(None, value, "the alias cannot be modified")
            continue
        was = deepcopy(body)
        before, conflict = _apply(body, path, change.kind, value)
        if conflict or body != was:
            yield tell(before, None if change.kind == "remove" else value, conflict)


def _told(compute: Any, subject: Subject) -> Any:
    try:
        return compute(subject)
    except TemplateError as error:
        return Unknown(str(error))


def _apply(whole: Any, path: Steps, kind: str, value: Any) -> tuple[Any, str]:
    """Change what lies at a path: what was there before, and why it was left alone."""
    if type(whole) is Unknown:
        return None, whole.reason
    if type(whole) is not dict or not path or type(path[0]) is not str or path[0] == STAR:
        return None, "it has another shape"
    key = next((name for name in whole if name.lower() == str(path[0]).lower()), str(path[0]))
    rest = path[1:]
    if rest and rest[0] == STAR:
        return _elements(whole, key, rest[1:], kind, value)
    before = whole.get(key)
    if rest:
        if before is None:
            if kind == "remove":
                return None, ""
            before = whole[key] = {}
        return _apply(before, rest, kind, value)
    if kind == "remove":
        whole.pop(key, None)
    elif before is None or kind == "addorreplace":
        whole[key] = value
    elif type(before) is Unknown:
        return None, before.reason
    elif kind == "append" and before != value:
        return before, "it has another value, which append does not change"
    return before, ""


def _elements(whole: dict[str, Any], key: str, rest: Steps, kind: str, value: Any) -> tuple[Any, str]:
    array = whole.get(key)
    if type(array) is Unknown and (rest or kind in ("add", "append")):
        return None, array.reason
    if rest:
        found: list[Any] = []
        for item in array if type(array) is list else ():
            before, conflict = _apply(item, rest, kind, value)
            if conflict:
                return before, conflict
            found.append(before)
        return found, ""
    before = list(array) if type(array) is list else None
    if kind == "addorreplace":
        whole[key] = [value]
    elif kind == "remove":
        whole.pop(key, None)
    elif before is None or value not in before:
        whole[key] = [*(before or ()), value]
    return before, ""
