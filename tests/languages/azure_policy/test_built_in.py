"""Microsoft's own definitions, all of them, on resources of the types they are about."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from governor.azure_model import Definition
from governor.catalog.azure_aliases import shipped
from governor.languages.azure_policy.evaluation import Evaluation, Policies
from languages.azure_policy.worlds import NOW

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))
import azure_estate


@pytest.fixture(scope="module")
def definitions(shared: Path) -> list[Definition]:
    return azure_estate.definitions(shared / "samples" / "azure" / "builtin_definitions.jsonl.gz")


def test_every_one_compiles_and_says_what_it_needs(definitions: list[Definition]) -> None:
    policies = Policies(azure_estate.export(definitions), shipped(), NOW)
    assert policies.problems == []
    assert len(policies.assigned) == len(definitions) == 3_117

    estate = azure_estate.estate(2_000, shipped())
    states: Counter[str] = Counter()
    for _, results in Evaluation(policies, estate).results():
        for _, result in results:
            states[result.state] += 1
            assert result.reason or result.state not in ("Unknown", "Error"), result
    assert set(states) == {"NonCompliant", "Compliant", "Unknown", "Error"}
    assert states["Error"] < states["Compliant"]


def test_the_two_semantics_differ_on_few_answers(definitions: list[Definition]) -> None:
    estate = azure_estate.estate(200, shipped())
    answers = [
        {
            (resource.id, result.definition): result.state
            for resource, results in Evaluation(Policies(export, shipped(), NOW, semantics), estate).results()
            for _, result in results
        }
        for export in (azure_estate.export(definitions),)
        for semantics in ("documented", "regorus")
    ]
    documented, regorus = answers
    differ = sum(documented[key] != regorus.get(key) for key in documented)
    assert 0 < differ < len(documented) / 10


def test_answers_do_not_depend_on_what_else_is_asked(definitions: list[Definition]) -> None:
    """Conditions are shared among rules, and answered once: alone, each rule says the same."""
    estate = azure_estate.estate(26, shipped())
    chosen = definitions[::40]
    together = {
        (resource.id, result.definition): result
        for resource, results in Evaluation(
            Policies(azure_estate.export(definitions), shipped(), NOW), estate
        ).results()
        for _, result in results
    }
    for one in chosen:
        alone = Policies(azure_estate.export([one]), shipped(), NOW)
        for resource, results in Evaluation(alone, estate).results():
            for _, result in results:
                assert result == together[resource.id, one.id]
