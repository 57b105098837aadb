"""When a shard of a scan is not believed beside what it was before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.config import Quarantine
from governor.history.quarantine import quarantined
from governor.model import Gap, Inventory, Shard, Standing

PLACE = "123456789012/eu-west-1/instances"


def shard(tagged: int, untagged: int, unknown: int = 0, standing: Standing = "whole") -> Shard:
    return Shard(
        place=PLACE, standing=standing, resources=tagged + untagged + unknown, tagged=tagged, untagged=untagged
    )


def beside(before: Shard | None, now: Shard, *accepted: str, limits: Quarantine | None = None) -> Inventory:
    believed = {before.place: (before, "2026-11-23T02:00:00+00:00")} if before else {}
    inventory = Inventory(stage="live", resources=(), shards=(now,))
    return quarantined(inventory, believed, limits or Quarantine(), accepted)


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (shard(587, 3), shard(0, 590), "590 of 590 untagged, 3 of 590"),
        (shard(20, 80), shard(0, 100), "100 of 100 untagged, 80 of 100"),  # only 20 points, and all tags are gone
        (shard(100, 0), shard(69, 31), "31 of 100 untagged, 0 of 100"),
        (shard(100, 0), shard(71, 29), ""),
        (shard(9, 0), shard(0, 9), ""),  # too few
        (shard(100, 0), shard(60, 0), ""),  # what is gone has not lost its tags
        (shard(100, 0), shard(0, 0, 100), ""),  # what cannot be read is not untagged
        (shard(100, 0), shard(0, 40, 60), "40 of 40 untagged, 0 of 100"),
        (shard(100, 0), shard(49, 0), "49 resources, 100"),
        (shard(100, 0), shard(50, 0), ""),
        (shard(100, 0), shard(0, 0), "0 resources, 100"),
        (shard(100, 0), shard(10, 0, 0, "incomplete"), ""),  # shorter, and a gap by itself
        (shard(100, 0), shard(0, 10, 0, "incomplete"), "10 of 10 untagged, 0 of 100"),
        (None, shard(0, 100), ""),
        (shard(0, 100), shard(100, 0), ""),
        (shard(0, 0), shard(0, 500), ""),
    ],
)
def test_what_changed_too_much(before: Shard | None, now: Shard, change: str) -> None:
    found = beside(before, now)

    if change:
        told = f"quarantined: {change} on 2026-11-23; if that is right, scan with --accept {PLACE}"
        assert found.gaps == (Gap(PLACE, told),)
        assert [one.standing for one in found.shards] == ["quarantined"]
    else:
        assert (found.gaps, found.shards) == ((), (now,))


def test_an_accepted_change_is_noted() -> None:
    found = beside(shard(587, 3), shard(0, 590), "123456789012/*")

    assert (found.gaps, found.shards) == ((), (shard(0, 590),))
    assert found.notes == (f"{PLACE}: accepted that 590 of 590 untagged, 3 of 590 on 2026-11-23",)


counts = st.integers(0, 1000)
shards = st.builds(shard, counts, counts, counts)


@given(shards, shards)
def test_shares_of_one_are_never_exceeded(before: Shard, now: Shard) -> None:
    assert beside(before, now, limits=Quarantine(tags_lost=1, population_fall=1)).gaps == ()


@given(shards)
def test_what_is_as_it_was_is_believed(same: Shard) -> None:
    assert beside(same, same, limits=Quarantine(tags_lost=0, population_fall=0, at_least=1)).gaps == ()


@given(shards, shards, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_limit_believes_more(before: Shard, now: Shard, one: float, other: float) -> None:
    low, high = sorted((one, other))
    if beside(before, now, limits=Quarantine(tags_lost=high, population_fall=high)).gaps:
        assert beside(before, now, limits=Quarantine(tags_lost=low, population_fall=low)).gaps
