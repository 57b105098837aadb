"""How ids, fields and conditions of Azure read."""

from __future__ import annotations

import re

from governor.azure_model import ArmResource, PolicyExemption, Result
from governor.languages.azure_policy.assignments import Assigned
from governor.languages.azure_policy.evaluation import Evaluation
from governor.languages.azure_policy.operators import Truth
from governor.languages.azure_policy.trace import Decisive

_TAG = re.compile(r"tags(?:\.(?P<dotted>[^\[\]]+)|\['(?P<quoted>.+)'\]|\[(?P<bare>.+)\])", re.IGNORECASE)

_MUST = {
    "equals": "be {}",
    "in": "be one of {}",
    "like": "be like {}",
    "match": "match {}",
    "matchinsensitively": "match {}",
    "contains": "contain {}",
    "containskey": "have the key {}",
    "less": "be less than {}",
    "lessorequals": "be {} at most",
    "greater": "be greater than {}",
    "greaterorequals": "be {} at least",
}
"""What a value does of which an operator (lower-case) is true."""

_OPPOSITE = {"less": "greaterorequals", "greater": "lessorequals", "lessorequals": "greater", "greaterorequals": "less"}


def tag_of(field: str) -> str | None:
    """`project` of `tags['project']`, `tags[project]` and `tags.project`; None for what is no tag."""
    found = _TAG.fullmatch(field)
    if found is None:
        return None
    return found["dotted"] or (found["quoted"] or found["bare"]).replace("''", "'")


def field(name: str) -> str:
    """A field, and a tag always in the same way."""
    tag = tag_of(name)
    return name if tag is None else f"tags['{tag}']"


def must(operator: str, right: str, held: Truth) -> str:
    """What a value must do so that a condition, which held or not, turns round: `must be one of [...]`."""
    name = operator.lower()
    if name == "exists":
        return "must not be there" if (held is True) is (right.strip('"').lower() == "true") else "must be there"
    positive = name.removeprefix("not")
    wanted = (name == positive) is not (held is True)
    if not wanted and positive in _OPPOSITE:
        return f"must {_MUST[_OPPOSITE[positive]].format(right)}"
    said = _MUST.get(positive, f"{positive} {{}}").format(right)
    return f"must {said}" if wanted else f"must not {said}"


def decided(found: Decisive) -> tuple[str, str, str]:
    """The field that decided, what it has to be instead, and what it is."""
    path = field(found.path)
    doubtful = found.held is not True and found.held is not False
    return path, found.expected if doubtful else must(found.operator, found.right, found.held), found.actual


def short(resource_id: str) -> str:
    """An id without its subscription and namespaces: `rg-ml/virtualMachines/gpu-1`."""
    parts = resource_id.strip("/").split("/")
    match [part.lower() for part in parts]:
        case ["providers", _, "managementgroups", _]:
            return f"management group {parts[3]}"
        case ["subscriptions", _]:
            return f"subscription {parts[1]}"
        case ["subscriptions", _, "resourcegroups", _]:
            return "/".join(parts[2:])
        case ["subscriptions", _, "resourcegroups", *_]:
            kept, rest = parts[3:4], parts[4:]
        case ["subscriptions", *_]:
            kept, rest = parts[:2], parts[2:]
        case _:
            return resource_id
    steps = zip(rest[::2], rest[1::2], strict=False)
    return "/".join([*kept, *(part for step in steps if step[0].lower() != "providers" for part in step)])


def called(resource: ArmResource) -> str:
    """A resource as people find it: its Terraform address, or its id, shortened."""
    return resource.address or short(resource.id)


def title(one: Assigned) -> str:
    """What a policy is called."""
    return one.definition.display_name or one.definition.name


def source_of(one: Assigned) -> str:
    """The assignment a policy comes from, and its member of the initiative: `ai-baseline (keys)`."""
    return f"{one.assignment.name} ({one.reference})" if one.reference else one.assignment.name


def why(evaluation: Evaluation, one: Assigned, resource: ArmResource) -> tuple[str, str, str]:
    """The field that a policy's answer for a resource hangs on, what it has to be, and what it is; empty for none."""
    found = evaluation.decisive(one, resource)
    return ("", "", "") if found is None else decided(found)


def because(result: Result) -> str:
    """Why a policy says what it says: the field that decided, or the reason."""
    if result.reason:
        return result.reason
    if not result.path:
        return "its type is all that the policy asks for"
    value = "is missing" if result.actual == "(missing)" else f"is {result.actual}"
    return f"{result.path} {value}; it {result.expected}"


def terms(exemption: PolicyExemption) -> str:
    """What an exemption is, and until when."""
    until = f"until {exemption.expires_on[:10]}" if exemption.expires_on else "without end"
    name = exemption.display_name or exemption.name
    return f"{exemption.category.lower()} {until}: {name} on {short(exemption.scope)}"
