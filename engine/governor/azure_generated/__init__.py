"""Taxonomy and residency data in, Azure Policy out, and what Azure Policy cannot say of them. Pure.

Nothing is approximated: a definition judges as our policy does, or is not made.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from governor.azure_generated import residency, tagging
from governor.azure_generated.objects import (
    Context,
    EffectOn,
    Place,
    Unsaid,
    assignment,
    effect_parameter,
    initiative,
)
from governor.azure_model import Assignment, Definition, Export, Initiative
from governor.errors import Refusal
from governor.model import Policy

CONCERNS = (tagging.CONCERN, residency.CONCERN)

_SCOPE = re.compile(
    r"/providers/Microsoft\.Management/managementGroups/[^/]+|(?P<subscription>/subscriptions/[^/]+)(/resourceGroups/[^/]+)?",
    re.IGNORECASE,
)


ANY_GROUP = "/providers/Microsoft.Management/managementGroups/MANAGEMENT-GROUP"
"""Stands for the management group that nobody has named yet."""


class Options(Struct, frozen=True, kw_only=True):
    """What is asked for."""

    scope: str = ""
    """Id of the management group, subscription or resource group that is assigned to; empty: nothing is assigned."""
    location: str = ""
    """Region of the identity that an assignment acts as, where one changes resources."""
    effect: EffectOn = "Audit"
    """What definitions do that judge resources; an assignment may say otherwise."""
    only: Collection[str] = CONCERNS
    """Concerns that are written."""
    place: Place = lambda concern, path: ".".join(map(str, (concern, *path)))
    """Where the data of a concern stands."""


class Generated(Struct, frozen=True):
    """What is made, and what cannot be."""

    export: Export
    unsaid: tuple[Unsaid, ...]


def generate(configs: Mapping[str, Mapping[str, Any]], cards: Mapping[str, Policy], options: Options) -> Generated:
    """Definitions, initiatives and assignments for the policies of the cards. `configs` is the data by concern, and
    `cards` are by id. Refuses a scope that is none, and data that breaks a limit of Azure."""
    context = Context(home=_home(options.scope), place=options.place)
    definitions: list[Definition] = []
    initiatives: list[Initiative] = []
    unsaid: list[Unsaid] = []
    if "tagging" in options.only:
        tags = tagging.make(configs["tagging"], cards, context)
        definitions += (*tags.resources, *tags.groups, *tags.inherited)
        initiatives += _of_tags(tags, options.effect, context)
        unsaid += tags.unsaid
    if "residency" in options.only:
        places = residency.make(configs["residency"], cards, context)
        definitions += (*places.places, *places.unknown)
        denied = configs["residency"]["unknown_region"] == "deny"
        initiatives += _of_places(places, options.effect, options.effect if denied else "Audit", context)
        unsaid += places.unsaid
    assignments: list[Assignment] = []
    if options.scope:
        acting = {one.id for one in definitions if "details" in one.rule["then"]}
        assignments = [
            assignment(
                options.scope,
                target,
                location=options.location if any(member.definition in acting for member in target.members) else "",
            )
            for target in initiatives
        ]
    export = Export(definitions=tuple(definitions), initiatives=tuple(initiatives), assignments=tuple(assignments))
    return Generated(export, tuple(unsaid))


def _home(scope: str) -> str:
    """What keeps the definitions: a resource group cannot."""
    if not scope:
        return ANY_GROUP
    found = _SCOPE.fullmatch(scope)
    if not found:
        raise Refusal(
            "no scope of an assignment: write /providers/Microsoft.Management/managementGroups/NAME, /subscriptions/ID"
            " or /subscriptions/ID/resourceGroups/NAME",
            place=scope,
        )
    return found["subscription"] or scope


def _of_tags(tags: tagging.Tagging, effect: EffectOn, context: Context) -> list[Initiative]:
    found = []
    if tags.resources:
        found.append(
            initiative(
                context,
                "governor-tagging",
                display_name="AI governance: tags",
                description="AI resources carry the tags of the taxonomy, with values that it allows.",
                parameters={"effect": effect_parameter("Audit", "Deny", "Disabled", default=effect)},
                members=[(one, "effect") for one in tags.resources],
                at=("tagging", ("tags",)),
            )
        )
    if tags.inherited:
        # The taxonomy asks nothing of resource groups: whoever wants it of them says so.
        groups = effect_parameter("Audit", "Deny", "Disabled", default="Disabled", what="Effect on resource groups")
        found.append(
            initiative(
                context,
                "governor-tags-inherited",
                display_name="AI governance: tags from the resource group",
                description="AI resources get the tags that they lack from their resource group.",
                parameters={
                    "inheritance": effect_parameter("Modify", "Disabled", default="Modify", what="Inheritance"),
                    "effectOnResourceGroups": groups,
                },
                members=[
                    *((one, "inheritance") for one in tags.inherited),
                    *((one, "effectOnResourceGroups") for one in tags.groups),
                ],
                at=("tagging", ("mandatory",)),
            )
        )
    return found


def _of_places(places: residency.Residency, effect: EffectOn, unknown: EffectOn, context: Context) -> list[Initiative]:
    if not places.places and not places.unknown:
        return []
    parameters = {"effect": effect_parameter("Audit", "Deny", "Disabled", default=effect)}
    if places.unknown:
        parameters["effectOnUnknownRegions"] = effect_parameter(
            "Audit", "Deny", "Disabled", default=unknown, what="Effect on regions that are not known"
        )
    return [
        initiative(
            context,
            "governor-residency",
            display_name="AI governance: residency",
            description="AI resources lie and process where the class of their data allows.",
            parameters=parameters,
            members=[
                *((one, "effect") for one in places.places),
                *((one, "effectOnUnknownRegions") for one in places.unknown),
            ],
            at=("residency", ("classes",)),
        )
    ]
