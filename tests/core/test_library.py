"""Folders of policies in, a library out: overlays, cards, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.policy_folders import CARD, ask, python, rego, resource, said, write
from governor import library
from governor.errors import Refusal
from governor.model import Policy


def refusal(folders: Path | list[Path], **how: Any) -> str:
    """What the user reads, places relative to the test's folder."""
    folders = [folders] if isinstance(folders, Path) else folders
    with pytest.raises(Refusal) as caught:
        library.load(folders, **how)
    return str(caught.value).replace(f"{folders[0].parent}/", "")


# Overlays

SCHEMA = {
    "type": "object",
    "required": ["longest"],
    "additionalProperties": False,
    "properties": {
        "longest": {"type": "integer"},
        "teams": {"type": "object", "additionalProperties": {"type": "object", "properties": {"size": {"minimum": 1}}}},
        "since": {"type": "string"},
    },
}
LENGTH = "count(resource.id) > data.config.names.longest"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write(
        tmp_path / "base",
        {
            "names/names.rego": rego(body=LENGTH),
            "names/data.yaml": "longest: 3\nteams: {nlp: {size: 4, lead: ada}}\n",
            "names/schema.json": json.dumps(SCHEMA),
        },
    )


def test_an_organisation_changes_a_number_and_adds_policies_in_both_languages(base: Path, tmp_path: Path) -> None:
    mine = write(
        tmp_path / "mine",
        {
            "names/data.yaml": "longest: 5\nteams: {nlp: {lead: null}, vision: {size: 2}}\n",
            "names/own.rego": rego(id="NAM002", rule="deny_dash", body='contains(resource.id, "-")'),
            "owners/owners.py": python(
                'for r in inventory.resources:\n    if r.tags.get("owner") not in config["known"]:\n'
                '        yield Violation(r.id, "who?", "tags.owner")',
                signature="inventory, config",
            ),
            "owners/data.yaml": "known: [ada]\n",
            "README.md": "ours",
        },
    )

    loaded = library.load([base, mine])
    judgement = ask([base, mine], resource("four", tags={"owner": "ada"}), resource("six-six"))

    assert [policy.id for policy in loaded.policies] == ["NAM001", "NAM002", "PYT001"]
    assert loaded.concerns["names"].config == {
        "longest": 5,
        "teams": {"nlp": {"size": 4}, "vision": {"size": 2}},
    }
    assert loaded.concerns["names"].config_files == (base / "names/data.yaml", mine / "names/data.yaml")
    assert said(judgement) == [
        ("NAM001", "six-six", "too long"),
        ("NAM002", "six-six", "too long"),
        ("PYT001", "six-six", "who?"),
    ]


_DATA = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.none() | st.integers() | st.lists(st.integers(), max_size=2),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)


@given(below=_DATA, above=_DATA)
def test_what_lies_above_wins_and_null_removes(below: dict[str, Any], above: dict[str, Any]) -> None:
    untouched = json.dumps([below, above])

    merged = library.merge(below, above)

    assert json.dumps([below, above]) == untouched
    for key in below.keys() | above.keys():
        if key not in above:
            assert merged[key] == below[key]
        elif above[key] is None:
            assert key not in merged
        elif isinstance(above[key], dict):
            under = below.get(key)
            assert merged[key] == library.merge(under if isinstance(under, dict) else {}, above[key])
        else:
            assert merged[key] == above[key]


def test_no_null_reaches_a_policy() -> None:
    assert library.merge({}, {"a": None, "b": {"c": None, "d": {"e": None}}}) == {"b": {"d": {}}}


@given(data=_DATA)
def test_an_empty_overlay_changes_nothing(data: dict[str, Any]) -> None:
    assert library.merge(data, {}) == data


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            "longest: 5\n\nteams:\n  nlp:\n    size: 0\n",
            (
                "mine/names/data.yaml:5: the data of names is wrong at "
                "teams.nlp.size: 0 is less than the minimum of 1 (base/names/schema.json says what it takes)"
            ),
        ),
        (
            "longest: 5\nlongets: 6\n",
            (
                "mine/names/data.yaml:2: the data of names is wrong at longets: Additional "
                "properties are not allowed ('longets' was unexpected) (base/names/schema.json says what it takes)"
            ),
        ),
        (
            "# none\nlongest: ~\n",
            (
                "mine/names/data.yaml:2: the data of names is wrong at the top: 'longest' is a "
                "required property (base/names/schema.json says what it takes)"
            ),
        ),
        (
            "since: 5\n",
            (
                "mine/names/data.yaml:1: the data of names is wrong at since: 5 is not of type 'string' "
                "(base/names/schema.json says what it takes)"
            ),
        ),
        ("- longest\n", "mine/names/data.yaml:1: the data of a concern is a mapping: write `name: value`"),
        ("longest: 1\nlongest: 2\n", "mine/names/data.yaml:2: the key 'longest' stands twice: keep one"),
    ],
)
def test_data_that_breaks_its_schema_is_named_with_its_line(base: Path, tmp_path: Path, data: str, told: str) -> None:
    mine = write(tmp_path / "mine", {"names/data.yaml": data})

    assert refusal([base, mine]) == told


def test_a_message_does_not_quote_all_of_the_data(base: Path, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", {"names/data.yaml": f"longest: [{', '.join(map(str, range(500)))}]\n"})

    assert refusal([base, mine]).endswith("… (base/names/schema.json says what it takes)")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("{\n  nope\n}", "mine/own/schema.json:2: this is not JSON: Expecting property name enclosed in double quotes"),
        (
            '{"type": "numbr"}',
            (
                "mine/own/schema.json: this is no JSON Schema (draft 2020-12): 'numbr' is not valid "
                "under any of the given schemas"
            ),
        ),
        (
            '{"$ref": "https://example.com/schema.json"}',
            (
                "mine/own/schema.json: this is no JSON Schema (draft 2020-12): "
                "Unresolvable: https://example.com/schema.json"
            ),
        ),
    ],
)
def test_a_schema_that_is_none(tmp_path: Path, schema: str, told: str) -> None:
    mine = write(tmp_path / "mine", {"own/schema.json": schema, "own/data.yaml": "a: 1\n"})

    assert refusal(mine) == told


def test_a_schema_is_one_file_and_nothing_is_fetched_for_it(tmp_path: Path) -> None:
    other = write(tmp_path, {"other.json": "{}"}) / "other.json"
    schema = json.dumps({"$ref": other.as_uri()})
    mine = write(tmp_path / "mine", {"own/schema.json": schema, "own/data.yaml": "a: 1\n"})

    assert "Unresolvable" in refusal(mine)


def test_a_day_in_the_data_reaches_policies_as_text(tmp_path: Path) -> None:
    days = "ends: 2026-07-31\nat: 2026-07-31 10:00:00\noff: no\n1: true\n"
    mine = write(
        tmp_path / "mine",
        {
            "names/data.yaml": days,
            "names/names.rego": rego(body="data.config.names.ends < input.today\n\tis_string(data.config.names.at)"),
            "own/data.yaml": days,
            "own/own.py": python('yield Violation("s", repr(config))', signature="inventory, config"),
        },
    )

    assert said(ask(mine, resource("a"))) == [
        ("NAM001", "a", "too long"),
        ("PYT001", "s", "{'ends': '2026-07-31', 'at': '2026-07-31 10:00:00', 'off': 'no', '1': True}"),
    ]


def test_an_overlay_given_in_words_lies_over_the_files(base: Path) -> None:
    loaded = library.load([base], overlay={"names": {"longest": 9, "teams": None}})

    assert loaded.concerns["names"].config == {"longest": 9}
    assert refusal(base, overlay={"names": {"longest": "x"}}).startswith(
        "overlay: the data of names is wrong at longest"
    )
    assert refusal(base, overlay={"nam": {}}) == "no concern is named nam: there are names"


def test_only_some_concerns(base: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"own/own.py": python("pass")})

    assert list(library.load([base, other], only=["own"]).concerns) == ["own"]
    assert refusal([base, other], only=["won"]) == "no concern is named won: there are names, own"


def test_jsonschema_is_not_imported_where_nothing_is_overlaid() -> None:
    script = (
        "import sys; from governor import library; loaded = library.load([library.builtin()])\n"
        "assert loaded.policies; print('jsonschema' in sys.modules)"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout == "False\n"


@pytest.mark.parametrize("writable", [True, False])
def test_data_that_was_valid_once_is_not_validated_again(tmp_path: Path, writable: bool) -> None:
    above = write(tmp_path / "above", {"budgets/data.yaml": "projects: {atlas: {monthly_usd: 5}}\n"})
    script = (
        "import sys; from pathlib import Path; from governor import library\n"
        f"library.load([library.builtin(), Path({str(above)!r})]); print('jsonschema' in sys.modules)"
    )
    cache = tmp_path / "cache"
    if not writable:
        cache.write_text("a file where the folder should be")

    def imported() -> str:
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        ran = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
        )
        return ran.stdout.strip()

    assert imported() == "True"
    assert imported() == str(not writable)
    write(tmp_path / "above", {"budgets/data.yaml": "projects: {atlas: {monthly_usd: lots}}\n"})
    for _ in range(2):
        with pytest.raises(Refusal, match="monthly_usd"):
            library.load([library.builtin(), above])


def test_the_shipped_library_satisfies_its_schemas(tmp_path: Path) -> None:
    for name in library.read_concerns([library.builtin()]):
        above = write(tmp_path / "above", {f"{name}/data.yaml": "{}"})

    assert library.load([library.builtin(), above]).policies


# What is a library


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "mine: no such folder of policies"),
        (
            {"README.md": ""},
            ("mine: no concern in this folder: it wants a folder a concern, with *.rego, *.py or data.yaml inside"),
        ),
        (
            {"names/notes.txt": "", "names/names_test.rego": "package names_test"},
            ("mine: no concern in this folder: it wants a folder a concern, with *.rego, *.py or data.yaml inside"),
        ),
        (
            {"names.rego": rego(), "own/own.py": python("pass")},
            ("mine/names.rego: a policy lies in the folder that names its concern: move it there"),
        ),
        (
            {"names/deep/er.rego": rego(), "own/own.py": python("pass")},
            ("mine/names/deep/er.rego: a policy lies in the folder that names its concern: move it there"),
        ),
        (
            {"my-names/names.rego": rego()},
            (
                "mine/my-names: a concern cannot be named my-names: take letters, digits "
                "and underscores, and not config or catalog"
            ),
        ),
        (
            {"config/names.rego": rego("config")},
            (
                "mine/config: a concern cannot be named config: take letters, digits "
                "and underscores, and not config or catalog"
            ),
        ),
        (
            {"names/names.rego": rego("nams")},
            ("mine/names/names.rego:1: the package nams lies in the folder names: write `package names`"),
        ),
        (
            {"names/a.rego": rego(), "own/own.py": python("pass", id="NAM001")},
            ("mine/own/own.py:5: the id NAM001 is taken by mine/names/a.rego:8: choose another"),
        ),
        (
            {"names/a.rego": rego().replace("high", "high\n#   kinds: [compute_instance, computer]")},
            "mine/names/a.rego:9: NAM001 lists the kind computer, which nothing has: there are compute_instance, ",
        ),
    ],
)
def test_what_is_no_library(tmp_path: Path, files: dict[str, str], told: str) -> None:
    mine = write(tmp_path / "mine", files)

    assert refusal(mine).startswith(told)


def test_ids_are_unique_even_among_policies_that_are_not_asked(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", {"names/a.rego": rego(), "names/b.rego": rego(rule="deny_other")})

    assert refusal(mine, keep=lambda policy: False).startswith("mine/names/b.rego:8: the id NAM001 is taken")


def test_tests_helpers_and_hidden_files_are_no_policies(tmp_path: Path) -> None:
    broken = "this is no policy"
    mine = write(
        tmp_path / "mine",
        {
            "names/names.rego": rego(),
            "names/names_test.rego": broken,
            "names/test_names.py": broken,
            "names/_helper.py": broken,
            "names/conftest.txt": broken,
            "names/tests/er_test.rego": broken,
            ".git/hooks.txt": broken,
            "own/own.py": python("pass"),
            "own/own_test.py": broken,
        },
    )

    assert [policy.id for policy in library.load([mine]).policies] == ["NAM001", "PYT001"]


def test_files_of_one_name_in_two_folders_are_two_files(base: Path, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", {"names/names.rego": rego(id="NAM002", rule="deny_other", body=LENGTH)})

    assert said(ask([base, mine], resource("four"))) == [
        ("NAM001", "four", "too long"),
        ("NAM002", "four", "too long"),
    ]


def test_a_second_file_may_add_a_body_to_a_rule(base: Path, tmp_path: Path) -> None:
    more = rego(body='resource.id == "x"').replace(CARD.format(id="NAM001"), "")
    mine = write(tmp_path / "mine", {"names/more.rego": more})

    assert said(ask([base, mine], resource("four"), resource("x"))) == [
        ("NAM001", "four", "too long"),
        ("NAM001", "x", "too long"),
    ]


def test_known_policies_are_listed_whether_they_are_asked_or_not(base: Path) -> None:
    loaded = library.load([base], keep=lambda policy: False)

    assert loaded.policies == []
    assert [policy.id for policy in loaded.known] == ["NAM001"]


# Cards

FULL = """\
package names

# METADATA
# title: Names are short
# description: |
#   Long names break
#   dashboards.
# entrypoint: true
# scope: document
# custom:
#   id: NAM001
#   severity: low
#   kinds: [bucket]
#   stages: [plan, live]
#   remediation: >-
#     Take a shorter
#     one.
#   references: [https://example.com]
#   together: "{count} names: {names}"
deny_long contains {"resource": "a", "msg": "m"} if input.today == "2026-08-01"

deny_long contains {"resource": "b", "msg": "m"}
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_full_card(tmp_path: Path, ends: str) -> None:
    mine = write(tmp_path / "mine", {"names/names.rego": FULL.replace("\n", ends)})

    assert library.load([mine]).policies == [
        Policy(
            id="NAM001",
            title="Names are short",
            description="Long names break dashboards.",
            severity="low",
            concern="names",
            stages=("plan", "live"),
            kinds=("bucket",),
            remediation="Take a shorter one.",
            references=("https://example.com",),
            together="{count} names: {names}",
            language="rego",
            location=f"{mine}/names/names.rego:20",
            rule="data.names.deny_long",
        )
    ]
    assert [(resource, msg) for _, resource, msg in said(ask(mine))] == [("a", "m"), ("b", "m")]


ENDLESS = "\x0c\u2028\x85" * 9
RULE = 'deny_x contains {"resource": "a", "msg": "m"}\n'


@pytest.mark.parametrize(
    "text",
    [
        f"package names\n\n{CARD}{RULE}",
        f"package names\n\n{CARD}\n\n{RULE}",
        f"package names\n\n{CARD}\n# A word on the rule.\n{RULE}",
        f"package names\n\n# A word before.\n\n{CARD}{RULE}",
        f"package names\n\n# A word before.\n{CARD}{RULE}",
        f"package names\n\n{CARD}{RULE}{RULE}\n_helper := 1\n",
        f"package names\n\n{CARD}{RULE}\n# METADATA\n# title: a helper\n_helper := 1\n",
        f"package names\n\n{CARD}{RULE}\n# METADATA\n# title: a helper\n# custom: {{note: no id}}\n_helper := 1\n",
        f"package names\n\n{CARD}{RULE}\n# METADATA\n_helper := 1\n",
        f"# METADATA\n# title: the package\npackage names\n\n{CARD}{RULE}",
        f"package names\n\n# form feeds and line separators end no line {ENDLESS}\n{CARD}{RULE}",
        f"\ufeffpackage names\n\n{CARD}{RULE}",
        f"package names\n\nimport data.catalog\n\n{CARD.replace('# METADATA', '#   METADATA  ')}{RULE}",
        f"package names.sub\n\n{CARD}{RULE}",
        f"package names\n\n{CARD}{RULE.replace('deny_x', 'deny.x')}",
        f"package names\n\n{CARD}{RULE.replace('deny_x', 'anything')}",
    ],
)
def test_a_card_belongs_to_the_rule_that_follows(tmp_path: Path, text: str) -> None:
    mine = write(tmp_path / "mine", {"names/names.rego": text.replace("{id}", "NAM001")})

    assert said(ask(mine)) == [("NAM001", "a", "m")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{CARD}  {RULE}", None),
        (f"{CARD}\n", "3: the card of NAM001 stands above no rule: move it there"),
        (f"{CARD}x contains 1 if {{\n", "9:1: this Rego does not parse: expecting expression"),
        (
            RULE,
            (
                "3: the rule deny_x has no METADATA with a title, custom.id and custom.severity above it, and would "
                "never be asked"
            ),
        ),
        (
            f"# METADATA\n# title: t\n# id: NAM001\n{RULE}",
            (
                "6: the rule deny_x has no METADATA with a title, custom.id "
                "and custom.severity above it, and would never be asked"
            ),
        ),
        (
            f"{CARD}{RULE}\n{CARD.replace('{id}', 'NAM002')}{RULE}",
            ("15: data.names.deny_x has the card of NAM001 at mine/names/names.rego:8: keep one of them"),
        ),
        (f"{CARD}deny_x := 1\n", "8: NAM001 is no policy: write it as `deny_something contains violation if …`"),
        (f"{CARD}deny_x(a) := a\n", "8: NAM001 is no policy: write it as `deny_something contains violation if …`"),
        (
            f"{CARD}default deny_x := false\n",
            ("8: NAM001 is no policy: write it as `deny_something contains violation if …`"),
        ),
        (
            f'{CARD}deny["x-y"] contains 1\n',
            ("8: NAM001 is no policy: write it as `deny_something contains violation if …`"),
        ),
        (
            f"{CARD.replace('high', 'hgih')}{RULE}",
            ("3: the METADATA card is malformed: Invalid enum value 'hgih' - at `$.custom.severity`"),
        ),
        (
            f"{CARD.replace('#   severity: high', '#   kinds: []')}{RULE}",
            ("3: the METADATA card is malformed: Object missing required field `severity` - at `$.custom`"),
        ),
        (
            f"{CARD.replace('severity', 'severty')}{RULE}",
            ("3: the METADATA card is malformed: Object contains unknown field `severty` - at `$.custom`"),
        ),
        (
            f"{CARD.replace('title', 'titel')}{RULE}",
            ("3: the METADATA card is malformed: Object missing required field `title`"),
        ),
        (
            f"{CARD.replace('high', 'high: er')}{RULE}",
            ("7: this METADATA is not YAML: mapping values are not allowed in this context"),
        ),
        (
            f"{CARD.replace('high', 'high' + chr(0))}{RULE}",
            "3: this METADATA is not YAML: unacceptable character #x0000: control characters are not allowed",
        ),
        (f"{CARD}# a word on the rule\n{RULE}", "9: this METADATA is not YAML: could not find expected ':'"),
    ],
)
def test_a_card_that_would_be_lost_is_refused(tmp_path: Path, text: str, told: str | None) -> None:
    text = f"package names\n\n{text}".replace("{id}", "NAM001")
    mine = write(tmp_path / "mine", {"names/names.rego": text})

    if told is None:
        assert library.load([mine]).policies
    else:
        assert refusal(mine) == f"mine/names/names.rego:{told}"


def test_a_card_above_the_package_is_no_policy_of_the_first_rule(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", {"names/a.rego": f"{CARD.format(id='NAM001')}package names\n\nx contains 1\n"})

    assert refusal(mine) == "mine/names/a.rego:1: the card of NAM001 stands above no rule: move it there"


def test_a_rego_file_that_is_no_text(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", {"names/a.rego": ""})
    (mine / "names/a.rego").write_bytes(b"package n\xe4mes\n")

    assert refusal(mine) == "mine/names/a.rego: this file is not UTF-8 text: save it as UTF-8"


def test_data_that_no_policy_reads_is_a_slip_of_the_pen(tmp_path: Path) -> None:
    above = write(tmp_path / "above", {"taging/data.yaml": "tags: {}\n"})
    with pytest.raises(Refusal, match="no policy reads the data of a concern named taging: there are azure, budgets"):
        library.load([library.builtin(), above])
