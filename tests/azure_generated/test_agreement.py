"""Generated rules and our own policies say the same of the same resources, tag by tag.

Run as a program (`python tests/azure_generated/test_agreement.py 100000`) it compares as many tag sets as it is told.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from azure_rules import Rules, put
from governor import library
from governor.azure_generated import Generated, Options, generate
from governor.azure_generated.conditions import field_of
from governor.catalog import endpoints
from governor.catalog.azure_kinds import AZURE_KINDS, AzureKind
from governor.judge import judge
from governor.model import Accelerator, Inventory, Resource

TODAY = date(2026, 8, 1)
SETS = 800

TRICKY: Mapping[str, Any] = {
    "tags": {
        "it's.a tag": {
            "description": "A name with an apostrophe, a dot and a blank.",
            "values": ["v1.5", "#1", "why?"],
        },
        "stage": {"description": "Case counts.", "values": ["Training", "training", "inference"]},
        "ticket": {"description": "One length.", "pattern": "[A-Z]{2}-[0-9]{4}", "shape": "AB-1234"},
        "version": {"description": "Literal dots.", "pattern": r"v[0-9]\.[0-9]{1,2}|latest", "shape": "v1.2"},
        "slug": {"description": "Ends well.", "pattern": "[a-z][a-z0-9-]{0,120}[a-z0-9]", "shape": "a slug"},
        "reviewed": {"description": "A day.", "date": True},
        "[odd]": {"description": "Brackets.", "values": ["[x]", "[[y]]", "[parameters('effect')]"]},
        "experiment-id": {"description": "In the register."},
        "cost-budget-limit": None,
    },
    "mandatory": {
        "odd": {"kinds": ["bucket", "ai_account", "compute_instance"], "tags": ["it's.a tag", "[odd]"]},
        "trained": {
            "kinds": ["compute_instance", "training_job"],
            "accelerated": True,
            "except_stages": ["inference", "In.ference"],
            "tags": ["ticket", "reviewed"],
        },
    },
    "projects": {
        "atlas": {"owner_team": "nlp", "experiments": ["base.line"], "experiment_pattern": "exp-[0-9]{2,3}"},
        "o'hara": {"owner_team": "Vision"},
        "quiet": {"experiments": []},
    },
    "datasets": {"tickets": {"projects": ["atlas"]}, "web": {}, "nobody": {"projects": []}},
}

BLANKS = ["", " ", "\t", "  \n", "\u00a0", "\u3000 "]

SEEDS: Mapping[str, list[str]] = {
    "project": ["atlas", "borealis-2", "a", "o'hara", "quiet", "a.b_c-d", "x" * 63, "x" * 64, "9lives"],
    "stage": ["fine-tuning", "inference", "evaluation", "Training", "training", "In.ference", "InXference"],
    "model": ["llama-3-70b"],
    "experiment-id": ["lora-7", "base.line", "baseXline", "exp-1", "exp-12", "exp-123", "exp-1234", "y" * 63],
    "dataset": ["tickets", "web", "nobody", "unlisted"],
    "owner-team": ["nlp", "Vision", "vision"],
    "cost-budget-limit": ["5000", "5000-USD-month", "12.5/hour", "1234567890123", "5000-usd-year"],
    "it's.a tag": ["v1.5", "v1x5", "#1", "11", "why?", "whyz", "it's"],
    "ticket": ["AB-1234", "ab-1234", "AB-123", "AB-12345", "AB-12x4"],
    "version": ["v1.2", "v1.23", "v1x2", "v1.234", "latest", "Latest"],
    "slug": ["ab", "a", "a-b-9", "a-", "-a", "Ab", "a" * 122, "a" * 123, "a" * 121 + "-"],
    "reviewed": ["2026-02-28", "2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2026-13-01", "2026-04-31",
                 "2026-00-10", "2026-01-00", "26-01-01", "2026-1-01", "2026-12-31"],
    "[odd]": ["[x]", "x", "[[y]]", "[y]", "[parameters('effect')]"],
}  # fmt: skip


def near(seed: str, chance: random.Random) -> str:
    """A value, or one that is nearly it."""
    where = chance.randrange(len(seed) + 1)
    strange = chance.choice("é٣K'.#?*_ -/\\|Zq0\u200b")
    return chance.choice(
        [
            seed, seed, seed, seed, seed.upper(), seed.swapcase(), seed.title(), f"{seed} ", f" {seed}",
            seed[:where] + strange + seed[where:], seed[:where] + strange + seed[where + 1 :], seed[:where],
            seed * 2, (seed * 256)[:256], "".join(chance.choice("aZ09._-é") for _ in range(chance.randrange(1, 70))),
            chance.choice(BLANKS),
        ]
    )  # fmt: skip


def tag_sets(tags: list[str], chance: random.Random) -> Iterator[dict[str, str]]:
    """Tag sets without end, most of them nearly right."""
    while True:
        carried = [tag for tag in tags if chance.random() < 0.8]
        yield {tag: near(chance.choice(SEEDS[tag]), chance)[:256] for tag in carried}


SIZES = ["Standard_NC24ads_A100_v4", "standard_nd96isr_h100_v5", "Standard_D4s_v5", "Standard_E16s_v5", "Basic_A1"]


def both(number: int, kind: AzureKind, tags: dict[str, str], chance: random.Random) -> tuple[Resource, dict[str, Any]]:
    """One resource, as our policies see it and as those of Azure do."""
    arm: dict[str, Any] = {"type": kind.type, "tags": tags, "location": "westeurope"}
    if kind.only and kind.only[0][0] == "kind":
        arm["kind"] = "functionapp,linux,container"
    elif kind.only:
        put(arm, kind.only[0][0], kind.only[0][2])
    accelerator = None
    if kind.size:
        size = chance.choice(SIZES)
        accelerator = Accelerator("A100") if size.lower().startswith("standard_n") else None
        put(arm, kind.size, size)
        if kind.own:
            put(arm, *kind.own)
            arm["properties"]["agentPoolProfiles"].append({"mode": "User", "vmSize": chance.choice(SIZES)})
    elif kind.gpu and chance.random() < 0.5:
        accelerator = Accelerator("V100")
        put(arm, kind.gpu, "V100")
    ours = Resource(
        id=str(number), kind=kind.kind, type=kind.type, provider="azure", tags=tags, accelerator=accelerator
    )
    return ours, arm


def said_by_us(loaded: library.Library, resources: list[Resource]) -> set[tuple[str, str, str]]:
    """(policy, resource, tag) of every finding."""
    inventory = Inventory(stage="live", resources=tuple(resources))
    found = judge(inventory, loaded.evaluators, TODAY)
    assert not found.failures
    return {(one.policy, one.resource, one.attribute.removeprefix("tags.")) for one in found.findings}


def said_by_azure(made: Generated, resources: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    judging = [one for one in made.export.definitions if one.name.startswith("governor-tag-")]
    judging = [one for one in judging if "details" not in one.rule["then"]]
    rules = Rules(judging)
    return {
        (definition.metadata["policy"], str(number), definition.metadata["tag"])
        for number, resource in enumerate(resources)
        for definition in rules.broken(resource)
    }


def taxonomy(overlay: Mapping[str, Any]) -> tuple[library.Library, Generated]:
    loaded = library.load([library.builtin()], overlay={"tagging": overlay}, only=["tagging"])
    cards = {policy.id: policy for policy in loaded.policies}
    return loaded, generate({"tagging": loaded.concerns["tagging"].config}, cards, Options(only=["tagging"]))


def judged_alike(made: Generated, said: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Without what Azure cannot say, and says that it cannot."""
    unsaid = {(one.policy, one.about.rpartition(" ")[2]) for one in made.unsaid if one.about.startswith("pattern of")}
    return {one for one in said if one[0] in ("TAG001", "TAG002", "TAG004") and (one[0], one[2]) not in unsaid}


def compare(overlay: Mapping[str, Any], count: int) -> int:
    """How many findings both have of so many resources. They have the same."""
    chance = random.Random(7)
    loaded, made = taxonomy(overlay)
    tags = list(loaded.concerns["tagging"].config["tags"])
    kinds = [kind for kind in AZURE_KINDS if kind.tracked]
    sets = tag_sets(tags, chance)
    pairs = [both(number, chance.choice(kinds), next(sets), chance) for number in range(count)]

    ours = judged_alike(made, said_by_us(loaded, [mine for mine, _ in pairs]))
    azure = said_by_azure(made, [arm for _, arm in pairs])

    differing = sorted(ours ^ azure)[:5]
    assert not differing, [(one, pairs[int(one[1])][1]) for one in differing]
    assert {policy for policy, _, _ in ours} == {"TAG001", "TAG002", *(["TAG004"] if overlay else [])}
    return len(ours)


@pytest.mark.parametrize("overlay", [{}, TRICKY], ids=["shipped", "tricky"])
def test_both_say_the_same_of_every_tag(overlay: Mapping[str, Any]) -> None:
    assert compare(overlay, SETS) > SETS


def test_a_tag_in_another_case_is_all_that_they_differ_in() -> None:
    """Azure finds `Project` where a rule says `project`; ours reports its name, and that `project` is missing."""
    chance = random.Random(11)
    loaded, made = taxonomy({})
    sets = tag_sets(list(loaded.concerns["tagging"].config["tags"]), chance)
    kind = next(kind for kind in AZURE_KINDS if kind.kind == "compute_instance")
    pairs = []
    for number in range(2_000):
        tags = {chance.choice([tag, tag, tag.title(), tag.upper()]): value for tag, value in next(sets).items()}
        pairs.append(both(number, kind, tags, chance))

    ours = said_by_us(loaded, [mine for mine, _ in pairs])
    azure = said_by_azure(made, [arm for _, arm in pairs])

    differing = {one[1:] for one in judged_alike(made, ours) ^ azure}
    misspelt = {(number, tag) for policy, number, tag in ours if policy == "TAG003"}
    assert differing
    # A stage under another name also leaves open what the stage would have excused.
    assert {(number, tag) for number, tag in differing if (number, "stage") not in misspelt} <= misspelt
    assert "names in another case" in {one.about for one in made.unsaid}


def test_what_is_inherited_mends_what_is_missing() -> None:
    chance = random.Random(13)
    loaded, made = taxonomy(TRICKY)
    rules = Rules(one for one in made.export.definitions if one.name.startswith("governor-tag-"))
    sets = tag_sets(list(loaded.concerns["tagging"].config["tags"]), chance)
    kinds = [kind for kind in AZURE_KINDS if kind.tracked]
    mended = 0
    for number in range(400):
        _, resource = both(number, chance.choice(kinds), next(sets), chance)
        group = {"tags": next(sets)}
        before = {one.name for one in rules.broken(resource, group)}
        for inherit in rules.broken(resource, group):
            if not inherit.name.endswith("-inherit"):
                continue
            (operation,) = inherit.rule["then"]["details"]["operations"]
            tag, missing = inherit.metadata["tag"], inherit.name.removesuffix("inherit") + "missing"
            value = group["tags"][tag]
            after = rules.broken({**resource, "tags": {**resource["tags"], tag: value}}, group)

            assert operation["field"] == field_of(tag)
            assert operation["value"] == f"[resourceGroup().{field_of(tag)}]"
            assert missing in before
            if value.strip():
                assert not {missing, inherit.name} & {one.name for one in after}
                mended += 1
    assert mended > 100


PLACES: Mapping[str, Any] = {
    "datasets": {"tickets": "personal-eu", "o'brien.v1": "sovereign-eu", "web": "public", "typo": "no-such-class"},
    "projects": {"atlas": {"class": "personal-uk"}, "borealis": {"jurisdictions": ["US", "CH"]}},
    "regions": {"azure": {"marsnorth": "EU"}},
}


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        PLACES,
        {**PLACES, "default_class": "internal", "unknown_region": "deny"},
        {**PLACES, "default_class": "sovereign-eu", "ai_endpoints": {"forbid_global": False}},
        {"default_class": "personal-uk", "ai_endpoints": {"home_jurisdictions": ["EU", "UK"]}},
    ],
)
def test_both_say_the_same_of_places(overlay: Mapping[str, Any]) -> None:
    chance = random.Random(17)
    loaded = library.load([library.builtin()], overlay={"residency": overlay}, only=["residency"])
    cards = {policy.id: policy for policy in loaded.policies}
    made = generate({"residency": loaded.concerns["residency"].config}, cards, Options(only=["residency"]))
    skus = ["Standard", "standard", "GlobalStandard", "DataZoneStandard", "Novel", "ProvisionedManaged", None]
    values = ["tickets", "Tickets", "o'brien.v1", "o'brienXv1", "web", "typo", "other", "", "atlas", "borealis"]
    regions = ["westeurope", "uksouth", "eastus2", "switzerlandnorth", "norwayeast", "marsnorth", "global", "novel1"]
    pairs: list[tuple[Resource, dict[str, Any]]] = []
    for number in range(2_000):
        kind = chance.choice([kind for kind in AZURE_KINDS if kind.tracked or kind.kind == "model_deployment"])
        tags = {tag: chance.choice(values) for tag in ("dataset", "project") if kind.tracked and chance.random() < 0.6}
        mine, arm = both(number, kind, tags, chance)
        place = chance.choice(regions)
        if kind.tracked:
            arm["location"] = place
        else:
            del arm["location"]
        attributes: dict[str, Any] = {}
        if kind.kind == "model_deployment" and (sku := chance.choice(skus)):
            attributes["processing"] = endpoints.processing_of_sku(sku)
            arm["sku"] = {"name": sku}
        pairs.append((replace(mine, region=place, attributes=attributes), arm))

    tracked = {str(number) for number, (_, arm) in enumerate(pairs) if "location" in arm}
    said = said_by_us(loaded, [mine for mine, _ in pairs])
    ours = {
        (policy, number)
        for policy, number, attribute in said
        if number in tracked or (policy == "RES003" and attribute == "attributes.processing")
    }
    rules = Rules(made.export.definitions)
    azure = {
        (definition.metadata["policy"], str(number))
        for number, (_, arm) in enumerate(pairs)
        for definition in rules.broken(arm)
    }

    differing = sorted(ours ^ azure)[:5]
    assert not differing, [(one, pairs[int(one[1])]) for one in differing]
    assert {policy for policy, _ in ours} == ({"RES001", "RES003", "RES004"} if overlay else {"RES003"})


def main(arguments: Sequence[str]) -> None:
    """Compare so many tag sets, of the shipped taxonomy and of the tricky one."""
    count = int(arguments[0]) if arguments else 100_000
    for name, overlay in (("shipped", {}), ("tricky", TRICKY)):
        started = time.monotonic()
        found = compare(overlay, count)
        print(f"{name}: {count} tag sets, {found} findings, all alike, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
