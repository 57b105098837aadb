"""`governor check`: a plan in, reports and an exit code out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from governor.catalog.prices import stale
from governor.commands import output, workspace
from governor.config import LevelRule
from governor.errors import Refusal
from governor.exemptions import glob
from governor.judge import judge
from governor.library import Library
from governor.model import Inventory, Policy, Stage
from governor.settle import settle
from governor.sources import terraform_plan
from governor.sources.terraform_plan.decode import document, no_garbage_collection
from governor.sources.terraform_plan.locate import Locator
from governor.spending import spending

if TYPE_CHECKING:
    from governor.checkov.judging import Checkov


def run(
    *,
    plan: str,
    source: Path | None,
    others: Sequence[str],
    stage: Stage,
    formats: Sequence[str],
    environment: str,
    policies: Sequence[str],
    raw_policies: Sequence[str],
    config: Path | None,
    engine: str | None,
    opa_url: str,
    allow_floating: bool,
    today: date,
    strict: bool | None,
    exit_zero: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Judge a plan. Raises Refusal before anything is written."""
    outputs = output.parse(formats)
    with no_garbage_collection():
        space = workspace.enter(config, policies, raw_policies, engine=engine, opa_url=opa_url, floating=allow_floating)
        exemptions = space.exemptions()
        library = space.library(stage)
        inventory, guests = _collect(plan, source, stage, space, with_checkov="checkov" in others)
        judgement = judge(inventory, [*library.evaluators, *guests], today)
        judgement = replace(judgement, policies=[space.card(policy) for policy in judgement.policies])
        verdict = settle(
            judgement,
            inventory,
            levels={policy.id: space.level(policy, stage) for policy in judgement.policies},
            today=today,
            exemptions=[e for e in exemptions if guests or not _of_checkov(e.policy)],
            fail_level=space.settings.fail_level,
            strict=space.settings.strict if strict is None else strict,
            notes=[
                *(note for checkout in space.checkouts for note in checkout.notes),
                *_nobody_asked(library, stage),
                *_idle_rules(space.settings.levels, library.known),
                *_old_prices(inventory, today, space.settings.max_price_age_days),
                *(note for guest in guests for note in guest.notes()),
            ],
            policy_sources=[checkout.origin for checkout in space.checkouts],
            spending=spending(inventory, library.concerns["budgets"].config if "budgets" in library.concerns else None),
        )
        output.write(verdict, outputs, environment=environment, quiet=quiet, verbose=verbose)
    code = verdict.exit_code
    return 0 if exit_zero and code == 1 else code


def open_plan(plan: str, source: Path | None) -> tuple[bytes, str, Locator | None]:
    """The plan's bytes, its name for messages, and what finds its HCL."""
    if source is not None and not source.is_dir():
        raise Refusal("--source wants the folder that holds the HCL", place=str(source))
    place = "standard input" if plan == "-" else plan
    try:
        data = sys.stdin.buffer.read() if plan == "-" else Path(plan).read_bytes()
    except IsADirectoryError:
        raise Refusal("this is a folder: give the file that terraform show -json wrote", place=place) from None
    except OSError as error:
        raise Refusal(
            f"cannot be read ({error.strerror}): make one with: terraform show -json tfplan > plan.json", place=place
        ) from None
    return data, place, Locator(source) if source else None


def _collect(
    plan: str, source: Path | None, stage: Stage, space: workspace.Workspace, *, with_checkov: bool
) -> tuple[Inventory, list[Checkov]]:
    """The inventory, and what checkov says of the same plan. The plan itself, which may be large, ends here."""
    data, place, locator = open_plan(plan, source)
    inventory = terraform_plan.collect(
        data, place=place, prices=space.prices(), locator=locator, keep_document=bool(space.raw)
    )
    guests = [_checkov(data, place, source, locator, stage, space)] if with_checkov else []
    return replace(inventory, stage=stage), guests


def _checkov(
    data: bytes, place: str, source: Path | None, locator: Locator | None, stage: Stage, space: workspace.Workspace
) -> Checkov:
    """The checks of checkov, with what they say of the plan."""
    from governor.checkov.judging import ask

    return ask(
        document(data, place),
        space.checkov(),
        source=source,
        keep=lambda policy: space.level(policy, stage) != "off",
        locate=locator.address if locator else lambda _: None,
    )


def _of_checkov(policies: str) -> bool:
    """Whether a glob means checks of checkov, which are known only once they have run."""
    return policies.startswith("CKV")


def _nobody_asked(library: Library, stage: Stage) -> list[str]:
    if library.policies:
        return []
    if library.known:
        return [f"each of {len(library.known)} policies is off, or for another stage than {stage}: see `levels`"]
    return ["the settings name no policies: add `builtin` or a folder of your own to `policies`"]


def _idle_rules(rules: Sequence[LevelRule], known: Sequence[Policy]) -> list[str]:
    """A misspelt rule would leave a policy at its default in silence."""
    return [
        f"levels: no policy has an id like {rule.policies}; `governor policies` lists them"
        for rule in rules
        if not _of_checkov(rule.policies) and not any(glob(rule.policies).fullmatch(policy.id) for policy in known)
    ]


def _old_prices(inventory: Inventory, today: date, max_age_days: int) -> list[str]:
    prices = {resource.price for resource in inventory.resources if resource.price}
    old = sorted((p for p in prices if stale(p, today, max_age_days)), key=lambda price: price.as_of)
    if not old:
        return []
    first = old[0]
    note = (
        f"{len(old)} of {len(prices)} prices are older than {max_age_days} days, the oldest as of {first.as_of}"
        f" ({first.instance_type} in {first.region}): update governor, or give your own with `prices`"
    )
    return [note]
