"""Broken exports end in an export with gaps, or in a Refusal that names the place; never in a traceback, never late."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governor import jsonfile
from governor.errors import CANNOT_JUDGE, USAGE, Refusal
from governor.sources import PIPED
from governor.sources.azure import ids
from governor.sources.azure.exports import LAYOUTS, read, write
from governor.sources.azure.exports.writing import Layout
from sources.azure.exported import GROUP, definition, everything

OTHER_VALUES = (None, True, 7, 1.5, "", "x", "[parameters('x')]", "[broken(", [], ["x"], [[]], {}, {"x": "x"}, [{}])


@cache
def written(layout: Layout) -> tuple[tuple[str, str], ...]:
    return tuple(write(everything(), layout).items())


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Pointers to a value and all values within it."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def replaced(value: Any, path: tuple[str | int, ...], by: Any) -> Any:
    """A value with another in one place of it."""
    if not path:
        return by
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], by)  # type: ignore[index]
    return copy


def outcome(work: Callable[[], Any]) -> Any:
    """What some work gives, or the Refusal that it ends with."""
    try:
        return work()
    except Refusal as refusal:
        return refusal


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_may_be_another(layout: Layout, data: st.DataObject) -> None:
    files = dict(written(layout))
    name = data.draw(st.sampled_from(sorted(files)))
    whole = json.loads(files[name])
    place = data.draw(st.sampled_from(list(places(whole))))
    files[name] = json.dumps(replaced(whole, place, data.draw(st.sampled_from(OTHER_VALUES))))

    with TemporaryDirectory() as folder:
        for path, text in files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(text, "utf-8")
        told = outcome(lambda: read([Path(folder)]))
        if isinstance(told, Refusal):
            assert told.place.startswith(folder)
        else:
            assert all(gap.place.startswith(folder) and gap.reason for gap in told.gaps)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_truncated_file_is_a_gap_and_the_others_are_read(layout: Layout, data: st.DataObject) -> None:
    files = dict(written(layout))
    name = data.draw(st.sampled_from(sorted(files)))
    text = files[name].rstrip()
    cut = text[: data.draw(st.integers(2, len(text) - 1))]

    with TemporaryDirectory() as folder:
        (Path(folder) / "own.json").write_text(json.dumps(whole_definition()), "utf-8")
        (Path(folder) / "cut.json").write_text(cut + ' "policyRule"', "utf-8")
        export = read([Path(folder)])

    assert [one.name for one in export.definitions] == ["require-project"]
    assert [gap.place.startswith(f"{folder}/cut.json:") for gap in export.gaps] == [True]


def whole_definition(**properties: Any) -> dict[str, Any]:
    """A definition as Resource Manager shows it."""
    made = definition()
    return {
        "id": made.id,
        "name": made.name,
        "type": "Microsoft.Authorization/policyDefinitions",
        "properties": {"displayName": made.display_name, "mode": "Indexed", "policyRule": made.rule, **properties},
    }


WHOLE = json.dumps(whole_definition())


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        pytest.param(WHOLE[:-1], f"1:{len(WHOLE)}", "breaks off", id="truncated"),
        pytest.param(WHOLE[:-1] + ',\n "name": "x"}', "2:2", "the key 'name' stands twice", id="key twice"),
        pytest.param(WHOLE.replace('"Indexed"', "NaN"), "1:", "number that JSON does not have", id="NaN"),
        pytest.param(WHOLE.replace('"Indexed"', "1e999"), "1:", "number that JSON does not have", id="infinite"),
        pytest.param(WHOLE.replace('"Indexed"', "9" * 5000), "1:", "number that JSON does not have", id="huge number"),
        pytest.param(WHOLE.replace("Indexed", "\\ud800"), "1:", "half a character", id="lone surrogate"),
        pytest.param(
            '{"policyRule":' * 100_000, f"1:{14 * 200 + 1}", "more than 200 levels", id="100,000 objects deep"
        ),
        pytest.param("[" * 100_000, "1:201", "more than 200 levels", id="100,000 lists deep"),
        pytest.param("[" * 201 + "]" * 201, "1:201", "more than 200 levels", id="201 lists deep"),
        pytest.param("", "1:1", "is empty", id="empty"),
        pytest.param("\n\n{,}", "3:2", "not JSON", id="no JSON"),
        pytest.param("policyRule: yes", "1:1", "not JSON", id="YAML"),
        pytest.param(
            '{"policyRule": "' + "\\n" * 5_000_000, "1:16", "breaks off", id="10 MB of a text that never ends"
        ),
        pytest.param('{"policyRule": "' + '\\"' * 5_000_000, "1:16", "breaks off", id="10 MB of quotes in a text"),
        pytest.param('{"policyRule": ' + "/* " * 1_000_000, "1:", "breaks off", id="3 MB of a comment that never ends"),
        pytest.param('{"policyRule": ' + "," * 2_000_000, "1:16", "not JSON", id="2 MB of commas"),
    ],
)
def test_an_only_file_that_is_broken_is_refused_at_its_place(
    content: str, place: str, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.json"
    file.write_text(content, "utf-8")

    with pytest.raises(Refusal) as refused:
        read([file])

    assert refused.value.code == CANNOT_JUDGE
    assert refused.value.place.startswith(f"{file}:{place}")
    assert reason in refused.value.message


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_bytes(b'{"policyRule": "\xff"}')

    with pytest.raises(Refusal, match="not text in UTF-8"):
        read([tmp_path / "policy.json"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_known(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_bytes(json.dumps(whole_definition(displayName="Überall ein Tag")).encode(encoding))

    (found,) = read([tmp_path]).definitions

    assert found.display_name == "Überall ein Tag"


def test_a_text_of_10_mb_is_read(tmp_path: Path) -> None:
    long = "[concat('" + "x" * 10_000_000 + "')]"
    (tmp_path / "policy.json").write_text(json.dumps(whole_definition(policyRule={"if": {"field": long}})), "utf-8")

    (found,) = read([tmp_path / "policy.json"]).definitions

    assert found.rule["if"]["field"] == long


def template(resource: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A template for a management group."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-08-01/managementGroupDeploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "metadata": {"deploymentScope": GROUP},
        "resources": [{"type": "Microsoft.Authorization/policyDefinitions", "apiVersion": "2023-04-01", **resource}],
        **parts,
    }


DOUBLED = {"v0": "x" * 64, **{f"v{n}": f"[concat(variables('v{n - 1}'), variables('v{n - 1}'))]" for n in range(1, 60)}}
NESTED = {
    "v0": ["x"],
    **{f"v{n}": f"[createArray(variables('v{n - 1}'), variables('v{n - 1}'))]" for n in range(1, 60)},
}
LOOPS = {
    "copy": [{"name": "many", "count": 800, "input": {"copy": [{"name": "more", "count": 800, "input": "x" * 9}]}}]
}
CHAIN = {"v0": "x", **{f"v{n}": f"[variables('v{n - 1}')]" for n in range(1, 3000)}}


@pytest.mark.parametrize(
    ("variables", "expression", "reason"),
    [
        pytest.param(DOUBLED, "[variables('v59')]", "more than 131,072 characters", id="texts that double"),
        pytest.param(NESTED, "[variables('v59')]", "asks for more than Azure allows", id="lists that double"),
        pytest.param(LOOPS, "[variables('many')]", "asks for more than Azure allows", id="loops in loops"),
        pytest.param(
            {"a": "[variables('b')]", "b": "[variables('a')]"},
            "[variables('a')]",
            "variable a is made of itself",
            id="circle",
        ),
        pytest.param(CHAIN, "[variables('v2999')]", "too deep", id="a chain of 3,000"),
        pytest.param(
            {}, "[" + "concat(" * 2000 + "'x'" + ")" * 2000 + "]", "nested deeper than 64", id="2,000 calls deep"
        ),
        pytest.param(
            {}, "[" + "concat('x'" + ", 'x'" * 200_000 + "]", "at most 24,576 are allowed", id="1 MB of an expression"
        ),
        pytest.param({}, "[padLeft('x', 999999999)]", "not between 1 and 16", id="padded"),
        pytest.param({}, "[range(0, 999999999)]", "from 0 to 10,000", id="range"),
    ],
)
def test_a_template_that_grows_without_end_is_a_gap(
    variables: dict[str, Any], expression: str, reason: str, tmp_path: Path
) -> None:
    properties = {"displayName": "x", "policyRule": {"if": {"value": expression}, "then": {"effect": "audit"}}}
    whole = template({"name": "grows", "properties": properties}, variables=variables)
    whole["resources"].append({**whole["resources"][0], "name": "plain", "properties": {"policyRule": {"if": {}}}})
    (tmp_path / "main.json").write_text(json.dumps(whole), "utf-8")

    export = read([tmp_path])

    assert [one.name for one in export.definitions] == ["plain"]
    (gap,) = export.gaps
    assert reason in gap.reason
    assert gap.place.startswith(f"{tmp_path}/main.json:1:")


@pytest.mark.parametrize("name", ["outer", "inner"])
def test_an_initiative_within_an_initiative_is_a_gap_at_the_member(name: str, tmp_path: Path) -> None:
    def initiative(own: str, other: str) -> dict[str, Any]:
        return {
            "id": ids.made(GROUP, ids.INITIATIVES, own),
            "name": own,
            "properties": {
                "policyDefinitions": [
                    {"policyDefinitionReferenceId": "a", "policyDefinitionId": definition().id},
                    {"policyDefinitionReferenceId": "b", "policyDefinitionId": ids.made(GROUP, ids.INITIATIVES, other)},
                ]
            },
        }

    found = [initiative("outer", name), initiative("inner", "outer")]
    (tmp_path / "sets.json").write_text(json.dumps(found, indent=1), "utf-8")

    export = read([tmp_path])

    assert [[member.reference for member in one.members] for one in export.initiatives] == [["a"], ["a"]]
    assert [(gap.place, gap.reason) for gap in export.gaps] == [
        (f"{tmp_path}/sets.json:11:5", "an initiative holds definitions, and this member is an initiative"),
        (f"{tmp_path}/sets.json:27:5", "an initiative holds definitions, and this member is an initiative"),
    ]


def test_what_holds_nothing_of_azure_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x", "dependencies": {}}', "utf-8")

    for path, what in ((tmp_path / "package.json", "this file holds nothing"), (tmp_path, "no file in this folder")):
        with pytest.raises(Refusal, match=what) as refused:
            read([path])
        assert (refused.value.place, refused.value.code) == (str(path), USAGE)
    with pytest.raises(Refusal, match="this file holds nothing"):
        read([PIPED], b"[]")
    with pytest.raises(Refusal, match="cannot be read: No such file"):
        read([tmp_path / "nowhere.json"])


def test_in_a_folder_other_files_are_passed_by_in_silence(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(WHOLE, "utf-8")
    (tmp_path / "package.json").write_text('{"name": "x",', "utf-8")
    (tmp_path / "README.md").write_text("[policyDefinition](policyRule)", "utf-8")
    (tmp_path / "chart.yaml").write_text("{{ .Values.policyRule }}", "utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG policyRule \x00\xff")
    (tmp_path / "schema.json").write_text('{"$schema": "http://json-schema.org/draft-07/schema#", "policyRule": 1}')
    (tmp_path / "pods.json").write_text('{"items": [{"spec": {"nodeName": "n", "priorityPolicyName": "p"}}]}', "utf-8")
    for left_out in (".git", "node_modules"):
        (tmp_path / left_out).mkdir()
        (tmp_path / left_out / "policy.json").write_text('{"policyRule": ', "utf-8")

    export = read([tmp_path])

    assert ([one.name for one in export.definitions], export.gaps) == (["require-project"], ())


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from('{}[]",:/*\\ \n\ttruefalsn01.eE-é'), max_size=40))
def test_any_text_is_read_as_json_or_refused_with_a_place(text: str) -> None:
    value = outcome(lambda: jsonfile.parse(text, "file"))
    if isinstance(value, Refusal):
        assert value.place.startswith("file:")
        return
    for place in places(value):
        line, column = jsonfile.position(text, place)
        assert text.split("\n")[line - 1][column - 1 :]
