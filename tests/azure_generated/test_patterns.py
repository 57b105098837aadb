"""Regular expressions, written as conditions of Azure Policy: the same values match, or it is said that none do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_rules import holds
from governor.azure_generated.conditions import size
from governor.azure_generated.patterns import Inexpressible, a_day, matching

PIECES = [
    "[a-z]",
    "[A-Z0-9]",
    "[0-9]",
    "[A-Za-z]",
    "[A-Za-z0-9._-]",
    "[#?.]",
    r"\.",
    r"\?",
    "-",
    "x",
    "#",
    "(ab|c)",
    "(?:v1)?",
]
REPEATS = ["", "", "", "?", "{2}", "{1,3}", "{0,40}", "+", "*", "{2,}", "{130}"]

sequences = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(REPEATS)), min_size=1, max_size=4).map(
    lambda pieces: "".join(piece + ("" if piece.endswith("?") else repeat) for piece, repeat in pieces)
)
expressions = st.lists(sequences, min_size=1, max_size=3).map("|".join)


def matches(condition: Any, value: str) -> bool:
    return holds(condition, {"it's": value})


@settings(max_examples=40, deadline=None)
@given(expressions, st.data())
def test_the_same_values_match(pattern: str, data: st.DataObject) -> None:
    try:
        condition = matching("it's", pattern)
    except Inexpressible:
        return
    whole = re.compile(f"^(?:{pattern})$", re.DOTALL)
    assert size(condition) <= 1_000
    for _ in range(10):
        fitting = data.draw(st.from_regex(whole, fullmatch=True), label="fitting")
        value = data.draw(
            st.one_of(
                st.just(fitting),
                st.just(fitting.swapcase()),
                st.just(f"{fitting}x"),
                st.just(fitting[:-1]),
                st.text("aZ09#?.-x_é", max_size=6),
            )
        )
        # Azure holds no longer value, and no tag that is empty has one.
        if 0 < len(value) <= 256 and not value.endswith("\n"):
            assert matches(condition, value) == bool(whole.match(value)), (pattern, value)


@pytest.mark.parametrize(
    ("pattern", "condition"),
    [
        ("CC-[0-9]{4}", {"field": "tags['it''s']", "match": "CC-####"}),
        ("[A-Za-z]{2}", {"field": "tags['it''s']", "match": "??"}),
        ("^a|b$", {"anyOf": [{"field": "tags['it''s']", "match": "a"}, {"field": "tags['it''s']", "match": "b"}]}),
        (
            r"v[0-9]\.[0-9]",
            {
                "allOf": [
                    {"field": "tags['it''s']", "match": "v#.#"},
                    {"value": "[take(skip(field('tags[''it''''s'']'), 2), 1)]", "equals": "."},
                ]
            },
        ),
    ],
)
def test_a_short_pattern_is_as_short_in_azure(pattern: str, condition: Any) -> None:
    assert matching("it's", pattern) == condition


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"\d+", r"`\d`: write out what it stands for"),
        ("[^a-z]", "a set of what is not allowed"),
        ("[a-z&&[aeiou]]", "a set made of sets"),
        ("a.b", "`.` where it stands"),
        ("(?i)abc", "a group that begins with `(?`"),
        ("a(^b)", "`^` where it stands"),
        ("a{,3}", "a brace that is no number of times"),
        ("a{2", "a brace that is no number of times"),
        ("(ab", "a pattern that ends too early"),
        ("[ab", "a pattern that ends too early"),
        ("ab)", "what stands at ')'"),
        ("(a|b|c|d|e|f|g|h){4}", "more than 256 alternatives"),
        ("[a-z]+-[a-z]+-[0-9]+", "several parts of it are of open length"),
    ],
)
def test_what_has_no_equal_is_said(pattern: str, reason: str) -> None:
    with pytest.raises(Inexpressible, match=re.escape(reason)):
        matching("it's", pattern)


@pytest.mark.parametrize(
    ("day", "is_one"),
    [
        ("2026-08-01", True),
        ("2024-02-29", True),
        ("2000-02-29", True),
        ("1900-02-29", False),
        ("2023-02-29", False),
        ("2026-04-31", False),
        ("2026-13-01", False),
        ("2026-00-00", False),
        ("2026-8-1", False),
        ("2026-08-01 ", False),
    ],
)
def test_a_day_is_one_of_the_calendar(day: str, is_one: bool) -> None:
    assert matches(a_day("it's"), day) == is_one
