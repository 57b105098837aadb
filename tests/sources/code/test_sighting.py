"""What is read out of one file beside its keys: names, columns, and how long the text may be."""

from __future__ import annotations

import pytest

from governor.catalog import ai_keys
from governor.sources.code.sighting import LARGEST, Key, Seen, look
from made_up_keys import openai

SALT = b"a salt of the test"


def seen(text: str) -> Seen:
    found = look("f", text.encode(), ai_keys.rules_for, SALT)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('OPENAI_API_KEY="{}"', "OPENAI_API_KEY"),
        ("export OPENAI_API_KEY={}", "OPENAI_API_KEY"),
        ('  "openaiKey": "{}",', "openaiKey"),
        ("openai.api_key = '{}'", "api_key"),
        ('os.environ["KEY"] = "{}"', "KEY"),
        ("OpenAI(api_key='{}')", "api_key"),
        ("key := `{}`", "key"),
        ("'key' => '{}'", "key"),
        ("curl -H 'x-api-key: {}'", "x-api-key"),
        ("https://example.com/?key={}", "key"),
        ("Authorization: Bearer {}", "openai-project-key"),
        ("{}", "openai-project-key"),
        ("a1b2c3d4e5f6 = '{}'", "openai-project-key"),
        ("a" * 41 + " = '{}'", "openai-project-key"),
        (openai(1) + "='{}'", "openai-project-key"),
    ],
)
def test_a_key_goes_by_the_name_it_is_given(text: str, name: str) -> None:
    assert seen(text.format(openai())).keys[-1].name == name


def test_columns_count_characters_and_lines_count_line_ends() -> None:
    keys = seen(f"a\r\nключ = '{openai()}' + '{openai(1)}'\nx\n\t{openai(2)}").keys

    assert [(key.line, key.column) for key in keys] == [(2, 9), (2, 178), (4, 2)]


def test_the_mark_of_an_encoding_is_no_column() -> None:
    assert [key.column for key in seen(f"\ufeff{openai()}").keys] == [1]


def test_keys_are_told_apart_and_only_within_a_run() -> None:
    one, same, other = seen(f"{openai()} {openai()} {openai(1)}").keys
    again = look("f", openai().encode(), ai_keys.rules_for, b"another salt")

    assert one.digest == same.digest != other.digest
    assert again is not None
    assert again.keys[0].digest != one.digest
    assert openai()[8:14] not in repr(one)
    assert {type(value) for value in (getattr(one, field) for field in Key.__struct_fields__)} <= {
        str, int, bytes, type(None),
    }  # fmt: skip


def test_the_largest_file_is_read_and_a_larger_one_is_passed_over() -> None:
    key = openai().encode()

    assert look("f", key.rjust(LARGEST), ai_keys.rules_for, SALT) == Seen("f", keys=seen(openai().rjust(LARGEST)).keys)
    assert look("f", key.rjust(LARGEST + 1), ai_keys.rules_for, SALT) == Seen(
        "f", passed_over="file larger than 16 MiB"
    )
