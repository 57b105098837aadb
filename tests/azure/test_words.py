"""How ids, fields and conditions of Azure read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure.tenant import SUB, VM
from governor.azure.words import field, must, short, tag_of

_OPERATORS = ("equals", "in", "like", "match", "matchInsensitively", "contains", "containsKey")
_ORDERS = {"less": "greaterOrEquals", "greater": "lessOrEquals"}


@pytest.mark.parametrize(
    ("operator", "right", "held", "said"),
    [
        ("notIn", '["a", "b"]', True, 'must be one of ["a", "b"]'),
        ("in", '["a"]', True, 'must not be one of ["a"]'),
        ("equals", "true", True, "must not be true"),
        ("notEquals", "true", True, "must be true"),
        ("exists", '"false"', True, "must be there"),
        ("exists", "true", True, "must not be there"),
        ("exists", "true", False, "must be there"),
        ("less", "3", True, "must be 3 at least"),
        ("greater", "3", True, "must be 3 at most"),
        ("lessOrEquals", "3", False, "must be 3 at most"),
        ("notContainsKey", '"x"', True, 'must have the key "x"'),
    ],
)
def test_what_a_condition_asks_for(operator: str, right: str, held: bool, said: str) -> None:
    assert must(operator, right, held) == said


@given(st.sampled_from(_OPERATORS), st.text(max_size=5), st.booleans())
def test_a_negation_that_holds_asks_what_its_opposite_that_does_not_asks(name: str, right: str, held: bool) -> None:
    assert must(f"not{name}", right, held) == must(name, right, not held)


@given(st.sampled_from(sorted(_ORDERS)), st.text(max_size=5), st.booleans())
def test_orders_have_opposites_too(name: str, right: str, held: bool) -> None:
    assert must(name, right, held) == must(_ORDERS[name], right, not held)


@pytest.mark.parametrize(
    ("id", "said"),
    [
        (f"{SUB}/resourceGroups/rg/providers/{VM}/a", "rg/virtualMachines/a"),
        (f"{SUB}/resourceGroups/rg/providers/{VM}/a/extensions/b", "rg/virtualMachines/a/extensions/b"),
        (f"{SUB}/resourceGroups/rg/providers/{VM}/a/providers/Microsoft.Insights/diagnosticSettings/d",
         "rg/virtualMachines/a/diagnosticSettings/d"),
        (f"{SUB}/resourceGroups/rg", "resourceGroups/rg"),
        (f"{SUB}/providers/Microsoft.Security/pricings/p", f"{SUB[1:]}/pricings/p"),
        (SUB, "subscription 5f0c0f5e-0000-4000-8000-000000000001"),
        ("/providers/Microsoft.Management/managementGroups/platform", "management group platform"),
        ("(unknown)", "(unknown)"),
    ],
)  # fmt: skip
def test_ids_are_shortened(id: str, said: str) -> None:
    assert short(id) == said


@pytest.mark.parametrize("name", ["tags['project']", "tags[project]", "tags.project", "Tags['project']"])
def test_a_tag_reads_the_same_however_it_is_written(name: str) -> None:
    assert (tag_of(name), field(name)) == ("project", "tags['project']")


def test_an_apostrophe_is_written_once_in_a_name() -> None:
    assert tag_of("tags['it''s']") == "it's"
    assert tag_of("location") is None
