"""The two platform plans against expectations written by hand, compared whole."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from governor import library
from governor.catalog.prices import PriceBook
from governor.config import Settings
from governor.judge import judge
from governor.model import Verdict
from governor.reports import Options, render
from governor.settle import settle
from governor.sources import terraform_plan

EXPECTATIONS = Path(__file__).parent / "expectations"
TODAY = date(2026, 8, 1)


def verdict_on(plan: Path) -> Verdict:
    """The shipped library on a plan, with default settings."""
    loaded = library.load([library.builtin()])
    inventory = terraform_plan.collect(plan.read_bytes(), place=plan.name, prices=PriceBook.shipped())
    levels = {policy.id: Settings().level(policy, "plan") for policy in loaded.policies}
    return settle(judge(inventory, loaded.evaluators, TODAY), inventory, levels=levels, today=TODAY)


def flattened(expected: dict[str, list[dict[str, list[str]]]]) -> set[tuple[str, str, str]]:
    return {
        (policy, resource, attribute)
        for policy, groups in expected.items()
        for group in groups
        for resource in group["resources"]
        for attribute in group["attributes"]
    }


@pytest.mark.parametrize("name", ["platform", "platform_v2"])
def test_a_platform_plan_is_judged_as_expected(name: str, shared: Path) -> None:
    expected: dict[str, Any] = yaml.safe_load((EXPECTATIONS / f"{name}.yaml").read_text("utf-8"))
    verdict = verdict_on(shared / "plans" / name / "plan.json")
    for state, findings in (("open", verdict.open), ("undetermined", verdict.undetermined)):
        found = [(f.policy, f.resource, f.attribute) for f in findings]
        assert len(found) == len(set(found))
        assert set(found) == flattened(expected[state]), state
    assert verdict.not_covered == expected["not_covered"]
    assert verdict.resources == expected["resources"]
    assert (verdict.gaps, verdict.failures, verdict.exit_code) == ((), [], 1)


@pytest.mark.parametrize("name", ["platform", "platform_v2"])
def test_no_report_holds_the_key_of_a_platform_plan(name: str, shared: Path) -> None:
    plan = shared / "plans" / name / "plan.json"
    key = json.loads(plan.read_bytes())["variables"]["openai_api_key"]["value"]
    verdict = verdict_on(plan)
    for format in ("table", "json", "sarif", "markdown"):
        text = render(format, verdict, Options(width=200, verbose=True))
        assert "OPENAI_API_KEY" in text
        assert key not in text
        assert key.partition("NOTAREALKEY")[2] not in text
