"""Rego written for conftest, asked about the plan as Terraform wrote it: folders in, one batch of answers out.

Rules named `deny`, `warn` and `violation`, with or without a suffix, are the policies, in whatever package they stand;
what conftest gives them, they find here: the plan as `input`, the folder's data as `data`, and `exception`.
https://www.conftest.dev says what it does; docs/conftest-migration.md, what is different here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from textwrap import shorten
from typing import Any

import msgspec
import regorus

from governor import yamlfile
from governor.errors import Refusal
from governor.judge import Blotter
from governor.languages.rego import (
    METADATA,
    PolicyError,
    Rule,
    RuleTest,
    ask,
    dotted,
    json_of,
    metadata,
    rule_of,
    run_tests,
    told,
)
from governor.model import Answer, Failure, Inventory, Policy, Violation
from governor.workers import WORTH_FORKING, cores, spread

PLAN = "plan"
"""The resource of a finding that names none: the plan as a whole."""

_POLICY = re.compile(r"(deny|violation|warn)((?:_[a-zA-Z0-9]+)*)")
"""The names that conftest asks."""
_UNDEFINED = "<undefined>"
V0_ONLY = "keyword is required"
"""In what the parser of Rego v1 says of a rule without `if`, which is Rego v0."""
_PLAN_KEYS = {
    "action_invocations", "applyable", "checks", "complete", "configuration", "deferred_action_invocations",
    "deferred_changes", "errored", "format_version", "output_changes", "planned_values", "prior_state",
    "proposed_unknown", "provider_schemas", "relevant_attributes", "resource_changes", "resource_drift",
    "terraform_version", "timestamp", "variables",
}  # fmt: skip
"""What a plan may hold: https://developer.hashicorp.com/terraform/internals/json-format"""
_LIMITS = {"max_col": 100_000, "max_file_bytes": 10_000_000, "max_lines": 200_000}
"""A line may be long: OPA has no such limits."""

_REFUSED = {
    "http.send": "no policy is given the network: put what it would fetch into the folder's data",
    "opa.runtime": "no policy is given the environment: put what it would read into the folder's data",
    "parse_config": "it is conftest's own: put what it would parse into the folder's data",
    "parse_config_file": "it is conftest's own, and input is the plan alone: put the file into the folder's data",
    "parse_combined_config_files": "it is conftest's own, and input is the plan alone: put the files into its data",
}
"""Functions that would be undefined, and their rules silent, or that only conftest has; and what to do."""


def load(folders: Sequence[Path], keep: Callable[[Policy], bool]) -> RawPolicies:
    """Parse the folders together, as conftest does: a package may be spread over them.

    Refuses a file that parses neither as Rego v1 nor as v0, a function that nothing defines, a policy that makes an
    object of its messages, data that stands where a rule does, and a folder without any policy.
    """
    concerns: dict[str, str] = {}
    for folder in folders:
        for file in _files(folder):
            concerns.setdefault(str(file), folder.resolve().name)
    engine, modules = _engine(folders, list(map(Path, concerns)))
    policies = list(_policies(modules, concerns))
    asked = {module.file for module in modules if any(map(_is_policy, module.rules))}
    for folder in folders:
        if not any(str(file) in asked for file in _files(folder)):
            raise Refusal("no rule in this folder is named deny, warn or violation", place=str(folder))
    excepting = {module.package for module in modules if any(rule.name == "exception" for rule in module.rules)}
    reads: dict[str, str] = {}
    for path, place in (read for module in modules for read in module.reads()):
        reads.setdefault(path, place)
    return RawPolicies(engine, [policy for policy in policies if keep(policy)], excepting, reads)


def rule_tests(folder: Path) -> list[RuleTest]:
    """Run the `test_` rules of a folder, its data included."""
    engine, _ = _engine([folder], _files(folder, tests=True))
    with _silence():
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
        with _silence():
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


# Reading the folders


class _Module:
    """One parsed file."""

    def __init__(self, module: Mapping[str, Any]) -> None:
        self.file = module["source"]["file"]
        self.lines = module["source"]["contents"].split("\n")
        self.ast = module["ast"]
        self.start = self.ast["package"]["span"]["line"]
        self.names = _names(self.ast["package"]["refr"])
        self.package = "data" + "".join(f".{n}" if re.fullmatch(r"[^\W\d]\w*", n) else f'["{n}"]' for n in self.names)
        self.rules = [rule_of(rule) for rule in self.ast["rules"]]

    def imports(self) -> Iterator[tuple[str, str]]:
        """(name, what it stands for) of `import data.lib` and `import data.lib as name`."""
        text = "\n".join(self.lines).encode()
        for node in self.ast["imports"]:
            path = dotted(node["refr"])
            renamed = node.get("as")
            yield text[renamed["start"] : renamed["end"]].decode() if renamed else path.rpartition(".")[2], path

    def reads(self) -> Iterator[tuple[str, str]]:
        """(`input.key`, `file:line`) of what is read of the input, or of what an import calls it."""
        names = {"input", *(name for name, path in self.imports() if path == "input")}
        for node in _nodes(self.ast):
            if "RefDot" not in node:
                continue
            of, (span, key) = node["RefDot"]["refr"], node["RefDot"]["field"]
            place = f"{self.file}:{span['line']}"
            if _variable(of) in names:
                yield f"input.{key}", place
            elif key == "contents" and "RefBrack" in of and _variable(of["RefBrack"]["refr"]) in names:
                yield "input[_].contents", place

    def cards(self) -> Iterator[tuple[Rule, Mapping[str, Any]]]:
        """The METADATA of rules. A block belongs to the statement that follows it."""
        for number, text in enumerate(self.lines, start=1):
            if number > self.start and METADATA.fullmatch(text):
                card = metadata(self.lines, number, self.file)
                rule = next((rule for rule in self.rules if rule.line > number), None)
                if rule and isinstance(card, dict):
                    yield rule, card


def _files(folder: Path, *, tests: bool = False) -> list[Path]:
    if folder.is_file():
        raise Refusal("this is a file: name the folder it lies in", place=str(folder))
    if not folder.is_dir():
        raise Refusal("no such folder of policies", place=str(folder))
    return [file for file in sorted(folder.rglob("*.rego")) if tests or not file.stem.endswith("_test")]


def _engine(folders: Sequence[Path], files: Sequence[Path]) -> tuple[regorus.Engine, list[_Module]]:
    engine = regorus.Engine()
    engine.set_policy_length_config(**_LIMITS)
    own = extend(engine)
    for file in {file.resolve(): file for file in files}.values():
        _add(engine, file)
    modules = [_Module(module) for module in json.loads(engine.get_ast_as_json())]
    _check_functions(modules, own)
    for folder in folders:
        for file in _data_files(folder):
            _add_data(engine, file, modules)
    return engine, modules


def _add(engine: regorus.Engine, file: Path) -> None:
    """Parse a file as Rego v1, or else as v0: what the one refuses, `deny[msg] { … }`, the other wants."""
    text = yamlfile.read_text(file)
    complaints = []
    for old in (False, True):
        engine.set_rego_v0(old)
        try:
            with _silence():
                engine.add_policy(str(file), text)
            return
        except RuntimeError as error:
            complaints.append(told(error))
            if V0_ONLY not in complaints[0][1]:
                break
    # The language that the file is written in is the one that got further.
    place, message = max(complaints, key=lambda complaint: _position(complaint[0]))
    raise Refusal(f"this Rego does not parse: {message}", place=place or str(file)) from None


def syntax(file: Path) -> dict[str, Any]:
    """The syntax tree of one file; see `rego.syntax`."""
    engine = regorus.Engine()
    engine.set_policy_length_config(**_LIMITS)
    _add(engine, file)
    (tree,) = json.loads(engine.get_ast_as_json())
    return dict(tree)


@contextmanager
def _silence() -> Iterator[None]:
    """The engine warns of v0's habits on the process's own error stream, and prints there what policies print."""
    try:
        kept = os.dup(2)
    except OSError:  # closed
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _position(place: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"(?<=:)\d+", place)[-2:]))


def _data_files(folder: Path) -> list[Path]:
    """`data.yaml`, `.yml` or `.json` of the folder, and all such files below its `data/`."""
    return sorted(
        file
        for suffix in ("yaml", "yml", "json")
        for file in (folder / f"data.{suffix}", *(folder / "data").rglob(f"*.{suffix}"))
        if file.is_file()
    )


def _add_data(engine: regorus.Engine, file: Path, modules: Sequence[_Module]) -> None:
    """Lay a file of data below `data`, at its root: neither conftest nor this looks at its name."""
    if file.suffix == ".json":
        try:
            document = json.loads(yamlfile.read_text(file))
        except json.JSONDecodeError as error:
            raise Refusal(f"this is not JSON: {error.msg}", place=f"{file}:{error.lineno}") from None
    else:
        document = yamlfile.read(file)
    if not isinstance(document, dict):
        raise Refusal("data for policies is a mapping: write `name: value`", place=str(file))
    for module in modules:
        for rule in module.rules:
            if _holds(document, [*module.names, *rule.name.split(".")]):
                raise Refusal(
                    f"data lies where the rule {rule.name} of {module.file}:{rule.line} stands: rename one of them",
                    place=str(file),
                )
    try:
        engine.add_data_json(json.dumps(document))
    except RuntimeError as error:
        raise Refusal(f"this data does not go with that of another file: {told(error)[1]}", place=str(file)) from None


def _holds(document: Any, path: Sequence[str]) -> bool:
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return True


def _is_policy(rule: Rule) -> bool:
    """Whether conftest would ask it."""
    return rule.form != "Func" and _POLICY.fullmatch(rule.name.removesuffix("[]")) is not None


def _policies(modules: Sequence[_Module], concerns: Mapping[str, str]) -> Iterator[Policy]:
    """A policy for each rule that conftest would ask, by id. Its bodies may stand in several files."""
    found: dict[str, list[tuple[_Module, Rule]]] = {}
    for module in sorted(modules, key=lambda module: module.file):
        for rule in module.rules:
            if _is_policy(rule):
                if rule.name.endswith("[]"):
                    name = rule.name.removesuffix("[]")
                    raise Refusal(
                        f"{name} makes an object of its messages, which conftest takes for a pass:"
                        f" write `{name} contains msg if …`",
                        place=f"{module.file}:{rule.line}",
                    )
                found.setdefault(f"{module.package}.{rule.name}", []).append((module, rule))
    for path, bodies in sorted(found.items()):
        module, first = bodies[0]
        card = _card(module, first, alone=sum(rule.form != "Default" for _, rule in bodies) == 1)
        yield Policy(
            id=".".join((*module.names, first.name)),
            title=card.get("title") or _title(first.name, ".".join(module.names)),
            description=" ".join(card.get("description", "").split()),
            severity="medium" if first.name.startswith("warn") else "high",
            concern=concerns[module.file],
            stages=("plan",),
            language="rego",
            location=f"{module.file}:{first.line}",
            rule=path,
        )


def _title(rule: str, package: str) -> str:
    match = _POLICY.fullmatch(rule)
    assert match
    return match[2].replace("_", " ").strip().capitalize() or f"The {rule} rules of {package}"


def _card(module: _Module, rule: Rule, *, alone: bool) -> dict[str, str]:
    """Title and description of a rule: of its one body, or of the document that several make."""
    for owner, card in module.cards():
        if owner.name == rule.name and (alone or card.get("scope") == "document"):
            return {name: card[name] for name in ("title", "description") if isinstance(card.get(name), str)}
    return {}


def _variable(ref: Mapping[str, Any]) -> str:
    """The name of a reference that is a variable and no more, or ""."""
    return str(ref["Var"]["value"]) if "Var" in ref else ""


def _names(ref: Mapping[str, Any]) -> list[str]:
    """The steps of a package: `a["b-c"].d`."""
    ((form, node),) = ref.items()
    if form == "Var":
        return [node["value"]]
    step = node["field"][1] if form == "RefDot" else node["index"]["String"]["value"]
    return [*_names(node["refr"]), step]


# Functions


def extend(engine: regorus.Engine) -> set[str]:
    """Add the functions of Rego v0 that the engine lacks; gives their names."""
    regex = regorus.Engine()
    regex.add_policy("re_match", "package re\n\nmatch := regex.match(input.pattern, input.value)\n")

    def re_match(pattern: Any, value: Any) -> Any:
        regex.set_input({"pattern": pattern, "value": value})
        return regex.eval_rule("data.re.match")

    functions: dict[str, tuple[int, Callable[..., Any]]] = {
        "re_match": (2, re_match),
        "any": (1, lambda values: any(value is True for value in values)),
        "all": (1, lambda values: all(value is True for value in values)),
        "set_diff": (2, lambda one, other: one - other),
    }
    for name, (arguments, function) in functions.items():
        engine.add_extension(name, arguments, function)
    return set(functions)


def _check_functions(modules: Sequence[_Module], own: set[str]) -> None:
    """Refuse a call of what nothing defines. The engine would only notice when, and if, it came to evaluate it."""
    runtime = json.loads(regorus.Engine().eval_query_as_json("opa.runtime().builtins"))
    known = {*runtime["result"][0]["expressions"][0]["value"], "print", *own} - _REFUSED.keys()
    known |= {f"{module.package}.{rule.name}" for module in modules for rule in module.rules if rule.form == "Func"}
    for module in modules:
        aliases = dict(module.imports())
        for name, line in _calls(module.ast["rules"]):
            head, dot, rest = name.partition(".")
            meant = {name, f"{module.package}.{name}", f"{aliases.get(head, head)}{dot}{rest}"}
            if not meant & known:
                why = _REFUSED.get(name) or "neither these files nor the engine define it"
                raise Refusal(f"the function {name} cannot be called: {why}", place=f"{module.file}:{line}")


def _calls(ast: Any) -> Iterator[tuple[str, int]]:
    """(function, line) of every call in a part of the AST. A function chosen by a variable has no name."""
    for node in _nodes(ast):
        if "Call" in node and "[]" not in (name := dotted(node["Call"]["fcn"])):
            yield name, node["Call"]["span"]["line"]


def _nodes(ast: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a part of the AST, outer ones first."""
    if isinstance(ast, dict):
        yield ast
    if isinstance(ast, (dict, list)):
        for inner in ast.values() if isinstance(ast, dict) else ast:
            yield from _nodes(inner)
