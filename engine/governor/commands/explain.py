"""`governor explain`: one policy, one resource, and what led to the verdict on them."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from governor import reports, sources, yamlfile
from governor.commands import workspace
from governor.commands.inputs import Given, only
from governor.commands.output import colour
from governor.errors import CANNOT_JUDGE, Refusal
from governor.explain import Case, Explanation, explain
from governor.explain.text import SHORTEST, render
from governor.judge import judge
from governor.library import Library
from governor.model import Exemption, Finding, Inventory, Policy, Stage, Verdict
from governor.reports.grouping import count, plain, usd
from governor.settle import settle
from governor.sources import terraform_plan
from governor.sources.terraform_plan.decode import no_garbage_collection
from governor.sources.terraform_plan.provenance import provenance

WIDTH = 80
"""Columns of an explanation that no terminal shows."""
_INPUT = {"plan": "a plan", "commit": "what is committed"}
_PREFIX = re.compile(r"[0-9a-f]{6,32}")


def run(
    *,
    what: str,
    plan: str,
    resource: str | None,
    source: Path | None,
    policies: Sequence[str],
    config: Path | None,
    allow_floating: bool,
    today: date,
    format: str,
    verbose: bool,
) -> int:
    """Explain a finding (by its fingerprint) or a policy on a resource. 3 when the policy could not be evaluated."""
    with no_garbage_collection():
        space = workspace.enter(config, policies, engine="embedded", floating=allow_floating)
        exemptions = space.exemptions()
        given = only(plan, sources.Options(code=source))
        stage = given.stage
        if not given.is_plan:
            space = replace(space, raw=())
        library = space.library(stage)
        inventory, collector = _collect(given, space)
        verdict = settle(
            judge(inventory, library.evaluators, today),
            inventory,
            levels={policy.id: space.level(policy, stage) for policy in library.policies},
            today=today,
            exemptions=exemptions,
        )
        policy, finding = _meant(what, library, verdict, plan)
        if finding and resource:
            raise Refusal(f"{what} is one finding, on {finding.resource}: leave --resource out")
        others: list[Finding] = []
        if finding:
            address = finding.resource
        elif resource:
            address = resource
        else:
            found = sorted(_findings(verdict, policy.id), key=lambda f: -(f.hourly_usd or 0))
            if not found:
                print(f"{policy.id} finds nothing in this plan: --resource ADDRESS explains it on one resource")
                return 0
            address = found[0].resource
            others = [other for other in found if other.resource != address]
        subject = next((r for r in inventory.resources if r.id == address), None)
        explanation = explain(
            policy,
            address,
            Case(inventory=inventory, library=library, verdict=verdict, today=today),
            attribute=finding.attribute if finding else None,
            why_not=_not_asked(policy, library, space, stage) or _not_there(address, inventory, collector, verdict),
            level=space.level(policy, stage),
            level_from=space.level_from(policy, stage),
            provenance={path: found.text for path, found in provenance(collector, subject).items()}
            if subject and collector
            else {},
            exemption_places=_places(space, exemptions),
        )
    passages = (replace(p, file=workspace.near(space.address(p.file))) for p in explanation.passages)
    card = replace(policy, location=workspace.near(space.address(policy.location)))
    explanation = replace(explanation, policy=card, passages=tuple(passages))
    if format == "json":
        sys.stdout.write(_json(explanation, others))
    else:
        shown = sys.stdout.isatty()
        width = shutil.get_terminal_size((WIDTH, 24)).columns
        options = reports.Options(width=width, colour=colour(shown), verbose=verbose)
        sys.stdout.write(render(explanation, options))
        sys.stdout.write(_list(policy, others, verbose))
    return CANNOT_JUDGE if explanation.outcome == "failed" else 0


def _collect(given: Given, space: workspace.Workspace) -> tuple[Inventory, terraform_plan.Collector | None]:
    """The inventory, and of a plan what collected it: manifests do not tell where each fact comes from."""
    if not given.is_plan:
        return given.read(space.prices()), None
    data, place, locator = given.plan()
    inventory, collector = terraform_plan.read(data, place=place, prices=space.prices(), locator=locator)
    return (replace(inventory, document=collector.document) if space.raw else inventory), collector


def _meant(what: str, library: Library, verdict: Verdict, plan: str) -> tuple[Policy, Finding | None]:
    """A policy by its id, or a finding by its fingerprint or the beginning of one."""
    known = {policy.id: policy for policy in library.known}
    if policy := known.get(what) or known.get(what.upper()):
        return policy, None
    if not _PREFIX.fullmatch(what.lower()):
        short = " (a fingerprint takes 6 digits or more)" if re.fullmatch(r"[0-9a-f]{1,5}", what.lower()) else ""
        raise Refusal(
            f"no policy has the id {what}{short}: {workspace.meant(what, known)}`governor policies` lists them"
        )
    found = {f.fingerprint: f for f in _findings(verdict) if f.fingerprint.startswith(what.lower())}
    if not found:
        raise Refusal(
            f"no finding of this plan has a fingerprint that begins with {what}: give the id of a policy, and it lists"
            " its findings"
        )
    if len(found) > 1:
        listed = "; ".join(f"{print_[:12]} is {f.policy} on {f.resource}" for print_, f in found.items())
        raise Refusal(f"{what} begins {len(found)} fingerprints: {listed}")
    ((_, finding),) = found.items()
    return known[finding.policy], finding


def _findings(verdict: Verdict, policy: str | None = None) -> list[Finding]:
    found = [*verdict.open, *verdict.undetermined, *(item.finding for item in verdict.exempt), *verdict.baselined]
    return [finding for finding in found if policy in (None, finding.policy)]


def _not_asked(policy: Policy, library: Library, space: workspace.Workspace, stage: Stage) -> str:
    """Why a policy was not asked at all."""
    if any(asked.id == policy.id for asked in library.policies):
        return ""
    if policy.stages and stage not in policy.stages:
        return f"it judges at stage {', '.join(policy.stages)}, and {_INPUT[stage]} is stage {stage}"
    return "its level is off"


def _not_there(address: str, inventory: Inventory, collector: terraform_plan.Collector | None, verdict: Verdict) -> str:
    """Why the resource was not judged. One that the plan does not know is refused."""
    judged = [resource.id for resource in inventory.resources]
    scopes = [finding.resource for finding in _findings(verdict)]
    if address in judged or address in scopes:
        return ""
    if removed := next((gone for gone in inventory.removed if gone.id == address), None):
        return f"the plan {'deletes' if removed.change == 'delete' else 'forgets'} it: only what stays is judged"
    seen = collector.seen if collector else {}
    if item := seen.get(address):
        return f"governor does not cover the type {item.resource.type}"
    everything = dict.fromkeys([*judged, *scopes, *seen, *(gone.id for gone in inventory.removed)])
    others = ", and terraform show the others" if collector else ""
    raise Refusal(
        f"no resource of this {'plan' if collector else 'input'} has the address {address}:"
        f" {workspace.meant(address, everything)}the report names those with findings{others}"
    )


def _places(space: workspace.Workspace, exemptions: Sequence[Exemption]) -> dict[Exemption, str]:
    file = space.exemption_file
    if file is None:
        return {}
    return {
        exemption: workspace.near(yamlfile.place(file, ("exemptions", position)))
        for position, exemption in enumerate(exemptions)
    }


def _list(policy: Policy, others: Sequence[Finding], verbose: bool) -> str:
    """The other findings of the policy, a line each."""
    if not others:
        return ""
    shown = others if verbose else others[:_MOST_OTHERS]
    lines = [f"\nOTHERS  {count(len(others), 'finding')} of {policy.id} on other resources, dearest first"]
    for other in shown:
        price = f"  {usd(other.hourly_usd)}" if other.hourly_usd is not None else ""
        attribute = f"  {plain(other.attribute)}" if other.attribute else ""
        lines.append(f"  {other.fingerprint[:SHORTEST]}  {plain(other.resource)}{attribute}{price}")
    if len(shown) < len(others):
        lines.append(f"  … and {len(others) - len(shown):,} more (-v lists them)")
    return "\n".join(lines) + "\n"


_MOST_OTHERS = 10


def _json(explanation: Explanation, others: Sequence[Finding]) -> str:
    """The explanation as a document: its own fields, in their order."""
    document: dict[str, Any] = {
        **{name: getattr(explanation, name) for name in explanation.__struct_fields__},
        "others": [
            {"fingerprint": other.fingerprint, "resource": other.resource, "attribute": other.attribute}
            for other in others
        ],
    }
    return msgspec.json.format(_ENCODER.encode(document)).decode() + "\n"


_ENCODER = msgspec.json.Encoder(decimal_format="number")
