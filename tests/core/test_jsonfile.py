"""JSON with comments: what is read, and where each value stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor import jsonfile
from governor.errors import Refusal

TEXT = """// settings
{
  "name": "a // b", /* no
  comment */ "list": [1, {"deep": [true, null,],},],
  "Case": {"x": "\\u00e9, }"},
}
"""


def test_comments_and_trailing_commas_are_read() -> None:
    assert jsonfile.parse(TEXT, "file") == {
        "name": "a // b",
        "list": [1, {"deep": [True, None]}],
        "Case": {"x": "é, }"},
    }


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ((), (2, 1)),
        (("name",), (3, 3)),
        (("list",), (4, 14)),
        (("list", 0), (4, 23)),
        (("list", 1, "deep"), (4, 27)),
        (("list", 1, "deep", 1), (4, 42)),
        (("case", "X"), (5, 12)),
        (("list", 1, "none", "there"), (4, 26)),
        (("list", 9), (4, 14)),
        (("name", "inside"), (3, 3)),
    ],
)
def test_the_place_of_a_value(pointer: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert jsonfile.position(TEXT, pointer) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[1,,]", "1:4"),
        ("{,}", "1:2"),
        ('{"a": 1 "b": 2}', "1:9"),
        ("[1] // x\n[2]", "2:1"),
        ('{"a": {"b": 1,\n "b": 2}}', "2:2"),
        ('{"a": 1, "\\u0061": 2}', "1:10"),
        ("/* never closed", "1:16"),
        ("[01]", "1:3"),
        ("[-Infinity]", "1:2"),
        ("['x']", "1:2"),
    ],
)
def test_what_is_refused_and_where(text: str, place: str) -> None:
    with pytest.raises(Refusal) as refused:
        jsonfile.parse(text, "file")

    assert refused.value.place == f"file:{place}"


def test_each_object_may_be_made_smaller_as_it_is_read() -> None:
    assert jsonfile.parse('[{"a": {"b": 1}}, {}]', "file", each=len) == [1, 0]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


@given(value=values, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_every_value_is_found_where_it_stands(value: Any, indent: int | None, ascii_only: bool) -> None:
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
        text.encode()
    except UnicodeEncodeError:
        return
    decoder = json.JSONDecoder()
    lines = text.split("\n")
    pointers = dict(places(value))

    found = dict(zip(pointers, jsonfile.positions(text, pointers), strict=True))

    assert jsonfile.parse(text, "file") == value
    for pointer, (line, column) in found.items():
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        first, end = decoder.raw_decode(rest)
        if pointer and isinstance(pointer[-1], str):
            assert first == pointer[-1]
            first, _ = decoder.raw_decode(rest[end:].lstrip().removeprefix(":").lstrip())
        assert first == pointers[pointer]
