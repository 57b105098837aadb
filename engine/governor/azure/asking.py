"""Made-up resources, put at each scope: what the policies that are assigned there would do with them. Pure.

So the text of a policy does not matter, and overrides, exclusions, selectors, exemptions and parameters count as Azure
counts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from governor.azure import objects
from governor.azure.facts import Facts, facts
from governor.azure.hearing import Answer, Asked, Heard, Hearing, Texts
from governor.azure.probes import Name, Question, questions, topics
from governor.azure.scopes import Scope, Scopes
from governor.azure.wanted import Wanted
from governor.azure_model import Assignment, Export, PolicyExemption
from governor.languages.azure_policy.assignments import RESOURCE_MODES, Assigned
from governor.languages.azure_policy.evaluation import Policies
from governor.languages.azure_policy.related import lies_in, subscription_of
from governor.model import Resource

_BY_PLACE = re.compile(r"subscription\(|resourcegroup\(\)(?!\.tags)|\"id\"")
"""What makes a policy say another thing at another place."""


class _Place(Struct, frozen=True):
    """What is assigned to one scope with the same exclusions: it is seen together, or not at all."""

    assignment: Assignment
    """One of them."""
    shared: Asked
    """Policies that say the same wherever they are seen."""
    placed: Asked
    """Those that look at where a resource lies."""
    doubts: Sequence[tuple[str, str]]
    """Definition and reason of what cannot be evaluated."""
    exemptions: Sequence[PolicyExemption]


class Asking:
    """Asks the policies of an export about made-up resources."""

    def __init__(self, export: Export, policies: Policies, scopes: Scopes, wanted: Wanted) -> None:
        self._scopes, self._wanted = scopes, wanted
        self._definitions = {definition.id.lower(): definition for definition in export.definitions}
        self._texts = Texts()
        self._places = list(self._placed(export, policies))
        self._questions = questions(wanted, sorted(self._sizes()))
        self._hearing = Hearing(policies, scopes, wanted, self._texts)
        self._heard: dict[tuple[Any, ...], Heard] = {}
        self._facts: dict[tuple[Any, ...], Facts] = {}
        self._stopped: dict[str, dict[str, frozenset[str]]] = {}

    def _placed(self, export: Export, policies: Policies) -> Iterator[_Place]:
        by_place: dict[tuple[str, ...], list[Assignment]] = {}
        for assignment in export.assignments:
            key = (assignment.scope.lower(), *map(str.lower, assignment.not_scopes))
            by_place.setdefault(key, []).append(assignment)
        assigned: dict[str, list[Assigned]] = {}
        for one in policies.assigned:
            assigned.setdefault(one.assignment.id.lower(), []).append(one)
        doubts: dict[str, list[tuple[str, str]]] = {}
        for problem in policies.problems:
            if self._matters(problem.definition):
                doubts.setdefault(problem.assignment.lower(), []).append((problem.definition, problem.reason))
        for group in by_place.values():
            names = [assignment.id.lower() for assignment in group]
            shared: dict[int, tuple[Assigned, frozenset[Name]]] = {}
            placed: dict[int, tuple[Assigned, frozenset[Name]]] = {}
            for one in (one for name in names for one in assigned.get(name, ())):
                if about := self._texts.topics(one):
                    into = placed if _BY_PLACE.search(self._texts.of(one.definition)) else shared
                    into[id(one)] = one, about
            yield _Place(
                group[0],
                shared,
                placed,
                list(dict.fromkeys(doubt for name in names for doubt in doubts.get(name, ()))),
                [exemption for exemption in export.exemptions if exemption.assignment.lower() in names],
            )

    def _matters(self, definition: str) -> bool:
        """Whether it may be a policy that Resource Manager evaluates."""
        known = self._definitions.get(definition.lower())
        return known is None or known.mode.lower() in RESOURCE_MODES

    def told(self, scope: Scope) -> Resource:
        """A scope, with what would become of the resources in it."""
        found, unknown = self._found(scope)
        self._compare(scope, found)
        return Resource(
            id=scope.id,
            kind="azure_scope",
            type=objects.TYPES[scope.level],
            provider="azure",
            account=subscription_of(scope.id.lower()).rpartition("/")[2] or None,
            attributes={"level": scope.level, "above": list(scope.above), **found},
            unknown=dict(unknown),
            taggable=False,
        )

    def notes(self) -> Iterator[str]:
        """Where Azure stops what the residency data allows."""
        for kind, stopped in self._stopped.items():
            shared = sorted(frozenset.intersection(*stopped.values()))
            if shared:
                more = f" and {len(shared) - 5} more" if len(shared) > 5 else ""
                yield (
                    f"the residency data allows {kind} in regions that Azure denies at every scope:"
                    f" {', '.join(shared[:5])}{more}"
                )

    def _compare(self, scope: Scope, found: Mapping[str, Any]) -> None:
        for kind, allowed in self._wanted.locations.items():
            denied = {region for region, effect in found["locations"].get(kind, {}).items() if effect == "deny"}
            self._stopped.setdefault(kind, {})[scope.id] = frozenset(denied & allowed)

    def _sizes(self) -> Iterator[str]:
        """Sizes of machines that policies name."""
        for place in self._places:
            for one, about in (*place.shared.values(), *place.placed.values()):
                if "gpu" in about:
                    named = re.findall(r'"(standard_[a-z0-9_]+)"', self._texts.whole(one))
                    yield from list(dict.fromkeys(named))[:20]

    def _found(self, scope: Scope) -> Facts:
        """What scopes that see the same share."""
        heard: dict[tuple[Any, ...], Heard] = {}
        doubts: list[tuple[str, str]] = []
        for number, place in enumerate(self._places):
            reaches = self._scopes.sees(scope, place.assignment)
            if reaches:
                heard |= self._heard_of(number, place, scope)
                doubts += place.doubts
            elif reaches is None:
                reason = f"whether the assignment {place.assignment.name} reaches it is not told"
                policies = (*place.shared.values(), *place.placed.values())
                doubts += [(one.definition.id, reason) for one, _ in policies]
                doubts += [(definition, reason) for definition, _ in place.doubts]
        key = tuple(heard), tuple(dict.fromkeys(doubts))
        if key not in self._facts:
            answers = {
                (question.name, question.kind): self._merged(question, list(heard.values()), key[1])
                for question in self._questions
            }
            self._facts[key] = facts(answers, self._wanted)
        return self._facts[key]

    def _heard_of(self, number: int, place: _Place, scope: Scope) -> dict[tuple[Any, ...], Heard]:
        """What the policies of a place say at a scope."""
        held = tuple(e.id for e in place.exemptions if lies_in(scope.group, e.scope.lower(), self._scopes.ancestors))
        found = {}
        for policies, where in ((place.shared, _where(scope)), (place.placed, scope.id)):
            if policies:
                key = number, held, where
                if key not in self._heard:
                    about = frozenset[Name]().union(*(names for _, names in policies.values()))
                    asked = [question for question in self._questions if question.name in about]
                    self._heard[key] = self._hearing.of(scope, policies, asked)
                found[key] = self._heard[key]
        return found

    def _merged(
        self, question: Question, heard: Sequence[Heard], doubts: Sequence[tuple[str, str]]
    ) -> Mapping[str, Answer]:
        """What stops all of the probes, in the mildest way; what may is told where nothing surely denies them."""
        unknown = self._doubt(doubts, question.name)
        own = [found[key] for found in heard if (key := (question.name, question.kind)) in found]
        merged = {}
        for item, probes in question.asked.items():
            doubt = unknown
            best = [Answer()] * len(probes)
            for found in own:
                doubt = doubt or next((answer.doubt for answer in found[item] if answer.doubt), "")
                best = [max(pair, key=lambda a: a.strength) for pair in zip(best, found[item], strict=True)]
            mildest = min(best, key=lambda answer: answer.strength)
            if mildest.strength == (True, 3) or (question.name == "requires_tags" and mildest.strength[0]):
                doubt = ""
            merged[item] = Answer(mildest.effect, mildest.enforced, mildest.assignment, doubt)
        return merged

    def _doubt(self, doubts: Sequence[tuple[str, str]], name: Name) -> str:
        for definition, reason in doubts:
            known = self._definitions.get(definition.lower())
            if known is None or name in topics(self._texts.of(known)):
                return f"{objects.named(known) if known else definition}: {reason}"
        return ""


def _where(scope: Scope) -> str:
    """A resource group that is real has tags of its own."""
    return scope.id if scope.level == "resource_group" else ""
