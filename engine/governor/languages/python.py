"""Python policies: functions with a card, called with the inventory and their concern's data."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from governor.errors import Refusal
from governor.languages import Source, failures
from governor.model import Answer, Inventory, Policy, Violation


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
            except Exception as error:
                complaint = _complaint(error)
                yield Answer(policy, (), failures(policy, inventory, complaint, _complains(ask, today)))
            else:
                yield Answer(policy, violations)


def _complains(ask: Callable[[Inventory, date], Any], today: date) -> Callable[[Inventory], str]:
    def complains(inventory: Inventory) -> str:
        try:
            _ask(ask, inventory, today)
        except Exception as error:
            return _complaint(error)
        return ""

    return complains


def _ask(ask: Callable[[Inventory, date], Any], inventory: Inventory, today: date) -> list[Violation]:
    violations = list(ask(inventory, today) or ())
    for violation in violations:
        if not isinstance(violation, Violation):
            raise TypeError(f"it yielded {type(violation).__name__}, not a Violation")
    return violations


def _functions(source: Source) -> Iterator[tuple[Policy, Callable[..., Any]]]:
    name = f"governor_policies_{source.concern}_{source.path.stem}_{abs(hash(source.path))}"
    spec = spec_from_file_location(name, source.path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Refusal(
            f"this policy file cannot be imported: {_complaint(error)}", place=_place(error, source)
        ) from None
    for function in vars(module).values():
        card = getattr(function, "__policy__", None)
        if isinstance(card, Policy) and function.__module__ == name:
            line = function.__code__.co_firstlineno
            location = f"{source.path}:{line}"
            yield msgspec.structs.replace(card, concern=source.concern, location=location), function


def _bind(source: Source, policy: Policy, function: Callable[..., Any], data: Any) -> Callable[[Inventory, date], Any]:
    """The function with its concern's data in place: `(inventory[, config][, today])`."""
    names = list(inspect.signature(function).parameters)
    extra: dict[str, Any] = {}
    if "config" in names:
        wanted = get_type_hints(function).get("config", dict)
        try:
            is_struct = isinstance(wanted, type) and issubclass(wanted, msgspec.Struct)
            extra["config"] = msgspec.convert(data, wanted) if is_struct else data
        except msgspec.ValidationError as error:
            raise Refusal(
                f"the data of {source.concern} does not fit {policy.id}: {error}", place=str(source.path)
            ) from None
    if unexpected := [name for name in names[1:] if name not in ("config", "today")]:
        raise Refusal(
            f"{policy.id} takes {', '.join(unexpected)}: a policy takes (inventory, config, today)",
            place=policy.location,
        )
    if "today" in names:
        return lambda inventory, today: function(inventory, today=today, **extra)
    return lambda inventory, today: function(inventory, **extra)


def _complaint(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{Path(frame[0].filename).name}:{frame[0].lineno}: " if frame else ""
    return f"{where}{type(error).__name__}: {error}"


def _place(error: Exception, source: Source) -> str:
    if isinstance(error, SyntaxError):
        return f"{source.path}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(source.path)]
    return f"{source.path}:{lines[-1]}" if lines else str(source.path)
