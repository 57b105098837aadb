"""Made-up resources, put at a scope: what the policies that are assigned there would do with them. Pure.

So the text of a policy does not matter, and overrides, exclusions, selectors, exemptions and parameters count as Azure
counts them. What a policy says of a resource that differs from a harmless one in one respect, it says of that respect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any

from msgspec import Struct

from governor.azure import objects
from governor.azure.probes import Name, Probe, Question, only_types, questions, topics
from governor.azure.scopes import Scope, Scopes
from governor.azure.wanted import Wanted
from governor.azure_model import ArmResource, Definition, Estate, Export, PolicyExemption, Result
from governor.languages.azure_policy.assignments import RESOURCE_MODES, Assigned, Problem
from governor.languages.azure_policy.compiler import Part
from governor.languages.azure_policy.evaluation import Evaluation, Policies
from governor.languages.azure_policy.expressions import Literal as Constant
from governor.languages.azure_policy.fields import tag_name
from governor.languages.azure_policy.functions import TemplateError
from governor.languages.azure_policy.related import GROUPS, SUBSCRIPTIONS, lies_in, subscription_of
from governor.languages.azure_policy.subject import Subject
from governor.model import Resource

_STRENGTH = {"deny": 3, "modify": 2, "append": 2, "deployifnotexists": 2, "audit": 1, "auditifnotexists": 1}
_BY_PLACE = re.compile(r"subscription\(|resourcegroup\(\)(?!\.tags)|\"id\"")
"""What makes a policy say another thing at another place."""
_VARIANTS = 8
"""Values of its own that a policy's tags are tried with."""


class _Answer(Struct, frozen=True):
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


class _View(Struct, frozen=True):
    """What a scope sees."""

    policies: tuple[Assigned, ...]
    doubts: tuple[tuple[str, str], ...]
    """Definition and reason of what cannot be evaluated, or may not reach it."""
    key: tuple[Any, ...]


Said = Mapping[Probe, Mapping[int, tuple[Assigned, Result]]]
Facts = tuple[Mapping[str, Any], Mapping[str, str]]
"""Attributes, and paths of what is not known."""


class Asking:
    """Asks the policies of an export about made-up resources."""

    def __init__(self, export: Export, policies: Policies, scopes: Scopes, wanted: Wanted) -> None:
        self._policies, self._scopes, self._wanted = policies, scopes, wanted
        self._definitions = {definition.id.lower(): definition for definition in export.definitions}
        self._exemptions = export.exemptions
        self._assignments = {assignment.id.lower(): assignment for assignment in export.assignments}
        self._texts: dict[str, str] = {}
        self._of: dict[str, list[Assigned]] = {}
        self._topics: dict[int, frozenset[Name]] = {}
        for one in policies.assigned:
            if about := topics(self._all_text(one)):
                self._topics[id(one)] = about
                self._of.setdefault(one.assignment.id.lower(), []).append(one)
        self._problems: dict[str, list[Problem]] = {}
        for problem in policies.problems:
            self._problems.setdefault(problem.assignment.lower(), []).append(problem)
        self._questions = questions(wanted, sorted(self._sizes()))
        self._listed = frozenset(
            str(one.rule.related.type.value).lower()
            for one in policies.assigned
            if one.rule.related and isinstance(one.rule.related.type, Constant)
        )
        """Nothing lies around a made-up resource: what is missing does not exist."""
        self._facts: dict[tuple[Any, ...], Facts] = {}
        self._differs: dict[tuple[str, str, int], bool] = {}
        """Whether a policy tells probes of a question apart, at the scope that is asked about."""
        self._stopped: dict[str, dict[str, frozenset[str]]] = {}

    def told(self, scope: Scope) -> Resource:
        """A scope, with what would become of the resources in it."""
        view = self._view(scope)
        if view.key not in self._facts:
            self._facts[view.key] = self._answered(scope, view)
        facts, unknown = self._facts[view.key]
        self._compare(scope, facts)
        return Resource(
            id=scope.id,
            kind="azure_scope",
            type=objects.TYPES[scope.level],
            provider="azure",
            account=subscription_of(scope.id.lower()).rpartition("/")[2] or None,
            attributes={"level": scope.level, "above": list(scope.above), **facts},
            unknown=dict(unknown),
            taggable=False,
        )

    def notes(self) -> Iterator[str]:
        """Where Azure stops what the residency data allows."""
        for kind, found in self._stopped.items():
            shared = sorted(frozenset.intersection(*found.values()))
            if shared:
                more = f" and {len(shared) - 5} more" if len(shared) > 5 else ""
                yield (
                    f"the residency data allows {kind} in regions that Azure denies at every scope:"
                    f" {', '.join(shared[:5])}{more}"
                )

    def _compare(self, scope: Scope, facts: Mapping[str, Any]) -> None:
        for kind, allowed in self._wanted.locations.items():
            denied = {region for region, effect in facts["locations"].get(kind, {}).items() if effect == "deny"}
            self._stopped.setdefault(kind, {})[scope.id] = frozenset(denied & allowed)

    def _text(self, definition: Definition) -> str:
        """The conditions of a definition, as lower-case JSON."""
        if definition.id not in self._texts:
            rule = {str(key).lower(): value for key, value in dict(definition.rule or {}).items()}
            then = rule.get("then")
            details = then.get("details") if isinstance(then, dict) else None
            exists = details.get("existenceCondition") if isinstance(details, dict) else None
            self._texts[definition.id] = json.dumps([rule.get("if"), exists], default=str).lower()
        return self._texts[definition.id]

    def _all_text(self, one: Assigned) -> str:
        """The same, with the values of its parameters."""
        return self._text(one.definition) + json.dumps(one.binding.parameters, default=str).lower()

    def _sizes(self) -> Iterator[str]:
        for one in self._policies.assigned:
            if "gpu" in self._topics.get(id(one), ()):
                text = self._all_text(one)
                yield from list(dict.fromkeys(re.findall(r'"(standard_[a-z0-9_]+)"', text, re.IGNORECASE)))[:20]

    def _view(self, scope: Scope) -> _View:
        seen: list[Assigned] = []
        doubts: list[tuple[str, str]] = []
        key: list[Any] = []
        for own, assignment in self._assignments.items():
            reaches = self._scopes.sees(scope, assignment)
            if reaches is False:
                continue
            key.append((own, reaches))
            found = self._of.get(own, ())
            if reaches:
                seen += found
                doubts += [(p.definition, p.reason) for p in self._problems.get(own, ()) if self._matters(p)]
            else:
                reason = f"whether the assignment {assignment.name} reaches it is not told"
                doubts += [(one.definition.id, reason) for one in found]
                doubts += [(p.definition, reason) for p in self._problems.get(own, ()) if self._matters(p)]
        held = [e.id for e in self._exemptions if self._holds(e, scope)]
        texts = (self._text(one.definition) for one in seen)
        alone = scope.id if any(map(_BY_PLACE.search, texts)) or scope.level == "resource_group" else ""
        return _View(tuple(seen), tuple(dict.fromkeys(doubts)), (tuple(key), tuple(held), alone))

    def _holds(self, exemption: PolicyExemption, scope: Scope) -> bool:
        return bool(lies_in(scope.group, exemption.scope.lower(), self._scopes.ancestors))

    def _matters(self, problem: Problem) -> bool:
        """Whether it may be a policy that Resource Manager evaluates."""
        definition = self._definitions.get(problem.definition.lower())
        return definition is None or definition.mode.lower() in RESOURCE_MODES

    def _doubt(self, view: _View, name: Name) -> str:
        for definition, reason in view.doubts:
            known = self._definitions.get(definition.lower())
            if known is None or name in topics(self._text(known)):
                return f"{objects.named(known) if known else definition}: {reason}"
        return ""

    def _answered(self, scope: Scope, view: _View) -> Facts:
        self._differs.clear()
        about = frozenset(name for one in view.policies for name in self._topics[id(one)])
        asked = [question for question in self._questions if question.name in about]
        probes = dict.fromkeys(probe for question in asked for probe in question.probes())
        said = self._said(scope, view.policies, list(probes))
        answers = {
            (question.name, question.kind): {
                item: self._answer(question, item, said, scope, doubt) for item in question.asked
            }
            for question in self._questions
            for doubt in [self._doubt(view, question.name)]
        }
        return _facts(answers, self._wanted)

    def _said(self, scope: Scope, policies: Sequence[Assigned], probes: Sequence[Probe]) -> Said:
        """What each policy says of each probe at a scope."""
        if not probes:
            return {}
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

    def _answer(self, question: Question, item: str, said: Said, scope: Scope, doubt: str) -> _Answer:
        """What stops all of the probes, in the mildest way; what may is told where nothing surely denies them."""
        found = []
        for probe in question.asked[item]:
            best = _Answer()
            for one, result in said.get(probe, {}).values():
                if question.name not in self._topics[id(one)]:
                    continue
                if question.name == "requires_tags" and not self._names(one, item):
                    continue
                if result.state in ("Unknown", "Error"):
                    doubt = doubt or f"{objects.named(one.definition)}: {result.reason}"
                elif _objects(result) and self._about(question, one, said, scope, item):
                    answer = _Answer(result.effect, one.assignment.enforced, one.assignment.id)
                    best = max(best, answer, key=lambda answer: answer.strength)
            found.append(best)
        mildest = min(found, key=lambda answer: answer.strength)
        if mildest.strength == (True, 3) or (question.name == "requires_tags" and mildest.strength[0]):
            doubt = ""
        return _Answer(mildest.effect, mildest.enforced, mildest.assignment, doubt)

    def _names(self, one: Assigned, tag: str) -> bool:
        """Whether a policy names a tag, or all of them."""
        text = self._all_text(one)
        return tag.lower() in text or bool(re.search(r'"tags"|field\(.tags.\)', text))

    def _about(self, question: Question, one: Assigned, said: Said, scope: Scope, item: str) -> bool:
        """Whether a policy that objects does so for what is asked about."""
        key = (question.name, question.kind, id(one))
        if key not in self._differs:
            results = (said[probe].get(id(one)) for probe in question.harmless)
            self._differs[key] = any(found is None or not _objects(found[1]) for found in results)
        if self._differs[key]:
            return True
        if question.name != "requires_tags":
            return only_types(self._text(one.definition))
        return self._wants_tag(one, question.kind, item, scope)

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


def _facts(answers: Mapping[tuple[Name, str], Mapping[str, _Answer]], wanted: Wanted) -> Facts:
    tags, unknown = _of_tags(answers, wanted)
    gpu, doubts = _of_sizes({kind: found for (name, kind), found in answers.items() if name == "gpu"})
    unknown |= doubts
    locations: dict[str, dict[str, str]] = {}
    others: dict[str, dict[str, str]] = {"global_processing": {}, "local_auth": {}}
    for (name, kind), found in answers.items():
        if name in ("locations", "global_processing", "local_auth"):
            into = locations.setdefault(kind, {}) if name == "locations" else others[name]
            prefix = f"attributes.{name}.{kind}" if name == "locations" else f"attributes.{name}"
            for item, answer in found.items():
                if answer.doubt:
                    unknown[f"{prefix}.{item}"] = answer.doubt
                else:
                    into[item] = answer.effect if answer.enforced else ""
    facts = {
        "requires_tags": tags,
        "locations": locations,
        "allowed_locations": {kind: sorted(allowed) for kind, allowed in wanted.locations.items()},
        "gpu": gpu,
        **others,
    }
    return facts, unknown


def _of_tags(
    answers: Mapping[tuple[Name, str], Mapping[str, _Answer]], wanted: Wanted
) -> tuple[dict[str, Any], dict[str, str]]:
    """Of the types that must carry a tag, what is asked of the one that is asked least."""
    tags: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for name, tag in wanted.tags.items():
        found = {kind: answers["requires_tags", kind][name] for kind in tag.on}
        least = min(found.values(), key=lambda answer: answer.strength)
        doubt = next((answer.doubt for answer in found.values() if answer.doubt), "")
        if doubt and all(answer.strength[0] or answer.doubt for answer in found.values()):
            unknown[f"attributes.requires_tags.{name}"] = doubt
            continue
        lacking = [kind for kind, answer in found.items() if not answer.strength[0] and not answer.doubt]
        tags[name] = {
            "effect": least.effect,
            "enforced": least.enforced and bool(least.effect),
            "assignment": least.assignment,
            "not_on": lacking,
        }
    return tags, unknown


def _of_sizes(answers: Mapping[str, Mapping[str, _Answer]]) -> tuple[dict[str, str], dict[str, str]]:
    """For each type what stops the sizes with GPUs that are stopped of any type, in the mildest way."""
    stopped = {size for found in answers.values() for size, answer in found.items() if answer.strength[0]}
    gpu: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for kind, found in answers.items():
        doubt = next((answer.doubt for size, answer in found.items() if not stopped or size in stopped), "")
        mildest = min((found[size] for size in stopped), key=lambda answer: answer.strength, default=_Answer())
        if doubt and mildest.strength < (True, 3):
            unknown[f"attributes.gpu.{kind}"] = doubt
        else:
            gpu[kind] = mildest.effect if mildest.enforced else ""
    return gpu, unknown
