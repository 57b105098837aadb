"""Changes that end a finding, each tried by judging again: nothing is claimed that no policy was asked about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from msgspec import Struct
from msgspec.json import decode, encode
from msgspec.structs import replace

from governor.catalog import regions
from governor.judge import Blotter, hidden_by, judge
from governor.languages import Explainable
from governor.library import Library
from governor.model import Inventory, Resource

MOST_EVALUATIONS = 200
_MOST_RESOURCES = 20_000
"""Resources judged in all trials together: a policy that looks at the whole of a large plan is asked less often."""
_MOST_VALUES = 3
PROBE = "example"
"""A word that nobody means: where all policies take it, the value is free."""
_NO_VALUES = ("(sensitive)", "(known after apply)")
GONE = None
"""In place of a value: the fact is taken away."""


class Value(Struct, frozen=True):
    """A value with which the finding is gone."""

    value: Any
    """None: the fact is taken away."""
    objections: tuple[str, ...] = ()
    """Policies that then find something that they do not find now."""


class Attempt(Struct, frozen=True):
    """What was tried for one finding."""

    attribute: str
    values: tuple[Value, ...]
    """At most three, those first to which no policy objects."""
    any_value: bool
    """Whether a word without meaning did, too, and no policy objected."""
    tried: int
    """How many values were."""


class Trial(Struct, frozen=True):
    """What was tried for all findings of a policy on a resource."""

    attempts: tuple[Attempt, ...] = ()
    together: bool = False
    """Whether the policy is silent on the resource with the first value of each attempt at once."""
    evaluations: int = 0


def try_changes(
    resource: Resource,
    findings: Mapping[str, Mapping[str, Any]],
    *,
    evaluator: Explainable,
    asked: Inventory,
    inventory: Inventory,
    library: Library,
    data: Mapping[str, Any],
    today: date,
    blot: Blotter,
) -> Trial:
    """Try values for each attribute that a finding is about.

    `findings` is attribute → details. `asked` is what the policy has to see to find what it finds: the resource alone,
    or all of the `inventory`. Only the fact itself is changed, not what would follow from it: a price from a region.
    """
    trier = _Trier(resource, evaluator, asked, library, today)
    attempts: list[Attempt] = []
    for position, (attribute, details) in enumerate(findings.items()):
        likely, written = (
            [
                value
                for value in values
                if value not in _NO_VALUES and blot.value(value) == value
                if changed(resource, attribute, value) not in (None, resource)
            ]
            for values in (_likely(resource, attribute, details, inventory), _written(resource, attribute, data))
        )
        attempts.append(trier.attempt(attribute, likely, written, share=len(findings) - position))
    ends = {a.attribute: a.values[0].value if a.values else PROBE for a in attempts if a.values or a.any_value}
    together = all(attempt.attribute in ends for attempt in attempts) and trier.silent(ends)
    return Trial(tuple(attempts), together, trier.evaluations)


class _Trier:
    def __init__(
        self, resource: Resource, evaluator: Explainable, asked: Inventory, library: Library, today: date
    ) -> None:
        self._resource = resource
        self._evaluator = evaluator
        self._asked = asked
        self._library = library
        self._today = today
        self._most = min(MOST_EVALUATIONS, max(2, _MOST_RESOURCES // max(1, len(asked.resources))))
        self.evaluations = 0
        self._before = self._everybody(resource)

    def attempt(self, attribute: str, likely: Sequence[Any], written: Sequence[Any], share: int) -> Attempt:
        """Try values for one attribute, with an equal part of the evaluations that are left.

        Where any value does, words that happen to stand in the data would mislead.
        """
        until = self.evaluations + (self._most - self.evaluations - 1) // share
        ending: list[Value] = []
        any_value = False
        tried: list[Any] = []
        for values in (likely, written):
            found = 0
            for value in values:
                enough = found == 2 * _MOST_VALUES or sum(not v.objections for v in ending) == _MOST_VALUES
                if enough or self.evaluations + 2 > until or (any_value and values is written):
                    break
                if value in tried:
                    continue
                tried.append(value)
                after = changed(self._resource, attribute, value)
                if after is None or attribute in self._left(after):
                    continue
                objections = sorted({policy for policy, _, _ in self._everybody(after) - self._before})
                if value == PROBE and not objections:
                    any_value = True
                else:
                    found += 1
                    ending.append(Value(value, tuple(objections)))
        ending.sort(key=lambda value: (len(value.objections), value.value == PROBE))
        return Attempt(fact_of(attribute), tuple(ending[:_MOST_VALUES]), any_value, len(tried))

    def silent(self, values: Mapping[str, Any]) -> bool:
        after: Resource | None = self._resource
        for attribute, value in values.items():
            after = changed(after, attribute, value) if after else None
        return after is not None and not self._left(after)

    def _left(self, after: Resource) -> set[str]:
        """Attributes of the resource that the policy objects to."""
        self.evaluations += 1
        resources = tuple(after if r.id == after.id else r for r in self._asked.resources)
        judgement = judge(replace(self._asked, resources=resources), [self._evaluator], self._today)
        failed = {""} if judgement.failures else set()
        return failed | {f.attribute for f in judgement.findings if f.resource == after.id}

    def _everybody(self, resource: Resource) -> set[tuple[str, str, str]]:
        """What all policies find on the resource alone."""
        self.evaluations += 1
        judgement = judge(replace(self._asked, resources=(resource,)), self._library.evaluators, self._today)
        failed = {(failure.policy, failure.resource, "") for failure in judgement.failures}
        return failed | {(f.policy, f.resource, f.attribute) for f in judgement.findings}


def changed(resource: Resource, attribute: str, value: Any) -> Resource | None:
    """The resource with another value of one fact, which is then known; None when it cannot have one."""
    name, _, key = fact_of(attribute).partition(".")
    if name in ("tags", "attributes") and key:
        given = {**getattr(resource, name), key: value}
        if value is GONE:
            del given[key]
        after = replace(resource, **{name: given})
    elif attribute in ("region", "purchase"):
        after = replace(resource, **{name: value})
    else:
        return None
    while (path := hidden_by(after, attribute)) is not None:
        after = replace(after, unknown={known: why for known, why in after.unknown.items() if known != path})
    return after


def _likely(resource: Resource, attribute: str, details: Mapping[str, Any], inventory: Inventory) -> Iterator[Any]:
    """What the finding tells, what others carry, and what a value of its type may else be."""
    name = attribute.partition(".")[0]
    now = _fact(resource, attribute)
    peers = Counter(
        encode(value)
        for peer in inventory.resources
        if peer.id != resource.id and (name == "tags" or peer.provider == resource.provider)
        if (value := _fact(peer, attribute)) is not None and hidden_by(peer, attribute) is None
    )
    if now is None or isinstance(now, str):
        said = list(_strings(details))
        # A finding may name the tags that hold the value under another name.
        yield from (resource.tags[text] for text in said if text in resource.tags)
        yield from _amounts(now, said)
    if name == "tags":
        yield PROBE
    yield from (decode(value) for value, _ in peers.most_common())
    if isinstance(now, bool):
        yield not now
    elif isinstance(now, list):
        yield from ([item for item in now if item != left_out] for left_out in now)
        yield []
    elif isinstance(now, dict):
        yield {**now, **resource.tags}
    if name == "tags":
        yield GONE


def _written(resource: Resource, attribute: str, data: Mapping[str, Any]) -> Iterator[Any]:
    """Words of the concern's data, those under the attribute's name first; regions of its provider."""
    name, _, key = fact_of(attribute).partition(".")
    if not isinstance(_fact(resource, attribute), str | None):
        return
    near, others = _words(data, key or name)
    yield from near
    if name == "region":
        yield from regions.document().get(resource.provider, ())
    yield from others


def fact_of(attribute: str) -> str:
    """The fact that an attribute is, or lies in: `attributes.ai_keys.0.place` → `attributes.ai_keys`."""
    name, _, key = attribute.partition(".")
    return f"{name}.{key.partition('.')[0].partition('[')[0]}" if name == "attributes" else attribute


def _fact(resource: Resource, attribute: str) -> Any:
    name, _, key = fact_of(attribute).partition(".")
    if name in ("tags", "attributes"):
        return getattr(resource, name).get(key)
    return getattr(resource, name, None)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _amounts(now: str | None, said: Iterable[str]) -> Iterator[str]:
    """Numbers that a finding tells, rounded up, written as the value is now: `20-USD-hour` → `56-USD-hour`."""
    for text in said:
        try:
            number = str(Decimal(text).to_integral_value(ROUND_CEILING))
        except InvalidOperation:
            continue
        yield re.sub(r"\d+(?:\.\d+)?", number, now, count=1) if now and re.search(r"\d", now) else number


def _words(data: Mapping[str, Any], key: str) -> tuple[list[str], list[str]]:
    """Strings of the data, those under the key's name apart. Of a sentence, the words that hold a number."""
    near: list[str] = []
    others: list[str] = []

    def walk(value: Any, inside: bool) -> None:
        if isinstance(value, Mapping):
            for name, item in value.items():
                others.append(str(name))
                walk(item, inside or name == key)
        elif isinstance(value, list):
            for item in value:
                walk(item, inside)
        elif isinstance(value, str):
            words = [word.strip(".,;:()") for word in value.split()] if " " in value else [value]
            found = [word for word in words if " " not in value or any(c.isdigit() for c in word)]
            (near if inside else others).extend(found)

    walk(data, False)
    return near, others
