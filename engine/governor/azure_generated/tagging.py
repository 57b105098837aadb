"""The taxonomy in, definitions of tags out: TAG001, TAG002 and TAG004, as far as Azure can say them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from governor.azure_generated import naming, patterns
from governor.azure_generated.conditions import (
    Condition,
    accelerated,
    all_of,
    any_of,
    exactly,
    field_of,
    missing,
    mode_of,
    none_of,
    of_types,
    present,
)
from governor.azure_generated.objects import Context, Unsaid, definition
from governor.azure_model import Definition
from governor.catalog.azure_kinds import AZURE_KINDS, AzureKind
from governor.errors import Refusal
from governor.model import Policy

CONCERN = "tagging"

TAG_CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/4a9ae827-6dc8-4573-8ac7-8239d42aa03f"
"""The role that may change tags, and nothing else:
https://learn.microsoft.com/azure/role-based-access-control/built-in-roles."""

_GROUP = {"field": "type", "equals": "Microsoft.Resources/subscriptions/resourceGroups"}


class Tagging(Struct, frozen=True):
    """What is made of a taxonomy."""

    resources: tuple[Definition, ...]
    """Judge tags of resources."""
    groups: tuple[Definition, ...]
    """Judge tags of resource groups."""
    inherited: tuple[Definition, ...]
    """Give resources the tags of their resource groups."""
    unsaid: tuple[Unsaid, ...]


def make(config: Mapping[str, Any], cards: Mapping[str, Policy], context: Context) -> Tagging:
    """Definitions for what the policies of the cards judge by this data."""
    _check(config, context)
    unsaid: list[Unsaid] = []
    resources: list[Definition] = []
    groups: list[Definition] = []
    inherited: list[Definition] = []
    for tag in config["tags"]:
        if "TAG001" in cards and (asked := _asked(tag, config, cards["TAG001"].kinds)):
            resources.append(_missing(tag, asked, context))
            groups.append(_missing_of_groups(tag, context))
            inherited.append(_inherit(tag, asked, context))
        if "TAG002" in cards and (wrong := list(_wrong(tag, config["tags"][tag], unsaid))):
            resources.append(_value(tag, config["tags"][tag], wrong, context))
    if "TAG004" in cards:
        resources += _register(config, unsaid, context)
    unsaid += _beyond(config, cards)
    return Tagging(tuple(resources), tuple(groups), tuple(inherited), tuple(unsaid))


# What Azure can hold


def _check(config: Mapping[str, Any], context: Context) -> None:
    seen: dict[str, str] = {}
    for tag, rule in config["tags"].items():
        why = naming.bad_tag(tag)
        if not why and tag.casefold() in seen:
            why = f"to Azure, {tag} and {seen[tag.casefold()]} are one tag"
        if why:
            raise Refusal(f"{why}: rename it", place=context.place(CONCERN, ("tags", tag)))
        seen[tag.casefold()] = tag
        for number, value in enumerate(rule.get("values", ())):
            _check_value(value, ("tags", tag, "values", number), context)
    for register in ("projects", "datasets"):
        for value in config[register]:
            _check_value(value, (register, value), context)


def _check_value(value: str, path: Sequence[str | int], context: Context) -> None:
    if len(value) > naming.TAG_VALUE:
        raise Refusal(
            f"no tag of Azure holds {len(value)} characters: {naming.TAG_VALUE} are the most; shorten the value",
            place=context.place(CONCERN, path),
        )


# TAG001: who must carry what


class _Asked(Struct, frozen=True):
    """Of which resources a tag is asked."""

    condition: Condition
    mode: str


def _asked(tag: str, config: Mapping[str, Any], judged: Sequence[str]) -> _Asked | None:
    """None: of none in Azure."""
    demands: dict[tuple[bool, tuple[str, ...]], set[str]] = {}
    for demand in config["mandatory"].values():
        if tag in demand["tags"]:
            group = bool(demand.get("accelerated")), tuple(demand.get("except_stages", ()))
            demands.setdefault(group, set()).update(demand["kinds"])
    conditions = []
    involved: list[AzureKind] = []
    for (needs_accelerator, excused), kinds in demands.items():
        found = [kind for kind in AZURE_KINDS if kind.tracked and kind.kind in kinds and kind.kind in judged]
        if needs_accelerator:
            told = [condition for kind in found if (condition := accelerated(kind))]
            asked = any_of(told) if told else None
        else:
            asked = of_types(found) if found else None
        if asked:
            involved += found
            conditions.append(all_of([asked, none_of("stage", excused)]) if excused else asked)
    return _Asked(any_of(conditions), mode_of(involved)) if conditions else None


def _missing(tag: str, asked: _Asked, context: Context) -> Definition:
    return definition(
        context,
        naming.name("tag", tag, tail="missing"),
        display_name=f"AI resources carry the tag '{tag}'",
        description=f"A resource without the tag '{tag}', or with a blank one, breaks TAG001 of governor: its cost"
        " cannot be charged.",
        mode=asked.mode,
        condition=all_of([asked.condition, missing(tag)]),
        metadata=naming.metadata("TAG001", tag=tag),
        at=(CONCERN, ("mandatory",)),
    )


def _missing_of_groups(tag: str, context: Context) -> Definition:
    return definition(
        context,
        naming.name("group-tag", tag, tail="missing"),
        display_name=f"Resource groups carry the tag '{tag}'",
        description=f"A resource group without the tag '{tag}' has none to hand on to its resources.",
        condition=all_of([_GROUP, missing(tag)]),
        metadata=naming.metadata("TAG001", tag=tag),
        at=(CONCERN, ("mandatory",)),
        mode="All",
    )


def _inherit(tag: str, asked: _Asked, context: Context) -> Definition:
    group_value = f"[resourceGroup().{field_of(tag)}]"
    return definition(
        context,
        naming.name("tag", tag, tail="inherit"),
        display_name=f"AI resources inherit the tag '{tag}' from their resource group",
        description=f"A resource that must carry the tag '{tag}' and does not gets it from its resource group, if that"
        " has one.",
        mode=asked.mode,
        condition=all_of([asked.condition, missing(tag), {"value": group_value, "notEquals": ""}]),
        metadata=naming.metadata("TAG001", tag=tag),
        at=(CONCERN, ("mandatory",)),
        details={
            "roleDefinitionIds": [TAG_CONTRIBUTOR],
            "operations": [{"operation": "addOrReplace", "field": field_of(tag), "value": group_value}],
        },
    )


# TAG002: what a tag may say


def _wrong(tag: str, rule: Mapping[str, Any], unsaid: list[Unsaid]) -> Iterator[Condition]:
    """What makes a value wrong: each part of the rule by itself."""
    if "values" in rule:
        yield none_of(tag, rule["values"]) if rule["values"] else {"field": field_of(tag), "exists": "true"}
    if "pattern" in rule:
        try:
            yield {"not": patterns.matching(tag, rule["pattern"])}
        except patterns.Inexpressible as why:
            unsaid.append(Unsaid(policy="TAG002", about=f"pattern of {tag}", reason=str(why)))
    if rule.get("date"):
        yield {"not": patterns.a_day(tag)}
    if "minimum" in rule or "maximum" in rule:
        reason = "conditions compare tags as text, and not as numbers"
        unsaid.append(Unsaid(policy="TAG002", about=f"range of {tag}", reason=reason))


def _value(tag: str, rule: Mapping[str, Any], wrong: Sequence[Condition], context: Context) -> Definition:
    allowed = (
        f"allowed is {', '.join(rule['values'])}" if "values" in rule else f"it takes {rule.get('shape', 'a day')}"
    )
    return definition(
        context,
        naming.name("tag", tag, tail="value"),
        display_name=f"The tag '{tag}' of AI resources has an allowed value",
        description=f"Another value breaks TAG002 of governor: {allowed}.",
        mode=mode_of(_TAGGED),
        condition=all_of([of_types(_TAGGED), *present(tag), any_of(wrong)]),
        metadata=naming.metadata("TAG002", tag=tag),
        at=(CONCERN, ("tags", tag)),
    )


_TAGGED: Sequence[AzureKind] = [kind for kind in AZURE_KINDS if kind.tracked]


# TAG004: the register


def _register(config: Mapping[str, Any], unsaid: list[Unsaid], context: Context) -> Iterator[Definition]:
    for tag, broken in _contradictions(config, unsaid).items():
        if broken:
            yield definition(
                context,
                naming.name("tag", tag, tail="register"),
                display_name=f"The tag '{tag}' of AI resources agrees with the register",
                description=f"A value of '{tag}' that the register of projects and datasets does not know, or knows of"
                " another project, breaks TAG004 of governor.",
                mode=mode_of(_TAGGED),
                condition=all_of([of_types(_TAGGED), *present(tag), any_of(broken)]),
                metadata=naming.metadata("TAG004", tag=tag),
                at=(CONCERN, ("projects",)),
            )


def _contradictions(config: Mapping[str, Any], unsaid: list[Unsaid]) -> dict[str, list[Condition]]:
    """Tag → what makes its value contradict the register."""
    projects, datasets = config["projects"], config["datasets"]
    found: dict[str, list[Condition]] = {"project": [], "experiment-id": [], "owner-team": [], "dataset": []}
    if projects:
        found["project"].append(none_of("project", projects))
    for project, entry in projects.items():
        here = exactly("project", project)
        if "experiments" in entry or "experiment_pattern" in entry:
            try:
                known = [exactly("experiment-id", name) for name in entry.get("experiments", ())]
                if "experiment_pattern" in entry:
                    known.append(patterns.matching("experiment-id", entry["experiment_pattern"]))
                found["experiment-id"].append(all_of([here, {"not": any_of(known)}]) if known else here)
            except patterns.Inexpressible as why:
                unsaid.append(Unsaid(policy="TAG004", about=f"experiments of {project}", reason=str(why)))
        if "owner_team" in entry:
            found["owner-team"].append(all_of([here, {"not": exactly("owner-team", entry["owner_team"])}]))
    if datasets:
        found["dataset"].append(none_of("dataset", datasets))
    for dataset, entry in datasets.items():
        if "projects" in entry:
            others = [none_of("project", entry["projects"])] if entry["projects"] else []
            found["dataset"].append(all_of([exactly("dataset", dataset), *present("project"), *others]))
    return found


# What stays with governor


def _beyond(config: Mapping[str, Any], cards: Mapping[str, Policy]) -> Iterator[Unsaid]:
    judged = [id for id in ("TAG001", "TAG002", "TAG004") if id in cards]
    if judged:
        reason = "Azure reads the names of tags without case, so that a tag in another case counts as the tag"
        yield Unsaid(policy=judged[0], about="names in another case", reason=reason)
    for kind in AZURE_KINDS:
        if judged and kind.tags_elsewhere:
            yield Unsaid(policy=", ".join(judged), about=kind.type, reason=kind.tags_elsewhere)
    needing = {k for demand in config["mandatory"].values() if demand.get("accelerated") for k in demand["kinds"]}
    for kind in AZURE_KINDS:
        if "TAG001" in cards and kind.kind in needing and kind.accelerator_elsewhere:
            yield Unsaid(policy="TAG001", about=kind.type, reason=kind.accelerator_elsewhere)
    if "TAG003" in cards:
        reason = "the spellings that read like a tag have no end, and conditions list names"
        yield Unsaid(policy="TAG003", reason=reason)
    if "TAG005" in cards:
        yield Unsaid(policy="TAG005", reason="no field tells which tags reach what a resource launches")
