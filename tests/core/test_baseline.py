"""What was known before beside what is found: what is new, what is known, what is fixed; and the file that keeps it."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor import baseline
from governor.baseline import file as file_of
from governor.model import Baseline, Failure, Finding, Gap, Inventory, Judgement, Known, Policy, Resource, Verdict
from governor.settle import settle

TODAY = date(2026, 8, 1)
POLICY = Policy(id="TAG001", title="t", severity="high")


def finding(resource: str, policy: str = "TAG001", attribute: str = "tags.x", **facts: Any) -> Finding:
    return Finding(policy=policy, resource=resource, kind="bucket", attribute=attribute, **{"msg": "m", **facts})


def known(resource: str, policy: str = "TAG001", since: date | None = None) -> Known:
    return Known(policy, resource, "tags.x", since)


def settled(
    found: list[Finding],
    before: list[Known],
    *,
    resources: dict[str, str | None] | None = None,
    failures: tuple[Failure, ...] = (),
    gaps: tuple[Gap, ...] = (),
) -> Verdict:
    """`resources` has the former id of each."""
    inventory = Inventory(
        stage="plan",
        gaps=gaps,
        resources=tuple(
            Resource(id=id, kind="bucket", type="t", provider="aws", previous_id=previous)
            for id, previous in (resources or {}).items()
        ),
    )
    judgement = Judgement(found, failures, [POLICY])
    return settle(judgement, inventory, levels={"TAG001": "deny"}, today=TODAY, baseline=Baseline("base.json", before))


def names(items: Any) -> list[str]:
    return [item.resource for item in items]


@pytest.mark.parametrize(
    ("found", "before", "moved", "new", "fixed"),
    [
        (["a"], ["a"], {"a": None}, [], []),
        (["b"], ["a"], {"b": "a"}, [], []),
        (["a", "b"], ["a"], {"a": None, "b": "a"}, ["a"], []),
        (["a", "b"], ["a", "b"], {"a": None, "b": "a"}, [], []),
        (["b"], ["a", "b"], {"b": "a"}, [], ["a"]),
        (["a", "b"], ["a", "b"], {"a": "b", "b": "a"}, [], []),
        (["b"], ["a"], {"a": "b", "b": "a"}, [], []),
        (["b"], ["a"], {"b": None}, ["b"], ["a"]),
        (["a", "a"], ["a"], {"a": None}, ["a"], []),
        ([], ["a", "a"], {"a": None}, [], ["a", "a"]),
    ],
    ids=[
        "the same", "moved", "moved, and its name taken by another", "both known", "moved earlier, the other gone",
        "two that changed places", "one of two that changed places", "renamed without a word", "two for one entry",
        "both gone",
    ],
)  # fmt: skip
def test_new_known_and_fixed(
    found: list[str], before: list[str], moved: dict[str, str | None], new: list[str], fixed: list[str]
) -> None:
    verdict = settled([finding(name) for name in found], [known(name) for name in before], resources=moved)

    assert (names(verdict.open), names(verdict.fixed)) == (new, fixed)
    assert len(verdict.baselined) == len(found) - len(new)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"failures": (Failure("TAG001", "", "broke"),)}, "whether these known findings are fixed cannot be told now"),
        ({"failures": (Failure("TAG001", "a", "broke"),)}, "whether these known findings are fixed cannot be told now"),
        (
            {"failures": (Failure("TAG001", "another", "broke"),)},
            "whether these known findings are fixed cannot be told now",
        ),
        ({"gaps": (Gap("module.x", "?"),)}, "whether these known findings are fixed cannot be told now"),
    ],
)
def test_what_cannot_be_seen_is_not_fixed(how: dict[str, Any], told: str) -> None:
    verdict = settled([], [known("a")], **how)

    assert (verdict.fixed, verdict.carried) == ([], [known("a")])
    assert verdict.notes == [f"{told}: TAG001"]


def test_a_gap_hides_nothing_of_a_resource_that_was_read() -> None:
    verdict = settled([], [known("a")], resources={"a": None}, gaps=(Gap("module.x", "?"),))

    assert (names(verdict.fixed), verdict.carried) == (["a"], [])


def test_a_finding_that_cannot_be_told_any_more_is_neither_known_nor_fixed() -> None:
    verdict = settled([finding("b", reason="known after apply")], [known("a")], resources={"b": "a"})

    assert (verdict.baselined, verdict.fixed, names(verdict.undetermined)) == ([], [], ["b"])
    assert names(verdict.carried) == ["b"]


def test_entries_of_policies_that_are_not_asked_are_kept_and_named() -> None:
    verdict = settled([], [known("a", "OLD001"), known("b", "OLD001"), known("c", "OLD002")])

    assert (verdict.fixed, len(verdict.carried)) == ([], 3)
    (note,) = verdict.notes
    assert note.endswith("policies that were not asked, neither fixed nor new: OLD001 ×2, OLD002")


_ENTRIES = st.lists(
    st.builds(
        Known,
        policy=st.sampled_from(["TAG001", "BUD001"]),
        resource=st.sampled_from(["a", 'a["x\n"]', "module.é.b"]),
        attribute=st.sampled_from(["", "tags.x"]),
        since=st.sampled_from([None, TODAY, date(2025, 1, 1)]),
    ),
    max_size=9,
)


@given(entries=_ENTRIES, data=st.data())
def test_what_is_written_is_read_again_in_one_order(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Known], data: st.DataObject
) -> None:
    file = tmp_path_factory.getbasetemp() / "baseline.json"
    text = file_of.written(entries)
    file.write_text(text, "utf-8")

    assert Counter(file_of.read(file)) == Counter(entries)
    assert file_of.written(data.draw(st.permutations(entries))) == text
    assert text.count("\n") == len(entries) + (5 if entries else 4)


@given(before=_ENTRIES, after=_ENTRIES)
def test_every_finding_and_every_entry_is_counted_once(before: list[Known], after: list[Known]) -> None:
    found = [finding(e.resource, e.policy, e.attribute) for e in after]
    compared = baseline.compare(found, before, {"a": "module.é.b", "module.é.b": "a"})

    assert Counter(map(repr, [*compared.new, *compared.known])) == Counter(map(repr, found))
    assert len(compared.known) == len(compared.carried)
    assert len(compared.carried) + len(compared.left) == len(before)
    assert baseline.compare(found, baseline.entries(found), {}).new == []


def test_a_file_of_many_findings_is_one_line_each(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(file_of.written([known("b", since=TODAY), known("a", since=TODAY)]), "utf-8")

    lines = file.read_text("utf-8").splitlines()
    assert lines[:3] == ["{", '  "governor_baseline": 1,', '  "findings": [']
    assert [line[:46] for line in lines[3:5]] == [
        '    {"policy":"TAG001","resource":"a","attribu',
        '    {"policy":"TAG001","resource":"b","attribu',
    ]
    assert lines[5:] == ["  ]", "}"]
