"""The rule of a policy: what is strict about it, and where mistakes are said to be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.languages.azure_policy.syntax import AllOf, Leaf, PolicyError, Rule, rule

THEN = {"effect": "deny"}
TYPE = {"field": "type", "equals": "Microsoft.Compute/virtualMachines"}


def test_keys_are_read_without_case() -> None:
    written = {"IF": {"ALLOF": [{"Field": "type", "NotIn": ["a"]}]}, "Then": {"Effect": "Deny"}}
    condition = rule(written).condition
    assert isinstance(condition, AllOf)
    assert isinstance(condition.items[0], Leaf)
    assert (condition.items[0].operator, condition.items[0].at) == ("notin", ("policyRule", "IF", "ALLOF", 0))


@pytest.mark.parametrize(
    ("written", "message", "pointer"),
    [
        ([], "a policyRule is an object, not an array", ()),
        ({"then": THEN}, "a policyRule without `if`", ()),
        ({"if": TYPE}, "a policyRule without `then`", ()),
        ({"if": TYPE, "IF": TYPE, "then": THEN}, "`IF` repeats `if`: keys are compared without case", ("IF",)),
        ({"if": TYPE, "then": {}}, "`then` without `effect`", ("then",)),
        ({"if": TYPE, "then": {"effect": 1}}, "an effect is a string, not a number", ("then", "effect")),
        ({"if": TYPE, "then": {"effect": "block"}}, "no effect is called `block`", ("then", "effect")),
        ({"if": {"allOf": {}}, "then": THEN}, "`allOf` is an array of conditions, not an object", ("if", "allOf")),
        (
            {"if": {"allOf": [], "anyOf": []}, "then": THEN},
            "`anyOf` beside `allOf`, which stands alone", ("if", "anyOf"),
        ),
        ({"if": {"field": "type"}, "then": THEN}, "a condition without an operator", ("if",)),
        ({"if": {"equals": "x"}, "then": THEN}, "a condition without field, value or count", ("if",)),
        (
            {"if": {**TYPE, "in": []}, "then": THEN},
            "a condition with `equals` and `in`: one operator only", ("if",),
        ),
        (
            {"if": {"field": "a", "value": 1, "equals": 1}, "then": THEN},
            "a condition with `field` and `value`: one of them only", ("if",),
        ),
        ({"if": {**TYPE, "note": 1}, "then": THEN}, "no condition has a `note`", ("if", "note")),
        ({"if": {"field": "a", "exists": "yes"}, "then": THEN}, "`exists` is true or false", ("if", "exists")),
        (
            {"if": {"not": {"anyOf": [TYPE, {"value": "[f(]", "equals": 1}]}}, "then": THEN},
            "not an expression: an expression that breaks off at character 4", ("if", "not", "anyOf", 1, "value"),
        ),
        (
            {"if": {"count": {"field": "a"}, "equals": 1}, "then": THEN},
            "a count's field has a `[*]`: it counts elements", ("if", "count", "field"),
        ),
        (
            {"if": {"count": {"field": "a[*]", "name": "b"}, "equals": 1}, "then": THEN},
            "only a count of a value has a `name`", ("if", "count", "name"),
        ),
        (
            {"if": {"count": {"value": "a"}, "equals": 1}, "then": THEN},
            "a count's value is an array, not a string", ("if", "count", "value"),
        ),
        (
            {"if": TYPE, "then": {"effect": "modify", "details": {"operations": [{"operation": "set", "field": "a"}]}}},
            "an operation is add, addOrReplace or remove", ("then", "details", "operations", 0),
        ),
        (
            {"if": TYPE, "then": {"effect": "append", "details": [{"field": "a"}]}},
            "an operation without `value`", ("then", "details", 0),
        ),
        (
            {
                "if": TYPE,
                "then": {"effect": "auditIfNotExists", "details": {"type": "a", "existenceCondition": {"field": "b"}}},
            },
            "a condition without an operator", ("then", "details", "existenceCondition"),
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(written: Any, message: str, pointer: tuple[str | int, ...]) -> None:
    with pytest.raises(PolicyError) as refused:
        rule(written)
    assert (refused.value.message, refused.value.pointer) == (message, ("policyRule", *pointer))


def test_a_rule_nested_without_end_is_refused() -> None:
    condition: Any = TYPE
    for _ in range(5_000):
        condition = {"not": condition}
    with pytest.raises(PolicyError, match="nested deeper than 100"):
        rule({"if": condition, "then": THEN})


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("[field('name')" + ".a" * 8_000 + "]", "more than 256 properties of properties"),
        ("[field('name')" + "[0]" * 6_000 + "]", "more than 256 properties of properties"),
        ("[" + "first(" * 60 + "field('name')" + ".a.a.a.a)" * 60 + "]", "more than 256 properties of properties"),
        ("[add(1, " + "9" * 5_000 + ")]", "a number of 5,000 digits"),
    ],
)
def test_an_expression_that_leads_too_far_is_refused(value: str, complaint: str) -> None:
    with pytest.raises(PolicyError, match=complaint):
        rule({"if": {"value": value, "equals": "x"}, "then": THEN})


def test_a_rule_of_very_many_conditions_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"more than 4,096 conditions"):
        rule({"if": {"allOf": [TYPE] * 5_000}, "then": THEN})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["[field('a')]", "[f(]", "deny"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["allOf", "anyOf", "not", "field", "value", "count", "where", "name", "equals", "in", "exists"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_whatever_is_written_is_a_rule_or_a_mistake(condition: Any, details: Any) -> None:
    try:
        read: Rule | PolicyError = rule({"if": condition, "then": {"effect": "audit", "details": details}})
    except PolicyError as error:
        read = error
    assert isinstance(read, Rule) or (read.message and read.pointer[0] == "policyRule")
