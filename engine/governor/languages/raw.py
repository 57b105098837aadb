"""Rego written for conftest, asked about the plan as Terraform wrote it: folders in, one batch of answers out.

Rules named `deny`, `warn` and `violation`, with or without a suffix, are the policies, in whatever package they stand;
what conftest gives them, they find here: the plan as `input`, the folder's data as `data`, and `exception`.
https://www.conftest.dev says what it does; docs/conftest-migration.md, what is different here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from textwrap import shorten
from typing import Any

import msgspec
import regorus

from governor.errors import Refusal
from governor.judge import Blotter
from governor.languages import raw_folders
from governor.languages.raw_folders import files, is_policy, silence
from governor.languages.rego_engine import PolicyError, ask, json_of, told
from governor.languages.rego_tests import RuleTest, run_tests
from governor.model import Answer, Failure, Inventory, Policy, Violation
from governor.workers import WORTH_FORKING, cores, spread

PLAN = "plan"
"""The resource of a finding that names none: the plan as a whole."""

_UNDEFINED = "<undefined>"
_PLAN_KEYS = {
    "action_invocations", "applyable", "checks", "complete", "configuration", "deferred_action_invocations",
    "deferred_changes", "errored", "format_version", "output_changes", "planned_values", "prior_state",
    "proposed_unknown", "provider_schemas", "relevant_attributes", "resource_changes", "resource_drift",
    "terraform_version", "timestamp", "variables",
}  # fmt: skip
"""What a plan may hold: https://developer.hashicorp.com/terraform/internals/json-format"""


def load(folders: Sequence[Path], keep: Callable[[Policy], bool]) -> RawPolicies:
    """Parse the folders together, as conftest does: a package may be spread over them.

    Refuses a file that parses neither as Rego v1 nor as v0, a function that nothing defines, a policy that makes an
    object of its messages, data that stands where a rule does, and a folder without any policy.
    """
    concerns: dict[str, str] = {}
    for folder in folders:
        for file in files(folder):
            concerns.setdefault(str(file), folder.resolve().name)
    engine, modules = raw_folders.engine(folders, list(map(Path, concerns)))
    policies = list(raw_folders.policies(modules, concerns))
    asked = {module.file for module in modules if any(map(is_policy, module.rules))}
    for folder in folders:
        if not any(str(file) in asked for file in files(folder)):
            raise Refusal("no rule in this folder is named deny, warn or violation", place=str(folder))
    excepting = {module.package for module in modules if any(rule.name == "exception" for rule in module.rules)}
    reads: dict[str, str] = {}
    for path, place in (read for module in modules for read in module.reads()):
        reads.setdefault(path, place)
    return RawPolicies(engine, [policy for policy in policies if keep(policy)], excepting, reads)


def rule_tests(folder: Path) -> list[RuleTest]:
    """Run the `test_` rules of a folder, its data included."""
    engine, _ = raw_folders.engine([folder], files(folder, tests=True))
    with silence():
        return run_tests(engine)


class RawPolicies:
    """An `Evaluator`."""

    def __init__(
        self, engine: regorus.Engine, policies: Sequence[Policy], excepting: set[str], reads: Mapping[str, str]
    ) -> None:
        """`excepting` are packages with exceptions; `reads` says where each part of the input is read."""
        self.policies = policies
        self._engine = engine
        self._excepting = excepting
        self._reads = reads

    def evaluate(self, inventory: Inventory, today: date) -> Iterator[Answer]:
        """See `Evaluator`. The clock that the policies read is that of the machine."""
        if not self.policies:
            return
        if complaint := self._give(inventory.document):
            yield from (Answer(policy, (), [Failure(policy.id, "", complaint)]) for policy in self.policies)
            return
        rules = [policy.rule for policy in self.policies]
        rules += [f"{package}.exception" for package in sorted(self._excepting)]
        workers = cores() if len(inventory.resources) >= WORTH_FORKING else 1
        with silence():
            answered = spread(lambda number: ask(self._engine, rules[number]), len(rules), workers)
        answers = dict(zip(rules, answered, strict=True))
        said = _Said(inventory)
        notes = self._reads_amiss(inventory.document)
        for policy in self.policies:
            package, _, rule = policy.rule.rpartition(".")
            try:
                violations = said.violations(answers[policy.rule])
                if violations and package in self._excepting and _excepted(answers[f"{package}.exception"], rule):
                    notes.append(
                        f"{policy.id}: an exception of its package leaves out {len(violations)} of its findings"
                    )
                    violations = []
                yield Answer(policy, violations, notes=notes)
            except PolicyError as error:
                yield Answer(policy, (), [Failure(policy.id, "", _without_values(str(error)))], notes)
            notes = []

    def _reads_amiss(self, document: bytes) -> list[str]:
        """What is read and in no plan, such as the `resource` of HCL: a rule that does finds nothing, and is silent."""
        held = msgspec.json.decode(document, type=dict[str, msgspec.Raw]).keys()
        return [
            f"{place}: it reads {path}, which a plan has not, and finds nothing there:"
            " was it written for HCL files, for --combine, or for another tool?"
            for path, place in sorted(self._reads.items())
            if path.removeprefix("input.") not in held | _PLAN_KEYS
        ]

    def _give(self, document: bytes) -> str:
        """Hand the plan to the engine; what is wrong with it, or ""."""
        if not document:
            return "it reads the plan as Terraform wrote it, and this input is none"
        try:
            self._engine.set_input_json(document.decode())
        except (RuntimeError, UnicodeDecodeError) as error:
            return f"the plan cannot be given to Rego: {told(error)[1]}"
        return ""


class _Said:
    """What rules said of one plan, as violations."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._blot = Blotter(inventory.secrets)

    def violations(self, answer: bytes) -> list[Violation]:
        """Those of one rule. conftest takes what is no set of messages for a pass; here it is an error."""
        value = json.loads(json_of(answer))
        if value is False or value == _UNDEFINED:
            return []
        if not isinstance(value, list):
            raise PolicyError(f"its answer is {_kind(value)}, not a set of messages: write `deny contains msg if …`")
        return [self._violation(item) for item in value]

    def _violation(self, item: Any) -> Violation:
        details = item if isinstance(item, dict) else {"msg": item}
        msg = details.get("msg")
        if not isinstance(msg, str):
            raise PolicyError(f"it says {_kind(item)}: a message is text, or an object with a msg that is")
        if not msg.strip():
            raise PolicyError("one of its messages is empty, which conftest takes for a pass")
        details = {name: value for name, value in details.items() if name != "msg"}
        if isinstance(inner := details.get("details"), dict):
            details = {**inner, **{name: value for name, value in details.items() if name != "details"}}
        return Violation(self._resource(msg, details), msg, self._attribute(msg, details), details)

    def _resource(self, msg: str, details: Mapping[str, Any]) -> str:
        """The one resource that the finding names, in a field or in its message; else the plan."""
        for name in ("resource", "address"):
            if isinstance(value := details.get(name), str) and value in self._addresses:
                return value
        named = addresses_in(msg, self._addresses)
        return named.pop() if len(named) == 1 else PLAN

    def _attribute(self, msg: str, details: Mapping[str, Any]) -> str:
        """What tells one finding of a rule from another: a digest of all it says, secrets blotted out first."""
        said = json.dumps([self._blot.text(msg), self._blot.value(details)], sort_keys=True)
        return f"message:{blake2b(said.encode(), digest_size=8).hexdigest()}"

    @cached_property
    def _addresses(self) -> set[str]:
        """Of every resource in the plan, those outside the catalogue and those that go included."""
        found = {resource.id for resource in self._inventory.resources}
        try:
            changes = _CHANGES.decode(self._inventory.document).resource_changes
        except msgspec.ValidationError:
            return found  # a plan that is not quite as Terraform writes it
        return found | {change.address for change in changes}


class _Change(msgspec.Struct):
    address: str


class _Changes(msgspec.Struct):
    resource_changes: list[_Change] = []


_CHANGES = msgspec.json.Decoder(_Changes)

_INDEX = r"""(?:\[(?:\d++|"(?:[^"\\]|\\.)*+")\])?+"""
_STEP = rf"[^\W\d][\w-]*+{_INDEX}"
_ADDRESS = re.compile(rf"(?<![\w.-])(?>{_STEP}(?:\.{_STEP})++)(?!\[)")
_STEPS = re.compile(rf"\.?{_STEP}")


def addresses_in(text: str, known: set[str]) -> set[str]:
    """Which of the known addresses a text names, each as a whole: `aws_s3_bucket.a` is not in `aws_s3_bucket.a-b`.

    What follows an address after a dot is an attribute: `aws_s3_bucket.a.acl` names the bucket.
    """
    # %q and lists write the quotes of an index with a backslash.
    named = {_known(match[0], known) for form in {text, text.replace('\\"', '"')} for match in _ADDRESS.finditer(form)}
    return named - {""}


def _known(token: str, known: set[str]) -> str:
    """The longest known address that a token begins with, or ""."""
    ends = [match.end() for match in _STEPS.finditer(token)]
    return next((token[:end] for end in reversed(ends) if token[:end] in known), "")


def _excepted(answer: bytes, rule: str) -> bool:
    """Whether the exceptions of a package list a rule: by its suffix; `deny` alone as "" or by its name."""
    value = json.loads(json_of(answer))
    suffix = re.sub("^(?:violation|deny|warn)_", "", rule)
    names = {suffix, ""} if suffix == rule else {suffix}
    return any(name in names for listed in _items(value) for name in _items(listed) if isinstance(name, str))


def _items(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()


def _without_values(complaint: str) -> str:
    """The engine quotes what it was given, the whole plan if need be: escaped, so that no secret in it is blotted."""
    kinds = {'"': "text", "[": "a list", "{": "an object or a set"}
    told = re.sub(r"Got ([\[{\"]).*", lambda match: f"Got {kinds[match[1]]} instead", complaint, flags=re.DOTALL)
    return shorten(told, 300, placeholder=" …")


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    kinds: dict[type, str] = {str: "text", dict: "an object", list: "a list"}
    return kinds.get(type(value), "a number")
