"""Resources before and after a change in; what each project is expected to cost in a month out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from governor import library
from governor.catalog.prices import PriceBook
from governor.judge import judge
from governor.model import Accelerator, Change, Inventory, Resource, Spending
from governor.sources import terraform_plan
from governor.spending import spending

ROOT = Path(__file__).parents[2]
BUDGETS = {
    "hours": {"default": 730, "fine-tuning": 160},
    "always_on": ["volume"],
    "projects": {"atlas": {"monthly_usd": 2000}, "idle": {"monthly_usd": 10.5}},
    "shares": {"warn": 0.8, "hard": 1.0},
}


def resource(
    project: str | None = "atlas", change: Change = "none", now: object = None, was: object = None, **facts: Any
) -> Resource:
    tags = {"project": project} if project else {}
    return Resource(
        **{"id": "r", "kind": "compute_instance", "type": "aws_instance", "provider": "aws", "tags": tags} | facts,
        change=change,
        hourly_usd=None if now is None else Decimal(str(now)),
        previous_hourly_usd=None if was is None else Decimal(str(was)),
    )


def reckon(
    *resources: Resource, removed: tuple[Resource, ...] = (), **more: Any
) -> dict[str, tuple[float, float, int, int]]:
    """Project → before, after, unpriced before, unpriced after."""
    inventory = Inventory(stage="plan", resources=resources, removed=removed, **more)
    return {
        one.project: (float(one.before_usd), float(one.after_usd), one.unpriced_before, one.unpriced_after)
        for one in spending(inventory, BUDGETS)
        if one.project != "idle"
    }


@pytest.mark.parametrize(
    ("change", "now", "was", "before", "after"),
    [
        ("none", 2, None, 1460, 1460),
        ("create", 2, None, 0, 1460),
        ("update", 3, 2, 1460, 2190),
        ("replace", 1, 2, 1460, 730),
        ("import", 2, 2, 1460, 1460),
    ],
)
def test_what_a_change_does(change: Change, now: int, was: int | None, before: int, after: int) -> None:
    assert reckon(resource(change=change, now=now, was=was)) == {"atlas": (before, after, 0, 0)}


def test_what_goes_and_what_is_only_forgotten() -> None:
    gone = resource(change="delete", was=2)
    forgotten = resource("vision", change="forget", was=1)
    assert reckon(removed=(gone, forgotten)) == {"atlas": (1460, 0, 0, 0), "vision": (730, 730, 0, 0)}


def test_hours_follow_the_stage() -> None:
    tuned = resource(now=1, tags={"project": "atlas", "stage": "fine-tuning"})
    disk = resource(now=1, kind="volume", tags={"project": "atlas", "stage": "fine-tuning"})
    odd = resource(now=1, tags={"project": "atlas", "stage": "default"})
    assert reckon(tuned, disk, odd)["atlas"][1] == 160 + 730 + 730


def test_what_has_no_price_is_counted_where_it_costs_something() -> None:
    gpu = Accelerator(model="H200")
    assert reckon(resource(accelerator=gpu)) == {"atlas": (0, 0, 1, 1)}
    assert reckon(resource(change="create", accelerator=gpu)) == {"atlas": (0, 0, 0, 1)}
    assert reckon(resource(change="update", unknown={"hourly_usd": "no row"}, was=1)) == {"atlas": (730, 0, 0, 1)}
    assert reckon(resource(), resource(accelerator=gpu, count=0)) == {"atlas": (0, 0, 0, 0)}, "a web server is no gap"


def test_no_project_is_not_a_project_nobody_knows() -> None:
    secret = resource(None, now=1, tags={"project": "(sensitive)"}, unknown={"tags.project": "sensitive"})
    later = resource(None, now=2, unknown={"tags": "known after apply"})
    costs = reckon(resource(None, now=4), secret, later, resource("s3cret", now=8), secrets=("s3cret",))
    assert {name: after for name, (_, after, *_) in costs.items() if after} == {
        "(sensitive)": 9 * 730,
        "": 4 * 730,
        "(not known)": 2 * 730,
    }


def test_dearest_first_and_every_budget_is_named() -> None:
    resources = (resource("vision", now=1), resource("atlas", now=3))
    assert spending(Inventory(stage="plan", resources=resources), BUDGETS) == [
        Spending(project="atlas", before_usd=Decimal(2190), after_usd=Decimal(2190), budget_usd=Decimal(2000)),
        Spending(project="vision", before_usd=Decimal(730), after_usd=Decimal(730)),
        Spending(project="idle", before_usd=Decimal(0), after_usd=Decimal(0), budget_usd=Decimal("10.5")),
    ]


def test_without_the_concern_a_month_is_730_hours() -> None:
    (only,) = spending(Inventory(stage="plan", resources=(resource(now=1),)))
    assert (only.after_usd, only.budget_usd) == (730, None)


def test_it_agrees_with_the_policy_that_judges_budgets() -> None:
    """BUD002 names each project's month once any budget is too small for it: the same sums, the same lower bounds."""
    data = (ROOT / "examples" / "plan.json").read_bytes()
    inventory = terraform_plan.collect(
        data, place="plan.json", prices=PriceBook.shipped(), locator=None, keep_document=False
    )
    projects = {tag for each in inventory.resources if (tag := each.tags.get("project"))}
    overlay = {"budgets": {"projects": {name: {"monthly_usd": 0.01} for name in projects}}}
    loaded = library.load([library.builtin()], overlay=overlay, only=["budgets"])
    judgement = judge(inventory, loaded.evaluators, date(2026, 8, 1))

    said = {
        finding.project: (Decimal(finding.details["monthly_usd"]), finding.details["unpriced"])
        for finding in judgement.findings
        if finding.policy == "BUD002" and finding.kind == "scope"
    }
    reckoned = {
        one.project: (one.after_usd, one.unpriced_after)
        for one in spending(inventory, loaded.concerns["budgets"].config)
        if one.project in projects
    }
    assert said == reckoned
    assert len(said) >= 3
    assert any(unpriced for _, unpriced in said.values())
