"""The operators, as the documentation has them and as regorus has them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.languages.azure_policy.operators import Doubt, Semantics, comparison
from governor.languages.azure_policy.syntax import OPERATORS


def answer(left: Any, operator: str, right: Any, semantics: Semantics = "documented") -> bool | str:
    held = comparison(operator.lower(), right, semantics)(left)
    return held.reason if isinstance(held, Doubt) else held


@pytest.mark.parametrize(
    ("left", "operator", "right", "documented", "regorus"),
    [
        ("Prod", "equals", "pROD", True, True),
        (443, "equals", "443", True, True),
        (5.0, "equals", "5", False, True),
        ("05", "equals", 5, False, True),
        (True, "equals", "TRUE", True, True),
        ("Straße", "equals", "STRASSE", False, True),
        (None, "equals", "x", False, False),
        (None, "notEquals", "x", True, True),
        (None, "equals", None, "compared with null", True),
        (["A", "b"], "equals", ["a", "B"], True, True),
        ("eastus", "in", ["EastUS", "westus"], True, True),
        (80, "in", ["80"], True, True),
        (None, "in", ["x"], False, False),
        (None, "notIn", ["x"], True, True),
        ("vm-01", "like", "VM-*", True, True),
        ("a-x-b", "like", "a*b", True, True),
        ("a?b", "like", "a?b", True, True),
        ("axb", "like", "a?b", False, True),
        ("aXbXc", "like", "a*b*c", True, True),
        (None, "like", "*", False, False),
        (None, "notLike", "*", True, True),
        ("ab-12", "match", "??-##", True, True),
        ("AB-1x", "match", "??-##", False, False),
        ("AB", "match", "ab", False, False),
        ("AB", "matchInsensitively", "ab", True, True),
        ("a", "match", ".", True, True),
        ("ab", "match", ".", False, False),
        ("production", "contains", "DUCT", True, True),
        (["a", "B"], "contains", "b", True, True),
        (None, "contains", "a", False, False),
        (None, "notContains", "a", True, True),
        ({"Env": "x"}, "containsKey", "eNV", True, True),
        ({"Env": "x"}, "notContainsKey", "env", False, False),
        (3, "less", 5, True, True),
        ("3", "less", 5, "a string is compared by order with a number", True),
        (None, "greater", 5, "what is missing is compared by order with a number", False),
        ("2026-01-02", "greaterOrEquals", "2026-01-01", True, True),
        (None, "exists", "false", True, True),
        ("", "exists", True, True, True),
        ([], "exists", "True", True, True),
        ("2025-02-20T12:00:00.0000000Z", "equals", "2025-02-20T12:00:00Z", True, False),
    ],
)
def test_what_holds(left: Any, operator: str, right: Any, documented: bool | str, regorus: bool | str) -> None:
    assert answer(left, operator, right) == documented
    assert answer(left, operator, right, "regorus") == regorus


PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.text("aB1.*?#-", max_size=4)
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.sampled_from("aB"), PLAIN, max_size=2)


@given(
    st.sampled_from(["equals", "like", "match", "matchInsensitively", "contains", "in", "containsKey"]), VALUES, VALUES
)
def test_a_negated_operator_is_the_opposite(operator: str, left: Any, right: Any) -> None:
    opposite = f"not{operator[0].upper()}{operator[1:]}"
    try:
        held = answer(left, operator, right)
    except ValueError:
        with pytest.raises(ValueError, match="takes"):
            answer(left, opposite, right)
        return
    other = answer(left, opposite, right)
    assert other is (not held) if isinstance(held, bool) else other == held


@given(st.sampled_from(sorted(OPERATORS)), VALUES, VALUES, st.sampled_from(["documented", "regorus"]))
def test_every_operator_answers_every_value(operator: str, left: Any, right: Any, semantics: Semantics) -> None:
    try:
        held: Any = comparison(operator, right, semantics)(left)
    except ValueError as error:
        held = error
    assert held is True or held is False or isinstance(held, Doubt) or "takes" in str(held)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_like_is_what_it_is_by_definition(pattern: str, value: str) -> None:
    def by_definition(parts: str, rest: str) -> bool:
        if not parts:
            return not rest
        if parts[0] == "*":
            return any(by_definition(parts[1:], rest[at:]) for at in range(len(rest) + 1))
        return bool(rest) and parts[0] == rest[0] and by_definition(parts[1:], rest[1:])

    assert answer(value, "like", pattern) is by_definition(pattern, value)
