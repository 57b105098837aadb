"""Rego policies, evaluated by an OPA server. The embedded engine still reads the cards and refuses what it would.

Policies see the whole inventory, in however many requests it travels: a part may have another answer. They are asked
together, and only where one fails, which stops OPA, in ever smaller groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal
from governor.languages import Source, failures, rego
from governor.languages.nested import Nested, nest
from governor.languages.rego_engine import PolicyError
from governor.model import Answer, Evaluator, Failure, Inventory, Policy, Violation

if TYPE_CHECKING:
    from governor.languages.opa_server import Given, Server

_Answers = dict[str, list[Violation] | PolicyError]
"""Policy id → its violations, or why it could not be evaluated."""

NARROWING = 60
"""Questions to the server, in one run, that may be spent on finding the resource that a policy fails on."""


class Language(Struct, frozen=True):
    """Rego, asked of a server."""

    server: Server
    bundle: str = ""
    """The bundle that the server has the policies from; without one they are put there."""

    def load(self, sources: Sequence[Source], config: Mapping[str, Any], keep: Callable[[Policy], bool]) -> Evaluator:
        """See `rego.load`."""
        known: list[Policy] = []

        def kept(policy: Policy) -> bool:
            known.append(policy)
            return keep(policy)

        policies = rego.load(sources, config, kept).policies
        return OpaPolicies(policies, nest(sources, known, config), self.server, self.bundle)


class OpaPolicies:
    """An `Evaluator`."""

    def __init__(self, policies: Sequence[Policy], nested: Nested, server: Server, bundle: str) -> None:
        self.policies = policies
        self._nested = nested
        self._server = server
        self._bundle = bundle
        self._narrowing = NARROWING

    def evaluate(self, inventory: Inventory, today: date) -> Iterator[Answer]:
        """See `Evaluator`."""
        answers = self._said_of(self.policies, inventory, today)
        for policy in self.policies:
            answer = answers[policy.id]
            if isinstance(answer, PolicyError):
                yield Answer(policy, (), self._failures(policy, inventory, today, str(answer)))
            else:
                yield Answer(policy, answer)

    def _said_of(self, policies: Sequence[Policy], inventory: Inventory, today: date) -> _Answers:
        if not policies:
            return {}
        with self._server.given(rego.document(inventory, today).encode()) as given:
            return self._answers(policies, given)

    def _answers(self, policies: Sequence[Policy], given: Given) -> _Answers:
        try:
            said = self._ask([policy.id for policy in policies], given)
        except PolicyError as error:
            half = len(policies) // 2
            if half == 0:
                return {policies[0].id: error}
            return self._answers(policies[:half], given) | self._answers(policies[half:], given)
        return {policy.id: _violations(said[policy.id]) for policy in policies}

    def _ask(self, asked: list[str], given: Given) -> Mapping[str, Any]:
        answer = self._server.ask(self._nested, asked, given)
        if answer is None and not self._bundle:
            self._server.put(self._nested)
            answer = self._server.ask(self._nested, asked, given)
        if answer is None and "parts" in given and not self._server.has_all(given):
            raise Refusal(
                "a part of the inventory was put on the OPA server, and is not there: when several servers share the"
                " address, set opa.request_mb above the size of the inventory",
                place=self._server.url, code=CANNOT_JUDGE,
            )  # fmt: skip
        if answer is None:
            raise Refusal(self._why_unknown(), place=self._server.url, code=CANNOT_JUDGE)
        return answer

    def _why_unknown(self) -> str:
        """Why a server does not know the policies: silence is no set of no violations."""
        ours = self._nested.revision
        if not self._bundle:
            return (
                f"the policies (revision {ours}) were put on the OPA server, and it does not know them:"
                " when several servers share the address, serve them a bundle"
            )
        theirs = self._server.bundle_revision(self._bundle)
        if theirs is None:
            return f"the OPA server has no bundle named {self._bundle}: make it with governor bundle build"
        if theirs == ours:
            return (
                f"the bundle {self._bundle} of the OPA server does not answer: make it anew with governor bundle build"
            )
        return (
            f"the bundle {self._bundle} of the OPA server is of the revision {theirs}, and the policies here are {ours}"
            ": make it anew with governor bundle build, or judge by the policies it was made of"
        )

    def _failures(self, policy: Policy, inventory: Inventory, today: date, complaint: str) -> list[Failure]:
        def complains(part: Inventory) -> str:
            self._narrowing -= 1
            answer = self._said_of([policy], part, today)[policy.id]
            return str(answer) if isinstance(answer, PolicyError) else ""

        if self._narrowing <= 0:
            return [Failure(policy.id, "", complaint)]
        return failures(policy, inventory, complaint, complains)


def _violations(said: Any) -> list[Violation] | PolicyError:
    try:
        return msgspec.convert(said, list[Violation])
    except msgspec.ValidationError as error:
        return rego.shapeless(error)
