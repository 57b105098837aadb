"""The words of Azure: resources in the shape of Resource Manager, and the objects of Azure Policy.

Ids are kept as they are written and compared without case. Names follow Microsoft's documentation of Azure Policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from governor.model import Gap, Origin

Effect = str
"""As it is written: `audit`, `Deny`, `[parameters('effect')]`."""


class Unknown(Struct, frozen=True):
    """Stands in a body where a value is that is not known yet; never equal to any value."""

    reason: str


def unknown_in(value: Any) -> Unknown | None:
    """The first part of a value that is not known."""
    if isinstance(value, Unknown):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in parts if (found := unknown_in(part))), None)


class ArmResource(Struct, frozen=True, kw_only=True):
    """A resource as Resource Manager shows it, or will."""

    id: str
    """`/subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/virtualMachines/vm`. Parts that a plan cannot
    know are `(unknown)`."""
    type: str
    """`Microsoft.Compute/virtualMachines`, in any case."""
    body: Mapping[str, Any]
    """The whole JSON: `name`, `type`, `location`, `tags`, `kind`, `sku`, `identity`, `properties`… Keys keep their
    case. An absent key is absent; what is not known is an `Unknown`."""
    address: str = ""
    """The id of the same thing in `Inventory.resources`, where it is another: a Terraform address."""
    api_version: str = ""
    origin: Origin | None = None


class Estate(Struct, frozen=True, kw_only=True):
    """Resources that policies of Azure are evaluated on. Subscriptions and resource groups are among them, as
    `Microsoft.Resources/subscriptions` and `Microsoft.Resources/subscriptions/resourceGroups`."""

    resources: tuple[ArmResource, ...]
    listed: frozenset[str] = frozenset()
    """Types, lower-case, of which every resource is here: what is missing of them does not exist."""
    ancestors: Mapping[str, tuple[str, ...]] = {}
    """Id of a subscription, lower-case → names of its management groups, lower-case, nearest first. A subscription that
    is not here has management groups nobody told of."""
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    """Values marked sensitive, longest first: never written."""
    source: str = ""


class Written(Struct, frozen=True):
    """Where an object stands in an export."""

    file: str
    line: int = 0
    pointer: tuple[str | int, ...] = ()
    """Keys and indices that lead to it from the top of the file."""


class Definition(Struct, frozen=True, kw_only=True):
    """A policy definition."""

    id: str
    name: str
    display_name: str = ""
    description: str = ""
    policy_type: str = "Custom"
    """Custom, BuiltIn or Static."""
    mode: str = "Indexed"
    version: str = ""
    parameters: Mapping[str, Any] = {}
    """Name → declaration, as written."""
    rule: Any = None
    """`policyRule` as the language writes it: escapes of a template around it are gone."""
    metadata: Mapping[str, Any] = {}
    written: Written | None = None
    """Of the object that holds `policyRule`: the pointer of the rule is this one and `policyRule`."""


class Member(Struct, frozen=True, kw_only=True):
    """A definition within an initiative."""

    definition: str
    """Id of the definition."""
    reference: str
    """`policyDefinitionReferenceId`."""
    parameters: Mapping[str, Any] = {}
    """Name → value, which may be an expression over the initiative's parameters."""
    version: str = ""
    groups: tuple[str, ...] = ()


class Initiative(Struct, frozen=True, kw_only=True):
    """A policy set definition."""

    id: str
    name: str
    display_name: str = ""
    description: str = ""
    policy_type: str = "Custom"
    version: str = ""
    parameters: Mapping[str, Any] = {}
    members: tuple[Member, ...] = ()
    groups: tuple[Mapping[str, Any], ...] = ()
    """`policyDefinitionGroups`, as written: members name them."""
    metadata: Mapping[str, Any] = {}
    written: Written | None = None


class Selector(Struct, frozen=True, kw_only=True):
    """One condition of a resource selector or an override."""

    kind: str
    """resourceLocation, resourceType, resourceWithoutLocation, policyDefinitionReferenceId…"""
    within: tuple[str, ...] | None = None
    """The values of `in`."""
    without: tuple[str, ...] | None = None
    """The values of `notIn`."""


class ResourceSelector(Struct, frozen=True, kw_only=True):
    """Several apply as `or`; the selectors inside one as `and`."""

    name: str = ""
    selectors: tuple[Selector, ...] = ()


class Override(Struct, frozen=True, kw_only=True):
    """An effect or a version that an assignment puts in another's place."""

    kind: str
    """policyEffect or policyVersion."""
    value: str
    selectors: tuple[Selector, ...] = ()


class Message(Struct, frozen=True):
    """What an assignment says of what does not comply."""

    text: str
    reference: str = ""
    """The member of an initiative it is for; empty: all."""


class Assignment(Struct, frozen=True, kw_only=True):
    """A definition or an initiative, assigned to a scope."""

    id: str
    name: str
    display_name: str = ""
    description: str = ""
    scope: str
    """Id of a management group, subscription, resource group or resource."""
    not_scopes: tuple[str, ...] = ()
    target: str
    """`policyDefinitionId`: of a definition or an initiative."""
    version: str = ""
    parameters: Mapping[str, Any] = {}
    """Name → value; an `Unknown` where an export leaves it open."""
    enforced: bool = True
    """False: `enforcementMode` is DoNotEnforce; it is evaluated and not acted on."""
    messages: tuple[Message, ...] = ()
    selectors: tuple[ResourceSelector, ...] = ()
    overrides: tuple[Override, ...] = ()
    identity: str = ""
    """What modify and deployIfNotExists act as: `SystemAssigned`, or the id of a user-assigned identity."""
    location: str = ""
    """Of the identity."""
    metadata: Mapping[str, Any] = {}
    written: Written | None = None


class PolicyExemption(Struct, frozen=True, kw_only=True):
    """An exemption as Azure knows it; its scope is its own id before `/providers/Microsoft.Authorization`."""

    id: str
    name: str
    display_name: str = ""
    description: str = ""
    scope: str
    assignment: str
    """Id of the assignment."""
    references: tuple[str, ...] = ()
    """Members of the initiative; empty: all."""
    category: str = "Waiver"
    """Waiver or Mitigated."""
    expires_on: str = ""
    """ISO 8601; empty: never."""
    selectors: tuple[ResourceSelector, ...] = ()
    metadata: Mapping[str, Any] = {}
    written: Written | None = None


class PolicyState(Struct, frozen=True, kw_only=True):
    """What Azure recorded of one resource under one policy of one assignment."""

    resource: str
    resource_type: str = ""
    assignment: str
    definition: str
    reference: str = ""
    initiative: str = ""
    state: str
    """NonCompliant, Compliant, Conflict, Exempt, Unknown…"""
    effect: Effect = ""
    at: str = ""
    """When it was evaluated, ISO 8601."""
    ancestors: tuple[str, ...] = ()
    """Names of the management groups above, lower-case, nearest first, where the record tells them."""
    written: Written | None = None


class Summary(Struct, frozen=True, kw_only=True):
    """How many resources stand how under one assignment, or one policy of it: counts without the resources."""

    assignment: str
    definition: str = ""
    """Empty: of all policies of the assignment."""
    reference: str = ""
    initiative: str = ""
    effect: Effect = ""
    resources: Mapping[str, int]
    """State, as in `PolicyState.state` → number of resources."""
    written: Written | None = None


class Export(Struct, frozen=True, kw_only=True):
    """What one or more files say of Azure Policy."""

    definitions: tuple[Definition, ...] = ()
    """One that is here in several versions stands once for each, the newest first."""
    initiatives: tuple[Initiative, ...] = ()
    """Likewise."""
    assignments: tuple[Assignment, ...] = ()
    exemptions: tuple[PolicyExemption, ...] = ()
    states: tuple[PolicyState, ...] = ()
    summaries: tuple[Summary, ...] = ()
    ancestors: Mapping[str, tuple[str, ...]] = {}
    """As `Estate.ancestors`."""
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""


ComplianceState = Literal["NonCompliant", "Compliant", "NotApplicable", "Exempt", "Conflict", "Unknown", "Error"]


class Result(Struct, frozen=True, kw_only=True, gc=False):
    """What one policy of one assignment says of one resource."""

    resource: str
    """`ArmResource.id`."""
    assignment: str
    definition: str
    reference: str = ""
    effect: str = ""
    """Lower-case, after parameters and overrides."""
    state: ComplianceState
    would_block: bool = False
    """Whether Azure would refuse the request that makes the resource so."""
    reason: str = ""
    """Why it is Unknown or an Error; which condition decided, otherwise."""
    path: str = ""
    """The field that decided: `tags['project']`."""
    expected: str = ""
    actual: str = ""
    exemption: str = ""
    """Id of the exemption that holds."""
    message: str = ""
    """What the assignment says of it."""
