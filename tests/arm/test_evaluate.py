"""Expressions of ARM templates: what they come to, and why some come to nothing."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.arm.evaluate import Allowance, Opened, evaluate
from governor.arm.functions import TEMPLATES, NotComputed, TemplateError
from governor.azure_model import Unknown

OPEN = Unknown("nobody tells it")
PARAMETERS = {"open": OPEN, "half": {"known": 1, "open": OPEN}}


class Deployed(Opened):
    """A resource that tells its name only."""

    def part(self, key: str | int) -> Any:
        return {"name": "r"}[str(key)]


def worked_out(expression: str, left: int = 1_000_000) -> Any:
    environment = {"parameters": PARAMETERS.__getitem__, "reference": lambda _: Deployed()}
    return evaluate(expression, environment, Allowance(left))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[concat('a', 'it''s', 1, true())]", "ait's1True"),
        ("[concat(createArray(1), createArray('b'))]", [1, "b"]),
        ("[format('{0}-{1} {{x}}', 'a', 2)]", "a-2 {x}"),
        ("[json('{\"a\": [1, 2]}').A[1]]", 2),
        ("[if(empty(''), 'yes', newGuid())]", "yes"),
        ("[split('a;b,c', createArray(';', ','))]", ["a", "b", "c"]),
        ("[union(createObject('a', createObject('x', 1)), json('{\"a\": {\"y\": 2}}'))]", {"a": {"x": 1, "y": 2}}),
        ("[union(createArray(1, 2), createArray(2, 3))]", [1, 2, 3]),
        ("[contains(createObject('Key', 1), 'kEY')]", True),
        ("[contains(createArray(1), true())]", False),
        ("[first(createArray())]", None),
        ("[last('abc')]", "c"),
        ("[substring('abcd', 1, 2)]", "bc"),
        ("[sub(div(-7, 2), mod(-7, 2))]", -2),
        ("[ toUpper( trim('  x ') ) ]", "X"),
        ("[and(not(false()), or(false(), true()))]", True),
        ("[skip(take(range(5, 4), 3), 1)]", [6, 7]),
        ("[join(createArray('a', 'b'), '-')]", "a-b"),
        ("[coalesce(null(), 'x')]", "x"),
        ("[replace('a.b', '.', '')]", "ab"),
        ("[items(createObject('b', 1, 'a', 2))[0].key]", "a"),
    ],
)
def test_what_the_functions_make_of_values(expression: str, value: Any) -> None:
    assert worked_out(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[parameters('half').known]", 1),
        ("[union(parameters('half'), createObject('more', 2))]", {"known": 1, "open": OPEN, "more": 2}),
        ("[or(equals(parameters('open'), 1), true())]", True),
        ("[and(equals(parameters('open'), 1), false())]", False),
        ("[coalesce(null(), reference('r').name, parameters('open'))]", "r"),
        ("[if(true(), reference('r'), 1).name]", "r"),
        ("[if(false(), parameters('open'), 1)]", 1),
    ],
)
def test_what_is_not_known_leaves_the_rest_known(expression: str, value: Any) -> None:
    assert worked_out(expression) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("[concat('a', parameters('half').open)]", "nobody tells it"),
        ("[if(parameters('open'), 1, 2)]", "nobody tells it"),
        ("[and(true(), equals(parameters('open'), 1))]", "nobody tells it"),
        ("[coalesce(parameters('open'), 1)]", "nobody tells it"),
        ("[string(parameters('half'))]", "string: a value is not known: nobody tells it"),
        ("[string(reference('r'))]", "reference() gives more than is read"),
        ("[reference('r')]", "reference() gives more than is read"),
        ("[listKeys('x', '2024-01-01').key1]", "listKeys() is known when the template is deployed"),
        ("[contoso.named('x')]", "contoso.named() is not worked out by governor"),
    ],
)
def test_what_is_not_known_says_why(expression: str, reason: str) -> None:
    with pytest.raises(NotComputed) as caught:
        worked_out(expression)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("[concat('a']", "this is no expression of a template: `)` is missing at character 12"),
        ("[if('yes', 1, 2)]", "if: 'yes' is no boolean"),
        ("[parameters('nobody')]", "parameters() cannot be worked out of these arguments"),
        ("[parameters()]", "parameters() cannot be worked out of these arguments"),
        ("[parameters('half').gone]", "there is no property 'gone'"),
        ("[createArray(1)[1]]", "there is no element 1 among 1"),
        ("[length()]", "length: takes 1 argument, not 0"),
    ],
)
def test_what_fails_says_what_is_wrong(expression: str, complaint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        worked_out(expression)

    assert (type(caught.value), str(caught.value)) == (TemplateError, complaint)


def test_a_template_is_worked_out_as_far_as_its_allowance_goes() -> None:
    lists = "[concat(range(0, 100), range(0, 100))]"
    assert len(worked_out(lists)) == 200

    with pytest.raises(NotComputed, match="asks for more than Azure allows"):
        worked_out(lists, left=300)


@settings(max_examples=300, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(
            [*"()[],.", "'x'", "'a,b'", "''", "1", "-2", "0.5", "x", *(f"{name}(" for name in sorted(TEMPLATES))]
        ),
        max_size=12,
    )
)
def test_any_expression_has_a_value_or_a_reason(words: list[str]) -> None:
    text = "".join(words)
    with suppress(TemplateError):
        json.dumps(worked_out(f"[{text}{')' * text.count('(')}]"))
