"""Generated rules and our own policies say the same of the same resources, tag by tag."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from azure_rules import applies
from governor import library
from governor.azure_generated import Generated, Options, generate
from governor.catalog.azure_kinds import AZURE_KINDS, AzureKind
from governor.judge import judge
from governor.model import Accelerator, Inventory, Resource

TODAY = date(2026, 8, 1)
SETS = 100_000

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

BLANKS = ["", " ", "\t", "  \n"]

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
    if kind.only:
        arm[kind.only[0]] = kind.only[1].replace("*", ",container")
    accelerator = None
    if kind.size:
        size = chance.choice(SIZES)
        accelerator = Accelerator("A100") if size.lower().startswith("standard_n") else None
        arm[kind.size] = ["Standard_D2s_v5", size] if "[*]" in kind.size else size
    elif kind.gpu and chance.random() < 0.5:
        accelerator = Accelerator("V100")
        arm[kind.gpu] = ["V100"]
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
    judging = [one for one in made.export.definitions if one.mode == "Indexed" and "details" not in one.rule["then"]]
    return {
        (definition.metadata["policy"], str(number), definition.metadata["tag"])
        for definition in judging
        for number, resource in enumerate(resources)
        if applies(definition.rule, resource)
    }


def taxonomy(overlay: Mapping[str, Any]) -> tuple[library.Library, Generated]:
    loaded = library.load([library.builtin()], overlay={"tagging": overlay}, only=["tagging"])
    cards = {policy.id: policy for policy in loaded.policies}
    return loaded, generate({"tagging": loaded.concerns["tagging"].config}, cards, Options(only=["tagging"]))


def judged_alike(made: Generated, said: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Without what Azure cannot say, and says that it cannot."""
    unsaid = {(one.policy, one.about.rpartition(" ")[2]) for one in made.unsaid if one.about.startswith("pattern of")}
    return {one for one in said if one[0] in ("TAG001", "TAG002", "TAG004") and (one[0], one[2]) not in unsaid}


@pytest.mark.parametrize("overlay", [{}, TRICKY], ids=["shipped", "tricky"])
def test_both_say_the_same_of_every_tag(overlay: Mapping[str, Any]) -> None:
    chance = random.Random(7)
    loaded, made = taxonomy(overlay)
    tags = list(loaded.concerns["tagging"].config["tags"])
    kinds = [kind for kind in AZURE_KINDS if kind.tracked]
    sets = tag_sets(tags, chance)
    pairs = [both(number, chance.choice(kinds), next(sets), chance) for number in range(SETS // 2)]

    ours = judged_alike(made, said_by_us(loaded, [mine for mine, _ in pairs]))
    azure = said_by_azure(made, [arm for _, arm in pairs])

    differing = sorted(ours ^ azure)[:5]
    assert not differing, [(one, pairs[int(one[1])][1]) for one in differing]
    assert len(ours) > SETS / 10
    assert {policy for policy, _, _ in ours} == {"TAG001", "TAG002", *(["TAG004"] if overlay else [])}
