"""Every policy of the library, against its cases; and what `cases.yaml` refuses."""

import re
from pathlib import Path
from typing import Any

import pytest

from governor import cases, library
from governor.errors import Refusal

LIBRARY = library.builtin()
CASES = [(concern, case) for concern, file in cases.files([LIBRARY]) for case in cases.read(file)]
SIDES = ("fail", "pass", "unknown", "edge")


@pytest.mark.parametrize(("concern", "case"), CASES, ids=[case.name for _, case in CASES])
def test_policies_answer_their_cases(concern: str, case: cases.Case) -> None:
    assert cases.run(case, concern, [LIBRARY]) == []


def test_every_policy_is_tried_from_every_side() -> None:
    names = [case.name for _, case in CASES]
    wanted = {f"{policy.id} {side}" for policy in library.load([LIBRARY]).policies for side in SIDES}
    assert wanted - {name.partition(":")[0] for name in names} == set()
    assert [name for name in names if not re.fullmatch(r"[A-Z]{3}\d{3} (fail|pass|unknown|edge): .+", name)] == []


def test_every_policy_expects_a_finding_somewhere() -> None:
    expected = {expectation.policy for _, case in CASES for expectation in case.expect}
    assert {policy.id for policy in library.load([LIBRARY]).policies} == expected


def test_shipped_data_fits_its_schema() -> None:
    for concern in library.load([LIBRARY]).concerns:
        library.load([LIBRARY], overlay={concern: {}}, only=[concern])


APPROVAL = {"id": "a", "provider": "aws", "match": {"owner": "x"}, "owner": "o", "approved_by": "s"}


@pytest.mark.parametrize(
    ("concern", "data", "message"),
    [
        ("tagging", {"tags": {"x": {"value": ["a"]}}}, "'value' was unexpected"),
        ("tagging", {"tags": {"x": {"description": "d", "pattern": "a"}}}, "'shape' is a dependency"),
        ("budgets", {"guardrails": {"monthly": 1}}, "'monthly' was unexpected"),
        ("budgets", {"projects": {"atlas": {"monthly_usd": "20k"}}}, "at projects.atlas.monthly_usd"),
        ("budgets", {"hours": {"default": None}}, "'default' is a required property"),
        ("residency", {"unknown_region": "allow"}, "at unknown_region"),
        ("residency", {"classes": {"x": {"jurisdictions": ["eu"]}}}, "at classes.x"),
        ("keys", {"approved": [{**APPROVAL, "expires_at": "2026-13-01"}]}, "at approved.0.expires_at"),
        ("keys", {"approved": [APPROVAL]}, "'expires_at' is a required property"),
        ("keys", {"approved": [{**APPROVAL, "expires_at": "2026-12-31", "match": {}}]}, "at approved.0.match"),
    ],
)
def test_data_that_breaks_the_schema_is_refused(concern: str, data: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal, match=re.escape(message)):
        library.load([LIBRARY], overlay={concern: data}, only=[concern])


def test_every_card_says_what_to_do() -> None:
    for policy in library.load([LIBRARY]).policies:
        assert policy.title
        assert policy.description.endswith("."), policy.id
        assert policy.remediation.endswith("."), policy.id
        assert policy.references, policy.id


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A library of one policy: every bucket is a violation."""
    concern = tmp_path / "small"
    concern.mkdir()
    (concern / "small.rego").write_text(
        "package small\n\n"
        "# METADATA\n# title: No buckets\n# custom:\n#   id: SML001\n#   severity: low\n#   stages: [plan]\n"
        'deny_bucket contains {"resource": r.id, "msg": "a bucket", "attribute": "kind"} if {\n'
        '\tsome r in input.resources\n\tr.kind == "bucket"\n}\n'
    )
    return tmp_path


def written(library_folder: Path, text: str) -> Path:
    file = library_folder / "small" / cases.FILE
    file.write_text(text)
    return file


def test_a_finding_nobody_expected_and_an_expectation_nothing_met_both_differ(small: Path) -> None:
    file = written(
        small,
        "- name: both\n"
        "  resources: [{id: a, kind: bucket}, {id: b, kind: volume}]\n"
        "  expect: [{policy: SML001, resource: b, attribute: kind, state: undetermined}]\n",
    )
    (case,) = cases.read(file)
    assert cases.run(case, "small", [small]) == [
        "+ SML001 on a, kind: a bucket",
        "- SML001 on b, kind (undetermined)",
    ]


def test_a_message_has_to_be_the_whole_message(small: Path) -> None:
    expected = "{policy: SML001, resource: a, attribute: kind, msg: %s}"
    text = f"- {{name: one, resources: [{{id: a, kind: bucket}}], expect: [{expected}]}}\n"
    (right,) = cases.read(written(small, text % "a bucket"))
    assert cases.run(right, "small", [small]) == []
    (wrong,) = cases.read(written(small, text % "bucket"))
    assert cases.run(wrong, "small", [small]) == [
        "- SML001 on a, kind: bucket",
        "+ SML001 on a, kind: a bucket",
    ]


def test_a_policy_of_another_stage_is_not_asked(small: Path) -> None:
    file = written(small, "- {name: live, stage: live, resources: [{id: a, kind: bucket}], expect: []}\n")
    (case,) = cases.read(file)
    assert cases.run(case, "small", [small]) == []


def test_a_case_of_a_policy_that_does_not_exist_differs(small: Path) -> None:
    file = written(small, "- {name: typo, policies: [SML002], resources: [], expect: []}\n")
    (case,) = cases.read(file)
    assert cases.run(case, "small", [small]) == ["no policy of small has the id SML002"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("name: x\n", "", "a file of cases is a list"),
        ("- resources: []\n  expect: []\n", ":1", "case 1 has no name"),
        ("- {name: a, resources: []}\n", ":1", "the case 'a' is malformed: Object missing required field `expect`"),
        (
            "- {name: a, resources: [], expect: []}\n- {name: b, resources: [{id: r, kind: x, tag: y}], expect: []}\n",
            ":2",
            "the case 'b' is malformed: a resource has no field tag",
        ),
        (
            "- {name: a, resources: [{id: r, kind: x, accelerator: {name: H100}}], expect: []}\n",
            ":1",
            "the case 'a' is malformed: its accelerator has no field name",
        ),
        ("- {name: a, resources: [], expect: [], today: soon}\n", ":1", "the case 'a' is malformed: Invalid RFC3339"),
        (
            "- {name: a, resources: [], expect: []}\n- {name: a, resources: [], expect: []}\n",
            ":2",
            "two cases are named",
        ),
    ],
)
def test_a_malformed_case_is_refused_with_its_line(small: Path, text: str, line: str, message: str) -> None:
    file = written(small, text)
    with pytest.raises(Refusal, match=re.escape(message)) as refusal:
        cases.read(file)
    assert refusal.value.place == f"{file}{line}"
