"""What resources, projects and plans are expected to cost in a month, and what bills say, against what they may cost.

A price that is not known never counts as nothing: BUD004 names the resource, and sums say that they are lower bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from governor.policy import Inventory, Resource, Spend, Violation, policy

PAID = (
    "compute_instance",
    "compute_group",
    "node_pool",
    "cluster",
    "notebook",
    "training_job",
    "workload",
    "model_endpoint",
    "model_deployment",
    "provisioned_throughput",
    "capacity_reservation",
    "volume",
    "snapshot",
    "file_system",
    "bucket",
)
REFERENCES = ("https://www.finops.org/framework/capabilities/budgeting/",)
CONTRIBUTORS = 5
"""How many resources the details of a project or a plan list."""

FIELDS = {
    "project": "project",
    "experiment-id": "experiment",
    "model": "model",
    "dataset": "dataset",
    "stage": "stage",
    "owner-team": "team",
}
"""Tag → its field in a record of spend."""

_LIMIT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,4})?)(?:-(?:USD|usd))?(?:[-/](hour|month))?", re.ASCII)


class Project(Struct, frozen=True):
    """The budget of a project."""

    monthly_usd: Decimal


class Shares(Struct, frozen=True):
    """Shares of a project's budget."""

    warn: Decimal
    hard: Decimal
    actual: Decimal


class Untagged(Struct, frozen=True):
    """How much of a month's spend may lack which tags."""

    share: Decimal
    tags: tuple[str, ...]


class Guardrails(Struct, frozen=True):
    """What one plan may add."""

    monthly_usd: Decimal | None = None
    percent: Decimal | None = None


class Budgets(Struct, frozen=True):
    """The concern's data: see schema.json."""

    hours: dict[str, Decimal]
    always_on: tuple[str, ...]
    projects: dict[str, Project]
    shares: Shares
    untagged: Untagged
    guardrails: Guardrails


class Limit(Struct, frozen=True):
    """A cost-budget-limit tag."""

    usd: Decimal
    per: Literal["hour", "month"]


@policy(
    id="BUD001",
    title="A resource stays inside its own limit",
    severity="high",
    kinds=PAID,
    remediation="Choose a smaller or shorter-running resource, or have its owner raise the limit in cost-budget-limit.",
    references=REFERENCES,
)
def outspends_its_limit(inventory: Inventory, config: Budgets) -> Iterator[Violation]:
    """A resource that is expected to cost more than its cost-budget-limit tag was never approved at that size.

    What has a deadline runs no longer than until then. A limit that nothing can read is TAG002's business.
    """
    for resource in inventory.resources:
        limit_unknown = _tag_unknown(resource, "cost-budget-limit")
        limit = None if limit_unknown else read_limit(resource.tags.get("cost-budget-limit", "").strip())
        if limit_unknown and (resource.hourly_usd or resource.max_hourly_usd):
            msg = f"{resource.id} costs {_cost(resource, config)}, and its limit is not known"
            yield Violation(resource.id, msg, "tags.cost-budget-limit")
        elif limit is not None and resource.hourly_usd is not None:
            yield from _against_limit(resource, resource.hourly_usd, limit, config)
        elif limit is not None and "hourly_usd" in resource.unknown:
            msg = f"{resource.id} has the limit {_limit(limit)}, and its price is not known"
            yield Violation(resource.id, msg, "hourly_usd")


def _against_limit(resource: Resource, hourly_usd: Decimal, limit: Limit, config: Budgets) -> Iterator[Violation]:
    # Hours depend on the stage, so a stage that is not known leaves a monthly limit open.
    by_stage = limit.per == "month" and resource.kind not in config.always_on and _tag_unknown(resource, "stage")
    attribute = "tags.stage" if by_stage else "tags.cost-budget-limit"
    hours = Decimal(1) if limit.per == "hour" else _hours(resource, config)
    desired, most = hourly_usd * hours, (resource.max_hourly_usd or hourly_usd) * hours
    details = {"usd": str(desired), "maximum_usd": str(most), "limit_usd": str(limit.usd), "per": limit.per}
    if desired > limit.usd:
        may_grow = f", and may grow to {money(most)} {_per(limit)}" if most > desired else ""
        by_hour = f"{money(hourly_usd)} an hour ({_sources(resource)})"
        costs = by_hour if limit.per == "hour" else _cost(resource, config)
        unless = ", unless its stage runs fewer hours" if by_stage else ""
        msg = f"{resource.id} costs {costs}, over its limit of {_limit(limit)}{may_grow}{unless}"
        yield Violation(resource.id, msg, attribute, {"at": "desired", **details})
    elif most > limit.usd:
        msg = (
            f"{resource.id} stays inside its limit of {_limit(limit)} as planned, but may grow to {money(most)}"
            f" {_per(limit)} ({_maximum(resource, config)}; {_sources(resource)})"
        )
        yield Violation(resource.id, msg, attribute, {"at": "maximum", **details})


@policy(
    id="BUD002",
    title="A project stays inside its month",
    severity="high",
    remediation="Take something out of the plan, shorten its hours, or have the project's budget raised.",
    references=REFERENCES,
)
def outspends_its_month(inventory: Inventory, config: Budgets) -> Iterator[Violation]:
    """What a project is expected to cost in a month, this plan included, stays under its budget."""
    for name, project, spending in _projects(inventory, config):
        hard = project.monthly_usd * config.shares.hard
        if spending.monthly_usd > hard:
            yield _of_project(name, project, spending, hard, "over", config.shares.hard, config)
    yield from _of_no_known_project(inventory, config)


@policy(
    id="BUD008",
    title="A project nears its month",
    severity="medium",
    remediation="Plan ahead: what is added from here on needs a larger budget or has to replace something.",
    references=REFERENCES,
)
def nears_its_month(inventory: Inventory, config: Budgets) -> Iterator[Violation]:
    """A project that has used most of its month has little room for the next experiment. BUD002 speaks above that."""
    for name, project, spending in _projects(inventory, config):
        warn, hard = project.monthly_usd * config.shares.warn, project.monthly_usd * config.shares.hard
        if warn < spending.monthly_usd <= hard:
            yield _of_project(name, project, spending, warn, "near", config.shares.warn, config)


@policy(
    id="BUD003",
    title="A plan adds no more than the guardrail",
    severity="high",
    stages=("plan",),
    remediation="Split the plan, take something out of it, or have the guardrail raised for it by an exemption.",
    references=REFERENCES,
)
def outgrows_the_guardrail(inventory: Inventory, config: Budgets) -> Iterator[Violation]:
    """One plan cannot multiply the bill unseen: what it adds to the expected cost of a month has a limit.

    A former state without a price counts as nothing, which errs towards a finding; a new state without one is not
    counted, and the message says so. What Terraform only forgets goes on costing what it costs.
    """
    guardrails = config.guardrails
    if guardrails.monthly_usd is None and guardrails.percent is None:
        return
    before, unpriced = Decimal(0), 0
    steps: list[tuple[Decimal, Resource]] = []
    for resource in inventory.resources:
        hours = _hours(resource, config)
        was = resource.hourly_usd if resource.change == "none" else resource.previous_hourly_usd
        before += (was or Decimal(0)) * hours
        if resource.change == "none":
            continue
        if resource.hourly_usd is None:
            unpriced += _lacks_price(resource)
            continue
        steps.append(((resource.hourly_usd - (was or Decimal(0))) * hours, resource))
    for resource in inventory.removed:
        was = resource.hourly_usd if resource.previous_hourly_usd is None else resource.previous_hourly_usd
        before += (was or Decimal(0)) * _hours(resource, config)
        if resource.change != "forget" and was:
            steps.append((-was * _hours(resource, config), resource))
    added = sum((step for step, _ in steps), Decimal(0))
    broken = []
    if guardrails.monthly_usd is not None and added > guardrails.monthly_usd:
        broken.append(f"{money(guardrails.monthly_usd)} a month")
    percent = added / before * 100 if before > 0 else None
    if guardrails.percent is not None and percent is not None and percent > guardrails.percent:
        broken.append(f"{_plain(guardrails.percent)} % (it is {percent:.1f} %)")
    if broken:
        yield Violation(
            "plan",
            f"plan adds {_at_least(unpriced)}{money(added)} a month to {money(before)}, over the guardrail of"
            f" {' and '.join(broken)}{_most_of_it(steps, config)}{_uncounted(unpriced)}",
            "delta_monthly_usd",
            {
                "monthly_usd": str(added),
                "before_monthly_usd": str(before),
                "unpriced": unpriced,
                "biggest": _biggest(steps, config),
            },
        )


@policy(
    id="BUD004",
    title="An accelerator without a price is undetermined, never free",
    severity="high",
    kinds=tuple(kind for kind in PAID if kind not in ("volume", "snapshot", "file_system", "bucket")),
    remediation="Add the price to your own price file, so that budgets can count the resource.",
    references=REFERENCES,
)
def has_no_price(inventory: Inventory, config: Budgets) -> Iterator[Violation]:
    """A sum that leaves out the dearest resources is worse than none: whatever computes and has no price is named."""
    for resource in inventory.resources:
        if resource.hourly_usd is None and _lacks_price(resource):
            yield Violation(resource.id, f"{resource.id} has no price{_for_what(resource)}", "hourly_usd")


@policy(
    id="BUD005",
    title="A project has not used up its month",
    severity="high",
    stages=("live",),
    remediation="Stop what is not needed until the month ends, or have the project's budget raised.",
    references=REFERENCES,
)
def has_spent_its_month(inventory: Inventory, config: Budgets, today: date) -> Iterator[Violation]:
    """What the bills of a month say so far stays under a share of the project's budget.

    A budget that is used up in the middle of a month leaves nothing for the rest of it.
    """
    for name, project, records in _billed(inventory, config, today):
        actual = sum((record.usd for record in records), Decimal(0))
        bound = project.monthly_usd * config.shares.actual
        if actual > bound:
            place = f"project/{name}"
            yield Violation(
                place,
                f"{place} has cost {money(actual)} in {_month(today)} up to {_through(records)}, over"
                f" {_bound(project, config.shares.actual)}{_most_billed(records)}",
                "actual_usd",
                {"actual_usd": str(actual), **_details(project, records)},
            )


@policy(
    id="BUD006",
    title="A project is not on its way over its month",
    severity="medium",
    stages=("live",),
    remediation="Stop or shrink what runs, or have the project's budget raised before it is used up.",
    references=REFERENCES,
)
def heads_over_its_month(inventory: Inventory, config: Budgets, today: date) -> Iterator[Violation]:
    """What the bills of a month so far forecast for its end stays under the project's budget.

    A forecast is seasonal, by the mean of each weekday, with two whole weeks of bills or more; else it is linear. What
    is paid once, such as a fee or a credit, is never extrapolated.
    """
    for name, project, records in _billed(inventory, config, today):
        actual = sum((record.usd for record in records), Decimal(0))
        forecast = sum((r.usd if r.forecast_usd is None else r.forecast_usd for r in records), Decimal(0))
        if forecast > project.monthly_usd * config.shares.hard:
            place = f"project/{name}"
            method = " and ".join(sorted({word for r in records for word in r.method.split(" and ") if word}))
            yield Violation(
                place,
                f"{place} is forecast to cost {money(forecast)} by the end of {_month(today)} ({method};"
                f" {money(actual)} up to {_through(records)}), over {_bound(project, config.shares.hard)}"
                f"{_most_billed(records)}",
                "forecast_usd",
                {
                    "forecast_usd": str(forecast),
                    "actual_usd": str(actual),
                    "method": method,
                    **_details(project, records),
                },
            )


@policy(
    id="BUD007",
    title="Little of the spend lacks its tags",
    severity="medium",
    stages=("live",),
    remediation="Tag what costs most without the tag: `governor spend BILLS --by ResourceId` lists it.",
    references=REFERENCES,
)
def spends_untagged(inventory: Inventory, config: Budgets, today: date) -> Iterator[Violation]:
    """Spend that carries no project is in nobody's budget, so no other policy can see it grow.

    Weighed by money, of usage and purchases: taxes and credits carry no tags. Tags that could not be read may be any:
    what hangs on them is undetermined.
    """
    every = [r for r in inventory.spend if r.month == _month(today)]
    records = [record for record in every if not record.tags_unknown]
    untold = max(sum((record.taggable_usd for record in every if record.tags_unknown), Decimal(0)), Decimal(0))
    total = sum((record.taggable_usd for record in records), untold)
    if total <= 0:
        return
    untagged = sum((record.untagged_usd for record in records), Decimal(0))
    bound = total * config.untagged.share
    for tag in config.untagged.tags:
        lacking = sum((r.taggable_usd for r in records if not getattr(r, FIELDS[tag])), Decimal(0))
        if lacking + untold > bound:
            is_told = lacking > bound
            least = "at least " if untold else ""
            none = f"; {money(untagged)} of it carries no tag at all" if untagged > 0 else ""
            above = "above" if is_told else "and whether that is above"
            close = "" if is_told else " hangs on tags that could not be read"
            yield Violation(
                "spend",
                f"{least}{lacking / total * 100:.1f} % of the spend of {_month(today)} ({money(lacking)} of"
                f" {money(total)} up to {_through(every)}) carries no tag {tag}, {above}"
                f" {_plain(config.untagged.share * 100)} %{close}{none}",
                f"tags.{tag}",
                {"lacking_usd": str(lacking), "untagged_usd": str(untagged), "total_usd": str(total)},
                why_unknown="" if is_told else f"the tags of {money(untold)} of it are not known",
            )


def _for_what(resource: Resource) -> str:
    """` for 4 × 8 × A100`; nothing where not even that is known."""
    if resource.accelerator is None:
        return ""
    each = f"{_plain(Decimal(str(resource.accelerator.count)))} × {resource.accelerator.model}"
    times = f"{resource.count} × " if resource.count not in (None, 1) and "count" not in resource.unknown else ""
    return f" for {times}{each}"


def read_limit(text: str) -> Limit | None:
    """A cost-budget-limit: `5000`, `5000-USD-month`, `12.5/hour`; USD a month unless it says hour. Else None."""
    match = _LIMIT.fullmatch(text)
    if match is None:
        return None
    return Limit(Decimal(match[1]), "hour" if match[2] == "hour" else "month")


def money(usd: Decimal) -> str:
    """`$8,035.84`, `$5,000`, `-$12`."""
    rounded = usd.quantize(Decimal("0.01"))
    text = f"{abs(rounded):,.2f}".removesuffix(".00")
    return f"{'-' if rounded < 0 else ''}${text}"


class _Spending(Struct):
    monthly_usd: Decimal = Decimal(0)
    parts: list[tuple[Decimal, Resource]] = []
    unpriced: int = 0


def _projects(inventory: Inventory, config: Budgets) -> Iterator[tuple[str, Project, _Spending]]:
    """Every project with a budget, and what its resources are expected to cost a month."""
    if not config.projects:
        return
    spendings = {name: _Spending() for name in config.projects}
    for resource in inventory.resources:
        spending = spendings.get(resource.tags.get("project", "").strip())
        if spending is None:
            continue
        if resource.hourly_usd is None:
            spending.unpriced += _lacks_price(resource)
            continue
        cost = resource.hourly_usd * _hours(resource, config)
        spending.monthly_usd += cost
        spending.parts.append((cost, resource))
    for name, spending in spendings.items():
        yield name, config.projects[name], spending


def _of_project(
    name: str, project: Project, spending: _Spending, bound: Decimal, how: str, share: Decimal, config: Budgets
) -> Violation:
    place = f"project/{name}"
    budget = f"its budget of {money(project.monthly_usd)}"
    if how == "near":
        used = f"{spending.monthly_usd / project.monthly_usd * 100:.0f} % of {budget}"
        where = f"{used}, above the warning at {_plain(share * 100)} %"
    elif share == 1:
        where = f"over {budget}"
    else:
        where = f"over {money(bound)}, {_plain(share * 100)} % of {budget}"
    return Violation(
        place,
        f"{place} costs {_at_least(spending.unpriced)}{money(spending.monthly_usd)} a month, {where}"
        f"{_most_of_it(spending.parts, config)}{_uncounted(spending.unpriced)}",
        "monthly_usd",
        {
            "monthly_usd": str(spending.monthly_usd),
            "budget_usd": str(project.monthly_usd),
            "unpriced": spending.unpriced,
            "biggest": _biggest(spending.parts, config),
        },
    )


def _biggest(parts: Iterable[tuple[Decimal, Resource]], config: Budgets) -> list[dict[str, str]]:
    """The parts that weigh most, heaviest first, each with the price and the hours behind it."""
    heaviest = sorted(parts, key=lambda part: (-part[0], part[1].id))[:CONTRIBUTORS]
    return [
        {"resource": resource.id, "monthly_usd": f"{usd:.2f}", "from": _reckoning(resource, config)}
        for usd, resource in heaviest
        if usd > 0
    ]


def _most_of_it(parts: Iterable[tuple[Decimal, Resource]], config: Budgets) -> str:
    """The dearest part in words: a sum of many has no single price row."""
    usd, resource = max(parts, key=lambda part: (part[0], part[1].id), default=(Decimal(0), None))
    if resource is None or usd <= 0:
        return ""
    was = (resource.hourly_usd or Decimal(0)) * _hours(resource, config) - usd
    less = f", less {money(was)} before" if was else ""
    return f"; the most for {resource.id}: {money(usd)} ({_reckoning(resource, config)}{less})"


def _of_no_known_project(inventory: Inventory, config: Budgets) -> Iterator[Violation]:
    """Resources that would take a project over its budget if they were its own."""
    if not any(_tag_unknown(resource, "project") for resource in inventory.resources):
        return
    projects = list(_projects(inventory, config))
    for resource in inventory.resources:
        if not resource.hourly_usd or not _tag_unknown(resource, "project"):
            continue
        cost = resource.hourly_usd * _hours(resource, config)
        for name, project, spending in projects:
            if spending.monthly_usd + cost > project.monthly_usd * config.shares.hard:
                msg = f"{resource.id} costs {_cost(resource, config)}: too much if it belongs to project/{name}"
                yield Violation(resource.id, msg, "tags.project")
                break


def _billed(inventory: Inventory, config: Budgets, today: date) -> Iterator[tuple[str, Project, list[Spend]]]:
    """Every project with a budget, and what bills say of its month."""
    month = _month(today)
    for name, project in config.projects.items():
        records = [r for r in inventory.spend if r.project == name and r.month == month and not r.tags_unknown]
        if records:
            yield name, project, records


def _month(today: date) -> str:
    return f"{today:%Y-%m}"


def _through(records: Iterable[Spend]) -> date:
    return max(record.through for record in records)


def _bound(project: Project, share: Decimal) -> str:
    budget = f"its budget of {money(project.monthly_usd)}"
    return budget if share == 1 else f"{money(project.monthly_usd * share)}, {_plain(share * 100)} % of {budget}"


def _details(project: Project, records: Iterable[Spend]) -> dict[str, object]:
    heaviest = sorted(records, key=lambda record: -record.usd)[:CONTRIBUTORS]
    biggest = [{"tags": _told(record), "usd": f"{record.usd:.2f}"} for record in heaviest if record.usd > 0]
    return {"budget_usd": str(project.monthly_usd), "biggest": biggest}


def _most_billed(records: Iterable[Spend]) -> str:
    """The dearest record in words, where something tells it from the project itself."""
    record = max(records, key=lambda record: record.usd)
    told = _told(record)
    return f"; the most for {told}: {money(record.usd)}" if told and record.usd > 0 else ""


def _told(record: Spend) -> str:
    """`experiment-id lora-1, model llama`."""
    values = ((tag, getattr(record, field)) for tag, field in FIELDS.items() if tag != "project")
    return ", ".join(f"{tag} {value}" for tag, value in values if value)


def _lacks_price(resource: Resource) -> bool:
    """Whether it costs something that no price is known for; what the book never prices, a web server, is no gap.

    A group that rests at nothing and may grow costs what it grows to.
    """
    if resource.count == 0 and not resource.max_count and "count" not in resource.unknown:
        return False
    return resource.accelerator is not None or "hourly_usd" in resource.unknown


def _at_least(unpriced: int) -> str:
    return "at least " if unpriced else ""


def _uncounted(unpriced: int) -> str:
    if not unpriced:
        return ""
    return f"; {unpriced} resource{'' if unpriced == 1 else 's'} without a price not counted"


def _stage(resource: Resource, config: Budgets) -> str:
    """The stage whose hours count, or "" for the default."""
    stage = resource.tags.get("stage", "").strip()
    listed = stage in config.hours and stage != "default"
    return stage if listed and resource.kind not in config.always_on else ""


def _tag_unknown(resource: Resource, tag: str) -> bool:
    """Whether the value of a tag is hidden, or the tag may be among those that are."""
    unknown = resource.unknown
    return bool(unknown) and (
        f"tags.{tag}" in unknown or "tags" in unknown or ("tags.*" in unknown and tag not in resource.tags)
    )


def _hours(resource: Resource, config: Budgets) -> Decimal:
    hours = config.hours[_stage(resource, config) or "default"]
    deadline = _deadline(resource)
    return hours if deadline is None else min(hours, deadline)


def _deadline(resource: Resource) -> Decimal | None:
    """Hours after which it is ended, whatever its stage. Whoever starts it again each day starts another resource."""
    hours = resource.attributes.get("deadline_hours")
    return None if hours is None else Decimal(str(hours))


def _per(limit: Limit) -> str:
    return "an hour" if limit.per == "hour" else "a month"


def _limit(limit: Limit) -> str:
    return f"{money(limit.usd)}{' an hour' if limit.per == 'hour' else ''}"


def _cost(resource: Resource, config: Budgets) -> str:
    """`$8,035.84 a month (55.04 USD/h × 146 h of fine-tuning; p5.48xlarge in us-east-1, source, as of 2026-07-20)`."""
    monthly = money((resource.hourly_usd or Decimal(0)) * _hours(resource, config))
    return f"{monthly} a month ({_reckoning(resource, config)})"


def _reckoning(resource: Resource, config: Budgets) -> str:
    """Price, count and hours, then the price row."""
    hourly_usd = resource.hourly_usd or Decimal(0)
    return f"{_times(resource, resource.count, hourly_usd, config)}; {_sources(resource)}"


def _maximum(resource: Resource, config: Budgets) -> str:
    return _times(resource, resource.max_count, resource.max_hourly_usd or Decimal(0), config)


def _times(resource: Resource, count: int | None, hourly_usd: Decimal, config: Budgets) -> str:
    """`55.04 USD/h × 4 × 160 h of fine-tuning`. A group of several types has no single price: then the sum is shown."""
    shown = f"{_plain(hourly_usd)} USD/h"
    if resource.price and count not in (None, 1) and resource.price.usd_per_hour * count == hourly_usd:
        shown = f"{_plain(resource.price.usd_per_hour)} USD/h × {count}"
    hours = _hours(resource, config)
    stage = _stage(resource, config)
    of = " to its deadline" if hours == _deadline(resource) else f" of {stage}" if stage else ""
    return f"{shown} × {_plain(hours)} h{of}"


def _sources(resource: Resource) -> str:
    price = resource.price
    if price is None:
        return "its price was given without a source"
    note = f", {price.note}" if price.note else ""
    return f"{price.instance_type} in {price.region}, {price.source}, as of {price.as_of}{note}"


def _plain(number: Decimal) -> str:
    """Without trailing zeros, never in exponents: 12.5, 730, 55.04."""
    return f"{number.normalize():f}"
