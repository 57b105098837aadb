"""What explain claims is verified: every value it gives ends the finding in the whole inventory, too."""

from __future__ import annotations

from msgspec.structs import replace

from core.policy_folders import TODAY
from governor import library
from governor.config import Settings
from governor.explain import Case, explain
from governor.explain.tried import MOST_EVALUATIONS, changed
from governor.judge import judge
from governor.settle import settle
from sources.terraform_plan.plans import PROJECT, of_plan


def test_every_value_that_is_given_ends_its_finding() -> None:
    inventory = of_plan("example")
    loaded = library.load([library.builtin(), PROJECT / "examples" / "policies"])
    levels = {policy.id: Settings().level(policy, "plan") for policy in loaded.policies}
    verdict = settle(judge(inventory, loaded.evaluators, TODAY), inventory, levels=levels, today=TODAY)
    policies = {policy.id: policy for policy in loaded.policies}
    resources = {resource.id: resource for resource in inventory.resources}
    pairs = {(f.policy, f.resource) for f in [*verdict.open, *verdict.undetermined] if f.resource in resources}
    values = 0
    for id, address in sorted(pairs):
        told = explain(
            policies[id],
            address,
            Case(inventory=inventory, library=loaded, verdict=verdict, today=TODAY),
            level="deny",
            level_from="",
            provenance={},
            exemption_places={},
        )
        assert told.trial.evaluations <= MOST_EVALUATIONS
        for attempt in told.trial.attempts:
            for value in attempt.values:
                after = changed(resources[address], attempt.attribute, value.value)
                assert after is not None
                plan = tuple(after if resource.id == address else resource for resource in inventory.resources)
                found = judge(replace(inventory, resources=plan), loaded.evaluators, TODAY).findings
                assert (id, address, attempt.attribute) not in {(f.policy, f.resource, f.attribute) for f in found}
                values += 1
    assert values > 50
