"""What the tags of a charge say of the keys of the taxonomy."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.spend.tags import Promoted, Taxonomy
from spend.bills import TAXONOMY

ORG = Taxonomy({"org": {}, "environment": {"aliases": ["env"]}})


@pytest.mark.parametrize(
    ("tags", "values"),
    [
        ('{"org": "trey", "env": "prod"}', ("trey", "prod")),
        ('{" org": "trey ", "environment": "dev"}', ("trey", "dev")),
        ('{"env": "dev", "environment": "prod"}', ("", "prod")),
        ('{"ORG": "trey", "En-v": "dev"}', ("trey", "dev")),
        ('{"org": "  ", "env": null}', ("", "")),
        ('{"org": true, "env": 7}', ("", "7")),
        ('{"organisation": "trey"}', ("", "")),
    ],
)
def test_a_key_is_found_by_its_name_and_then_by_its_aliases(tags: str, values: tuple[str, ...]) -> None:
    assert ORG.promote(tags) == Promoted(values)


@pytest.mark.parametrize("tags", [None, "", " ", "{}", "null"])
def test_no_tag_at_all_is_untagged(tags: str | None) -> None:
    assert ORG.promote(tags) == Promoted(("", ""), untagged=True)


@pytest.mark.parametrize("tags", ["org=trey", '{"org": "trey"', '["org"]', "7"])
def test_tags_that_are_no_object_are_not_known(tags: str) -> None:
    assert ORG.promote(tags) is None


def test_a_shared_cost_belongs_to_what_it_was_split_to() -> None:
    split = TAXONOMY.promote('{"project": "cluster", "team": "platform"}', '{"proj": "atlas"}')

    assert split == Promoted(("cluster", "", "platform"))
    assert TAXONOMY.promote('{"project": "cluster", "team": "platform"}', '{"project": "atlas"}') == Promoted(
        ("atlas", "", "platform")
    )


@given(st.dictionaries(st.text(), st.text()))
def test_what_is_promoted_is_a_value_that_some_tag_has(tags: dict[str, str]) -> None:
    promoted = TAXONOMY.promote(json.dumps(tags))

    assert promoted is not None
    assert promoted.untagged == (not tags)
    assert {value for value in promoted.values if value} <= {value.strip() for value in tags.values()}


@given(st.sampled_from(["project", "Project", " proj", "APPLICATION ", "pro-ject"]), st.text(" \t", max_size=3))
def test_blanks_and_case_of_keys_do_not_count(key: str, blank: str) -> None:
    promoted = TAXONOMY.promote(json.dumps({blank + key + blank: f"{blank}atlas{blank}"}))

    assert promoted == Promoted(("atlas", "", ""))
