"""The template functions of Azure Policy: what Microsoft documents, and what regorus answers."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.arm.functions import (
    PURE,
    Function,
    NotComputed,
    Semantics,
    TemplateError,
    collated,
    format_time,
    functions,
)
from governor.azure_model import Unknown

LONGEST = 131_072


def call(name: str, *arguments: Any, semantics: Semantics = "documented") -> Any:
    return functions(semantics)[name.lower()](list(arguments))


def regorus(name: str, *arguments: Any) -> Any:
    return call(name, *arguments, semantics="regorus")


def fails(name: str, *arguments: Any, semantics: Semantics = "documented") -> str:
    """The message of a call that fails for good."""
    with pytest.raises(TemplateError) as caught:
        call(name, *arguments, semantics=semantics)
    assert type(caught.value) is TemplateError
    message = str(caught.value)
    assert "\n" not in message
    return message


# The cases of regorus, shared beside the project.

OTHER_NAMES = {"int_div": "div", "int_mod": "mod", "logic_all": "and", "logic_any": "or"}
THE_COMPILERS = {"get_parameter", "resolve_field"}
"""They need parameters and a resource."""

NOT_IN_RULES = {"date_time_add", "date_time_from_epoch", "date_time_to_epoch"}
"""Microsoft's page of the rule leaves them out."""

DIFFERENT = {
    "add_days/add_365_days": "seven decimals (definition-structure-policy-rule: yyyy-MM-ddTHH:mm:ss.fffffffZ)",
    "add_days/add_days_leap_year": "seven decimals",
    "add_days/add_days_non_leap_year": "seven decimals",
    "add_days/add_zero_days": "seven decimals",
    "add_days/subtract_one_day": "seven decimals",
    "bool/bool_from_string_0": "ToObject<bool> of the linter reads true and false only",
    "bool/bool_from_string_1": "ToObject<bool> of the linter reads true and false only",
    "empty/empty_bool_false": "template-functions-array: an array, an object or text",
    "ip_range_contains/ip_invalid_range": "definition-structure-policy-rule: what is no range fails",
    "ip_range_contains/ip_invalid_target": "definition-structure-policy-rule: what is no range fails",
    "logic_all/single_false": "template-functions-logical: two arguments or more",
    "logic_any/single_true": "template-functions-logical: two arguments or more",
    "pad_left/pad_left_width_0": "the linter pads to 1 to 16 characters",
    "string/string_from_null": "empty text in the linter",
}
"""Cases of regorus that Microsoft's functions answer otherwise → why."""


@pytest.fixture(scope="session")
def cases(shared: Path) -> list[dict[str, Any]]:
    lines = (shared / "samples" / "azure" / "functions_shared.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert len(found) > 250
    return [case for case in found if case["function"] not in THE_COMPILERS]


def agrees(case: Mapping[str, Any], semantics: Semantics) -> bool:
    name = case["function"]
    function = functions(semantics).get(OTHER_NAMES.get(name, name.replace("_", "")))
    try:
        value = function(case["args"]) if function else None
    except TemplateError:
        return case["expected"]["kind"] in ("undefined", "error")
    expected = case["expected"]
    return bool(function) and expected["kind"] == "value" and of_json(value) == of_json(expected["value"])


def of_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def test_regorus_is_answered_for_in_all_its_cases(cases: list[dict[str, Any]]) -> None:
    assert [case["id"] for case in cases if not agrees(case, "regorus")] == []


def test_microsofts_answers_are_others_where_the_table_says_why(cases: list[dict[str, Any]]) -> None:
    allowed = [case for case in cases if case["function"] not in NOT_IN_RULES]
    assert len(allowed) < len(cases)
    others = {case["id"].removeprefix("fn/") for case in allowed if not agrees(case, "documented")}
    assert others == set(DIFFERENT)


# Which functions there are.


def test_what_microsoft_leaves_out_of_rules_is_no_function() -> None:
    left_out = {
        "copyIndex", "dateTimeAdd", "dateTimeFromEpoch", "dateTimeToEpoch", "deployment", "environment",
        "extensionResourceId", "filter", "lambda", "listKeys", "managementGroup", "map", "newGuid", "pickZones",
        "providers", "reduce", "reference", "resourceId", "sort", "tenant", "toObject", "variables",
    }  # fmt: skip
    assert not {name.lower() for name in left_out} & set(PURE)
    assert {"datetimeadd", "datetimefromepoch", "datetimetoepoch"} <= set(functions("regorus"))
    assert not {"guid", "uniquestring", "parsecidr"} & set(functions("regorus"))


def test_the_functions_that_rules_of_microsoft_use_are_there() -> None:
    used = """
        add addDays and array base64 bool coalesce concat contains createArray createObject empty endsWith equals first
        format greater greaterOrEquals if indexOf int ipRangeContains join json last lastIndexOf length less
        lessOrEquals max min mod mul not null or padLeft range replace skip split startsWith string sub substring take
        toLower toUpper trim tryGet union uniqueString uri uriComponent intersection items guid div float true false
    """
    assert {name.lower() for name in used.split()} <= set(PURE)
    assert all(name == function.name.lower() for name, function in PURE.items())


def test_the_count_of_arguments_is_known_before_a_call_and_checked_in_it() -> None:
    pad, concat = PURE["padleft"], PURE["concat"]
    assert (pad.least, pad.most, concat.least, concat.most) == (2, 3, 1, None)
    assert [pad.takes(count) for count in range(5)] == [False, False, True, True, False]
    assert fails("padLeft", "a") == "padLeft: takes 2 to 3 arguments, not 1"
    assert fails("toLower") == "toLower: takes 1 argument, not 0"
    assert fails("concat") == "concat: takes at least 1 argument, not 0"
    assert fails("and", True) == "and: takes at least 2 arguments, not 1"


# Where Microsoft and regorus differ.


@pytest.mark.parametrize(
    ("name", "arguments", "microsoft", "others"),
    [
        ("equals", ("Prod", "prod"), False, True),
        ("equals", (5, "5"), False, True),
        ("equals", (True, "true"), False, True),
        ("equals", (None, ""), False, True),
        ("equals", (1, 1.0), True, True),
        ("equals", (1, True), False, False),
        ("contains", (["Prod"], "prod"), False, True),
        ("contains", ("Production", "PROD"), True, True),
        ("less", ("B", "a"), False, False),
        ("concat", ("a", None, "b"), "ab", TemplateError),
        ("concat", ("a", 1, True), "a1True", TemplateError),
        ("concat", ([1], [2]), [1, 2], TemplateError),
        ("if", ("true", 1, 2), TemplateError, 2),
        ("and", (True, "true"), TemplateError, False),
        ("not", ("x",), TemplateError, True),
        ("less", (1, "2"), TemplateError, True),
        ("less", ([], 1), TemplateError, False),
        ("contains", (12, "1"), TemplateError, True),
        ("length", (None,), 0, TemplateError),
        ("first", (None,), None, TemplateError),
        ("replace", ("Dev-dev", "DEV", "x"), "x-x", "Dev-dev"),
        ("substring", ("abc", 2, 5), TemplateError, "c"),
        ("string", (True,), "True", "true"),
        ("padLeft", ("a", 17), TemplateError, " " * 16 + "a"),
        ("split", ("aXYb", ["X", "XY"]), ["a", "Yb"], ["a", "b"]),
        ("join", ([1, "a"], "-"), TemplateError, "1-a"),
        ("union", ({"Team": 1}, {"team": 2}), {"Team": 2}, {"Team": 1, "team": 2}),
        ("intersection", ([1, 1, 2], [1]), [1], [1, 1]),
        ("items", ({"b": 1, "A": 2, "C": 3},), "A b C", "A C b"),
        ("tryGet", ({"Team": 1}, "team"), 1, None),
        ("uriComponentToString", ("a+b",), "a b", "a+b"),
        ("uriComponentToString", ("50%",), "50%", TemplateError),
        ("dataUri", ([1],), "data:application/json;charset=utf8;base64,WzFd", TemplateError),
        ("dataUriToString", ("data:,a%20b",), "a b", TemplateError),
        ("json", (None,), {}, TemplateError),
        ("ipRangeContains", ("10.0.0.0/8", "::1"), TemplateError, False),
        (
            "addDays",
            ("2024-01-15T23:00:00.5-02:00", 1),
            "2024-01-17T01:00:00.5000000Z",
            "2024-01-16T23:00:00.500-02:00",
        ),
    ],
)
def test_each_semantics_has_its_own_answer(name: str, arguments: tuple[Any, ...], microsoft: Any, others: Any) -> None:
    semantics: tuple[Semantics, Semantics] = ("documented", "regorus")
    for which, expected in zip(semantics, (microsoft, others), strict=True):
        if expected is TemplateError:
            fails(name, *arguments, semantics=which)
        else:
            answer = call(name, *arguments, semantics=which)
            if name == "items":
                answer = " ".join(item["key"] for item in answer)
            assert of_json(answer) == of_json(expected)


# Single functions.


def test_text_is_sought_without_case_and_found_where_it_stands() -> None:
    assert call("indexOf", "Die Straße", "STRASSE") == 4
    assert call("lastIndexOf", "ßaSSb", "ss") == 2
    assert (call("indexOf", "", ""), call("lastIndexOf", "abc", "")) == (0, 3)
    assert call("replace", "Straße und strasse", "STRASSE", "Weg") == "Weg und Weg"
    assert call("replace", "a-B-c", "-", "") == "aBc"
    assert call("indexOf", ["a", "A", "b"], "A") == 1
    assert call("lastIndexOf", [1, 2, 1], 1) == 2
    assert call("startsWith", None, "x") is False
    assert fails("replace", "abc", "", "x") == "replace: the text to replace is empty"


def test_text_is_ordered_as_people_order_it() -> None:
    words = ["zebra", "Apple", "apple", "Banana", "10", "_x", "a-b", "ab"]
    assert sorted(words, key=collated) == ["_x", "10", "a-b", "ab", "apple", "Apple", "Banana", "zebra"]
    assert call("less", "apple", "Apple") is True
    assert call("greaterOrEquals", "b", "A") is True
    assert call("less", "2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z") is True
    assert fails("less", 1, "a") == "less: 1 is no text"
    assert fails("less", True, 2) == "less: true is no number"


def test_numbers_are_whole_ones_of_64_bits() -> None:
    assert [call("div", a, b) for a, b in ((7, 2), (-7, 2), (7, -2), (-7, -2))] == [3, -3, -3, 3]
    assert [call("mod", a, b) for a, b in ((7, 3), (-7, 3), (7, -3), (-7, -3))] == [1, -1, 1, -1]
    assert fails("add", "a", 1) == "add: 'a' is no whole number"
    assert fails("mul", 2**62, 2) == "mul: the result has more than 64 bits"
    assert fails("div", -(2**63), -1) == "div: the result has more than 64 bits"
    assert fails("mod", 1, 0) == "mod: nothing can be divided by zero"
    assert fails("add", 1.5, 1) == "add: 1.5 is no whole number"
    assert fails("add", True, 1) == "add: true is no whole number"
    assert (regorus("add", 1.5, 1), regorus("mul", 2, 0.5)) == (2.5, 1.0)


@pytest.mark.parametrize("text", ["1_000", "٣", "0x10", "", "nan", "inf", "1e999", "--1", "1.2.3"])
def test_what_only_python_reads_as_a_number_is_none(text: str) -> None:
    for semantics in ("documented", "regorus"):
        fails("int", text, semantics=semantics)
        fails("float", text, semantics=semantics)
    assert call("int", " 42 ") == 42
    assert call("int", "-3.7") == -3


@pytest.mark.parametrize(
    ("pattern", "value", "text"),
    [
        ("{0}", None, ""),
        ("{0}", True, "True"),
        ("{0}", 42.0, "42"),
        ("{0}", 1e20, "1E+20"),
        ("{0}", {"a": ["b"]}, "{'a':['b']}"),
        ("[{0,5}]", "ab", "[   ab]"),
        ("[{0,-5}]", "ab", "[ab   ]"),
        ("{0:D5}", -42, "-00042"),
        ("{0:x8}", 48879, "0000beef"),
        ("{0:X}", -1, "FFFFFFFFFFFFFFFF"),
        ("{0:F1}", 0.25, "0.3"),
        ("{0:F}", 7, "7.00"),
        ("{0:N0}", -1234567.5, "-1,234,568"),
        ("{0:P1}", 0.1234, "12.3 %"),
        ("{0:E2}", 12345, "1.23E+004"),
        ("{0:e}", 0.5, "5.000000e-001"),
        ("{0:G}", 1.5, "1.5"),
        ("{0:N2}", "as it is", "as it is"),
        ("{{{0}}}", "x", "{x}"),
    ],
)
def test_values_are_formatted_as_dotnet_does(pattern: str, value: Any, text: str) -> None:
    assert call("format", pattern, value) == text


def test_a_format_that_is_none_fails_and_one_that_is_not_worked_out_is_not_guessed() -> None:
    assert fails("format", "{0} {1}", "a") == "format: {1} refers to an argument that is not there: there are 1"
    assert fails("format", "a } b") == "format: unmatched closing brace at character 3"
    assert fails("format", "a {0", 1) == "format: unmatched opening brace at character 3"
    assert fails("format", "{}", 1) == "format: {} names no argument: write {0}"
    assert fails("format", "{0:Y}", 1) == "format: Y is no number format"
    assert fails("format", "{0:D}", 1.5) == "format: D is for whole numbers"
    for specifier in ("#,##0", "000", "C", "G3"):
        with pytest.raises(NotComputed, match="governor does not work out"):
            call("format", f"{{0:{specifier}}}", 1)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (None, "2024-03-05T12:07:09.1234560Z"),
        ("o", "2024-03-05T14:07:09.1234560+02:00"),
        ("u", "2024-03-05 12:07:09Z"),
        ("R", "Tue, 05 Mar 2024 12:07:09 GMT"),
        ("D", "Tuesday, 05 March 2024"),
        ("g", "03/05/2024 14:07"),
        ("s", "2024-03-05T14:07:09"),
        ("yyyyMMddTHHmmssZ", "20240305T140709Z"),
        ("d-M-yy h:m:s tt", "5-3-24 2:7:9 PM"),
        ("ddd dddd MMM MMMM", "Tue Tuesday Mar March"),
        ("HH.mm 'o''clock' \\d %d", "14.07 oclock d 5"),
        ("ss.fff ss.FFFFFFF zzz zz z K", "09.123 09.123456 +02:00 +02 +2 +02:00"),
    ],
)
def test_moments_are_formatted_as_dotnet_does(pattern: str | None, text: str) -> None:
    moment = datetime(2024, 3, 5, 14, 7, 9, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(moment, pattern) == text


@pytest.mark.parametrize(("hour", "text"), [(0, "12 AM"), (1, "1 AM"), (12, "12 PM"), (13, "1 PM")])
def test_noon_and_midnight_are_twelve(hour: int, text: str) -> None:
    assert format_time(datetime(2024, 3, 5, hour), "h tt") == text


def test_formats_of_moments_that_are_none_fail() -> None:
    moment = datetime(2024, 3, 5)
    for pattern in ("Q", "%", "yyyy%", "'open", "end\\", "ffffffff", "y" * 2000):
        with pytest.raises(TemplateError):
            format_time(moment, pattern)


def test_days_are_added_in_utc_with_the_decimals_there_are() -> None:
    assert call("addDays", "2024-02-28T23:59:59.1234567Z", 2) == "2024-03-01T23:59:59.1234567Z"
    assert fails("addDays", "yesterday", 1) == "addDays: 'yesterday' is no date and time of ISO 8601"
    assert (
        fails("addDays", "2023-02-29T00:00:00Z", 1) == "addDays: '2023-02-29T00:00:00Z' is no date and time of ISO 8601"
    )
    assert fails("addDays", "2024-01-01T00:00:00Z", 10**7) == "addDays: the date is outside the years 1 to 9999"
    assert fails("addDays", "2024-01-01T00:00:00Z", "1") == "addDays: '1' is no whole number"


@pytest.mark.parametrize(
    ("around", "within", "answer"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.7/8", "10.0.0.0/16", True),
        ("10.0.0.0/16", "10.0.0.0/8", False),
        ("10.0.0.10-10.0.0.20", "10.0.0.12-10.0.0.20", True),
        ("10.0.0.10-10.0.0.20", "10.0.0.0/28", False),
        ("192.168.0.1", "192.168.0.1/32", True),
        ("2001:db8::/32", "2001:db8::1", True),
    ],
)
def test_a_range_of_addresses_contains_another(around: str, within: str, answer: bool) -> None:
    assert call("ipRangeContains", around, within) is answer


@pytest.mark.parametrize(
    "text",
    ["10.0.0.20-10.0.0.10", "10.0.0.0/255.0.0.0", "10.0.0.0/33", "010.0.0.1", "fe80::1%eth0", "10.0.0.1-::1", ""],
)
def test_what_is_no_range_of_addresses_fails(text: str) -> None:
    assert "ipRangeContains: " in fails("ipRangeContains", text, "10.0.0.1")
    assert regorus("ipRangeContains", text, "10.0.0.1") is False


def test_networks_are_cut_as_microsofts_page_shows() -> None:
    assert call("parseCidr", "10.144.0.0/20") == {
        "network": "10.144.0.0",
        "netmask": "255.255.240.0",
        "broadcast": "10.144.15.255",
        "firstUsable": "10.144.0.1",
        "lastUsable": "10.144.15.254",
        "cidr": 20,
    }
    assert call("parseCidr", "fdad:3236:5555::/48") == {
        "network": "fdad:3236:5555::",
        "netmask": "ffff:ffff:ffff::",
        "firstUsable": "fdad:3236:5555::",
        "lastUsable": "fdad:3236:5555:ffff:ffff:ffff:ffff:ffff",
        "cidr": 48,
    }
    assert [call("cidrSubnet", "10.144.0.0/20", 24, index) for index in (0, 4)] == ["10.144.0.0/24", "10.144.4.0/24"]
    assert call("cidrSubnet", "fdad:3236:5555::/48", 52, 1) == "fdad:3236:5555:1000::/52"
    assert [call("cidrHost", "10.144.3.0/24", index) for index in (0, 4)] == ["10.144.3.1", "10.144.3.5"]
    assert call("cidrHost", "fdad:3236:5555:3000::/52", 0) == "fdad:3236:5555:3000::1"
    fails("cidrSubnet", "10.144.0.0/20", 24, 16)
    fails("cidrSubnet", "10.144.0.0/20", 16, 0)
    fails("cidrHost", "10.144.3.0/24", 254)
    with pytest.raises(NotComputed):
        call("parseCidr", "10.0.0.0/31")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["tyeth"], "zcztcwvu6iyg6"),
        (["test"], "rbgf3xv4ufgzg"),
        (["hello", "world"], "a7wkljktk6wne"),
        (
            ["/subscriptions/3c7f956b-55ee-4686-9d30-da1eb631dc59/resourceGroups/rg-devopsshieldek010dev"],
            "fd63l2gacbtca",
        ),
    ],
)
def test_unique_strings_are_azures_own(arguments: list[str], text: str) -> None:
    """Known from outputs of Azure that others published."""
    assert call("uniqueString", *arguments) == text


def test_a_guid_is_the_uuid_of_its_arguments_joined() -> None:
    namespace = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
    assert call("guid", "a", "b") == call("guid", "a-b") == str(uuid.uuid5(namespace, "a-b"))


def test_objects_are_merged_at_any_depth_and_reached_in_any_case() -> None:
    assert call("union", {"a": {"b": 1, "c": [1]}}, {"A": {"C": [2]}}) == {"a": {"b": 1, "c": [2]}}
    assert call("tryGet", {"Sku": {"Name": "S1"}}, "sku", "name") == "S1"
    assert call("tryGet", {}, "sku", "name") is None
    assert fails("tryGet", {"sku": {}}, "sku", "name") == "tryGet: there is no 'name'"
    assert call("contains", {"Team": None}, "TEAM") is True
    assert fails("createObject", "a", 1, "a", 2) == "createObject: two members have one name"
    assert fails("union", [], {}) == "union: takes arrays or objects, not both"
    assert call("intersection", {"a": 1, "b": 2}, {"a": 1, "b": 3}) == {"a": 1}


def test_a_secret_in_a_message_is_whole_or_absent() -> None:
    """So that whoever knows the secret finds it and strikes it out."""
    assert fails("int", "s3cret") == "int: 's3cret' is no number"
    assert fails("int", "s3cret" * 20) == "int: a text of 120 characters is no number"
    assert fails("int", "two\nlines") == "int: a text of 9 characters is no number"


# What is not known.

NOT_YET = Unknown("after apply")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("equals", ([1, NOT_YET], [1, 2])),
        ("equals", ({"a": NOT_YET}, {"a": 1})),
        ("contains", ([NOT_YET], "a")),
        ("string", ({"a": NOT_YET},)),
        ("union", ([NOT_YET], ["a"])),
        ("concat", ("a", NOT_YET)),
        ("join", (["a", NOT_YET], ",")),
        ("tryGet", ({"a": NOT_YET}, "a", "b")),
        ("empty", (NOT_YET,)),
    ],
)
def test_what_depends_on_something_unknown_is_not_computed(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(NotComputed, match="after apply"):
        call(name, *arguments)


def test_a_delimiter_or_a_member_that_is_not_known_is_not_left_out() -> None:
    for semantics in ("documented", "regorus"):
        for name, arguments in (
            ("split", ["a-b", ["-", NOT_YET]]),
            ("union", [{"a": {"b": 1}}, {"a": NOT_YET}]),
            ("union", [{"a": NOT_YET}, {"a": {"b": 1}}]),
            ("max", [[1, NOT_YET]]),
        ):
            with pytest.raises(NotComputed, match="after apply"):
                call(name, *arguments, semantics=semantics)


def test_what_does_not_depend_on_it_is_answered() -> None:
    assert call("union", {"a": NOT_YET, "b": 1}, {"a": 2, "c": NOT_YET}) == {"a": 2, "b": 1, "c": NOT_YET}
    assert call("equals", [1, NOT_YET], [2, 2]) is False
    assert call("length", [NOT_YET, NOT_YET]) == 2
    assert call("first", ["a", NOT_YET]) == "a"
    assert call("contains", ["a", NOT_YET], "a") is True
    assert call("contains", {"a": NOT_YET}, "A") is True


# Bounds.


def test_no_result_has_more_characters_than_microsoft_allows() -> None:
    half = "x" * (LONGEST // 2 + 1)
    assert len(call("concat", half[1:], half[1:])) == LONGEST
    too_long = "the result has more than 131,072 characters"
    for name, arguments in (
        ("concat", (half, half)),
        ("replace", (half, "x", half)),
        ("join", ([""] * 100, half)),
        ("format", ("{0}{0}", half)),
        ("format", ("{0,999999999}", "a")),
        ("base64", (half + half,)),
        ("uriComponent", ("ß" * LONGEST,)),
        ("string", ([half, half],)),
    ):
        assert too_long in fails(name, *arguments)
    assert fails("range", 0, 10_001) == "range: it counts from 0 to 10,000 numbers"
    assert "pads to no more" in fails("padLeft", "a", 10**9, semantics="regorus")
    assert "no more than 1,000 delimiters" in fails("split", "a", [str(number) for number in range(1001)])


def test_what_is_nested_too_deeply_is_an_error_and_no_crash() -> None:
    deep: list[Any] = []
    other: list[Any] = []
    for _ in range(5_000):
        deep, other = [deep], [other]
    for name, arguments in (
        ("json", ("[" * 50_000 + "]" * 50_000,)),
        ("json", ('{"a":' * 20_000 + "1" + "}" * 20_000,)),
        ("string", (deep,)),
        ("equals", (deep, other)),
        ("union", (deep, other)),
        ("contains", ([deep], other)),
    ):
        assert "nested too deeply" in fails(name, *arguments)


# Rules that always hold.

TEXT = st.text(st.characters(codec="utf-8"))
SURROGATES = st.text(st.characters(exclude_categories=()))
SPECIAL = st.sampled_from(
    [
        "{0}", "{0,-9:N2}", "{0:E3}{1}", "{{", "10.0.0.0/8", "10.0.0.1-10.0.0.9", "::/0", "2024-01-15T12:00:00Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-P1Y2M3DT4.5H", "P999999999Y", "data:;base64,YQ==",
        "YQ==", "%", "%zz", "+", "true", "1", "-1.5e3", "https://a/b", "null", "[1]", "ddd'", "R", "ß",
        "\N{LATIN SMALL LIGATURE FFI}",
    ]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-5, 40),
    st.sampled_from([10**400, -(10**400), 2**63, 2**31]),
    st.floats(allow_nan=False, allow_infinity=False),
    SURROGATES,
    SPECIAL,
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SURROGATES | SPECIAL, inner, max_size=4)
)
WITH_UNKNOWN = st.recursive(
    LEAVES | st.just(NOT_YET), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)
ALL = [*functions("documented").values(), *functions("regorus").values()]


def is_json(value: Any) -> bool:
    if type(value) is list:
        return all(map(is_json, value))
    if type(value) is dict:
        return all(type(name) is str and is_json(item) for name, item in value.items())
    return value is None or type(value) in (bool, int, float, str)


@settings(max_examples=250, deadline=None)
@given(arguments=st.lists(VALUES, max_size=4))
def test_all_functions_answer_json_or_fail_with_one_line(arguments: list[Any]) -> None:
    all_answer_json_or_fail_with_one_line(arguments)


@pytest.mark.parametrize("before", [[], [1], ["{0:F}"], ["{0:X}"], ["{0}"], [[10**5000]], [{"a": 10**5000}]])
def test_a_number_of_thousands_of_digits_is_no_crash(before: list[Any]) -> None:
    """Python refuses to write it."""
    all_answer_json_or_fail_with_one_line([*before, 10**5000])


def all_answer_json_or_fail_with_one_line(arguments: list[Any]) -> None:
    before = copy.deepcopy(arguments)
    for function in ALL:
        try:
            answer = function(arguments)
        except TemplateError as error:
            message = str(error)
            assert message.splitlines() == [message], function.name
            assert len(message) < 250, function.name
        else:
            assert is_json(answer), function.name
            assert not isinstance(answer, str) or len(answer) <= LONGEST, function.name
        assert arguments == before, function.name


def error_of(function: Function, arguments: list[Any]) -> TemplateError | None:
    try:
        function(arguments)
    except TemplateError as error:
        return error
    return None


@settings(max_examples=300, deadline=None)
@given(arguments=st.lists(WITH_UNKNOWN, max_size=4))
def test_no_function_says_what_is_wrong_with_something_unknown(arguments: list[Any]) -> None:
    for function in ALL:
        error = error_of(function, arguments)
        assert error is None or "Unknown" not in str(error), function.name


def filled(value: Any, unknown: Any) -> Any:
    """A value with what was not known."""
    if type(value) is list:
        return [filled(item, unknown) for item in value]
    if type(value) is dict:
        return {name: filled(item, unknown) for name, item in value.items()}
    return unknown if value is NOT_YET else value


@settings(max_examples=300, deadline=None)
@given(arguments=st.lists(WITH_UNKNOWN, max_size=4), unknown=VALUES)
def test_what_is_answered_before_all_is_known_stays_true(arguments: list[Any], unknown: Any) -> None:
    for function in ALL:
        try:
            answer = function(arguments)
        except NotComputed:
            continue
        except TemplateError:
            assert error_of(function, filled(arguments, unknown)), function.name
        else:
            later = function(filled(arguments, unknown))
            assert of_json(later) == of_json(filled(answer, unknown)), function.name


@given(TEXT)
def test_what_is_encoded_reads_back(text: str) -> None:
    for semantics in ("documented", "regorus"):
        assert call("base64ToString", call("base64", text, semantics=semantics), semantics=semantics) == text
        assert call("dataUriToString", call("dataUri", text, semantics=semantics), semantics=semantics) == text
        written = call("uriComponent", text, semantics=semantics)
        assert written.isascii()
        assert call("uriComponentToString", written, semantics=semantics) == text


@given(st.recursive(LEAVES.filter(lambda leaf: type(leaf) is not int or abs(leaf) < 2**63), st.lists))
def test_json_that_is_written_reads_back(value: Any) -> None:
    assert call("equals", call("json", call("string", [value])), [value]) is True


@given(st.lists(LEAVES) | TEXT, st.integers(-3, 12))
def test_what_is_taken_and_what_is_skipped_is_the_whole(value: Any, count: int) -> None:
    for semantics in ("documented", "regorus"):
        assert (
            call("take", value, count, semantics=semantics) + call("skip", value, count, semantics=semantics) == value
        )
    assert call("first", value) == call("first", call("take", value, 1))
    assert call("last", value) == call("first", call("skip", value, call("length", value) - 1))


@given(st.lists(VALUES, max_size=5), st.lists(VALUES, max_size=5))
def test_unions_and_intersections_are_those_of_sets(one: list[Any], other: list[Any]) -> None:
    union, common = call("union", one, other), call("intersection", one, other)
    assert all(call("contains", union, item) for item in one + other)
    assert all(call("contains", one, item) and call("contains", other, item) for item in common)
    assert call("length", call("union", union, one)) == len(union)
    assert len(common) + len(union) == len(call("union", one, one)) + len(call("union", other, other))


@given(st.dictionaries(TEXT, LEAVES, max_size=4), st.dictionaries(TEXT, LEAVES, max_size=4))
def test_a_union_of_objects_has_all_their_members(one: dict[str, Any], other: dict[str, Any]) -> None:
    union = call("union", one, other)
    assert all(call("contains", union, name) for name in (*one, *other))
    assert all(call("tryGet", union, item["key"]) == item["value"] for item in call("items", union))


@given(TEXT, st.text(st.characters(codec="utf-8"), min_size=1), st.lists(TEXT, max_size=4))
def test_what_is_split_is_joined_again(text: str, delimiter: str, parts: list[str]) -> None:
    assert call("join", call("split", text, delimiter), delimiter) == text
    pieces = call("split", text, [delimiter, *parts])
    assert all(part == "" or part not in piece for piece in pieces for part in (delimiter, *parts))


@given(TEXT, TEXT)
def test_what_is_contained_has_a_place(text: str, part: str) -> None:
    assert call("contains", text, part) is (call("indexOf", text, part) >= 0)
    assert call("indexOf", text, part) <= call("lastIndexOf", text, part)
    if call("startsWith", text, part):
        assert call("indexOf", text, part) == 0


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31).filter(bool))
def test_a_number_is_its_quotient_and_its_remainder(number: int, divisor: int) -> None:
    if (number, divisor) != (-(2**63), -1):
        quotient, remainder = call("div", number, divisor), call("mod", number, divisor)
        assert quotient * divisor + remainder == number
        assert abs(remainder) < abs(divisor)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(-9000, 9000))
def test_days_that_are_added_and_taken_away_leave_the_moment(moment: datetime, days: int) -> None:
    written = format_time(moment.replace(tzinfo=UTC))
    assert call("addDays", call("addDays", written, days), -days) == written
    assert format_time(datetime.fromisoformat(written)) == written
