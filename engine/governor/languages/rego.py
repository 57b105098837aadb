"""Rego policies, evaluated inside this process: files and data in, one batch of answers out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import msgspec
import regorus
from msgspec.structs import replace

from governor import __version__
from governor.catalog import regions
from governor.errors import CANNOT_JUDGE, Refusal
from governor.languages import MOST, Passage, Source, SourceLine, failures
from governor.languages.rego_cards import Module, check_rules
from governor.languages.rego_engine import Lines, PolicyError, ask, engine_of, json_of, lines
from governor.languages.rego_source import Body, bodies, facts_named, reached
from governor.model import Answer, Evaluator, Failure, Inventory, Policy, Resource, Spend, Stage, Violation
from governor.workers import WORTH_FORKING, cores, spread
from governor.workers.pool import LOST, Here, Pool
from governor.yamlfile import read_text

BATCH = WORTH_FORKING
"""Resources in a part of an inventory: what is worked out once a part then costs little, and the part little memory."""

_INPUT = msgspec.json.Encoder(decimal_format="number")
_VIOLATIONS = msgspec.json.Decoder(list[Violation])
_ANSWERS = msgspec.msgpack.Decoder(list[bytes])


class Language(msgspec.Struct, frozen=True):
    """Rego, evaluated by workers of a pool."""

    pool: Pool

    def load(self, sources: Sequence[Source], config: Mapping[str, Any], keep: Callable[[Policy], bool]) -> Evaluator:
        """See `rego.load`."""
        return load(sources, config, keep, pool=self.pool)


def load(
    sources: Sequence[Source],
    config: Mapping[str, Any],
    keep: Callable[[Policy], bool],
    *,
    trace: bool = False,
    pool: Pool | None = None,
) -> RegoPolicies:
    """Parse the files and read the card of each policy. With `trace`, note which lines run.

    `pool` takes the place of the cores of this machine. Refuses a file that does not parse or whose package is not its
    folder, a card that is malformed or stands above no rule, and a `deny` rule without a card: none of them would be
    asked, and nobody would notice.
    """
    texts = {str(source.path): read_text(source.path) for source in sources}
    data = world(config)
    loaded = engine_of(texts, trace=trace)
    loaded.add_data(data)
    concerns = {str(source.path): source.concern for source in sources}
    modules = [Module(module, concerns) for module in json.loads(loaded.get_ast_as_json())]
    policies = [policy for module in modules for policy in module.policies()]
    check_rules(modules, policies)
    kept = [policy for policy in policies if keep(policy)]
    return RegoPolicies(loaded, kept, Asking(loaded, texts, data, ()), pool)


class Asking:
    """Asks rules about a document: in this process, and, since it can be pickled, in any that has governor.

    The engine cannot be pickled; what it was made of can.
    """

    def __init__(
        self, engine: regorus.Engine, texts: Mapping[str, str], data: Mapping[str, Any], rules: Sequence[str]
    ) -> None:
        self._engine, self._texts, self._data, self._rules = engine, texts, data, rules

    def of(self, rules: Sequence[str]) -> Asking:
        """The same, about these rules."""
        return Asking(self._engine, self._texts, self._data, rules)

    def __call__(self, document: bytes) -> bytes:
        """What each rule answers."""
        self._engine.set_input_json(document.decode())
        return msgspec.msgpack.encode([ask(self._engine, rule) for rule in self._rules])

    def __reduce__(self) -> tuple[Any, ...]:
        return _anew, (__version__, self._texts, self._data, self._rules)


def _anew(version: str, texts: Mapping[str, str], data: Mapping[str, Any], rules: Sequence[str]) -> Asking:
    """What was pickled, in the process that it came to. Two versions may have two answers."""
    if version != __version__:
        raise Refusal(
            f"a worker has governor {__version__}, and this is {version}: install the same", code=CANNOT_JUDGE
        )
    engine = engine_of(texts)
    engine.add_data(data)
    return Asking(engine, texts, data, rules)


def world(config: Mapping[str, Any]) -> dict[str, Any]:
    """What policies find below `data` beside the rules."""
    return {"config": dict(config), "catalog": {"regions": regions.document()}}


class RegoPolicies:
    """An `Evaluator`."""

    def __init__(
        self, engine: regorus.Engine, policies: Sequence[Policy], asking: Asking, pool: Pool | None = None
    ) -> None:
        self.policies = policies
        self._engine = engine
        self._asking = asking
        self._pool = pool

    def evaluate(self, inventory: Inventory, today: date) -> Iterator[Answer]:
        """See `Evaluator`. Policies that look at each resource are asked about parts, the others about the whole."""
        each = [policy for policy in self.policies if policy.each]
        whole = [policy for policy in self.policies if not policy.each]
        if whole:
            yield from self._of_whole(whole, inventory, today)
        if each:
            yield from self._of_parts(each, inventory, today)

    def _of_whole(self, policies: Sequence[Policy], inventory: Inventory, today: date) -> Iterator[Answer]:
        """The input is encoded once for all policies."""
        self._engine.set_input_json(document(inventory, today))
        workers = cores() if len(inventory.resources) >= WORTH_FORKING else 1
        answers = spread(lambda number: ask(self._engine, policies[number].rule), len(policies), workers)
        for policy, answer in zip(policies, answers, strict=True):
            try:
                yield Answer(policy, _violations(answer))
            except PolicyError as error:
                yield Answer(policy, (), failures(policy, inventory, str(error), self._complains(policy, today)))

    def _of_parts(self, policies: Sequence[Policy], inventory: Inventory, today: date) -> Iterator[Answer]:
        """No more than a few parts are encoded at a time. A policy that fails on a resource still judges the others."""
        found = inventory.resources
        # Without any resource there is one part, too: a policy that fails always must not pass.
        starts = range(0, len(found) or 1, BATCH)
        pool = self._workers() if len(found) >= WORTH_FORKING else Here()
        failed: Counter[str] = Counter()

        def part(number: int) -> Inventory:
            return replace(inventory, resources=found[starts[number] : starts[number] + BATCH])

        documents = (document(part(number), today).encode() for number in range(len(starts)))
        for number, answered in pool.map(self._asking.of([policy.rule for policy in policies]), documents):
            if answered is None:
                yield from (Answer(policy, (), [Failure(policy.id, "", LOST)]) for policy in policies)
                continue
            for policy, answer in zip(policies, _ANSWERS.decode(answered), strict=True):
                try:
                    yield Answer(policy, _violations(answer))
                except PolicyError as error:
                    few = self._of_failing(policy, part(number), today, str(error), MOST - failed[policy.id])
                    # What fails as a whole will do so with every part.
                    failed[policy.id] += len(few.failures) if all(f.resource for f in few.failures) else MOST
                    yield few

    def _of_failing(self, policy: Policy, part: Inventory, today: date, complaint: str, most: int) -> Answer:
        """At most `most` of the resources that a policy fails on, and what it says when those are left out."""
        if most <= 0:
            return Answer(policy)
        culprits = failures(policy, part, complaint, self._complains(policy, today), most)
        names = {culprit.resource for culprit in culprits}
        rest = replace(part, resources=tuple(each for each in part.resources if each.id not in names))
        try:
            return Answer(policy, self._alone(policy, rest, today), culprits)
        except PolicyError:
            return Answer(policy, (), culprits)

    def _workers(self) -> Pool:
        if self._pool:
            return self._pool
        count = cores()
        if count < 2:
            return Here()
        from governor.workers.processes import Processes

        return Processes(count)

    def lines(self) -> dict[str, Lines]:
        """File → the lines that ran and those that did not, of files that were asked since they were loaded."""
        return lines(self._engine)

    def alone(self, policy: Policy) -> RegoPolicies:
        """See `Explainable`. The engine is shared."""
        return RegoPolicies(self._engine, [policy], self._asking, self._pool)

    def reads(self, policy: Policy) -> frozenset[str]:
        """See `Explainable`."""
        return facts_named(self._reached(policy))

    def passages(self, policy: Policy, inventory: Inventory, today: date) -> list[Passage]:
        """See `Explainable`: what ran is what the engine's own coverage says."""
        self._engine.set_enable_coverage(True)
        try:
            self._engine.clear_coverage_data()
            # Here, where lines are noted, and no matter what comes of it.
            with suppress(PolicyError):
                self._alone(policy, inventory, today)
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

    def _alone(self, policy: Policy, inventory: Inventory, today: date) -> list[Violation]:
        """What one policy says, asked here. May raise PolicyError."""
        self._engine.set_input_json(document(inventory, today))
        return _violations(ask(self._engine, policy.rule))

    def _complains(self, policy: Policy, today: date) -> Callable[[Inventory], str]:
        def complains(inventory: Inventory) -> str:
            try:
                self._alone(policy, inventory, today)
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
