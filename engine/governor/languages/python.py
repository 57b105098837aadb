"""Python policies: functions with a card, called with the inventory and their concern's data."""

from __future__ import annotations

import ast
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import date
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, get_type_hints

import msgspec

from governor.errors import Refusal
from governor.languages import Passage, Source, SourceLine, failures
from governor.model import Answer, Inventory, Origin, Policy, Resource, Violation
from governor.yamlfile import read_text

_MISHAPS = (Exception, SystemExit)
"""What a policy's code may raise: `sys.exit(0)` in one must not pass for a clean run."""


def load(sources: Sequence[Source], config: Mapping[str, Any], keep: Callable[[Policy], bool]) -> PythonPolicies:
    """Import the files. They are code and run with the rights of this process: load only folders you trust."""
    loaded: list[tuple[Policy, Callable[[Inventory, date], Any]]] = []
    for source in sources:
        for policy, function in _functions(source):
            if keep(policy):
                loaded.append((policy, _bind(source, policy, function, config.get(source.concern, {}))))
    return PythonPolicies(loaded)


class PythonPolicies:
    """An `Evaluator`."""

    def __init__(self, loaded: Sequence[tuple[Policy, Callable[[Inventory, date], Any]]]) -> None:
        self.policies = [policy for policy, _ in loaded]
        self._loaded = loaded

    def evaluate(self, inventory: Inventory, today: date) -> Iterator[Answer]:
        """See `Evaluator`."""
        for policy, ask in self._loaded:
            try:
                violations = _ask(ask, inventory, today)
            except _MISHAPS as error:
                complaint = _complaint(error)
                yield Answer(policy, (), failures(policy, inventory, complaint, _complains(ask, today)))
            else:
                yield Answer(policy, violations)

    def alone(self, policy: Policy) -> PythonPolicies:
        """See `Explainable`."""
        return PythonPolicies([(known, ask) for known, ask in self._loaded if known.id == policy.id])

    def reads(self, policy: Policy) -> frozenset[str]:
        """See `Explainable`. Whatever is called like a fact counts as one."""
        return frozenset(fact for function in _reached(policy) for fact in _facts_named(function))

    def passages(self, policy: Policy, inventory: Inventory, today: date) -> list[Passage]:
        """See `Explainable`. The policy is its function, and the generators that it yields from."""
        file = policy.location.rpartition(":")[0]
        ran: set[int] = set()

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            if frame.f_code.co_filename != file:
                return None
            if event == "line":
                ran.add(frame.f_lineno)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            list(self.alone(policy).evaluate(inventory, today))
        finally:
            sys.settrace(before)
        text = read_text(Path(file))
        may_run = _may_run(compile(text, file, "exec"))
        written = text.splitlines()
        found = []
        for function in _reached(policy):
            # A decorator and the line of `def` run when the file is imported.
            lines = range(function.lineno, (function.end_lineno or function.lineno) + 1)
            body = set(range(function.body[0].lineno, lines.stop))
            yields = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(function))
            found.append(
                Passage(
                    file,
                    tuple(SourceLine(n, written[n - 1], n in ran if n in may_run & body else None) for n in lines),
                    helper=function.name != policy.rule and not yields,
                )
            )
        return found


def _reached(policy: Policy) -> list[ast.FunctionDef]:
    """The function of a policy, then those of its file that it calls."""
    tree = ast.parse(read_text(Path(policy.location.rpartition(":")[0])))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    # A function that is made by another has no text of its own under that name.
    names = [policy.rule] if policy.rule in functions else []
    for name in names:
        for node in ast.walk(functions[name]):
            if isinstance(node, ast.Name) and node.id in functions and node.id not in names:
                names.append(node.id)
    return [functions[name] for name in names]


_FACTS = frozenset(Resource.__struct_fields__)


def _facts_named(function: ast.FunctionDef) -> Iterator[str]:
    """`resource.region`, `resource.tags["stage"]` and `resource.tags.get("stage")`, whatever the resource is called."""
    inside = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript):
            inside[node.value] = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            inside[node.func.value] = node.args[0] if node.args else node.func
    called = {node.func for node in ast.walk(function) if isinstance(node, ast.Call)}
    for node in ast.walk(function):
        if not isinstance(node, ast.Attribute) or node.attr not in _FACTS or node in called:
            continue
        key = inside.get(node)
        if node.attr in ("tags", "attributes") and isinstance(key, ast.Constant):
            yield f"{node.attr}.{key.value!s}"
        elif node.attr != "unknown":
            yield node.attr


def _may_run(code: CodeType) -> set[int]:
    """Lines that hold something to run."""
    lines = {line for _, _, line in code.co_lines() if line}
    return lines.union(*(_may_run(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def _complains(ask: Callable[[Inventory, date], Any], today: date) -> Callable[[Inventory], str]:
    def complains(inventory: Inventory) -> str:
        try:
            _ask(ask, inventory, today)
        except _MISHAPS as error:
            return _complaint(error)
        return ""

    return complains


def _ask(ask: Callable[[Inventory, date], Any], inventory: Inventory, today: date) -> list[Violation]:
    # What a policy prints is for its author: a report on standard output would be none.
    with redirect_stdout(sys.stderr):
        return [_checked(violation) for violation in ask(inventory, today) or ()]


def _checked(violation: Any) -> Violation:
    """A struct takes any value for any field; reports need text, and details that JSON can hold."""
    if not isinstance(violation, Violation):
        raise TypeError(f"it yielded {type(violation).__name__}, not a Violation")
    for name in ("resource", "msg", "attribute", "why_unknown"):
        if not isinstance(value := getattr(violation, name), str):
            raise TypeError(f"the {name} of its Violation is {type(value).__name__}, not text")
    if not isinstance(violation.origin, Origin | None):
        raise TypeError(f"the origin of its Violation is {type(violation.origin).__name__}, not an Origin")
    if not violation.details:
        return violation
    details = msgspec.to_builtins(violation.details, builtin_types=(Decimal,), str_keys=True)
    return msgspec.structs.replace(violation, details=details)


def _functions(source: Source) -> Iterator[tuple[Policy, Callable[..., Any]]]:
    name = f"governor_policies_{source.concern}_{source.path.stem}_{abs(hash(source.path))}"
    spec = spec_from_file_location(name, source.path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except _MISHAPS as error:
        raise Refusal(f"this policy file cannot be imported: {_named(error)}", place=_place(error, source)) from None
    for function in vars(module).values():
        card = getattr(function, "__policy__", None)
        if isinstance(card, Policy) and function.__module__ == name:
            line = inspect.unwrap(function).__code__.co_firstlineno
            location = f"{source.path}:{line}"
            yield msgspec.structs.replace(card, concern=source.concern, location=location), function


def _bind(source: Source, policy: Policy, function: Callable[..., Any], data: Any) -> Callable[[Inventory, date], Any]:
    """The function with its concern's data in place: `(inventory[, config][, today])`."""
    names = list(inspect.signature(function).parameters)
    if not names or names[0] in ("config", "today") or not {*names[1:]} <= {"config", "today"}:
        raise Refusal(
            f"{policy.id} takes ({', '.join(names)}): a policy takes (inventory), and config, today or both after it",
            place=policy.location,
        )
    extra: dict[str, Any] = {}
    if "config" in names:
        extra["config"] = _typed(source, policy, function, data)
    if "today" in names:
        return lambda inventory, today: function(inventory, today=today, **extra)
    return lambda inventory, today: function(inventory, **extra)


def _typed(source: Source, policy: Policy, function: Callable[..., Any], data: Any) -> Any:
    """The concern's data, as the type that the function asks for."""
    try:
        wanted = get_type_hints(function).get("config")
    except NameError as error:
        raise Refusal(
            f"an annotation of {policy.id} cannot be read ({error}): import the name outside TYPE_CHECKING",
            place=policy.location,
        ) from None
    if not (isinstance(wanted, type) and issubclass(wanted, msgspec.Struct)):
        return data
    try:
        return msgspec.convert(data, wanted)
    except msgspec.ValidationError as error:
        raise Refusal(
            f"the data of {source.concern} does not fit what {policy.id} reads: {error}", place=str(source.path)
        ) from None


def _complaint(error: BaseException) -> str:
    """`budgets.py:12: KeyError: 'projects'`: the innermost line that is not ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else ""
    return f"{where}{_named(error)}"


def _named(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}"


def _place(error: BaseException, source: Source) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(source.path):
        return f"{source.path}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(source.path)]
    return f"{source.path}:{lines[-1]}" if lines else str(source.path)
