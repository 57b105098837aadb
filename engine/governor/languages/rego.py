"""Rego policies, evaluated inside this process: files and data in, one batch of answers out.

The engine (regorus) holds the GIL, panics when another thread uses it and cannot be pickled: one engine, one thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import regorus
import yaml

from governor.catalog import regions
from governor.errors import Refusal
from governor.languages import Source, failures
from governor.model import Answer, Inventory, Policy, Severity, Stage, Violation
from governor.workers import WORTH_FORKING, cores, spread
from governor.yamlfile import Loader, read_text

_INPUT = msgspec.json.Encoder(decimal_format="number")
_FAILED = b"!"
_VIOLATIONS = msgspec.json.Decoder(list[Violation])


class _Custom(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    severity: Severity
    kinds: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    remediation: str = ""
    references: tuple[str, ...] = ()
    together: str = ""


class _Card(msgspec.Struct):
    title: str
    custom: _Custom
    description: str = ""


def load(sources: Sequence[Source], config: Mapping[str, Any], keep: Callable[[Policy], bool]) -> RegoPolicies:
    """Parse the files and read the card of each policy.

    Refuses a file that does not parse or whose package is not its folder, a card that is malformed or stands above no
    rule, and a `deny` rule without a card: none of them would be asked, and nobody would notice.
    """
    engine = _engine([source.path for source in sources])
    engine.add_data(world(config))
    concerns = {str(source.path): source.concern for source in sources}
    modules = [_Module(module, concerns) for module in json.loads(engine.get_ast_as_json())]
    policies = [policy for module in modules for policy in module.policies()]
    _check_rules(modules, policies)
    return RegoPolicies(engine, [policy for policy in policies if keep(policy)])


def _engine(files: Sequence[Path]) -> regorus.Engine:
    engine = regorus.Engine()
    for file in files:
        try:
            engine.add_policy(str(file), read_text(file))
        except RuntimeError as error:
            place, message = _told(error)
            raise Refusal(f"this Rego does not parse: {message}", place=place or str(file)) from None
    return engine


def syntax(files: Sequence[Path]) -> list[dict[str, Any]]:
    """The syntax tree of each file, with its source; `start` and `end` of a span count bytes."""
    trees: list[dict[str, Any]] = json.loads(_engine(files).get_ast_as_json())
    return trees


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

    def _try(self, number: int) -> bytes:
        """The answer of a policy as JSON, or what went wrong after a mark that no JSON begins with."""
        try:
            return str(self._engine.eval_rule_as_json(self.policies[number].rule)).encode()
        except RuntimeError as error:
            return _FAILED + _complaint(error).encode()

    def _complains(self, policy: Policy, today: date) -> Callable[[Inventory], str]:
        def complains(inventory: Inventory) -> str:
            self._engine.set_input_json(document(inventory, today))
            try:
                _violations(self._try(self.policies.index(policy)))
            except PolicyError as error:
                return str(error)
            return ""

        return complains


class PolicyError(Exception):
    """A policy that could not be evaluated."""


def _violations(answer: bytes) -> list[Violation]:
    if answer.startswith(_FAILED):
        raise PolicyError(answer.removeprefix(_FAILED).decode())
    try:
        return _VIOLATIONS.decode(answer)
    except msgspec.ValidationError as error:
        raise shapeless(error) from None


def shapeless(error: msgspec.ValidationError) -> PolicyError:
    """What an answer is that does not decode to violations."""
    return PolicyError(f"its answer is not a set of {{resource, msg, attribute, details}}: {error}")


def document(inventory: Inventory, today: date) -> str:
    """The `input` of every policy, as JSON. Money is numbers."""
    return _INPUT.encode(
        {
            "stage": inventory.stage,
            "today": today.isoformat(),
            "resources": inventory.resources,
            "spend": inventory.spend,
        }
    ).decode()


class _Rule(msgspec.Struct, frozen=True):
    line: int
    """From 1."""
    form: str
    """Set, Compr, Func or Default, as the AST calls it."""
    name: str


class _Module:
    """One file of Rego, as far as cards go."""

    def __init__(self, module: Mapping[str, Any], concerns: Mapping[str, str]) -> None:
        self.path = module["source"]["file"]
        self.concern = concerns[self.path]
        # As the engine counts: str.splitlines() would also end a line at a form feed or U+2028.
        self.lines = module["source"]["contents"].split("\n")
        package = module["ast"]["package"]
        self.start = package["span"]["line"]
        self.package = _path(package["refr"])
        if self.package.split(".")[0] != self.concern:
            raise Refusal(
                f"the package {self.package} lies in the folder {self.concern}: write `package {self.concern}`",
                place=f"{self.path}:{self.start}",
            )
        self.rules = [_rule(rule) for rule in module["ast"]["rules"]]

    def policies(self) -> Iterator[Policy]:
        """Every rule whose METADATA carries an id. The AST has no annotations: they are read from the comments.

        As in OPA, a block starts in the first column, ends at the first line that is no comment, and belongs to the
        statement that follows: https://www.openpolicyagent.org/docs/policy-language#annotations.
        """
        for number, text in enumerate(self.lines, start=1):
            if re.fullmatch(r"#\s*METADATA\s*", text) and (card := self._card(number)):
                place = f"{self.path}:{number}"
                rule = next((rule for rule in self.rules if rule.line > number > self.start), None)
                if rule is None:
                    raise Refusal(f"the card of {card.custom.id} stands above no rule: move it there", place=place)
                if rule.form != "Set" or not re.fullmatch(r"[\w.]+", rule.name):
                    raise Refusal(
                        f"{card.custom.id} is no policy: write it as `deny_something contains violation if …`",
                        place=f"{self.path}:{rule.line}",
                    )
                yield Policy(
                    id=card.custom.id,
                    title=card.title,
                    description=" ".join(card.description.split()),
                    severity=card.custom.severity,
                    concern=self.concern,
                    stages=card.custom.stages,
                    kinds=card.custom.kinds,
                    remediation=" ".join(card.custom.remediation.split()),
                    references=card.custom.references,
                    together=card.custom.together,
                    language="rego",
                    location=f"{self.path}:{rule.line}",
                    rule=f"data.{self.package}.{rule.name}",
                )

    def _card(self, mark: int) -> _Card | None:
        """The card below a METADATA mark, or None when it has no id."""
        block = list(takewhile(lambda line: line.startswith("#"), self.lines[mark:]))
        text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in block)
        try:
            loaded = yaml.load(text, Loader=Loader)
        except yaml.MarkedYAMLError as error:
            line = mark + 1 + (error.problem_mark.line if error.problem_mark else 0)
            raise Refusal(f"this METADATA is not YAML: {error.problem}", place=f"{self.path}:{line}") from None
        if not isinstance(loaded, dict) or not isinstance(loaded.get("custom"), dict):
            return None
        if "id" not in loaded["custom"]:
            return None
        try:
            return msgspec.convert(loaded, _Card)
        except msgspec.ValidationError as error:
            raise Refusal(f"the METADATA card is malformed: {error}", place=f"{self.path}:{mark}") from None


def _check_rules(modules: Iterable[_Module], policies: Iterable[Policy]) -> None:
    """A rule has one card, whatever the number of its bodies, and a `deny` rule is never without."""
    cards: dict[str, Policy] = {}
    for policy in policies:
        if other := cards.get(policy.rule):
            raise Refusal(
                f"{policy.rule} has the card of {other.id} at {other.location}: keep one of them", place=policy.location
            )
        cards[policy.rule] = policy
    for module in modules:
        for rule in module.rules:
            if re.match(r"deny(_|$)", rule.name) and f"data.{module.package}.{rule.name}" not in cards:
                raise Refusal(
                    f"the rule {rule.name} has no METADATA with a title, custom.id and custom.severity above it,"
                    " and would never be asked",
                    place=f"{module.path}:{rule.line}",
                )


def _rule(rule: Mapping[str, Any]) -> _Rule:
    if default := rule.get("Default"):
        return _Rule(default["span"]["line"], "Default", _path(default["refr"]))
    ((form, head),) = rule["Spec"]["head"].items()
    return _Rule(rule["Spec"]["span"]["line"], form, _path(head["refr"]))


def _path(ref: Mapping[str, Any]) -> str:
    """`a.b` of an AST reference; what stands in brackets keeps them, and is no plain name."""
    ((form, node),) = ref.items()
    if form == "Var":
        return str(node["value"])
    if form == "RefDot":
        return f"{_path(node['refr'])}.{node['field'][1]}"
    return f"{_path(node['refr'])}[]"


def _complaint(error: Exception) -> str:
    """`tagging.rego:12:47: lower expects string argument`: the engine's message without its picture of the source."""
    place, message = _told(error)
    return f"{Path(place).name}: {message}" if place else message


def _told(error: Exception) -> tuple[str, str]:
    """(`file:line:column` or "", message) of what the engine raises."""
    text = str(error).split("Stack backtrace")[0].strip()
    place = re.search(r"--> (.+:\d+:\d+)", text)
    message = re.search(r"error: (.+)", text)
    return place[1] if place else "", (message[1] if message else text).replace("`", "")


class RuleTest(msgspec.Struct, frozen=True):
    """A `test_` rule, and how it went."""

    name: str
    """`data.keys_test.test_expiry`."""
    location: str
    """`file:line`."""
    failed: tuple[str, ...]
    """What did not hold, a line each; a table test names its rows. Empty when all of it held."""


def rule_tests(files: Sequence[Path]) -> list[RuleTest]:
    """Run the `test_` rules of a concern: its policies and its `*_test.rego` together, without any data."""
    engine = _engine(files)
    found = []
    for module in json.loads(engine.get_ast_as_json()):
        package = _path(module["ast"]["package"]["refr"])
        for name, rule in {rule.name: rule for rule in map(_rule, module["ast"]["rules"])}.items():
            # A table test has the names of its rows in brackets: test_expiry[day].
            plain = name.removesuffix("[]")
            if plain.startswith("test_") and rule.form != "Func":
                location = f"{module['source']['file']}:{rule.line}"
                path = f"data.{package}.{plain}"
                found.append(RuleTest(path, location, _failed(engine, path)))
    return found


def _failed(engine: regorus.Engine, path: str) -> tuple[str, ...]:
    try:
        outcome = json.loads(engine.eval_rule_as_json(path))
    except RuntimeError as error:
        return (_complaint(error),)
    if isinstance(outcome, dict) and outcome:
        return tuple(f"row {name!r} does not hold" for name, held in outcome.items() if held is not True)
    return () if outcome is True else ("it does not hold",)
