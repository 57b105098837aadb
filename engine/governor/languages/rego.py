"""Rego policies, evaluated inside this process: files and data in, one batch of answers out.

The engine (regorus) holds the GIL, panics when another thread uses it and cannot be pickled: one engine, one thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import regorus
import yaml

from governor.catalog import regions
from governor.errors import Refusal
from governor.languages import Passage, Source, SourceLine, failures
from governor.languages.rego_source import Body, bodies, facts_named, reached
from governor.model import Answer, Inventory, Policy, Resource, Severity, Stage, Violation
from governor.workers import WORTH_FORKING, cores, spread
from governor.yamlfile import Loader, read_text

_INPUT = msgspec.json.Encoder(decimal_format="number")
_FAILED = b"!"
METADATA = re.compile(r"#\s*METADATA\s*")
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
    engine = _engine([source.path for source in sources], trace=trace)
    engine.add_data({"config": dict(config), "catalog": {"regions": regions.document()}})
    concerns = {str(source.path): source.concern for source in sources}
    modules = [Module(module, concerns) for module in json.loads(engine.get_ast_as_json())]
    policies = [policy for module in modules for policy in module.policies()]
    _check_rules(modules, policies)
    return RegoPolicies(engine, [policy for policy in policies if keep(policy)])


def _engine(files: Sequence[Path], *, trace: bool = False) -> regorus.Engine:
    """An engine that holds the files."""
    engine = regorus.Engine()
    engine.set_enable_coverage(trace)
    for file in files:
        try:
            engine.add_policy(str(file), read_text(file))
        except RuntimeError as error:
            place, message = told(error)
            raise Refusal(f"this Rego does not parse: {message}", place=place or str(file)) from None
    return engine


def syntax(files: Sequence[Path]) -> list[dict[str, Any]]:
    """The syntax tree of each file, with its source; `start` and `end` of a span count bytes."""
    trees: list[dict[str, Any]] = json.loads(_engine(files).get_ast_as_json())
    return trees


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
        return _lines(self._engine)

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
            report = json.loads(self._engine.get_coverage_report_as_json())
        finally:
            self._engine.set_enable_coverage(False)
        files = {file["path"]: file for file in report["files"]}
        found = []
        for body in self._reached(policy):
            file = files[body.file]
            ran = dict.fromkeys(file["not_covered"], False) | dict.fromkeys(file["covered"], True)
            written = file["code"].split("\n")
            lines = tuple(SourceLine(n, written[n - 1], ran.get(n)) for n in range(body.first, body.last + 1))
            found.append(Passage(body.file, lines, helper=body.path != policy.rule))
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


class PolicyError(Exception):
    """A policy that could not be evaluated."""


def ask(engine: regorus.Engine, rule: str) -> bytes:
    """The answer of a rule as JSON, or what went wrong after a mark that no JSON begins with: see `json_of`."""
    try:
        return str(engine.eval_rule_as_json(rule)).encode()
    except RuntimeError as error:
        return _FAILED + _complaint(error).encode()


def json_of(answer: bytes) -> bytes:
    """The JSON that a rule answered. Raises PolicyError when it failed."""
    if answer.startswith(_FAILED):
        raise PolicyError(answer.removeprefix(_FAILED).decode())
    return answer


def _violations(answer: bytes) -> list[Violation]:
    try:
        return _VIOLATIONS.decode(json_of(answer))
    except msgspec.ValidationError as error:
        raise PolicyError(f"its answer is not a set of {{resource, msg, attribute, details}}: {error}") from None


class Document(msgspec.Struct, frozen=True):
    """The `input` of every policy."""

    stage: Stage
    today: date
    """The only clock."""
    resources: Sequence[Resource]
    spend: Sequence[dict[str, Any]]
    """Facts of actual cost per scope."""


def document(inventory: Inventory, today: date) -> str:
    """The `input` of every policy, as JSON. Money is numbers."""
    return _INPUT.encode(Document(inventory.stage, today, inventory.resources, inventory.spend)).decode()


class Rule(msgspec.Struct, frozen=True):
    line: int
    """From 1."""
    form: str
    """Set, Compr, Func or Default, as the AST calls it."""
    name: str


class Module:
    """One file of Rego, as far as cards go."""

    def __init__(self, module: Mapping[str, Any], concerns: Mapping[str, str]) -> None:
        self.path = module["source"]["file"]
        self.concern = concerns[self.path]
        # As the engine counts: str.splitlines() would also end a line at a form feed or U+2028.
        self.lines = module["source"]["contents"].split("\n")
        package = module["ast"]["package"]
        self.start = package["span"]["line"]
        self.package = dotted(package["refr"])
        if self.package.split(".")[0] != self.concern:
            raise Refusal(
                f"the package {self.package} lies in the folder {self.concern}: write `package {self.concern}`",
                place=f"{self.path}:{self.start}",
            )
        self.rules = [rule_of(rule) for rule in module["ast"]["rules"]]

    def policies(self) -> Iterator[Policy]:
        """Every rule whose METADATA carries an id. The AST has no annotations: they are read from the comments."""
        for mark in self.marks():
            if policy := self.policy(mark):
                yield policy

    def marks(self) -> Iterator[int]:
        """The lines that begin a METADATA block.

        As in OPA, a block starts in the first column, ends at the first line that is no comment, and belongs to the
        statement that follows: https://www.openpolicyagent.org/docs/policy-language#annotations.
        """
        return (number for number, text in enumerate(self.lines, start=1) if METADATA.fullmatch(text))

    def policy(self, mark: int) -> Policy | None:
        """The policy whose card begins there, or None when the block carries no id."""
        card = self._card(mark)
        if card is None:
            return None
        rule = next((rule for rule in self.rules if rule.line > mark > self.start), None)
        if rule is None:
            raise Refusal(
                f"the card of {card.custom.id} stands above no rule: move it there", place=f"{self.path}:{mark}"
            )
        if rule.form != "Set" or not re.fullmatch(r"[\w.]+", rule.name):
            raise Refusal(
                f"{card.custom.id} is no policy: write it as `deny_something contains violation if …`",
                place=f"{self.path}:{rule.line}",
            )
        return Policy(
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
        loaded = metadata(self.lines, mark, self.path)
        if not isinstance(loaded, dict) or not isinstance(loaded.get("custom"), dict):
            return None
        if "id" not in loaded["custom"]:
            return None
        try:
            return msgspec.convert(loaded, _Card)
        except msgspec.ValidationError as error:
            raise Refusal(f"the METADATA card is malformed: {error}", place=f"{self.path}:{mark}") from None


def metadata(lines: Sequence[str], mark: int, path: str) -> Any:
    """What the comments below a METADATA mark, the line `mark` from 1 of the file, hold as YAML."""
    block = list(takewhile(lambda line: line.startswith("#"), lines[mark:]))
    text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in block)
    try:
        return yaml.load(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        line = mark + 1 + (error.problem_mark.line if error.problem_mark else 0)
        raise Refusal(f"this METADATA is not YAML: {error.problem}", place=f"{path}:{line}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = str(error).splitlines()[0] if str(error) else "it is nested too deeply"
        raise Refusal(f"this METADATA is not YAML: {problem}", place=f"{path}:{mark}") from None


def _check_rules(modules: Iterable[Module], policies: Iterable[Policy]) -> None:
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


def rule_of(rule: Mapping[str, Any]) -> Rule:
    if default := rule.get("Default"):
        return Rule(default["span"]["line"], "Default", dotted(default["refr"]))
    ((form, head),) = rule["Spec"]["head"].items()
    return Rule(rule["Spec"]["span"]["line"], form, dotted(head["refr"]))


def dotted(ref: Mapping[str, Any]) -> str:
    """`a.b` of an AST reference; what stands in brackets keeps them, and is no plain name."""
    ((form, node),) = ref.items()
    if form == "Var":
        return str(node["value"])
    if form == "RefDot":
        return f"{dotted(node['refr'])}.{node['field'][1]}"
    return f"{dotted(node['refr'])}[]"


def _complaint(error: Exception) -> str:
    """`tagging.rego:12:47: lower expects string argument`: the engine's message without its picture of the source."""
    place, message = told(error)
    return f"{Path(place).name}: {message}" if place else message


def told(error: Exception) -> tuple[str, str]:
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


def rule_tests(files: Sequence[Path], *, trace: bool = False) -> tuple[list[RuleTest], dict[str, Lines]]:
    """Run the `test_` rules of a concern: its policies and its `*_test.rego` together, without any data.

    With `trace`, the lines that ran are told, too.
    """
    engine = _engine(files, trace=trace)
    return run_tests(engine), _lines(engine)


def run_tests(engine: regorus.Engine) -> list[RuleTest]:
    """Run the `test_` rules of the files that an engine holds."""
    found = []
    for module in json.loads(engine.get_ast_as_json()):
        package = dotted(module["ast"]["package"]["refr"])
        for name, rule in {rule.name: rule for rule in map(rule_of, module["ast"]["rules"])}.items():
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


Lines = tuple[frozenset[int], frozenset[int]]
"""Lines that ran, and lines that hold code and did not."""


def code_lines(files: Sequence[Path]) -> dict[str, Lines]:
    """The lines of files that hold code. The engine tells of those only that it was asked about."""
    engine = _engine(files, trace=True)
    for package in {dotted(module["ast"]["package"]["refr"]) for module in json.loads(engine.get_ast_as_json())}:
        with suppress(RuntimeError):
            engine.eval_query_as_json(f"data.{package}")
    return _lines(engine)


def _lines(engine: regorus.Engine) -> dict[str, Lines]:
    files = json.loads(engine.get_coverage_report_as_json())["files"]
    return {file["path"]: (frozenset(file["covered"]), frozenset(file["not_covered"])) for file in files}
