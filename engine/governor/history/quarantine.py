"""Shards of a scan beside the same shards of a run before: those that changed too much are not believed. Pure.

An answer may be whole and wrong all the same: all instances of a region came back without tags, once. What is found
in a quarantined shard is reported and marked, and stays so until somebody accepts the change or it is undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from governor.config import Quarantine
from governor.exemptions import glob
from governor.model import Gap, Inventory, Shard


def quarantined(
    inventory: Inventory, believed: Mapping[str, tuple[Shard, str]], limits: Quarantine, accepted: Sequence[str] = ()
) -> Inventory:
    """The inventory with its quarantined shards marked, and a gap for each.

    `believed` has shards as they were when they were last believed, and when that was, by place; `accepted` are globs
    over places whose change is right, which becomes a note.
    """
    shards, gaps, notes = [], list(inventory.gaps), list(inventory.notes)
    for shard in inventory.shards:
        before, when = believed.get(shard.place, (None, ""))
        change = _change(shard, before, limits) if before else ""
        if not change:
            shards.append(shard)
        elif any(glob(pattern).fullmatch(shard.place) for pattern in accepted):
            shards.append(shard)
            notes.append(f"{shard.place}: accepted that {change} on {when[:10]}")
        else:
            shards.append(replace(shard, standing="quarantined"))
            told = f"quarantined: {change} on {when[:10]}; if that is right, scan with --accept {shard.place}"
            gaps.append(Gap(shard.place, told))
    return replace(inventory, shards=tuple(shards), gaps=tuple(gaps), notes=tuple(notes))


def _change(now: Shard, before: Shard, limits: Quarantine) -> str:
    """What changed too much, if anything did."""
    known, known_before = now.tagged + now.untagged, before.tagged + before.untagged
    if before.tagged >= limits.at_least and known:
        # As shares: what is gone has not lost its tags.
        lost = 1 - (now.tagged / known) / (before.tagged / known_before)
        if lost > limits.tags_lost:
            return f"{now.untagged} of {known} untagged, {before.untagged} of {known_before}"
    # A list that broke off is shorter, and a gap anyway.
    if now.standing == "whole" and before.resources >= limits.at_least:
        fallen = 1 - now.resources / before.resources
        if fallen > limits.population_fall:
            return f"{now.resources} resources, {before.resources}"
    return ""
