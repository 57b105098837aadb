"""Template expressions: what is one, what it means, what is refused and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.arm.expressions import Call, ExpressionError, Item, Literal, Node, read, text


@pytest.mark.parametrize(
    ("written", "tree"),
    [
        ("plain", Literal("plain")),
        ("[[not one]", Literal("[not one]")),
        ("[open", Literal("[open")),
        ("[field('tags.a')]", Call("field", (Literal("tags.a"),))),
        ("[ Field ( 'it''s' ) ]", Call("field", (Literal("it's"),))),
        ("[sub(10, -3)]", Call("sub", (Literal(10), Literal(-3)))),
        ("[resourceGroup().tags['env']]", Item(Item(Call("resourcegroup"), Literal("tags")), Literal("env"))),
        ("[parameters('zones')[0]]", Item(Call("parameters", (Literal("zones"),)), Literal(0))),
        ("[Contoso.Named('a').id]", Item(Call("contoso.named", (Literal("a"),)), Literal("id"))),
        ("[\n  true()\n]", Call("true")),
        (["a", "b"], Literal(["a", "b"])),
        ({"a": ["[[b]"]}, Literal({"a": ["[b]"]})),
        (None, Literal(None)),
    ],
)
def test_what_is_written_and_what_it_means(written: object, tree: Node) -> None:
    assert read(written) == tree


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("[]", "an empty expression at character 2"),
        ("[concat('a', )]", "`)` at character 14"),
        ("[concat('a' 'b')]", "`)` is missing at character 13"),
        ("[concat('a']", "`)` is missing at character 12"),
        ("[field('a)]", "a string that does not end at character 8"),
        ("[name]", "`name` is no call: parentheses are missing at character 2"),
        ("[a.b]", "`a.b` is no call: parentheses are missing at character 2"),
        ("[field('a').]", "a name is missing after the dot at character 13"),
        ("[a() b()]", "a comma or an operator is missing at character 6"),
        ("[a() + b()]", "`+` at character 6"),
        ("[" + "f(" * 65 + ")" * 65 + "]", "calls nested deeper than 64"),
        ("[concat('" + "x" * 10_000_000 + "')]", "at most 24,576 are allowed"),
    ],
)
def test_what_is_none_is_refused_with_the_place(written: str, complaint: str) -> None:
    with pytest.raises(ExpressionError, match=complaint.replace("(", r"\(").replace(")", r"\)").replace("+", r"\+")):
        read(written)


def test_a_text_tells_trees_apart_and_nothing_else() -> None:
    assert text(read("[ Concat ( 'a' , 1 ) ]")) == text(read("[concat('a',1)]"))
    different = ["[concat('a',1)]", "[concat('a','1')]", "[concat('A',1)]", "a", True, 1, 1.0, "1", None, [], {}]
    assert len({text(read(one)) for one in different}) == len(different)


@given(st.text(max_size=40))
def test_any_string_is_read_or_refused(written: str) -> None:
    offset = 0
    try:
        read(f"[{written}]")
    except ExpressionError as error:
        offset = error.offset
    assert 0 <= offset <= len(written) + 1


@given(st.text(max_size=40))
def test_a_quoted_string_means_itself(value: str) -> None:
    quoted = value.replace("'", "''")
    assert read(f"[concat('{quoted}')]") == Call("concat", (Literal(value),))
