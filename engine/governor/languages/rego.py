"""Rego policies, evaluated inside this process: files and data in, one batch of answers out.

The engine (regorus) holds the GIL, panics when another thread uses it and cannot be pickled: one engine, one thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import regorus
import yaml

from governor.catalog import regions
from governor.errors import Refusal
from governor.languages import Source, failures
from governor.languages.workers import cores, spread
from governor.model import Answer, Inventory, Policy, Severity, Stage, Violation

_INPUT = msgspec.json.Encoder(decimal_format="number")
_FAILED = b"!"
WORTH_FORKING = 2_000
"""Resources from which on a second process saves more than it costs."""

_VIOLATIONS = msgspec.json.Decoder(list[Violation])


class _Custom(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    severity: Severity = "medium"
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
    """Parse the files and read the card of each policy. A file that does not parse is a Refusal."""
    engine = regorus.Engine()
    for source in sources:
        try:
            engine.add_policy(str(source.path), source.path.read_text("utf-8"))
        except (RuntimeError, UnicodeDecodeError) as error:
            raise _refusal(source.path, error) from None
    engine.add_data({"config": dict(config), "catalog": {"regions": regions.document()}})
    concerns = {str(source.path): source.concern for source in sources}
    policies = [policy for policy in _cards(engine, concerns) if keep(policy)]
    return RegoPolicies(engine, policies)


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
        raise PolicyError(f"its answer is not a set of {{resource, msg, attribute, details}}: {error}") from None


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


def _cards(engine: regorus.Engine, concerns: Mapping[str, str]) -> Iterator[Policy]:
    """Every rule whose METADATA carries an id. The AST has no annotations, so the block is read above the rule."""
    for module in json.loads(engine.get_ast_as_json()):
        path = module["source"]["file"]
        if path not in concerns:
            continue
        lines = module["source"]["contents"].splitlines()
        package = _path(module["ast"]["package"]["refr"])
        seen: set[str] = set()
        for rule in module["ast"]["rules"]:
            spec = rule.get("Spec")
            if spec is None:
                continue
            line = spec["span"]["line"]
            card = _card(lines, line, path)
            if card is None:
                continue
            (head,) = spec["head"].values()
            name = _path(head["refr"])
            if name in seen:
                raise Refusal(f"the rule {name} has two METADATA cards: keep the first", place=f"{path}:{line}")
            seen.add(name)
            yield Policy(
                id=card.custom.id,
                title=card.title,
                description=" ".join(card.description.split()),
                severity=card.custom.severity,
                concern=concerns[path],
                stages=card.custom.stages,
                kinds=card.custom.kinds,
                remediation=" ".join(card.custom.remediation.split()),
                references=card.custom.references,
                together=card.custom.together,
                language="rego",
                location=f"{path}:{line}",
                rule=f"data.{package}.{name}",
            )


def _card(lines: Sequence[str], rule_line: int, path: str) -> _Card | None:
    """The card in the comment block that ends just above a rule (lines count from 1)."""
    top = rule_line - 1
    while top > 0 and lines[top - 1].startswith("#"):
        top -= 1
    block = lines[top : rule_line - 1]
    marks = [number for number, text in enumerate(block) if text.strip() == "# METADATA"]
    if not marks:
        return None
    start = marks[-1] + 1
    text = "\n".join(re.sub("^# ?", "", line) for line in block[start:])
    place = f"{path}:{top + start + 1}"
    try:
        loaded = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        problem = str(getattr(error, "problem", error))
        raise Refusal(f"the METADATA card is not YAML ({problem})", place=place) from None
    if not isinstance(loaded, dict) or "id" not in (loaded.get("custom") or {}):
        return None
    try:
        return msgspec.convert(loaded, _Card)
    except msgspec.ValidationError as error:
        raise Refusal(f"the METADATA card is malformed: {error}", place=place) from None


def _path(ref: Mapping[str, Any]) -> str:
    """`a.b["c"]` of an AST reference, as `a.b.c`."""
    ((form, node),) = ref.items()
    if form == "Var":
        return str(node["value"])
    if form == "RefDot":
        return (
            f"{_path(node['refr'])}.{node['field'][1] if isinstance(node['field'], list) else node['field']['value']}"
        )
    raise Refusal("a policy's rule needs a plain name")


def _complaint(error: Exception) -> str:
    """The engine's message without its picture of the source: `tagging.rego:12:47: lower expects string argument`."""
    text = str(error).split("Stack backtrace")[0].strip()
    place = re.search(r"--> (.+:\d+:\d+)", text)
    message = re.search(r"error: (.+)", text)
    if place and message:
        return f"{Path(place[1]).name.rsplit('/', 1)[-1]}: {message[1].replace('`', '')}"
    return text.splitlines()[-1] if text else "the engine gave no reason"


def _refusal(path: Path, error: Exception) -> Refusal:
    text = str(error).split("Stack backtrace")[0]
    place = re.search(r"--> (.+:\d+:\d+)", text)
    message = re.search(r"error: (.+)", text)
    return Refusal(
        f"this Rego does not parse: {message[1] if message else text.strip()}", place=place[1] if place else str(path)
    )
