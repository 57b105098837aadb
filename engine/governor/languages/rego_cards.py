"""The cards of Rego policies: the syntax tree of a file and its METADATA comments in, policies out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

import msgspec
import yaml

from governor.errors import Refusal
from governor.model import Each, Policy, Severity, Stage
from governor.yamlfile import Loader

METADATA = re.compile(r"#\s*METADATA\s*")


class _Custom(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    severity: Severity
    kinds: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    remediation: str = ""
    references: tuple[str, ...] = ()
    together: str = ""
    each: Each = ""


class _Card(msgspec.Struct):
    title: str
    custom: _Custom
    description: str = ""


class Rule(msgspec.Struct, frozen=True):
    """The head of a rule."""

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
            each=card.custom.each,
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


def check_rules(modules: Iterable[Module], policies: Iterable[Policy]) -> None:
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
    """The head of a rule of the tree."""
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
