"""A report names the repositories that its policies came from, and says nothing where there are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from msgspec import structs

from governor.model import PolicySource, Verdict
from governor.reports import REPORTS, Options, render
from governor.reports.json import schema

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCES = (
    PolicySource(f"git+https://example.com/org/pinned@{COMMIT}#policies", COMMIT),
    PolicySource("git+https://example.com/org/tagged@v1.2", COMMIT, "ada@example.com"),
)


@pytest.fixture
def sourced(clean: Verdict) -> Verdict:
    return structs.replace(clean, policy_sources=SOURCES)


def test_people_read_address_commit_and_signer(sourced: Verdict) -> None:
    lines = [
        f"git+https://example.com/org/pinned@{COMMIT}#policies",
        f"git+https://example.com/org/tagged@v1.2 = {COMMIT}, signed by ada@example.com",
    ]
    table = render("table", sourced, Options(width=200)).splitlines()
    markdown = render("markdown", sourced, Options()).splitlines()

    assert [line for line in table if line.startswith("policies: ")] == [f"policies: {line}" for line in lines]
    assert [line for line in markdown if line.startswith("- Policies: ")] == [f"- Policies: `{line}`" for line in lines]


def test_a_commit_can_be_copied_from_the_log_of_a_build(sourced: Verdict) -> None:
    """A table that no terminal shows is 120 columns wide."""
    assert render("table", sourced, Options(width=120)).count(COMMIT) == 2


def test_the_name_of_a_signer_cannot_drive_the_terminal(clean: Verdict) -> None:
    evil = structs.replace(clean, policy_sources=[PolicySource("git+https://h/r@v1", COMMIT, "a\x1b[2J`<img>")])

    for name in ("table", "markdown"):
        assert "\x1b" not in render(name, evil, Options())
    assert "<img>" not in render("markdown", evil, Options())


def test_programs_read_the_same(sourced: Verdict) -> None:
    report = json.loads(render("json", sourced, Options()))
    sarif = json.loads(render("sarif", sourced, Options()))

    assert list(Draft202012Validator(schema()).iter_errors(report)) == []
    assert report["run"]["policy_sources"] == [structs.asdict(source) for source in SOURCES]
    described = schema()["properties"]["run"]["properties"]
    assert set(report["run"]) | {"compared_with"} == set(described)
    assert set(described["policy_sources"]["items"]["properties"]) == set(PolicySource.__struct_fields__)
    standard = json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text("utf-8"))
    assert sarif["runs"][0]["tool"]["extensions"] == [
        {"name": SOURCES[0].source, "version": COMMIT},
        {"name": SOURCES[1].source, "version": COMMIT, "properties": {"signer": "ada@example.com"}},
    ]
    assert Draft4Validator(standard).is_valid(sarif)


@pytest.mark.parametrize("name", REPORTS)
def test_without_a_repository_nothing_is_said(name: str, clean: Verdict) -> None:
    assert "git+" not in render(name, clean, Options())
    assert "policy_sources" not in render(name, clean, Options())
    assert "extensions" not in render(name, clean, Options())
