"""Folders of Rego written for conftest: their files, in Rego v1 or v0, and data in; an engine and its policies out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import regorus

from governor import yamlfile
from governor.errors import Refusal
from governor.languages.rego_cards import METADATA, Rule, metadata, rule_of
from governor.languages.rego_engine import told
from governor.languages.rego_tree import called, imports, ref, walk
from governor.model import Policy

_POLICY = re.compile(r"(deny|violation|warn)((?:_[a-zA-Z0-9]+)*)")
"""The names that conftest asks."""
V0_ONLY = "keyword is required"
"""In what the parser of Rego v1 says of a rule without `if`, which is Rego v0."""
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


class Module:
    """One parsed file."""

    def __init__(self, module: Mapping[str, Any]) -> None:
        self.file = module["source"]["file"]
        self.lines = module["source"]["contents"].split("\n")
        self._written = module["source"]["contents"].encode()
        self.ast = module["ast"]
        self.start = self.ast["package"]["span"]["line"]
        self.names = [str(step) for step in ref(self.ast["package"]["refr"]).path]
        self.package = "data" + "".join(f".{n}" if re.fullmatch(r"[^\W\d]\w*", n) else f'["{n}"]' for n in self.names)
        self.rules = [rule_of(rule) for rule in self.ast["rules"]]
        self.aliases = {found.name: ".".join(step or "[]" for step in found.path) for found in imports(module)}
        """Name → what an import says it stands for."""

    def reads(self) -> Iterator[tuple[str, str]]:
        """(`input.key`, `file:line`) of what is read of the input, or of what an import calls it."""
        names = {"input", *(name for name, path in self.aliases.items() if path == "input")}
        for kind, found in walk(self.ast["rules"]):
            if kind == "Ref" and found.path[0] in names and len(found.path) > 1:
                if found.path[1]:
                    yield f"input.{found.path[1]}", self._place(found.start)
                elif found.path[2:3] == ("contents",):
                    yield "input[_].contents", self._place(found.start)

    def calls(self) -> Iterator[tuple[str, str]]:
        """(function, `file:line`) of every call. A function chosen by a variable has no name."""
        for kind, node in walk(self.ast["rules"]):
            if kind == "Call" and (name := called(node)):
                yield name, self._place(node["span"]["start"])

    def _place(self, start: int) -> str:
        line = self._written.count(b"\n", 0, start) + 1
        return f"{self.file}:{line}"

    def cards(self) -> Iterator[tuple[Rule, Mapping[str, Any]]]:
        """The METADATA of rules. A block belongs to the statement that follows it."""
        for number, text in enumerate(self.lines, start=1):
            if number > self.start and METADATA.fullmatch(text):
                card = metadata(self.lines, number, self.file)
                rule = next((rule for rule in self.rules if rule.line > number), None)
                if rule and isinstance(card, dict):
                    yield rule, card


def files(folder: Path, *, tests: bool = False) -> list[Path]:
    """Every file of Rego below a folder."""
    if folder.is_file():
        raise Refusal("this is a file: name the folder it lies in", place=str(folder))
    if not folder.is_dir():
        raise Refusal("no such folder of policies", place=str(folder))
    return [file for file in sorted(folder.rglob("*.rego")) if tests or not file.stem.endswith("_test")]


def engine(folders: Sequence[Path], files: Sequence[Path]) -> tuple[regorus.Engine, list[Module]]:
    """An engine that holds the files and the folders' data, and the files as it has parsed them."""
    engine = regorus.Engine()
    engine.set_policy_length_config(**_LIMITS)
    own = extend(engine)
    for file in {file.resolve(): file for file in files}.values():
        _add(engine, file)
    modules = [Module(module) for module in json.loads(engine.get_ast_as_json())]
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
            with silence():
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
def silence() -> Iterator[None]:
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


def _add_data(engine: regorus.Engine, file: Path, modules: Sequence[Module]) -> None:
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


def is_policy(rule: Rule) -> bool:
    """Whether conftest would ask it."""
    return rule.form != "Func" and _POLICY.fullmatch(rule.name.removesuffix("[]")) is not None


def policies(modules: Sequence[Module], concerns: Mapping[str, str]) -> Iterator[Policy]:
    """A policy for each rule that conftest would ask, by id. Its bodies may stand in several files."""
    found: dict[str, list[tuple[Module, Rule]]] = {}
    for module in sorted(modules, key=lambda module: module.file):
        for rule in module.rules:
            if is_policy(rule):
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


def _card(module: Module, rule: Rule, *, alone: bool) -> dict[str, str]:
    """Title and description of a rule: of its one body, or of the document that several make."""
    for owner, card in module.cards():
        if owner.name == rule.name and (alone or card.get("scope") == "document"):
            return {name: card[name] for name in ("title", "description") if isinstance(card.get(name), str)}
    return {}


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


def _check_functions(modules: Sequence[Module], own: set[str]) -> None:
    """Refuse a call of what nothing defines. The engine would only notice when, and if, it came to evaluate it."""
    runtime = json.loads(regorus.Engine().eval_query_as_json("opa.runtime().builtins"))
    known = {*runtime["result"][0]["expressions"][0]["value"], "print", *own} - _REFUSED.keys()
    known |= {f"{module.package}.{rule.name}" for module in modules for rule in module.rules if rule.form == "Func"}
    for module in modules:
        for name, place in module.calls():
            head, dot, rest = name.partition(".")
            meant = {name, f"{module.package}.{name}", f"{module.aliases.get(head, head)}{dot}{rest}"}
            if not meant & known:
                why = _REFUSED.get(name) or "neither these files nor the engine define it"
                raise Refusal(f"the function {name} cannot be called: {why}", place=place)
