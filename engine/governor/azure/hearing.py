"""Some policies, asked about made-up resources at one scope: which of them stops what. Pure.

What a policy says of a resource that differs from a harmless one in one respect, it says of that respect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any

from msgspec import Struct

from governor.arm.expressions import Literal as Constant
from governor.arm.functions import TemplateError
from governor.azure import objects
from governor.azure.probes import Name, Probe, Question, only_types, topics
from governor.azure.scopes import Scope, Scopes
from governor.azure.wanted import Wanted
from governor.azure_model import ArmResource, Definition, Estate, Result
from governor.languages.azure_policy.assignments import Assigned
from governor.languages.azure_policy.compiler import Part
from governor.languages.azure_policy.evaluation import Evaluation, Policies
from governor.languages.azure_policy.fields import tag_name
from governor.languages.azure_policy.related import GROUPS, SUBSCRIPTIONS, subscription_of
from governor.languages.azure_policy.subject import Subject

_STRENGTH = {"deny": 3, "modify": 2, "append": 2, "deployifnotexists": 2, "audit": 1, "auditifnotexists": 1}
_VARIANTS = 8
"""Values of its own that a policy's tags are tried with."""

Key = tuple[Name, str]
"""A question's name, and the type it is about."""


class Answer(Struct, frozen=True):
    """What becomes of what is asked about."""

    effect: str = ""
    """Lower-case; empty: nothing."""
    enforced: bool = True
    assignment: str = ""
    doubt: str = ""
    """Why that may not be all."""

    @property
    def strength(self) -> tuple[bool, int]:
        return bool(self.effect) and self.enforced, _STRENGTH.get(self.effect, 0)


Heard = Mapping[Key, Mapping[str, Sequence[Answer]]]
"""Question → what it is asked of → what stops each probe."""

Asked = Mapping[int, tuple[Assigned, frozenset[Name]]]
"""Policies, by their identity, each with what it may be about."""

_Said = Mapping[Probe, Mapping[int, tuple[Assigned, Result]]]


class Texts:
    """Policies by the text of their conditions, as lower-case JSON: which of them may be about what."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._named: dict[tuple[int, str], bool] = {}

    def of(self, definition: Definition) -> str:
        """The conditions of a definition."""
        if definition.id not in self._known:
            written = definition.rule if isinstance(definition.rule, Mapping) else {}
            rule = {str(key).lower(): value for key, value in written.items()}
            then = rule.get("then")
            details = then.get("details") if isinstance(then, dict) else None
            exists = details.get("existenceCondition") if isinstance(details, dict) else None
            self._known[definition.id] = _json([rule.get("if"), exists])
        return self._known[definition.id]

    def whole(self, one: Assigned) -> str:
        """The same, with the values of its parameters."""
        return self.of(one.definition) + _json(one.binding.parameters)

    def topics(self, one: Assigned) -> frozenset[Name]:
        """What a policy may be about."""
        return topics(self.whole(one))

    def names(self, one: Assigned, tag: str) -> bool:
        """Whether a policy names a tag, or all of them."""
        key = id(one), tag
        if key not in self._named:
            # A quote in a tag is doubled in `tags['…']`.
            text = self.whole(one).replace("''", "'")
            self._named[key] = _json(tag)[1:-1] in text or bool(re.search(r'"tags"|field\(.tags.\)', text))
        return self._named[key]


class Hearing:
    """Asks policies about made-up resources."""

    def __init__(self, policies: Policies, scopes: Scopes, wanted: Wanted, texts: Texts) -> None:
        self._policies, self._scopes, self._wanted, self._texts = policies, scopes, wanted, texts
        self._listed = frozenset(
            str(one.rule.related.type.value).lower()
            for one in policies.assigned
            if one.rule.related and isinstance(one.rule.related.type, Constant)
        )
        """Nothing lies around a made-up resource: what is missing does not exist."""

    def of(self, scope: Scope, policies: Asked, asked: Sequence[Question]) -> Heard:
        """What the policies, each with what it may be about, answer at a scope."""
        probes = dict.fromkeys(probe for question in asked for probe in question.probes())
        said = self._said(scope, [one for one, _ in policies.values()], list(probes))
        heard: dict[Key, dict[str, Sequence[Answer]]] = {}
        for question in asked:
            about = {key: one for key, (one, names) in policies.items() if question.name in names}
            differing = {key for key, one in about.items() if self._differs(question, one, said)}
            heard[question.name, question.kind] = {
                item: [self._best(question, item, about, differing, said[probe], scope) for probe in probes]
                for item, probes in question.asked.items()
            }
        return heard

    def _best(
        self,
        question: Question,
        item: str,
        about: Mapping[int, Assigned],
        differing: set[int],
        results: Mapping[int, tuple[Assigned, Result]],
        scope: Scope,
    ) -> Answer:
        best = Answer()
        doubt = ""
        for key, (one, result) in results.items():
            if key not in about or (question.name == "requires_tags" and not self._texts.names(one, item)):
                continue
            if result.state in ("Unknown", "Error"):
                doubt = doubt or (one.assignment.enforced and f"{objects.named(one.definition)}: {result.reason}") or ""
            elif _objects(result) and (key in differing or self._wants(question, one, item, scope)):
                answer = Answer(result.effect, one.assignment.enforced, one.assignment.id)
                best = max(best, answer, key=lambda answer: answer.strength)
        return Answer(best.effect, best.enforced, best.assignment, doubt)

    def _differs(self, question: Question, one: Assigned, said: _Said) -> bool:
        """Whether a policy tells the probes of a question apart."""
        results = (said[probe].get(id(one)) for probe in question.harmless)
        return any(found is None or not _objects(found[1]) for found in results)

    def _wants(self, question: Question, one: Assigned, item: str, scope: Scope) -> bool:
        """Whether a policy that objects to all alike does so for what is asked about, nevertheless."""
        if question.name == "requires_tags":
            return self._wants_tag(one, question.kind, item, scope)
        return only_types(self._texts.of(one.definition))

    def _said(self, scope: Scope, policies: Sequence[Assigned], probes: Sequence[Probe]) -> _Said:
        """What each policy says of each probe at a scope."""
        asked = copy(self._policies)
        asked.assigned = list(policies)
        made_up = [probe.at(scope.group, number) for number, probe in enumerate(probes)]
        by_id = {resource.id: probe for resource, probe in zip(made_up, probes, strict=True)}
        estate = Estate(
            resources=(*self._around(scope), *made_up), listed=self._listed, ancestors=self._scopes.ancestors
        )
        return {
            by_id[resource.id]: {id(one): (one, result) for one, result in results}
            for resource, results in Evaluation(asked, estate).results()
            if resource.id in by_id
        }

    def _around(self, scope: Scope) -> Iterator[ArmResource]:
        """The resource group and the subscription; one that nobody tells of has every tag."""
        tags = {name: tag.value for name, tag in self._wanted.tags.items()}
        for id, type in ((scope.group, GROUPS), (subscription_of(scope.group), SUBSCRIPTIONS)):
            name = id.rpartition("/")[2]
            body = {"name": name, "type": type, "location": "westeurope", "tags": tags, "properties": {}}
            yield self._scopes.resources.get(id) or ArmResource(id=id, type=type, body=body)

    def _wants_tag(self, one: Assigned, kind: str, tag: str, scope: Scope) -> bool:
        """Whether a policy that objects to the tags of the taxonomy wants others, and among them this one."""
        for tags in self._dresses(one):
            whole = Probe(kind, tags=tuple({**dict(_tags_of(self._wanted)), **tags}.items()))
            said = self._said(scope, [one], [whole, whole.lacking(tag)])
            with_it, without = (said[probe].get(id(one)) for probe in (whole, whole.lacking(tag)))
            if without and _objects(without[1]) and not (with_it and _objects(with_it[1])):
                return True
        return False

    def _dresses(self, one: Assigned) -> list[dict[str, str]]:
        """Tags with values that a policy itself names."""
        compiler = self._policies.compiler
        part = compiler.parts(one.rule.condition, one.binding)
        subject = Subject(ArmResource(id="", type="", body={}), compiler.slots)
        values: dict[str, list[str]] = {}
        for leaf in _leaves(part):
            name = tag_name(leaf.field, compiler.semantics)
            if name is not None:
                values.setdefault(name, []).extend(_plausible(leaf, subject))
        most = min(max(map(len, values.values()), default=0), _VARIANTS)
        return [{name: found[min(n, len(found) - 1)] for name, found in values.items() if found} for n in range(most)]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str).lower()


def _tags_of(wanted: Wanted) -> Iterator[tuple[str, str]]:
    return ((name, tag.value) for name, tag in wanted.tags.items())


def _leaves(part: Part) -> Iterator[Part]:
    if part.left is not None:
        yield part
    for inner in part.parts:
        yield from _leaves(inner)


def _plausible(leaf: Part, subject: Subject) -> Iterator[str]:
    """Values that a condition compares with; a pattern as the shortest text that it takes."""
    try:
        right = leaf.right(subject) if leaf.right else None
    except TemplateError:
        return
    for value in right if isinstance(right, list) else [right]:
        if not isinstance(value, str):
            continue
        if "match" in leaf.operator.lower():
            value = value.translate({ord("#"): "1", ord("?"): "a", ord("."): "a"})
        yield value.replace("*", "a") if "like" in leaf.operator.lower() else value


def _objects(result: Result) -> bool:
    return result.state == "NonCompliant"
