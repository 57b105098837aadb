"""Amazon's launch templates: which one starts an instance, of what type, bought how, with which tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governor.model import Purchase
from governor.sources.terraform_plan.draft import AFTER_APPLY, Draft
from governor.sources.terraform_plan.reading import as_text, at, block, blocks, is_unknown, mapping, text
from governor.sources.terraform_plan.siblings import Target
from governor.sources.terraform_plan.withhold import SENSITIVE, WITHHELD

_MARKETS: dict[str, Purchase] = {"spot": "spot", "capacity-block": "capacity_block"}
_TEMPLATES = ("aws_launch_template", "aws_launch_configuration")
_RESERVATIONS = ("aws_ec2_capacity_reservation", "aws_ec2_capacity_block_reservation")


def market(draft: Draft, path: str) -> Purchase | None:
    """How instances are bought; a block of options that names no market means spot."""
    options = block(draft.get(path))
    if (why := draft.why_unknown(f"{path}.0.market_type")) and draft.written(f"{path}.0.market_type"):
        draft.unknown["purchase"] = f"{path}.0.market_type is {why}"
        return None
    if not any(options.values()) and not (draft.get(path) and draft.written(path)):
        return None
    return _MARKETS.get(text(options.get("market_type")) or "spot")


def uses_template(draft: Draft) -> bool:
    return bool(block(draft.get("launch_template"))) or bool(draft.leads_to("launch_template"))


def through_template(
    draft: Draft, desired: int | None, most: int | None, *, type_too: bool = True, default: str = ""
) -> None:
    """The type from the launch template of the `launch_template` block."""
    found = templates(draft, "launch_template", block(draft.get("launch_template")))
    from_templates(draft, found, desired, most, "its launch template", type_too=type_too, default=default)


def templates(draft: Draft, path: str, written: Mapping[str, Any]) -> list[Target]:
    """The templates that a specification names: by reference, by id, or by name."""
    found = [t for t in draft.leads_to(path) if t.resource.type in _TEMPLATES]
    for names, key in ((("id", "launch_template_id"), "id"), (("name", "launch_template_name"), "name")):
        for name in names:
            if told := draft.named("aws_launch_template", key, written.get(name)):
                return told
    return found


def from_templates(
    draft: Draft,
    found: list[Target],
    desired: int | None,
    most: int | None,
    what: str,
    *,
    several: bool = False,
    type_too: bool = True,
    default: str = "",
) -> None:
    """Types, purchase and delivered tags. `several` templates may be used at once; else more than one is a doubt."""
    found = [t for t in found if t.resource.type in _TEMPLATES]
    if not found:
        if type_too:
            draft.type_unknown(f"the instance type stands in {what}, which this plan does not hold")
        if draft.delivered is not None:
            draft.unknown["attributes.delivered_tags"] = f"{what} is not in this plan"
        return
    if type_too:
        _types(draft, found, desired, most, several, default)
    for template in found:
        bought = _bought(template)
        if bought and draft.purchase == "on_demand":
            draft.purchase = bought
    deliver(draft, found)
    if len(found) == 1:
        path = "capacity_reservation_specification"
        leads = (
            draft.plan.targets(found[0].resource, found[0].block, found[0].block.expressions.get(path))
            if found[0].block and not draft.before
            else []
        )
        within_reservation(draft, found[0].after, leads)


def _types(
    draft: Draft, found: list[Target], desired: int | None, most: int | None, several: bool, default: str
) -> None:
    types: list[str] = []
    for template in found:
        kind = text(template.after.get("instance_type"))
        told = not is_unknown(template.unknown_after, "instance_type") and not is_unknown(
            template.marks, "instance_type"
        )
        if kind is None and default and told and not block(template.after.get("instance_requirements")):
            kind = default
        if kind is None:
            draft.type_unknown(f"{template.resource.address} does not tell its instance type")
        elif kind not in types:
            types.append(kind)
    if len(types) > 1 and not several:
        draft.type_unknown(f"the plan does not tell which of {len(found)} launch templates is meant")
        return
    draft.launches_any(types, desired, most)


def _bought(template: Target) -> Purchase | None:
    if template.resource.type == "aws_launch_configuration":
        return "spot" if template.after.get("spot_price") else None
    options = block(template.after.get("instance_market_options"))
    return _MARKETS.get(text(options.get("market_type")) or "spot") if any(options.values()) else None


def deliver(draft: Draft, found: list[Target]) -> None:
    """What a launch template writes on instances reaches them whoever launches them."""
    if draft.delivered is None:
        return
    for template in found:
        tags, why = specified(template.after, template.unknown_after, template.marks)
        draft.delivered = {**tags, **draft.delivered}
        if why:
            draft.unknown["attributes.delivered_tags"] = why


def specified(after: Mapping[str, Any], unknown_after: Any, marks: Any) -> tuple[dict[str, str], str]:
    """Tags of the instances in tag_specifications, and why they are not known."""
    found: dict[str, str] = {}
    for tree, why in ((unknown_after, AFTER_APPLY), (marks, SENSITIVE)):
        if is_unknown(tree, "tag_specifications"):
            return found, f"tag_specifications is {why}"
    for position, specification in enumerate(blocks(after.get("tag_specifications"))):
        if specification.get("resource_type") != "instance":
            continue
        path = f"tag_specifications.{position}.tags"
        for tree, why in ((unknown_after, AFTER_APPLY), (marks, SENSITIVE)):
            if is_unknown(tree, path):
                return found, f"{path} is {why}"
        found.update({k: as_text(v) for k, v in mapping(specification.get("tags")).items() if v is not None})
        found.update({k: WITHHELD for k, mark in mapping(at(marks, path)).items() if mark})
    return found, ""


def within_reservation(draft: Draft, after: Mapping[str, Any], leads: list[Target]) -> None:
    """Instances that run in a reservation of this plan are paid with it: they must not be counted twice."""
    if not leads and not after.get("capacity_reservation_specification"):
        return
    target = block(block(after.get("capacity_reservation_specification")).get("capacity_reservation_target"))
    held = [t for t in leads if t.resource.type in _RESERVATIONS]
    if not held and (id := text(target.get("capacity_reservation_id"))):
        held = [t for type in _RESERVATIONS for t in draft.named(type, "id", id)]
    if any(t.resource.type == "aws_ec2_capacity_reservation" for t in held):
        draft.purchase, draft.paid_by = "reserved", held[0].resource.address
    elif held:
        draft.purchase = "capacity_block"
