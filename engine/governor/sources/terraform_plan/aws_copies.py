"""Where Amazon's data is copied to: replication of buckets and file systems, copies of backups.

Each destination is traced on its own: an ARN that holds a region, a bucket of this plan by name, or the reference in
the configuration. One that leads nowhere makes the answer incomplete, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from governor.catalog import regions
from governor.sources.terraform_plan.configuration import constant
from governor.sources.terraform_plan.draft import AFTER_APPLY, Draft
from governor.sources.terraform_plan.reading import at, blocks, items, text
from governor.sources.terraform_plan.siblings import Target

_HOLDERS = ("aws_s3_bucket", "aws_backup_vault", "aws_efs_file_system")
_BUCKET_ARN = re.compile(r"arn:[a-z-]+:s3:::")


def s3_bucket(draft: Draft) -> None:
    """Replication written inside the bucket, as providers before 4.0 had it."""
    path = "replication_configuration.0.rules"
    if rules := _enabled(draft, path):
        # A set: its order in the plan is not that of the configuration.
        written = [at(rule, "destination.0.bucket") for rule in items(draft.expression(path))]
        _copies(draft, [at(rule, "destination.0.bucket") for _, rule in rules], written, ordered=False)


def s3_replication(draft: Draft) -> None:
    """A copy of what the source bucket holds: it has the source's tags and region."""
    name = draft.get("bucket")
    _stand_for(draft, draft.leads_to("bucket") or draft.named("aws_s3_bucket", "bucket", name), "bucket")
    if why := draft.why_unknown("rule"):
        draft.unknown["attributes.copies_to"] = f"rule is {why}"
        return
    rules = _enabled(draft, "rule")
    written = [draft.expression(f"rule.{position}.destination.0.bucket") for position, _ in rules]
    _copies(draft, [at(rule, "destination.0.bucket") for _, rule in rules], written, ordered=True)


def _enabled(draft: Draft, path: str) -> list[tuple[int, Any]]:
    """(position, rule) of the rules that copy."""
    return [
        (position, rule) for position, rule in enumerate(blocks(draft.get(path))) if rule.get("status") != "Disabled"
    ]


def efs_replication(draft: Draft) -> None:
    path = "source_file_system_id"
    _stand_for(draft, draft.leads_to(path) or draft.named("aws_efs_file_system", "id", draft.get(path)), "file system")
    found = []
    missing = not blocks(draft.get("destination"))
    for position, destination in enumerate(blocks(draft.get("destination"))):
        zone = text(destination.get("availability_zone_name"))
        region = text(destination.get("region")) or (regions.region_of_zone("aws", zone) if zone else None)
        if region is None:
            leads = draft.leads_to(f"destination.{position}.file_system_id")
            region = _only({r for t in leads if (r := draft.plan.region_of(t.resource))})
        found.append(region)
    _note(draft, found if not missing else [None])


def backup_plan(draft: Draft) -> None:
    if why := draft.why_unknown("rule"):
        draft.unknown["attributes.copies_to"] = f"rule is {why}"
        return
    vaults = [
        copy.get("destination_vault_arn")
        for rule in blocks(draft.get("rule"))
        for copy in blocks(rule.get("copy_action"))
    ]
    written = [
        copy.get("destination_vault_arn")
        for rule in items(draft.expression("rule"))
        if isinstance(rule, dict)
        for copy in items(rule.get("copy_action"))
        if isinstance(copy, dict)
    ]
    _copies(draft, vaults, written, ordered=False)


def _stand_for(draft: Draft, targets: list[Target], what: str) -> None:
    """Judge a rule about another resource by that resource's tags and region."""
    targets = [t for t in targets if t.resource.type in _HOLDERS]
    if len(targets) == 1:
        draft.stands_for = targets[0].resource
    elif targets:
        draft.stands_for_none = f"the plan does not tell which of {len(targets)} is its source {what}"
    else:
        draft.stands_for_none = f"its source {what} is not in this plan"


def _copies(draft: Draft, values: list[Any], written: list[Any], *, ordered: bool) -> None:
    """Regions of destinations: values of the plan, and what the configuration writes (in the same order, or in any)."""
    found: list[str | None] = []
    unknown = 0
    for position, value in enumerate(values):
        if isinstance(value, str) and value:
            found.append(_region_of(draft, value) or (_led(draft, written, position) if ordered else None))
        elif ordered:
            found.append(_led(draft, written, position))
        else:
            unknown += 1
    if unknown:
        found.extend(_led(draft, written, p) for p in range(len(written)) if not text(constant(written[p])))
        if len(written) < unknown:
            found.append(None)
    _note(draft, found)


def _led(draft: Draft, written: list[Any], position: int) -> str | None:
    expression = written[position] if position < len(written) else None
    leads = [t for t in draft.leads(expression) if t.resource.type in _HOLDERS]
    found = {draft.plan.region_of(t.resource) for t in leads}
    return None if None in found else _only({r for r in found if r})


def _region_of(draft: Draft, arn: str) -> str | None:
    """The ARN of a bucket holds no region, so its name has to be found in the plan."""
    if region := regions.region_of_arn(arn):
        return region
    named: Iterator[Target] = iter(draft.named("aws_s3_bucket", "bucket", _BUCKET_ARN.sub("", arn)))
    return _only({r for t in named if (r := draft.plan.region_of(t.resource))})


def _only(found: set[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None


def _note(draft: Draft, found: list[str | None]) -> None:
    known = sorted({region for region in found if region})
    if known or not found:
        draft.attributes["copies_to"] = known
    if None in found:
        draft.unknown["attributes.copies_to"] = (
            f"the region of its destination is {AFTER_APPLY}, or lies outside this plan"
        )
