"""Definitions, initiatives and assignments, with their parameters and ids. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from governor.azure_generated import naming
from governor.azure_generated.conditions import Condition, size
from governor.azure_model import Assignment, Definition, Initiative, Member
from governor.errors import Refusal

EffectOn = Literal["Audit", "Deny"]

Place = Callable[[str, Sequence[str | int]], str]
"""Concern and keys in its data → `file:line`."""

_CONDITIONS = 4096
"""Conditions that the `if` of a rule may hold."""

_MEMBERS = 1000
"""Definitions that an initiative may have."""

_PROVIDER = "providers/Microsoft.Authorization"


class Unsaid(Struct, frozen=True, kw_only=True):
    """What a policy of ours judges and no policy of Azure can."""

    policy: str
    """Id of our policy."""
    about: str = ""
    """The tag, the kind or the class it is about; empty: all of the policy."""
    reason: str

    def __str__(self) -> str:
        return f"{self.policy}{f' ({self.about})' if self.about else ''}: {self.reason}"


class Context(Struct, frozen=True, kw_only=True):
    """What every definition needs to know."""

    home: str
    """Id of the management group or subscription that keeps the definitions."""
    place: Place


def effect_parameter(*allowed: str, default: str, what: str = "Effect") -> Mapping[str, Any]:
    """The declaration of a parameter that is an effect."""
    says = {"Audit": "Audit reports", "Deny": "Deny refuses the request", "Modify": "Modify adds the tag"}
    described = ", ".join([*(says[effect] for effect in allowed if effect in says), "Disabled does nothing"])
    return {
        "type": "String",
        "metadata": {"displayName": what, "description": f"{described}."},
        "allowedValues": list(allowed),
        "defaultValue": default,
    }


JUDGED = {"effect": effect_parameter("Audit", "Deny", "Disabled", default="Audit")}
"""Parameters of a definition that judges."""

MENDED = {"effect": effect_parameter("Modify", "Disabled", default="Modify")}
"""Parameters of a definition that changes resources."""


def definition(
    context: Context,
    name: str,
    *,
    display_name: str,
    description: str,
    condition: Condition,
    metadata: Mapping[str, Any],
    at: tuple[str, Sequence[str | int]],
    mode: str = "Indexed",
    details: Mapping[str, Any] | None = None,
) -> Definition:
    """One definition; with `details` one that changes resources. `at` is what it is made of: a limit that it breaks is
    refused there."""
    if (count := size(condition)) > _CONDITIONS:
        raise Refusal(
            f"the rule of {name} would hold {count} conditions, and Azure takes {_CONDITIONS}: shorten the list",
            place=context.place(*at),
        )
    then: dict[str, Any] = {"effect": "[parameters('effect')]"}
    if details:
        then["details"] = details
    return Definition(
        id=f"{context.home}/{_PROVIDER}/policyDefinitions/{name}",
        name=name,
        display_name=naming.display_name(display_name),
        description=naming.description(description),
        mode=mode,
        version=naming.VERSION,
        parameters=MENDED if details else JUDGED,
        rule={"if": condition, "then": then},
        metadata=metadata,
    )


def initiative(
    context: Context,
    name: str,
    *,
    display_name: str,
    description: str,
    parameters: Mapping[str, Any],
    members: Sequence[tuple[Definition, str]],
    at: tuple[str, Sequence[str | int]],
) -> Initiative:
    """One initiative. A member has the parameter of the initiative that its effect is."""
    if len(members) > _MEMBERS:
        raise Refusal(
            f"the initiative {name} would have {len(members)} members, and Azure takes {_MEMBERS}: shorten the list",
            place=context.place(*at),
        )
    return Initiative(
        id=f"{context.home}/{_PROVIDER}/policySetDefinitions/{name}",
        name=name,
        display_name=naming.display_name(display_name),
        description=naming.description(description),
        version=naming.VERSION,
        parameters=parameters,
        members=tuple(
            Member(
                definition=member.id,
                reference=member.name.removeprefix("governor-"),
                parameters={"effect": f"[parameters('{parameter}')]"},
            )
            for member, parameter in members
        ),
        metadata={"category": naming.CATEGORY, "version": naming.VERSION, "madeBy": naming.MADE_BY},
    )


def assignment(scope: str, target: Initiative, *, location: str = "") -> Assignment:
    """The initiative, assigned to a scope with its parameters as they are by default; with a location, as an identity
    of its own."""
    return Assignment(
        id=f"{scope}/{_PROVIDER}/policyAssignments/{target.name}",
        name=target.name,
        display_name=target.display_name,
        description=target.description,
        scope=scope,
        target=target.id,
        parameters={name: declared["defaultValue"] for name, declared in target.parameters.items()},
        identity="SystemAssigned" if location else "",
        location=location,
        metadata={"madeBy": naming.MADE_BY},
    )
