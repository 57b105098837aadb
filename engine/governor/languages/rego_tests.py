"""Tests written in Rego: files in; how their `test_` rules went, and which lines hold code, out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import regorus

from governor.languages.rego_cards import dotted, rule_of
from governor.languages.rego_engine import Lines, complaint, engine, lines


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
    asked = engine(files, trace=trace)
    return run_tests(asked), lines(asked)


def run_tests(asked: regorus.Engine) -> list[RuleTest]:
    """Run the `test_` rules of the files that an engine holds."""
    found = []
    for module in json.loads(asked.get_ast_as_json()):
        package = dotted(module["ast"]["package"]["refr"])
        for name, rule in {rule.name: rule for rule in map(rule_of, module["ast"]["rules"])}.items():
            # A table test has the names of its rows in brackets: test_expiry[day].
            plain = name.removesuffix("[]")
            if plain.startswith("test_") and rule.form != "Func":
                location = f"{module['source']['file']}:{rule.line}"
                path = f"data.{package}.{plain}"
                found.append(RuleTest(path, location, _failed(asked, path)))
    return found


def _failed(asked: regorus.Engine, path: str) -> tuple[str, ...]:
    try:
        outcome = json.loads(asked.eval_rule_as_json(path))
    except RuntimeError as error:
        return (complaint(error),)
    if isinstance(outcome, dict) and outcome:
        return tuple(f"row {name!r} does not hold" for name, held in outcome.items() if held is not True)
    return () if outcome is True else ("it does not hold",)


def code_lines(files: Sequence[Path]) -> dict[str, Lines]:
    """The lines of files that hold code. The engine tells of those only that it was asked about."""
    asked = engine(files, trace=True)
    for package in {dotted(module["ast"]["package"]["refr"]) for module in json.loads(asked.get_ast_as_json())}:
        with suppress(RuntimeError):
            asked.eval_query_as_json(f"data.{package}")
    return lines(asked)
