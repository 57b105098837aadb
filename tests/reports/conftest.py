"""One verdict, made by `settle()` from real model objects, that every report is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from governor.model import (
    Baseline,
    Exemption,
    Failure,
    Finding,
    Gap,
    Inventory,
    Judgement,
    Known,
    Origin,
    Past,
    Policy,
    Resource,
    Shard,
    Spending,
    Tagged,
    Verdict,
)
from governor.settle import settle

TODAY = date(2026, 3, 2)
GOLDEN = Path(__file__).with_name("golden")

TAG = Policy(
    id="TAG001",
    title="Paid resources carry the tags that bill them",
    description="Spend without an owner cannot be billed, questioned or stopped.",
    severity="high",
    concern="tagging",
    remediation="add the tags to the resource, or to default_tags of its provider",
    references=("https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html",),
    together="lacks {count} tags: {names}",
    language="rego",
    location="policies/tagging/tagging.rego:12",
)
BUDGET = Policy(
    id="BUD001",
    title="A resource stays inside its own limit",
    severity="critical",
    concern="budgets",
    remediation="take a smaller type, fewer instances, or ask the budget's owner for a higher limit",
    location="policies/budgets/budgets.py:30",
)
REGION = Policy(
    id="RES001",
    title="AI data stays in the regions its classification allows",
    severity="critical",
    concern="residency",
    remediation="move the bucket or endpoint to an allowed region",
)
KEY = Policy(id="KEY002", title="API keys are rotated every 90 days", severity="medium", concern="keys")
SPOT = Policy(
    id="BUD004",
    title="Training that can restart runs on spot",
    severity="low",
    concern="budgets",
    remediation="set market_type to spot, or tag it restartable = no",
)
BROKEN = Policy(id="BUD009", title="Forecast stays under the monthly budget", severity="high", concern="budgets")
LEVELS = {"TAG001": "deny", "BUD001": "deny", "RES001": "deny", "KEY002": "warn", "BUD004": "note", "BUD009": "deny"}

TEAM = Origin("modules/team/main.tf", 12, "envs/prod/main.tf:40")
LONG = (
    'module.platform["research-and-development"].module.training_cluster["eu-central-1"]'
    '.aws_sagemaker_notebook_instance.experiment["multi modal | stage-2"]'
)
RESOURCES = {
    "aws_instance.a": ("compute_instance", "12.24", Origin("main.tf", 3)),
    'module.team["vis.1"].aws_instance.dev[0]': ("compute_instance", "98.32", TEAM),
    'module.team["vis.1"].aws_instance.dev[1]': ("compute_instance", "98.32", TEAM),
    LONG: ("notebook", "7.09", Origin("modules/platform/research/notebooks.tf", 118, "envs/prod/platform.tf:7")),
    "aws_s3_bucket.training_data": ("bucket", None, Origin("data.tf", 21)),
    "aws_sagemaker_endpoint_configuration.chat": ("model_endpoint", "40.96", Origin("serving.tf", 5)),
    "aws_autoscaling_group.workers": ("compute_group", "61.20", Origin("workers.tf", 1)),
    "aws_instance.legacy": ("compute_instance", "2.87", Origin("legacy.tf", 9)),
    "key_9f31": ("api_key", None, None),
}

BELONGS = {
    "aws_instance.a": ("nlp", ""),
    'module.team["vis.1"].aws_instance.dev[1]': ("vision", "defect <b>vision</b>"),
    "aws_s3_bucket.training_data": ("nlp", "atlas"),
    "aws_sagemaker_endpoint_configuration.chat": ("nlp", "(sensitive)"),
    "aws_autoscaling_group.workers": ("(not known)", "(not known)"),
}
"""Resource → owner and project; the others have neither."""
SPENDING = (
    Spending(project="atlas", before_usd=Decimal(9_500), after_usd=Decimal("12400.50"), budget_usd=Decimal(12_000)),
    Spending(project="", before_usd=Decimal(8_000), after_usd=Decimal("7_200.40"), unpriced_after=2),
    Spending(
        project="defect <b>vision</b>", before_usd=Decimal(500), after_usd=Decimal(500), budget_usd=Decimal(2_000)
    ),
    Spending(project="paused", before_usd=Decimal(0), after_usd=Decimal(0), budget_usd=Decimal(0)),
)


def finding(policy: Policy, resource: str, attribute: str, says: str, **more: Any) -> Finding:
    kind, price, origin = RESOURCES[resource]
    owner, project = BELONGS.get(resource, ("", ""))
    return Finding(
        policy=policy.id,
        resource=resource,
        kind=kind,
        attribute=attribute,
        msg=f"{resource} {says}",
        hourly_usd=Decimal(price) if price else None,
        origin=origin,
        owner=owner,
        project=project,
        **more,
    )


def lacks(resource: str, *tags: str, **more: Any) -> list[Finding]:
    return [
        finding(TAG, resource, f"tags.{tag}", f'lacks the tag "{tag}"', details={"tag": tag}, **more) for tag in tags
    ]


@pytest.fixture
def verdict() -> Verdict:
    """Something of everything: what a large organisation's change looks like on a bad day."""
    first, second = (name for name in RESOURCES if name.startswith("module.team"))
    findings = [
        *lacks("aws_instance.a", "project"),
        *lacks(first, "project", "owner", "cost.center"),
        *lacks(LONG, "project", "owner"),
        *lacks("aws_instance.legacy", "owner"),
        *lacks(
            "aws_autoscaling_group.workers",
            "project",
            "owner",
            reason="the tags come from a module that is only known after apply",
        ),
        finding(BUDGET, first, "hourly_usd", "costs $98.32 per hour, its limit is $50.00", details={"limit_usd": 50}),
        finding(BUDGET, second, "hourly_usd", "costs $98.32 per hour, its limit is $50.00", details={"limit_usd": 50}),
        finding(
            REGION,
            "aws_s3_bucket.training_data",
            "region",
            'holds "confidential" data in us-east-1; allowed: eu-central-1, eu-west-1',
        ),
        finding(
            REGION,
            "aws_sagemaker_endpoint_configuration.chat",
            "region",
            "serves from us-east-1",
            reason="known only after apply",
        ),
        finding(KEY, "key_9f31", "created_at", "was made 212 days ago, 122 days too long", standing="quarantined"),
        finding(SPOT, "aws_autoscaling_group.workers", "purchase", "runs on demand"),
        finding(SPOT, "aws_instance.a", "purchase", "runs on demand"),
    ]
    waiver = Exemption(
        policy="TAG*",
        resource="aws_instance.legacy",
        category="waiver",
        reason="goes away with the old cluster",
        owner="platform@example.com",
        approved_by="finops@example.com",
        expires=date(2026, 6, 30),
        ticket="FIN-311",
    )
    lapsed = Exemption(
        policy="BUD001",
        resource="module.team*",
        category="mitigated",
        reason="launch week",
        owner="vision@example.com",
        approved_by="finops@example.com",
        expires=date(2026, 2, 28),
    )
    stale = Exemption(
        policy="KEY*",
        resource="key_0000",
        category="waiver",
        reason="vendor migration",
        owner="ml@example.com",
        approved_by="security@example.com",
        expires=date(2026, 12, 31),
    )
    inventory = Inventory(
        stage="plan",
        source="terraform plan plan.json (Terraform 1.11.4)",
        resources=tuple(
            Resource(
                id=name,
                kind=kind,
                type=kind,
                provider="aws",
                hourly_usd=Decimal(price) if price else None,
                origin=origin,
            )
            for name, (kind, price, origin) in RESOURCES.items()
        ),
        gaps=(Gap("module.legacy", "the module's source could not be resolved"),),
        shards=(Shard(place="123456789012/us-east-1/keys", standing="quarantined", resources=1, tagged=0, untagged=1),),
        not_covered={f"aws_type_{n}": n for n in range(1, 9)},
        notes=("prices of 2026-02-01, on demand, without discounts",),
    )
    failures = [Failure("BUD009", "", "budgets.py:88: KeyError: 'monthly_usd'")]
    judgement = Judgement(findings, failures, [TAG, BUDGET, REGION, KEY, SPOT, BROKEN])
    known = [Known("BUD004", "aws_instance.a", "purchase"), Known("RES001", "aws_instance.a", "region", TODAY)]
    return settle(
        judgement,
        inventory,
        levels=LEVELS,
        today=TODAY,
        exemptions=[waiver, lapsed, stale],
        baseline=Baseline("main (1f0c2ab4)", known),
        spending=SPENDING,
    )


@pytest.fixture
def judged() -> Callable[..., Verdict]:
    """A verdict of these findings by these policies, all at level deny."""

    def build(findings: list[Finding], *policies: Policy, **more: Any) -> Verdict:
        inventory = Inventory(stage="plan", resources=(), source="terraform plan plan.json")
        levels = {policy.id: "deny" for policy in policies}
        return settle(Judgement(findings, [], policies), inventory, levels=levels, today=TODAY, **more)

    return build


@pytest.fixture
def clean() -> Verdict:
    """A change that breaks nothing."""
    bucket = Resource(id="aws_s3_bucket.a", kind="bucket", type="aws_s3_bucket", provider="aws")
    inventory = Inventory(stage="plan", source="terraform plan plan.json", resources=(bucket,))
    return settle(Judgement([], [], [TAG]), inventory, levels=LEVELS, today=TODAY)


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with its golden file; UPDATE_GOLDEN=1 rewrites the file."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def live(verdict: Verdict) -> Verdict:
    """The same of what runs, with days before it, and with what carries tags."""
    places = [("111122223333", "us-east-1"), ("444455556666", "eu-west-1"), ("", "")]
    found = [
        structs.replace(finding, account=account, region=region)
        for finding, (account, region) in zip(verdict.open, places * len(verdict.open), strict=False)
    ]
    days = [(28, 4, 250), (19, 6, 310), (3, 9, 420), (2, 8, 400), (0, 50, 5_000)]
    return structs.replace(
        verdict,
        stage="live",
        source="AWS, account 111122223333",
        open=found,
        tagged=Tagged(
            month="",
            usd=Decimal(400),
            shares={"project": Decimal("0.805"), "owner-team": Decimal("0.333")},
            tagged=Decimal("0.91"),
        ),
        trend=[
            Past(day=TODAY - timedelta(days=ago), open=open_, undetermined=1, at_stake_usd=Decimal(usd))
            for ago, open_, usd in days
        ],
    )
