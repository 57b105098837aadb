"""Rego policies, evaluated inside this process: files and data in, one batch of answers out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
import regorus

from governor.catalog import regions
from governor.languages import Passage, Source, SourceLine, failures
from governor.languages.rego_cards import Module, check_rules
from governor.languages.rego_engine import Lines, PolicyError, ask, engine, json_of, lines
from governor.languages.rego_source import Body, bodies, facts_named, reached
from governor.model import Answer, Inventory, Policy, Resource, Spend, Stage, Violation
from governor.workers import WORTH_FORKING, cores, spread

_INPUT = msgspec.json.Encoder(decimal_format="number")
_VIOLATIONS = msgspec.json.Decoder(list[Violation])


def load(
    sources: Sequence[Source],
    config: Mapping[str, Any],
    keep: Callable[[Policy], bool],
    *,
    trace: bool = False,
) -> RegoPolicies:
    """Parse the files and read the card of each policy. With `trace`, note which lines run.

    Refuses a file that does not parse or whose package is not its folder, a card that is malformed or stands above no
    rule, and a `deny` rule without a card: none of them would be asked, and nobody would notice.
    """
    loaded = engine([source.path for source in sources], trace=trace)
    loaded.add_data(world(config))
    concerns = {str(source.path): source.concern for source in sources}
    modules = [Module(module, concerns) for module in json.loads(loaded.get_ast_as_json())]
    policies = [policy for module in modules for policy in module.policies()]
    check_rules(modules, policies)
    return RegoPolicies(loaded, [policy for policy in policies if keep(policy)])


def world(config: Mapping[str, Any]) -> dict[str, Any]:
    """What policies find below `data` beside the rules."""
    return {"config": dict(config), "catalog": {"regions": regions.document()}}


class RegoPolicies:
    """An `Evaluator`."""

    def __init__(self, engine: regorus.Engine, policies: Sequence[Policy]) -> None:
        self.policies = policies
        self._engine = engine

    def evaluate(self, inventory: Inventory, today: date) -> Iterator[Answer]:
        """See `Evaluator`. The input is encoded once for all policies."""
        if not self.policies:
            return
        self._engine.set_input_json(document(inventory, today))
        workers = cores() if len(inventory.resources) >= WORTH_FORKING else 1
        answers = spread(self._try, len(self.policies), workers)
        for policy, answer in zip(self.policies, answers, strict=True):
            try:
                yield Answer(policy, _violations(answer))
            except PolicyError as error:
                yield Answer(policy, (), failures(policy, inventory, str(error), self._complains(policy, today)))

    def lines(self) -> dict[str, Lines]:
        """File → the lines that ran and those that did not, of files that were asked since they were loaded."""
        return lines(self._engine)

    def alone(self, policy: Policy) -> RegoPolicies:
        """See `Explainable`. The engine is shared."""
        return RegoPolicies(self._engine, [policy])

    def reads(self, policy: Policy) -> frozenset[str]:
        """See `Explainable`."""
        return facts_named(self._reached(policy))

    def passages(self, policy: Policy, inventory: Inventory, today: date) -> list[Passage]:
        """See `Explainable`: what ran is what the engine's own coverage says."""
        self._engine.set_enable_coverage(True)
        try:
            self._engine.clear_coverage_data()
            list(self.alone(policy).evaluate(inventory, today))
            covered = self.lines()
        finally:
            self._engine.set_enable_coverage(False)
        found = []
        for body in self._reached(policy):
            ran, idle = covered[body.file]
            shown = tuple(
                SourceLine(number, text, number in ran if number in ran | idle else None)
                for number, text in enumerate(body.lines, start=body.first)
            )
            found.append(Passage(body.file, shown, helper=body.path != policy.rule))
        return found

    def _reached(self, policy: Policy) -> list[Body]:
        return reached(bodies(msgspec.json.decode(self._engine.get_ast_as_json())), policy.rule)

    def _try(self, number: int) -> bytes:
        return ask(self._engine, self.policies[number].rule)

    def _complains(self, policy: Policy, today: date) -> Callable[[Inventory], str]:
        def complains(inventory: Inventory) -> str:
            self._engine.set_input_json(document(inventory, today))
            try:
                _violations(self._try(self.policies.index(policy)))
            except PolicyError as error:
                return str(error)
            return ""

        return complains


def _violations(answer: bytes) -> list[Violation]:
    try:
        return _VIOLATIONS.decode(json_of(answer))
    except msgspec.ValidationError as error:
        raise shapeless(error) from None


def shapeless(error: msgspec.ValidationError) -> PolicyError:
    """What an answer is that does not decode to violations."""
    return PolicyError(f"its answer is not a set of {{resource, msg, attribute, details}}: {error}")


class Document(msgspec.Struct, frozen=True):
    """The `input` of every policy."""

    stage: Stage
    today: date
    """The only clock."""
    resources: Sequence[Resource]
    spend: Sequence[Spend]
    """What bills say of this month and the one before, a record for each combination of tags."""


def document(inventory: Inventory, today: date) -> str:
    """The `input` of every policy, as JSON. Money is numbers."""
    return _INPUT.encode(Document(inventory.stage, today, inventory.resources, inventory.spend)).decode()
