"""Cases of microsoft/regorus (MIT), as they lie in ../shared: whole rules on whole resources, in both semantics.

Where a case rests on a choice of regorus' own that Microsoft's documentation does not share, its `flags` say so, and
`FLAGGED` tells why the documented answer may differ. Everything else has to be right in both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from governor.azure_model import ArmResource, Unknown
from governor.catalog.azure_aliases import Aliases, from_providers
from governor.errors import Refusal
from governor.languages.azure_policy import syntax
from governor.languages.azure_policy.assignments import changes, effect_of, wanted
from governor.languages.azure_policy.compiler import Compiler
from governor.languages.azure_policy.operators import Doubt, Semantics
from governor.languages.azure_policy.subject import Subject, Surroundings
from governor.languages.azure_policy.syntax import PolicyError
from governor.languages.azure_policy.values import Binding
from governor.sources.azure import exports

FLAGGED = {
    "adddays-output-format": "addDays writes seven digits of a second; regorus keeps those it is given",
    "full-unicode-case-fold": "ß and SS are two texts for .NET's comparison without case; regorus folds by Unicode",
    "function-not-allowed-by-docs": "dateTimeAdd, dateTimeFromEpoch and dateTimeToEpoch are not allowed in rules",
    "missing-array-implicit-allof": "a missing array is an empty collection, of which everything holds",
    "needs-alias-metadata": "what cannot be modified goes by conflictEffect; regorus refuses the rule",
    "null-operator-value": "a comparison with null fails; regorus takes null for what is missing",
    "numeric-equality-vs-string-coercion": "values are compared as strings: 42.0 is not 42",
    "ordering-type-mismatch-or-null": "ordering a string by a number fails; regorus coerces, or says no",
    "regorus-coerces-contains": "the template function contains is strict about its types",
    "resource-not-arm-shape": "the resource has not the shape of Resource Manager: values lie where no alias points",
    "static-compile-check": "guid and uniqueString are allowed; regorus refuses the rule",
    "versioned-element-path-in-count": "the path of the resource's API version holds for elements, too",
}
"""Flag → why the documentation answers otherwise, or may."""


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Mapping[str, Any]]:
    with (shared / "samples" / "azure" / "conformance_shared.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def aliases(shared: Path) -> dict[str, Aliases]:
    folder = shared / "samples" / "azure"
    names = ("test_aliases.json", "versioned_aliases.json")
    return {name: from_providers(json.loads((folder / name).read_text("utf-8"))) for name in names}


def answer(case: Mapping[str, Any], aliases: Mapping[str, Aliases], semantics: Semantics) -> str:
    """The effect of a rule, lower-case; or noEffect, parseError, compileError, error, unknown."""
    written = case.get("policyRule")
    declared: Mapping[str, Any] = {}
    if written is None:
        properties = case["policyDefinition"].get("properties", case["policyDefinition"])
        declared, written = properties.get("parameters") or {}, properties.get("policyRule")
    try:
        rule = syntax.rule(written)
    except PolicyError:
        return "parseError"
    if case["suite"] == "parse":
        return "accepted"
    context = case["context"]
    defaults = {name.lower(): one["defaultValue"] for name, one in declared.items() if "defaultValue" in one}
    parameters = {**defaults, **{name.lower(): value for name, value in case["parameters"].items()}}
    now = datetime.fromisoformat(context["utcNow"]) if "utcNow" in context else None
    binding = Binding(parameters, context.get("policy", {}), now)
    compiler = Compiler(aliases.get(case["aliases"]), semantics)
    try:
        values = compiler.values(binding)
        effect = effect_of(values, rule)
        compiled = compiler.compile(rule, binding)
        related = wanted(compiler, values, rule, binding)
        list(changes(compiler, values, rule, compiled))
    except PolicyError:
        return "compileError"
    body = case["resource"]
    version = case.get("apiVersion") or context.get("requestContext", {}).get("apiVersion", "")
    around = Surroundings(
        context.get("resourceGroup", Unknown("no group")), context.get("subscription", Unknown("no subscription"))
    )
    resource = ArmResource(id=body.get("id", ""), type=body.get("type", ""), body=body, api_version=version)
    subject = Subject(resource, compiler.slots, around)
    held = compiled.check(subject)
    if isinstance(held, Doubt):
        return "error" if held.error else "unknown"
    if held is False or effect == "disabled":
        return "noEffect"
    if effect in ("auditifnotexists", "deployifnotexists"):
        for found in case.get("relatedResources", ()):
            if (other := found["response"]) is not None:
                assert related is not None
                kind = other.get("type") or related.type(subject)
                candidate = Subject(ArmResource(id="", type=kind, body=other), compiler.slots, around)
                candidate.primary = subject
                if related.check is None or related.check(candidate) is True:
                    return "noEffect"
    return effect


def expected(case: Mapping[str, Any]) -> set[str]:
    """What answers are right."""
    told = case["expected"]
    if told["kind"] == "effect":
        return {told["effect"].lower()}
    # An accepted rule has either answer; which, the case does not say.
    return {"accepted", "noEffect", *map(str.lower, syntax.EFFECTS)} if told["kind"] == "accepted" else {told["kind"]}


def read_by_files(case: Mapping[str, Any]) -> bool:
    """Whether a case is about the file around the rule: its duplicate keys are found by the readers of exports."""
    return case["suite"] == "parse" and case["category"] == "parser" and case["parseLevel"] == "policy_definition"


def test_every_case_without_a_flag_is_right_by_the_documentation(
    cases: list[Mapping[str, Any]], aliases: Mapping[str, Aliases]
) -> None:
    asked = [case for case in cases if not case.get("flags") and not read_by_files(case)]
    wrong = {case["id"]: got for case in asked if (got := answer(case, aliases, "documented")) not in expected(case)}
    assert wrong == {}
    assert len(asked) > 590


def test_every_case_is_right_as_regorus_has_it(cases: list[Mapping[str, Any]], aliases: Mapping[str, Aliases]) -> None:
    asked = [case for case in cases if not read_by_files(case)]
    wrong = {case["id"]: got for case in asked if (got := answer(case, aliases, "regorus")) not in expected(case)}
    assert wrong == {}
    assert len(asked) > 640


def test_the_file_around_a_rule_is_read_strictly(cases: list[Mapping[str, Any]], tmp_path: Path) -> None:
    asked = [case for case in cases if read_by_files(case)]
    file = tmp_path / "policy.json"
    for case in asked:
        file.write_text(case.get("policyText") or json.dumps(case["policyDefinition"]), "utf-8")
        try:
            complaints = [gap.reason for gap in exports.read([file]).gaps]
        except Refusal as refusal:
            complaints = [refusal.message]
        assert bool(complaints) is (case["expected"]["kind"] == "parseError"), (case["id"], complaints)
    assert len(asked) == 4


def test_every_flag_has_its_reason_and_shows(cases: list[Mapping[str, Any]], aliases: Mapping[str, Aliases]) -> None:
    flags = Counter(flag for case in cases for flag in case.get("flags", ()))
    assert set(flags) == set(FLAGGED)
    differ = [
        case["id"] for case in cases if case.get("flags") and answer(case, aliases, "documented") not in expected(case)
    ]
    assert 0 < len(differ) < sum(flags.values())
